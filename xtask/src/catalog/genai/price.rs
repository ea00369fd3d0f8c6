//! genai-prices' price lists: each with the day from which it holds, tiers by the prompt's length,
//! and variants by the queue.

use ::catalog::{Day, Price, Rate, Service, Unit};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// Fields and what they are the price of, and how many of the unit they are for.
const FIELDS: &[(&str, Unit, Per)] = &[
    ("input_mtok", Unit::Input, Per::Million),
    ("output_mtok", Unit::Output, Per::Million),
    ("cache_read_mtok", Unit::CacheRead, Per::Million),
    ("cache_write_mtok", Unit::CacheWrite5m, Per::Million),
    ("cache_write_1h_mtok", Unit::CacheWrite1h, Per::Million),
    ("output_reasoning_mtok", Unit::Reasoning, Per::Million),
    ("input_audio_mtok", Unit::AudioIn, Per::Million),
    ("cache_audio_read_mtok", Unit::AudioCacheRead, Per::Million),
    ("output_audio_mtok", Unit::AudioOut, Per::Million),
    ("input_image_mtok", Unit::ImageIn, Per::Million),
    ("cache_image_read_mtok", Unit::ImageCacheRead, Per::Million),
    ("output_image_mtok", Unit::ImageOut, Per::Million),
    ("web_searches_kcount", Unit::WebSearch, Per::Thousand),
    ("requests_kcount", Unit::Request, Per::Thousand),
];

#[derive(Clone, Copy)]
enum Per {
    Million,
    Thousand,
}

/// Its price lists in the order of days. Lists that hold for hours of the day are left out: the
/// price of the rest of the day stands in for them.
pub(super) fn periods(model: &Value, today: Day) -> Vec<(Option<Day>, Price)> {
    let mut periods = Vec::new();
    let prices = model.get("prices");
    match prices.and_then(Value::as_array) {
        Some(lists) => {
            for list in lists {
                if let (Ok(from), Some(prices)) = (from(list), list.get("prices")) {
                    periods.push((from, price(prices, Service::Standard)));
                }
            }
        }
        None => {
            if let Some(prices) = prices {
                periods.push((None, price(prices, Service::Standard)));
            }
        }
    }
    periods.sort_by_key(|(from, _)| *from);
    let current = periods
        .iter_mut()
        .rfind(|(from, _)| from.is_none_or(|from| from <= today));
    if let Some((_, current)) = current {
        variants(model, today, current);
    }
    periods
}

/// The day from which a list holds; None for always. An error when it holds for something else
/// than days.
fn from(list: &Value) -> Result<Option<Day>> {
    match list.get("constraint") {
        None | Some(Value::Null) => Ok(None),
        Some(constraint) => {
            let day = constraint.get("start_date").and_then(Value::as_str);
            Ok(Some(day.context("not a day")?.parse()?))
        }
    }
}

/// Adds the prices of other queues that hold today.
fn variants(model: &Value, today: Day, to: &mut Price) {
    let variants = model.get("price_variants").and_then(Value::as_array);
    for variant in variants.into_iter().flatten() {
        let when = variant.get("when").and_then(Value::as_object);
        let Some(when) = when.filter(|when| when.len() == 1) else {
            continue;
        };
        let word = ["processing", "service_tier"]
            .iter()
            .find_map(|name| when.get(*name)?.as_str());
        let service = word.and_then(Service::of);
        let begun = from(variant).is_ok_and(|from| from.is_none_or(|from| from <= today));
        let Some(service) = service.filter(|service| *service != Service::Standard && begun) else {
            continue;
        };
        if let Some(prices) = variant.get("prices") {
            for rate in price(prices, service).rates() {
                to.set(rate.clone());
            }
        }
    }
}

fn price(prices: &Value, service: Service) -> Price {
    let rates = FIELDS.iter().flat_map(|(name, unit, per)| {
        let steps = prices.get(*name).map(steps).unwrap_or_default();
        steps.into_iter().filter_map(move |(above, dollars)| {
            let dollars = match per {
                Per::Million => dollars,
                Per::Thousand => format!("{dollars}e-3"),
            };
            Some(Rate {
                unit: *unit,
                service,
                above,
                variant: "".into(),
                amount: unit.amount(&dollars).ok()?,
            })
        })
    });
    Price::new(rates)
}

/// A price, or one for each length of prompt.
fn steps(value: &Value) -> Vec<(u64, String)> {
    if let Some(dollars) = value.as_str() {
        return vec![(0, dollars.to_owned())];
    }
    let base = value.get("base").and_then(Value::as_str);
    let tiers = value.get("tiers").and_then(Value::as_array);
    let tiers = tiers.into_iter().flatten().filter_map(|tier| {
        let start = tier.get("start")?.as_u64()?;
        Some((start, tier.get("price")?.as_str()?.to_owned()))
    });
    let base = base.map(|base| (0, base.to_owned()));
    base.into_iter().chain(tiers).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_come_in_the_order_of_days_with_the_variants_of_today() {
        let list = |price: &str| json!({"is": "ModelPrice", "input_mtok": price});
        let start = |day: &str| json!({"is": "StartDateConstraint", "start_date": day});
        let model = json!({
            "prices": [
                {"prices": list("9"), "constraint": start("2027-01-01")},
                {"prices": {"input_mtok": {"base": "3", "tiers": [{"start": 200_000, "price": "6"}]},
                    "web_searches_kcount": "10"}, "constraint": start("2026-01-01")},
                {"prices": list("1"), "constraint": {"is": "TimeOfDateConstraint"}},
                {"prices": list("2")}
            ],
            "price_variants": [
                {"when": {"processing": "batch"}, "prices": list("1.5")},
                {"when": {"service_tier": "flex"}, "prices": list("1"), "constraint": start("2027-01-01")},
                {"when": {"speed": "fast"}, "prices": list("8")}
            ]
        });
        let periods = periods(&model, "2026-11-24".parse().unwrap());
        let said: Vec<String> = periods
            .iter()
            .map(|(from, price)| {
                let from = from.map(|from| from.to_string());
                format!("{}: {price}", from.unwrap_or_default())
            })
            .collect();
        assert_eq!(
            said,
            [
                ": in=2",
                "2026-01-01: in=3 in>200000=6 in@batch=1.5 web-search=0.01",
                "2027-01-01: in=9",
            ]
        );
    }
}
