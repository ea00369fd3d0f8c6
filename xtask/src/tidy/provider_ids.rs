//! A provider is a row, so its id stands in the table, in fixtures, tests and
//! docs, and nowhere in code.

use super::Finding;
use super::rust::{Rust, is_test_file};
use super::tree::{SourceFile, Tree};

const TABLE: &str = "crates/providers/providers.toml";

/// Crates whose business the ids are: the one that holds the table, and the one
/// that pretends to be vendors.
const FREE: [&str; 2] = ["crates/providers/", "crates/mock/"];

struct Exception {
    /// How the path starts.
    within: &'static str,
    id: &'static str,
    #[allow(dead_code, reason = "the reason is for the reader")]
    because: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        within: "crates/config/src/check/identity",
        id: "databricks",
        because: "a kind of identity is a setting of that name, whichever provider takes it",
    },
    Exception {
        within: "crates/cli/src/demo",
        id: "openai-compatible",
        because: "the demo writes a configuration with the mock as its vendor",
    },
    Exception {
        within: "crates/cli/src/init",
        id: "openai",
        because: "a first configuration shows one row when the environment holds no key",
    },
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let ids = ids(tree.text(TABLE).unwrap_or_default());
    if ids.is_empty() {
        return vec![Finding::new(TABLE, 1, "holds no provider id")];
    }
    let ours = tree
        .rust("crates/")
        .filter(|file| !FREE.iter().any(|free| file.path.starts_with(free)))
        .filter(|file| !is_test_file(&file.path));
    ours.flat_map(|file| of_file(file, &ids)).collect()
}

/// The ids of the rows.
fn ids(table: &str) -> Vec<String> {
    let table: toml::Table = table.parse().unwrap_or_default();
    let rows = table.get("provider").and_then(|rows| rows.as_array());
    let ids = rows.into_iter().flatten().filter_map(|row| row.get("id"));
    ids.filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

fn of_file(file: &SourceFile, ids: &[String]) -> Vec<Finding> {
    let rust = Rust::read(&file.text);
    let named = rust
        .literals()
        .filter(|(_, text)| ids.iter().any(|id| id == text));
    named
        .filter(|(_, id)| !excepted(&file.path, id))
        .map(|(line, id)| {
            let message = format!("the provider id \"{id}\" stands in code; it belongs in {TABLE}");
            Finding::new(&file.path, line, message)
        })
        .collect()
}

fn excepted(path: &str, id: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|exception| path.starts_with(exception.within) && exception.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = r#"
[[provider]]
id = "groq"
name = "Groq"
[[provider]]
id = "openai"
"#;

    const NOTHING: [usize; 0] = [];

    fn found(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[(TABLE, ROWS), (path, text)]);
        let findings = check(&tree);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn the_ids_are_read_from_the_table() {
        assert_eq!(ids(ROWS), ["groq", "openai"]);
    }

    #[test]
    fn an_id_in_code_is_found() {
        let text = "fn f() {\n    g(\"groq\");\n}\n";
        assert_eq!(found("crates/engine/src/route.rs", text), [2]);
    }

    #[test]
    fn ids_in_tests_comments_and_longer_texts_are_fine() {
        let text = "// \"groq\"\nconst A: &str = \"groq says no\";\n#[cfg(test)]\nmod tests { const B: &str = \"groq\"; }\n";
        assert_eq!(found("crates/engine/src/route.rs", text), NOTHING);
        let code = "const A: &str = \"groq\";";
        assert_eq!(found("crates/engine/tests/route.rs", code), NOTHING);
        assert_eq!(found("crates/mock/src/lib.rs", code), NOTHING);
    }

    #[test]
    fn an_exception_holds_for_its_place_only() {
        let code = "const A: &str = \"openai\";";
        assert_eq!(found("crates/cli/src/init.rs", code), NOTHING);
        assert_eq!(found("crates/server/src/lib.rs", code), [1]);
    }

    #[test]
    fn a_table_without_ids_is_a_finding() {
        assert_eq!(check(&Tree::of(&[(TABLE, "")])).len(), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
