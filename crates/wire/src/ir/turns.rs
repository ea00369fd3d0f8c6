//! A conversation put into the order that vendors insist on: roles in turn, results right behind
//! their calls, nothing empty.

use std::borrow::Cow;

use super::block::{Block, ToolResult};
use super::names::{self, Names, Rule};
use super::request::{Request, Role, ToolChoice, Turn};

/// What a vendor insists on.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Ids of calls.
    pub ids: Rule,
    /// Names of tools.
    pub names: Rule,
    /// Whether a call must have a result. One that has none gets an error.
    pub every_call_answered: bool,
}

/// Said in the place of a result that never came.
const NO_RESULT: &str = "no result: the call was not completed";

/// Puts a conversation into shape; gives the names that had to change. Instructions that are to
/// stand elsewhere are to be taken out before.
///
/// Neighbours of one role become one turn. In the turn behind calls, results come first, in the
/// order of the calls; a result without a call becomes words.
pub fn shape(request: &mut Request<'_>, shape: &Shape) -> Names {
    let mut names = Names::default();
    rename_tools(request, &mut names, &shape.names);
    for turn in &mut request.turns {
        turn.blocks.retain(|block| !block.is_empty());
        for block in &mut turn.blocks {
            rename(block, &mut names, shape);
        }
    }
    merge(&mut request.turns);
    answer_calls(&mut request.turns, shape.every_call_answered);
    names
}

fn rename_tools(request: &mut Request<'_>, names: &mut Names, rule: &Rule) {
    let mut rename = |name: &mut Cow<'_, str>| *name = names.sent(std::mem::take(name), rule);
    for tool in &mut request.tools {
        rename(&mut tool.name);
    }
    match &mut request.tool_choice {
        Some(ToolChoice::Named(name)) => rename(name),
        Some(ToolChoice::Allowed { names, .. }) => names.iter_mut().for_each(rename),
        _ => {}
    }
}

fn rename(block: &mut Block<'_>, names: &mut Names, shape: &Shape) {
    match block {
        Block::ToolCall(call) => {
            if let (_, Some(signature)) = names::split_thought(&call.id) {
                let signature = signature.to_owned();
                call.signature.get_or_insert(Cow::Owned(signature));
            }
            rename_id(&mut call.id, shape);
            call.name = names.sent(std::mem::take(&mut call.name), &shape.names);
        }
        Block::ToolResult(result) => {
            rename_id(&mut result.id, shape);
            if let Some(name) = result.name.take() {
                result.name = Some(names.sent(name, &shape.names));
            }
        }
        _ => {}
    }
}

fn rename_id(id: &mut Cow<'_, str>, shape: &Shape) {
    if let (bare, Some(_)) = names::split_thought(id) {
        *id = Cow::Owned(bare.to_owned());
    }
    *id = names::id(std::mem::take(id), &shape.ids);
}

fn merge(turns: &mut Vec<Turn<'_>>) {
    turns.retain(|turn| !turn.blocks.is_empty());
    turns.dedup_by(|next, before| {
        let same = next.role == before.role && !next.role.is_system();
        if same {
            before.blocks.append(&mut next.blocks);
        }
        same
    });
}

/// Brings results to their calls.
fn answer_calls(turns: &mut Vec<Turn<'_>>, every_call: bool) {
    let mut at = 0;
    while at < turns.len() {
        let calls: Vec<String> = match at.checked_sub(1).and_then(|before| turns.get(before)) {
            Some(before) if before.role == Role::Assistant => calls(before),
            _ => Vec::new(),
        };
        let turn = &mut turns[at];
        match turn.role {
            Role::User => {
                let blocks = std::mem::take(&mut turn.blocks);
                turn.blocks = in_order(blocks, &calls, every_call);
            }
            // A model that was not answered: only possible behind a turn of instructions.
            Role::System | Role::Developer | Role::Assistant if every_call && !calls.is_empty() => {
                let results = in_order(Vec::new(), &calls, true);
                turns.insert(at, Turn::new(Role::User, results));
            }
            _ => {}
        }
        at += 1;
    }
}

fn calls(turn: &Turn<'_>) -> Vec<String> {
    let ids = turn.blocks.iter().filter_map(|block| match block {
        Block::ToolCall(call) => Some(call.id.to_string()),
        _ => None,
    });
    ids.collect()
}

fn in_order<'a>(blocks: Vec<Block<'a>>, calls: &[String], every_call: bool) -> Vec<Block<'a>> {
    let mut results: Vec<Option<Block<'a>>> = calls.iter().map(|_| None).collect();
    let mut rest = Vec::with_capacity(blocks.len());
    for block in blocks {
        let Block::ToolResult(result) = block else {
            rest.push(block);
            continue;
        };
        let free = (0..calls.len()).find(|at| calls[*at] == *result.id && results[*at].is_none());
        match free {
            Some(at) => results[at] = Some(Block::ToolResult(result)),
            None => rest.extend(as_words(result)),
        }
    }
    if every_call {
        for (result, call) in results.iter_mut().zip(calls) {
            result.get_or_insert_with(|| Block::ToolResult(missing(call)));
        }
    }
    results.into_iter().flatten().chain(rest).collect()
}

fn missing<'a>(call: &str) -> ToolResult<'a> {
    ToolResult {
        id: Cow::Owned(call.to_owned()),
        name: None,
        parts: vec![Block::text(NO_RESULT)],
        is_error: true,
        cache: None,
    }
}

/// A result that belongs to no call is something that the user says.
fn as_words(result: ToolResult<'_>) -> impl Iterator<Item = Block<'_>> {
    let failed = if result.is_error { ", an error" } else { "" };
    let words = format!("[tool result {}{failed}]: {}", result.id, result.text());
    let marks = result.parts.iter().rev().find_map(Block::cache);
    let mark = result.cache.or(marks);
    let mut blocks = vec![Block::text(words)];
    let others = result.parts.into_iter();
    blocks.extend(others.filter(|part| !matches!(part, Block::Text(_))));
    if let Some(slot) = blocks.iter_mut().rev().find_map(Block::cache_mut) {
        *slot = mark;
    }
    blocks.into_iter()
}

#[cfg(test)]
mod tests;
