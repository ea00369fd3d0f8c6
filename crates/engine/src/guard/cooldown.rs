//! Leaving alone what asked to be left alone.

use std::time::Duration;

use super::clock::Moment;
use super::sync::{AtomicU64, Ordering::Relaxed};
use crate::defect::{Defect, planted};

/// The first wait where a vendor names none; it doubles each time.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait that is guessed.
const LONGEST_GUESS: Duration = Duration::from_secs(30);
/// The longest wait that a vendor is believed.
const LONGEST_HINT: Duration = Duration::from_hours(1);

/// Until when something is left alone.
#[derive(Debug, Default)]
pub(crate) struct Cooldown {
    until: AtomicU64,
    /// How often in a row it was asked for without a hint.
    strikes: AtomicU64,
}

impl Cooldown {
    /// Cools for as long as the vendor said, or longer each time. Gives the time.
    pub(crate) fn cool(&self, now: Moment, hint: Option<Duration>) -> Duration {
        let wait = match hint {
            Some(hint) => hint.min(LONGEST_HINT),
            None => {
                let before = self.strikes.fetch_add(1, Relaxed).min(16);
                FIRST.saturating_mul(1 << before).min(LONGEST_GUESS)
            }
        };
        self.until.fetch_max(now.after(wait).micros(), Relaxed);
        wait
    }

    /// A call went well: the next guess is a short one again.
    pub(crate) fn well(&self) {
        if self.strikes.load(Relaxed) != 0 {
            self.strikes.store(0, Relaxed);
        }
    }

    /// How much longer it is left alone.
    pub(crate) fn left(&self, now: Moment) -> Option<Duration> {
        let until = self.until.load(Relaxed);
        // Most were never asked to be left alone.
        if until == 0 || planted(Defect::CooldownIgnored) {
            return None;
        }
        Some(now.until(Moment::of_micros(until))).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::of_micros(millis * 1_000)
    }

    #[test]
    fn z4_a_hint_holds_until_it_expires() {
        let cooldown = Cooldown::default();
        assert_eq!(cooldown.left(at(5)), None);
        cooldown.cool(at(1_000), Some(Duration::from_secs(7)));
        assert_eq!(cooldown.left(at(3_000)), Some(Duration::from_secs(5)));
        assert_eq!(cooldown.left(at(8_000)), None);
        cooldown.cool(at(8_000), Some(Duration::from_secs(9)));
        cooldown.cool(at(8_000), Some(Duration::from_secs(1)));
        assert_eq!(cooldown.left(at(8_000)), Some(Duration::from_secs(9)));
        let day = cooldown.cool(at(8_000), Some(Duration::from_hours(24)));
        assert_eq!(day, LONGEST_HINT, "nobody is left alone for a day");
    }

    #[test]
    fn without_a_hint_the_wait_doubles_up_to_a_bound_and_success_forgets() {
        let cooldown = Cooldown::default();
        let waits: Vec<_> = (0..7)
            .map(|_| cooldown.cool(at(1), None).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        cooldown.well();
        assert_eq!(cooldown.cool(at(1), None), FIRST);
    }
}
