//! Whether a target's own health check lets calls go there.

use std::time::Duration;

use super::clock::{Moment, micros};
use super::sync::{AtomicU64, Ordering::Relaxed};

/// What the checks of one target found. Written by one task, read by all cores.
#[derive(Debug)]
pub(super) struct Health {
    spec: config::HealthCheck,
    /// When the next check is due.
    due: AtomicU64,
    /// Checks in a row that ended the other way than the target stands.
    against: AtomicU64,
    ill: AtomicU64,
}

impl Health {
    pub(super) fn new(spec: config::HealthCheck) -> Health {
        Health {
            spec,
            due: AtomicU64::new(0),
            against: AtomicU64::new(0),
            ill: AtomicU64::new(0),
        }
    }

    pub(super) fn spec(&self) -> &config::HealthCheck {
        &self.spec
    }

    /// Whether a check is due, which the caller then makes.
    pub(super) fn take_turn(&self, now: Moment) -> bool {
        if now.micros() < self.due.load(Relaxed) {
            return false;
        }
        let next = now.micros().saturating_add(micros(self.spec.interval));
        self.due.store(next, Relaxed);
        true
    }

    /// Takes in how a check ended; `Some` says how the target stands from now on, where that changed.
    pub(super) fn found(&self, well: bool) -> Option<bool> {
        let ill = self.is_ill();
        if well != ill {
            self.against.store(0, Relaxed);
            return None;
        }
        let needed = if ill {
            self.spec.healthy_after
        } else {
            self.spec.unhealthy_after
        };
        if self.against.fetch_add(1, Relaxed) + 1 < needed.into() {
            return None;
        }
        self.against.store(0, Relaxed);
        self.ill.store(u64::from(!ill), Relaxed);
        Some(ill)
    }

    pub(super) fn is_ill(&self) -> bool {
        self.ill.load(Relaxed) != 0
    }

    /// How long until it may be known to be well.
    pub(super) fn wait(&self) -> Duration {
        self.spec.interval
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new(config::HealthCheck {
            unhealthy_after: 3,
            healthy_after: 2,
            ..config::HealthCheck::default()
        })
    }

    #[test]
    fn it_takes_checks_in_a_row_to_change_how_a_target_stands() {
        let health = health();
        let found: Vec<_> = [
            false, false, true, false, false, false, false, true, false, true, true,
        ]
        .into_iter()
        .map(|well| health.found(well))
        .collect();
        let mut expected = vec![None; 11];
        (expected[5], expected[10]) = (Some(false), Some(true));
        assert_eq!(found, expected);
        assert!(!health.is_ill());
    }

    #[test]
    fn a_check_is_due_once_in_its_interval() {
        let (health, at) = (health(), |seconds: u64| {
            Moment::of_micros(seconds * 1_000_000)
        });
        let due: Vec<_> = [1, 2, 10, 11, 12, 21]
            .map(|s| health.take_turn(at(s)))
            .into();
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
