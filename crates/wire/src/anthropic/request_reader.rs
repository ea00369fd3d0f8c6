//! A Messages request into the form between.

use std::borrow::Cow;

use super::block_reader::{cache_mark, read_turn};
use super::tool::is_own;
use crate::ir::{
    Block, Effort, Format, MaxOutput, Opaque, OpaqueKind, Raw, ReasoningMode, Refusal, Request,
    Role, Tool, ToolChoice, ToolKind, Turn, media,
};
use crate::json::Node;

/// What begins a state that this gateway wrapped for another vendor. No vendor signs like this.
pub(super) const WRAPPED: &str = "gw1:";
/// What ends one that is a signature of Gemini's.
pub(super) const OF_GOOGLE: &str = ":google";

/// Reads a request. What is malformed is refused, naming its place; a member that nobody here
/// knows is kept.
pub fn read_request(body: Node<'_>) -> Result<Request<'_>, Refusal> {
    let mut request = Request {
        // Streams of this dialect always tell it.
        include_usage: true,
        ..Request::default()
    };
    let mut system = None;
    for (name, value) in body.members() {
        if value.is_null() {
            continue;
        }
        match &*name {
            "system" => system = Some(value),
            _ if member(&mut request, &name, value)? => {}
            _ => request.unknown.push((name, value.into())),
        }
    }
    if let Some(system) = system {
        let blocks = read_content(system, "system")?;
        request.turns.insert(0, Turn::new(Role::System, blocks));
    }
    Ok(request)
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::new(name, format!("{name} must be {expected}"))
}

fn member<'a>(request: &mut Request<'a>, name: &str, value: Node<'a>) -> Result<bool, Refusal> {
    let number = || value.number().ok_or_else(|| wrong(name, "a number"));
    let count = || {
        value
            .uint()
            .ok_or_else(|| wrong(name, "a whole number, 0 or more"))
    };
    let text = || value.text().ok_or_else(|| wrong(name, "a string"));
    match name {
        "model" => request.model = text()?,
        "max_tokens" => {
            let tokens = count()?;
            request.max_output = Some(MaxOutput {
                tokens,
                completion: true,
            });
        }
        "messages" => {
            for (at, message) in value.elements().into_iter().enumerate() {
                request.turns.push(read_message(message, at)?);
            }
        }
        "temperature" => request.sampling.temperature = Some(number()?),
        "top_p" => request.sampling.top_p = Some(number()?),
        "top_k" => request.sampling.top_k = Some(count()?),
        "stop_sequences" => {
            request.stop = value
                .elements()
                .into_iter()
                .filter_map(Node::text)
                .collect();
        }
        "stream" => request.stream = value.flag().ok_or_else(|| wrong(name, "true or false"))?,
        "tools" => {
            for (at, tool) in value.elements().into_iter().enumerate() {
                let place = format!("tools[{at}]");
                let lacks = || Refusal::new(&*place, format!("{place} needs a name"));
                request.tools.push(read_tool(tool).ok_or_else(lacks)?);
            }
        }
        "tool_choice" => read_choice(request, value)?,
        "thinking" => read_thinking(request, value)?,
        "output_config" => {
            let [effort, format] = value.pick(["effort", "format"]);
            if let Some(effort) = effort.and_then(Node::text).as_deref().and_then(Effort::of) {
                request.reasoning.effort = Some(effort);
            }
            request.format = format.and_then(read_format).or(request.format.take());
        }
        "output_format" => request.format = read_format(value).or(request.format.take()),
        "metadata" => request.user = value.get("user_id").and_then(Node::text),
        "service_tier" => {
            let tier = text()?;
            request.service_tier = Some(if tier == "standard_only" {
                Cow::Borrowed("default")
            } else {
                tier
            });
        }
        "cache_control" => request.cache = cache_mark(Some(value)),
        _ => return Ok(false),
    }
    Ok(true)
}

