//! What is known of targets and their models: breaker, times, cool-down, headroom.
//!
//! A [`Guard`] belongs to a target and outlives reloads that leave the target's own block alone. For
//! each of the target's models it holds a [`Vital`], found without a lock once it has been seen. A
//! call that is let through holds an [`Admission`], and settles it when it knows how the call went.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;
use wire::fault::{Blame, Fault, Kind};

use super::admission::Admission;
use super::breaker::{Breaker, Rules, Shut, State};
use super::budget::RetryBudget;
use super::clock::{Clock, Moment};
use super::cooldown::Cooldown;
use super::headroom::Headroom;
use super::health::Health;
use super::latency::{Latency, Spread};
use super::slots::{Full, Load, Slot, Slots};
use super::standing::{Bar, Barred, Standing};

/// Models of one target that it is known to have and that are told apart.
const OWNED_MAX: usize = 20_000;
/// The same with models that somebody only asked for: such names come from outside.
const MODELS_MAX: usize = 256;
/// When a probe that is out may be back.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// What kind of answer a time was measured of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A whole answer.
    Whole,
    /// The first content of a stream.
    Stream,
}

impl Answer {
    /// The kind that a call asks for.
    pub fn of(streamed: bool) -> Answer {
        if streamed {
            Answer::Stream
        } else {
            Answer::Whole
        }
    }
}

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

/// What the models of a target share.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) clock: Clock,
    pub(super) target: Box<str>,
    pub(super) provider: Box<str>,
    pub(super) breaker: Option<Arc<Breaker>>,
    pub(super) failing: Failing,
    pub(super) slots: Option<Arc<Slots>>,
    pub(super) health: Option<Arc<Health>>,
    budget: Arc<RetryBudget>,
    keys: Arc<Mutex<Marked>>,
}

/// The states of credentials, by their marks.
type Marked = Vec<(u64, Arc<KeyState>)>;

/// Which models failed since a call to the target last went well. One alone is that model's affair.
#[derive(Debug, Default)]
pub(super) struct Failing(AtomicU64);

const NONE: u64 = 0;
const SEVERAL: u64 = u64::MAX;

impl Failing {
    /// Takes down a failure; whether it counts against the target.
    pub(super) fn failed(&self, model: u64) -> bool {
        let known = self.0.load(Relaxed);
        if known == NONE {
            self.0.store(model, Relaxed);
        } else if known != model {
            self.0.store(SEVERAL, Relaxed);
            return true;
        }
        false
    }

    pub(super) fn well(&self) {
        if self.0.load(Relaxed) != NONE {
            self.0.store(NONE, Relaxed);
        }
    }
}

/// What is known of one credential of a target.
#[derive(Debug, Default)]
pub(crate) struct KeyState {
    /// Left alone after its vendor refused it or limited its rate.
    pub(crate) cooldown: Cooldown,
    /// What is left of its limits.
    pub(crate) headroom: Headroom,
}

/// What is known of one target with one model.
#[derive(Debug)]
pub struct Vital {
    pub(super) number: u64,
    model: Box<str>,
    pub(super) whole: Arc<Whole>,
    pub(super) breaker: Option<Arc<Breaker>>,
    pub(super) times: Arc<Times>,
}

/// What a vital keeps whatever happens to its breaker.
#[derive(Debug, Default)]
pub(super) struct Times {
    latency: [Latency; 2],
    spread: Option<[Spread; 2]>,
    pub(super) cooldown: Cooldown,
    headroom: Headroom,
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
            let breaker = same_breaker.is_some().then(|| old.breaker.clone());
            Vital {
                number: old.number,
                model: old.model.clone(),
                whole: whole.clone(),
                breaker: breaker.unwrap_or_else(|| fresh(rules.as_ref())),
                times: if old.times.spread.is_some() == spec.spread {
                    old.times.clone()
                } else {
                    Times::new(spec.spread)
                },
            }
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

fn fresh(rules: Option<&Rules>) -> Option<Arc<Breaker>> {
    rules.map(|rules| Arc::new(Breaker::new(rules.clone())))
}

impl Times {
    fn new(spread: bool) -> Arc<Times> {
        Arc::new(Times {
            spread: spread.then(Default::default),
            ..Times::default()
        })
    }
}

impl Vital {
    fn new(
        number: u64,
        model: &str,
        whole: &Arc<Whole>,
        rules: Option<&Rules>,
        spread: bool,
    ) -> Vital {
        Vital {
            number,
            model: model.into(),
            whole: whole.clone(),
            breaker: fresh(rules),
            times: Times::new(spread),
        }
    }

    /// The model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The clock of all moments here.
    pub fn clock(&self) -> Clock {
        self.whole.clock
    }

    /// How the target stands with the model, for a call that wants this kind of answer.
    pub fn standing(&self, now: Moment, answer: Answer) -> Standing {
        Standing {
            barred: self.shut(now).or_else(|| self.cooling(now)),
            latency: self.times.latency[answer as usize].get(now),
            headroom: self.times.headroom.left(now),
        }
    }

