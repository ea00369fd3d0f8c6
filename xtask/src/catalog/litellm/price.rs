//! litellm's price fields: a unit, and endings that say when the price holds.

use std::collections::BTreeSet;

use ::catalog::{Amount, Mode, Price, Rate, Service, Unit};
use anyhow::{Result, anyhow};
use serde_json::Value;

use super::Row;

/// Fields and what they are the price of. Where two are of the same unit the later wins.
const FIELDS: &[(&str, Unit)] = &[
    ("input_cost_per_token_cache_hit", Unit::CacheRead),
    ("input_cost_per_token", Unit::Input),
    ("output_cost_per_token", Unit::Output),
    ("cache_read_input_token_cost", Unit::CacheRead),
    (
        "cache_creation_input_token_cost_above_1hr",
        Unit::CacheWrite1h,
    ),
    ("cache_creation_input_token_cost", Unit::CacheWrite5m),
    ("output_cost_per_reasoning_token", Unit::Reasoning),
    ("input_cost_per_audio_token", Unit::AudioIn),
    ("cache_read_input_audio_token_cost", Unit::AudioCacheRead),
    ("output_cost_per_audio_token", Unit::AudioOut),
    ("input_cost_per_image_token", Unit::ImageIn),
    ("cache_read_input_image_token_cost", Unit::ImageCacheRead),
    ("output_cost_per_image_token", Unit::ImageOut),
    ("input_cost_per_character", Unit::CharacterIn),
    ("output_cost_per_character", Unit::CharacterOut),
    ("input_cost_per_second", Unit::SecondIn),
    ("output_cost_per_second", Unit::SecondOut),
    ("cost_per_second", Unit::SecondOut),
    ("ocr_cost_per_page", Unit::Page),
    ("input_cost_per_query", Unit::Search),
    ("input_cost_per_request", Unit::Request),
];

const SERVICES: &[(&str, Service)] = &[
    ("_batches", Service::Batch),
    ("_flex", Service::Flex),
    ("_priority", Service::Priority),
];

pub(super) fn of(row: &Row, main: Mode, unread: &mut BTreeSet<String>) -> Result<Price> {
    let mut price = Price::default();
    let priced = row.iter().filter(|(name, _)| name.contains("cost"));
    for (name, value) in priced {
        let Some(dollars) = value.as_f64() else {
            continue;
        };
        match field(name) {
            Some((unit, service, above)) => set(&mut price, unit, service, above, dollars)?,
            None if !is_of_images(name) => _ = unread.insert(name.clone()),
            None => {}
        }
    }
    tiers(row, &mut price)?;
    images(row, main, &mut price)?;
    searches(row, &mut price)?;
    Ok(heard(price, main))
}

/// What a field is the price of, in which queue, and from what length of prompt.
fn field(name: &str) -> Option<(Unit, Service, u64)> {
    let mut rest = name;
    let mut service = Service::Standard;
    for (ending, of) in SERVICES {
        if let Some(short) = rest.strip_suffix(ending) {
            (rest, service) = (short, *of);
        }
    }
    let mut above = 0;
    if let Some((unit, length)) = rest.rsplit_once("_above_")
        && let Some(thousands) = length.strip_suffix("k_tokens")
    {
        above = thousands.parse::<u64>().ok()? * 1000;
        rest = unit;
    }
    let row = FIELDS.iter().find(|(known, _)| *known == rest)?;
    Some((row.1, service, above))
}

fn is_of_images(name: &str) -> bool {
    name.contains("per_image") || name.contains("per_pixel")
}

fn set(price: &mut Price, unit: Unit, service: Service, above: u64, dollars: f64) -> Result<()> {
    line(price, unit, service, above, "", dollars)
}

fn line(
    price: &mut Price,
    unit: Unit,
    service: Service,
    above: u64,
    variant: &str,
    dollars: f64,
) -> Result<()> {
    let scale = if unit.per_million() { 1e6 } else { 1.0 };
    let amount = unit
        .amount(&exact(dollars * scale))
        .map_err(|error| anyhow!("{dollars} for {}: {error}", unit.word()))?;
    price.set(Rate {
        unit,
        service,
        above,
        variant: variant.into(),
        amount,
    });
    Ok(())
}

/// The decimal that a float was written for: twelve digits are more than any price list has, and
/// fewer than what arithmetic leaves behind.
pub(super) fn exact(number: f64) -> String {
    format!("{number:.11e}")
}

