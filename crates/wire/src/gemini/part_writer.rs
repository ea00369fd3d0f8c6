//! Turns and their blocks as Gemini takes them.

use super::media_writer::{Media, problem, write_media};
use super::model::{Gemini, Home};
use crate::anthropic::write_input;
use crate::ir::files::place;
use crate::ir::{Block, OpaqueKind, Refusal, Request, Role, Thinking, ToolCall, ToolResult, Turn};
use crate::json::Node;
use crate::json::write::{self, Array, Object};

/// What stands in for a signature that got lost: without one the vendor refuses the turn.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Refuses what has no form here, naming its place in the client's request.
pub(super) fn check(request: &Request<'_>, home: Home) -> Result<(), Refusal> {
    for (at, turn) in request.turns.iter().enumerate() {
        if turn.role == Role::Assistant {
            continue;
        }
        for (number, block) in turn.blocks.iter().enumerate() {
            let told = block
                .with_parts()
                .find_map(|(part, block)| Some((part, wrong_with(block, turn.role, home)?)));
            if let Some((part, told)) = told {
                let place = place(at, number, part);
                let what = format!("{place}: {told}");
                return Err(Refusal::new(place, what));
            }
        }
    }
    Ok(())
}

fn wrong_with(block: &Block<'_>, role: Role, home: Home) -> Option<String> {
    if role.is_system() && !matches!(block, Block::Text(_) | Block::Refusal(_)) {
        return Some(format!(
            "the provider takes no part of type {} in instructions; it takes text",
            block.kind()
        ));
    }
    if let Block::Unknown { kind, .. } = block {
        return Some(format!(
            "the provider takes no part of type {kind}; it takes text, images, audio, video and files"
        ));
    }
    problem(&Media::of(block)?, home)
}

/// Whether a block is written at all.
pub(super) fn keeps(block: &Block<'_>, role: Role, own_history: bool) -> bool {
    match block {
        Block::Thinking(thinking) => own_history && signature_of(thinking).is_some(),
        Block::Server(server) => own_history && is_own(&server.kind),
        Block::Audio(audio) => !audio.data.is_empty(),
        Block::Unknown { .. } => role != Role::Assistant,
        _ => true,
    }
}

/// Parts about tools that the vendor ran.
pub(super) fn is_own(kind: &str) -> bool {
    ["executableCode", "codeExecutionResult"].contains(&kind)
}

fn signature_of<'t>(thinking: &'t Thinking<'_>) -> Option<&'t str> {
    let state = thinking.state.as_ref()?;
    (state.kind == OpaqueKind::Gemini).then_some(&*state.data)
}

/// Writes the conversation for one model.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) gemini: Gemini,
    pub(super) home: Home,
    pub(super) own_history: bool,
}