    /// What keeps every call away.
    pub(crate) fn shut(&self, now: Moment) -> Option<Barred> {
        if let Some(ill) = self.ill() {
            return Some(ill);
        }
        let breakers = [self.whole.breaker.as_deref(), self.breaker.as_deref()];
        let mut shut = breakers.into_iter().flatten();
        shut.find_map(|breaker| breaker.look(now).err())
            .map(|shut| barred(shut, now))
    }

    fn ill(&self) -> Option<Barred> {
        let health = self.whole.health.as_ref()?;
        health.is_ill().then(|| Barred {
            why: Bar::Unhealthy,
            wait: health.wait(),
        })
    }

    /// What keeps calls away that can go elsewhere: whether it is too early, only the vendor knows.
    pub(crate) fn cooling(&self, now: Moment) -> Option<Barred> {
        self.times.cooldown.left(now).map(|wait| Barred {
            why: Bar::Cooling,
            wait,
        })
    }

    /// Whether calls may have to wait for a place.
    pub(crate) fn is_bounded(&self) -> bool {
        self.whole.slots.is_some()
    }

    /// A place among the target's calls, where they are bounded.
    pub(super) async fn slot(
        &self,
        principal: &Arc<str>,
        until: Option<Instant>,
    ) -> Result<Option<Slot>, Full> {
        match &self.whole.slots {
            None => Ok(None),
            Some(slots) => slots.take(principal, until).await.map(Some),
        }
    }

    /// Lets one call through: first it waits for a place, then it takes a probe if one is needed.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        principal: &Arc<str>,
        until: Option<Instant>,
    ) -> Result<Admission, Fault> {
        let mut now = self.clock().now();
        let mut slot = None;
        if self.is_bounded() {
            // Whoever is turned away need not wait for it.
            self.check(self.shut(now))?;
            slot = self
                .slot(principal, until)
                .await
                .map_err(|full| self.full(full))?;
            now = self.clock().now();
        }
        self.check(self.ill())?;
        Admission::take(self, slot, now).map_err(|shut| self.refusal(barred(shut, now)))
    }

    fn check(&self, barred: Option<Barred>) -> Result<(), Fault> {
        barred.map_or(Ok(()), |barred| Err(self.refusal(barred)))
    }

    fn refusal(&self, barred: Barred) -> Fault {
        let why = match barred.why {
            Bar::Open => "its breaker is open",
            Bar::Probing => "its breaker is half open and its probes are out",
            Bar::Cooling => "its vendor asked for fewer calls",
            Bar::Unhealthy => "its health check fails",
        };
        let mut fault = Fault::new(Kind::UpstreamUnavailable).because(format!(
            "target `{}` takes no call: {why}",
            self.whole.target
        ));
        fault.retry_after = Some(barred.wait);
        fault
    }

    fn full(&self, full: Full) -> Fault {
        let load = self
            .whole
            .slots
            .as_ref()
            .map(|slots| slots.load())
            .unwrap_or_default();
        let what = match full {
            Full::NoRoom => "and as many wait as may",
            Full::InVain => "and none ended while this call waited",
        };
        Fault::new(Kind::ProviderSaturated).because(format!(
            "target `{}` has {} calls of {} (concurrency), {what}",
            self.whole.target, load.taken, load.limit
        ))
    }

    /// A first try is made.
    pub(crate) fn earn_retry(&self) {
        self.whole.budget.earn();
    }

    /// Whether the retry budget bears another try.
    pub(crate) fn spend_retry(&self) -> bool {
        self.whole.budget.spend(self.clock().now())
    }

    /// Within which time this share of calls is usually answered, in percent.
    pub(crate) fn usual(&self, answer: Answer, percent: u8) -> Option<Duration> {
        let spread = self.times.spread.as_ref()?;
        spread[answer as usize].percentile(percent)
    }

    /// How long calls lately took.
    pub(super) fn latency(&self, answer: Answer) -> &Latency {
        &self.times.latency[answer as usize]
    }

    pub(super) fn spread(&self, answer: Answer) -> Option<&Spread> {
        self.times
            .spread
            .as_ref()
            .map(|both| &both[answer as usize])
    }

    pub(crate) fn headroom(&self) -> &Headroom {
        &self.times.headroom
    }
}

pub(super) fn barred(shut: Shut, now: Moment) -> Barred {
    match shut {
        Shut::Open(until) => Barred {
            why: Bar::Open,
            wait: now.until(until),
        },
        Shut::Probing => Barred {
            why: Bar::Probing,
            wait: PROBE_WAIT,
        },
    }
}

/// Whether a failure of this blame is one of the target's.
pub(super) fn counts(blame: Blame) -> bool {
    matches!(blame, Blame::Key | Blame::Model | Blame::Target)
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
