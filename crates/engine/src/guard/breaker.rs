//! The circuit breaker: keeps calls from what fails, and lets a few through to see whether it has mended.
//!
//! [`Machine`] is the whole of its mind: pure, with the time passed in. [`Breaker`] puts an atomic
//! word in front of it, so that nobody takes the lock while it is closed and all is well. Whoever was
//! let through holds a [`Pass`] of the generation that admitted it; what comes of a pass of an older
//! generation changes nothing.

use std::time::Duration;

use super::clock::Moment;
use super::sync::{AtomicU64, Mutex, Ordering, locked};
use super::window::{Tally, Window};

/// When a breaker opens and closes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    /// Failures in a row that open it, if that counts.
    pub(super) in_a_row: Option<u32>,
    /// The share of failures that opens it, if that counts.
    pub(super) shares: Option<Shares>,
    /// Probes that must succeed to close it.
    pub(super) successes: u32,
    /// Probes at a time.
    pub(super) probes: u32,
    /// How long it is open the first time.
    pub(super) open: Duration,
    /// How long it is open at most.
    pub(super) open_most: Duration,
}

/// Shares of a window that open a breaker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    /// How far back is counted.
    pub(super) window: Duration,
    /// Calls below which no share counts.
    pub(super) least: u32,
    /// The share of failures.
    pub(super) failed: f64,
    /// When a call is slow.
    pub(super) slow_call: Option<Duration>,
    /// The share of slow calls.
    pub(super) slow: f64,
}

impl Shares {
    fn are_over(&self, tally: Tally) -> bool {
        let over = |part: u32, share: f64| f64::from(part) >= share * f64::from(tally.calls);
        tally.calls >= self.least
            && (tally.failed > 0 && over(tally.failed, self.failed)
                || tally.slow > 0 && over(tally.slow, self.slow))
    }
}

impl Rules {
    /// The rules that an operator wrote. Where nothing was written only shares count, and it opens
    /// for a short time: nobody asked for it, and a target may be the only one.
    pub(super) fn of(written: Option<&config::CircuitBreaker>) -> Option<Rules> {
        let usual = config::CircuitBreaker {
            timeout: Duration::from_secs(5),
            ..config::CircuitBreaker::default()
        };
        let spec = written.unwrap_or(&usual);
        let or = |number: u32, default| if number == 0 { default } else { number };
        let open = match spec.timeout {
            Duration::ZERO => Duration::from_secs(30),
            timeout => timeout,
        };
        spec.enabled.then(|| Rules {
            in_a_row: written.map(|spec| or(spec.failure_threshold, 5)),
            shares: Some(Shares {
                window: spec.window,
                least: spec.min_calls,
                failed: spec.ratio,
                slow_call: spec.slow_call,
                slow: spec.slow_ratio,
            }),
            successes: or(spec.success_threshold, 1),
            probes: or(spec.max_half_threshold, 1),
            open,
            open_most: spec.max_timeout.unwrap_or(Duration::from_mins(5)).max(open),
        })
    }

    /// The same for a target as a whole: one model that fails among others that do not is no reason
    /// to close the target, so here only failures in a row count, whatever the model.
    pub(super) fn of_the_whole(&self) -> Rules {
        let least = self.shares.as_ref().map_or(5, |shares| shares.least);
        Rules {
            in_a_row: Some(self.in_a_row.unwrap_or(least)),
            shares: None,
            ..self.clone()
        }
    }
}

/// What came of a call that was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It went well.
    Success,
    /// It went well, but took too long.
    Slow,
    /// The target failed.
    Failure,
    /// It says nothing about the target.
    Neutral,
}

/// The right to make one call. Settled once; see [`Breaker::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    generation: u64,
    probe: bool,
}

/// Why no pass was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// It is open until then.
    Open(Moment),
    /// All probes are out.
    Probing,
}

/// A change of state that people want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It opened, for this long.
    Opened(Duration),
    /// It closed.
    Closed,
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Moment },
    HalfOpen { probes: u32, successes: u32 },
}

/// The mind of a breaker.
#[derive(Clone, Debug)]
struct Machine {
    phase: Phase,
    /// Counts the changes of phase.
    generation: u64,
    /// How often it opened since it was last closed.
    trips: u32,
}

impl Machine {
    fn new() -> Machine {
        Machine {
            phase: Phase::Closed { failures: 0 },
            generation: 0,
            trips: 0,
        }
    }

    fn admit(&mut self, rules: &Rules, now: Moment) -> Result<Pass, Shut> {
        if let Phase::Open { until } = self.phase {
            if now <= until {
                return Err(Shut::Open(until));
            }
            self.enter(Phase::HalfOpen {
                probes: 0,
                successes: 0,
            });
        }
        let mut probe = false;
        if let Phase::HalfOpen { probes, .. } = &mut self.phase {
            if *probes >= rules.probes {
                return Err(Shut::Probing);
            }
            *probes += 1;
            probe = true;
        }
        Ok(Pass {
            generation: self.generation,
            probe,
        })
    }

    /// `over` says whether the shares of the window would open it.
    fn settle(
        &mut self,
        rules: &Rules,
        pass: Pass,
        verdict: Verdict,
        now: Moment,
        over: bool,
    ) -> Option<Change> {
        if pass.generation != self.generation {
            return None;
        }
        match &mut self.phase {
            Phase::Open { .. } => None,
            Phase::Closed { failures } => {
                match verdict {
                    Verdict::Neutral => return None,
                    Verdict::Success | Verdict::Slow => *failures = 0,
                    Verdict::Failure => *failures += 1,
                }
                let in_a_row = rules.in_a_row.is_some_and(|most| *failures >= most);
                (in_a_row || over).then(|| self.open(rules, now))
            }
            Phase::HalfOpen { probes, successes } => {
                *probes = probes.saturating_sub(1);
                match verdict {
                    Verdict::Neutral => None,
                    Verdict::Failure | Verdict::Slow => Some(self.open(rules, now)),
                    Verdict::Success => {
                        *successes += 1;
                        (*successes >= rules.successes).then(|| {
                            self.trips = 0;
                            self.enter(Phase::Closed { failures: 0 });
                            Change::Closed
                        })
                    }
                }
            }
        }
    }

    /// Opens it, for longer each time, and not for quite the same time everywhere.
    fn open(&mut self, rules: &Rules, now: Moment) -> Change {
        let doubled = rules.open.saturating_mul(1 << self.trips.min(20));
        let wait = doubled.min(rules.open_most);
        let wait = wait + wait.mul_f64(jitter(now, self.generation) / 10.0);
        self.trips = self.trips.saturating_add(1);
        self.enter(Phase::Open {
            until: now.after(wait),
        });
        Change::Opened(wait)
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}

/// A number from 0 to 1 that differs between moments.
fn jitter(now: Moment, generation: u64) -> f64 {
    let mixed = (now.micros() ^ generation.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let upper = (mixed >> 32) as u32;
    f64::from(upper) / f64::from(u32::MAX)
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
                (HALF_OPEN, rules.probes.saturating_sub(probes).into())
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
        if matches!(gate::phase(word), gate::CALM | gate::FAILING) {
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
