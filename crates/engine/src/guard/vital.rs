//! What is known of one target with one model: breaker, times, cool-down, headroom.
//!
//! A call that is let through holds an [`Admission`], and settles it when it knows how the call went.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use wire::fault::{Blame, Fault, Kind};

use super::admission::Admission;
use super::breaker::{Breaker, Rules, Shut};
use super::budget::RetryBudget;
use super::clock::{Clock, Moment};
use super::cooldown::Cooldown;
use super::headroom::Headroom;
use super::health::Health;
use super::latency::{Latency, Spread};
use super::slots::{Full, Slot, Slots};
use super::standing::{Bar, Barred, Standing};

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
    pub(super) budget: Arc<RetryBudget>,
    pub(super) keys: Arc<Mutex<Marked>>,
}

/// The states of credentials, by their marks.
pub(super) type Marked = Vec<(u64, Arc<KeyState>)>;

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

/// A breaker by these rules, if there is to be one.
pub(super) fn fresh(rules: Option<&Rules>) -> Option<Arc<Breaker>> {
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
    /// The same after a reload: with that breaker, and the times that it had.
    pub(super) fn renewed(
        &self,
        whole: &Arc<Whole>,
        breaker: Option<Arc<Breaker>>,
        spread: bool,
    ) -> Vital {
        Vital {
            number: self.number,
            model: self.model.clone(),
            whole: whole.clone(),
            breaker,
            times: if self.times.spread.is_some() == spread {
                self.times.clone()
            } else {
                Times::new(spread)
            },
        }
    }

    /// A target with a model of which nothing is known yet.
    pub(super) fn new(
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
            // Boxed: most targets are not bounded.
            slot = Box::pin(self.slot(principal, until))
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
