//! The form between into a whole answer of this dialect.

use std::borrow::Cow;

use super::block_writer::{replayable, write_citations, write_input, write_thinking};
use super::request_reader::{OF_GOOGLE, WRAPPED};
use super::usage;
use crate::ir::{
    Block, Face, Finish, Opaque, OpaqueKind, Reason, Reply, Text, Thinking, ToolCall, media,
};
use crate::json::Node;
use crate::json::write::{self, Array, Object};

/// Writes the first choice of an answer as a client of this dialect reads it.
pub fn write_reply(reply: &Reply<'_>, face: &Face, out: &mut Vec<u8>) {
    let choice = reply.choices.first();
    let blocks = choice.map_or(&[][..], |choice| &choice.blocks);
    let finish = choice.map_or_else(Finish::default, |choice| choice.finish.clone());
    write::object(out, |o| {
        o.text("id", &message_id(&reply.id, face));
        o.text("type", "message");
        o.text("role", "assistant");
        o.text("model", model(&reply.model, face));
        o.array("content", |a| {
            for block in thoughts_first(blocks) {
                write_block(a, block, face);
            }
        });
        let calls = blocks
            .iter()
            .any(|block| matches!(block, Block::ToolCall(_)));
        let refusal = blocks.iter().find_map(|block| match block {
            Block::Refusal(text) => Some(&**text),
            _ => None,
        });
        write_stop(o, &finish, calls, refusal);
        usage::write(o, &reply.usage.unwrap_or_default());
    });
}

/// The name under which the client asked.
pub(super) fn model<'a>(said: &'a str, face: &'a Face) -> &'a str {
    if face.model.is_empty() {
        said
    } else {
        &face.model
    }
}

/// An id of the shape that clients of this dialect expect.
pub(super) fn message_id<'a>(id: &'a str, face: &'a Face) -> Cow<'a, str> {
    let id = if id.is_empty() { &face.id } else { id };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.starts_with("msg_") && id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!(
        "msg_{}",
        id.chars().filter(|c| plain(*c)).collect::<String>()
    ))
}

fn thoughts_first<'b, 'a>(blocks: &'b [Block<'a>]) -> impl Iterator<Item = &'b Block<'a>> {
    let is_thought = |block: &&Block<'_>| matches!(block, Block::Thinking(_));
    let (thoughts, rest): (Vec<_>, Vec<_>) = blocks.iter().partition(is_thought);
    thoughts.into_iter().chain(rest)
}

fn write_block(a: &mut Array<'_>, block: &Block<'_>, face: &Face) {
    match block {
        Block::Text(text) if !text.text.is_empty() => write_text(a, text),
        Block::Refusal(text) if !text.is_empty() => write_text(a, &Text::new(&**text)),
        Block::ToolCall(call) => write_call(a, call),
        Block::Thinking(thinking) => write_thought(a, thinking, face),
        Block::Server(server) => a.raw(server.raw.as_str()),
        _ => {}
    }
}

fn write_text(a: &mut Array<'_>, text: &Text<'_>) {
    a.object(|o| {
        o.text("type", "text");
        o.text("text", &text.text);
        write_citations(o, &text.citations);
    });
}

/// Another vendor's reasoning gets a signature of ours: without one, clients refuse the block.
fn write_thought(a: &mut Array<'_>, thinking: &Thinking<'_>, face: &Face) {
    if replayable(thinking) {
        return write_thinking(a, thinking);
    }
    a.object(|o| {
        o.text("type", "thinking");
        o.text("thinking", &thinking.text);
        o.text("signature", &wrapped(thinking.state.as_ref(), face));
    });
}

/// Another vendor's state, wrapped: whose, what, and of which kind where it can be used again.
pub(super) fn wrapped(state: Option<&Opaque<'_>>, face: &Face) -> String {
    let data = state
        .map(|state| media::encode(state.data.as_bytes()))
        .unwrap_or_default();
    let kind = match state.map(|state| state.kind) {
        Some(OpaqueKind::Gemini) => OF_GOOGLE,
        _ => "",
    };
    format!("{WRAPPED}{}:{data}{kind}", face.provider)
}

fn write_call(a: &mut Array<'_>, call: &ToolCall<'_>) {
    a.object(|o| {
        o.text("type", "tool_use");
        o.text("id", &call.id);
        o.text("name", &call.name);
        let out = o.name("input");
        // What is no object cannot be told here; clients would choke on half of one.
        let readable = call.custom
            || call.arguments.trim().is_empty()
            || Node::parse(call.arguments.trim().as_bytes()).is_ok_and(Node::is_object);
        if readable {
            write_input(out, call);
        } else {
            out.extend_from_slice(b"{}");
        }
    });
}

/// The word for why an answer ended.
pub(super) fn stop_reason<'f>(finish: &'f Finish<'_>, calls: bool) -> &'f str {
    match (finish.reason, &*finish.native) {
        (_, native @ ("model_context_window_exceeded" | "pause_turn" | "stop_sequence")) => native,
        (Reason::Stop | Reason::ToolCalls, _) if calls => "tool_use",
        (Reason::ToolCalls | Reason::Stop, _) if finish.stop_sequence.is_some() => "stop_sequence",
        (Reason::Stop | Reason::ToolCalls, _) => "end_turn",
        (Reason::Length, _) => "max_tokens",
        (Reason::ContentFilter, _) => "refusal",
    }
}

/// Writes why an answer ended.
pub(super) fn write_stop(
    o: &mut Object<'_>,
    finish: &Finish<'_>,
    calls: bool,
    refusal: Option<&str>,
) {
    let reason = if refusal.is_some() {
        "refusal"
    } else {
        stop_reason(finish, calls)
    };
    o.text("stop_reason", reason);
    match &finish.stop_sequence {
        Some(sequence) => o.text("stop_sequence", sequence),
        None => o.raw("stop_sequence", "null"),
    }
    if reason == "refusal" {
        o.object("stop_details", |o| {
            o.text("type", "refusal");
            o.raw("category", "null");
            match refusal {
                Some(text) => o.text("explanation", text),
                None => o.raw("explanation", "null"),
            }
        });
    }
}
