//! The fastest of late. One that nobody has timed stands behind those that were, or each new or
//! failing target would be everybody's first; now and then another than the fastest is tried, or
//! nobody would learn that it has become faster.

use super::{Considered, Why};
use crate::dice::Dice;

/// The share of calls that explore, where nothing is written.
pub(super) const EXPLORE: f64 = 0.05;

/// Above every time there is.
const UNTIMED: u128 = 1 << 100;

/// Those that may be called, with the places that their times give them.
pub(super) fn timed(
    mut considered: Vec<Considered>,
    explore: f64,
    dice: &mut Dice,
) -> Vec<Considered> {
    if considered.len() < 2 {
        return considered;
    }
    for one in &mut considered {
        (one.rank, one.why) = match one.standing.latency {
            // The first place of all is for whoever explores.
            Some(time) => (time.as_nanos() + 1, Why::Took(time)),
            None => (UNTIMED + u128::from(dice.number()), Why::Untimed),
        };
    }
    if dice.fraction() <= explore
        && let Some(one) = explored(&mut considered, dice)
    {
        (one.rank, one.why) = (0, Why::Explored);
    }
    considered
}

/// One of those that are not the fastest: of the untimed, if there are any.
fn explored<'c>(considered: &'c mut [Considered], dice: &mut Dice) -> Option<&'c mut Considered> {
    let open = |one: &Considered| !one.is_barred() && !one.standby;
    let fastest = considered.iter().filter(|one| open(one));
    let fastest = fastest.min_by_key(|one| one.rank)?.place;
    let others = |one: &Considered| open(one) && one.place != fastest;
    let untimed = |one: &Considered| one.standing.latency.is_none();
    let any_untimed = considered.iter().any(|one| others(one) && untimed(one));
    let may = |one: &&mut Considered| others(one) && (!any_untimed || untimed(one));
    let count = considered.iter_mut().filter(may).count();
    considered.iter_mut().filter(may).nth(dice.below(count))
}
