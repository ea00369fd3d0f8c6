//! The circuit breaker: keeps calls from what fails, and lets a few through to see whether it has mended.
//!
//! [`Machine`] is the whole of its mind. [`Breaker`] puts an atomic
//! word in front of it, so that nobody takes the lock while it is closed and all is well. Whoever was
//! let through holds a [`Pass`] of the generation that admitted it; what comes of a pass of an older
//! generation changes nothing.

mod machine;
mod rules;

use std::time::Duration;

use super::clock::Moment;
use super::sync::{AtomicU64, Mutex, Ordering, locked};
use super::window::Window;
use crate::defect::{Defect, planted};
pub(super) use machine::{Change, Pass, Shut, Verdict};
use machine::{Machine, Phase};
pub(super) use rules::Rules;

/// The state of a breaker as it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Calls go through.
    #[default]
    Closed,
    /// A few calls go through.
    HalfOpen,
    /// No call goes through.
    Open,
}

impl State {
    /// The word for it in probes.
    pub fn label(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::HalfOpen => "half-open",
            State::Open => "open",
        }
    }

    /// The number for it in metrics.
    pub fn number(self) -> u8 {
        match self {
            State::Closed => 0,
            State::Open => 1,
            State::HalfOpen => 2,
        }
    }
}

/// The word in front of the machine: the phase in the two lowest bits, and above them what is asked
/// for most: of a closed one its generation, of an open one its end, of a half-open one the free probes.
mod gate {
    use super::{Machine, Moment, Phase, Rules};

    pub(super) const CALM: u64 = 0;
    pub(super) const FAILING: u64 = 1;
    pub(super) const OPEN: u64 = 2;
    pub(super) const HALF_OPEN: u64 = 3;

    pub(super) fn word(machine: &Machine, rules: &Rules) -> u64 {
        let (phase, rest) = match machine.phase {
            Phase::Closed { failures: 0 } => (CALM, machine.generation),
            Phase::Closed { .. } => (FAILING, machine.generation),
            Phase::Open { until } => (OPEN, until.micros()),
            Phase::HalfOpen { probes, .. } => {
                (HALF_OPEN, rules.probes().saturating_sub(probes).into())
            }
        };
        (rest << 2) | phase
    }

    pub(super) fn phase(word: u64) -> u64 {
        word & 3
    }

    pub(super) fn rest(word: u64) -> u64 {
        word >> 2
    }

    pub(super) fn until(word: u64) -> Moment {
        Moment::of_micros(rest(word))
    }
}

/// A breaker that all cores share.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: Rules,
    gate: AtomicU64,
    window: Option<Window>,
    machine: Mutex<Machine>,
}

impl Breaker {
    pub(super) fn new(rules: Rules) -> Breaker {
        let machine = Machine::new();
        Breaker {
            gate: AtomicU64::new(gate::word(&machine, &rules)),
            window: rules
                .shares
                .as_ref()
                .map(|shares| Window::new(shares.window)),
            machine: Mutex::new(machine),
            rules,
        }
    }

    /// What it would say to a call, without taking a probe.
    pub(super) fn look(&self, now: Moment) -> Result<(), Shut> {
        let word = self.gate.load(Ordering::Acquire);
        match gate::phase(word) {
            gate::OPEN if now <= gate::until(word) => Err(Shut::Open(gate::until(word))),
            gate::HALF_OPEN if gate::rest(word) == 0 => Err(Shut::Probing),
            _ => Ok(()),
        }
    }

    /// Lets a call through, or says why not. A pass must be settled.
    pub(super) fn admit(&self, now: Moment) -> Result<Pass, Shut> {
        let word = self.gate.load(Ordering::Acquire);
        if matches!(gate::phase(word), gate::CALM | gate::FAILING)
            || planted(Defect::OpenBreakerAdmits)
        {
            return Ok(Pass {
                generation: gate::rest(word),
                probe: false,
            });
        }
        self.look(now)?;
        self.change(|machine| machine.admit(&self.rules, now))
    }

