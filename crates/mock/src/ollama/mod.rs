//! Ollama's own chat dialect: reading requests, and answers as Ollama writes them, whole or line by
//! line. What is said is decided where OpenAI's answers are.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Event, Kind},
    anthropic::Form,
    behaviour::Behaviour,
    fault::Fault,
    openai::{Call, Chat, Refusal, reply::Reply, sample, text, wants_a_call},
};

const TIME: &str = "2026-01-01T00:00:00Z";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    model: Option<String>,
    messages: Value,
    stream: Option<bool>,
    tools: Vec<Value>,
    think: Value,
    format: Value,
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read(body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let model = members.model.clone().ok_or_else(Refusal::no_model)?;
    if members.messages.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::missing("messages"));
    }
    Ok(Chat {
        // Who says nothing gets one.
        stream: members.stream.unwrap_or(true),
        include_usage: true,
        choices: 1,
        logprobs: None,
        reasons: !matches!(members.think, Value::Null | Value::Bool(false)),
        json: match &members.format {
            Value::String(_) => Some(sample::any_object().to_string()),
            schema @ Value::Object(_) => Some(sample::sample(schema).to_string()),
            _ => None,
        },
        call: call(&members),
        model,
    })
}

/// Whether a tool is to be called: the first one, when the user speaks of it.
fn call(members: &Members) -> Option<Call> {
    let function = &members.tools.first()?["function"];
    let last = members.messages.as_array()?.last()?;
    let wanted = last["role"] == "user" && wants_a_call(&last["content"]);
    wanted.then(|| Call {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        arguments: sample::sample(&function["parameters"]).to_string(),
    })
}

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(chat: &Chat, behaviour: &Behaviour) -> Answer {
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Ollama)
            .answer();
    }
    let reply = Reply::new(chat, behaviour);
    if chat.stream {
        Answer::Stream(lines(&reply, behaviour))
    } else {
        Answer::Whole(StatusCode::OK, whole(&reply, behaviour))
    }
}

fn whole(reply: &Reply<'_>, behaviour: &Behaviour) -> Vec<u8> {
    let mut message = json!({"content": reply.text});
    if let Some(thought) = reply.reasoning {
        message["thinking"] = thought.into();
    }
    if !reply.calls.is_empty() {
        message["tool_calls"] = calls(reply);
    }
    let mut answer = line(reply, message);
    end(&mut answer, reply, behaviour);
    answer.to_string().into_bytes()
}

fn lines(reply: &Reply<'_>, behaviour: &Behaviour) -> Vec<Event> {
    let mut events = Vec::new();
    let mut say = |message: Value| {
        let line = line(reply, message).to_string();
        events.push(Event::new(Kind::Content, line));
    };
    for piece in reply
        .reasoning
        .map(|thought| text::pieces(thought, None))
        .into_iter()
        .flatten()
    {
        say(json!({"content": "", "thinking": piece}));
    }
    if !reply.text.is_empty() {
        for piece in reply.pieces() {
            say(json!({"content": piece}));
        }
    }
    if !reply.calls.is_empty() {
        say(json!({"content": "", "tool_calls": calls(reply)}));
    }
    let mut last = line(reply, json!({"content": ""}));
    end(&mut last, reply, behaviour);
    events.push(Event::new(Kind::Finish, last.to_string()));
    events
}

fn line(reply: &Reply<'_>, mut message: Value) -> Value {
    message["role"] = "assistant".into();
    json!({"model": reply.model, "created_at": TIME, "message": message, "done": false})
}

/// Calls come whole and without ids, their arguments as objects.
fn calls(reply: &Reply<'_>) -> Value {
    let call = |call: &&Call| {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        json!({"function": {"name": call.name, "arguments": arguments}})
    };
    reply.calls.iter().map(call).collect()
}

fn end(answer: &mut Value, reply: &Reply<'_>, behaviour: &Behaviour) {
    answer["done"] = true.into();
    if !behaviour.has(Fault::NoFinish) {
        // Calls are no reason of their own here.
        let reason = if reply.finish == "tool_calls" {
            "stop"
        } else {
            reply.finish
        };
        answer["done_reason"] = reason.into();
    }
    if !behaviour.has(Fault::NoUsage) {
        answer["prompt_eval_count"] = reply.usage.prompt_tokens.into();
        answer["eval_count"] = reply.usage.completion_tokens.into();
    }
}

/// An error's body, and the line with which a stream fails.
pub(crate) fn error(message: &str) -> Vec<u8> {
    json!({"error": message}).to_string().into_bytes()
}
