//! What several rounds say about one number.

use std::fmt;

/// The middle of the rounds, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// All zero when there was no round.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        let at = |index: usize| rounds.get(index).copied().unwrap_or(0.0);
        let last = rounds.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            least: at(0),
            most: at(last),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median,
            least,
            most,
        } = self;
        write!(f, "{median:.1} [{least:.1}–{most:.1}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_that_of_the_sorted_rounds() {
        let spread = |least, median, most| Spread {
            median,
            least,
            most,
        };
        let cases = [
            (vec![], spread(0.0, 0.0, 0.0)),
            (vec![2.0], spread(2.0, 2.0, 2.0)),
            (vec![9.0, 1.0, 2.0], spread(1.0, 2.0, 9.0)),
            (vec![4.0, 1.0, 2.0, 9.0], spread(1.0, 3.0, 9.0)),
        ];
        for (rounds, expected) in cases {
            assert_eq!(Spread::of(rounds), expected);
        }
    }
}
