//! Our own corrections, each with its source and day: `crates/catalog/overrides.toml`.

use ::catalog::{Capability, Day, Entry, Mode, Modes, Price, Tri};
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::find;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corrections {
    #[serde(default)]
    model: Vec<Correction>,
}

/// One row, new or corrected. What is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Correction {
    provider: String,
    id: String,
    /// Where the correction comes from.
    source: String,
    /// When that was looked at.
    date: String,
    modes: Option<String>,
    context: Option<u64>,
    output: Option<u64>,
    /// What it can do, and with a `!` before it what it cannot.
    #[serde(default)]
    capabilities: Vec<String>,
    /// The whole price list.
    price: Option<String>,
    /// Whether the row should not be there.
    #[serde(default)]
    remove: bool,
}

pub(super) fn apply(entries: &mut Vec<Entry>, text: &str) -> Result<()> {
    let corrections: Corrections = toml::from_str(text).context("overrides.toml")?;
    for correction in &corrections.model {
        let name = format!("{} {}", correction.provider, correction.id);
        one(entries, correction).with_context(|| format!("overrides.toml, {name}"))?;
    }
    Ok(())
}

fn one(entries: &mut Vec<Entry>, correction: &Correction) -> Result<()> {
    let (provider, id) = (&correction.provider, &correction.id);
    if correction.source.trim().is_empty() {
        bail!("a correction needs its source");
    }
    if correction.remove {
        if find(entries, provider, id).is_none() {
            bail!("there is no such row to remove");
        }
        entries.retain(|entry| entry.provider != *provider || entry.id != *id);
        return Ok(());
    }
    if find(entries, provider, id).is_none() {
        entries.push(Entry::new(provider, id, Modes::only(Mode::Chat)));
    }
    let entry = find(entries, provider, id).context("the row is gone")?;
    if let Some(modes) = &correction.modes {
        entry.modes = Modes::read(modes).with_context(|| format!("`{modes}` are no modes"))?;
    }
    entry.context = correction.context.or(entry.context);
    entry.output = correction.output.or(entry.output);
    for word in &correction.capabilities {
        let (name, can) = match word.strip_prefix('!') {
            Some(name) => (name, false),
            None => (word.as_str(), true),
        };
        let capability = Capability::of(name);
        let capability = capability.with_context(|| format!("`{name}` is no capability"))?;
        entry.capabilities.set(capability, Tri::from(can));
    }
    if let Some(price) = &correction.price {
        entry.prices = vec![(None, price.parse::<Price>()?)];
    }
    entry.source.clone_from(&correction.source);
    entry.date = correction.date.parse::<Day>()?;
    Ok(())
}
