//! In which order the targets that can serve a call are tried for it.
//!
//! A strategy is a pure function of facts: what is asked, who can serve it, how they stand, and
//! dice. It has no clock, takes no lock and sends nothing. It orders; to send, to retry and to skip
//! is the walk's.

mod ab_test;
mod conditional;
mod content_based;
mod cost_optimized;
mod group;
mod least_latency;
mod loadbalance;
mod why;

use std::sync::Arc;

use config::Mode;

use crate::ask::Ask;
use crate::dice::Dice;
use crate::directory::Candidate;
use crate::guard::standing::Standing;
pub(crate) use group::Named;
pub use group::{Group, Member};
pub use why::Why;
pub(crate) use why::usd;

/// A candidate, and what an order may depend on.
pub struct Considered {
    /// Who would be called.
    pub candidate: Candidate,
    /// How it stands now.
    pub standing: Standing,
    /// What the call will probably cost there, in pico-dollars; only known where it decides.
    pub price: Option<u128>,
    /// Its share of the calls.
    pub weight: f64,
    /// Called only when all others have failed or are barred.
    pub standby: bool,
    /// Where it is written among those the strategy chooses from.
    pub place: usize,
    /// Why it stands where it does.
    pub why: Why,
    /// The side of an experiment that it serves.
    pub variant: Option<Arc<str>>,
    /// The lower the earlier.
    rank: u128,
    /// The rest of its group.
    behind: Vec<Considered>,
}

/// Whom to try, in which order.
pub struct Order {
    /// The candidates, best first.
    pub candidates: Vec<Considered>,
    /// Whether a failure moves on to the next one.
    pub advance: bool,
    /// The side of an experiment that the caller is on.
    pub variant: Option<Arc<str>>,
    /// Why there are none, although some could serve the call.
    pub lacking: Option<&'static str>,
}

/// A way to choose, ready to be asked.
#[derive(Debug)]
pub enum Strategy {
    /// The first one, and no other.
    Single,
    /// In the order written.
    Fallback,
    /// By weight.
    Loadbalance,
    /// By the model.
    Conditional(conditional::Rules),
    /// The fastest of late.
    LeastLatency {
        /// With which probability another one is tried first.
        explore: f64,
    },
    /// The cheapest.
    CostOptimized(config::Unpriced),
    /// By the text.
    ContentBased(content_based::Rules),
    /// By who asks.
    AbTest(ab_test::Experiment),
}

impl Considered {
    /// A candidate of which nothing else is known yet.
    pub fn new(candidate: Candidate, place: usize) -> Considered {
        Considered {
            candidate,
            standing: Standing::default(),
            price: None,
            weight: 0.0,
            standby: false,
            place,
            why: Why::Written,
            variant: None,
            rank: 0,
            behind: Vec::new(),
        }
    }

    fn is_barred(&self) -> bool {
        self.standing.barred.is_some()
    }
}

impl Strategy {
    /// What runs of what was written; rules choose among these names.
    pub fn build(spec: &config::Strategy, names: &[&str]) -> Result<Strategy, String> {
        Ok(match spec.mode {
            Mode::Single => Strategy::Single,
            Mode::Fallback => Strategy::Fallback,
            Mode::Loadbalance => Strategy::Loadbalance,
            Mode::Conditional => Strategy::Conditional(conditional::Rules::build(spec, names)?),
            Mode::LeastLatency => Strategy::LeastLatency {
                explore: spec.explore.map_or(least_latency::EXPLORE, |share| share.0),
            },
            Mode::CostOptimized => Strategy::CostOptimized(spec.unpriced_strategy),
            Mode::ContentBased => Strategy::ContentBased(content_based::Rules::build(spec, names)?),
            Mode::AbTest => Strategy::AbTest(ab_test::Experiment::build(spec, names)?),
        })
    }

