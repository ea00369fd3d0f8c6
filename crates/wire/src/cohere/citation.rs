//! Where an answer's words come from.

use std::borrow::Cow;

use crate::ir::Citation;
use crate::json::Node;

/// The pages among the sources of one citation. `before` characters stand before the text that it
/// counts in. A citation of what has no address is only told as the vendor's own.
pub(super) fn pages(citation: Node<'_>, before: u64) -> Vec<Citation<'_>> {
    let [start, end, text, sources, kind] =
        citation.pick(["start", "end", "text", "sources", "type"]);
    let kind = kind.and_then(Node::text);
    if kind.is_some_and(|kind| kind != "TEXT_CONTENT") {
        return Vec::new();
    }
    let [start, end] = [start, end].map(|place| place.and_then(Node::uint));
    let range = start
        .zip(end)
        .map(|(start, end)| (before.saturating_add(start), before.saturating_add(end)));
    let sources = sources.map(Node::elements).unwrap_or_default();
    let page = |source: Node<'_>| {
        let [document, output] = source.pick(["document", "tool_output"]);
        let [url, title] = document.or(output)?.pick(["url", "title"]);
        let url = url?.text().filter(|url| url.starts_with("http"))?;
        Some((
            url.into_owned(),
            title.and_then(Node::text).map(Cow::into_owned),
        ))
    };
    let quote = text.and_then(Node::text);
    sources
        .into_iter()
        .filter_map(page)
        .map(|(url, title)| Citation {
            url: Some(url.into()),
            title: title.map(Into::into),
            quote: quote.clone(),
            range,
            raw: None,
        })
        .collect()
}
