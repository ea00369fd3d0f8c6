//! What work leaves behind: reminders, stubs, settings read out of place, and
//! the paths of somebody's machine.

use super::Finding;
use super::rust::{Rust, is_test_file, line};
use super::tree::{SourceFile, Tree};

/// This folder names what it looks for.
const SELF: &str = "xtask/src/tidy/";

const REMINDERS: [&str; 3] = ["TODO", "FIXME", "XXX"];

const STUBS: [&str; 2] = ["todo!", "unimplemented!"];

/// Reading the environment is the binary's business alone.
const ENVIRONMENT: [&str; 2] = ["env::var", "env::set_var"];

const MAY_READ_THE_ENVIRONMENT: [&str; 4] = ["crates/cli/", "fuzz/", "xtask/", "tests/"];

/// Homes of a build machine, which mean nothing on another one.
const MACHINE_FOLDERS: [&str; 2] = ["/root/", "/work/"];

struct Exception {
    within: &'static str,
    folder: &'static str,
    #[allow(dead_code, reason = "the reason is for the reader")]
    because: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files()
        .filter(|file| !file.path.starts_with(SELF))
        .flat_map(|file| {
            let mut findings = reminders(file);
            findings.extend(machine_folders(file));
            findings.extend(in_code(file));
            findings
        })
        .collect()
}

fn reminders(file: &SourceFile) -> Vec<Finding> {
    if !is_source(file) {
        return Vec::new();
    }
    let found = REMINDERS
        .iter()
        .flat_map(|word| words(&file.text, word).map(move |at| (at, word)));
    found
        .map(|(at, word)| {
            let message = format!("{word} is left; do it or drop it");
            Finding::new(&file.path, line(&file.text, at), message)
        })
        .collect()
}

fn is_source(file: &SourceFile) -> bool {
    const EXTENSIONS: [&str; 9] = ["rs", "toml", "py", "mjs", "js", "ts", "tsx", "sh", "sql"];
    EXTENSIONS.contains(&file.extension())
        || file.path.starts_with(".ci/")
        || file.path == "justfile"
}

/// Where a word stands by itself.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            !part_of_word(before) && !part_of_word(bytes.get(at + word.len()))
        })
}

fn machine_folders(file: &SourceFile) -> Vec<Finding> {
    let found = MACHINE_FOLDERS
        .iter()
        .flat_map(|folder| absolute(&file.text, folder).map(move |at| (at, *folder)));
    found
        .filter(|(_, folder)| !excepted(&file.path, folder))
        .map(|(at, folder)| {
            let message = format!("a path in {folder} means nothing on another machine");
            Finding::new(&file.path, line(&file.text, at), message)
        })
        .collect()
}

fn excepted(path: &str, folder: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|exception| path.starts_with(exception.within) && exception.folder == folder)
}

/// Where a path starts with the folder, rather than holding it further down.
fn absolute<'a>(text: &'a str, folder: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(folder).map(|(at, _)| at).filter(|at| {
        match at.checked_sub(1).map(|i| text.as_bytes()[i]) {
            None => true,
            Some(before) => !before.is_ascii_alphanumeric() && !b"._-/}$".contains(&before),
        }
    })
}

fn in_code(file: &SourceFile) -> Vec<Finding> {
    if file.extension() != "rs" || is_test_file(&file.path) {
        return Vec::new();
    }
    let rust = Rust::read(&file.text);
    let mut findings = Vec::new();
    let mut report = |pattern: &str, message: String| {
        for line in rust.code_lines(pattern) {
            findings.push(Finding::new(&file.path, line, message.clone()));
        }
    };
    for stub in STUBS {
        report(stub, format!("{stub} is a stub"));
    }
    let allowed = MAY_READ_THE_ENVIRONMENT;
    if !allowed.iter().any(|place| file.path.starts_with(place)) {
        for call in ENVIRONMENT {
            let message = format!("{call} outside the cli: settings come in as configuration");
            report(call, message);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(&Tree::of(&[(path, text)]));
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn leftovers_are_found_where_they_stand() {
        let cases: &[(&str, &str, &[usize])] = &[
            ("crates/wire/src/lib.rs", "\n// TODO: later", &[2]),
            ("crates/wire/src/lib.rs", "fn f() { todo!() }", &[1]),
            (
                "crates/wire/src/lib.rs",
                "/// about todo!() and FIXMEs",
                &[],
            ),
            ("docs/guide.md", "The TODO list app", &[]),
            (
                "crates/engine/src/a.rs",
                "use std::env;\nenv::var(\"A\");",
                &[2],
            ),
            ("crates/engine/src/a.rs", "let a = \"env::var\";", &[]),
            (
                "crates/cli/src/environment.rs",
                "std::env::var(\"A\");",
                &[],
            ),
            ("docs/guide.md", "see /root/notes", &[1]),
            ("docs/guide.md", "see https://example.com/work/notes", &[]),
            ("docs/guide.md", "GET $HOME/work/notes, ./work/x", &[]),
        ];
        for (path, text, expected) in cases {
            assert_eq!(lines(path, text), *expected, "{path}: {text}");
        }
    }
}
