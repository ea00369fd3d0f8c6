//! What an operator says a target serves: ids, patterns, and what a model costs there.

use std::sync::Arc;

use catalog::{Amount, Price, Unit};
use providers::Provider;

use crate::glob::Glob;
use crate::target::Env;

/// The models that are declared for a target.
#[derive(Debug, Default)]
pub struct Declared {
    /// The id asked for and the target's own.
    exact: Vec<(Box<str>, Arc<str>)>,
    /// The closest ones first.
    patterns: Vec<(Glob, Box<str>)>,
    /// By the target's own id, in which a `*` may stand.
    offers: Vec<(Glob, Offer)>,
    /// The models that they are, by the target's own id, where the operator says.
    families: Vec<(Glob, Box<str>)>,
}

/// What is known of a model at a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Tokens of prompt and answer together.
    pub context_window: Option<u64>,
    /// Tokens of an answer at most.
    pub max_output_tokens: Option<u64>,
    /// Pico-dollars for a token of prompt.
    pub input: Option<u64>,
    /// Pico-dollars for a token of answer.
    pub output: Option<u64>,
    /// Pico-dollars for a token of prompt that the vendor had cached.
    pub cached: Option<u64>,
}

impl Offer {
    /// The operator's prices, over those that are known.
    pub(crate) fn over(&self, mut known: Price) -> Price {
        for (unit, pico) in [
            (Unit::Input, self.input),
            (Unit::Output, self.output),
            (Unit::CacheRead, self.cached),
        ] {
            if let Some(pico) = pico {
                known.fix(unit, Amount::of_pico(pico));
            }
        }
        known
    }

    /// Whether it says a price.
    pub(crate) fn has_price(&self) -> bool {
        self.input.or(self.output).or(self.cached).is_some()
    }
}

impl Declared {
    /// What the operator lists, and what the environment or the row names.
    pub(super) fn build(models: &config::Models, provider: &Provider, env: Env<'_>) -> Declared {
        let mut declared = Declared::default();
        for (asked, own, said) in models.entries() {
            if asked.contains('*') {
                declared.patterns.push((Glob::new(asked), own.into()));
            } else {
                declared.exact.push((asked.into(), own.into()));
            }
            if let Some(said) = said {
                declared.offers.push((Glob::new(own), offer(said)));
                let family = said
                    .family
                    .as_deref()
                    .map(|family| (Glob::new(own), family.into()));
                declared.families.extend(family);
            }
        }
        declared
            .patterns
            .sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal()));
        let named =
            providers::models_from_env(provider, env).unwrap_or_else(|| provider.models.clone());
        for id in named {
            if !declared.exact.iter().any(|(asked, _)| **asked == *id) {
                declared
                    .exact
                    .push((id.as_str().into(), id.as_str().into()));
            }
        }
        declared
    }

    /// The ids that are named one by one, with the target's own.
    pub fn exact(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.exact.iter().map(|(asked, own)| (&**asked, own))
    }

    /// The target's own id for a model that a pattern takes in, and how close the pattern is.
    pub fn by_pattern(&self, model: &str) -> Option<(Arc<str>, usize)> {
        self.patterns.iter().find_map(|(pattern, own)| {
            let own = pattern.rewrite(model, own)?;
            Some((own.into(), pattern.literal()))
        })
    }

    /// The model that it is, by the target's own id, where the operator says.
    pub fn family(&self, own: &str) -> Option<&str> {
        let found = self.families.iter().find(|(id, _)| id.matches(own));
        found.map(|(_, family)| &**family)
    }

    /// What is known of a model, by the target's own id.
    pub fn offer(&self, own: &str) -> Option<&Offer> {
        let found = self.offers.iter().find(|(id, _)| id.matches(own));
        found.map(|(_, offer)| offer)
    }
}

/// A price that is no price was refused when the configuration was read.
fn offer(said: &config::Description) -> Offer {
    let price =
        |text: &Option<config::PriceText>| text.as_ref().and_then(|text| text.micros().ok());
    Offer {
        context_window: said.context_window,
        max_output_tokens: said.max_output_tokens,
        input: price(&said.input_price),
        output: price(&said.output_price),
        cached: price(&said.cached_price),
    }
}