/// Prices by ranges of the prompt's length.
fn tiers(row: &Row, price: &mut Price) -> Result<()> {
    let tiers = row.get("tiered_pricing").and_then(Value::as_array);
    for tier in tiers.into_iter().flatten().filter_map(Value::as_object) {
        let range = tier.get("range").and_then(Value::as_array);
        let Some(from) = range.and_then(|range| range.first()?.as_f64()) else {
            continue;
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let above = from as u64;
        for (name, value) in tier {
            if let (Some((unit, service, 0)), Some(dollars)) = (field(name), value.as_f64()) {
                set(price, unit, service, above, dollars)?;
            }
        }
    }
    Ok(())
}

fn images(row: &Row, main: Mode, price: &mut Price) -> Result<()> {
    let number = |name: &str| row.get(name).and_then(Value::as_f64);
    let draws = matches!(main, Mode::Image | Mode::ImageEdit);
    // A price of images that are read is one of another thing, unless nothing else is priced.
    let each = number("output_cost_per_image");
    let each = each.or_else(|| number("input_cost_per_image").filter(|_| draws));
    if let Some(dollars) = each {
        line(price, Unit::Image, Service::Standard, 0, "", dollars)?;
    }
    for (name, value) in row {
        let Some(size) = name.strip_prefix("output_cost_per_image_") else {
            continue;
        };
        if let (true, Some(dollars)) = (
            size.starts_with(|c: char| c.is_ascii_digit()),
            value.as_f64(),
        ) {
            let variant = format!(":{size}");
            line(price, Unit::Image, Service::Standard, 0, &variant, dollars)?;
        }
    }
    Ok(())
}

/// A search of the web at its usual thoroughness, or the only one priced.
fn searches(row: &Row, price: &mut Price) -> Result<()> {
    let by_size = row.get("search_context_cost_per_query");
    let Some(by_size) = by_size.and_then(Value::as_object) else {
        return Ok(());
    };
    let sizes = ["medium", "low", "high"].map(|size| format!("search_context_size_{size}"));
    let dollars = sizes.iter().find_map(|size| by_size.get(size)?.as_f64());
    match dollars {
        Some(dollars) => set(price, Unit::WebSearch, Service::Standard, 0, dollars),
        None => Ok(()),
    }
}

/// What listens is charged for what it hears, though the file often writes the price on the other
/// side, or on both.
fn heard(price: Price, main: Mode) -> Price {
    if main != Mode::Transcription {
        return price;
    }
    let heard = price
        .usual(Unit::SecondIn)
        .is_some_and(|amount| amount != Amount::default());
    let rates = price
        .rates()
        .iter()
        .cloned()
        .filter_map(|mut rate| match rate.unit {
            Unit::SecondOut if heard => None,
            Unit::SecondOut => {
                rate.unit = Unit::SecondIn;
                Some(rate)
            }
            _ => Some(rate),
        });
    Price::new(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(main: Mode, row: &str) -> String {
        let row: Row = serde_json::from_str(row).unwrap();
        of(&row, main, &mut BTreeSet::new()).unwrap().to_string()
    }

    #[test]
    fn fields_and_their_endings_become_lines() {
        for (main, row, list) in [
            (
                Mode::Chat,
                r#"{"input_cost_per_token": 3e-06, "input_cost_per_token_above_200k_tokens": 6e-06,
                    "output_cost_per_token_batches": 7.5e-06, "cache_read_input_token_cost": 3e-07,
                    "cache_creation_input_token_cost": 3.75e-06,
                    "cache_creation_input_token_cost_above_1hr": 6e-06,
                    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
                    "input_cost_per_token_above_272k_tokens_priority": 2e-05}"#,
                "in=3 in>200000=6 in@priority>272000=20 out@batch=7.5 cached=0.3 write=3.75 \
                 write1h=6 write1h>200000=12",
            ),
            (
                Mode::Chat,
                r#"{"input_cost_per_token": 1.0000000000000001e-07,
                    "search_context_cost_per_query": {"search_context_size_low": 0.005,
                    "search_context_size_medium": 0.01}}"#,
                "in=0.1 web-search=0.01",
            ),
            (
                Mode::Chat,
                r#"{"tiered_pricing": [{"range": [0, 32000.0], "input_cost_per_token": 5e-08},
                    {"range": [32000.0, 128000.0], "input_cost_per_token": 2.5e-07}]}"#,
                "in=0.05 in>32000=0.25",
            ),
            (
                Mode::Transcription,
                r#"{"input_cost_per_second": 0.0001, "output_cost_per_second": 0.0}"#,
                "second-in=0.0001",
            ),
            (
                Mode::Transcription,
                r#"{"output_cost_per_second": 0.0002}"#,
                "second-in=0.0002",
            ),
            (
                Mode::Image,
                r#"{"output_cost_per_image": 0.08, "output_cost_per_image_2K": 0.12}"#,
                "image=0.08 image~:2K=0.12",
            ),
            (Mode::Chat, r#"{"input_cost_per_image": 0.01}"#, ""),
            (
                Mode::Image,
                r#"{"input_cost_per_image": 0.01}"#,
                "image=0.01",
            ),
            (
                Mode::Rerank,
                r#"{"input_cost_per_query": 0.002}"#,
                "search=0.002",
            ),
            (
                Mode::Chat,
                r#"{"input_cost_per_token_ultrafast": 0.002}"#,
                "",
            ),
        ] {
            assert_eq!(price(main, row), list, "{row}");
        }
    }
}
