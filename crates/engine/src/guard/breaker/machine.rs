//! The mind of a breaker: pure, with the time passed in.

use std::time::Duration;

use super::super::clock::Moment;
use super::rules::Rules;

/// What came of a call that was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guard) enum Verdict {
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
pub(in crate::guard) struct Pass {
    pub(super) generation: u64,
    pub(super) probe: bool,
}

/// Why no pass was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guard) enum Shut {
    /// It is open until then.
    Open(Moment),
    /// All probes are out.
    Probing,
}

/// A change of state that people want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guard) enum Change {
    /// It opened, for this long.
    Opened(Duration),
    /// It closed.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed { failures: u32 },
    Open { until: Moment },
    HalfOpen { probes: u32, successes: u32 },
}

/// The mind of a breaker.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) phase: Phase,
    /// Counts the changes of phase.
    pub(super) generation: u64,
    /// How often it opened since it was last closed.
    trips: u32,
}

impl Machine {
    pub(super) fn new() -> Machine {
        Machine {
            phase: Phase::Closed { failures: 0 },
            generation: 0,
            trips: 0,
        }
    }

    pub(super) fn admit(&mut self, rules: &Rules, now: Moment) -> Result<Pass, Shut> {
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
            if *probes >= rules.probes() {
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
    pub(super) fn settle(
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
