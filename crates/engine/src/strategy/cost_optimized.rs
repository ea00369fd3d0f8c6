//! The cheapest for this call: prompt and expected answer at the target's full price.

use config::Unpriced;

use super::{Considered, Order, Why, ranked};

/// Above every price there is.
const UNPRICED: u128 = 1 << 120;

/// The order by price.
pub(super) fn order(mut considered: Vec<Considered>, unpriced: Unpriced) -> Order {
    if unpriced == Unpriced::Skip {
        considered.retain(|one| one.price.is_some());
        if considered.is_empty() {
            return Order::none(
                "no target that serves it has a known price (unpriced_strategy: skip)",
            );
        }
    }
    for one in &mut considered {
        (one.rank, one.why) = match (one.price, unpriced) {
            (Some(price), _) => (price, Why::Costs(price)),
            (None, Unpriced::Allow) => (0, Why::Unpriced),
            (None, Unpriced::Fallback | Unpriced::Skip) => (UNPRICED, Why::Unpriced),
        };
    }
    ranked(considered)
}
