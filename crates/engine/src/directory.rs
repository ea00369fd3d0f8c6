//! Which targets serve a model.
//!
//! A target serves what the operator declared for it, by name or by pattern, what its vendor
//! listed, and what its row claims. Where nobody does, `target/model` and `provider/model` say
//! where to go; only then do targets that take any model come in.

mod listing;
mod near;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use providers::{Claim, Surface};

use crate::discovery::Found;
use crate::routing::Routing;
use crate::target::Target;
use listing::Listing;

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

/// The targets that can serve one model on one surface, in the order of the configuration.
#[derive(Default)]
pub struct Serving {
    found: Vec<(usize, Option<Candidate>)>,
}

/// A model as it was asked for, read.
pub struct Sought<'a> {
    /// The model, without the target or provider that stood before it.
    pub model: &'a str,
    /// Whether one did.
    pub addressed: bool,
    /// Who can serve it.
    pub serving: Serving,
}

/// Who serves what, for one configuration and what vendors have listed so far.
pub struct Directory {
    targets: Arc<[Arc<Target>]>,
    owners: HashMap<Box<str>, Vec<(usize, Arc<str>)>>,
    listing: Listing,
    /// How many models each target is known to serve.
    counts: Vec<usize>,
    /// Whether any target can be reached.
    reaches_any: bool,
}

impl Serving {
    /// Whether nobody can.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many can.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// The candidate at the target of this number; it is given once.
    pub(crate) fn take(&mut self, number: usize) -> Option<Candidate> {
        let at = self
            .found
            .binary_search_by_key(&number, |(known, _)| *known)
            .ok()?;
        self.found[at].1.take()
    }
}

/// How a target comes to serve a model.
struct Match {
    model: Arc<str>,
    owned: bool,
    /// Said of this model, and not of any there may be.
    close: bool,
}

impl Directory {
    /// The directory of these targets, in their order. Only what some call can be led to is listed.
    pub fn build(targets: Arc<[Arc<Target>]>, found: &Found, routing: &Routing) -> Directory {
        let mut owners: HashMap<Box<str>, Vec<(usize, Arc<str>)>> = HashMap::new();
        let mut counts = vec![0; targets.len()];
        for (number, target) in targets.iter().enumerate() {
            let mut seen = HashSet::new();
            let mut own = |asked: &str, own: Arc<str>| {
                owners.entry(asked.into()).or_default().push((number, own));
            };
            for (asked, model) in target.models.exact() {
                if seen.insert(asked) {
                    own(asked, model.clone());
                }
            }
            let listed = found.of(target).filter(|_| target.lists_what_it_serves());
            for model in listed.into_iter().flatten() {
                if seen.insert(&*model.id) {
                    own(&model.id, (&*model.id).into());
                }
            }
            counts[number] = seen.len();
        }
        let listing = Listing::build(&targets, found, routing);
        let reaches_any = (0..targets.len()).any(|number| routing.leads_to(number));
        Directory {
            targets,
            owners,
            listing,
            counts,
            reaches_any,
        }
    }

