//! The guards of all targets: what is known of each, kept across reloads that leave it alone.
//!
//! A [`Guard`] belongs to a target and outlives reloads that leave the target's own block alone. For
//! each of the target's models it holds a [`Vital`], found without a lock once it has been seen.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::breaker::{Rules, State};
use super::clock::Clock;
use super::health::Health;
use super::slots::{Load, Slots};
use super::vital::{Failing, KeyState, Vital, Whole, fresh};

/// Models of one target that it is known to have and that are told apart.
const OWNED_MAX: usize = 20_000;
/// The same with models that somebody only asked for: such names come from outside.
const MODELS_MAX: usize = 256;
/// What an operator wrote of a target that its guard is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardSpec {
    /// Its name.
    pub target: String,
    /// Its vendor.
    pub provider: String,
    /// Its breaker.
    pub breaker: Option<config::CircuitBreaker>,
    /// How many calls it may have.
    pub concurrency: Option<config::Concurrency>,
    /// Its health check.
    pub health: Option<config::HealthCheck>,
    /// Whether it matters how its times are spread.
    pub spread: bool,
}

/// The guards of all targets, found again after a reload by what they guard.
pub struct Guards {
    clock: Clock,
    salt: RandomState,
    known: Mutex<Vec<(String, Weak<Guard>)>>,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            clock: Clock::start(),
            salt: RandomState::new(),
            known: Mutex::default(),
        }
    }
}

impl Guards {
    /// The guard of a target. One with the same identity and the same words of the operator is the
    /// same guard; one whose words changed keeps the state of what they did not change.
    pub fn of(&self, identity: &str, spec: &GuardSpec) -> Arc<Guard> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, guard)| guard.strong_count() > 0);
        let mut last = None;
        for (_, guard) in known.iter().filter(|(name, _)| name == identity) {
            match guard.upgrade() {
                Some(guard) if guard.spec == *spec => return guard,
                Some(guard) => last = Some(guard),
                None => {}
            }
        }
        let guard = Arc::new(Guard::build(self.clock, spec.clone(), last.as_deref()));
        known.push((identity.to_owned(), Arc::downgrade(&guard)));
        guard
    }

    /// A number that stands for a credential here, and tells nothing of it.
    pub(crate) fn mark(&self, credential: &str) -> u64 {
        self.salt.hash_one(credential)
    }
}

/// What guards one target.
pub struct Guard {
    spec: GuardSpec,
    whole: Arc<Whole>,
    models: ArcSwap<HashMap<Box<str>, Arc<Vital>>>,
    growing: Mutex<()>,
    /// Stands for models that found no room of their own.
    others: Arc<Vital>,
}

impl Guard {
    fn build(clock: Clock, spec: GuardSpec, last: Option<&Guard>) -> Guard {
        let rules = Rules::of(spec.breaker.as_ref());
        let same_breaker = last.filter(|last| last.spec.breaker == spec.breaker);
        let kept_slots = last.filter(|last| last.spec.concurrency == spec.concurrency);
        let kept_health = last.filter(|last| last.spec.health == spec.health);
        let whole = Arc::new(Whole {
            clock,
            target: spec.target.as_str().into(),
            provider: spec.provider.as_str().into(),
            breaker: match same_breaker {
                Some(last) => last.whole.breaker.clone(),
                None => fresh(rules.as_ref().map(Rules::of_the_whole).as_ref()),
            },
            failing: Failing::default(),
            slots: match kept_slots {
                Some(last) => last.whole.slots.clone(),
                None => spec
                    .concurrency
                    .as_ref()
                    .map(|spec| Arc::new(Slots::new(spec))),
            },
            health: match kept_health {
                Some(last) => last.whole.health.clone(),
                None => spec.health.clone().map(|spec| Arc::new(Health::new(spec))),
            },
            budget: last.map_or_else(Arc::default, |last| last.whole.budget.clone()),
            keys: last.map_or_else(Arc::default, |last| last.whole.keys.clone()),
        });
        let renewed = |old: &Arc<Vital>| {
            let breaker = match same_breaker {
                Some(_) => old.breaker.clone(),
                None => fresh(rules.as_ref()),
            };
            old.renewed(&whole, breaker, spec.spread)
        };
        let models = last.map(|last| {
            let models = last.models.load();
            let kept = models
                .iter()
                .map(|(name, old)| (name.clone(), Arc::new(renewed(old))));
            kept.collect()
        });
        let others = match last {
            Some(last) => renewed(&last.others),
            None => Vital::new(1, "", &whole, rules.as_ref(), spec.spread),
        };
        Guard {
            others: Arc::new(others),
            models: ArcSwap::from_pointee(models.unwrap_or_default()),
            growing: Mutex::default(),
            whole,
            spec,
        }
    }

