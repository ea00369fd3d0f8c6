//! By the text: the first rule that matches names the target.
//!
//! A rule says yes, no, or nothing: of a call without messages of the kind that it reads it says
//! nothing, also where it asks what they do not hold.

use config::{ContentKind, Role};
use regex::{Regex, RegexBuilder};

use super::conditional::place_of;
use super::{Considered, Order, Why, chosen, ranked};
use crate::ask::{Ask, Text};

/// What a compiled expression may weigh; more was refused when the configuration was read.
const REGEX_BYTES: usize = 1 << 20;

/// The rules, in their order.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    test: Test,
    roles: Box<[Role]>,
    place: usize,
}

#[derive(Debug)]
enum Test {
    /// In lower case.
    Holds(String),
    /// In lower case.
    HoldsNot(String),
    Finds(Regex),
}

impl Rules {
    pub(super) fn build(spec: &config::Strategy, names: &[&str]) -> Result<Rules, String> {
        let rules = spec.content_conditions.iter().map(|written| {
            let test = match written.kind {
                ContentKind::PromptContains => Test::Holds(written.value.to_lowercase()),
                ContentKind::PromptNotContains => Test::HoldsNot(written.value.to_lowercase()),
                ContentKind::PromptRegex => {
                    let compiled = RegexBuilder::new(&written.value)
                        .size_limit(REGEX_BYTES)
                        .build();
                    Test::Finds(compiled.map_err(|error| error.to_string())?)
                }
            };
            Ok(Rule {
                test,
                roles: written.roles.clone().into(),
                place: place_of(&written.target_key, names)?,
            })
        });
        rules.collect::<Result<_, String>>().map(Rules)
    }

    /// Whether some text leads to this place.
    pub(super) fn may_choose(&self, place: usize) -> bool {
        place == 0 || self.0.iter().any(|rule| rule.place == place)
    }

    pub(super) fn order(&self, ask: &Ask<'_>, considered: Vec<Considered>) -> Order {
        if ask.addressed {
            return ranked(considered);
        }
        match self.0.iter().position(|rule| rule.matches(ask.text)) {
            Some(number) => chosen(considered, self.0[number].place, Why::Rule(number)),
            None => chosen(considered, 0, Why::NoRule),
        }
    }
}

impl Rule {
    fn matches(&self, text: &Text<'_>) -> bool {
        let heard = |role: Option<Role>| role.is_some_and(|role| self.roles.contains(&role));
        let read = text.messages().iter();
        let mut read = read
            .filter(|message| heard(message.role))
            .map(|message| &*message.text)
            .peekable();
        if read.peek().is_none() {
            return false;
        }
        match &self.test {
            Test::Holds(part) => read.any(|text| text.to_lowercase().contains(part)),
            Test::HoldsNot(part) => read.all(|text| !text.to_lowercase().contains(part)),
            Test::Finds(regex) => read.any(|text| regex.is_match(text)),
        }
    }
}