    /// Who can serve the model on the surface, however it is named.
    pub fn seek<'m>(&self, model: &'m str, surface: Surface) -> Sought<'m> {
        let owners = self.owners.get(model).map_or(&[][..], Vec::as_slice);
        let (mut serving, mut close) = (Serving::default(), !owners.is_empty());
        for (number, target) in self.targets.iter().enumerate() {
            let Some(found) = found(owners, number, target, model) else {
                continue;
            };
            close |= found.close;
            serving.add(number, target, found, surface);
        }
        if !close && let Some((rest, serving)) = self.addressed(model, surface) {
            return Sought {
                model: rest,
                addressed: true,
                serving,
            };
        }
        if serving.is_empty() && !close {
            serving = self.open(model, surface);
        }
        Sought {
            model,
            addressed: false,
            serving,
        }
    }

    /// What stands before the first slash as the name of a target, or else of a provider. A model
    /// that nobody knows is sent there all the same: its vendor will say whether it exists.
    fn addressed<'m>(&self, model: &'m str, surface: Surface) -> Option<(&'m str, Serving)> {
        let (address, rest) = model.split_once('/')?;
        if address.is_empty() || rest.is_empty() {
            return None;
        }
        let by_name = self.targets.iter().any(|target| *target.name == *address);
        let meant = |target: &Target| {
            let called = if by_name {
                &target.name
            } else {
                &target.provider_id
            };
            **called == *address
        };
        let owners = self.owners.get(rest).map_or(&[][..], Vec::as_slice);
        let (mut serving, mut known) = (Serving::default(), false);
        for (number, target) in self.targets.iter().enumerate() {
            if !meant(target) {
                continue;
            }
            known = true;
            let found = found(owners, number, target, rest).or_else(|| {
                let any = target.lists_what_it_serves();
                any.then(|| Match {
                    model: rest.into(),
                    owned: false,
                    close: true,
                })
            });
            if let Some(found) = found {
                serving.add(number, target, found, surface);
            }
        }
        known.then_some((rest, serving))
    }

    /// The targets that may be tried with a model that nobody owns.
    fn open(&self, model: &str, surface: Surface) -> Serving {
        let mut serving = Serving::default();
        for (number, target) in self.targets.iter().enumerate() {
            if target.provider.claim(model) == Claim::Open {
                let found = Match {
                    model: model.into(),
                    owned: false,
                    close: false,
                };
                serving.add(number, target, found, surface);
            }
        }
        serving
    }

    /// Whether no target can be reached at all.
    pub fn is_empty(&self) -> bool {
        !self.reaches_any
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
        self.listing.all()
    }

    /// The same for a caller that may use only some.
    pub fn list_for(&self, may_use: impl Fn(&str) -> bool) -> Bytes {
        self.listing.only(may_use)
    }

    /// `GET /v1/models/{id}`: from the list, or made for a model that a target serves unlisted.
    pub fn entry(&self, model: &str, routing: &Routing) -> Option<Bytes> {
        self.listing.entry(model).or_else(|| {
            let mut targets = self.targets.iter().enumerate();
            let (_, target) = targets.find(|(number, target)| {
                let known = found(&[], *number, target, model).is_some_and(|found| found.close);
                known && routing.reaches(model, *number)
            })?;
            Some(listing::unlisted(model, target))
        })
    }

    /// Names like this one: of these, and of models that the caller may use.
    pub fn near<'a>(
        &'a self,
        model: &str,
        others: impl Iterator<Item = &'a str>,
        may_use: impl Fn(&str) -> bool,
    ) -> Vec<&'a str> {
        let models = self.listing.ids().filter(|id| may_use(id));
        near::names(model, others.chain(models))
    }
}

/// How the target comes to serve the model, by name, by pattern or by its row's claim.
fn found(
    owners: &[(usize, Arc<str>)],
    number: usize,
    target: &Target,
    model: &str,
) -> Option<Match> {
    if let Some((_, own)) = owners.iter().find(|(known, _)| *known == number) {
        return Some(Match {
            model: own.clone(),
            owned: true,
            close: true,
        });
    }
    if let Some((own, literal)) = target.models.by_pattern(model) {
        return Some(Match {
            model: own,
            owned: false,
            close: literal > 0,
        });
    }
    (target.provider.claim(model) == Claim::Owns).then(|| Match {
        model: model.into(),
        owned: true,
        close: true,
    })
}

impl Serving {
    fn add(&mut self, number: usize, target: &Arc<Target>, found: Match, surface: Surface) {
        if target.provider.serves(surface) {
            let candidate = Candidate {
                target: target.clone(),
                model: found.model,
                owned: found.owned,
            };
            self.found.push((number, Some(candidate)));
        }
    }
}

#[cfg(test)]
mod tests;
