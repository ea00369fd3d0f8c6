//! Chance that proptest can shrink: a list of throws. Behind its end all throws are nought, and
//! nought is the plainest choice.

use std::slice::Iter;

use proptest::prelude::*;

/// Ends of texts that were ever a trouble to someone.
const ENDS: [&str; 9] = [
    "x", "é", "😀", "\"q\"", "a\\b", "a\nb", "a  b", "{€}", "</x>",
];

pub(crate) struct Dice<'d> {
    throws: Iter<'d, u16>,
    /// Words so far.
    words: u32,
    /// Whether everything may come that a client can send.
    pub(crate) rich: bool,
}

impl<'d> Dice<'d> {
    pub(crate) fn new(throws: &'d [u16], rich: bool) -> Dice<'d> {
        Dice {
            throws: throws.iter(),
            words: 0,
            rich,
        }
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: u16) -> u16 {
        self.throws.next().map_or(0, |throw| throw % bound)
    }

    /// Mostly no.
    pub(crate) fn once_in(&mut self, times: u16) -> bool {
        self.below(times) == times - 1
    }

    /// The same, but never where only what everybody knows is wanted.
    pub(crate) fn rarely(&mut self, times: u16) -> bool {
        self.rich && self.once_in(times)
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.below(u16::try_from(of.len()).unwrap_or(u16::MAX));
        of[usize::from(at)].clone()
    }

    /// Something that is said nowhere else: `w7.` and an end.
    pub(crate) fn words(&mut self) -> String {
        let end = self.pick(&ENDS);
        self.name() + "." + end
    }

    /// The same as one plain word.
    pub(crate) fn name(&mut self) -> String {
        self.words += 1;
        format!("w{}", self.words)
    }
}

/// Throws for anything.
pub(crate) fn throws() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 8..220)
}
