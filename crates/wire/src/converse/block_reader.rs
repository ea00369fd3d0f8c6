//! Blocks of answers, read.

use std::borrow::Cow;

use crate::ir::{
    Block, Citation, Image, Opaque, OpaqueKind, Raw, Recall, Server, Source, Text, Thinking,
    ToolCall,
};
use crate::json::Node;

/// A block of an answer; None for what is not of the answer.
pub(super) fn read_answer<'a>(node: Node<'a>, recall: &Recall) -> Option<Block<'a>> {
    let [text, call, reasoning, cited, image, result] = node.pick([
        "text",
        "toolUse",
        "reasoningContent",
        "citationsContent",
        "image",
        "toolResult",
    ]);
    if let Some(text) = text.and_then(Node::text) {
        return Some(Block::text(text));
    }
    if let Some(call) = call {
        return read_call(call, recall);
    }
    reasoning
        .and_then(read_reasoning)
        .or_else(|| cited.map(read_cited))
        .or_else(|| image.and_then(read_image))
        .or_else(|| result.map(|_| server("tool_result", node)))
        .or_else(|| invented(node))
}

/// A block that was invented later is told as the vendor's own.
pub(super) fn invented(node: Node<'_>) -> Option<Block<'_>> {
    let (name, _) = node.members().into_iter().next()?;
    Some(Block::Server(Server {
        kind: name,
        raw: node.into(),
    }))
}

/// A tool that AWS ran itself, or its result.
fn server<'a>(kind: &'static str, node: Node<'a>) -> Block<'a> {
    Block::Server(Server {
        kind: Cow::Borrowed(kind),
        raw: node.into(),
    })
}

/// Whether a call is one that AWS answers itself.
pub(super) fn is_server(call: Node<'_>) -> bool {
    call.get("type").and_then(Node::text).as_deref() == Some("server_tool_use")
}

/// The call of a tool, or the answer that a call was made to carry.
fn read_call<'a>(call: Node<'a>, recall: &Recall) -> Option<Block<'a>> {
    if is_server(call) {
        return Some(server("server_tool_use", call));
    }
    let [id, name, input] = call.pick(["toolUseId", "name", "input"]);
    let name = name?.text()?;
    let input = input.unwrap_or(Node::of("{}"));
    if recall.json_tool == Some(&*name) {
        return Some(Block::text(input.compact()));
    }
    let custom = recall.custom.iter().any(|custom| *custom == *name);
    let arguments = match input.get("input").and_then(Node::text) {
        Some(text) if custom => text,
        _ => input.compact(),
    };
    Some(Block::ToolCall(ToolCall {
        id: id.and_then(Node::text).unwrap_or_default(),
        name: recall.names.restored(name),
        arguments,
        signature: None,
        custom,
        cache: None,
    }))
}

fn read_reasoning(node: Node<'_>) -> Option<Block<'_>> {
    let [readable, redacted] = node.pick(["reasoningText", "redactedContent"]);
    let opaque = |kind, data| Opaque { kind, data };
    if let Some(data) = redacted.and_then(Node::text) {
        return Some(Block::Thinking(Thinking {
            text: Cow::Borrowed(""),
            state: Some(opaque(OpaqueKind::Redacted, data)),
        }));
    }
    let [text, signature] = readable?
        .pick(["text", "signature"])
        .map(|node| node.and_then(Node::text));
    Some(Block::Thinking(Thinking {
        text: text.unwrap_or_default(),
        state: signature
            .filter(|signature| !signature.is_empty())
            .map(|signature| opaque(OpaqueKind::Signature, signature)),
    }))
}

/// Words with their sources.
fn read_cited(node: Node<'_>) -> Block<'_> {
    let [content, citations] = node.pick(["content", "citations"]);
    Block::Text(Text {
        text: words(content.map(Node::elements).unwrap_or_default()),
        citations: citations
            .map(Node::elements)
            .unwrap_or_default()
            .into_iter()
            .map(read_citation)
            .collect(),
        cache: None,
    })
}

fn words(texts: Vec<Node<'_>>) -> Cow<'_, str> {
    let mut texts = texts
        .into_iter()
        .filter_map(|node| node.get("text")?.text());
    let first = texts.next().unwrap_or_default();
    texts.fold(first, |joined, text| {
        Cow::Owned(joined.into_owned() + &text)
    })
}

/// Where words come from; a page when it has an address.
pub(super) fn read_citation(node: Node<'_>) -> Citation<'_> {
    let [title, location, quotes] = node.pick(["title", "location", "sourceContent"]);
    let url = location
        .and_then(|location| location.get("web"))
        .and_then(|web| web.get("url"))
        .and_then(Node::text);
    let quote = words(quotes.map(Node::elements).unwrap_or_default());
    Citation {
        url,
        title: title.and_then(Node::text),
        quote: Some(quote).filter(|quote| !quote.is_empty()),
        range: None,
        raw: Some(Raw::from(node)),
    }
}

fn read_image(node: Node<'_>) -> Option<Block<'_>> {
    let [format, source] = node.pick(["format", "source"]);
    let data = source?.get("bytes")?.text()?;
    Some(picture(&format?.text()?, data))
}

/// A picture in one of the vendor's formats.
pub(super) fn picture<'a>(format: &str, data: Cow<'a, str>) -> Block<'a> {
    Block::Image(Image {
        source: Source::Base64 {
            mime: Cow::Owned(format!("image/{format}")),
            data,
        },
        detail: None,
        media_type: None,
        cache: None,
    })
}
