//! The three kinds of number: counter, gauge, histogram. Atomics, nothing else.
//!
//! Orderings are relaxed: a scrape may see one number a moment before another,
//! and nobody derives a happening-before from them.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter that somebody else counted up to here.
    pub(super) fn holding(count: u64) -> Counter {
        Counter(AtomicU64::new(count))
    }

    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl EncodeMetric for Counter {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, u64, u64>(&self.get(), None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds one.
    pub fn inc(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Takes one away.
    pub fn dec(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

impl EncodeMetric for Gauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(&self.get())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

/// How long things took, in fixed buckets. An observation is two additions.
#[derive(Debug)]
pub struct AtomicHistogram {
    /// Upper bounds in microseconds, ascending.
    bounds: &'static [u64],
    /// One more than there are bounds: the last is for what exceeds them all.
    counts: Box<[AtomicU64]>,
    /// Whole microseconds: integers add in one instruction, and in 64 bits
    /// they last for half a million years of calls.
    sum: AtomicU64,
}

impl AtomicHistogram {
    /// An empty histogram with these upper bounds, in microseconds and ascending.
    pub fn new(bounds: &'static [u64]) -> AtomicHistogram {
        AtomicHistogram {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts one observation.
    pub fn observe(&self, took: Duration) {
        self.observe_many(took, 1);
    }

    /// Counts `times` observations of the same length, at the price of one.
    pub fn observe_many(&self, each: Duration, times: u64) {
        let nanos = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self
            .bounds
            .partition_point(|bound| bound.saturating_mul(1_000) < nanos);
        self.counts[bucket].fetch_add(times, Relaxed);
        // Rounded, not cut: microseconds would otherwise vanish from overheads.
        let micros = nanos.saturating_add(500) / 1_000;
        self.sum.fetch_add(micros.saturating_mul(times), Relaxed);
    }

    /// How many observations were made.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().map(|bound| seconds(*bound));
        bounds
            .chain([f64::INFINITY])
            .zip(self.counts.iter().map(|count| count.load(Relaxed)))
            .collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds fit 52 bits for 140 years"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

impl EncodeMetric for AtomicHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let buckets = self.buckets();
        // From the same reading as the buckets, or +Inf and count could differ.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.sum.load(Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }

    /// A pair that never streams should not fill the page with empty buckets.
    fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[u64] = &[10, 100, 1_000];

    fn counts(histogram: &AtomicHistogram) -> Vec<u64> {
        histogram.buckets().iter().map(|(_, n)| *n).collect()
    }

    #[test]
    fn observations_fall_into_the_bucket_whose_bound_holds_them() {
        for (nanos, bucket) in [
            (0, 0),
            (10_000, 0),
            (10_001, 1),
            (100_000, 1),
            (1_000_000, 2),
            (1_000_001, 3),
            (u64::MAX, 3),
        ] {
            let histogram = AtomicHistogram::new(BOUNDS);
            histogram.observe(Duration::from_nanos(nanos));
            let mut expected = vec![0; 4];
            expected[bucket] = 1;
            assert_eq!(counts(&histogram), expected, "{nanos} ns");
        }
    }

    #[test]
    fn many_observations_count_as_often_as_told() {
        let histogram = AtomicHistogram::new(BOUNDS);
        histogram.observe_many(Duration::from_micros(20), 5);
        histogram.observe(Duration::from_millis(2));
        assert_eq!(counts(&histogram), [0, 5, 0, 1]);
        assert_eq!(histogram.count(), 6);
        assert_eq!(histogram.sum.load(Relaxed), 2_100);
    }

    #[test]
    fn sums_are_rounded_to_the_nearest_microsecond() {
        let histogram = AtomicHistogram::new(BOUNDS);
        histogram.observe(Duration::from_nanos(1_499));
        histogram.observe(Duration::from_nanos(1_500));
        assert_eq!(histogram.sum.load(Relaxed), 3);
    }

    #[test]
    fn an_endless_duration_does_not_panic() {
        let histogram = AtomicHistogram::new(BOUNDS);
        histogram.observe_many(Duration::MAX, 3);
        assert_eq!(counts(&histogram), [0, 0, 0, 3]);
    }
}
