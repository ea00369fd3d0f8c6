//! Parts of messages.

use std::borrow::Cow;

use crate::ir::{
    Audio, Block, CacheMark, Citation, File, Image, Opaque, OpaqueKind, Raw, Refusal, Source, Text,
    Thinking, Video, media,
};
use crate::json::Node;
use crate::json::write::Array;

/// The `cache_control` of a part, a message, a tool or a request.
pub(crate) fn cache_mark(node: Option<Node<'_>>) -> Option<CacheMark> {
    let node = node.filter(|node| node.is_object())?;
    let ttl = node.get("ttl").and_then(Node::text);
    Some(match ttl.as_deref() {
        Some("5m") => CacheMark::FiveMinutes,
        Some("1h") => CacheMark::OneHour,
        _ => CacheMark::Usual,
    })
}

/// The content of a message: a text, parts, or nothing.
pub(super) fn read_content<'a>(
    content: Option<Node<'a>>,
    place: &str,
) -> Result<Vec<Block<'a>>, Refusal> {
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    if let Some(text) = content.text() {
        return Ok(vec![Block::text(text)]);
    }
    if !content.is_array() {
        let what = format!("{place} must be a string or an array of parts");
        return Err(Refusal::new(place, what));
    }
    let parts = content.elements().into_iter().enumerate();
    parts
        .map(|(at, part)| read_part(part, || format!("{place}[{at}]")))
        .collect()
}

/// What a file has.
pub(super) const FILE: [&str; 6] = [
    "file_data",
    "filename",
    "file_id",
    "file_url",
    "context",
    "citations",
];

/// One part.
fn read_part(part: Node<'_>, place: impl Fn() -> String) -> Result<Block<'_>, Refusal> {
    if let Some(text) = part.text() {
        return Ok(Block::text(text));
    }
    let [kind, cache] = part.pick(["type", "cache_control"]);
    let Some(kind) = kind.and_then(Node::text) else {
        let place = place();
        return Err(Refusal::new(&*place, format!("{place}.type is missing")));
    };
    let cache = cache_mark(cache);
    let wrong = |field: &str| {
        let place = place();
        Refusal::new(
            &*place,
            format!("{place}: a part of type {kind} needs {field}"),
        )
    };
    Ok(match &*kind {
        "text" | "input_text" | "output_text" => Block::Text(Text {
            text: part
                .get("text")
                .and_then(Node::text)
                .ok_or_else(|| wrong("text"))?,
            citations: Vec::new(),
            cache,
        }),
        "image_url" => read_image(part, cache, &place)?,
        "input_audio" => read_audio(part).ok_or_else(|| wrong("input_audio{data,format}"))?,
        "video_url" => Block::Video(Video {
            source: source_of(
                url_of(part, "video_url").ok_or_else(|| wrong("video_url.url"))?,
                &place,
            )?,
            raw: Some(part.into()),
        }),
        "file" => read_file(part, cache, &place)?,
        "refusal" => Block::Refusal(part.get("refusal").and_then(Node::text).unwrap_or_default()),
        "thinking" | "redacted_thinking" => {
            thinking_block(part).ok_or_else(|| wrong("thinking or data"))?
        }
        _ => Block::Unknown {
            kind,
            raw: part.into(),
        },
    })
}

fn source_of(url: Cow<'_, str>, place: impl Fn() -> String) -> Result<Source<'_>, Refusal> {
    media::source(url).map_err(|error| {
        let place = place();
        Refusal::new(&*place, format!("{place}: {error}"))
    })
}

/// `{"x": {"url": ".."}}`, or `{"x": ".."}` as some write it.
fn url_of<'a>(part: Node<'a>, member: &str) -> Option<Cow<'a, str>> {
    let value = part.get(member)?;
    value.text().or_else(|| value.get("url")?.text())
}