fn read_message(message: Node<'_>, at: usize) -> Result<Turn<'_>, Refusal> {
    let [role, content] = message.pick(["role", "content"]);
    let role = match role.and_then(Node::text).as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => {
            let field = format!("messages[{at}].role");
            return Err(Refusal::new(
                &*field,
                format!("{field} must be user, assistant or system"),
            ));
        }
    };
    let place = format!("messages[{at}].content");
    let Some(content) = content else {
        return Err(Refusal::new(&*place, format!("{place} is missing")));
    };
    Ok(Turn::new(role, read_content(content, &place)?))
}

fn read_content<'a>(content: Node<'a>, place: &str) -> Result<Vec<Block<'a>>, Refusal> {
    if let Some(text) = content.text() {
        return Ok(vec![Block::text(text)]);
    }
    if !content.is_array() {
        return Err(wrong(place, "a string or an array of blocks"));
    }
    let blocks = content.elements().into_iter().enumerate();
    blocks
        .map(|(at, block)| read_turn(block, &format!("{place}[{at}]")).map(unwrapped))
        .collect()
}

/// Another vendor's state is of use to that one alone.
fn unwrapped(mut block: Block<'_>) -> Block<'_> {
    if let Block::Thinking(thinking) = &mut block
        && let Some(state) = thinking
            .state
            .take_if(|state| state.data.starts_with(WRAPPED))
    {
        let data = state.data.strip_suffix(OF_GOOGLE);
        let data = data.and_then(|data| media::decode_text(data.rsplit(':').next()?));
        thinking.state = data.map(|data| Opaque {
            kind: OpaqueKind::Gemini,
            data: Cow::Owned(data),
        });
    }
    block
}

fn read_tool(tool: Node<'_>) -> Option<Tool<'_>> {
    let [kind, name, description, schema, strict, cache] = tool.pick([
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
    ]);
    let name = name?.text()?;
    let kind = kind.and_then(Node::text).unwrap_or(Cow::Borrowed("custom"));
    let cache = cache_mark(cache);
    if is_own(&kind) {
        return Some(Tool {
            name,
            description: None,
            kind: ToolKind::Vendor {
                kind,
                raw: tool.into(),
            },
            cache,
        });
    }
    Some(Tool {
        name,
        description: description.and_then(Node::text),
        kind: ToolKind::Function {
            schema: schema.map(Raw::from),
            strict: strict.and_then(Node::flag),
        },
        cache,
    })
}

fn read_choice<'a>(request: &mut Request<'a>, value: Node<'a>) -> Result<(), Refusal> {
    let [kind, name, one] = value.pick(["type", "name", "disable_parallel_tool_use"]);
    let kind = kind.and_then(Node::text);
    request.tool_choice = Some(match (kind.as_deref(), name.and_then(Node::text)) {
        (Some("auto"), _) => ToolChoice::Auto,
        (Some("any"), _) => ToolChoice::Required,
        (Some("none"), _) => ToolChoice::None,
        (Some("tool"), Some(name)) => ToolChoice::Named(name),
        _ => {
            return Err(wrong(
                "tool_choice",
                "of type auto, any, none, or tool with a name",
            ));
        }
    });
    if one.and_then(Node::flag) == Some(true) {
        request.parallel_tools = Some(false);
    }
    Ok(())
}

fn read_thinking<'a>(request: &mut Request<'a>, value: Node<'a>) -> Result<(), Refusal> {
    let [kind, budget, display] = value.pick(["type", "budget_tokens", "display"]);
    let reasoning = &mut request.reasoning;
    reasoning.mode = Some(match kind.and_then(Node::text).as_deref() {
        Some("disabled" | "between_tools") => ReasoningMode::Disabled,
        Some("enabled") => ReasoningMode::Enabled,
        Some("adaptive") => ReasoningMode::Adaptive,
        _ => return Err(wrong("thinking.type", "enabled, disabled or adaptive")),
    });
    reasoning.budget = budget.and_then(Node::int);
    reasoning.display = display.and_then(Node::text);
    Ok(())
}

fn read_format(format: Node<'_>) -> Option<Format<'_>> {
    Some(Format::JsonSchema {
        name: Cow::Borrowed("structured_output"),
        description: None,
        schema: format.get("schema")?.into(),
        strict: Some(true),
    })
}
