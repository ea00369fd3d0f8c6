//! The list of models that clients see.
//!
//! What vendors list and operators declare, in the order of the targets, each id once; of these,
//! what the strategies can lead a call to. It is made once per configuration and round of discovery.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{Own, facts::Facts};
use super::{Owners, found as served};
use crate::discovery::{Found, Listed};
use crate::routing::Routing;
use crate::target::Target;
use crate::tariffs::Tariffs;

/// What the list is made of, besides what vendors list.
pub(super) struct Known<'a> {
    pub(super) targets: &'a [Arc<Target>],
    pub(super) owners: &'a Owners,
    pub(super) routing: &'a Routing,
    pub(super) tariffs: &'a Tariffs,
}

/// What clients are shown of each model.
pub(super) struct Listing {
    list: Bytes,
    entries: Vec<(Box<str>, Bytes)>,
    /// Where a model stands among them.
    places: HashMap<Box<str>, usize>,
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

impl Listing {
    pub(super) fn build(known: &Known<'_>, found: &Found) -> Listing {
        let shown = advertised(known, found);
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
        Listing {
            list,
            entries,
            places,
        }
    }

    pub(super) fn all(&self) -> Bytes {
        self.list.clone()
    }

    pub(super) fn only(&self, may_use: impl Fn(&str) -> bool) -> Bytes {
        list_of(
            self.entries
                .iter()
                .filter(|(id, _)| may_use(id))
                .map(|(_, entry)| entry),
        )
    }

    pub(super) fn entry(&self, model: &str) -> Option<Bytes> {
        let place = self.places.get(model)?;
        self.entries.get(*place).map(|(_, entry)| entry.clone())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(id, _)| &**id)
    }
}

/// What is shown of a model that a target serves unlisted.
pub(super) fn unlisted(model: &str, target: (usize, &Arc<Target>), known: &Known<'_>) -> Bytes {
    json(&known.entry(model, target, None))
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

/// What can be called, of the first target through which it can be.
fn advertised<'a>(known: &Known<'a>, found: &'a Found) -> Vec<Entry<'a>> {
    let mut seen = HashSet::new();
    let mut data = Vec::new();
    for (number, target) in known.targets.iter().enumerate() {
        let listed = found.of(target).filter(|_| target.lists_what_it_serves());
        let listed = listed.into_iter().flatten();
        let listed = listed.map(|model| (&*model.id, Some(model)));
        let declared = target.models.exact().map(|(asked, _)| (asked, None));
        for (id, model) in listed.chain(declared) {
            if !seen.contains(id) && known.routing.reaches(id, number) {
                seen.insert(id);
                data.push(known.entry(id, (number, target), model));
            }
        }
    }
    data
}

impl<'a> Known<'a> {
    fn entry(
        &self,
        id: &'a str,
        (number, target): (usize, &'a Arc<Target>),
        listed: Option<&'a Listed>,
    ) -> Entry<'a> {
        let owners = self.owners.get(id).map_or(&[][..], Vec::as_slice);
        let served = served(owners, number, target, id);
        let own = served.as_ref().map_or(id, |served| &served.model);
        let offer = target.models.offer(own);
        let context = offer
            .and_then(|offer| offer.context_window)
            .or(listed.and_then(|model| model.context_window));
        let longest = offer
            .and_then(|offer| offer.max_output_tokens)
            .or(listed.and_then(|model| model.max_output_tokens));
        let facts = Facts::of(self.tariffs, target, own).said(context, longest);
        Entry {
            id,
            object: "model",
            created: listed.map_or(0, |model| model.created),
            owned_by: &target.provider.id,
            upstream_owner: listed.and_then(|model| model.owner.as_deref()),
            facts,
            targets: self.serving(id, owners),
        }
    }

    /// The names of the targets that a model is known to belong to, and that calls can reach.
    fn serving(&self, id: &str, owners: &[(usize, Own)]) -> Vec<&'a str> {
        let targets = self.targets.iter().enumerate();
        let serving = targets.filter(|(number, target)| {
            let served = served(owners, *number, target, id);
            served.is_some_and(|served| served.close) && self.routing.reaches(id, *number)
        });
        serving.map(|(_, target)| &*target.name).collect()
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}
