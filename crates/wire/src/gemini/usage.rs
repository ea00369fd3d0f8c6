//! Gemini's counters.

use crate::ir::Usage;
use crate::json::Node;

/// Reads `usageMetadata`. What was cached is within the prompt there, and thoughts stand beside
/// the answer.
pub(crate) fn read_usage(node: Node<'_>) -> Usage {
    let [
        prompt,
        cached,
        tools,
        candidates,
        thoughts,
        total,
        ins,
        outs,
    ] = node.pick([
        "promptTokenCount",
        "cachedContentTokenCount",
        "toolUsePromptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "totalTokenCount",
        "promptTokensDetails",
        "candidatesTokensDetails",
    ]);
    let count = |node: Option<Node<'_>>| node.and_then(Node::uint).unwrap_or(0);
    let (cached, thoughts) = (count(cached), count(thoughts));
    Usage {
        uncached_in: count(prompt)
            .saturating_sub(cached)
            .saturating_add(count(tools)),
        cache_read: cached,
        out: count(candidates).saturating_add(thoughts),
        reasoning: thoughts,
        audio_in: of_kind(ins, "AUDIO"),
        audio_out: of_kind(outs, "AUDIO"),
        image_out: of_kind(outs, "IMAGE"),
        total: total.and_then(Node::uint),
        ..Usage::default()
    }
}

/// Of the tokens, those of a kind.
fn of_kind(details: Option<Node<'_>>, kind: &str) -> u64 {
    let rows = details.map(Node::elements).unwrap_or_default();
    let rows = rows.into_iter().filter_map(|row| {
        let [modality, count] = row.pick(["modality", "tokenCount"]);
        (modality?.text()? == kind).then(|| count?.uint())?
    });
    rows.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t12_nothing_is_counted_twice_and_thoughts_are_output() {
        let usage = read_usage(Node::of(
            r#"{"promptTokenCount":30,"cachedContentTokenCount":10,"toolUsePromptTokenCount":5,
                "candidatesTokenCount":6,"thoughtsTokenCount":4,"totalTokenCount":45,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":20},{"modality":"AUDIO","tokenCount":10}],
                "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":3}]}"#,
        ));
        assert_eq!((usage.uncached_in, usage.cache_read), (25, 10));
        assert_eq!((usage.out, usage.reasoning), (10, 4));
        assert_eq!((usage.audio_in, usage.image_out), (10, 3));
        assert_eq!(usage.total, Some(45));
        assert_eq!(usage.prompt() + usage.out, 45);
    }
}
