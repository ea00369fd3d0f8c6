//! By weight: a draw without replacement, so that the share of one that fails is drawn anew among
//! all others and no neighbour inherits it. No weight means never.

use super::{Considered, Why};
use crate::dice::{Dice, arrival};

/// Those that may be called, with the places they drew.
pub(super) fn drawn(mut considered: Vec<Considered>, dice: &mut Dice) -> Vec<Considered> {
    considered.retain(|one| one.weight > 0.0 || one.standby);
    for one in &mut considered {
        if !one.standby {
            one.rank = arrival(dice.number(), one.weight);
            one.why = Why::Drawn(one.weight);
        }
    }
    considered
}
