//! Answers of Gemini's.

use serde_json::{Value, json};

use super::{pieces, sse};
use crate::answers::{Answer, Item};

fn usage(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"promptTokenCount": input, "candidatesTokenCount": output,
        "totalTokenCount": input + output})
}

fn end(answer: &Answer) -> &'static str {
    answer.end(["STOP", "MAX_TOKENS", "STOP"])
}

fn part(item: &Item) -> Value {
    match item {
        Item::Text(text) | Item::Cited(text, _) => json!({"text": text}),
        Item::Thought(text, signature) => {
            json!({"text": text, "thought": true, "thoughtSignature": signature})
        }
        Item::Hidden(data) => json!({"text": "", "thoughtSignature": data}),
        Item::Call(id, name, arguments) => {
            json!({"functionCall": {"id": id, "name": name, "args": arguments}})
        }
    }
}

pub(super) fn whole(answer: &Answer) -> Value {
    let parts: Vec<_> = answer.items.iter().map(part).collect();
    json!({"responseId": "r", "modelVersion": "g", "usageMetadata": usage(answer),
        "candidates": [{"content": {"parts": parts}, "finishReason": end(answer)}]})
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let piece = |part: Value| {
        (
            "",
            json!({"responseId": "r", "modelVersion": "g",
            "candidates": [{"content": {"parts": [part]}}]}),
        )
    };
    let mut events = Vec::new();
    for item in &answer.items {
        match item {
            Item::Text(text) => {
                events.extend(pieces(text).map(|text| piece(json!({"text": text}))));
            }
            item => events.push(piece(part(item))),
        }
    }
    events.push((
        "",
        json!({"responseId": "r", "modelVersion": "g",
        "usageMetadata": usage(answer), "candidates": [{"finishReason": end(answer)}]}),
    ));
    sse(&events)
}