    /// What is known of the target with this model. `owned` says that it is one that the target is
    /// known to have.
    pub fn vital(&self, model: &str, owned: bool) -> Arc<Vital> {
        if let Some(vital) = self.models.load().get(model) {
            return vital.clone();
        }
        self.first_seen(model, if owned { OWNED_MAX } else { MODELS_MAX })
    }

    fn first_seen(&self, model: &str, most: usize) -> Arc<Vital> {
        if self.models.load().len() >= most {
            return self.others.clone();
        }
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.models.load();
        if let Some(vital) = known.get(model) {
            return vital.clone();
        }
        let rules = Rules::of(self.spec.breaker.as_ref());
        let number = known.len() as u64 + 2;
        let vital = Vital::new(number, model, &self.whole, rules.as_ref(), self.spec.spread);
        let vital = Arc::new(vital);
        let mut models = HashMap::clone(&known);
        models.insert(model.into(), vital.clone());
        self.models.store(Arc::new(models));
        vital
    }

    /// The state of one credential, by its mark.
    pub(crate) fn key(&self, mark: u64) -> Arc<KeyState> {
        let mut keys = self
            .whole
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Only the ring of the running configuration holds a state; others are not asked for again.
        keys.retain(|(known, state)| *known == mark || Arc::strong_count(state) > 1);
        if let Some((_, state)) = keys.iter().find(|(known, _)| *known == mark) {
            return state.clone();
        }
        let state = Arc::<KeyState>::default();
        keys.push((mark, state.clone()));
        state
    }

    /// The clock of all moments here.
    pub fn clock(&self) -> Clock {
        self.whole.clock
    }

    /// The worst state of its breakers.
    pub fn state(&self) -> State {
        let now = self.whole.clock.now();
        let models = self.models.load();
        let of_models = models
            .values()
            .chain([&self.others])
            .map(|vital| vital.breaker.as_deref());
        let breakers = of_models.chain([self.whole.breaker.as_deref()]).flatten();
        breakers
            .map(|breaker| breaker.state(now))
            .max()
            .unwrap_or_default()
    }

    /// How many calls it has, where that is bounded.
    pub fn load(&self) -> Option<Load> {
        self.whole.slots.as_ref().map(|slots| slots.load())
    }

    /// Whether its health check keeps calls from it.
    pub fn is_ill(&self) -> bool {
        self.whole
            .health
            .as_ref()
            .is_some_and(|health| health.is_ill())
    }

    /// Whether its health check is to be made now, which the caller then does.
    pub(crate) fn is_check_due(&self) -> bool {
        let health = self.whole.health.as_ref();
        health.is_some_and(|health| health.take_turn(self.whole.clock.now()))
    }

    /// Its health check, if it has one.
    pub(crate) fn check(&self) -> Option<&config::HealthCheck> {
        self.whole.health.as_ref().map(|health| health.spec())
    }

    /// Takes in how a check ended; says how the target stands from now on, where that changed.
    pub(crate) fn checked(&self, well: bool) -> Option<bool> {
        self.whole.health.as_ref()?.found(well)
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
