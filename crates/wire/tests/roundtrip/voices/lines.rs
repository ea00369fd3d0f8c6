//! Answers of Ollama's.

use serde_json::{Value, json};

use super::{calls, pieces, texts, thoughts};
use crate::answers::Answer;

fn call((id, name, arguments): (&str, &str, &Value)) -> Value {
    json!({"id": id, "function": {"name": name, "arguments": arguments}})
}

fn last(answer: &Answer, message: &Value) -> Value {
    let [input, output] = answer.usage;
    json!({"model": "q", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": true,
        "done_reason": answer.end(["stop", "length", "stop"]),
        "prompt_eval_count": input, "eval_count": output})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let calls: Vec<_> = calls(answer).map(call).collect();
    let message = json!({"role": "assistant", "content": texts(answer),
        "thinking": thoughts(answer), "tool_calls": calls});
    last(answer, &message)
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let line = |message: Value| json!({"model": "q", "message": message, "done": false});
    let mut lines = Vec::new();
    for piece in pieces(&thoughts(answer)) {
        lines.push(line(
            json!({"role": "assistant", "content": "", "thinking": piece}),
        ));
    }
    for piece in pieces(&texts(answer)) {
        lines.push(line(json!({"role": "assistant", "content": piece})));
    }
    for call in calls(answer).map(call) {
        lines.push(line(
            json!({"role": "assistant", "content": "", "tool_calls": [call]}),
        ));
    }
    lines.push(last(answer, &json!({"role": "assistant", "content": ""})));
    let lines = lines.iter().map(|line| format!("{line}\n"));
    lines.collect::<String>().into_bytes()
}
