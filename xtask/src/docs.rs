//! `cargo xtask docs`: what in `docs/` is data, written from the data itself.
//!
//! `cargo xtask tidy` holds the same pages against the same data, so that neither can go its own
//! way. Prose is never touched.

mod providers_table;

use std::fs;

use anyhow::{Context as _, Result};

use crate::flags::Flags;
use crate::shell;

/// A file of which some or all is data.
pub(crate) struct Page {
    /// Relative to the workspace.
    pub(crate) path: &'static str,
    /// From what it says to what it should say.
    pub(crate) renew: fn(&str) -> Result<String>,
}

pub(crate) const PAGES: [Page; 2] = [
    Page {
        path: "docs/providers.md",
        renew: providers_page,
    },
    Page {
        path: "docs/config.schema.json",
        renew: schema_page,
    },
];

const TABLE_BEGINS: &str =
    "<!-- The table is written by `cargo xtask docs` from crates/providers/providers.toml. -->\n";
const TABLE_ENDS: &str = "<!-- The table ends. -->\n";

pub(crate) fn run(flags: Flags) -> Result<()> {
    flags.finish()?;
    for page in PAGES {
        let file = shell::root().join(page.path);
        // What is not there yet is like an empty page.
        let now = fs::read_to_string(&file).unwrap_or_default();
        let renewed = (page.renew)(&now).context(page.path)?;
        if renewed == now {
            println!("{} unchanged", page.path);
        } else {
            fs::write(&file, renewed).context(page.path)?;
            println!("{} written", page.path);
        }
    }
    Ok(())
}

fn providers_page(now: &str) -> Result<String> {
    let table = providers_table::render(providers::builtin().iter());
    replace_between(now, (TABLE_BEGINS, TABLE_ENDS), &format!("\n{table}\n"))
}

fn schema_page(_now: &str) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&config::generated_schema())?;
    text.push('\n');
    Ok(text)
}

fn replace_between(text: &str, (begin, end): (&str, &str), new: &str) -> Result<String> {
    let parts = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) =
        parts.with_context(|| format!("the lines {begin:?} and {end:?} are missing"))?;
    Ok([before, begin, new, end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let marks = ("<a>\n", "<b>\n");
        let page = "# Title\n<a>\nold\n<b>\nprose\n";
        let renewed = replace_between(page, marks, "new\n").unwrap();
        assert_eq!(renewed, "# Title\n<a>\nnew\n<b>\nprose\n");
        assert_eq!(replace_between(&renewed, marks, "new\n").unwrap(), renewed);
    }

    #[test]
    fn a_page_without_its_marks_is_an_error_and_not_overwritten() {
        for page in ["", "<a>\n", "<b>\n<a>\n"] {
            assert!(replace_between(page, ("<a>\n", "<b>\n"), "new").is_err());
        }
    }

    #[test]
    fn every_row_has_a_line_and_the_schema_is_one() {
        let page = providers_page(&format!("{TABLE_BEGINS}{TABLE_ENDS}")).unwrap();
        for id in providers::builtin().ids() {
            assert!(page.contains(&format!("\n| `{id}` |")), "{id}");
        }
        let schema: serde_json::Value = serde_json::from_str(&schema_page("").unwrap()).unwrap();
        assert_eq!(schema, config::generated_schema());
    }
}
