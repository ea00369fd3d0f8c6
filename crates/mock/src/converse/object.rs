//! Bedrock's objects.

use serde_json::{Value, json};

use crate::{
    behaviour::Behaviour,
    fault::Fault,
    openai::{Call, reply::Reply, reply::call_id},
};

pub(crate) const SIGNATURE: &str = "c2lnbmVkIGJ5IGEgbW9jaw==";

/// A call, its input left out.
pub(crate) fn tool_use(call: &Call, at: usize) -> Value {
    json!({
        "toolUseId": call_id(call, at).replacen("call_", "tooluse_", 1),
        "name": call.name,
    })
}

/// Why it ended, in Bedrock's words; a word that is not OpenAI's is taken as it is.
pub(crate) fn stop_reason<'a>(reply: &Reply<'a>) -> &'a str {
    match reply.finish {
        "stop" => "end_turn",
        "tool_calls" => "tool_use",
        "length" => "max_tokens",
        "content_filter" => "content_filtered",
        other => other,
    }
}

/// What was used: what came from a cache stands beside the input here.
pub(crate) fn usage(reply: &Reply<'_>, behaviour: &Behaviour) -> Option<Value> {
    let usage = reply.usage;
    let cached = usage.prompt_tokens_details.cached_tokens;
    (!behaviour.has(Fault::NoUsage)).then(|| {
        json!({
            "inputTokens": usage.prompt_tokens.saturating_sub(cached),
            "outputTokens": usage.completion_tokens,
            "totalTokens": usage.total_tokens,
            "cacheReadInputTokens": cached,
            "cacheWriteInputTokens": 0,
        })
    })
}

/// What a guardrail that stepped in has found.
pub(crate) fn trace(reply: &Reply<'_>) -> Option<Value> {
    let topic = json!({"name": "mock", "type": "DENY", "action": "BLOCKED"});
    (reply.finish == "guardrail_intervened").then(|| {
        json!({"guardrail": {
            "inputAssessment": {"mock": {"topicPolicy": {"topics": [topic]}}},
            "actionReason": "Guardrail blocked.",
        }})
    })
}
