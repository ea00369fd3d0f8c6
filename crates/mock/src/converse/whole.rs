//! Answers in one piece.

use serde_json::{Value, json};

use super::object::{SIGNATURE, stop_reason, tool_use, trace, usage};
use crate::{
    behaviour::Behaviour,
    fault::Fault,
    openai::{Chat, reply::Reply},
};

pub(crate) fn body(chat: &Chat, behaviour: &Behaviour) -> Vec<u8> {
    let reply = Reply::new(chat, behaviour);
    let mut answer = json!({
        "output": {"message": {"role": "assistant", "content": content(&reply)}},
        "metrics": {"latencyMs": 1},
    });
    if !behaviour.has(Fault::NoFinish) {
        answer["stopReason"] = stop_reason(&reply).into();
    }
    if let Some(usage) = usage(&reply, behaviour) {
        answer["usage"] = usage;
    }
    if let Some(trace) = trace(&reply) {
        answer["trace"] = trace;
    }
    answer.to_string().into_bytes()
}

fn content(reply: &Reply<'_>) -> Vec<Value> {
    let thought = reply.reasoning.map(|thought| {
        json!({"reasoningContent": {"reasoningText": {"text": thought, "signature": SIGNATURE}}})
    });
    let text = (!reply.text.is_empty()).then(|| json!({"text": reply.text}));
    let calls = reply.calls.iter().enumerate().map(|(at, call)| {
        let mut block = tool_use(call, at);
        block["input"] = serde_json::from_str(&call.arguments).unwrap_or_default();
        json!({"toolUse": block})
    });
    thought.into_iter().chain(text).chain(calls).collect()
}
