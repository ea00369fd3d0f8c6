//! Answers in one piece.

use serde_json::{Value, json};

use super::object::{SIGNATURE, message, stop_reason, tool_use, usage};
use crate::{
    behaviour::Behaviour,
    fault::Fault,
    openai::{Chat, reply::Reply},
};

pub(crate) fn body(chat: &Chat, behaviour: &Behaviour) -> Vec<u8> {
    let reply = Reply::new(chat, behaviour);
    let mut answer = message(&reply);
    answer["content"] = content(&reply).into();
    if !behaviour.has(Fault::NoFinish) {
        answer["stop_reason"] = stop_reason(&reply).into();
    }
    if let Some(usage) = usage(&reply, behaviour) {
        answer["usage"] = usage;
    }
    answer.to_string().into_bytes()
}

fn content(reply: &Reply<'_>) -> Vec<Value> {
    let thought = reply
        .reasoning
        .map(|thought| json!({"type": "thinking", "thinking": thought, "signature": SIGNATURE}));
    let text = (!reply.text.is_empty()).then(|| json!({"type": "text", "text": reply.text}));
    let calls = reply.calls.iter().enumerate().map(|(at, call)| {
        let mut block = tool_use(call, at);
        block["input"] = serde_json::from_str(&call.arguments).unwrap_or_default();
        block
    });
    thought.into_iter().chain(text).chain(calls).collect()
}
