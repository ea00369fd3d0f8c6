//! The list of models that clients see.
//!
//! What vendors list and operators declare, in the order of the targets, each id once; of these,
//! what the strategies can lead a call to. It is made once per configuration and round of discovery.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::discovery::{Found, Listed};
use crate::routing::Routing;
use crate::target::Target;

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
    context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_owner: Option<&'a str>,
}

impl Listing {
    pub(super) fn build(targets: &[Arc<Target>], found: &Found, routing: &Routing) -> Listing {
        let shown = advertised(targets, found, routing);
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
pub(super) fn unlisted(model: &str, target: &Target) -> Bytes {
    json(&entry(model, target, None))
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
fn advertised<'a>(
    targets: &'a [Arc<Target>],
    found: &'a Found,
    routing: &Routing,
) -> Vec<Entry<'a>> {
    let mut seen = HashSet::new();
    let mut data = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        let listed = found.of(target).filter(|_| target.lists_what_it_serves());
        let listed = listed.into_iter().flatten();
        let listed = listed.map(|model| (&*model.id, Some(model)));
        let declared = target.models.exact().map(|(asked, _)| (asked, None));
        for (id, model) in listed.chain(declared) {
            if !seen.contains(id) && routing.reaches(id, number) {
                seen.insert(id);
                data.push(entry(id, target, model));
            }
        }
    }
    data
}

fn entry<'a>(id: &'a str, target: &'a Target, listed: Option<&'a Listed>) -> Entry<'a> {
    let own = target.models.exact().find(|(asked, _)| *asked == id);
    let offer = own.and_then(|(_, own)| target.models.offer(own));
    Entry {
        id,
        object: "model",
        created: listed.map_or(0, |model| model.created),
        owned_by: &target.provider.id,
        context_window: offer
            .and_then(|offer| offer.context_window)
            .or(listed.and_then(|model| model.context_window)),
        max_output_tokens: offer.and_then(|offer| offer.max_output_tokens),
        upstream_owner: listed.and_then(|model| model.owner.as_deref()),
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}
