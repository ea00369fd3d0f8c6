//! A chat request into the form between.

use std::borrow::Cow;

use super::message::read_message;
use super::part::cache_mark;
use super::stray;
use super::tool::{read_choice, read_function, read_tools};
use crate::ir::{Effort, Format, MaxOutput, Raw, ReasoningMode, Refusal, Request, Tool, ToolKind};
use crate::json::Node;

/// Reads a request. What is missing that every vendor needs is refused, as is a member whose type
/// is wrong; a member that nobody here knows is kept.
pub fn read_request(body: Node<'_>) -> Result<Request<'_>, Refusal> {
    let mut request = Request::default();
    for (name, value) in body.members() {
        if value.is_null() || sampling(&mut request, &name, value)? {
            continue;
        }
        if !member(&mut request, &name, value)? {
            request.unknown.push((name, value.into()));
        }
    }
    Ok(request)
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::new(name, format!("{name} must be {expected}"))
}

fn number(name: &str, value: Node<'_>) -> Result<Option<f64>, Refusal> {
    value
        .number()
        .map(Some)
        .ok_or_else(|| wrong(name, "a number"))
}

fn count(name: &str, value: Node<'_>) -> Result<Option<u64>, Refusal> {
    value
        .uint()
        .map(Some)
        .ok_or_else(|| wrong(name, "a whole number, 0 or more"))
}

fn flag(name: &str, value: Node<'_>) -> Result<bool, Refusal> {
    value.flag().ok_or_else(|| wrong(name, "true or false"))
}

fn text<'a>(name: &str, value: Node<'a>) -> Result<Cow<'a, str>, Refusal> {
    value.text().ok_or_else(|| wrong(name, "a string"))
}

