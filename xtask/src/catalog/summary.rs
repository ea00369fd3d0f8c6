//! What changed between two catalogs, for whoever reviews the change.

use std::collections::BTreeMap;

/// So many rows of a kind are shown one by one.
const SHOWN: usize = 30;

/// The rows of a file by their vendor and name.
fn rows(text: &str) -> BTreeMap<(&str, &str), &str> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let (provider, rest) = line.split_once('\t')?;
        let (id, rest) = rest.split_once('\t')?;
        Some(((provider, id), rest))
    })
    .collect()
}

pub(super) fn of(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (rows(before), rows(after));
    let mut added = Vec::new();
    let mut changed = Vec::new();
    for (key @ (provider, id), row) in &after {
        match before.get(key) {
            None => added.push(format!("  + {provider} {id}: {}", shown(row))),
            Some(old) if old != row => changed.push(format!(
                "  ~ {provider} {id}: {} -> {}",
                shown(old),
                shown(row)
            )),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let gone: Vec<String> = gone
        .map(|(provider, id)| format!("  - {provider} {id}"))
        .collect();
    let mut lines = vec![format!(
        "{} rows: {} added, {} changed, {} gone",
        after.len(),
        added.len(),
        changed.len(),
        gone.len()
    )];
    for list in [added, changed, gone] {
        let rest = list.len().saturating_sub(SHOWN);
        lines.extend(list.into_iter().take(SHOWN));
        if rest > 0 {
            lines.push(format!("  … and {rest} more"));
        }
    }
    lines
}

/// The fields of a row that are not its day.
fn shown(row: &str) -> String {
    let fields = row
        .split('\t')
        .filter(|field| !field.contains('@') || field.contains('='));
    fields.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_changed_and_gone_rows_are_told() {
        let before = "#head\nacme\ta\tchat\tin=1\nacme\tb\tchat\tin=1\nacme\tc\tchat\tin=1\n";
        let after = "#head 2\nacme\ta\tchat\tin=1\nacme\tb\tchat\tin=2\nacme\td\tchat\tin=1\n";
        assert_eq!(
            of(before, after),
            [
                "3 rows: 1 added, 1 changed, 1 gone",
                "  + acme d: chat | in=1",
                "  ~ acme b: chat | in=1 -> chat | in=2",
                "  - acme c",
            ]
        );
        assert_eq!(of(after, after), ["3 rows: 0 added, 0 changed, 0 gone"]);
    }
}