fn read_image(
    part: Node<'_>,
    cache: Option<CacheMark>,
    place: impl Fn() -> String,
) -> Result<Block<'_>, Refusal> {
    let [url, file_id] = part.pick(["image_url", "file_id"]);
    let [mime, format] = url
        .map(|url| url.pick(["mime_type", "format"]))
        .unwrap_or_default();
    let detail = url.and_then(|url| url.get("detail")).and_then(Node::text);
    let file_id = file_id.or_else(|| url?.get("file_id")).and_then(Node::text);
    let source = match (url_of(part, "image_url"), file_id) {
        (Some(url), _) => source_of(url, place)?,
        (None, Some(id)) => Source::FileId(id),
        (None, None) => {
            let place = place();
            let what = format!("{place}: a part of type image_url needs image_url.url");
            return Err(Refusal::new(place, what));
        }
    };
    let media_type = mime
        .or(format)
        .and_then(Node::text)
        .filter(|mime| mime.contains('/'));
    Ok(Block::Image(Image {
        source,
        detail,
        media_type,
        cache,
    }))
}

fn read_audio(part: Node<'_>) -> Option<Block<'_>> {
    let [data, format] = part.get("input_audio")?.pick(["data", "format"]);
    Some(Block::Audio(Audio {
        data: data?.text()?,
        format: format?.text()?,
        id: None,
        transcript: None,
    }))
}

fn read_file(
    part: Node<'_>,
    cache: Option<CacheMark>,
    place: impl Fn() -> String,
) -> Result<Block<'_>, Refusal> {
    let file = part.get("file").unwrap_or(part);
    let [data, name, id, url, context, citations] = file.pick(FILE);
    let [data, name, id, url, context] =
        [data, name, id, url, context].map(|node| node.and_then(Node::text));
    let source = match (data, url, id) {
        (Some(data), ..) => file_data(data, name.as_deref(), &place)?,
        (None, Some(url), _) => source_of(url, &place)?,
        (None, None, Some(id)) => Source::FileId(id),
        (None, None, None) => {
            let place = place();
            let what = format!("{place}: a part of type file needs file_data, file_url or file_id");
            return Err(Refusal::new(place, what));
        }
    };
    let cited = citations.and_then(|node| node.flag().or_else(|| node.get("enabled")?.flag()));
    Ok(Block::File(File {
        source,
        name,
        context,
        cited,
        cache,
    }))
}

/// File data is a data URI, or base64 alone as some write it.
fn file_data<'a>(
    data: Cow<'a, str>,
    name: Option<&str>,
    place: impl Fn() -> String,
) -> Result<Source<'a>, Refusal> {
    Ok(match source_of(data, place)? {
        Source::Url(data) => Source::Base64 {
            mime: match media::sniff(&data) {
                Some(mime) => Cow::Borrowed(mime),
                None => Cow::Owned(mime_of_name(name).to_owned()),
            },
            data,
        },
        source => source,
    })
}

/// The endings by which documents are known.
const ENDINGS: [(&str, &str); 6] = [
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
    (".md", "text/markdown"),
    (".csv", "text/csv"),
    (".html", "text/html"),
    (".json", "application/json"),
];

fn mime_of_name(name: Option<&str>) -> &'static str {
    let name = name.unwrap_or_default().to_ascii_lowercase();
    ENDINGS
        .iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map_or("application/octet-stream", |(_, mime)| mime)
}

/// Whose signature it is, where it is not Claude's.
const GOOGLE: &str = "google";

