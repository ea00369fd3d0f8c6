//! How a target stands with one model at one moment.
//!
//! Plain data: whoever decides an order, explains it or simulates it needs neither a clock nor a
//! lock, and two looks at the same standing give the same order.

use std::time::Duration;

/// How a target stands with a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Why it takes no call now; nothing when it does.
    pub barred: Option<Barred>,
    /// How long it lately took for this kind of call: a whole answer, or a stream's first content.
    /// Decayed, failures counted in; nothing when there is no sample that still says anything.
    pub latency: Option<Duration>,
    /// What is left of the vendor's own limit, as far as its headers told: 1.0 is all of it.
    pub headroom: Option<f64>,
}

/// A target that takes no call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barred {
    /// What bars it.
    pub why: Bar,
    /// When it may be tried again.
    pub wait: Duration,
}

/// What bars a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bar {
    /// Its breaker is open.
    Open,
    /// Its breaker is half open, and all probes are out.
    Probing,
    /// Its vendor said when to come back, and that is not yet.
    Cooling,
    /// Its health check fails.
    Unhealthy,
}
