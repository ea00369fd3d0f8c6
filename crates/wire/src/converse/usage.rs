//! Converse's counters.

use crate::ir::Usage;
use crate::json::Node;

/// What a `usage` object says. What was read from a cache and put into one stands beside the input.
pub(super) fn read(usage: Node<'_>) -> Usage {
    let [input, output, total, read, written, details] = usage.pick([
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheDetails",
    ]);
    let count = |node: Option<Node<'_>>| node.and_then(Node::uint);
    let split = |ttl: &str| {
        let details = details.map(Node::elements).unwrap_or_default();
        let of_ttl = details.into_iter().filter_map(|detail| {
            let [kind, tokens] = detail.pick(["ttl", "inputTokens"]);
            (kind?.text()? == ttl).then(|| tokens?.uint()).flatten()
        });
        of_ttl.fold(0, u64::saturating_add)
    };
    let (five, hour) = (split("5m"), split("1h"));
    let written = count(written).unwrap_or_else(|| five.saturating_add(hour));
    let hour = hour.min(written);
    Usage {
        uncached_in: count(input).unwrap_or(0),
        cache_read: count(read).unwrap_or(0),
        cache_write_5m: written.saturating_sub(hour),
        cache_write_1h: hour,
        out: count(output).unwrap_or(0),
        total: count(total),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_what_caches_read_and_hold_is_split_and_never_counted_twice() {
        let usage = read(Node::of(
            r#"{"inputTokens":10,"outputTokens":9,"totalTokens":29,"cacheReadInputTokens":3,
                "cacheWriteInputTokens":7,
                "cacheDetails":[{"ttl":"1h","inputTokens":2},{"ttl":"5m","inputTokens":5}]}"#,
        ));
        assert_eq!(
            (usage.uncached_in, usage.cache_read, usage.prompt()),
            (10, 3, 13)
        );
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (5, 2));
        assert_eq!((usage.out, usage.total), (9, Some(29)));
        let bare = read(Node::of(
            r#"{"cacheDetails":[{"ttl":"1h","inputTokens":2},{"ttl":"x"},7]}"#,
        ));
        assert_eq!((bare.cache_write(), bare.cache_write_1h), (2, 2));
    }
}
