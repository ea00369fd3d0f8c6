//! Tools as Converse takes them, and the choice among them.

use std::borrow::Cow;

use super::block_writer::write_mark;
use super::family::{Caches, Family, Takes};
use crate::anthropic::{Choice, FREE_TEXT, NO_ARGUMENTS, adapt_schema};
use crate::ir::{Block, Dropped, Raw, Request, Tool, ToolKind, said};
use crate::json::write::{Array, Object};
use crate::json::{Node, set_member};

/// What a tool takes that is known from the conversation alone.
const ANYTHING: &str = r#"{"type":"object"}"#;
/// AWS's own search.
const SEARCH: &str = "nova_grounding";

/// Writes one tool; whether there is a way to.
pub(super) fn write_tool(
    a: &mut Array<'_>,
    tool: &Tool<'_>,
    family: &Family,
    holds: bool,
    dropped: &mut Dropped,
) -> bool {
    match &tool.kind {
        ToolKind::Function { schema, strict } => {
            let strict = strict.unwrap_or(false) && holds;
            let node = schema.as_ref().map_or(Node::of(NO_ARGUMENTS), Raw::node);
            let adapted = strict.then(|| adapt_schema(node)).flatten();
            dropped.note_if(
                said::is_strict(tool) && adapted.is_none(),
                said::STRICT_TOOLS.0,
            );
            let strict = adapted.is_some();
            let schema = adapted.map_or_else(|| of_object(node), Cow::Owned);
            write_spec(a, &tool.name, tool.description.as_deref(), &schema, strict);
        }
        ToolKind::Custom { .. } => {
            write_spec(a, &tool.name, tool.description.as_deref(), FREE_TEXT, false);
        }
        ToolKind::WebSearch { .. } if family.takes(Takes::Search) => {
            a.object(|o| o.object("systemTool", |o| o.text("name", SEARCH)));
        }
        ToolKind::WebSearch { .. } | ToolKind::Vendor { .. } => return false,
    }
    let marks = family.caches == Caches::Everywhere;
    write_mark(a, tool.cache.filter(|_| marks), family.caches);
    true
}

/// Writes a function. A description must not be empty.
pub(super) fn write_spec(
    a: &mut Array<'_>,
    name: &str,
    description: Option<&str>,
    schema: &str,
    strict: bool,
) {
    let description = description.filter(|text| !text.trim().is_empty());
    a.object(|o| {
        o.object("toolSpec", |o| {
            o.text("name", name);
            o.text("description", description.unwrap_or(name));
            o.object("inputSchema", |o| o.raw("json", schema));
            if strict {
                o.flag("strict", true);
            }
        });
    });
}

/// A schema whose root says that it is an object, as it must.
pub(super) fn of_object(schema: Node<'_>) -> Cow<'_, str> {
    if schema.members().is_empty() {
        return Cow::Borrowed(NO_ARGUMENTS);
    }
    let kind = schema.get("type").and_then(Node::text);
    if kind.as_deref() == Some("object") {
        return Cow::Borrowed(schema.raw());
    }
    Cow::Owned(set_member(schema.raw(), "type", "\"object\""))
}

/// Writes the tools of a conversation that has calls, where the client names none: the vendor
/// insists on them.
pub(super) fn write_remembered(a: &mut Array<'_>, request: &Request<'_>) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        if let Block::ToolCall(call) = block
            && !seen.contains(&&*call.name)
        {
            seen.push(&call.name);
            write_spec(a, &call.name, None, ANYTHING, false);
        }
    }
    !seen.is_empty()
}

/// Whether the conversation has calls or results.
pub(super) fn has_calls(request: &Request<'_>) -> bool {
    let mut blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    blocks.any(|block| matches!(block, Block::ToolCall(_) | Block::ToolResult(_)))
}

/// Writes the choice.
pub(super) fn write_choice(o: &mut Object<'_>, choice: &Choice<'_>) {
    o.object("toolChoice", |o| match choice {
        Choice::Any => o.object("any", |_| {}),
        Choice::Tool(name) => o.object("tool", |o| o.text("name", name)),
        Choice::Auto | Choice::None => o.object("auto", |_| {}),
    });
}
