//! Chat answers in one piece.

use serde_json::Value;

use super::{
    object::{CREATED, Choice, Completion, FINGERPRINT, FunctionCall, Message, TIER, ToolCall},
    reply::{self, Reply},
    request::Chat,
    text,
};
use crate::{behaviour::Behaviour, fault::Fault};

pub(crate) fn body(chat: &Chat, behaviour: &Behaviour) -> Vec<u8> {
    let reply = Reply::new(chat, behaviour);
    let choices = (0..chat.choices).map(|index| Choice {
        index,
        message: message(&reply, behaviour.has(Fault::ContentParts)),
        logprobs: chat
            .logprobs
            .map(|top| reply::logprobs(&text::pieces(&reply.text, None), top)),
        finish_reason: (!behaviour.has(Fault::NoFinish)).then_some(Some(reply.finish)),
    });
    super::json(&Completion {
        id: &reply.id,
        object: "chat.completion",
        created: CREATED,
        model: reply.model,
        choices: choices.collect(),
        usage: (!behaviour.has(Fault::NoUsage)).then_some(reply.usage),
        service_tier: TIER,
        system_fingerprint: FINGERPRINT,
    })
}

fn message<'a>(reply: &'a Reply<'_>, parts: bool) -> Message<'a> {
    Message {
        role: "assistant",
        content: content(reply, parts),
        reasoning_content: reply.reasoning.filter(|_| !parts),
        tool_calls: tool_calls(reply),
        refusal: None,
        annotations: [],
    }
}

fn content(reply: &Reply<'_>, parts: bool) -> Value {
    if !reply.calls.is_empty() {
        return Value::Null;
    }
    match reply.reasoning.filter(|_| parts) {
        Some(thought) => Value::Array(vec![
            reply::thinking_part(thought),
            reply::text_part(&reply.text),
        ]),
        None => Value::String(reply.text.clone()),
    }
}

fn tool_calls<'a>(reply: &'a Reply<'_>) -> Vec<ToolCall<'a>> {
    let calls = reply.calls.iter().enumerate();
    calls
        .map(|(at, call)| ToolCall {
            id: reply::call_id(call, at),
            kind: "function",
            function: FunctionCall {
                name: &call.name,
                arguments: &call.arguments,
            },
        })
        .collect()
}
