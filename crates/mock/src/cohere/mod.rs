//! Cohere's chat dialect (v2): reading requests, and answers as Cohere writes them. What is said is
//! decided where OpenAI's answers are.

mod answer;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::openai::{Call, Chat, Refusal, sample, wants_a_call};

pub(crate) use answer::answer;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    model: Option<String>,
    messages: Value,
    stream: bool,
    tools: Vec<Value>,
    tool_choice: Option<String>,
    thinking: Value,
    response_format: Value,
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read(body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let model = members.model.clone().ok_or_else(Refusal::no_model)?;
    if members.messages.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::missing("messages"));
    }
    let wants_json = members.response_format["type"] == "json_object";
    let schema = &members.response_format["json_schema"];
    Ok(Chat {
        stream: members.stream,
        include_usage: true,
        choices: 1,
        logprobs: None,
        reasons: members.thinking["type"] == "enabled",
        json: wants_json.then(|| match schema {
            Value::Null => sample::any_object().to_string(),
            schema => sample::sample(schema).to_string(),
        }),
        call: call(&members),
        model,
    })
}

/// Whether a tool is to be called: the first one, when it must be or the user speaks of it.
fn call(members: &Members) -> Option<Call> {
    let function = &members.tools.first()?["function"];
    let last = members.messages.as_array()?.last()?;
    let wanted = match members.tool_choice.as_deref() {
        Some("NONE") => false,
        Some("REQUIRED") => true,
        _ => last["role"] == "user" && wants_a_call(&last["content"]),
    };
    wanted.then(|| Call {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        arguments: sample::sample(&function["parameters"]).to_string(),
    })
}

/// An error's body.
pub(crate) fn error(message: &str) -> Vec<u8> {
    json!({"id": "err_mock", "message": message})
        .to_string()
        .into_bytes()
}

/// The event with which a stream fails.
pub(crate) fn stream_error(message: &str) -> Vec<u8> {
    json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}})
        .to_string()
        .into_bytes()
}
