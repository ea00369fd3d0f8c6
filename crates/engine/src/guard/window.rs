//! The calls of the last while, counted without a lock: a ring of buckets, each one atomic word.

use std::array;
use std::time::Duration;

use super::clock::{Moment, micros};
use super::sync::{AtomicU64, Ordering::Relaxed};

/// Into how many buckets a window is cut.
const BUCKETS: usize = 10;
/// The same, for arithmetic on time.
const TURN: u64 = BUCKETS as u64;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Calls.
    pub(super) calls: u32,
    /// Those of them that failed.
    pub(super) failed: u32,
    /// Those that took too long.
    pub(super) slow: u32,
}

/// Counts of the last while.
#[derive(Debug)]
pub(super) struct Window {
    /// Microseconds that one bucket stands for.
    width: u64,
    buckets: [AtomicU64; BUCKETS],
}

/// What one word holds, 16 bits each. The round says which turn of the ring the counts are of.
#[derive(Clone, Copy, Default)]
struct Bucket {
    round: u16,
    calls: u16,
    failed: u16,
    slow: u16,
}

impl Bucket {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "sixteen bits of the word each"
    )]
    fn of(word: u64) -> Bucket {
        Bucket {
            round: (word >> 48) as u16,
            calls: (word >> 32) as u16,
            failed: (word >> 16) as u16,
            slow: word as u16,
        }
    }

    fn word(self) -> u64 {
        let upper = (u64::from(self.round) << 48) | (u64::from(self.calls) << 32);
        upper | (u64::from(self.failed) << 16) | u64::from(self.slow)
    }

    fn counting(mut self, failed: bool, slow: bool) -> Bucket {
        // Shares are what matters: a full bucket goes on at half of what it holds.
        if self.calls == u16::MAX {
            (self.calls, self.failed, self.slow) = (self.calls / 2, self.failed / 2, self.slow / 2);
        }
        self.calls += 1;
        self.failed += u16::from(failed);
        self.slow += u16::from(slow);
        self
    }
}

impl Window {
    pub(super) fn new(length: Duration) -> Window {
        Window {
            width: (micros(length) / TURN).max(1),
            buckets: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts one call.
    pub(super) fn record(&self, now: Moment, failed: bool, slow: bool) {
        let (at, round) = place(now.micros() / self.width);
        let add = |word| {
            let bucket = Some(Bucket::of(word)).filter(|bucket| bucket.round == round);
            let fresh = Bucket {
                round,
                ..Bucket::default()
            };
            Some(bucket.unwrap_or(fresh).counting(failed, slow).word())
        };
        let _ = self.buckets[at].fetch_update(Relaxed, Relaxed, add);
    }

    /// What it holds now.
    pub(super) fn tally(&self, now: Moment) -> Tally {
        let last = now.micros() / self.width;
        let mut tally = Tally::default();
        for tick in last.saturating_sub(TURN - 1)..=last {
            let (at, round) = place(tick);
            let bucket = Bucket::of(self.buckets[at].load(Relaxed));
            if bucket.round == round {
                tally.calls += u32::from(bucket.calls);
                tally.failed += u32::from(bucket.failed);
                tally.slow += u32::from(bucket.slow);
            }
        }
        tally
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Relaxed);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place below ten; rounds repeat after 65536, long after anything of the last one counted"
)]
fn place(tick: u64) -> (usize, u16) {
    ((tick % TURN) as usize, (tick / TURN) as u16)
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Moment {
        Moment::of_micros(seconds * 1_000_000)
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let window = Window::new(Duration::from_secs(10));
        window.record(at(100), true, false);
        window.record(at(105), false, true);
        let all = Tally {
            calls: 2,
            failed: 1,
            slow: 1,
        };
        assert_eq!(window.tally(at(105)), all);
        assert_eq!(window.tally(at(109)), all);
        assert_eq!(window.tally(at(112)).calls, 1);
        assert_eq!(window.tally(at(115)), Tally::default());
        window.record(at(110), false, false);
        assert_eq!(window.tally(at(110)).failed, 0, "its bucket began anew");
        window.clear();
        assert_eq!(window.tally(at(110)), Tally::default());
    }

    #[test]
    fn a_full_bucket_keeps_its_shares() {
        let window = Window::new(Duration::from_secs(10));
        for number in 0..200_000 {
            window.record(at(100), number % 4 == 0, false);
        }
        let tally = window.tally(at(100));
        let share = f64::from(tally.failed) / f64::from(tally.calls);
        assert!((share - 0.25).abs() < 0.01, "{tally:?}");
    }

    proptest! {
        #[test]
        fn it_counts_what_a_list_of_calls_would(
            steps in proptest::collection::vec((0_u64..3_000_000, any::<bool>(), any::<bool>()), 0..60)
        ) {
            let window = Window::new(Duration::from_secs(10));
            let (mut now, mut calls) = (1_000_000_000, Vec::new());
            for (pause, failed, slow) in steps {
                now += pause;
                window.record(Moment::of_micros(now), failed, slow);
                calls.push((now / 1_000_000, failed, slow));
                let first = (now / 1_000_000) - 9;
                let counted: Vec<_> = calls.iter().filter(|(tick, ..)| *tick >= first).collect();
                let count = |of: &dyn Fn(&(u64, bool, bool)) -> bool| {
                    u32::try_from(counted.iter().filter(|call| of(call)).count()).unwrap()
                };
                let expected = Tally {
                    calls: count(&|_| true),
                    failed: count(&|call| call.1),
                    slow: count(&|call| call.2),
                };
                prop_assert_eq!(window.tally(Moment::of_micros(now)), expected);
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "loom")]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_calls_of_two_cores_are_all_counted_across_a_turn_of_the_ring() {
        loom::model(|| {
            let window = Arc::new(Window::new(Duration::from_micros(10)));
            window.record(Moment::of_micros(5), true, false);
            let other = window.clone();
            let core = thread::spawn(move || other.record(Moment::of_micros(15), true, false));
            window.record(Moment::of_micros(15), false, true);
            core.join().unwrap();
            let expected = Tally {
                calls: 2,
                failed: 1,
                slow: 1,
            };
            assert_eq!(window.tally(Moment::of_micros(15)), expected);
        });
    }
}
