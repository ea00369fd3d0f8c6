//! How many calls a target bears, found out from how they go.

use std::time::Duration;

use super::clock::{Moment, micros};
use super::sync::{AtomicU64, Ordering};

/// How a call at the bound went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Felt {
    /// As usual.
    Well,
    /// Far slower than usual.
    Slow,
    /// Rate limited, or out of time.
    Pushed,
}

/// The bound that a target bears: a little up with each call that went well at the bound, a part down
/// when it pushes back.
#[derive(Debug)]
pub(super) struct Pace {
    /// Thousandths of a place.
    limit: AtomicU64,
    /// When it last went down.
    fell: AtomicU64,
}

const PLACE: u64 = 1_000;
/// It does not fall again before the calls that it fell for are through.
const FALLS_EVERY: Duration = Duration::from_secs(1);

impl Pace {
    /// A bound that begins at the most.
    pub(super) fn at(most: u64) -> Pace {
        Pace {
            limit: AtomicU64::new(most * PLACE),
            fell: AtomicU64::new(0),
        }
    }

    /// The bound now, in places.
    pub(super) fn limit(&self) -> u64 {
        (self.limit.load(Ordering::Relaxed) / PLACE).max(1)
    }

    /// Takes in how a call went while so many were under way.
    pub(super) fn feel(&self, now: Moment, felt: Felt, most: u64, taken: u64) {
        let change: fn(u64) -> u64 = match felt {
            // Room that is not used says nothing about what can be borne.
            Felt::Well if taken * 2 < self.limit() => return,
            Felt::Well => |limit| limit + PLACE * PLACE / limit.max(PLACE),
            Felt::Slow if self.may_fall(now) => |limit| limit * 9 / 10,
            Felt::Pushed if self.may_fall(now) => |limit| limit * 7 / 10,
            Felt::Slow | Felt::Pushed => return,
        };
        let bounded = |limit| Some(change(limit).clamp(PLACE, most * PLACE));
        let free = Ordering::Relaxed;
        let _ = self.limit.fetch_update(free, free, bounded);
    }

    fn may_fall(&self, now: Moment) -> bool {
        let (fell, free) = (self.fell.load(Ordering::Relaxed), Ordering::Relaxed);
        let due = fell == 0 || now.micros().saturating_sub(fell) >= micros(FALLS_EVERY);
        due && self
            .fell
            .compare_exchange(fell, now.micros(), free, free)
            .is_ok()
    }
}
