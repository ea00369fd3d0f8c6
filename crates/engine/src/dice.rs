//! Chance that comes in from outside: the same seed throws the same.

/// A source of chance for one decision.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that throw what this seed says.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number above 0 and up to 1.
    pub fn fraction(&mut self) -> f64 {
        fraction(self.number())
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.number()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

/// A number of which every bit depends on every bit of `seed` (`SplitMix64`).
pub(crate) fn mix(seed: u64) -> u64 {
    let mut mixed = seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The number as a part of all numbers: above 0 and up to 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
fn fraction(number: u64) -> f64 {
    ((number >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// When a runner with this share reaches the goal: of several, each is first with a probability
/// of its share, and those behind it are ordered as if it had not run.
pub(crate) fn arrival(number: u64, share: f64) -> u128 {
    // Of numbers that are not negative, the bits are in the order of the numbers.
    u128::from((-fraction(number).ln() / share).max(0.0).to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_a_bound_comes_up_about_as_often() {
        let mut dice = Dice::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..10_000 {
            seen[dice.below(5)] += 1;
            let fraction = dice.fraction();
            assert!(fraction > 0.0 && fraction <= 1.0);
        }
        assert!(
            seen.iter().all(|count| (1_800..2_200).contains(count)),
            "{seen:?}"
        );
        assert_eq!(dice.below(0), 0);
    }
}
