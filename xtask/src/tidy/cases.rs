//! Every case and every weak spot of the specification's part on routing, retries, models and costs has
//! a test that carries its number: `case_14_...`, `r1_...`, `z4_case_17_...`. What cannot have one yet
//! stands here with the reason, and leaves this list with its first test.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::{SourceFile, Tree};

/// How the numbers of each list begin, and how many there are.
const LISTS: [(&str, u32); 4] = [("case ", 36), ("r", 22), ("z", 20), ("c", 18)];

/// What has no test, because what it is about does not exist.
const MISSING: &[(&str, &str)] = &[
    (
        "case 23",
        "there is no cache of answers, no budget and no limiter of keys",
    ),
    ("case 24", "there is no cache of answers"),
    ("case 25", "there are no embeddings and no cache of answers"),
    (
        "case 26",
        "there are no plugins; a panic of a call is held by its receipt",
    ),
    ("case 27", "there are no plugins"),
    ("case 32", "there is no MCP"),
    ("case 33", "there are no embeddings and no word filter"),
    ("case 35", "there are no hooks"),
    ("case 36", "there is no limiter of keys"),
    ("r11", "chat is the only surface that is ranked by price"),
    ("r20", "there is no pass-through and no `/v1/responses`"),
    ("c8", "there is no `/v1/responses`"),
];

/// What has a test of the part that exists.
const PARTLY: &[(&str, &str)] = &[
    ("case 2", "texts of the configuration; there are no plugins"),
    ("case 7", "streams; there are no images"),
    ("case 22", "the answer; there are no plugins"),
    (
        "r21",
        "chat; there is no pass-through and no `/v1/responses`",
    ),
    (
        "c9",
        "prices and measures; chat is the only surface that is called",
    ),
    (
        "c10",
        "the catalog; there is no `/v1/rerank` and no `/v1/moderations`",
    ),
    (
        "c13",
        "the list of models; calls for a model that has ended go to its vendor",
    ),
];

const SELF: &str = "xtask/src/tidy/cases.rs";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut tests: BTreeMap<String, usize> = BTreeMap::new();
    let files = tree.files().filter(|file| file.extension() == "rs");
    for id in files.flat_map(tested) {
        *tests.entry(id).or_default() += 1;
    }
    let mut findings = Vec::new();
    let mut report = |message: String| findings.push(Finding::new(SELF, 1, message));
    let excused = |id: &str| MISSING.iter().find(|(known, _)| *known == id);
    for id in all() {
        match (tests.contains_key(&id), excused(&id)) {
            (false, None) => report(format!("no test carries the number of {id}")),
            (true, Some(_)) => report(format!("{id} has a test now, take it off the list")),
            _ => {}
        }
    }
    let known: Vec<String> = all().collect();
    for (id, _) in MISSING.iter().chain(PARTLY) {
        if !known.iter().any(|one| one == id) {
            report(format!("there is no {id}"));
        }
    }
    findings
}

fn all() -> impl Iterator<Item = String> {
    let lists = LISTS.into_iter();
    lists.flat_map(|(list, count)| (1..=count).map(move |number| format!("{list}{number}")))
}

/// The numbers that a file's tests carry.
fn tested(file: &SourceFile) -> Vec<String> {
    let (mut ids, mut is_test) = (Vec::new(), false);
    for line in file.text.lines().map(str::trim_start) {
        let signature = line.strip_prefix("async ").unwrap_or(line);
        if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("::test(");
        } else if let Some(rest) = signature.strip_prefix("fn ") {
            if is_test {
                ids.extend(numbers(rest.split('(').next().unwrap_or_default()));
            }
            is_test = false;
        } else if !line.starts_with("//") {
            is_test = false;
        }
    }
    ids
}

/// The numbers that a test's name begins with.
fn numbers(name: &str) -> Vec<String> {
    let (mut ids, mut case) = (Vec::new(), false);
    for word in name.split('_') {
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        if word == "case" {
            case = true;
        } else if case && is_number(word) {
            ids.push(format!("case {word}"));
        } else if word.starts_with(['r', 'z', 'c']) && word.get(1..).is_some_and(is_number) {
            (case, ids) = (false, [ids, vec![word.to_owned()]].concat());
        } else if !(case && word == "and") {
            break;
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_carries_the_numbers_that_it_begins_with() {
        for (name, carried) in [
            ("case_14_a_hint_is_waited_for", &["case 14"][..]),
            ("case_8_and_13_a_target", &["case 8", "case 13"]),
            ("z6_case_15_while_a_probe", &["z6", "case 15"]),
            ("z10_z11_what_is_tried", &["z10", "z11"]),
            ("what_z10_says", &[]),
            ("row_1_fields", &[]),
            ("rows_are_read", &[]),
            ("case_of_two", &[]),
        ] {
            assert_eq!(numbers(name), carried, "{name}");
        }
    }

    #[test]
    fn only_tests_count_and_every_number_is_asked_for() {
        let mut text = String::from("fn r1_a() {}\n#[test]\nfn r9_b() {}\nfn r3_c() {}\n");
        for id in all().filter(|id| id != "r1" && id != "r9" && id != "r3") {
            if !MISSING.iter().any(|(known, _)| *known == id) {
                let name = id.replace(' ', "_");
                text += "#[tokio::test(start_paused = true)]\n/// why\nasync fn ";
                text += &name;
                text += "_x() {}\n";
            }
        }
        let told = |text: &str| {
            let findings = check(&Tree::of(&[("tests/a.rs", text)])).into_iter();
            findings.map(|finding| finding.message).collect::<Vec<_>>()
        };
        let lacking = [
            "no test carries the number of r1",
            "no test carries the number of r3",
        ];
        assert_eq!(told(&text), lacking);
        text += "#[test]\nfn r1_r3_c8_d() {}\n";
        assert_eq!(told(&text), ["c8 has a test now, take it off the list"]);
    }
}
