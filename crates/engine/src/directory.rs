//! Which targets serve a model, and the list of models that clients see.
//!
//! A target serves what the operator declared for it, what its vendor listed, and what its row
//! claims. Only where nobody is known to own a model do targets that take any model come in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Day, Price};
use providers::{Claim, Surface};
use serde::Serialize;

use crate::discovery::{Found, Listed};
use crate::listing::Facts;
use crate::target::Target;
use crate::tariffs::Tariffs;

/// A target considered for one call.
#[derive(Clone)]
pub struct Candidate {
    /// Where the call would go.
    pub target: Arc<Target>,
    /// The target's own name of the model.
    pub model: Arc<str>,
    /// Whether the model is known to be the target's; one that is only tried may not exist.
    pub owned: bool,
    /// What the model costs there, if that is known.
    pub price: Option<Arc<Price>>,
}

/// By the name asked for: the numbers of targets, and their own names of the model.
type Owners = HashMap<Box<str>, Vec<(usize, Arc<str>)>>;

/// Who serves what, for one configuration and what vendors have listed so far.
pub struct Directory {
    targets: Vec<Arc<Target>>,
    tariffs: Tariffs,
    owners: Owners,
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
    upstream_owner: Option<&'a str>,
    #[serde(flatten)]
    facts: Facts,
    /// The targets that serve it.
    targets: Vec<&'a str>,
}

impl Directory {
    /// The directory of these targets, in their order.
    pub(crate) fn build(targets: Vec<Arc<Target>>, found: &Found, tariffs: Tariffs) -> Directory {
        let mut owners = Owners::new();
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
        let shown = advertised(&targets, found, &owners, &tariffs);
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
            tariffs,
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
                let owned = own.is_some() || claim == Claim::Owns;
                let model = own.or_else(claimed)?;
                Some(Candidate {
                    target: target.clone(),
                    owned,
                    price: self.tariffs.price(&target.provider_id, &model),
                    model,
                })
            })
            .collect()
    }

    /// The day whose prices count.
    pub(crate) fn day(&self) -> Day {
        self.tariffs.today()
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
        let made = || {
            let serving = serving(&self.targets, &self.owners, model);
            json(&entry(model, model, target, None, serving, &self.tariffs))
        };
        claims.then(made)
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
fn advertised<'a>(
    targets: &'a [Arc<Target>],
    found: &'a Found,
    owners: &Owners,
    tariffs: &Tariffs,
) -> Vec<Entry<'a>> {
    let mut seen = HashSet::new();
    let mut data = Vec::new();
    for target in targets {
        let listed = found.of(target).filter(|_| target.lists_what_it_serves());
        let listed = listed
            .into_iter()
            .flatten()
            .map(|model| (&*model.id, &*model.id, Some(model)));
        let declared = target
            .models
            .iter()
            .map(|(asked, own)| (&**asked, &**own, None));
        for (asked, own, listed) in listed.chain(declared) {
            if seen.insert(asked) {
                let serving = serving(targets, owners, asked);
                data.push(entry(asked, own, target, listed, serving, tariffs));
            }
        }
    }
    data
}

/// The names of the targets that a model is known to belong to.
fn serving<'a>(targets: &'a [Arc<Target>], owners: &Owners, model: &str) -> Vec<&'a str> {
    let named = owners.get(model).map_or(&[][..], Vec::as_slice);
    let serves = |number: usize, target: &Target| {
        named.iter().any(|(owner, _)| *owner == number)
            || target.provider.claim(model) == Claim::Owns
    };
    let targets = targets.iter().enumerate();
    targets
        .filter(|(number, target)| serves(*number, target))
        .map(|(_, target)| &*target.name)
        .collect()
}

fn entry<'a>(
    id: &'a str,
    own: &str,
    target: &'a Target,
    listed: Option<&'a Listed>,
    targets: Vec<&'a str>,
    tariffs: &Tariffs,
) -> Entry<'a> {
    let provider = &target.provider.id;
    let context = listed.and_then(|model| model.context_window);
    Entry {
        id,
        object: "model",
        created: listed.map_or(0, |model| model.created),
        owned_by: provider,
        upstream_owner: listed.and_then(|model| model.owner.as_deref()),
        facts: Facts::of(tariffs.catalog(), provider, own, context, tariffs.today()),
        targets,
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}
