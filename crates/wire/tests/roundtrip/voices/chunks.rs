//! Answers in OpenAI's own dialect.

use serde_json::{Value, json};

use super::{calls, pieces, sse, texts, thoughts};
use crate::answers::{Answer, Item};

const ENDS: [&str; 3] = ["stop", "length", "tool_calls"];

fn usage(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let calls = calls(answer).map(|(id, name, arguments)| {
        json!({"id": id, "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()}})
    });
    json!({"id": "o", "model": "gpt", "usage": usage(answer), "choices": [{"index": 0,
        "message": {"role": "assistant", "content": texts(answer),
            "reasoning_content": thoughts(answer),
            "thinking_blocks": answer.items.iter().filter_map(thought).collect::<Vec<_>>(),
            "tool_calls": calls.collect::<Vec<_>>()},
        "finish_reason": answer.end(ENDS)}]})
}

/// One of `thinking_blocks`.
fn thought(item: &Item) -> Option<Value> {
    match item {
        Item::Thought(text, signature) => {
            Some(json!({"type": "thinking", "thinking": text, "signature": signature}))
        }
        Item::Hidden(data) => Some(json!({"type": "redacted_thinking", "data": data})),
        _ => None,
    }
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let chunk = |delta: Value, end: Value| {
        (
            "",
            json!({"id": "o", "model": "gpt",
            "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}),
        )
    };
    let mut events = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    for item in &answer.items {
        if let Item::Thought(text, _) = item {
            for piece in pieces(text) {
                events.push(chunk(json!({"reasoning_content": piece}), Value::Null));
            }
        }
        if let Some(mut state) = thought(item) {
            // The words came before.
            if let Item::Thought(..) = item {
                state["thinking"] = "".into();
            }
            events.push(chunk(json!({"thinking_blocks": [state]}), Value::Null));
        }
    }
    for piece in pieces(&texts(answer)) {
        events.push(chunk(json!({"content": piece}), Value::Null));
    }
    for (at, (id, name, arguments)) in calls(answer).enumerate() {
        events.push(chunk(
            json!({"tool_calls": [{"index": at, "id": id, "type": "function",
            "function": {"name": name, "arguments": ""}}]}),
            Value::Null,
        ));
        for piece in pieces(&arguments.to_string()) {
            events.push(chunk(
                json!({"tool_calls": [{"index": at,
                "function": {"arguments": piece}}]}),
                Value::Null,
            ));
        }
    }
    events.push(chunk(json!({}), answer.end(ENDS).into()));
    events.push((
        "",
        json!({"id": "o", "model": "gpt", "choices": [], "usage": usage(answer)}),
    ));
    let mut out = sse(&events);
    out.extend_from_slice(b"data: [DONE]\n\n");
    out
}
