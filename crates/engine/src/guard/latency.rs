//! How long a target lately took: a mean that forgets, and the spread of what is usual.

use std::array;
use std::time::Duration;

use super::clock::{Moment, micros};
use super::sync::{AtomicU64, Ordering::Relaxed};
use crate::defect::{Defect, planted};

/// After this time without a sample, what was known says nothing any more.
const STALE: Duration = Duration::from_mins(5);
/// How fast the mean forgets.
const DECAY_SECONDS: f64 = 10.0;
/// A sample never counts for less than this, however fast they come.
const LEAST_WEIGHT: f64 = 0.1;
/// What a failure is taken to cost over the time that it took: a target that fails fast is not fast.
pub(super) const PENALTY: Duration = Duration::from_secs(5);

/// A decaying mean of times in one atomic word: microseconds above, when they were learnt below.
#[derive(Debug, Default)]
pub(super) struct Latency(AtomicU64);

impl Latency {
    /// Takes in how long something took.
    pub(super) fn sample(&self, now: Moment, took: Duration) {
        let took = micros(took).clamp(1, u64::from(u32::MAX));
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (mean, learnt) = parts(word);
            if mean != 0 && planted(Defect::LatencyFrozen) {
                return Some((mean << 32) | tick(now));
            }
            let mean = if mean == 0 || age(learnt, now) > STALE {
                took
            } else {
                moved(mean, took, age(learnt, now))
            };
            Some((mean << 32) | tick(now))
        });
    }

    /// The mean, as long as it says something.
    pub(super) fn get(&self, now: Moment) -> Option<Duration> {
        let (mean, learnt) = parts(self.0.load(Relaxed));
        (mean > 0 && age(learnt, now) <= STALE).then(|| Duration::from_micros(mean))
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both ends are below 2^32, and the result lies between them"
)]
fn moved(mean: u64, took: u64, age: Duration) -> u64 {
    let weight = (1.0 - (-age.as_secs_f64() / DECAY_SECONDS).exp()).max(LEAST_WEIGHT);
    let (old, new) = (mean as f64, took as f64);
    ((old + (new - old) * weight).round() as u64).clamp(1, u64::from(u32::MAX))
}

fn parts(word: u64) -> (u64, u64) {
    (word >> 32, word & u64::from(u32::MAX))
}

/// Sixteenths of a second, more or less; 32 bits of them last for eight years.
fn tick(now: Moment) -> u64 {
    (now.micros() >> 16) & u64::from(u32::MAX)
}

fn age(learnt: u64, now: Moment) -> Duration {
    Duration::from_micros(tick(now).saturating_sub(learnt) << 16)
}

/// Two steps double the time, so that a percentile is known to a fifth of itself.
const STEPS: usize = 48;
/// Past so many samples the old ones count for half.
const SAMPLES: u64 = 2_000;
/// With fewer samples nothing is usual yet.
const ENOUGH: u64 = 20;

/// How times are spread: counts by the half powers of two of a millisecond.
#[derive(Debug)]
pub(super) struct Spread {
    counts: [AtomicU64; STEPS],
    total: AtomicU64,
}

impl Default for Spread {
    fn default() -> Spread {
        Spread {
            counts: array::from_fn(|_| AtomicU64::new(0)),
            total: AtomicU64::new(0),
        }
    }
}

impl Spread {
    /// Takes in how long something took.
    pub(super) fn sample(&self, took: Duration) {
        self.counts[step(took)].fetch_add(1, Relaxed);
        if self.total.fetch_add(1, Relaxed) + 1 == SAMPLES {
            let halved = |word: &AtomicU64| {
                let half = |count| Some(count / 2);
                word.fetch_update(Relaxed, Relaxed, half).unwrap_or(0) / 2
            };
            let left = self.counts.iter().map(halved).sum();
            self.total.store(left, Relaxed);
        }
    }

    /// The time within which this share of all is done, in percent; unknown while there are few.
    pub(super) fn percentile(&self, percent: u8) -> Option<Duration> {
        let counts = self.counts.each_ref().map(|count| count.load(Relaxed));
        let total: u64 = counts.iter().sum();
        if total < ENOUGH {
            return None;
        }
        let wanted = (total * u64::from(percent)).div_ceil(100);
        let mut seen = 0;
        let place = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(end_of(place))
    }
}

fn step(took: Duration) -> usize {
    (0..STEPS - 1)
        .find(|place| took <= end_of(*place))
        .unwrap_or(STEPS - 1)
}

/// The longest time that belongs to a step.
fn end_of(place: usize) -> Duration {
    // 1 and the root of 2, in microseconds of a millisecond.
    const HALVES: [u64; 2] = [1_000, 1_414];
    Duration::from_micros(HALVES[place % 2] << (place / 2))
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::of_micros(1 + seconds * 1_000_000)
    }

    fn millis(latency: &Latency, now: Moment) -> Option<u128> {
        latency.get(now).map(|mean| mean.as_millis())
    }

    #[test]
    fn the_mean_follows_what_is_new_and_forgets_what_is_old() {
        let latency = Latency::default();
        assert_eq!(latency.get(at(0)), None);
        latency.sample(at(0), Duration::from_millis(100));
        assert_eq!(millis(&latency, at(0)), Some(100));
        latency.sample(at(0), Duration::from_millis(200));
        assert_eq!(millis(&latency, at(0)), Some(110));
        latency.sample(at(60), Duration::from_millis(300));
        assert!(millis(&latency, at(60)).is_some_and(|mean| mean >= 298));
    }

    /// R14: a target that was slow once and is not chosen since is not slow for ever.
    #[test]
    fn r14_what_is_long_past_says_nothing() {
        let latency = Latency::default();
        latency.sample(at(0), Duration::from_secs(9));
        assert_eq!(millis(&latency, at(299)), Some(9_000));
        assert_eq!(latency.get(at(302)), None);
        latency.sample(at(302), Duration::from_secs(1));
        assert_eq!(millis(&latency, at(302)), Some(1_000));
    }

    #[test]
    fn times_of_any_length_are_kept_in_range() {
        let latency = Latency::default();
        latency.sample(at(0), Duration::MAX);
        latency.sample(at(0), Duration::ZERO);
        assert!(latency.get(at(0)).is_some());
    }

    #[test]
    fn a_percentile_is_known_within_a_step_and_only_from_enough_samples() {
        let spread = Spread::default();
        for number in 1..ENOUGH {
            spread.sample(Duration::from_millis(number));
        }
        assert_eq!(spread.percentile(95), None);
        let spread = Spread::default();
        for number in 1..=1_000 {
            spread.sample(Duration::from_millis(number));
        }
        for (percent, exact) in [(50, 500), (90, 900), (95, 950)] {
            let found = spread.percentile(percent).unwrap().as_millis();
            assert!(
                (exact..exact * 3 / 2).contains(&found),
                "p{percent}: {found}"
            );
        }
    }

    #[test]
    fn old_times_give_way_to_new_ones() {
        let spread = Spread::default();
        for _ in 0..SAMPLES {
            spread.sample(Duration::from_millis(10));
        }
        for _ in 0..3 * SAMPLES {
            spread.sample(Duration::from_secs(1));
        }
        assert!(spread.percentile(50).unwrap() >= Duration::from_secs(1));
        spread.sample(Duration::MAX);
        spread.sample(Duration::ZERO);
    }
}
