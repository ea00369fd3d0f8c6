//! Damage to seeds, for the run that has no coverage to be guided by.

use crate::seeds::{dictionary, seeds};
use crate::{Target, input};

/// Makes inputs of a target's seeds: spliced, cut, repeated, and with bytes and words changed.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
    words: Vec<String>,
}

/// Longer inputs show nothing that these do not, and slow all others down.
const LONGEST: usize = 1 << 14;

impl Mutator {
    /// Starts from a number: the same number, the same inputs.
    pub fn new(target: &Target, start: u64) -> Mutator {
        Mutator {
            state: start | 1,
            seeds: seeds(target),
            words: dictionary(target),
        }
    }

    /// A number below another.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from((self.state >> 11) % bound).unwrap_or(0)
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    /// The next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        for at in 1..input::HEAD {
            if self.below(2) == 0 && at < bytes.len() {
                bytes[at] = self.state.to_le_bytes()[3];
            }
        }
        for _ in 0..=self.below(4) {
            self.damage(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let room = bytes.len().saturating_sub(input::HEAD);
        let start = input::HEAD.min(bytes.len()) + self.below(room + 1);
        let longest = if self.below(3) == 0 { room } else { 12 };
        let end = bytes.len().min(start + self.below(longest + 1));
        match self.below(6) {
            0 => _ = bytes.drain(start..end),
            1 => {
                let repeated = bytes[start..end].to_vec();
                bytes.splice(start..start, repeated);
            }
            2 => {
                let other = self.seed();
                let from = self.below(other.len());
                bytes.splice(start..end, other[from..].iter().copied());
            }
            3 => {
                let at = self.below(self.words.len());
                let word = self.words.get(at).cloned().unwrap_or_default();
                bytes.splice(start..end, word.into_bytes());
            }
            4 => {
                for byte in &mut bytes[start..end] {
                    *byte = self.state.to_le_bytes()[2];
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }
}
