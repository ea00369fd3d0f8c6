//! Tools, choices among them, and calls.

use std::borrow::Cow;

use super::part::cache_mark;
use crate::ir::{Raw, Refusal, Tool, ToolCall, ToolChoice, ToolKind, names};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// Tools of the vendor that search the web.
const SEARCHES: [&str; 2] = ["web_search", "web_search_preview"];

/// The `tools` of a request.
pub(super) fn read_tools(node: Node<'_>) -> Result<Vec<Tool<'_>>, Refusal> {
    let tools = node.elements().into_iter().enumerate();
    tools
        .map(|(at, tool)| {
            read_tool(tool).ok_or_else(|| {
                let place = format!("tools[{at}]");
                Refusal::new(
                    &*place,
                    format!("{place} needs a type and, as a function, a name"),
                )
            })
        })
        .collect()
}

fn read_tool(tool: Node<'_>) -> Option<Tool<'_>> {
    let [kind, function, custom, name, cache] =
        tool.pick(["type", "function", "custom", "name", "cache_control"]);
    let kind = kind.and_then(Node::text);
    let body = function.or(custom).unwrap_or(tool);
    let mut read = match kind.as_deref() {
        Some("function") => read_function(body)?,
        Some("custom") => read_custom(body)?,
        // Claude's own form of a function has no type.
        None if name.is_some() => read_function(tool)?,
        Some(word) if SEARCHES.contains(&word) => Tool {
            name: Cow::Borrowed("web_search"),
            description: None,
            kind: ToolKind::WebSearch {
                options: Some(tool.into()),
            },
            cache: None,
        },
        _ => Tool {
            name: name.and_then(Node::text).unwrap_or_default(),
            description: None,
            kind: ToolKind::Vendor {
                kind: kind?,
                raw: tool.into(),
            },
            cache: None,
        },
    };
    read.cache = cache_mark(cache.or_else(|| body.get("cache_control")));
    Some(read)
}

/// A function's declaration, whoever wraps it.
pub(super) fn read_function(function: Node<'_>) -> Option<Tool<'_>> {
    let [name, description, parameters, input_schema, strict] = function.pick([
        "name",
        "description",
        "parameters",
        "input_schema",
        "strict",
    ]);
    Some(Tool {
        name: name?.text()?,
        description: description.and_then(Node::text),
        kind: ToolKind::Function {
            schema: parameters.or(input_schema).map(Raw::from),
            strict: strict.and_then(Node::flag),
        },
        cache: None,
    })
}

fn read_custom(custom: Node<'_>) -> Option<Tool<'_>> {
    let [name, description, format] = custom.pick(["name", "description", "format"]);
    Some(Tool {
        name: name?.text()?,
        description: description.and_then(Node::text),
        kind: ToolKind::Custom {
            format: format.map(Raw::from),
        },
        cache: None,
    })
}

/// `tool_choice`, or the older `function_call`.
pub(super) fn read_choice(node: Node<'_>) -> Option<ToolChoice<'_>> {
    if let Some(word) = node.text() {
        return Some(match &*word {
            "auto" => ToolChoice::Auto,
            "required" | "any" => ToolChoice::Required,
            "none" => ToolChoice::None,
            _ => return None,
        });
    }
    let [kind, function, custom, allowed, name] =
        node.pick(["type", "function", "custom", "allowed_tools", "name"]);
    if kind.and_then(Node::text).as_deref() == Some("allowed_tools") {
        return read_allowed(allowed.unwrap_or(node));
    }
    let name = function
        .or(custom)
        .and_then(|tool| tool.get("name"))
        .or(name)?;
    name.text().map(ToolChoice::Named)
}

fn read_allowed(allowed: Node<'_>) -> Option<ToolChoice<'_>> {
    let [mode, tools] = allowed.pick(["mode", "tools"]);
    let names = tools?.elements().into_iter().filter_map(|tool| {
        let inner = tool
            .get("function")
            .or_else(|| tool.get("custom"))
            .unwrap_or(tool);
        inner.get("name").and_then(Node::text)
    });
    Some(ToolChoice::Allowed {
        required: mode.and_then(Node::text).as_deref() == Some("required"),
        names: names.collect(),
    })
}

/// One of a message's `tool_calls`.
pub(super) fn read_call(node: Node<'_>) -> Option<ToolCall<'_>> {
    let [id, function, custom, extra] = node.pick(["id", "function", "custom", "extra_content"]);
    let signature = extra
        .and_then(|extra| extra.get("google")?.get("thought_signature"))
        .and_then(Node::text);
    let id = id.and_then(Node::text).unwrap_or_default();
    let call = match (function, custom) {
        (Some(function), _) => read_function_call(function, id)?,
        (None, Some(custom)) => {
            let [name, input] = custom.pick(["name", "input"]);
            ToolCall {
                id,
                name: name?.text()?,
                arguments: input.and_then(Node::text).unwrap_or_default(),
                signature: None,
                custom: true,
                cache: None,
            }
        }
        (None, None) => return None,
    };
    Some(ToolCall { signature, ..call })
}

/// What is called, and with what.
pub(super) fn read_function_call<'a>(node: Node<'a>, id: Cow<'a, str>) -> Option<ToolCall<'a>> {
    let [name, arguments] = node.pick(["name", "arguments"]);
    // Some write the object itself where its text belongs.
    let arguments = arguments.map(|node| node.text().unwrap_or(Cow::Borrowed(node.raw())));
    Some(ToolCall {
        id,
        name: name?.text()?,
        arguments: arguments.unwrap_or_default(),
        signature: None,
        custom: false,
        cache: None,
    })
}

/// Writes a call as one of `tool_calls`.
pub(super) fn write_call(o: &mut Object<'_>, call: &ToolCall<'_>) {
    o.text("id", &call.id);
    if call.custom {
        o.text("type", "custom");
        o.object("custom", |o| {
            o.text("name", &call.name);
            o.text("input", &call.arguments);
        });
    } else {
        o.text("type", "function");
        o.object("function", |o| {
            o.text("name", &call.name);
            let arguments = if call.arguments.is_empty() {
                "{}"
            } else {
                &call.arguments
            };
            o.text("arguments", arguments);
        });
    }
    if let Some(signature) = &call.signature {
        write_signature(o, signature);
    }
}

/// What Google wants back with a call, under the name that Google gave it here.
pub(super) fn write_signature(o: &mut Object<'_>, signature: &str) {
    o.object("extra_content", |o| {
        o.object("google", |o| o.text("thought_signature", signature));
    });
}

/// Writes a tool's declaration; whether there is a way to.
pub(super) fn write_tool(array: &mut Array<'_>, tool: &Tool<'_>) -> bool {
    match &tool.kind {
        ToolKind::Function { schema, strict } => array.object(|o| {
            o.text("type", "function");
            o.object("function", |o| {
                o.text("name", &tool.name);
                o.text_if("description", tool.description.as_deref());
                o.raw_if("parameters", schema.as_ref().map(Raw::as_str));
                // A false says what its absence says, and not every vendor knows the word.
                o.flag_if("strict", strict.filter(|strict| *strict));
            });
        }),
        ToolKind::Custom { format } => array.object(|o| {
            o.text("type", "custom");
            o.object("custom", |o| {
                o.text("name", &tool.name);
                o.text_if("description", tool.description.as_deref());
                o.raw_if("format", format.as_ref().map(Raw::as_str));
            });
        }),
        ToolKind::WebSearch { .. } | ToolKind::Vendor { .. } => return false,
    }
    true
}

/// Writes the value of `tool_choice`.
pub(super) fn write_choice(out: &mut Vec<u8>, choice: &ToolChoice<'_>) {
    use crate::json::write;
    match choice {
        ToolChoice::Auto => write::text(out, "auto"),
        ToolChoice::Required => write::text(out, "required"),
        ToolChoice::None => write::text(out, "none"),
        ToolChoice::Named(name) => write::object(out, |o| {
            o.text("type", "function");
            o.object("function", |o| o.text("name", name));
        }),
        ToolChoice::Allowed { required, names } => write::object(out, |o| {
            o.text("type", "allowed_tools");
            o.object("allowed_tools", |o| {
                o.text("mode", if *required { "required" } else { "auto" });
                o.array("tools", |a| {
                    for name in names {
                        a.object(|o| {
                            o.text("type", "function");
                            o.object("function", |o| o.text("name", name));
                        });
                    }
                });
            });
        }),
    }
}

/// The id that a call of the time before ids gets.
pub(super) fn id_of_function(name: &str) -> String {
    format!("fn_{}", names::split_thought(name).0)
}
