//! Google's objects.

use serde_json::{Value, json};

use crate::{
    anthropic::SIGNATURE,
    behaviour::Behaviour,
    fault::Fault,
    openai::{Call, reply::Reply},
};

/// An answer, or a piece of one, without its usage.
pub(crate) fn answer(reply: &Reply<'_>, candidates: &[Value]) -> Value {
    json!({
        "candidates": candidates,
        "modelVersion": reply.model,
        "responseId": reply.id.replacen("chatcmpl-", "", 1),
    })
}

pub(crate) fn candidate(index: u32, parts: &[Value]) -> Value {
    json!({"content": {"parts": parts, "role": "model"}, "index": index})
}

pub(crate) fn thought(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

/// A call; of several at once, the first is signed.
pub(crate) fn function_call(call: &Call, at: usize) -> Value {
    let args: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut part = json!({"functionCall": {"name": call.name, "args": args}});
    if at == 0 {
        part["thoughtSignature"] = SIGNATURE.into();
    }
    part
}

/// Why it ended, in Google's words; a word that is not OpenAI's is taken as it is.
pub(crate) fn finish_reason<'a>(reply: &Reply<'a>) -> &'a str {
    match reply.finish {
        "stop" | "tool_calls" => "STOP",
        "length" => "MAX_TOKENS",
        "content_filter" => "SAFETY",
        other => other,
    }
}

/// What was used: thoughts stand beside the answer here, and what came from a
/// cache is part of the prompt.
pub(crate) fn usage(reply: &Reply<'_>, behaviour: &Behaviour) -> Option<Value> {
    let usage = reply.usage;
    let thoughts = usage.completion_tokens_details.reasoning_tokens;
    (!behaviour.has(Fault::NoUsage)).then(|| {
        json!({
            "promptTokenCount": usage.prompt_tokens,
            "cachedContentTokenCount": usage.prompt_tokens_details.cached_tokens,
            "candidatesTokenCount": usage.completion_tokens.saturating_sub(thoughts),
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": usage.prompt_tokens + usage.completion_tokens,
        })
    })
}
