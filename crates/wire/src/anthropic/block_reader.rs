//! Blocks of answers and turns, read.

use std::borrow::Cow;

use crate::ir::{
    Block, CacheMark, Citation, File, Image, Recall, Refusal, Server, Source, Text, ToolCall,
    ToolResult, media,
};
use crate::json::Node;

/// The kinds of blocks that this dialect has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
    Redacted,
    ToolUse,
    ToolResult,
    Image,
    Document,
    SearchResult,
    /// A tool that the vendor ran, or what came of it.
    Server,
}

/// The kind that a `type` names.
pub(super) fn kind_of(word: &str) -> Option<Kind> {
    Some(match word {
        "text" => Kind::Text,
        "thinking" => Kind::Thinking,
        "redacted_thinking" => Kind::Redacted,
        "tool_use" => Kind::ToolUse,
        "tool_result" => Kind::ToolResult,
        "image" => Kind::Image,
        "document" => Kind::Document,
        "search_result" => Kind::SearchResult,
        "server_tool_use" | "mcp_tool_use" | "container_upload" => Kind::Server,
        word if word.ends_with("_tool_result") => Kind::Server,
        _ => return None,
    })
}

/// A block of an answer; None for what is not of the answer.
pub(super) fn read_answer<'a>(node: Node<'a>, recall: &Recall) -> Option<Block<'a>> {
    let word = node.get("type")?.text()?;
    Some(match kind_of(&word) {
        Some(Kind::Text) => Block::Text(read_text(node)),
        Some(Kind::Thinking | Kind::Redacted) => crate::openai::thinking_block(node)?,
        Some(Kind::ToolUse) => read_call(node, recall)?,
        Some(Kind::Server) => Block::Server(Server {
            kind: word,
            raw: node.into(),
        }),
        _ => Block::Unknown {
            kind: word,
            raw: node.into(),
        },
    })
}

fn read_text(node: Node<'_>) -> Text<'_> {
    let [text, citations, cache] = node.pick(["text", "citations", "cache_control"]);
    Text {
        text: text.and_then(Node::text).unwrap_or_default(),
        citations: citations
            .map(Node::elements)
            .unwrap_or_default()
            .into_iter()
            .map(read_citation)
            .collect(),
        cache: cache_mark(cache),
    }
}

/// Where words come from; a page when it has an address.
pub(super) fn read_citation(node: Node<'_>) -> Citation<'_> {
    let [kind, url, title, quote, document] =
        node.pick(["type", "url", "title", "cited_text", "document_title"]);
    let is_page = kind.and_then(Node::text).as_deref() == Some("web_search_result_location");
    Citation {
        url: url.filter(|_| is_page).and_then(Node::text),
        title: title.or(document).and_then(Node::text),
        quote: quote.and_then(Node::text),
        range: None,
        raw: Some(node.into()),
    }
}

/// The call of a tool, or the answer that a call was made to carry.
fn read_call<'a>(node: Node<'a>, recall: &Recall) -> Option<Block<'a>> {
    let [id, name, input, cache] = node.pick(["id", "name", "input", "cache_control"]);
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
        cache: cache_mark(cache),
    }))
}

/// A block of a client's turn.
pub(super) fn read_turn<'a>(node: Node<'a>, place: &str) -> Result<Block<'a>, Refusal> {
    let lacks = |what: &str| Refusal::new(place, format!("{place} needs {what}"));
    let Some(word) = node.get("type").and_then(Node::text) else {
        return Err(lacks("a type"));
    };
    let cache = cache_mark(node.get("cache_control"));
    Ok(match kind_of(&word) {
        Some(Kind::Image) => Block::Image(Image {
            source: read_source(node).ok_or_else(|| lacks("a source"))?,
            detail: None,
            media_type: None,
            cache,
        }),
        Some(Kind::Document) => read_document(node, cache).ok_or_else(|| lacks("a source"))?,
        Some(Kind::SearchResult) => Block::Text(Text {
            text: Cow::Owned(search_result(node)),
            citations: Vec::new(),
            cache,
        }),
        Some(Kind::ToolResult) => read_result(node, cache, place)?,
        _ => read_answer(node, &Recall::default()).ok_or_else(|| lacks("its members"))?,
    })
}

fn read_source(node: Node<'_>) -> Option<Source<'_>> {
    let [kind, url, mime, data, file] =
        node.get("source")?
            .pick(["type", "url", "media_type", "data", "file_id"]);
    let kind = kind?.text()?;
    match &*kind {
        "url" => media::source(url?.text()?).ok(),
        "base64" => {
            let data = data?.text()?;
            let said = mime.and_then(Node::text).unwrap_or_default();
            let mime = Cow::Owned(media::true_mime(&said, &data).into_owned());
            Some(Source::Base64 { mime, data })
        }
        "text" => Some(Source::Text {
            mime: mime
                .and_then(Node::text)
                .unwrap_or(Cow::Borrowed("text/plain")),
            text: data?.text()?,
        }),
        "file" => Some(Source::FileId(file?.text()?)),
        _ => None,
    }
}

fn read_document(node: Node<'_>, cache: Option<CacheMark>) -> Option<Block<'_>> {
    let [title, context, citations, source] =
        node.pick(["title", "context", "citations", "source"]);
    let cited = citations
        .and_then(|node| node.get("enabled"))
        .and_then(Node::flag);
    let name = title.and_then(Node::text);
    let is_content = source
        .and_then(|source| source.get("type"))
        .and_then(Node::text);
    let source = if is_content.as_deref() == Some("content") {
        Source::Text {
            mime: Cow::Borrowed("text/plain"),
            text: Cow::Owned(texts_of(source?.get("content")?)),
        }
    } else {
        read_source(node)?
    };
    Some(Block::File(File {
        source,
        name,
        context: context.and_then(Node::text),
        cited,
        cache,
    }))
}

/// The texts of a content that is a string or blocks.
pub(super) fn texts_of(content: Node<'_>) -> String {
    if let Some(text) = content.text() {
        return text.into_owned();
    }
    let texts: Vec<_> = content
        .elements()
        .into_iter()
        .filter_map(|block| block.get("text")?.text())
        .collect();
    texts.join("\n")
}

fn search_result(node: Node<'_>) -> String {
    let [source, title, content] = node.pick(["source", "title", "content"]);
    let text = |node: Option<Node<'_>>| node.and_then(Node::text).unwrap_or_default().into_owned();
    format!(
        "{} {}\n{}",
        text(source),
        text(title),
        content.map(texts_of).unwrap_or_default()
    )
}

fn read_result<'a>(
    node: Node<'a>,
    cache: Option<CacheMark>,
    place: &str,
) -> Result<Block<'a>, Refusal> {
    let [id, content, is_error] = node.pick(["tool_use_id", "content", "is_error"]);
    let Some(id) = id.and_then(Node::text) else {
        return Err(Refusal::new(place, format!("{place} needs a tool_use_id")));
    };
    let parts = match content {
        None => Vec::new(),
        Some(content) => match content.text() {
            Some(text) => vec![Block::text(text)],
            None => content
                .elements()
                .into_iter()
                .map(|block| read_turn(block, place))
                .collect::<Result<_, _>>()?,
        },
    };
    Ok(Block::ToolResult(ToolResult {
        id,
        name: None,
        parts,
        is_error: is_error.and_then(Node::flag).unwrap_or(false),
        cache,
    }))
}

/// A `cache_control`.
pub(super) fn cache_mark(node: Option<Node<'_>>) -> Option<CacheMark> {
    crate::openai::cache_mark(node)
}