    /// Takes in what came of a call.
    pub(super) fn settle(&self, pass: Pass, verdict: Verdict, now: Moment) -> Option<Change> {
        let word = self.gate.load(Ordering::Acquire);
        let closed = matches!(gate::phase(word), gate::CALM | gate::FAILING);
        if !pass.probe {
            if verdict == Verdict::Neutral || !closed || gate::rest(word) != pass.generation {
                return None;
            }
            self.record(verdict, now);
            if verdict == Verdict::Success && gate::phase(word) == gate::CALM {
                return None;
            }
        }
        let over = closed && verdict != Verdict::Success && self.is_over(now);
        let change = self.change(|machine| machine.settle(&self.rules, pass, verdict, now, over));
        if change == Some(Change::Closed)
            && let Some(window) = &self.window
        {
            window.clear();
        }
        change
    }

    /// How it stands now.
    pub(super) fn state(&self, now: Moment) -> State {
        let word = self.gate.load(Ordering::Acquire);
        match gate::phase(word) {
            gate::OPEN if now <= gate::until(word) => State::Open,
            gate::OPEN | gate::HALF_OPEN => State::HalfOpen,
            _ => State::Closed,
        }
    }

    /// Whether a call of this length is a slow one.
    pub(super) fn is_slow(&self, took: Duration) -> bool {
        let shares = self.rules.shares.as_ref();
        let bound = shares.and_then(|shares| shares.slow_call);
        bound.is_some_and(|bound| took > bound)
    }

    fn record(&self, verdict: Verdict, now: Moment) {
        if let Some(window) = &self.window {
            window.record(now, verdict == Verdict::Failure, verdict == Verdict::Slow);
        }
    }

    fn is_over(&self, now: Moment) -> bool {
        let shares = self.rules.shares.as_ref();
        let (Some(window), Some(shares)) = (&self.window, shares) else {
            return false;
        };
        shares.are_over(window.tally(now))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = locked!(self.machine);
        let result = change(&mut machine);
        self.gate
            .store(gate::word(&machine, &self.rules), Ordering::Release);
        result
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

#[cfg(test)]
#[cfg(feature = "loom")]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn rules() -> Rules {
        Rules {
            in_a_row: Some(1),
            shares: None,
            successes: 1,
            probes: 1,
            open: Duration::from_micros(10),
            open_most: Duration::from_micros(10),
        }
    }

    fn opened() -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::new(rules()));
        let pass = breaker.admit(Moment::of_micros(1)).unwrap();
        breaker.settle(pass, Verdict::Failure, Moment::of_micros(1));
        breaker
    }

    /// Case 15, between cores.
    #[test]
    fn loom_two_cores_never_have_more_probes_than_there_are() {
        loom::model(|| {
            let (breaker, late) = (opened(), Moment::of_micros(100));
            let other = breaker.clone();
            let core = thread::spawn(move || other.admit(late).is_ok());
            let here = breaker.admit(late).is_ok();
            let there = core.join().unwrap();
            assert!(here ^ there, "one probe, and one only");
        });
    }

    /// Z2, between cores.
    #[test]
    fn loom_a_late_success_never_closes_a_breaker() {
        loom::model(|| {
            let breaker = Arc::new(Breaker::new(rules()));
            let now = Moment::of_micros(1);
            let (late, fails) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
            let other = breaker.clone();
            let core = thread::spawn(move || other.settle(late, Verdict::Success, now));
            breaker.settle(fails, Verdict::Failure, now);
            core.join().unwrap();
            assert_eq!(breaker.state(now), State::Open);
        });
    }

    #[test]
    fn loom_a_probe_that_is_given_back_can_be_taken_again() {
        loom::model(|| {
            let (breaker, late) = (opened(), Moment::of_micros(100));
            let probe = breaker.admit(late).unwrap();
            let other = breaker.clone();
            let core = thread::spawn(move || other.admit(late).is_ok());
            breaker.settle(probe, Verdict::Neutral, late);
            let there = core.join().unwrap();
            assert_eq!(breaker.admit(late).is_ok(), !there);
        });
    }
}
