//! Every promise of `tests/promises.toml` is held by a test whose name carries its number.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Finding;
use super::tree::Tree;

const TABLE: &str = "tests/promises.toml";

/// Each letter's numbers run from one to here.
const NUMBERS: [(char, u8); 2] = [('d', 27), ('a', 23)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    what: String,
    missing: Option<String>,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let promises: BTreeMap<String, Promise> = match tree.text(TABLE).map(toml::from_str) {
        Some(Ok(promises)) => promises,
        Some(Err(error)) => return vec![Finding::new(TABLE, 1, error.message())],
        None => return vec![Finding::new(TABLE, 1, "is not there")],
    };
    let held: BTreeMap<String, (&str, usize)> = tree
        .files()
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("tests/"))
        .filter(|file| matches!(file.extension(), "rs" | "py"))
        .flat_map(|file| numbers(&file.text).map(|(line, number)| (number, (&*file.path, line))))
        .collect();
    let known: BTreeSet<String> = NUMBERS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number:02}")))
        .collect();
    let mut findings = Vec::new();
    for number in known
        .iter()
        .filter(|number| !promises.contains_key(*number))
    {
        findings.push(Finding::new(TABLE, 1, format!("`{number}` is not there")));
    }
    for (number, promise) in &promises {
        let message = if !known.contains(number) {
            format!("`{number}` is no number of a promise")
        } else if promise.what.is_empty() || promise.missing.as_deref() == Some("") {
            format!("`{number}` says nothing")
        } else if !held.contains_key(number) && promise.missing.is_none() {
            format!("no test holds `{number}`; its name would carry it, as in `fn {number}_...`")
        } else {
            continue;
        };
        findings.push(Finding::new(TABLE, 1, message));
    }
    for (number, (path, line)) in held.iter().filter(|(number, _)| !known.contains(*number)) {
        let message = format!("`{number}` is not in {TABLE}");
        findings.push(Finding::new(path, *line, message));
    }
    findings
}

/// The numbers that names of functions carry, with their lines.
fn numbers(text: &str) -> impl Iterator<Item = (usize, String)> {
    let lines = text.lines().zip(1..);
    lines.flat_map(|(line, at)| {
        let name = ["fn ", "def test_"]
            .iter()
            .find_map(|word| line.split_once(word))
            .map_or("", |(_, name)| name);
        let end = name.find(['(', '<']).unwrap_or(name.len());
        let words = name.get(..end).unwrap_or_default().split('_');
        // Those of other lists may stand before ours.
        let carried = words.take_while(|word| is_of_a_list(word) || *word == "row");
        let carried = carried.filter(|word| is_number(word)).map(str::to_owned);
        carried.map(|number| (at, number)).collect::<Vec<_>>()
    })
}

/// A letter and a number.
fn is_of_a_list(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && word.len() > 1
        && bytes.all(|byte| byte.is_ascii_digit())
}

/// `d07`, `a12`.
fn is_number(word: &str) -> bool {
    let known = NUMBERS.iter().any(|(letter, _)| word.starts_with(*letter));
    known && word.len() == 3 && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(without: &str) -> String {
        let all = NUMBERS
            .iter()
            .flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n:02}")));
        let rows = all
            .filter(|number| number != without)
            .map(|number| format!("[{number}]\nwhat = 'x'\nmissing = 'y'\n"));
        rows.collect::<Vec<_>>().concat()
    }

    fn found(table: &str, source: &str) -> Vec<String> {
        let tree = Tree::of(&[(TABLE, table), ("crates/a/src/lib.rs", source)]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_promise_without_a_test_is_found_unless_it_says_what_is_missing() {
        assert_eq!(found(&table(""), ""), [""; 0]);
        let promised = table("").replacen("\nmissing = 'y'", "", 1);
        let [message] = &found(&promised, "    fn d02_a_name()")[..] else {
            panic!("one finding")
        };
        assert!(message.starts_with("no test holds `d01`"), "{message}");
        for name in ["fn d01_x()", "async fn a12_d01_x()", "def test_d01_x():"] {
            assert_eq!(found(&promised, name), [""; 0], "{name}");
        }
    }

    #[test]
    fn numbers_and_promises_are_the_same_set() {
        assert_eq!(found(&table("a07"), ""), ["`a07` is not there"]);
        let one_more = table("") + "[a24]\nwhat = 'x'\nmissing = 'y'\n";
        assert_eq!(found(&one_more, ""), ["`a24` is no number of a promise"]);
        let stray = format!("`d28` is not in {TABLE}");
        assert_eq!(found(&table(""), "fn d28_x() {}"), [stray]);
    }
}
