//! Time as guards keep it: microseconds since their clock was started, so that a moment fits into an
//! atomic. Nothing here but [`Clock::now`] reads a clock.

use std::time::Duration;

use tokio::time::Instant;

/// A point in time, of one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// So many microseconds after the clock was started.
    pub const fn of_micros(micros: u64) -> Moment {
        Moment(micros)
    }

    /// The same as a number.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// So much later.
    pub fn after(self, wait: Duration) -> Moment {
        Moment(self.0.saturating_add(micros(wait)))
    }

    /// How long it is until then; nothing when that is past.
    pub fn until(self, then: Moment) -> Duration {
        Duration::from_micros(then.0.saturating_sub(self.0))
    }
}

/// Whole microseconds, and the most of them where there are more.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The start that moments are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// The moment that it is now.
    pub fn now(self) -> Moment {
        self.at(Instant::now())
    }

    /// The moment of an instant; never the zero that stands for "not yet" in atomics.
    pub fn at(self, instant: Instant) -> Moment {
        Moment(micros(instant.saturating_duration_since(self.0)).saturating_add(1))
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::start()
    }
}
