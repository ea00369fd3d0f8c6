//! Answers, whole and as events in the order in which Cohere sends them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Event, Kind},
    anthropic::Form,
    behaviour::Behaviour,
    fault::Fault,
    openai::{Call, Chat, Refusal, reply::Reply, reply::call_id, text},
};

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(chat: &Chat, behaviour: &Behaviour) -> Answer {
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Cohere)
            .answer();
    }
    let reply = Reply::new(chat, behaviour);
    if chat.stream {
        Answer::Stream(events(&reply, behaviour))
    } else {
        Answer::Whole(StatusCode::OK, whole(&reply, behaviour))
    }
}

fn whole(reply: &Reply<'_>, behaviour: &Behaviour) -> Vec<u8> {
    let thought = reply
        .reasoning
        .map(|thought| json!({"type": "thinking", "thinking": thought}));
    let said = (!reply.text.is_empty()).then(|| json!({"type": "text", "text": reply.text}));
    let mut message = json!({"role": "assistant"});
    let content: Vec<Value> = thought.into_iter().chain(said).collect();
    if !content.is_empty() {
        message["content"] = content.into();
    }
    let calls: Vec<Value> = reply
        .calls
        .iter()
        .enumerate()
        .map(|(at, call)| tool_call(call, at, &call.arguments))
        .collect();
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut answer = json!({"id": reply.id, "message": message});
    if !behaviour.has(Fault::NoFinish) {
        answer["finish_reason"] = reason(reply).into();
    }
    if let Some(usage) = usage(reply, behaviour) {
        answer["usage"] = usage;
    }
    answer.to_string().into_bytes()
}

fn events(reply: &Reply<'_>, behaviour: &Behaviour) -> Vec<Event> {
    let mut script = Script(Vec::new());
    let opening = json!({"id": reply.id, "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}});
    script.say(Kind::Opening, "message-start", opening);
    let thought = reply
        .reasoning
        .map(|thought| ("thinking", text::pieces(thought, None)));
    let said = (!reply.text.is_empty()).then(|| ("text", reply.pieces()));
    for (index, (kind, pieces)) in thought.into_iter().chain(said).enumerate() {
        let start =
            json!({"index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}});
        script.say(Kind::Opening, "content-start", start);
        for piece in pieces {
            let delta = json!({"index": index, "delta": {"message": {"content": {kind: piece}}}});
            script.say(Kind::Content, "content-delta", delta);
        }
        script.say(Kind::Opening, "content-end", json!({"index": index}));
    }
    for (at, call) in reply.calls.iter().enumerate() {
        let start =
            json!({"index": at, "delta": {"message": {"tool_calls": tool_call(call, at, "")}}});
        script.say(Kind::Content, "tool-call-start", start);
        for piece in text::pieces(&call.arguments, reply.piece) {
            let more = json!({"function": {"arguments": piece}});
            let delta = json!({"index": at, "delta": {"message": {"tool_calls": more}}});
            script.say(Kind::Content, "tool-call-delta", delta);
        }
        script.say(Kind::Opening, "tool-call-end", json!({"index": at}));
    }
    let mut delta = json!({"finish_reason": reason(reply)});
    if let Some(usage) = usage(reply, behaviour) {
        delta["usage"] = usage;
    }
    script.say(Kind::Finish, "message-end", json!({"delta": delta}));
    script.0
}

fn tool_call(call: &Call, at: usize, arguments: &str) -> Value {
    json!({
        "id": call_id(call, at),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

/// Why it ended, in Cohere's words; a word that is not OpenAI's is taken as it is.
fn reason<'a>(reply: &Reply<'a>) -> &'a str {
    match reply.finish {
        "stop" => "COMPLETE",
        "tool_calls" => "TOOL_CALL",
        "length" => "MAX_TOKENS",
        "content_filter" => "ERROR_TOXIC",
        other => other,
    }
}

fn usage(reply: &Reply<'_>, behaviour: &Behaviour) -> Option<Value> {
    let usage = reply.usage;
    (!behaviour.has(Fault::NoUsage)).then(|| {
        json!({
            "billed_units": {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens},
            "tokens": {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens},
            "cached_tokens": usage.prompt_tokens_details.cached_tokens,
        })
    })
}

struct Script(Vec<Event>);

impl Script {
    /// An event's name stands in its data as well.
    fn say(&mut self, kind: Kind, name: &'static str, mut data: Value) {
        data["type"] = name.into();
        self.0.push(Event::named(kind, name, data.to_string()));
    }
}
