//! Anthropic's objects.

use serde_json::{Value, json};

use crate::{
    behaviour::Behaviour,
    fault::Fault,
    openai::{Call, reply::Reply, reply::call_id},
};

pub(crate) const SIGNATURE: &str = "c2lnbmVkIGJ5IGEgbW9jaw==";

/// A message without what it says and why it ended.
pub(crate) fn message(reply: &Reply<'_>) -> Value {
    json!({
        "id": reply.id.replacen("chatcmpl-", "msg_", 1),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

/// A call's block, its input left out.
pub(crate) fn tool_use(call: &Call, at: usize) -> Value {
    json!({
        "type": "tool_use",
        "id": call_id(call, at).replacen("call_", "toolu_", 1),
        "name": call.name,
        "input": {},
    })
}

/// Why it ended, in Anthropic's words; a word that is not OpenAI's is taken as it is.
pub(crate) fn stop_reason<'a>(reply: &Reply<'a>) -> &'a str {
    match reply.finish {
        "stop" => "end_turn",
        "tool_calls" => "tool_use",
        "length" => "max_tokens",
        "content_filter" => "refusal",
        other => other,
    }
}

/// What was used: what came from a cache stands beside the input here.
pub(crate) fn usage(reply: &Reply<'_>, behaviour: &Behaviour) -> Option<Value> {
    let usage = reply.usage;
    let cached = usage.prompt_tokens_details.cached_tokens;
    (!behaviour.has(Fault::NoUsage)).then(|| {
        json!({
            "input_tokens": usage.prompt_tokens.saturating_sub(cached),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {
                "thinking_tokens": usage.completion_tokens_details.reasoning_tokens,
            },
        })
    })
}
