//! What `/v1/models` tells of a model besides its name: what the catalog knows of it.

use std::collections::BTreeMap;

use catalog::{Capability, Catalog, Day, Model, Price, Status, Unit};
use serde::Serialize;
use serde_json::value::RawValue;

/// What is known of a model. What is not known is not there.
#[derive(Default, Serialize)]
pub(crate) struct Facts {
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
    /// What the catalog knows of a vendor's model; `context` is what the vendor itself says.
    pub(crate) fn of(
        catalog: &Catalog,
        provider: &str,
        model: &str,
        context: Option<u64>,
        today: Day,
    ) -> Facts {
        let price = catalog.price(provider, model, today);
        let mut facts = catalog
            .lookup(provider, model)
            .map_or_else(Facts::default, |model| Facts::of_model(&model, today));
        facts.context_window = context.or(facts.context_window);
        facts.pricing = price.as_ref().map(pricing).unwrap_or_default();
        facts
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
    use catalog::{Mode, Override};

    use super::*;

    #[test]
    fn a_model_is_told_with_what_is_known_and_nothing_else() {
        let today = "2026-11-24".parse().unwrap();
        let own = Override {
            provider: "acme".into(),
            model: "a".into(),
            modes: vec![Mode::Chat],
            context: Some(1000),
            capabilities: vec![
                (Capability::Reasoning, true),
                (Capability::Vision, true),
                (Capability::Streaming, false),
            ],
            price: Some("in=2.5 in>200000=5 out=10 cached=0.25".parse().unwrap()),
            retires: Some("2027-01-01".parse().unwrap()),
            ..Override::default()
        };
        let catalog = Catalog::embedded().with_overrides(&[own], today);
        let told = |model: &str, context| {
            let facts = Facts::of(&catalog, "acme", model, context, today);
            serde_json::to_string(&facts).unwrap()
        };
        assert_eq!(
            told("a", Some(900)),
            r#"{"mode":"chat","context_window":900,"capabilities":["vision","reasoning"],"#
                .to_owned()
                + r#""status":"deprecated","deprecated":true,"sunset_date":"2027-01-01","pricing":"#
                + r#"{"cache_read_per_m_tokens":0.25,"input_per_m_tokens":2.5,"output_per_m_tokens":10}}"#
        );
        assert_eq!(told("b", None), "{}");
    }
}
