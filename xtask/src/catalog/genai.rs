//! genai-prices: fewer models, with the days from which prices hold, and the finer prices. It
//! completes the rows that it agrees with, and adds those that nobody else has.

mod matching;
mod price;

use std::collections::BTreeMap;

use ::catalog::{Day, Entry, Mode, Modes, Price, Unit};
use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Inputs;
use super::vendors::Vendors;

/// So many differences are shown one by one.
const SHOWN: usize = 20;

/// How the two packages compare.
#[derive(Default)]
struct Tally {
    agree: usize,
    added: usize,
    differ: Vec<String>,
}

pub(super) fn complete(
    entries: &mut Vec<Entry>,
    inputs: &Inputs,
    vendors: &Vendors,
    notes: &mut Vec<String>,
) -> Result<()> {
    let blocks = inputs.genai.as_array().context("genai-prices is no list")?;
    let mut tally = Tally::default();
    let mut known: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        known.entry(entry.provider.clone()).or_default().push(at);
    }
    for block in blocks {
        let id = text(block, "id");
        let models = block.get("models").and_then(Value::as_array);
        let models = models.map_or(&[][..], Vec::as_slice);
        let source = block
            .get("pricing_urls")
            .and_then(|urls| urls.get(0)?.as_str());
        for (vendor, adds) in vendors.of_genai(id) {
            let rows = known.get(vendor).map_or(&[][..], Vec::as_slice);
            for at in rows {
                compare(&mut entries[*at], models, inputs.date, &mut tally);
            }
            let fresh: Vec<Entry> = models
                .iter()
                .filter(|_| adds)
                .filter(|model| !rows.iter().any(|at| entries[*at].id == text(model, "id")))
                .filter_map(|model| added(vendor, model, source, inputs.date))
                .collect();
            tally.added += fresh.len();
            entries.extend(fresh);
        }
    }
    notes.push(format!(
        "genai-prices agrees on {} rows, differs on {}, adds {}",
        tally.agree,
        tally.differ.len(),
        tally.added
    ));
    notes.extend(tally.differ.into_iter().take(SHOWN));
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Completes a row from the first model that it matches, if both say the same of input and output.
fn compare(entry: &mut Entry, models: &[Value], today: Day, tally: &mut Tally) {
    let name = entry.id.to_ascii_lowercase();
    let matching = |model: &&Value| {
        model
            .get("match")
            .is_some_and(|clause| matching::holds(clause, &name))
    };
    let Some(model) = models.iter().find(matching) else {
        return;
    };
    let periods = price::periods(model, today);
    let in_force = periods
        .iter()
        .rev()
        .find(|(from, _)| from.is_none_or(|from| from <= today));
    let (Some((from, theirs)), Some((_, ours))) = (in_force, entry.prices.first_mut()) else {
        return;
    };
    let both = [Unit::Input, Unit::Output];
    let said: Vec<Unit> = both
        .into_iter()
        .filter(|unit| theirs.usual(*unit).is_some())
        .collect();
    if said
        .iter()
        .any(|unit| theirs.usual(*unit) != ours.usual(*unit))
    {
        tally.differ.push(format!(
            "  {} {}: litellm {ours} | genai-prices {theirs}",
            entry.provider, entry.id
        ));
        return;
    }
    tally.agree += 1;
    add_missing(ours, theirs);
    entry.prices[0].0 = *from;
    let later = periods
        .into_iter()
        .filter(|(from, _)| from.is_some_and(|from| from > today));
    entry.prices.extend(later);
    if entry.context.is_none() {
        entry.context = model.get("context_window").and_then(Value::as_u64);
    }
}

/// Adds the lines of units and queues that the list has nothing on, and of no length of prompt
/// that it does not know.
fn add_missing(ours: &mut Price, theirs: &Price) {
    let lacks = |rate: &&::catalog::Rate| {
        let mut held = ours.rates().iter();
        let known = rate.above == 0 || held.any(|held| held.above == rate.above);
        let same = |held: &::catalog::Rate| held.unit == rate.unit && held.service == rate.service;
        known && !ours.rates().iter().any(same)
    };
    let missing: Vec<_> = theirs.rates().iter().filter(lacks).cloned().collect();
    for rate in missing {
        ours.set(rate);
    }
}

/// A row of its own, for models that have a price in tokens.
fn added(vendor: &str, model: &Value, source: Option<&str>, today: Day) -> Option<Entry> {
    let periods = price::periods(model, today);
    let current = periods
        .iter()
        .rposition(|(from, _)| from.is_none_or(|from| from <= today))?;
    periods[current].1.usual(Unit::Input)?;
    let id = text(model, "id");
    let mode = match id {
        id if id.contains("embed") => Mode::Embedding,
        id if id.contains("rerank") => Mode::Rerank,
        _ => Mode::Chat,
    };
    let mut entry = Entry::new(vendor, id, Modes::only(mode));
    entry.context = model.get("context_window").and_then(Value::as_u64);
    entry.deprecated = model.get("deprecated").and_then(Value::as_bool) == Some(true);
    source
        .unwrap_or("genai-prices")
        .clone_into(&mut entry.source);
    entry.date = today;
    entry.prices = periods.into_iter().skip(current).collect();
    Some(entry)
}
