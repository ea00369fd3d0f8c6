//! Where the calls went, from the gateway's access lines.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::VENDORS;
use super::load::Seen;

/// Between these lines of the document stands what was found last.
const BEGIN: &str = "<!-- written by `cargo xtask failover --write` -->\n";
const END: &str = "<!-- end -->";

#[derive(Default)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
}

/// One phase.
pub(super) struct Row {
    what: &'static str,
    calls: usize,
    /// Answers other than 200 that clients saw.
    pub(super) errors: usize,
    /// Calls by whom they were answered, and tries that failed, by where.
    answered: [usize; 3],
    failed: [usize; 3],
    slowest_millis: u128,
}

impl Row {
    /// Counts the access lines of a phase; there is one for each call that clients made.
    pub(super) fn of(what: &'static str, seen: &Seen, lines: &str) -> Result<Self> {
        let mut row = Self {
            what,
            calls: seen.calls,
            errors: seen.errors,
            answered: [0; 3],
            failed: [0; 3],
            slowest_millis: seen.slowest.as_millis(),
        };
        let lines = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let calls = lines.filter(|line: &Value| line["msg"] == "request");
        let calls = calls.filter(|line| line["surface"] == "chat");
        let mut told = 0;
        for line in calls {
            told += 1;
            if line["outcome"] == "answered" {
                count(
                    &mut row.answered,
                    line["target"].as_str().unwrap_or_default(),
                );
            }
            for tried in failed_tries(&line) {
                count(&mut row.failed, tried);
            }
        }
        ensure!(
            told == seen.calls,
            "{what}: clients made {} calls, access lines tell of {told}",
            seen.calls
        );
        Ok(row)
    }
}

/// Where tries of a call failed: `one: upstream_error after 3 ms: ...; two: ...`. Who was not asked
/// because its breaker is open was not tried.
fn failed_tries(line: &Value) -> impl Iterator<Item = &str> {
    let errors = line["attempt_errors"].as_str().unwrap_or_default();
    let tries = errors
        .split("; ")
        .filter_map(|error| error.split_once(": "));
    let tries = tries.filter(|(_, what)| !what.starts_with("upstream_unavailable"));
    tries.map(|(target, _)| target)
}

fn count(counts: &mut [usize; 3], target: &str) {
    let place = VENDORS.iter().position(|(name, _)| target == *name);
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

impl Report {
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "| phase | calls | errors | answered by `one` | `two` | `three` | tries that failed at `one` | `two` | `three` | slowest |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let Row {
                what,
                calls,
                errors,
                answered: [one, two, three],
                failed: [lost_one, lost_two, lost_three],
                slowest_millis,
            } = row;
            let _ = writeln!(
                text,
                "| {what} | {calls} | {errors} | {one} | {two} | {three} | {lost_one} | {lost_two} | {lost_three} | {slowest_millis} ms |"
            );
        }
        text
    }

    /// Puts the table into the document.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = fs::read_to_string(file)?;
        let (before, rest) = text.split_once(BEGIN).context("no place for the table")?;
        let (_, after) = rest.split_once(END).context("no end of the table")?;
        fs::write(
            file,
            format!("{before}{BEGIN}\n{}\n{END}{after}", self.table()),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn calls_are_counted_by_who_answered_and_tries_by_where_they_failed() {
        let lines = r#"
{"msg":"ferrogw started"}
{"msg":"request","surface":"chat","outcome":"answered","target":"two","attempts":2,"attempt_errors":"one: upstream_error after 3 ms: gone; three: upstream_unavailable after 0 ms: open"}
{"msg":"request","surface":"chat","outcome":"failed","target":"three"}
{"msg":"request","outcome":"answered"}"#;
        let seen = |calls| Seen {
            calls,
            errors: 1,
            slowest: Duration::from_millis(7),
        };
        let row = Row::of("a phase", &seen(2), lines).unwrap();
        assert_eq!((row.answered, row.failed), ([0, 1, 0], [1, 0, 0]));
        assert!(
            Row::of("a phase", &seen(3), lines).is_err(),
            "a line is missing"
        );
        let table = Report { rows: vec![row] }.table();
        assert!(table.contains("| a phase | 2 | 1 | 0 | 1 | 0 | 1 | 0 | 0 | 7 ms |"));
    }
}
