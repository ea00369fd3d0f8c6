//! The models that a target serves, and other names for models.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Models served by a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Models {
    /// Ids that are the same for the client and the target.
    List(Vec<String>),
    /// From what a client asks for to the target's own id. `*` in what is asked for stands for
    /// anything; `*` in the own id is replaced by what it stood for.
    Map(BTreeMap<String, Model>),
}

/// One model as a target serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Model {
    /// The target's own id.
    Id(String),
    /// The same with what is known of the model.
    Described(Box<Description>),
}

/// What an operator says of a model at a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// The target's own id; what is asked for when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// The model that it is, by its maker's name, where the id is only yours: a deployment, an
    /// opaque ARN. It decides how the model is spoken to, and what it costs if nothing else is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub family: Option<String>,
    /// How many tokens it takes, prompt and answer together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub context_window: Option<u64>,
    /// How many tokens an answer has at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_output_tokens: Option<u64>,
    /// US dollars for a million tokens of prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_price: Option<PriceText>,
    /// US dollars for a million tokens of answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_price: Option<PriceText>,
    /// US dollars for a million tokens of prompt that the provider had cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_price: Option<PriceText>,
}

/// US dollars for a million tokens, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceText(String);

/// The JSON Schema `format` of a [`PriceText`].
pub(crate) const PRICE: &str = "usd-per-million";

/// What is wrong with a text that should be a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a price: expected US dollars such as 2.50, from 0 to 1000000, with at most 6 decimals"
)]
pub struct PriceError;

impl PriceText {
    /// Millionths of a US dollar for a million tokens, which is pico-dollars for a token.
    pub fn micros(&self) -> Result<u64, PriceError> {
        read_price(&self.0)
    }
}

/// Decimal digits to millionths, without a float on the way.
pub(crate) fn read_price(text: &str) -> Result<u64, PriceError> {
    const DECIMALS: usize = 6;
    const HIGHEST: u64 = 1_000_000 * 1_000_000;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let part = part.trim_end_matches('0');
    let good = digits(whole) && whole.len() <= 7 && (part.is_empty() || digits(part));
    if !good || part.len() > DECIMALS || text.ends_with('.') {
        return Err(PriceError);
    }
    format!("{whole}{part:0<DECIMALS$}")
        .parse()
        .ok()
        .filter(|micros| *micros <= HIGHEST)
        .ok_or(PriceError)
}

impl JsonSchema for PriceText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PriceText".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": PRICE, "examples": ["2.50"]})
    }
}

impl Default for Models {
    fn default() -> Self {
        Models::List(Vec::new())
    }
}

impl Model {
    /// The target's own id, when one is written.
    pub fn id(&self) -> Option<&str> {
        match self {
            Model::Id(id) => Some(id),
            Model::Described(described) => described.id.as_deref(),
        }
    }

    /// What is said of it.
    pub fn description(&self) -> Option<&Description> {
        match self {
            Model::Id(_) => None,
            Model::Described(described) => Some(described),
        }
    }
}

impl Models {
    /// Every model as (what a client asks for, the target's own id).
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let entries = self.entries();
        entries.map(|(asked, own, _)| (asked, own)).collect()
    }

    /// Every model: what a client asks for, the target's own id, what is said of it.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, Option<&Description>)> {
        let (list, map) = match self {
            Models::List(ids) => (Some(ids), None),
            Models::Map(ids) => (None, Some(ids)),
        };
        let listed = list.into_iter().flatten();
        let listed = listed.map(|id| (id.as_str(), id.as_str(), None));
        let mapped = map.into_iter().flatten().map(|(asked, model)| {
            let own = model.id().unwrap_or(asked);
            (asked.as_str(), own, model.description())
        });
        listed.chain(mapped)
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        match self {
            Models::List(ids) => ids.is_empty(),
            Models::Map(ids) => ids.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_to_the_millionth() {
        for (text, micros) in [
            ("0", Some(0)),
            ("2.5", Some(2_500_000)),
            ("2.50", Some(2_500_000)),
            ("0.000001", Some(1)),
            ("10", Some(10_000_000)),
            ("1000000", Some(1_000_000_000_000)),
            ("0.0750000", Some(75_000)),
            ("1000000.1", None),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("1e3", None),
            ("free", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read_price(text).ok(), micros, "{text}");
        }
    }
}