    /// The word for it.
    pub fn label(&self) -> &'static str {
        let mode = match self {
            Strategy::Single => Mode::Single,
            Strategy::Fallback => Mode::Fallback,
            Strategy::Loadbalance => Mode::Loadbalance,
            Strategy::Conditional(_) => Mode::Conditional,
            Strategy::LeastLatency { .. } => Mode::LeastLatency,
            Strategy::CostOptimized(_) => Mode::CostOptimized,
            Strategy::ContentBased(_) => Mode::ContentBased,
            Strategy::AbTest(_) => Mode::AbTest,
        };
        mode.label()
    }

    /// The order for a call of those that can serve it.
    pub fn order(&self, ask: &Ask<'_>, considered: Vec<Considered>, dice: &mut Dice) -> Order {
        match self {
            Strategy::Single => chosen(considered, 0, Why::Written).only(0),
            Strategy::Fallback => ranked(considered),
            Strategy::Loadbalance => ranked(loadbalance::drawn(considered, dice)),
            Strategy::Conditional(rules) => rules.order(ask, considered),
            Strategy::LeastLatency { explore } => {
                ranked(least_latency::timed(considered, *explore, dice))
            }
            Strategy::CostOptimized(unpriced) => cost_optimized::order(considered, *unpriced),
            Strategy::ContentBased(rules) => rules.order(ask, considered),
            Strategy::AbTest(experiment) => experiment.order(ask, considered, dice),
        }
    }

    /// Whether an order depends on prices.
    pub fn asks_for_prices(&self) -> bool {
        matches!(self, Strategy::CostOptimized(_))
    }

    /// Whether some call for the model can be led to the one at this place.
    pub fn reaches(&self, model: &str, place: usize, weight: f64, standby: bool) -> bool {
        match self {
            Strategy::Single => place == 0,
            Strategy::Fallback | Strategy::LeastLatency { .. } | Strategy::CostOptimized(_) => true,
            Strategy::Loadbalance => weight > 0.0 || standby,
            Strategy::Conditional(rules) => rules.choice(model).0 == place,
            Strategy::ContentBased(rules) => rules.may_choose(place),
            Strategy::AbTest(experiment) => experiment.has(place),
        }
    }
}

impl Strategy {
    /// The same for a call of any model.
    pub fn leads_to(&self, place: usize, weight: f64, standby: bool) -> bool {
        match self {
            Strategy::Conditional(rules) => rules.may_choose(place),
            other => other.reaches("", place, weight, standby),
        }
    }
}

impl Order {
    fn of(candidates: Vec<Considered>) -> Order {
        Order {
            candidates,
            advance: true,
            variant: None,
            lacking: None,
        }
    }

    fn none(lacking: &'static str) -> Order {
        Order {
            lacking: Some(lacking),
            ..Order::of(Vec::new())
        }
    }

    /// The same without those that are written elsewhere than at this place.
    fn only(mut self, place: usize) -> Order {
        self.candidates.retain(|one| one.place == place);
        self
    }

    /// Groups laid out: each brings those behind it.
    fn flat(mut self) -> Order {
        if self.candidates.iter().all(|unit| unit.behind.is_empty()) {
            return self;
        }
        if !self.advance {
            // A rule chose the group; within it a failure moves on, out of it it does not.
            self.candidates.truncate(1);
            self.advance = true;
        }
        let units = std::mem::take(&mut self.candidates);
        for mut unit in units {
            let behind = std::mem::take(&mut unit.behind);
            self.candidates.push(unit);
            self.candidates.extend(behind);
        }
        self.candidates.sort_by_key(Considered::is_barred);
        self
    }
}

/// A pool: by rank, as written among equals; last resorts behind the others, and whoever is barred
/// behind everybody.
fn ranked(mut considered: Vec<Considered>) -> Order {
    if considered.len() > 1 {
        considered.sort_by_key(|one| (one.is_barred(), one.standby, one.rank));
    }
    Order::of(considered)
}

/// One that a rule names. Where it is barred, the first of the others that is not takes its place;
/// what it does not serve, nobody else is asked for.
fn chosen(mut considered: Vec<Considered>, place: usize, why: Why) -> Order {
    let Some(named) = considered.iter_mut().find(|one| one.place == place) else {
        return Order::none("the target that the strategy chooses for this call does not serve it");
    };
    named.why = why;
    considered.sort_by_key(|one| (one.is_barred(), one.place != place));
    Order {
        advance: false,
        ..Order::of(considered)
    }
}

#[cfg(test)]
mod tests;
