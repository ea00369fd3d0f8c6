//! When a breaker opens and closes.

use std::time::Duration;

use super::super::window::Tally;
use crate::defect::{Defect, planted};

/// When a breaker opens and closes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::guard) struct Rules {
    /// Failures in a row that open it, if that counts.
    pub(in crate::guard) in_a_row: Option<u32>,
    /// The share of failures that opens it, if that counts.
    pub(in crate::guard) shares: Option<Shares>,
    /// Probes that must succeed to close it.
    pub(in crate::guard) successes: u32,
    /// Probes at a time.
    pub(in crate::guard) probes: u32,
    /// How long it is open the first time.
    pub(in crate::guard) open: Duration,
    /// How long it is open at most.
    pub(in crate::guard) open_most: Duration,
}

/// Shares of a window that open a breaker.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::guard) struct Shares {
    /// How far back is counted.
    pub(in crate::guard) window: Duration,
    /// Calls below which no share counts.
    pub(in crate::guard) least: u32,
    /// The share of failures.
    pub(in crate::guard) failed: f64,
    /// When a call is slow.
    pub(in crate::guard) slow_call: Option<Duration>,
    /// The share of slow calls.
    pub(in crate::guard) slow: f64,
}

impl Shares {
    pub(super) fn are_over(&self, tally: Tally) -> bool {
        let over = |part: u32, share: f64| f64::from(part) >= share * f64::from(tally.calls);
        tally.calls >= self.least
            && (tally.failed > 0 && over(tally.failed, self.failed)
                || tally.slow > 0 && over(tally.slow, self.slow))
    }
}

impl Rules {
    /// The rules that an operator wrote. Where nothing was written only shares count, and it opens
    /// for a short time: nobody asked for it, and a target may be the only one.
    pub(in crate::guard) fn of(written: Option<&config::CircuitBreaker>) -> Option<Rules> {
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

    /// Probes that may be out at a time.
    pub(super) fn probes(&self) -> u32 {
        self.probes + u32::from(planted(Defect::OneProbeTooMany))
    }

    /// The same for a target as a whole: one model that fails among others that do not is no reason
    /// to close the target, so here only failures in a row count, whatever the model.
    pub(in crate::guard) fn of_the_whole(&self) -> Rules {
        let least = self.shares.as_ref().map_or(5, |shares| shares.least);
        Rules {
            in_a_row: Some(self.in_a_row.unwrap_or(least)),
            shares: None,
            ..self.clone()
        }
    }
}
