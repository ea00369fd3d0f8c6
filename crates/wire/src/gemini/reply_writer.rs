//! The form between into a whole answer of this dialect.

use crate::anthropic::write_input;
use crate::ir::{
    Block, Choice, Face, Finish, Image, OpaqueKind, Reason, Reply, Source, Thinking, ToolCall,
    Usage, names,
};
use crate::json::write::{self, Array, Object};

/// Writes a whole answer as a client of this dialect reads it.
pub fn write_reply(reply: &Reply<'_>, face: &Face, out: &mut Vec<u8>) {
    write::object(out, |o| {
        o.array("candidates", |a| {
            for choice in &reply.choices {
                write_choice(a, choice, face);
            }
        });
        if let Some(usage) = &reply.usage {
            write_usage(o, usage);
        }
        write_face(o, &reply.id, &reply.model, face);
    });
}

/// Who answered.
pub(super) fn write_face(o: &mut Object<'_>, id: &str, model: &str, face: &Face) {
    for (name, said, other) in [
        ("modelVersion", model, &face.model),
        ("responseId", id, &face.id),
    ] {
        let value = if said.is_empty() { other } else { said };
        o.text_if(name, Some(value).filter(|value| !value.is_empty()));
    }
}

fn write_choice(a: &mut Array<'_>, choice: &Choice<'_>, face: &Face) {
    a.object(|o| {
        o.uint("index", u64::from(choice.index));
        write_content(o, |a| {
            for block in &choice.blocks {
                write_part(a, block, face.hide_thoughts);
            }
        });
        o.text("finishReason", finish_word(&choice.finish));
        write_pages(o, &choice.blocks);
    });
}

/// What a model says.
pub(super) fn write_content(o: &mut Object<'_>, parts: impl FnOnce(&mut Array<'_>)) {
    o.object("content", |o| {
        o.text("role", "model");
        o.array("parts", parts);
    });
}

/// Why it ended.
pub(super) fn finish_word(finish: &Finish<'_>) -> &'static str {
    match finish.reason {
        Reason::Stop | Reason::ToolCalls => "STOP",
        Reason::Length => "MAX_TOKENS",
        Reason::ContentFilter => "SAFETY",
    }
}

/// Writes a block as a part, if it has a form as one.
pub(super) fn write_part(a: &mut Array<'_>, block: &Block<'_>, hide_thoughts: bool) {
    match block {
        Block::Text(text) if !text.text.is_empty() => a.object(|o| o.text("text", &text.text)),
        Block::Refusal(text) if !text.is_empty() => a.object(|o| o.text("text", text)),
        Block::Thinking(thinking) => write_thought(a, thinking, hide_thoughts),
        Block::ToolCall(call) => write_call(a, call),
        Block::Image(Image {
            source: Source::Base64 { mime, data },
            ..
        }) => write_data(a, mime, data),
        Block::Audio(audio) if !audio.data.is_empty() => {
            write_data(a, &format!("audio/{}", audio.format), &audio.data);
        }
        _ => {}
    }
}

fn write_data(a: &mut Array<'_>, mime: &str, data: &str) {
    a.object(|o| {
        o.object("inlineData", |o| {
            o.text("mimeType", mime);
            o.text("data", data);
        });
    });
}

fn write_thought(a: &mut Array<'_>, thinking: &Thinking<'_>, hidden: bool) {
    let state = thinking.state.as_ref();
    let signature = state.filter(|state| state.kind == OpaqueKind::Gemini);
    if thinking.text.is_empty() && signature.is_none() || hidden && signature.is_none() {
        return;
    }
    a.object(|o| {
        let shown = !hidden && !thinking.text.is_empty();
        o.text("text", if shown { &thinking.text } else { "" });
        if shown {
            o.flag("thought", true);
        }
        o.text_if("thoughtSignature", signature.map(|state| &*state.data));
    });
}

/// Writes a call. A signature that travelled in its id stands beside it here.
pub(super) fn write_call(a: &mut Array<'_>, call: &ToolCall<'_>) {
    let (id, carried) = names::split_thought(&call.id);
    a.object(|o| {
        o.object("functionCall", |o| {
            o.text("id", id);
            o.text("name", &call.name);
            write_input(o.name("args"), call);
        });
        o.text_if("thoughtSignature", call.signature.as_deref().or(carried));
    });
}

/// Writes the pages under an answer's words.
fn write_pages(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let citations = blocks.iter().flat_map(|block| match block {
        Block::Text(text) => &text.citations[..],
        _ => &[],
    });
    let pages = citations.filter_map(|citation| {
        let url = citation.url.as_deref()?;
        Some((url, citation.title.as_deref()))
    });
    let pages: Vec<_> = pages.collect();
    write_grounding(o, &pages);
}

/// The same of pages that were gathered.
pub(super) fn write_grounding(o: &mut Object<'_>, pages: &[(&str, Option<&str>)]) {
    if pages.is_empty() {
        return;
    }
    o.object("groundingMetadata", |o| {
        o.array("groundingChunks", |a| {
            for (url, title) in pages {
                a.object(|o| {
                    o.object("web", |o| {
                        o.text("uri", url);
                        o.text_if("title", *title);
                    });
                });
            }
        });
    });
}

/// Writes `usageMetadata`.
pub(super) fn write_usage(o: &mut Object<'_>, usage: &Usage) {
    let prompt = usage.prompt().saturating_add(usage.cache_write());
    let some = |count: u64| Some(count).filter(|count| *count > 0);
    o.object("usageMetadata", |o| {
        o.uint("promptTokenCount", prompt);
        o.uint_if("cachedContentTokenCount", some(usage.cache_read));
        o.uint(
            "candidatesTokenCount",
            usage.out.saturating_sub(usage.reasoning),
        );
        o.uint_if("thoughtsTokenCount", some(usage.reasoning));
        let total = usage.total.unwrap_or(prompt.saturating_add(usage.out));
        o.uint("totalTokenCount", total);
    });
}
