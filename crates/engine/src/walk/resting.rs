//! Targets that a call has left because their vendor asked it to wait, and may come back to when
//! nobody else has served it.

use tokio::time::Instant;

/// A target that may be tried again.
pub(super) struct Rest {
    /// Its place in the plan.
    pub(super) place: usize,
    /// How often it was tried.
    pub(super) tried: u32,
    /// When it may be tried again.
    pub(super) until: Instant,
    /// Why it must be tried again, for metrics.
    pub(super) label: &'static str,
}

/// All of them.
#[derive(Default)]
pub(super) struct Resting(Vec<Rest>);

impl Resting {
    pub(super) fn add(&mut self, rest: Rest) {
        self.0.push(rest);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the one whose time comes first; of several, the one that was left first.
    pub(super) fn soonest(&mut self) -> Option<Rest> {
        let rests = self.0.iter().enumerate();
        let (at, _) = rests.min_by_key(|(_, rest)| rest.until)?;
        Some(self.0.remove(at))
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn whose_time_comes_first_is_tried_first() {
        let (now, mut resting) = (Instant::now(), Resting::default());
        for (place, seconds) in [(0, 9), (1, 2), (2, 2), (3, 5)] {
            resting.add(Rest {
                place,
                tried: 1,
                until: now + Duration::from_secs(seconds),
                label: "provider_error",
            });
        }
        let order: Vec<_> = std::iter::from_fn(|| resting.soonest())
            .map(|rest| rest.place)
            .collect();
        assert_eq!(order, [1, 2, 3, 0]);
    }
}
