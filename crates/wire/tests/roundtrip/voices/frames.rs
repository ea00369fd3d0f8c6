//! Answers of Converse's.

use serde_json::{Value, json};
use wire::eventstream::{self, encode};

use super::pieces;
use crate::answers::{Answer, Item};

const ENDS: [&str; 3] = ["end_turn", "max_tokens", "tool_use"];

fn citation(url: &str) -> Value {
    json!({"title": "t", "location": {"web": {"url": url, "domain": "x.example"}}})
}

fn usage(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let blocks = answer.items.iter().map(|item| match item {
        Item::Text(text) => json!({"text": text}),
        Item::Cited(text, url) => json!({"citationsContent":
            {"content": [{"text": text}], "citations": [citation(url)]}}),
        Item::Thought(text, signature) => json!({"reasoningContent": {"reasoningText":
            {"text": text, "signature": signature}}}),
        Item::Hidden(data) => json!({"reasoningContent": {"redactedContent": data}}),
        Item::Call(id, name, arguments) => {
            json!({"toolUse": {"toolUseId": id, "name": name, "input": arguments}})
        }
    });
    json!({"output": {"message": {"role": "assistant", "content": blocks.collect::<Vec<_>>()}},
        "stopReason": answer.end(ENDS), "usage": usage(answer)})
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    let mut event = |name: &str, payload: Value| {
        let headers = [
            (":message-type", eventstream::Value::Text("event")),
            (":event-type", eventstream::Value::Text(name)),
        ];
        encode(&mut out, &headers, payload.to_string().as_bytes()).unwrap();
    };
    event("messageStart", json!({"role": "assistant"}));
    for (at, item) in answer.items.iter().enumerate() {
        if let Item::Call(id, name, _) = item {
            event(
                "contentBlockStart",
                json!({"contentBlockIndex": at,
                "start": {"toolUse": {"toolUseId": id, "name": name}}}),
            );
        }
        for delta in deltas(item) {
            event(
                "contentBlockDelta",
                json!({"contentBlockIndex": at, "delta": delta}),
            );
        }
        event("contentBlockStop", json!({"contentBlockIndex": at}));
    }
    event("messageStop", json!({"stopReason": answer.end(ENDS)}));
    event(
        "metadata",
        json!({"usage": usage(answer), "metrics": {"latencyMs": 1}}),
    );
    out
}

fn deltas(item: &Item) -> Vec<Value> {
    match item {
        Item::Text(text) => pieces(text).map(|piece| json!({"text": piece})).into(),
        Item::Cited(text, url) => {
            vec![json!({"text": text}), json!({"citation": citation(url)})]
        }
        Item::Thought(text, signature) => {
            let thought = |piece| json!({"reasoningContent": {"text": piece}});
            let mut deltas = pieces(text).map(thought).to_vec();
            deltas.push(json!({"reasoningContent": {"signature": signature}}));
            deltas
        }
        Item::Hidden(data) => vec![json!({"reasoningContent": {"redactedContent": data}})],
        Item::Call(_, _, arguments) => {
            let arguments = arguments.to_string();
            pieces(&arguments)
                .map(|piece| json!({"toolUse": {"input": piece}}))
                .into()
        }
    }
}
