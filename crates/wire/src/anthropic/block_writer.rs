//! Blocks of turns as Anthropic takes them.

use std::borrow::Cow;

use super::tool::write_cache;
use crate::ir::files::place;
use crate::ir::{
    Block, Citation, File, Image, OpaqueKind, Refusal, Request, Role, Source, Text, Thinking,
    ToolCall, ToolResult, media,
};
use crate::json::Node;
use crate::json::write::{self, Array, Object};

/// The feature without which stored files are not found.
const FILES_BETA: &str = "files-api-2025-04-14";

/// What is written goes here, with what it needs beside.
pub(super) struct Blocks<'w> {
    pub(super) betas: &'w mut Vec<&'static str>,
}

/// Whether a block is written at all; `thinking` says whether signed reasoning goes back.
pub(super) fn keeps(block: &Block<'_>, thinking: bool) -> bool {
    match block {
        Block::Thinking(thought) => thinking && replayable(thought),
        Block::Audio(_) | Block::Video(_) | Block::Unknown { .. } => false,
        _ => true,
    }
}

/// Refuses what has no form here, naming its place in the client's request.
pub(super) fn check(request: &Request<'_>) -> Result<(), Refusal> {
    for (at, turn) in request.turns.iter().enumerate() {
        if turn.role == Role::Assistant {
            continue;
        }
        for (number, block) in turn.blocks.iter().enumerate() {
            let bad = block.with_parts().find(|(_, block)| {
                // Instructions are words here.
                let words = matches!(block, Block::Text(_) | Block::Refusal(_));
                !is_sayable(block) || turn.role.is_system() && !words
            });
            if let Some((part, bad)) = bad {
                let place = place(at, number, part);
                let what = format!(
                    "{place}: the provider takes no part of type {}; it takes text, images, PDF and text files",
                    bad.kind()
                );
                return Err(Refusal::new(place, what));
            }
        }
    }
    Ok(())
}

fn is_sayable(block: &Block<'_>) -> bool {
    match block {
        Block::Audio(_) | Block::Video(_) | Block::Unknown { .. } => false,
        Block::File(file) => document_source(file).is_some(),
        _ => true,
    }
}

impl Blocks<'_> {
    /// Writes a turn's content: a lone text as a string, all else as blocks.
    pub(super) fn content(&mut self, o: &mut Object<'_>, blocks: &[Block<'_>]) {
        match blocks {
            [
                Block::Text(Text {
                    text, cache: None, ..
                }),
            ] => o.text("content", text),
            blocks => o.array("content", |a| {
                for block in blocks {
                    self.block(a, block);
                }
            }),
        }
    }

    fn block(&mut self, a: &mut Array<'_>, block: &Block<'_>) {
        match block {
            Block::Text(text) => write_text(a, text),
            Block::Image(image) => self.image(a, image),
            Block::File(file) => self.file(a, file),
            Block::ToolCall(call) => write_call(a, call),
            Block::ToolResult(result) => self.result(a, result),
            Block::Thinking(thinking) => write_thinking(a, thinking),
            Block::Server(server) => a.raw(server.raw.as_str()),
            Block::Refusal(text) => write_text(a, &Text::new(&**text)),
            Block::Audio(_) | Block::Video(_) | Block::Unknown { .. } => {}
        }
    }

    fn image(&mut self, a: &mut Array<'_>, image: &Image<'_>) {
        a.object(|o| {
            o.text("type", "image");
            self.source(o, &image.source);
            write_cache(o, image.cache);
        });
    }

    fn source(&mut self, o: &mut Object<'_>, source: &Source<'_>) {
        o.object("source", |o| match source {
            Source::Url(url) => {
                o.text("type", "url");
                o.text("url", url);
            }
            Source::Base64 { mime, data } => {
                o.text("type", "base64");
                o.text("media_type", mime);
                o.text("data", data);
            }
            Source::Text { text, .. } => {
                o.text("type", "text");
                o.text("media_type", "text/plain");
                o.text("data", text);
            }
            Source::FileId(id) => {
                o.text("type", "file");
                o.text("file_id", id);
                if !self.betas.contains(&FILES_BETA) {
                    self.betas.push(FILES_BETA);
                }
            }
        });
    }

    fn file(&mut self, a: &mut Array<'_>, file: &File<'_>) {
        let Some((kind, source)) = document_source(file) else {
            return;
        };
        a.object(|o| {
            o.text("type", kind);
            self.source(o, &source);
            if kind == "document" {
                o.text_if("title", file.name.as_deref());
                o.text_if("context", file.context.as_deref());
                if let Some(cited) = file.cited {
                    o.object("citations", |o| o.flag("enabled", cited));
                }
            }
            write_cache(o, file.cache);
        });
    }

    fn result(&mut self, a: &mut Array<'_>, result: &ToolResult<'_>) {
        a.object(|o| {
            o.text("type", "tool_result");
            o.text("tool_use_id", &result.id);
            if result.parts.iter().any(|part| !part.is_empty()) {
                let parts: Vec<_> = result
                    .parts
                    .iter()
                    .filter(|part| !part.is_empty())
                    .cloned()
                    .collect();
                self.content(o, &parts);
            }
            if result.is_error {
                o.flag("is_error", true);
            }
            write_cache(o, result.cache);
        });
    }
}

