//! Answers of Anthropic's.

use serde_json::{Value, json};

use super::{pieces, sse};
use crate::answers::{Answer, Item};

fn citation(url: &str) -> Value {
    json!({"type": "web_search_result_location", "url": url, "title": "t", "cited_text": "c",
        "encrypted_index": "e"})
}

fn block(item: &Item) -> Value {
    match item {
        Item::Text(text) => json!({"type": "text", "text": text}),
        Item::Cited(text, url) => {
            json!({"type": "text", "text": text, "citations": [citation(url)]})
        }
        Item::Thought(text, signature) => {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        Item::Hidden(data) => json!({"type": "redacted_thinking", "data": data}),
        Item::Call(id, name, arguments) => {
            json!({"type": "tool_use", "id": id, "name": name, "input": arguments})
        }
    }
}

const ENDS: [&str; 3] = ["end_turn", "max_tokens", "tool_use"];

pub(super) fn whole(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": answer.items.iter().map(block).collect::<Vec<_>>(),
        "stop_reason": answer.end(ENDS),
        "usage": {"input_tokens": input, "output_tokens": output}})
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let [input, output] = answer.usage;
    let mut events = vec![(
        "message_start",
        json!({"type": "message_start", "message":
        {"id": "msg_1", "model": "claude", "usage": {"input_tokens": input, "output_tokens": 1}}}),
    )];
    for (at, item) in answer.items.iter().enumerate() {
        let (start, deltas) = opened(item);
        events.push((
            "content_block_start",
            json!({"type": "content_block_start", "index": at,
            "content_block": start}),
        ));
        for delta in deltas {
            events.push((
                "content_block_delta",
                json!({"type": "content_block_delta",
                "index": at, "delta": delta}),
            ));
        }
        events.push((
            "content_block_stop",
            json!({"type": "content_block_stop", "index": at}),
        ));
    }
    events.push((
        "message_delta",
        json!({"type": "message_delta",
        "delta": {"stop_reason": answer.end(ENDS)}, "usage": {"output_tokens": output}}),
    ));
    events.push(("message_stop", json!({"type": "message_stop"})));
    sse(&events)
}

/// A block as it begins, and what comes of it later.
fn opened(item: &Item) -> (Value, Vec<Value>) {
    let text = |text: &str| pieces(text).map(|piece| json!({"type": "text_delta", "text": piece}));
    match item {
        Item::Text(words) => (json!({"type": "text", "text": ""}), text(words).into()),
        Item::Cited(words, url) => {
            let mut deltas = text(words).to_vec();
            let citation = citation(url);
            deltas.insert(1, json!({"type": "citations_delta", "citation": citation}));
            (json!({"type": "text", "text": "", "citations": []}), deltas)
        }
        Item::Thought(words, signature) => {
            let thought = |piece| json!({"type": "thinking_delta", "thinking": piece});
            let mut deltas = pieces(words).map(thought).to_vec();
            deltas.push(json!({"type": "signature_delta", "signature": signature}));
            (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                deltas,
            )
        }
        Item::Hidden(_) => (block(item), Vec::new()),
        Item::Call(id, name, arguments) => {
            let arguments = arguments.to_string();
            let piece = |piece| json!({"type": "input_json_delta", "partial_json": piece});
            let start = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
            (start, pieces(&arguments).map(piece).into())
        }
    }
}
