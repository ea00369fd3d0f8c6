//! Money.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use crate::decimal::{self, BadNumber};

/// Dollars have so many decimal places here.
const PLACES: usize = 12;

/// An amount of money in pico-dollars: 10⁻¹² of a United States dollar. Holds up to 18 million
/// dollars; sums stop there instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(u64);

impl PicoUsd {
    /// Nothing.
    pub const ZERO: PicoUsd = PicoUsd(0);
    /// The most that can be held.
    pub const MAX: PicoUsd = PicoUsd(u64::MAX);

    /// An amount given in pico-dollars.
    pub const fn new(pico: u64) -> PicoUsd {
        PicoUsd(pico)
    }

    /// The amount in pico-dollars.
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left when another amount is taken off; never below nothing.
    pub const fn saturating_sub(self, other: PicoUsd) -> PicoUsd {
        PicoUsd(self.0.saturating_sub(other.0))
    }
}

impl From<u128> for PicoUsd {
    /// Pico-dollars; what is too much is the most.
    fn from(pico: u128) -> PicoUsd {
        PicoUsd(u64::try_from(pico).unwrap_or(u64::MAX))
    }
}

impl Add for PicoUsd {
    type Output = PicoUsd;

    fn add(self, other: PicoUsd) -> PicoUsd {
        PicoUsd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for PicoUsd {
    fn add_assign(&mut self, other: PicoUsd) {
        *self = *self + other;
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = PicoUsd>>(amounts: I) -> PicoUsd {
        amounts.fold(PicoUsd::ZERO, Add::add)
    }
}

impl FromStr for PicoUsd {
    type Err = BadNumber;

    /// Dollars in decimal: `0.25`, `2.5e-7`. Beyond twelve places it is rounded half up.
    fn from_str(dollars: &str) -> Result<PicoUsd, BadNumber> {
        let pico = decimal::scaled(dollars, 12)?;
        u64::try_from(pico)
            .map(PicoUsd)
            .map_err(|_| BadNumber::TooLarge)
    }
}

impl fmt::Display for PicoUsd {
    /// Dollars in decimal, exact, never with an exponent: `0.0000125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::text(self.0.into(), PLACES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_in_dollars_to_the_last_place() {
        for (pico, dollars) in [
            (0, "0"),
            (1, "0.000000000001"),
            (12_500_000, "0.0000125"),
            (1_000_000_000_000, "1"),
            (1_230_000_000_000_000, "1230"),
            (u64::MAX, "18446744.073709551615"),
        ] {
            assert_eq!(PicoUsd::new(pico).to_string(), dollars);
            assert_eq!(dollars.parse(), Ok(PicoUsd::new(pico)));
        }
        assert_eq!("18446745".parse::<PicoUsd>(), Err(BadNumber::TooLarge));
    }

    #[test]
    fn sums_stop_at_the_most() {
        let sum: PicoUsd = [PicoUsd::MAX, PicoUsd::new(1)].into_iter().sum();
        assert_eq!(sum, PicoUsd::MAX);
        assert_eq!(PicoUsd::ZERO.saturating_sub(PicoUsd::new(1)), PicoUsd::ZERO);
    }
}
