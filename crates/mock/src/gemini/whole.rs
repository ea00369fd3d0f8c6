//! Answers in one piece.

use serde_json::{Value, json};

use super::object::{answer, candidate, finish_reason, function_call, thought, usage};
use crate::{
    behaviour::Behaviour,
    fault::Fault,
    openai::{Chat, reply::Reply},
};

pub(crate) fn body(chat: &Chat, behaviour: &Behaviour) -> Vec<u8> {
    let reply = Reply::new(chat, behaviour);
    let parts = parts(&reply);
    let candidates: Vec<Value> = (0..chat.choices)
        .map(|index| {
            let mut candidate = candidate(index, &parts);
            if !behaviour.has(Fault::NoFinish) {
                candidate["finishReason"] = finish_reason(&reply).into();
            }
            candidate
        })
        .collect();
    let mut answer = answer(&reply, &candidates);
    if let Some(usage) = usage(&reply, behaviour) {
        answer["usageMetadata"] = usage;
    }
    answer.to_string().into_bytes()
}

fn parts(reply: &Reply<'_>) -> Vec<Value> {
    let text = (!reply.text.is_empty()).then(|| json!({"text": reply.text}));
    let calls = reply.calls.iter().enumerate();
    reply
        .reasoning
        .map(thought)
        .into_iter()
        .chain(text)
        .chain(calls.map(|(at, call)| function_call(call, at)))
        .collect()
}
