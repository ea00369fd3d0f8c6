//! Answers of Cohere's.

use serde_json::{Value, json};

use super::{calls, pieces, sse, texts, thoughts};
use crate::answers::Answer;

const ENDS: [&str; 3] = ["COMPLETE", "MAX_TOKENS", "TOOL_CALL"];

fn usage(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"tokens": {"input_tokens": input, "output_tokens": output}})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let (thought, text) = (thoughts(answer), texts(answer));
    let mut message = json!({"role": "assistant"});
    let mut content = Vec::new();
    if answer.has_calls() {
        message["tool_plan"] = thought.into();
    } else if !thought.is_empty() {
        content.push(json!({"type": "thinking", "thinking": thought}));
    }
    if !text.is_empty() {
        content.push(json!({"type": "text", "text": text}));
    }
    message["content"] = content.into();
    let calls = calls(answer).map(|(id, name, arguments)| {
        json!({"id": id, "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()}})
    });
    message["tool_calls"] = calls.collect();
    json!({"id": "c", "finish_reason": answer.end(ENDS), "message": message,
        "usage": usage(answer)})
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let mut events = vec![event("message-start", None, &json!({"role": "assistant"}))];
    events[0].1["id"] = "c".into();
    let (thought, text) = (thoughts(answer), texts(answer));
    let mut at = 0;
    let mut block = |events: &mut Vec<_>, kind: &str, text: &str| {
        if text.is_empty() {
            return;
        }
        let content = |piece: &str| json!({"content": {kind: piece}});
        let mut start = content("");
        start["content"]["type"] = kind.into();
        events.push(event("content-start", Some(at), &start));
        for piece in pieces(text) {
            events.push(event("content-delta", Some(at), &content(piece)));
        }
        events.push(event("content-end", Some(at), &json!({})));
        at += 1;
    };
    if answer.has_calls() {
        for piece in pieces(&thought) {
            events.push(event("tool-plan-delta", None, &json!({"tool_plan": piece})));
        }
    } else {
        block(&mut events, "thinking", &thought);
    }
    block(&mut events, "text", &text);
    for (at, (id, name, arguments)) in calls(answer).enumerate() {
        events.push(event(
            "tool-call-start",
            Some(at),
            &json!({"tool_calls": {"id": id,
            "type": "function", "function": {"name": name, "arguments": ""}}}),
        ));
        for piece in pieces(&arguments.to_string()) {
            events.push(event(
                "tool-call-delta",
                Some(at),
                &json!({"tool_calls": {"function": {"arguments": piece}}}),
            ));
        }
        events.push(event("tool-call-end", Some(at), &json!({})));
    }
    events.push((
        "message-end",
        json!({"type": "message-end",
        "delta": {"finish_reason": answer.end(ENDS), "usage": usage(answer)}}),
    ));
    sse(&events)
}

fn event(name: &'static str, at: Option<usize>, message: &Value) -> (&'static str, Value) {
    let mut event = json!({"type": name, "delta": {"message": message}});
    if let Some(at) = at {
        event["index"] = at.into();
    }
    (name, event)
}
