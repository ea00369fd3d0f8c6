//! `ferrogw version`.

use std::env::consts::{ARCH, OS};

use serde_json::Value;

use crate::exit::Exit;
use crate::format::{self, Format};

/// Prints what this binary is. A build that was told nothing of its commit says so.
pub(crate) fn run(format: Format) -> Result<(), Exit> {
    let facts = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "commit",
            option_env!("FERROGW_COMMIT").unwrap_or("none").to_owned(),
        ),
        (
            "built",
            option_env!("FERROGW_BUILT").unwrap_or("unknown").to_owned(),
        ),
        ("os_arch", format!("{OS}/{ARCH}")),
    ];
    let value: Value = facts
        .iter()
        .map(|(name, fact)| ((*name).to_owned(), Value::from(fact.as_str())))
        .collect();
    let lines = facts.map(|(name, fact)| format!("{name:<10}{fact}\n"));
    format::print(format, &value, || lines.concat())
}
