//! Which targets serve a model.
//!
//! A target serves what the operator declared for it, by name or by pattern, what its vendor
//! listed, and what its row claims. Where nobody does, `target/model` and `provider/model` say
//! where to go; only then do targets that take any model come in.

mod facts;
mod listing;
mod near;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use catalog::{Day, Price};
use providers::{Claim, Surface};

use crate::discovery::Found;
use crate::guard::Vital;
use crate::routing::Routing;
use crate::target::Target;
use crate::tariffs::Tariffs;
use listing::{Known, Listing};

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
    /// What is known of both, once somebody has asked.
    vital: OnceLock<Arc<Vital>>,
}

impl Candidate {
    /// The target with its own name of the model; `owned` says that it is known to have it.
    pub fn new(target: Arc<Target>, model: Arc<str>, owned: bool) -> Candidate {
        Candidate {
            target,
            model,
            owned,
            price: None,
            vital: OnceLock::new(),
        }
    }

    /// What is known of the target with the model.
    pub(crate) fn vital(&self) -> &Arc<Vital> {
        let find = || self.target.guard.vital(&self.model, self.owned);
        self.vital.get_or_init(find)
    }
}

/// By the name asked for: the numbers of targets, and their own names of the model.
type Owners = HashMap<Box<str>, Vec<(usize, Own)>>;

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
    tariffs: Tariffs,
    owners: Owners,
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

/// A model that a target is known to have: its own name of it, and what is known of both.
struct Own {
    model: Arc<str>,
    /// Looked for by the first call: a vendor may list thousands that nobody ever asks for.
    vital: OnceLock<Arc<Vital>>,
}

/// How a target comes to serve a model.
struct Match {
    model: Arc<str>,
    owned: bool,
    vital: Option<Arc<Vital>>,
    /// Said of this model, and not of any there may be.
    close: bool,
}

impl Directory {
    /// The directory of these targets, in their order. Only what some call can be led to is listed.
    pub(crate) fn build(
        targets: Arc<[Arc<Target>]>,
        found: &Found,
        routing: &Routing,
        tariffs: Tariffs,
    ) -> Directory {
        let mut owners = Owners::new();
        let mut counts = vec![0; targets.len()];
        for (number, target) in targets.iter().enumerate() {
            let mut seen = HashSet::new();
            let mut own = |asked: &str, model: Arc<str>| {
                let vital = OnceLock::new();
                let owners = owners.entry(asked.into()).or_default();
                owners.push((number, Own { model, vital }));
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
        let known = Known {
            targets: &targets,
            owners: &owners,
            routing,
            tariffs: &tariffs,
        };
        let listing = Listing::build(&known, found);
        let reaches_any = (0..targets.len()).any(|number| routing.leads_to(number));
        Directory {
            targets,
            tariffs,
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
            serving.add((number, target), found, surface, &self.tariffs);
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
                    vital: None,
                    close: true,
                })
            });
            if let Some(found) = found {
                serving.add((number, target), found, surface, &self.tariffs);
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
                    vital: None,
                    close: false,
                };
                serving.add((number, target), found, surface, &self.tariffs);
            }
        }
        serving
    }

    /// The day whose prices count.
    pub(crate) fn day(&self) -> Day {
        self.tariffs.today()
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
            let target = targets.find(|(number, target)| {
                let known = found(&[], *number, target, model).is_some_and(|found| found.close);
                known && routing.reaches(model, *number)
            })?;
            let known = Known {
                targets: &self.targets,
                owners: &self.owners,
                routing,
                tariffs: &self.tariffs,
            };
            Some(listing::unlisted(model, target, &known))
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
fn found(owners: &[(usize, Own)], number: usize, target: &Target, model: &str) -> Option<Match> {
    if let Some((_, own)) = owners.iter().find(|(known, _)| *known == number) {
        let vital = || target.guard.vital(&own.model, true);
        return Some(Match {
            model: own.model.clone(),
            owned: true,
            vital: Some(own.vital.get_or_init(vital).clone()),
            close: true,
        });
    }
    if let Some((own, literal)) = target.models.by_pattern(model) {
        return Some(Match {
            model: own,
            owned: false,
            vital: None,
            close: literal > 0,
        });
    }
    (target.provider.claim(model) == Claim::Owns).then(|| Match {
        model: model.into(),
        owned: true,
        vital: None,
        close: true,
    })
}

impl Serving {
    fn add(
        &mut self,
        (number, target): (usize, &Arc<Target>),
        found: Match,
        surface: Surface,
        tariffs: &Tariffs,
    ) {
        if target.provider.serves(surface) {
            let mut candidate = Candidate::new(target.clone(), found.model, found.owned);
            candidate.price = tariffs.at(target, &candidate.model);
            if let Some(vital) = found.vital {
                candidate.vital = vital.into();
            }
            self.found.push((number, Some(candidate)));
        }
    }
}

#[cfg(test)]
mod tests;