/// `{"type":"thinking",..}` or `{"type":"redacted_thinking",..}`, as Claude writes them and
/// `thinking_blocks` repeats them.
pub(crate) fn thinking_block(node: Node<'_>) -> Option<Block<'_>> {
    let [thinking, signature, data, origin] = node
        .pick(["thinking", "signature", "data", "origin"])
        .map(|member| member.and_then(Node::text));
    let opaque = |kind, data| Opaque { kind, data };
    let state = match (signature, data) {
        (Some(signature), _) if !signature.is_empty() => {
            let google = origin.as_deref() == Some(GOOGLE);
            let kind = if google {
                OpaqueKind::Gemini
            } else {
                OpaqueKind::Signature
            };
            Some(opaque(kind, signature))
        }
        (_, Some(data)) => Some(opaque(OpaqueKind::Redacted, data)),
        _ => None,
    };
    if thinking.is_none() && state.is_none() {
        return None;
    }
    Some(Block::Thinking(Thinking {
        text: thinking.unwrap_or_default(),
        state,
    }))
}

/// The same, written.
pub(crate) fn write_thinking_blocks(array: &mut Array<'_>, thinking: &Thinking<'_>) {
    let Some(state) = &thinking.state else {
        return;
    };
    array.object(|o| match state.kind {
        OpaqueKind::Redacted => {
            o.text("type", "redacted_thinking");
            o.text("data", &state.data);
        }
        OpaqueKind::Signature | OpaqueKind::Gemini | OpaqueKind::Responses => {
            o.text("type", "thinking");
            o.text("thinking", &thinking.text);
            o.text("signature", &state.data);
            if state.kind == OpaqueKind::Gemini {
                o.text("origin", GOOGLE);
            }
        }
    });
}

/// Writes a part of a request; whether there is a way to.
pub(super) fn write_part(array: &mut Array<'_>, block: &Block<'_>) -> bool {
    match block {
        Block::Text(text) => array.object(|o| {
            o.text("type", "text");
            o.text("text", &text.text);
        }),
        Block::Image(image) => {
            let Some(url) = media::to_url(&image.source) else {
                return false;
            };
            array.object(|o| {
                o.text("type", "image_url");
                o.object("image_url", |o| {
                    o.text("url", &url);
                    o.text_if("detail", image.detail.as_deref());
                });
            });
        }
        Block::Audio(audio) => array.object(|o| {
            o.text("type", "input_audio");
            o.object("input_audio", |o| {
                o.text("data", &audio.data);
                o.text("format", &audio.format);
            });
        }),
        Block::Video(video) => {
            let Some(url) = media::to_url(&video.source) else {
                return false;
            };
            array.object(|o| {
                o.text("type", "video_url");
                o.object("video_url", |o| o.text("url", &url));
            });
        }
        Block::File(file) => write_file(array, file),
        Block::Refusal(refusal) => array.object(|o| {
            o.text("type", "refusal");
            o.text("refusal", refusal);
        }),
        Block::Unknown { raw, .. } => array.raw(raw.as_str()),
        Block::ToolCall(_) | Block::ToolResult(_) | Block::Thinking(_) | Block::Server(_) => {
            return false;
        }
    }
    true
}

fn write_file(array: &mut Array<'_>, file: &File<'_>) {
    array.object(|o| {
        o.text("type", "file");
        o.object("file", |o| {
            match &file.source {
                Source::FileId(id) => o.text("file_id", id),
                Source::Url(url) => o.text("file_url", url),
                inline => o.text_if("file_data", media::to_url(inline).as_deref()),
            }
            let named = matches!(file.source, Source::Base64 { .. } | Source::Text { .. });
            let name = file.name.as_deref().or(named.then_some("document.pdf"));
            o.text_if("filename", name);
        });
    });
}

/// `annotations` of a message, as citations.
pub(super) fn read_annotations(node: Option<Node<'_>>) -> Vec<Citation<'_>> {
    let Some(node) = node else {
        return Vec::new();
    };
    node.elements()
        .into_iter()
        .map(|annotation| {
            annotation.get("url_citation").map_or_else(
                || Citation {
                    raw: Some(Raw::from(annotation)),
                    ..Citation::default()
                },
                read_url_citation,
            )
        })
        .collect()
}

fn read_url_citation(cited: Node<'_>) -> Citation<'_> {
    let [url, title, start, end] = cited.pick(["url", "title", "start_index", "end_index"]);
    Citation {
        url: url.and_then(Node::text),
        title: title.and_then(Node::text),
        quote: None,
        range: start.and_then(Node::uint).zip(end.and_then(Node::uint)),
        raw: None,
    }
}

/// The content of an answer that is a list, as some vendors write it: words, and the reasoning
/// before them.
pub(super) fn read_listed(content: Node<'_>) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    if !content.is_array() {
        return blocks;
    }
    for part in content.elements() {
        let [kind, text, summary] = part.pick(["type", "text", "summary"]);
        match kind.and_then(Node::text).as_deref() {
            Some("reasoning") => {
                let parts = summary.map(Node::elements).unwrap_or_default();
                blocks.extend(parts.into_iter().map(read_summary));
            }
            Some("thinking" | "redacted_thinking") => blocks.extend(thinking_block(part)),
            _ => blocks.extend(text.and_then(Node::text).map(Block::text)),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// One part of Databricks' reasoning.
fn read_summary(part: Node<'_>) -> Block<'_> {
    let [text, signature] = part
        .pick(["text", "signature"])
        .map(|member| member.and_then(Node::text));
    Block::Thinking(Thinking {
        text: text.unwrap_or_default(),
        state: signature.map(|data| Opaque {
            kind: OpaqueKind::Signature,
            data,
        }),
    })
}
