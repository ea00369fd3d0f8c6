//! By the model: the first rule that matches names the target.

use config::ConditionKey;

use super::{Considered, Order, Why, chosen, ranked};
use crate::ask::Ask;

/// The rules, in their order.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    key: ConditionKey,
    value: Box<str>,
    place: usize,
}

impl Rules {
    pub(super) fn build(spec: &config::Strategy, names: &[&str]) -> Result<Rules, String> {
        let rules = spec.conditions.iter().map(|written| {
            Ok(Rule {
                key: written.key,
                value: written.value.as_str().into(),
                place: place_of(&written.target_key, names)?,
            })
        });
        rules.collect::<Result<_, String>>().map(Rules)
    }

    /// The place that is chosen for the model, and why.
    pub(super) fn choice(&self, model: &str) -> (usize, Why) {
        let matching = self.0.iter().position(|rule| match rule.key {
            ConditionKey::Model => *rule.value == *model,
            ConditionKey::ModelPrefix => model.starts_with(&*rule.value),
        });
        match matching {
            Some(number) => (self.0[number].place, Why::Rule(number)),
            None => (0, Why::NoRule),
        }
    }

    /// Whether some model leads to this place.
    pub(super) fn may_choose(&self, place: usize) -> bool {
        place == 0 || self.0.iter().any(|rule| rule.place == place)
    }

    pub(super) fn order(&self, ask: &Ask<'_>, considered: Vec<Considered>) -> Order {
        // Who names a target needs no rule to choose one.
        if ask.addressed {
            return ranked(considered);
        }
        let (place, why) = self.choice(ask.model);
        chosen(considered, place, why)
    }
}

/// Where the one of this name stands.
pub(super) fn place_of(name: &str, names: &[&str]) -> Result<usize, String> {
    let place = names.iter().position(|known| *known == name);
    place.ok_or_else(|| format!("`{name}` is not one of the targets to choose from"))
}
