//! Messages of a request, read.

use std::borrow::Cow;

use super::part::{cache_mark, read_content, thinking_block};
use super::tool::{id_of_function, read_call, read_function_call};
use crate::ir::{
    Audio, Block, Opaque, OpaqueKind, Refusal, Role, Thinking, ToolCall, ToolResult, Turn,
};
use crate::json::Node;

/// What roles are called.
const ROLES: [(&str, Role); 4] = [
    ("system", Role::System),
    ("developer", Role::Developer),
    ("user", Role::User),
    ("assistant", Role::Assistant),
];

/// One message; `at` is its number, for what is wrong with it.
pub(super) fn read_message(message: Node<'_>, at: usize) -> Result<Turn<'_>, Refusal> {
    let [role, content, name, cache] = message.pick(["role", "content", "name", "cache_control"]);
    let place = format!("messages[{at}].content");
    let word = role.and_then(Node::text).unwrap_or_default();
    let name = name.and_then(Node::text);
    let mut blocks = read_content(content, &place)?;
    let known = ROLES
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, role)| *role);
    let role = match (known, &*word) {
        (Some(Role::Assistant), _) => {
            blocks = read_assistant(message, blocks, at)?;
            Role::Assistant
        }
        (Some(role), _) => role,
        (None, "tool" | "function") => {
            let result = read_result(message, blocks, name.clone(), at)?;
            let mut blocks = vec![Block::ToolResult(result)];
            mark(&mut blocks, cache);
            return Ok(Turn::new(Role::User, blocks));
        }
        (None, _) => {
            let what = format!(
                "messages[{at}].role is {word:?}; known are system, developer, user, assistant, tool"
            );
            return Err(Refusal::new(format!("messages[{at}].role"), what));
        }
    };
    mark(&mut blocks, cache);
    Ok(Turn { role, name, blocks })
}

/// A message's own cache mark stands on the last of its blocks that can have one.
fn mark(blocks: &mut [Block<'_>], cache: Option<Node<'_>>) {
    let slot = blocks.iter_mut().rev().find_map(Block::cache_mut);
    if let (Some(mark), Some(slot)) = (cache_mark(cache), slot) {
        slot.get_or_insert(mark);
    }
}

fn read_result<'a>(
    message: Node<'a>,
    parts: Vec<Block<'a>>,
    name: Option<Cow<'a, str>>,
    at: usize,
) -> Result<ToolResult<'a>, Refusal> {
    let [id, is_error] = message.pick(["tool_call_id", "is_error"]);
    let id = id.and_then(Node::text);
    let id = id.or_else(|| Some(Cow::Owned(id_of_function(name.as_deref()?))));
    let Some(id) = id else {
        let field = format!("messages[{at}].tool_call_id");
        return Err(Refusal::new(&*field, format!("{field} is missing")));
    };
    Ok(ToolResult {
        id,
        name,
        parts,
        is_error: is_error.and_then(Node::flag).unwrap_or(false),
        cache: None,
    })
}

/// What an assistant's message says beside its content, in the order in which it was said:
/// reasoning, words, calls.
fn read_assistant<'a>(
    message: Node<'a>,
    content: Vec<Block<'a>>,
    at: usize,
) -> Result<Vec<Block<'a>>, Refusal> {
    let [calls, function, refusal, audio] =
        message.pick(["tool_calls", "function_call", "refusal", "audio"]);
    let (thought, said): (Vec<_>, Vec<_>) = content
        .into_iter()
        .partition(|block| matches!(block, Block::Thinking(_)));
    let mut blocks = read_thinking(message);
    if blocks.is_empty() {
        blocks = thought;
    }
    blocks.extend(said);
    if let Some(refusal) = refusal.and_then(Node::text) {
        blocks.push(Block::Refusal(refusal));
    }
    if let Some(id) = audio.and_then(|audio| audio.get("id")).and_then(Node::text) {
        blocks.push(Block::Audio(Audio {
            data: Cow::Borrowed(""),
            format: Cow::Borrowed(""),
            id: Some(id),
            transcript: None,
        }));
    }
    for (number, call) in calls
        .map(Node::elements)
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let call = read_call(call).ok_or_else(|| {
            let place = format!("messages[{at}].tool_calls[{number}]");
            Refusal::new(
                &*place,
                format!("{place} needs function.name and function.arguments"),
            )
        })?;
        blocks.push(Block::ToolCall(call));
    }
    if let Some(call) = function.and_then(legacy_call) {
        blocks.push(Block::ToolCall(call));
    }
    Ok(blocks)
}

fn legacy_call(function: Node<'_>) -> Option<ToolCall<'_>> {
    let name = function.get("name")?.text()?;
    read_function_call(function, Cow::Owned(id_of_function(&name)))
}

/// The reasoning of an earlier turn, in whichever way the client kept it.
pub(super) fn read_thinking(message: Node<'_>) -> Vec<Block<'_>> {
    let [blocks, portkey, content, reasoning, signature] = message.pick([
        "thinking_blocks",
        "content_blocks",
        "reasoning_content",
        "reasoning",
        "reasoning_signature",
    ]);
    for list in [blocks, portkey].into_iter().flatten() {
        let kept: Vec<_> = list
            .elements()
            .into_iter()
            .filter_map(thinking_block)
            .collect();
        if !kept.is_empty() {
            return kept;
        }
    }
    let text = content
        .or(reasoning)
        .and_then(Node::text)
        .unwrap_or_default();
    let state = signature.and_then(Node::text).map(|data| Opaque {
        kind: OpaqueKind::Signature,
        data,
    });
    let thinking = Block::Thinking(Thinking { text, state });
    if thinking.is_empty() {
        Vec::new()
    } else {
        vec![thinking]
    }
}