/// Takes a member that says how tokens are chosen; whether it was one.
fn sampling<'a>(request: &mut Request<'a>, name: &str, value: Node<'a>) -> Result<bool, Refusal> {
    let sampling = &mut request.sampling;
    match name {
        "temperature" => sampling.temperature = number(name, value)?,
        "top_p" => sampling.top_p = number(name, value)?,
        "top_k" => sampling.top_k = count(name, value)?,
        "n" => sampling.n = count(name, value)?,
        "seed" => {
            let seed = value.int().ok_or_else(|| wrong(name, "a whole number"))?;
            sampling.seed = Some(seed);
        }
        "presence_penalty" => sampling.presence_penalty = number(name, value)?,
        "frequency_penalty" => sampling.frequency_penalty = number(name, value)?,
        "logprobs" => sampling.logprobs = Some(flag(name, value)?),
        "top_logprobs" => sampling.top_logprobs = count(name, value)?,
        "logit_bias" => sampling.logit_bias = Some(value.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes any other member; whether it is known.
fn member<'a>(request: &mut Request<'a>, name: &str, value: Node<'a>) -> Result<bool, Refusal> {
    match name {
        "model" => request.model = text(name, value)?,
        "messages" => {
            let messages = value.elements().into_iter().enumerate();
            request.turns = messages
                .map(|(at, message)| read_message(message, at))
                .collect::<Result<_, _>>()?;
            stray::of_messages(value, &mut request.unknown);
        }
        "stream" => request.stream = flag(name, value)?,
        "stream_options" => {
            request.include_usage = value
                .get("include_usage")
                .and_then(Node::flag)
                .unwrap_or(false);
        }
        "max_tokens" | "max_completion_tokens" => max_output(request, name, value)?,
        "stop" => request.stop = stop(value)?,
        "tools" => {
            request.tools.append(&mut read_tools(value)?);
            stray::of_tools(value, &mut request.unknown);
        }
        "functions" => {
            let functions = value.elements().into_iter().filter_map(read_function);
            request.tools.extend(functions);
        }
        "tool_choice" | "function_call" => {
            let choice = read_choice(value).ok_or_else(|| {
                wrong(name, "auto, none, required, a named tool or allowed_tools")
            })?;
            request.tool_choice = Some(choice);
        }
        "parallel_tool_calls" => request.parallel_tools = Some(flag(name, value)?),
        "response_format" => request.format = Some(format(value)?),
        "web_search_options" => request.tools.push(Tool {
            name: Cow::Borrowed("web_search"),
            description: None,
            kind: ToolKind::WebSearch {
                options: Some(value.into()),
            },
            cache: None,
        }),
        "reasoning_effort" | "reasoning" | "thinking" => reasoning(request, name, value)?,
        "user" => request.user = Some(text(name, value)?),
        "safety_identifier" => request.safety_identifier = Some(text(name, value)?),
        "service_tier" => request.service_tier = Some(text(name, value)?),
        "prompt_cache_key" => request.prompt_cache_key = Some(text(name, value)?),
        "verbosity" => request.verbosity = Some(text(name, value)?),
        "modalities" => {
            request.modalities = value
                .elements()
                .into_iter()
                .filter_map(Node::text)
                .collect();
        }
        "metadata" => request.metadata = Some(value.into()),
        "cache_control" => request.cache = cache_mark(Some(value)),
        "extra_body" => request.extra_body = Some(value.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Of two bounds the newer name counts.
fn max_output(request: &mut Request<'_>, name: &str, value: Node<'_>) -> Result<(), Refusal> {
    let tokens = value
        .uint()
        .filter(|tokens| *tokens > 0)
        .ok_or_else(|| wrong(name, "a whole number, 1 or more"))?;
    let completion = name == "max_completion_tokens";
    if completion || request.max_output.is_none() {
        request.max_output = Some(MaxOutput { tokens, completion });
    }
    Ok(())
}

fn stop(value: Node<'_>) -> Result<Vec<Cow<'_, str>>, Refusal> {
    if let Some(text) = value.text() {
        return Ok(vec![text]);
    }
    let texts: Option<Vec<_>> = value.elements().into_iter().map(Node::text).collect();
    texts
        .filter(|_| value.is_array())
        .ok_or_else(|| wrong("stop", "a string or an array of strings"))
}

fn format(value: Node<'_>) -> Result<Format<'_>, Refusal> {
    let [kind, schema] = value.pick(["type", "json_schema"]);
    let kind = kind.and_then(Node::text);
    match (kind.as_deref(), schema) {
        (Some("text"), _) => Ok(Format::Text),
        (Some("json_object"), _) => Ok(Format::JsonObject),
        (Some("json_schema"), Some(wrapper)) => {
            let [name, description, schema, strict] =
                wrapper.pick(["name", "description", "schema", "strict"]);
            Ok(Format::JsonSchema {
                name: name
                    .and_then(Node::text)
                    .unwrap_or(Cow::Borrowed("response")),
                description: description.and_then(Node::text),
                schema: schema.map_or(Raw(Cow::Borrowed("{}")), Raw::from),
                strict: strict.and_then(Node::flag),
            })
        }
        (Some("json_schema"), None) => Err(wrong(
            "response_format.json_schema",
            "an object with a schema",
        )),
        _ => Err(wrong(
            "response_format.type",
            "text, json_object or json_schema",
        )),
    }
}

fn reasoning<'a>(request: &mut Request<'a>, name: &str, value: Node<'a>) -> Result<(), Refusal> {
    let reasoning = &mut request.reasoning;
    if name == "reasoning_effort" {
        let effort = value.text().as_deref().and_then(Effort::of);
        let known = "none, minimal, low, medium, high, xhigh or max";
        reasoning.effort = Some(effort.ok_or_else(|| wrong(name, known))?);
        return Ok(());
    }
    let [effort, tokens, mode, budget, display] =
        value.pick(["effort", "max_tokens", "type", "budget_tokens", "display"]);
    if let Some(effort) = effort.and_then(Node::text).as_deref().and_then(Effort::of) {
        reasoning.effort = Some(effort);
    }
    if let Some(tokens) = tokens.or(budget).and_then(Node::int) {
        reasoning.budget = Some(tokens);
    }
    if name == "thinking" {
        reasoning.mode = match mode.and_then(Node::text).as_deref() {
            Some("disabled") => Some(ReasoningMode::Disabled),
            Some("enabled") => Some(ReasoningMode::Enabled),
            Some("adaptive" | "auto") => Some(ReasoningMode::Adaptive),
            _ => return Err(wrong("thinking.type", "enabled, disabled or adaptive")),
        };
    }
    if let Some(display) = display.and_then(Node::text) {
        reasoning.display = Some(display);
    }
    Ok(())
}
