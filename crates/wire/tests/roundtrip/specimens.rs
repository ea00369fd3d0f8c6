//! Small requests that between them have every member that the dialect has. Each is small, so that
//! what is told of one thing hides nothing of another.

use serde_json::{Value, json};

use super::conversation::{MODEL, PDF, PNG, rare};

fn asked(messages: Value) -> Value {
    let mut body = json!({"model": MODEL});
    body["messages"] = messages;
    body
}

/// A part between others, said by the user.
fn with_part(part: Value) -> Value {
    let text = |text: &str| json!({"type": "text", "text": text});
    let mut question = json!({"role": "user"});
    question["content"] = vec![text("w1.x"), part, text("w3.x")].into();
    asked(vec![question].into())
}

fn parts() -> Vec<Value> {
    let mark = json!({"type": "ephemeral"});
    let long = json!({"type": "ephemeral", "ttl": "1h"});
    vec![
        json!({"type": "text", "text": "w2.x", "cache_control": mark}),
        json!({"type": "text", "text": "w2.x", "cache_control": long}),
        json!({"type": "text", "text": "", "cache_control": mark}),
        json!({"type": "text", "text": " ", "cache_control": mark}),
        json!({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}),
        json!({"type": "image_url", "image_url": {"url": PNG}, "cache_control": mark}),
        json!({"type": "image_url", "image_url": {"url": PNG, "mood": "calm"}, "mood": "glad"}),
        json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "high"}}),
        json!({"type": "file", "file": {"file_data": PDF, "filename": "w5.pdf"}, "cache_control": mark}),
        json!({"type": "file", "file": {"file_data": PDF, "context": "w6", "citations": {"enabled": true}}}),
        json!({"type": "file", "file": {"file_data": "data:text/plain,w5", "filename": "w6.txt"}}),
        json!({"type": "file", "file": {"file_data": "data:text/plain,w5", "context": "w6",
            "citations": {"enabled": true}}, "cache_control": mark}),
        json!({"type": "file", "file": {"file_id": "files/w5"}}),
        json!({"type": "file", "file": {"file_url": "https://x.example/a.pdf", "filename": "w5.pdf"}}),
        json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA", "fps": 2}}),
        json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"},
            "start_offset": "2s", "end_offset": "3s"}),
        json!({"type": "brand_new", "word": "w5"}),
    ]
}

/// One thing that the model said or was given back, in an exchange.
fn exchanges() -> Vec<Value> {
    let call = |more: Value| {
        let mut call = json!({"id": "c1", "type": "function",
            "function": {"name": "w4", "arguments": "{\"q\":\"w5\"}"}});
        if let (Some(call), Value::Object(more)) = (call.as_object_mut(), more) {
            call.extend(more);
        }
        call
    };
    let exchange = |assistant: Value, call: Value, result: Value| {
        let mut assistant = assistant;
        assistant["role"] = "assistant".into();
        assistant["tool_calls"] = json!([call, {"id": "c2", "type": "custom",
            "custom": {"name": "w8", "input": "w9"}}]);
        let mut result = result;
        result["role"] = "tool".into();
        result["tool_call_id"] = "c1".into();
        asked(
            json!([{"role": "user", "content": "w1.x"}, assistant, result,
            {"role": "tool", "tool_call_id": "c2", "content": "w10.x"},
            {"role": "user", "content": "w11.x"}]),
        )
    };
    let plain = || json!({"content": "w2.x"});
    let gave = || json!({"content": "w7.x"});
    let text = |word: &str| json!({"type": "text", "text": word});
    let mark = json!({"type": "ephemeral"});
    let thoughts = |thought: Value| json!({"content": "w2.x", "thinking_blocks": [thought]});
    let mut orphan = exchange(plain(), call(json!({})), gave());
    orphan["messages"][2]["tool_call_id"] = "lost".into();
    orphan["messages"][2]["is_error"] = true.into();
    orphan["messages"][2]["content"] = json!([text("w7.x"),
        {"type": "image_url", "image_url": {"url": PNG}}]);
    vec![
        exchange(
            json!({"content": "w2.x", "name": "w3"}),
            call(json!({})),
            gave(),
        ),
        exchange(
            json!({"content": [text("w2.x"), text("w3.x")]}),
            call(json!({})),
            gave(),
        ),
        exchange(
            json!({"content": "w2.x", "refusal": "w3.x"}),
            call(json!({})),
            gave(),
        ),
        exchange(
            json!({"content": "w2.x", "cache_control": mark}),
            call(json!({})),
            gave(),
        ),
        exchange(
            json!({"content": "w2.x", "audio": {"id": "w3"}}),
            call(json!({})),
            gave(),
        ),
        exchange(
            json!({"content": "w2.x", "reasoning_content": "w3.x"}),
            call(json!({})),
            gave(),
        ),
        exchange(
            thoughts(json!({"type": "thinking", "thinking": "w3.x", "signature": "w4"})),
            call(json!({})),
            gave(),
        ),
        exchange(
            thoughts(json!({"type": "redacted_thinking", "data": "w4"})),
            call(json!({})),
            gave(),
        ),
        exchange(
            thoughts(
                json!({"type": "thinking", "thinking": "w3.x", "signature": "w4",
                "origin": "google"}),
            ),
            call(json!({"extra_content": {"google": {"thought_signature": "w6"}}})),
            gave(),
        ),
        exchange(plain(), call(json!({"mood": "calm"})), gave()),
        exchange(
            plain(),
            call(json!({})),
            json!({"content": "w7.x", "is_error": true}),
        ),
        exchange(
            plain(),
            call(json!({})),
            json!({"content": "w7.x", "cache_control": mark}),
        ),
        exchange(
            plain(),
            call(json!({})),
            json!({"content": [text("w7.x"), text("w12.x")]}),
        ),
        exchange(
            plain(),
            call(json!({})),
            json!({"content": [text("w7.x"),
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]}),
        ),
        exchange(
            plain(),
            call(json!({})),
            json!({"content": [text("w7.x"),
            {"type": "text", "text": "w12.x", "cache_control": mark}]}),
        ),
        orphan,
    ]
}

