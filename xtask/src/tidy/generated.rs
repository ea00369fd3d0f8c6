//! Pages that are data say what the data says.

use super::Finding;
use super::tree::Tree;
use crate::docs::{PAGES, Page};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = PAGES.iter();
    pages.filter_map(|page| of_page(tree, page)).collect()
}

fn of_page(tree: &Tree, page: &Page) -> Option<Finding> {
    let now = tree.text(page.path).unwrap_or_default();
    match (page.renew)(now) {
        Ok(renewed) if renewed == now => None,
        Ok(renewed) => {
            let message = "not what the data says; run `cargo xtask docs`";
            Some(Finding::new(
                page.path,
                first_difference(now, &renewed),
                message,
            ))
        }
        Err(error) => Some(Finding::new(page.path, 1, format!("{error:#}"))),
    }
}

/// The first line that is not the same in both.
fn first_difference(one: &str, other: &str) -> usize {
    let same = one.lines().zip(other.lines()).take_while(|(a, b)| a == b);
    same.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page {
        path: "docs/page.md",
        renew: |now| match now {
            "" => anyhow::bail!("empty"),
            _ => Ok("one\ntwo\n".to_owned()),
        },
    };

    #[test]
    fn a_page_that_lags_behind_is_found_where_it_does() {
        for (text, line) in [
            ("one\ntwo\n", None),
            ("one\n2\n", Some(2)),
            ("one\n", Some(2)),
            ("one\ntwo\nthree\n", Some(3)),
            ("", Some(1)),
        ] {
            let tree = Tree::of(&[(PAGE.path, text)]);
            let found = of_page(&tree, &PAGE).map(|finding| finding.line);
            assert_eq!(found, line, "{text:?}");
        }
    }
}
