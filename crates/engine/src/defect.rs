//! Defects that the simulation plants in the engine, to see that it finds them. Outside of its tests
//! there are none, and nothing is left of the question.

/// Something that the engine does wrong when it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// A breaker lets everybody through.
    OpenBreakerAdmits,
    /// A half-open breaker lets one more through than it may.
    OneProbeTooMany,
    /// Every retry and hedge is paid for.
    BudgetIgnored,
    /// Nobody is left alone for a while.
    CooldownIgnored,
    /// A call waits for the target that limits its rate, whoever else is free.
    WaitsInPlace,
    /// How long a target took is known for ever, and what it takes now changes nothing.
    LatencyFrozen,
}

/// Whether the defect is there.
#[cfg(not(test))]
pub(crate) const fn planted(_: Defect) -> bool {
    false
}

#[cfg(test)]
pub(crate) use planting::{plant, planted};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::Defect;

    thread_local! {
        static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    /// From now on this thread's engine has the defect, or none.
    pub(crate) fn plant(defect: Option<Defect>) {
        PLANTED.set(defect);
    }

    pub(crate) fn planted(defect: Defect) -> bool {
        PLANTED.get() == Some(defect)
    }
}
