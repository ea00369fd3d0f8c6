//! `cargo xtask catalog`: makes `crates/catalog/catalog.txt` from the price data that two packages
//! publish, and our own corrections. The same packages give the same bytes.
//!
//! Both are MIT; NOTICE names them.

mod corrections;
mod download;
mod genai;
mod litellm;
mod summary;
mod vendors;

use ::catalog::{Day, Entry, Heading};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::flags::Flags;
use crate::shell;
use vendors::Vendors;

const FOLDER: &str = "crates/catalog";
/// A file with fewer rows has lost something.
const ROWS_MIN: usize = 4000;

/// What the catalog is made from.
struct Inputs {
    date: Day,
    litellm: Value,
    /// What rows are said to come from when they do not say it.
    litellm_name: String,
    genai: Value,
    vendors: String,
    corrections: String,
}

/// The catalog, and what a reviewer should know of its making.
struct Made {
    text: String,
    notes: Vec<String>,
}

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let check = flags.switch("--check");
    flags.finish()?;
    let made = make(&download::inputs()?)?;
    let path = shell::root().join(FOLDER).join("catalog.txt");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    for line in made.notes.iter().chain(&summary::of(&before, &made.text)) {
        println!("{line}");
    }
    let rows = made.text.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.count();
    if rows < ROWS_MIN {
        bail!("only {rows} rows, at least {ROWS_MIN} are expected");
    }
    if check {
        if before != made.text {
            bail!("{} is not what the packages give", path.display());
        }
        return Ok(());
    }
    std::fs::write(&path, made.text).with_context(|| format!("cannot write {}", path.display()))
}

fn make(inputs: &Inputs) -> Result<Made> {
    let vendors = Vendors::read(&inputs.vendors)?;
    let mut notes = Vec::new();
    let mut entries = litellm::entries(inputs, &vendors, &mut notes)?;
    genai::complete(&mut entries, inputs, &vendors, &mut notes)?;
    corrections::apply(&mut entries, &inputs.corrections)?;
    let heading = Heading {
        date: inputs.date,
        names: vendors.names(),
        chains: vendors.chains(),
    };
    let text = ::catalog::write(&heading, entries);
    Ok(Made { text, notes })
}

/// The row of a model, if there is one.
fn find<'a>(entries: &'a mut [Entry], provider: &str, id: &str) -> Option<&'a mut Entry> {
    entries
        .iter_mut()
        .find(|entry| entry.provider == provider && entry.id == id)
}

#[cfg(test)]
mod tests;
