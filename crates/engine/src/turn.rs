//! The right to work on without a client: so many at a time, in the whole process, that clients who
//! come and go cannot pile such work up.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there may be.
pub(crate) struct Turns {
    taken: AtomicUsize,
    most: usize,
}

/// One of them, given back when dropped.
pub(crate) struct Turn(&'static Turns);

impl Turns {
    pub(crate) const fn new(most: usize) -> Turns {
        Turns {
            taken: AtomicUsize::new(0),
            most,
        }
    }

    /// One, if there is one left.
    pub(crate) fn take(&'static self) -> Option<Turn> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        let turn = Turn(self);
        (before < self.most).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_what_is_given_back_can_be_taken_again() {
        static TURNS: Turns = Turns::new(2);
        let (first, second) = (TURNS.take(), TURNS.take());
        assert!(first.is_some() && second.is_some());
        assert!(TURNS.take().is_none());
        drop(first);
        assert!(TURNS.take().is_some());
    }
}
