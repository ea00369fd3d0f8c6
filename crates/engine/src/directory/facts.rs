//! What `/v1/models` tells of a model besides its name: what the catalog knows of it.

use std::collections::BTreeMap;

use catalog::{Capability, Day, Model, Price, Status, Unit};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::target::Target;
use crate::tariffs::Tariffs;

/// What is known of a model. What is not known is not there.
#[derive(Default, Serialize)]
pub(super) struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deprecated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sunset_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// US dollars: the usual prices, without tiers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pricing: BTreeMap<&'static str, Box<RawValue>>,
}

/// Prices that are told, by the names that the Go gateway's catalog has for them where it has any.
const PRICES: &[(Unit, &str)] = &[
    (Unit::Input, "input_per_m_tokens"),
    (Unit::Output, "output_per_m_tokens"),
    (Unit::CacheRead, "cache_read_per_m_tokens"),
    (Unit::CacheWrite5m, "cache_write_per_m_tokens"),
    (Unit::CacheWrite1h, "cache_write_1h_per_m_tokens"),
    (Unit::Reasoning, "reasoning_per_m_tokens"),
    (Unit::AudioIn, "audio_input_per_m_tokens"),
    (Unit::AudioOut, "audio_output_per_m_tokens"),
    (Unit::ImageIn, "image_input_per_m_tokens"),
    (Unit::ImageOut, "image_output_per_m_tokens"),
    (Unit::CharacterIn, "input_per_m_characters"),
    (Unit::SecondIn, "audio_input_per_second"),
    (Unit::SecondOut, "output_per_second"),
    (Unit::Image, "per_image"),
    (Unit::Page, "per_page"),
    (Unit::Search, "per_search"),
    (Unit::WebSearch, "per_web_search"),
    (Unit::Request, "per_request"),
];

impl Facts {
    /// What the catalog knows of a target's model, and what it costs there.
    pub(super) fn of(tariffs: &Tariffs, target: &Target, own: &str) -> Facts {
        let today = tariffs.today();
        let mut facts = tariffs
            .catalog()
            .lookup(&target.provider_id, own)
            .map_or_else(Facts::default, |model| Facts::of_model(&model, today));
        let price = tariffs.read(target, own);
        facts.pricing = price.as_ref().map(pricing).unwrap_or_default();
        facts
    }

    /// The same where the operator or the vendor says how long prompts and answers may be.
    pub(super) fn said(mut self, context: Option<u64>, output: Option<u64>) -> Facts {
        self.context_window = context.or(self.context_window);
        self.max_output_tokens = output.or(self.max_output_tokens);
        self
    }

    fn of_model(model: &Model<'_>, today: Day) -> Facts {
        let life = model.lifecycle;
        let status = life.status(today);
        Facts {
            mode: Some(model.modes.main().listed()),
            context_window: model.context,
            max_output_tokens: model.output,
            capabilities: model.capabilities.can().map(Capability::name).collect(),
            status: Some(status.word()),
            deprecated: matches!(status, Status::Deprecated | Status::Retired),
            sunset_date: life.retires.map(|day| day.to_string()),
            successor: life.successor.map(str::to_owned),
            pricing: BTreeMap::new(),
        }
    }
}

fn pricing(price: &Price) -> BTreeMap<&'static str, Box<RawValue>> {
    let told = PRICES.iter().filter_map(|(unit, name)| {
        let dollars = unit.dollars(price.usual(*unit)?);
        Some((*name, RawValue::from_string(dollars).ok()?))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::snapshot;

    #[test]
    fn a_model_is_told_with_what_is_known_and_nothing_else() {
        let snapshot = snapshot(
            "strategy: {mode: fallback}
targets:
  - {virtual_key: acme, models: {a: a, b: b}}
  - {virtual_key: house, provider: acme, models: {c: {id: a, context_window: 900, input_price: 0.5}}}
catalog:
  models:
    - provider: acme
      model: a
      modes: [chat]
      context_window: 1000
      capabilities: {reasoning: true, vision: true, streaming: false}
      price: {input: 2.5, 'input>200000': 5, output: 10, cached: 0.25}
      sunset_date: 2999-01-01",
        );
        let told = |model: &str| {
            let entry: serde_json::Value =
                serde_json::from_slice(&snapshot.model_entry(model).unwrap()).unwrap();
            entry
        };
        assert_eq!(
            told("a"),
            json!({
                "id": "a", "object": "model", "created": 0, "owned_by": "acme", "targets": ["acme"],
                "mode": "chat", "context_window": 1000, "capabilities": ["vision", "reasoning"],
                "status": "deprecated", "deprecated": true, "sunset_date": "2999-01-01",
                "pricing": {"input_per_m_tokens": 2.5, "output_per_m_tokens": 10, "cache_read_per_m_tokens": 0.25},
            })
        );
        assert_eq!(
            told("b"),
            json!({"id": "b", "object": "model", "created": 0, "owned_by": "acme", "targets": ["acme"]})
        );
        let own = told("c");
        assert_eq!(own["context_window"], 900, "the target's word counts");
        assert_eq!(
            own["pricing"],
            json!({"input_per_m_tokens": 0.5, "output_per_m_tokens": 10}),
            "cached tokens go by the price that is named"
        );
    }
}
