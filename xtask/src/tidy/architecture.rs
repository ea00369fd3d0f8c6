//! ARCHITECTURE.md stays a page one reads: short, and naming every room.

use super::Finding;
use super::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";
const LONGEST: usize = 150;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(PAGE) else {
        return vec![Finding::new(PAGE, 1, "the page is missing")];
    };
    let mut findings = Vec::new();
    let length = text.lines().count();
    if length > LONGEST {
        let message = format!("{length} lines, at most {LONGEST}");
        findings.push(Finding::new(PAGE, LONGEST + 1, message));
    }
    for name in tree.crates() {
        if !names_folder(text, name) {
            let message = format!("does not say what crates/{name} is");
            findings.push(Finding::new(PAGE, 1, message));
        }
    }
    findings
}

/// Whether the page speaks of `wire/`, `crates/wire` or `` `wire` ``.
fn names_folder(text: &str, name: &str) -> bool {
    let spellings = [
        format!("crates/{name}"),
        format!(" {name}/"),
        format!("\n{name}/"),
        format!("`{name}`"),
        format!("`{name}/`"),
    ];
    spellings.iter().any(|spelling| text.contains(spelling))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: (&str, &str) = ("crates/wire/Cargo.toml", "");

    #[test]
    fn a_room_without_a_line_is_found() {
        let named = Tree::of(&[(PAGE, "- `wire`: bytes\n"), WIRE]);
        assert_eq!(check(&named), []);
        let unnamed = Tree::of(&[(PAGE, "- the wirework\n"), WIRE]);
        assert_eq!(check(&unnamed).len(), 1);
    }

    #[test]
    fn a_long_page_and_a_missing_page_are_found() {
        let long = "line\n".repeat(LONGEST + 1);
        assert_eq!(check(&Tree::of(&[(PAGE, &long)])).len(), 1);
        let short = "line\n".repeat(LONGEST);
        assert_eq!(check(&Tree::of(&[(PAGE, &short)])), []);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
