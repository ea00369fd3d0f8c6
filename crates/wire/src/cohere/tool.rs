//! Tools, calls of them, and the choice among them.

use std::borrow::Cow;

use crate::ir::{Raw, Recall, Tool, ToolCall, ToolChoice, ToolKind};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// The schema of a tool that names none.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
/// The schema of a tool that takes free text.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Writes a tool's declaration; whether there is a way to.
pub(super) fn write_tool(a: &mut Array<'_>, tool: &Tool<'_>) -> bool {
    let schema = match &tool.kind {
        ToolKind::Function { schema, .. } => schema.as_ref().map_or(NO_ARGUMENTS, Raw::as_str),
        ToolKind::Custom { .. } => FREE_TEXT,
        ToolKind::WebSearch { .. } | ToolKind::Vendor { .. } => return false,
    };
    a.object(|o| {
        o.text("type", "function");
        o.object("function", |o| {
            o.text("name", &tool.name);
            o.text_if("description", tool.description.as_deref());
            o.raw("parameters", schema);
        });
    });
    true
}

/// Keeps the tools that count: a named one is the only one that can be called.
pub(super) fn narrow(tools: &mut Vec<Tool<'_>>, choice: Option<&ToolChoice<'_>>) {
    match choice {
        Some(ToolChoice::Named(name)) if tools.iter().any(|tool| tool.name == *name) => {
            tools.retain(|tool| tool.name == *name);
        }
        Some(ToolChoice::Allowed { names, .. }) => tools.retain(|tool| names.contains(&tool.name)),
        _ => {}
    }
}

/// The word for a choice; None for the usual one.
pub(super) fn choice_word(choice: &ToolChoice<'_>) -> Option<&'static str> {
    match choice {
        ToolChoice::Required
        | ToolChoice::Named(_)
        | ToolChoice::Allowed { required: true, .. } => Some("REQUIRED"),
        ToolChoice::None => Some("NONE"),
        ToolChoice::Auto | ToolChoice::Allowed { .. } => None,
    }
}

/// Writes a call of an earlier turn.
pub(super) fn write_call(o: &mut Object<'_>, call: &ToolCall<'_>) {
    o.text("id", &call.id);
    o.text("type", "function");
    o.object("function", |o| {
        o.text("name", &call.name);
        let mut arguments = Vec::new();
        crate::anthropic::write_input(&mut arguments, call);
        o.text("arguments", &String::from_utf8_lossy(&arguments));
    });
}

/// What a call begins with: id, name, and arguments as far as they are told.
pub(super) fn read_call<'a>(
    node: Node<'a>,
    recall: &Recall,
) -> Option<(Cow<'a, str>, Cow<'a, str>, Cow<'a, str>)> {
    let [id, function] = node.pick(["id", "function"]);
    let [name, arguments] = function?.pick(["name", "arguments"]);
    let arguments = arguments.map(|node| node.text().unwrap_or(Cow::Borrowed(node.raw())));
    Some((
        id.and_then(Node::text).unwrap_or_default(),
        recall.names.restored(name?.text()?),
        arguments.unwrap_or_default(),
    ))
}

/// Whether a tool takes free text.
pub(super) fn is_custom(node: Node<'_>, recall: &Recall) -> bool {
    let name = node
        .get("function")
        .and_then(|function| function.get("name"))
        .and_then(Node::text);
    name.is_some_and(|name| recall.custom.iter().any(|custom| *custom == *name))
}

/// The free text in the object that a model was told to write.
pub(super) fn free_text(arguments: &str) -> Cow<'_, str> {
    let text = Node::parse(arguments.as_bytes())
        .ok()
        .and_then(|node| node.get("input")?.text());
    text.unwrap_or(Cow::Borrowed(arguments))
}
