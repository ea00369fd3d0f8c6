//! Which targets serve a model, and the list of models that clients see.
//!
//! A target serves what the operator declared for it, what its vendor listed, and what its row
//! claims. Only where nobody is known to own a model do targets that take any model come in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use providers::{Claim, Surface};
use serde::Serialize;

use crate::discovery::{Found, Listed};
use crate::target::Target;

/// A target considered for one call.
#[derive(Clone)]
pub struct Candidate {
    /// Where the call would go.
    pub target: Arc<Target>,
    /// The target's own name of the model.
    pub model: Arc<str>,
    /// Whether the model is known to be the target's; one that is only tried may not exist.
    pub owned: bool,
}

/// Who serves what, for one configuration and what vendors have listed so far.
pub struct Directory {
    targets: Vec<Arc<Target>>,
    owners: HashMap<Box<str>, Vec<(usize, Arc<str>)>>,
    list: Bytes,
    /// What clients are shown of each model, in the order of the list.
    entries: Vec<(Box<str>, Bytes)>,
    /// Where a model stands in it.
    places: HashMap<Box<str>, usize>,
    /// How many models each target is known to serve.
    counts: Vec<usize>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_owner: Option<&'a str>,
}

impl Directory {
    /// The directory of these targets, in their order.
    pub fn build(targets: Vec<Arc<Target>>, found: &Found) -> Directory {
        let mut owners: HashMap<Box<str>, Vec<(usize, Arc<str>)>> = HashMap::new();
        for (number, target) in targets.iter().enumerate() {
            let listed = found.of(target).filter(|_| target.lists_what_it_serves());
            let listed = listed
                .into_iter()
                .flatten()
                .map(|model| (&*model.id, &*model.id));
            let mut seen = HashSet::new();
            for (asked, own) in target
                .models
                .iter()
                .map(|(asked, own)| (&**asked, &**own))
                .chain(listed)
            {
                if seen.insert(asked) {
                    owners
                        .entry(asked.into())
                        .or_default()
                        .push((number, own.into()));
                }
            }
        }
        let shown = advertised(&targets, found);
        let entries: Vec<(Box<str>, Bytes)> = shown
            .iter()
            .map(|entry| (entry.id.into(), json(entry)))
            .collect();
        let list = list_of(entries.iter().map(|(_, entry)| entry));
        let places = entries
            .iter()
            .enumerate()
            .map(|(place, (id, _))| (id.clone(), place))
            .collect();
        let mut counts = vec![0; targets.len()];
        for (number, _) in owners.values().flatten() {
            counts[*number] += 1;
        }
        Directory {
            targets,
            owners,
            list,
            entries,
            places,
            counts,
        }
    }

    /// The targets that can serve the model on the surface, in the order of the configuration.
    pub fn candidates(&self, model: &str, surface: Surface) -> Vec<Candidate> {
        let mut named: Vec<Option<Arc<str>>> = vec![None; self.targets.len()];
        for (number, own) in self.owners.get(model).into_iter().flatten() {
            named[*number] = Some(own.clone());
        }
        let owning = self.collect(model, surface, named, Claim::Owns);
        if !owning.is_empty() || self.owners.contains_key(model) {
            return owning;
        }
        self.collect(model, surface, vec![None; self.targets.len()], Claim::Open)
    }

    fn collect(
        &self,
        model: &str,
        surface: Surface,
        named: Vec<Option<Arc<str>>>,
        claim: Claim,
    ) -> Vec<Candidate> {
        let capable = self
            .targets
            .iter()
            .zip(named)
            .filter(|(target, _)| target.provider.serves(surface));
        capable
            .filter_map(|(target, own)| {
                let claimed = || (target.provider.claim(model) == claim).then(|| Arc::from(model));
                Some(Candidate {
                    target: target.clone(),
                    owned: own.is_some() || claim == Claim::Owns,
                    model: own.or_else(claimed)?,
                })
            })
            .collect()
    }

    /// Whether no target can be reached at all.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// How many models the target is known to serve.
    pub fn count(&self, target: &str) -> usize {
        let number = self.targets.iter().position(|known| *known.name == *target);
        number
            .and_then(|number| self.counts.get(number))
            .copied()
            .unwrap_or(0)
    }

    /// `GET /v1/models`.
    pub fn list(&self) -> Bytes {
        self.list.clone()
    }

    /// The same for a caller that may use only some.
    pub fn list_for(&self, may_use: impl Fn(&str) -> bool) -> Bytes {
        list_of(
            self.entries
                .iter()
                .filter(|(id, _)| may_use(id))
                .map(|(_, entry)| entry),
        )
    }

    /// `GET /v1/models/{id}`: from the list, or made for a model that a target serves unlisted.
    pub fn entry(&self, model: &str) -> Option<Bytes> {
        if let Some((_, entry)) = self
            .places
            .get(model)
            .and_then(|place| self.entries.get(*place))
        {
            return Some(entry.clone());
        }
        let candidates = self.candidates(model, Surface::Chat);
        let target = &candidates.first()?.target;
        let claims = target.provider.claim(model) == Claim::Owns;
        claims.then(|| json(&entry(model, target, None)))
    }
}

/// The list around these entries.
fn list_of<'a>(entries: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut list = b"{\"object\":\"list\",\"data\":[".to_vec();
    for (number, entry) in entries.enumerate() {
        if number > 0 {
            list.push(b',');
        }
        list.extend_from_slice(entry);
    }
    list.extend_from_slice(b"]}");
    list.into()
}

/// What clients are shown: what the vendor lists and what the operator declared; first target wins.
fn advertised<'a>(targets: &'a [Arc<Target>], found: &'a Found) -> Vec<Entry<'a>> {
    let mut seen = HashSet::new();
    let mut data = Vec::new();
    for target in targets {
        let listed = found.of(target).filter(|_| target.lists_what_it_serves());
        for model in listed.into_iter().flatten() {
            if seen.insert(&*model.id) {
                data.push(entry(&model.id, target, Some(model)));
            }
        }
        for (asked, _) in &target.models {
            if seen.insert(&**asked) {
                data.push(entry(asked, target, None));
            }
        }
    }
    data
}

fn entry<'a>(id: &'a str, target: &'a Target, listed: Option<&'a Listed>) -> Entry<'a> {
    Entry {
        id,
        object: "model",
        created: listed.map_or(0, |model| model.created),
        owned_by: &target.provider.id,
        context_window: listed.and_then(|model| model.context_window),
        upstream_owner: listed.and_then(|model| model.owner.as_deref()),
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}