impl Pen {
    /// Writes `contents`. One that is empty is refused, so a blank stands in.
    pub(super) fn contents(self, o: &mut Object<'_>, turns: &[Turn<'_>]) {
        // The calls behind the last words of a user's are those of the turn that goes on.
        let asks = |turn: &Turn<'_>| {
            let result = |block: &Block<'_>| matches!(block, Block::ToolResult(_));
            turn.role == Role::User && !turn.blocks.iter().all(result)
        };
        let current = turns.iter().rposition(asks).unwrap_or(0);
        o.array("contents", |a| {
            if turns.is_empty() {
                content(a, "user", |a| a.object(|o| o.text("text", " ")));
            }
            let mut before = None;
            for (at, turn) in turns.iter().enumerate() {
                if turn.role == Role::Assistant {
                    content(a, "model", |a| self.model(a, &turn.blocks, at > current));
                } else {
                    self.user(a, &turn.blocks, before);
                }
                before = Some(turn);
            }
        });
    }

    fn model(self, a: &mut Array<'_>, blocks: &[Block<'_>], current: bool) {
        let mut waiting = None;
        let mut called = false;
        for block in blocks {
            match block {
                Block::Thinking(thinking) if thinking.text.is_empty() => {
                    waiting = signature_of(thinking);
                }
                Block::Thinking(thinking) => a.object(|o| {
                    o.text("text", &thinking.text);
                    o.flag("thought", true);
                    o.text_if("thoughtSignature", signature_of(thinking));
                }),
                Block::Text(text) => a.object(|o| {
                    o.text("text", &text.text);
                    o.text_if("thoughtSignature", waiting.take());
                }),
                Block::ToolCall(call) => {
                    signature_alone(a, waiting.take());
                    let first = !std::mem::replace(&mut called, true);
                    self.call(a, call, first && current && self.gemini.signed);
                }
                other => self.part(a, other),
            }
        }
        signature_alone(a, waiting);
    }

    fn call(self, a: &mut Array<'_>, call: &ToolCall<'_>, needs_signature: bool) {
        let signature = call.signature.as_deref().filter(|_| self.own_history);
        a.object(|o| {
            o.object("functionCall", |o| {
                if self.home == Home::Developer {
                    o.text("id", &call.id);
                }
                o.text("name", &call.name);
                write_input(o.name("args"), call);
            });
            let signature = signature.or(needs_signature.then_some(NO_SIGNATURE));
            o.text_if("thoughtSignature", signature);
        });
    }

    /// Results stand alone: newer models refuse anything beside them.
    fn user(self, a: &mut Array<'_>, blocks: &[Block<'_>], before: Option<&Turn<'_>>) {
        let is_result = |block: &&Block<'_>| matches!(block, Block::ToolResult(_));
        let (results, rest): (Vec<_>, Vec<_>) = blocks.iter().partition(is_result);
        if !results.is_empty() {
            content(a, "user", |a| {
                for block in results {
                    if let Block::ToolResult(result) = block {
                        self.result(a, result, before);
                    }
                }
            });
        }
        if !rest.is_empty() {
            content(a, "user", |a| {
                for block in rest {
                    self.part(a, block);
                }
            });
        }
    }

    fn result(self, a: &mut Array<'_>, result: &ToolResult<'_>, before: Option<&Turn<'_>>) {
        let found =
            before
                .into_iter()
                .flat_map(|turn| &turn.blocks)
                .find_map(|block| match block {
                    Block::ToolCall(call) if call.id == result.id => Some(&*call.name),
                    _ => None,
                });
        let name = found.or(result.name.as_deref());
        a.object(|o| {
            o.object("functionResponse", |o| {
                if self.home == Home::Developer {
                    o.text("id", &result.id);
                }
                o.text("name", name.unwrap_or_default());
                write_response(o.name("response"), result);
                let media = || result.parts.iter().filter(|part| Media::of(part).is_some());
                if media().next().is_some() {
                    o.array("parts", |a| media().for_each(|part| self.part(a, part)));
                }
            });
        });
    }

    fn part(self, a: &mut Array<'_>, block: &Block<'_>) {
        match block {
            Block::Text(text) => a.object(|o| o.text("text", &text.text)),
            Block::Refusal(text) => a.object(|o| o.text("text", text)),
            Block::Server(server) => a.raw(server.raw.as_str()),
            other => {
                if let Some(media) = Media::of(other) {
                    a.object(|o| write_media(o, &media, &self.gemini));
                }
            }
        }
    }
}

fn content(a: &mut Array<'_>, role: &str, parts: impl FnOnce(&mut Array<'_>)) {
    a.object(|o| {
        o.text("role", role);
        o.array("parts", parts);
    });
}

fn signature_alone(a: &mut Array<'_>, signature: Option<&str>) {
    if let Some(signature) = signature {
        a.object(|o| {
            o.text("text", "");
            o.text("thoughtSignature", signature);
        });
    }
}

/// A result must be an object here: one that is none becomes the member of one.
fn write_response(out: &mut Vec<u8>, result: &ToolResult<'_>) {
    let text = result.text();
    let node = Node::parse(text.as_bytes()).ok();
    if let Some(object) = node.filter(|node| node.is_object() && !result.is_error) {
        out.extend_from_slice(object.raw().as_bytes());
        return;
    }
    let name = if result.is_error { "error" } else { "result" };
    write::object(out, |o| match node {
        Some(node) => o.raw(name, node.raw()),
        None => o.text(name, &text),
    });
}
