//! Cohere's counters.

use crate::ir::{Raw, Usage};
use crate::json::Node;

/// Reads a `usage` object: what was counted, else what was billed.
pub(super) fn read(usage: Node<'_>) -> Usage {
    let [tokens, billed, cached] = usage.pick(["tokens", "billed_units", "cached_tokens"]);
    let [mut input, mut output] = counts(tokens);
    let [billed_input, billed_output] = counts(billed);
    if input.is_none() && output.is_none() {
        (input, output) = (billed_input, billed_output);
    }
    let input = input.unwrap_or(0);
    let cached = cached.and_then(Node::uint).unwrap_or(0).min(input);
    let searches = billed.and_then(|billed| billed.get("search_units"));
    Usage {
        uncached_in: input - cached,
        cache_read: cached,
        out: output.unwrap_or(0),
        search_units: searches.and_then(Node::uint).unwrap_or(0),
        ..Usage::default()
    }
}

fn counts(node: Option<Node<'_>>) -> [Option<u64>; 2] {
    node.map(|node| node.pick(["input_tokens", "output_tokens"]))
        .unwrap_or_default()
        .map(|count| count.and_then(Node::uint))
}

/// The bill, where it says what tokens do not: searches, classifications, images.
pub(super) fn bill(usage: Node<'_>) -> Option<Raw<'_>> {
    let billed = usage.get("billed_units")?;
    let more = billed.members().into_iter().any(|(name, value)| {
        !matches!(&*name, "input_tokens" | "output_tokens") && !value.is_null()
    });
    more.then(|| billed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_what_came_from_the_cache_is_counted_once() {
        let usage = read(Node::of(
            r#"{"billed_units":{"input_tokens":10,"output_tokens":8,"search_units":2},
                "tokens":{"input_tokens":120,"output_tokens":20},"cached_tokens":100}"#,
        ));
        assert_eq!((usage.uncached_in, usage.cache_read), (20, 100));
        assert_eq!(
            (usage.prompt(), usage.out, usage.search_units),
            (120, 20, 2)
        );
    }

    #[test]
    fn the_bill_counts_where_nothing_else_does() {
        let node = Node::of(r#"{"billed_units":{"input_tokens":10.0,"output_tokens":8}}"#);
        let usage = read(node);
        assert_eq!((usage.prompt(), usage.out), (10, 8));
        assert_eq!(bill(node), None);
        assert!(bill(Node::of(r#"{"billed_units":{"classifications":1}}"#)).is_some());
    }
}
