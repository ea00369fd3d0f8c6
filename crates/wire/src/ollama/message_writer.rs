//! Messages as Ollama takes them: one text each, pictures beside it.

use std::collections::BTreeMap;

use crate::ir::files::{Need, place};
use crate::ir::{Block, Refusal, Request, Role, Source, Turn};
use crate::json::write::{Array, Object};

/// Whether a block is written at all; `own` says whether reasoning may go back. Another vendor's,
/// which carries its state, never does.
pub(super) fn keeps(block: &Block<'_>, own: bool) -> bool {
    match block {
        Block::Thinking(thinking) => own && thinking.state.is_none(),
        block => {
            is_words(block)
                || matches!(
                    block,
                    Block::Image(_) | Block::ToolCall(_) | Block::ToolResult(_)
                )
        }
    }
}

fn is_words(block: &Block<'_>) -> bool {
    matches!(block, Block::Text(_) | Block::Refusal(_))
}

/// Whether it takes only the bytes of a block that is at an address.
pub fn need(block: &Block<'_>) -> Option<Need> {
    match block {
        Block::Image(image) => matches!(image.source, Source::Url(_)).then_some(Need::Bytes),
        _ => None,
    }
}

/// Refuses what has no form here, naming its place in the client's request.
pub(super) fn check(request: &Request<'_>) -> Result<(), Refusal> {
    for (at, turn) in request.turns.iter().enumerate() {
        if turn.role == Role::Assistant {
            continue;
        }
        for (number, block) in turn.blocks.iter().enumerate() {
            let mut all = block.with_parts();
            if let Some((part, bad)) = all.find(|(_, block)| !is_sayable(block)) {
                let place = place(at, number, part);
                let what = match bad {
                    Block::Image(_) => format!(
                        "{place}: the provider takes images as bytes only; send it as data:image/png;base64,<data>"
                    ),
                    bad => format!(
                        "{place}: the provider takes no part of type {}; it takes text and images",
                        bad.kind()
                    ),
                };
                return Err(Refusal::new(place, what));
            }
        }
    }
    Ok(())
}

fn is_sayable(block: &Block<'_>) -> bool {
    match block {
        Block::Image(image) => matches!(image.source, Source::Base64 { .. }),
        Block::Thinking(_) | Block::ToolCall(_) | Block::ToolResult(_) => true,
        block => is_words(block),
    }
}

/// The tools that were called, by the ids of the calls.
#[derive(Default)]
pub(super) struct Called(BTreeMap<String, String>);

impl Called {
    /// Writes a turn: results of tools each as a message of its own, the rest as one.
    pub(super) fn write_turn(&mut self, a: &mut Array<'_>, turn: &Turn<'_>) {
        let role = match turn.role {
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            Role::User => "user",
        };
        let mut rest = Vec::new();
        for block in &turn.blocks {
            match block {
                Block::ToolResult(result) => a.object(|o| {
                    o.text("role", "tool");
                    write_words(o, &result.parts);
                    let called = self.0.get(&*result.id).map(String::as_str);
                    o.text_if("tool_name", called.or(result.name.as_deref()));
                }),
                Block::ToolCall(call) => {
                    self.0.insert(call.id.to_string(), call.name.to_string());
                    rest.push(block.clone());
                }
                block => rest.push(block.clone()),
            }
        }
        if !rest.is_empty() {
            a.object(|o| {
                o.text("role", role);
                write_words(o, &rest);
                write_thinking(o, &rest);
                write_calls(o, &rest);
            });
        }
    }
}

fn write_words(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let words = blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(&*text.text),
        Block::Refusal(text) => Some(&**text),
        _ => None,
    });
    o.text("content", &words.collect::<Vec<_>>().join("\n"));
    let mut images = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Image(image) => match &image.source {
                Source::Base64 { data, .. } => Some(&**data),
                _ => None,
            },
            _ => None,
        })
        .peekable();
    if images.peek().is_some() {
        o.array("images", |a| images.for_each(|data| a.text(data)));
    }
}

fn write_thinking(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let thoughts = blocks.iter().filter_map(|block| match block {
        Block::Thinking(thinking) => Some(&*thinking.text),
        _ => None,
    });
    let thoughts: String = thoughts.collect();
    o.text_if("thinking", Some(&*thoughts).filter(|text| !text.is_empty()));
}

fn write_calls(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let mut calls = blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        })
        .peekable();
    if calls.peek().is_none() {
        return;
    }
    o.array("tool_calls", |a| {
        for call in calls {
            a.object(|o| {
                o.object("function", |o| {
                    o.text("name", &call.name);
                    crate::anthropic::write_input(o.name("arguments"), call);
                });
            });
        }
    });
}
