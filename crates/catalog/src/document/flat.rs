//! The Go gateway's `catalog.json`: one flat object, `<provider>/<model>` to what is known.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::BadDocument;
use crate::capability::{Capability, Tri};
use crate::catalog::Catalog;
use crate::day::Day;
use crate::mode::{Mode, Modes};
use crate::model::Entry;
use crate::price::{Price, Rate};
use crate::table::{self, Heading, ROWS_MAX, Table};
use crate::unit::{Service, Unit};

/// No name is longer.
const NAME_MAX: usize = 256;
/// So many hundredths of the entries may be unreadable before the whole is refused.
const BAD_MAX: usize = 10;

#[derive(Deserialize)]
struct Row<'a> {
    provider: &'a str,
    model_id: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    context_window: Option<u64>,
    #[serde(default)]
    max_output_tokens: Option<u64>,
    #[serde(borrow, default)]
    pricing: BTreeMap<&'a str, Option<&'a RawValue>>,
    #[serde(borrow, default)]
    capabilities: BTreeMap<&'a str, Option<bool>>,
    #[serde(default)]
    lifecycle: Life,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Life {
    status: Option<String>,
    sunset_date: Option<String>,
    successor: Option<String>,
}

/// What a price of that form is for, and how many of the unit it counts: ours are for a million
/// tokens or characters, for one of everything else.
const PRICES: &[(&str, Unit, Per)] = &[
    ("input_per_m_tokens", Unit::Input, Per::Same),
    ("output_per_m_tokens", Unit::Output, Per::Same),
    ("cache_read_per_m_tokens", Unit::CacheRead, Per::Same),
    ("cache_write_per_m_tokens", Unit::CacheWrite5m, Per::Same),
    ("reasoning_per_m_tokens", Unit::Reasoning, Per::Same),
    ("embedding_per_m_tokens", Unit::Input, Per::Same),
    ("image_per_tile", Unit::Image, Per::Same),
    ("audio_input_per_minute", Unit::SecondIn, Per::Minute),
    (
        "audio_output_per_character",
        Unit::CharacterIn,
        Per::Character,
    ),
];

#[derive(Clone, Copy)]
enum Per {
    Same,
    Minute,
    Character,
}

pub(super) fn read(text: &str, known: &Catalog, today: Day) -> Result<Table, BadDocument> {
    let rows: BTreeMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|_| BadDocument::Form)?;
    let all = rows.len();
    let entries: Vec<Entry> = rows
        .values()
        .filter_map(|raw| entry(raw.get(), known, today))
        .collect();
    let bad = all - entries.len();
    if all > ROWS_MAX || bad * 100 > all * BAD_MAX {
        return Err(BadDocument::Entries { bad, all });
    }
    let date = entries.iter().map(|entry| entry.date).max();
    let heading = Heading {
        date: date.unwrap_or(today),
        ..Heading::default()
    };
    Ok(Table::read(table::write(&heading, entries))?)
}

fn entry(raw: &str, known: &Catalog, today: Day) -> Option<Entry> {
    let row: Row<'_> = serde_json::from_str(raw).ok()?;
    if row.provider.len() > NAME_MAX || row.model_id.len() > NAME_MAX {
        return None;
    }
    let modes = Modes::only(Mode::of(&row.mode).unwrap_or(Mode::Other));
    let mut entry = Entry::new(&known.vendor(row.provider), &row.model_id, modes);
    // Zero stands for unknown as well as for none in that form.
    entry.context = row.context_window.filter(|tokens| *tokens > 0);
    entry.output = row.max_output_tokens.filter(|tokens| *tokens > 0);
    capabilities(&row, &mut entry);
    let status = row.lifecycle.status.as_deref().unwrap_or_default();
    entry.preview = status == "preview";
    entry.deprecated = matches!(status, "deprecated" | "legacy" | "sunset");
    entry.retires = row.lifecycle.sunset_date.and_then(|day| day.parse().ok());
    entry.successor = row.lifecycle.successor.filter(|id| id.len() <= NAME_MAX);
    entry.source = row
        .source
        .filter(|source| source.len() <= 512)
        .unwrap_or_default();
    // Its day may come with a time.
    let day = row
        .updated_at
        .as_deref()
        .and_then(|day| day.get(..10)?.parse().ok());
    entry.date = day.unwrap_or(today);
    let price = price(&row.pricing);
    if !price.is_empty() {
        entry.prices = vec![(None, price)];
    }
    Some(entry)
}

/// A row with nothing but noes has been filled in by a machine that did not know.
fn capabilities(row: &Row<'_>, entry: &mut Entry) {
    if !row.capabilities.values().any(|can| *can == Some(true)) {
        return;
    }
    for (name, can) in &row.capabilities {
        if let (Some(capability), Some(can)) = (Capability::of(name), can) {
            entry.capabilities.set(capability, Tri::from(*can));
        }
    }
}

fn price(pricing: &BTreeMap<&str, Option<&RawValue>>) -> Price {
    let rates = PRICES.iter().filter_map(|(name, unit, per)| {
        let dollars = pricing.get(name)?.as_ref()?.get();
        let amount = match per {
            Per::Same => unit.amount(dollars),
            Per::Minute => unit.amount(dollars).map(|amount| amount.over(60)),
            Per::Character => unit.amount(&shifted(dollars)),
        };
        Some(Rate {
            unit: *unit,
            service: Service::Standard,
            above: 0,
            variant: "".into(),
            amount: amount.ok()?,
        })
    });
    Price::new(rates)
}

/// The number times a million, as text.
fn shifted(dollars: &str) -> String {
    match dollars.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or_default();
            format!("{mantissa}e{}", exponent.saturating_add(6))
        }
        None => format!("{dollars}e6"),
    }
}