/// What a file is sent as; None when there is no form for its type.
fn document_source<'f>(file: &'f File<'_>) -> Option<(&'static str, Source<'f>)> {
    let borrowed = |text: &'f str| Cow::Borrowed(text);
    Some(match &file.source {
        Source::Url(url) => ("document", Source::Url(borrowed(url))),
        Source::FileId(id) => ("document", Source::FileId(borrowed(id))),
        Source::Text { mime, text } => (
            "document",
            Source::Text {
                mime: borrowed(mime),
                text: borrowed(text),
            },
        ),
        Source::Base64 { mime, data } => {
            let source = Source::Base64 {
                mime: borrowed(mime),
                data: borrowed(data),
            };
            match &**mime {
                "application/pdf" => ("document", source),
                mime if mime.starts_with("image/") => ("image", source),
                mime if mime.starts_with("text/") || mime == "application/json" => {
                    let text = Cow::Owned(media::decode_text(data)?);
                    (
                        "document",
                        Source::Text {
                            mime: borrowed(mime),
                            text,
                        },
                    )
                }
                _ => return None,
            }
        }
    })
}

fn write_text(a: &mut Array<'_>, text: &Text<'_>) {
    a.object(|o| {
        o.text("type", "text");
        o.text("text", &text.text);
        write_citations(o, &text.citations);
        write_cache(o, text.cache);
    });
}

/// Citations in their own words; those of other vendors cannot be told here.
pub(super) fn write_citations(o: &mut Object<'_>, citations: &[Citation<'_>]) {
    let mut own = citations
        .iter()
        .filter_map(|citation| citation.raw.as_ref())
        .peekable();
    if own.peek().is_some() {
        o.array("citations", |a| own.for_each(|raw| a.raw(raw.as_str())));
    }
}

fn write_call(a: &mut Array<'_>, call: &ToolCall<'_>) {
    a.object(|o| {
        o.text("type", "tool_use");
        o.text("id", &call.id);
        o.text("name", &call.name);
        write_input(o.name("input"), call);
        write_cache(o, call.cache);
    });
}

/// Arguments must be an object here; what is none is wrapped into one.
pub(crate) fn write_input(out: &mut Vec<u8>, call: &ToolCall<'_>) {
    let text = call.arguments.trim();
    if call.custom {
        return write::object(out, |o| o.text("input", &call.arguments));
    }
    if text.is_empty() {
        return out.extend_from_slice(b"{}");
    }
    match Node::parse(text.as_bytes()) {
        Ok(node) if node.is_object() => out.extend_from_slice(node.raw().as_bytes()),
        _ => write::object(out, |o| o.text("_raw", &call.arguments)),
    }
}

/// Whether the vendor would know its own reasoning again.
pub(crate) fn replayable(thinking: &Thinking<'_>) -> bool {
    thinking
        .state
        .as_ref()
        .is_some_and(|state| matches!(state.kind, OpaqueKind::Signature | OpaqueKind::Redacted))
}

/// Writes reasoning as its own block.
pub(super) fn write_thinking(a: &mut Array<'_>, thinking: &Thinking<'_>) {
    crate::openai::write_thinking_blocks(a, thinking);
}
