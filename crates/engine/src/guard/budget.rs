//! The retry budget of a target: calls earn a part of a retry, so that when everything fails the
//! target sees a fifth more calls and not a multiple of them.

use std::time::Duration;

use super::clock::Moment;
use super::sync::{AtomicU64, Ordering::Relaxed};
use crate::defect::{Defect, planted};

/// Thousandths of a retry that one costs.
const RETRY: u64 = 1_000;
/// What a call earns.
const CALL: u64 = 200;
/// What can be saved up.
const SAVED_MAX: u64 = 20 * RETRY;
/// One retry is earned each time this has passed, for targets with few calls.
const EVERY: Duration = Duration::from_secs(1);

/// What is left to spend on retries and hedges.
#[derive(Debug)]
pub(super) struct RetryBudget {
    saved: AtomicU64,
    /// Up to when time has been paid out.
    paid: AtomicU64,
}

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget {
            saved: AtomicU64::new(SAVED_MAX),
            paid: AtomicU64::new(0),
        }
    }
}

impl RetryBudget {
    /// A first try was made.
    pub(super) fn earn(&self) {
        // Nearly always it is full, and nothing need be written.
        if self.saved.load(Relaxed) < SAVED_MAX {
            self.add(CALL);
        }
    }

    /// Takes what another try costs; `false` when there is not enough.
    pub(super) fn spend(&self, now: Moment) -> bool {
        self.pay_out(now);
        let take = |saved: u64| saved.checked_sub(RETRY);
        self.saved.fetch_update(Relaxed, Relaxed, take).is_ok() || planted(Defect::BudgetIgnored)
    }

    fn add(&self, amount: u64) {
        let add = |saved: u64| Some((saved + amount).min(SAVED_MAX));
        let _ = self.saved.fetch_update(Relaxed, Relaxed, add);
    }

    fn pay_out(&self, now: Moment) {
        let paid = self.paid.load(Relaxed);
        let passed = Moment::of_micros(paid).until(now).as_micros() / EVERY.as_micros();
        let due = u64::try_from(passed).unwrap_or(u64::MAX);
        if due == 0 {
            return;
        }
        // Whoever moves the mark pays; the others find nothing due.
        let mark = Relaxed;
        if self
            .paid
            .compare_exchange(paid, now.micros(), mark, mark)
            .is_ok()
        {
            self.add(due.min(SAVED_MAX / RETRY) * RETRY);
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::of_micros(1 + seconds * 1_000_000)
    }

    fn spent(budget: &RetryBudget, now: Moment) -> u32 {
        let mut retries = 0;
        while budget.spend(now) {
            retries += 1;
        }
        retries
    }

    /// Z12: when everything fails, retries are a part of the calls and not a multiple.
    #[test]
    fn z12_a_storm_of_failures_is_retried_by_a_fifth() {
        let budget = RetryBudget::default();
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.earn();
            retries += u32::from(budget.spend(at(0)));
        }
        assert!((200..=220).contains(&retries), "{retries}");
    }

    #[test]
    fn few_calls_earn_by_time_and_nobody_saves_for_ever() {
        let budget = RetryBudget::default();
        assert_eq!(spent(&budget, at(100)), 20);
        assert_eq!(spent(&budget, at(100)), 0);
        assert_eq!(spent(&budget, at(103)), 3);
        assert_eq!(spent(&budget, at(100_000)), 20);
    }
}

#[cfg(test)]
#[cfg(feature = "loom")]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_time_is_paid_out_once_and_the_last_retry_is_spent_once() {
        loom::model(|| {
            let budget = Arc::new(RetryBudget {
                saved: AtomicU64::new(0),
                paid: AtomicU64::new(1),
            });
            let second = Moment::of_micros(1_000_001);
            let other = budget.clone();
            let core = thread::spawn(move || other.spend(second));
            let here = budget.spend(second);
            let there = core.join().unwrap();
            assert!(!(here && there), "one second earns one retry");
        });
    }
}
