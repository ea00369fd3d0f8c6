//! Messages as Cohere takes them.

use super::tool::write_call;
use crate::ir::files::place;
use crate::ir::{
    Block, File, Image, Refusal, Request, Role, Source, Text, ToolResult, Turn, join_texts, media,
};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// Whether a block is written at all; `own` says whether reasoning may go back. Another vendor's,
/// which carries its state, never does.
pub(super) fn keeps(block: &Block<'_>, own: bool) -> bool {
    match block {
        Block::Thinking(thinking) => own && thinking.state.is_none(),
        Block::Audio(_) | Block::Video(_) | Block::Server(_) | Block::Unknown { .. } => false,
        _ => true,
    }
}

/// Refuses what has no form here, naming its place in the client's request.
pub(super) fn check(request: &Request<'_>) -> Result<(), Refusal> {
    for (at, turn) in request.turns.iter().enumerate() {
        for (number, block) in turn.blocks.iter().enumerate() {
            let bad = match (turn.role, block) {
                // What the model itself said is carried or left out.
                (Role::Assistant, _) => None,
                (Role::System | Role::Developer, block) => {
                    Some((None, block)).filter(|_| !is_words(block))
                }
                (Role::User, Block::ToolResult(_)) => block
                    .with_parts()
                    .skip(1)
                    .find(|(_, part)| !is_words(part) && text_of(part).is_none()),
                (Role::User, block) => Some((None, block)).filter(|_| !is_sayable(block)),
            };
            if let Some((part, bad)) = bad {
                let place = place(at, number, part);
                let what = format!(
                    "{place}: the provider takes no part of type {} here; it takes text, and from the user images by URL or data URI and text files",
                    bad.kind()
                );
                return Err(Refusal::new(place, what));
            }
        }
    }
    Ok(())
}

fn is_words(block: &Block<'_>) -> bool {
    matches!(block, Block::Text(_) | Block::Refusal(_))
}

fn is_sayable(block: &Block<'_>) -> bool {
    match block {
        Block::Image(image) => media::to_url(&image.source).is_some(),
        Block::File(file) => file_text(file).is_some(),
        Block::Thinking(_) | Block::ToolCall(_) | Block::Server(_) => true,
        block => is_words(block),
    }
}

fn text_of(block: &Block<'_>) -> Option<String> {
    match block {
        Block::File(file) => file_text(file),
        _ => None,
    }
}

/// The words of a file that consists of words.
pub(super) fn file_text(file: &File<'_>) -> Option<String> {
    match &file.source {
        Source::Text { text, .. } => Some(text.to_string()),
        Source::Base64 { mime, data }
            if mime.starts_with("text/") || mime == "application/json" =>
        {
            media::decode_text(data)
        }
        _ => None,
    }
}

/// Writes a turn: results of tools each as a message of its own, the rest as one.
pub(super) fn write_turn(a: &mut Array<'_>, turn: &Turn<'_>) {
    match turn.role {
        Role::System | Role::Developer => write_plain(a, "system", &turn.blocks),
        Role::Assistant => write_assistant(a, &turn.blocks),
        Role::User => {
            let mut rest = Vec::new();
            for block in &turn.blocks {
                match block {
                    Block::ToolResult(result) => write_result(a, result),
                    // Files stand beside the conversation.
                    Block::File(_) => {}
                    block => rest.push(block.clone()),
                }
            }
            if !rest.is_empty() {
                write_plain(a, "user", &rest);
            }
        }
    }
}

fn write_plain(a: &mut Array<'_>, role: &str, blocks: &[Block<'_>]) {
    a.object(|o| {
        o.text("role", role);
        write_content(o, blocks);
    });
}

/// A lone text is a string, all else are parts.
fn write_content(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    match blocks {
        [Block::Text(Text { text, .. }) | Block::Refusal(text)] => o.text("content", text),
        blocks => o.array("content", |a| {
            for block in blocks {
                write_part(a, block);
            }
        }),
    }
}

fn write_part(a: &mut Array<'_>, block: &Block<'_>) {
    match block {
        Block::Text(Text { text, .. }) | Block::Refusal(text) => a.object(|o| {
            o.text("type", "text");
            o.text("text", text);
        }),
        Block::Thinking(thinking) => a.object(|o| {
            o.text("type", "thinking");
            o.text("thinking", &thinking.text);
        }),
        Block::Image(image) => write_image(a, image),
        _ => {}
    }
}

fn write_image(a: &mut Array<'_>, image: &Image<'_>) {
    let Some(url) = media::to_url(&image.source) else {
        return;
    };
    a.object(|o| {
        o.text("type", "image_url");
        o.object("image_url", |o| {
            o.text("url", &url);
            o.text_if("detail", image.detail.as_deref());
        });
    });
}

/// Reasoning before calls is their plan; without calls it is a part of what is said.
fn write_assistant(a: &mut Array<'_>, blocks: &[Block<'_>]) {
    let calls = || {
        blocks.iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        })
    };
    let has_calls = calls().next().is_some();
    let thought = |block: &&Block<'_>| matches!(block, Block::Thinking(_));
    let plan: String = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Thinking(thinking) if has_calls => Some(&*thinking.text),
            _ => None,
        })
        .collect();
    let said: Vec<_> = blocks
        .iter()
        .filter(|block| is_words(block) || !has_calls && thought(block))
        .cloned()
        .collect();
    if said.is_empty() && !has_calls {
        return;
    }
    a.object(|o| {
        o.text("role", "assistant");
        o.text_if("tool_plan", Some(&*plan).filter(|plan| !plan.is_empty()));
        if !said.is_empty() {
            write_content(o, &said);
        }
        if has_calls {
            o.array("tool_calls", |a| {
                calls().for_each(|call| a.object(|o| write_call(o, call)));
            });
        }
    });
}

fn write_result(a: &mut Array<'_>, result: &ToolResult<'_>) {
    let files = result.parts.iter().filter_map(text_of);
    let words =
        Some(join_texts(&result.parts, "\n").into_owned()).filter(|words| !words.is_empty());
    let text = words
        .into_iter()
        .chain(files)
        .collect::<Vec<_>>()
        .join("\n");
    a.object(|o| {
        o.text("role", "tool");
        o.text("tool_call_id", &result.id);
        o.array("content", |a| {
            a.object(|o| {
                o.text("type", "document");
                o.object("document", |o| {
                    o.text("id", &result.id);
                    match Node::parse(text.as_bytes()) {
                        Ok(data) if data.is_object() => o.raw("data", data.raw()),
                        _ => o.text("data", &text),
                    }
                });
            });
        });
    });
}
