//! Reading requests as Anthropic would, but only the members that shape the
//! answer.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::openai::{Call, Chat, Refusal, sample::sample, wants_a_call};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Members {
    model: Option<String>,
    anthropic_version: Option<String>,
    messages: Value,
    max_tokens: Option<u64>,
    stream: bool,
    tools: Vec<Tool>,
    tool_choice: Value,
    thinking: Value,
    output_config: Value,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    input_schema: Option<Value>,
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read(body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let model = members.model.clone().ok_or_else(Refusal::no_model)?;
    asked(&members, model)
}

/// The same at Vertex AI, where the model stands in the path, and the version that is a header
/// elsewhere in the body.
pub(crate) fn read_at_vertex(model: String, body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    if members.model.is_some() {
        let why = "extra inputs are not permitted";
        return Err(Refusal::invalid("model", why));
    }
    if members.anthropic_version.is_none() {
        return Err(Refusal::missing("anthropic_version"));
    }
    asked(&members, model)
}

fn asked(members: &Members, model: String) -> Result<Chat, Refusal> {
    if members.messages.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::missing("messages"));
    }
    if members.max_tokens.is_none() {
        return Err(Refusal::missing("max_tokens"));
    }
    let thinking = members.thinking.pointer("/type").and_then(Value::as_str);
    let schema = members.output_config.pointer("/format/schema");
    Ok(Chat {
        stream: members.stream,
        // A stream of this dialect always tells it.
        include_usage: true,
        choices: 1,
        logprobs: None,
        reasons: matches!(thinking, Some("enabled" | "adaptive")),
        json: schema.map(|schema| sample(schema).to_string()),
        call: call(members)?,
        model,
    })
}

/// Whether a tool is to be called, and which: the named one, else the first.
fn call(members: &Members) -> Result<Option<Call>, Refusal> {
    // Those without a schema are Anthropic's own to run.
    let mut tools = members
        .tools
        .iter()
        .filter(|tool| tool.input_schema.is_some());
    let choice = |name: &str| members.tool_choice.get(name).and_then(Value::as_str);
    let tool = match (choice("type"), choice("name")) {
        (Some("none"), _) => None,
        (Some("any"), _) => tools.next(),
        (Some("tool"), Some(name)) => Some(
            tools
                .find(|tool| tool.name == name)
                .ok_or_else(|| Refusal::invalid("tool_choice", "not found in 'tools'"))?,
        ),
        _ => tools.next().filter(|_| asks_for_a_call(&members.messages)),
    };
    Ok(tool.map(|tool| Call {
        name: tool.name.clone(),
        arguments: sample(tool.input_schema.as_ref().unwrap_or(&Value::Null)).to_string(),
    }))
}

fn asks_for_a_call(messages: &Value) -> bool {
    let last = messages.as_array().and_then(|list| list.last());
    let Some(content) = last
        .filter(|last| last["role"] == "user")
        .map(|last| &last["content"])
    else {
        return false;
    };
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    // A conversation whose last word is a tool's answer wants text.
    let answered = parts.iter().any(|part| part["type"] == "tool_result");
    !answered && wants_a_call(content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn called(content: &Value, choice: &Value) -> Option<String> {
        let body = json!({
            "model": "m", "max_tokens": 9,
            "messages": [{"role": "user", "content": content}],
            "tools": [{"name": "first", "input_schema": {"type": "object"}}, {"name": "second", "input_schema": {}}],
            "tool_choice": choice,
        });
        read(&body.to_string().into())
            .unwrap()
            .call
            .map(|call| call.name)
    }

    #[test]
    fn a_tool_is_called_when_it_must_be_or_when_the_user_speaks_of_it() {
        let result =
            json!([{"type": "tool_result", "tool_use_id": "t", "content": "weather: wet"}]);
        for (content, choice, expected) in [
            (json!("hi"), json!(null), None),
            (json!("the weather?"), json!(null), Some("first")),
            (json!("the weather?"), json!({"type": "none"}), None),
            (json!("hi"), json!({"type": "any"}), Some("first")),
            (
                json!("hi"),
                json!({"type": "tool", "name": "second"}),
                Some("second"),
            ),
            (result, json!({"type": "auto"}), None),
        ] {
            assert_eq!(
                called(&content, &choice).as_deref(),
                expected,
                "{content} {choice}"
            );
        }
    }

    #[test]
    fn what_anthropic_requires_is_required() {
        for body in [
            json!({}),
            json!({"model": "m", "max_tokens": 9}),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
            json!({"model": "m", "max_tokens": 9, "messages": []}),
        ] {
            assert!(read(&body.to_string().into()).is_err(), "{body}");
        }
    }

    #[test]
    fn vertex_has_the_version_where_others_have_the_model() {
        let messages = json!([{"role": "user", "content": "hi"}]);
        let body = json!({"messages": messages, "max_tokens": 9, "anthropic_version": "v"});
        let read = |body: &Value| read_at_vertex("m".to_owned(), &body.to_string().into());
        assert_eq!(read(&body).unwrap().model, "m");
        for (name, value) in [("model", json!("m")), ("anthropic_version", Value::Null)] {
            let mut body = body.clone();
            body[name] = value;
            assert!(read(&body).is_err(), "{body}");
        }
    }
}