fn instructions() -> Vec<Value> {
    let mark = json!({"type": "ephemeral"});
    // More than any vendor keeps.
    let many = (1..=6).map(|at| {
        json!({"type": "text", "text": format!("w{at}.x"), "cache_control": {"type": "ephemeral"}})
    });
    let many: Vec<_> = many.collect();
    vec![
        asked(json!([{"role": "user", "content": many}])),
        asked(
            json!([{"role": "system", "name": "w5", "content": [{"type": "text", "text": "w1.x"},
            {"type": "text", "text": "w2.x", "cache_control": mark}]},
            {"role": "user", "name": "w6", "content": "w3.x"}]),
        ),
        asked(
            json!([{"role": "system", "content": "w1.x"}, {"role": "user", "content": "w2.x"},
            {"role": "developer", "content": "w3.x"}, {"role": "user", "content": "w4.x"}]),
        ),
    ]
}

fn tools() -> Vec<Value> {
    let mark = json!({"type": "ephemeral"});
    let schema = json!({"type": "object", "properties": {"q": {"type": "string",
        "description": "w3", "enum": ["a", "b"]}, "$ref": {"type": "array",
        "items": {"type": "integer"}}}, "required": ["q", "$ref"], "additionalProperties": false});
    let function = |name: &str| {
        json!({"type": "function", "function": {"name": name, "description": "w2",
            "parameters": schema}})
    };
    let mut strict = function("w1");
    strict["function"]["strict"] = true.into();
    let mut marked = function("w1");
    marked["cache_control"] = mark.clone();
    let mut strange = function("w1");
    strange["function"]["mood"] = "calm".into();
    let with = |tools: Value, choice: Value| {
        let mut body = asked(json!([{"role": "user", "content": "w9.x"}]));
        body["tools"] = tools;
        body["tool_choice"] = choice;
        body
    };
    let one = json!({"type": "function", "function": {"name": "w1"}});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [one]}});
    let two = || json!([function("w1"), function("w4")]);
    let mut alone = with(two(), Value::Null);
    alone["parallel_tool_calls"] = false.into();
    vec![
        with(json!([strict]), Value::Null),
        with(json!([marked]), Value::Null),
        with(json!([strange]), Value::Null),
        with(
            json!([{"type": "custom", "custom": {"name": "w1", "description": "w2", "format":
                {"type": "grammar", "grammar": {"syntax": "lark", "definition": "w3"}}}}]),
            Value::Null,
        ),
        with(
            json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]),
            Value::Null,
        ),
        with(json!([{"type": "google_search"}]), Value::Null),
        with(two(), json!("required")),
        with(two(), json!("none")),
        with(two(), one),
        with(two(), allowed),
        alone,
    ]
}

fn settings() -> Vec<Value> {
    let common = [
        ("temperature", json!(0.5)),
        ("top_p", json!(0.5)),
        ("max_tokens", json!(99)),
        ("max_completion_tokens", json!(99)),
        ("user", json!("u")),
        ("service_tier", json!("default")),
        ("seed", json!(7)),
    ];
    let all = common.into_iter().chain(rare("w7"));
    all.map(|(name, value)| {
        let mut body = asked(json!([{"role": "user", "content": "w1.x"}]));
        body[name] = value;
        body
    })
    .collect()
}

/// All of them.
pub(crate) fn specimens() -> Vec<Value> {
    let parts = parts().into_iter().map(with_part);
    parts
        .chain(exchanges())
        .chain(instructions())
        .chain(tools())
        .chain(settings())
        .collect()
}
