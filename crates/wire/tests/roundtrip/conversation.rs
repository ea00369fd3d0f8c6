//! Requests as OpenAI's clients make them up: first what every vendor has words for, and with rich
//! dice all that a client can send.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::dice::{Dice, throws};

/// A model that takes everything that the dialect has.
pub(crate) const MODEL: &str = "claude-sonnet-4";

pub(crate) const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";
pub(crate) const PDF: &str = "data:application/pdf;base64,JVBERi0xLjQ=";

/// Requests of which every vendor can say the most.
pub(crate) fn plain() -> impl Strategy<Value = String> {
    throws().prop_map(|throws| request(&mut Dice::new(&throws, false)).to_string())
}

/// Requests of any kind.
pub(crate) fn rich() -> impl Strategy<Value = Value> {
    throws().prop_map(|throws| request(&mut Dice::new(&throws, true)))
}

fn request(dice: &mut Dice<'_>) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), MODEL.into());
    body.insert("messages".into(), messages(dice).into());
    let tools: Vec<_> = (0..dice.below(3)).map(|_| tool(dice)).collect();
    body.insert("tools".into(), tools.into());
    settings(dice, &mut body);
    if dice.rich {
        rare_settings(dice, &mut body);
    }
    Value::Object(body)
}

fn messages(dice: &mut Dice<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..=dice.below(5) {
        match dice.below(6) {
            0 | 1 => {
                let content = content(dice);
                messages.push(speaker(dice, json!({"role": "user", "content": content})));
            }
            2 => {
                let role = dice.pick(&["system", "developer"]);
                let content = instructions(dice);
                messages.push(speaker(dice, json!({"role": role, "content": content})));
            }
            _ => exchange(dice, &mut messages),
        }
    }
    messages
}

/// What may stand beside any message's content.
fn speaker(dice: &mut Dice<'_>, mut message: Value) -> Value {
    if dice.rarely(6) {
        message["name"] = dice.name().into();
    }
    // A part may have its own.
    if message["content"].is_string() && dice.rarely(8) {
        message["cache_control"] = mark(dice);
    }
    if dice.rarely(12) {
        message["mood"] = dice.name().into();
    }
    message
}

fn mark(dice: &mut Dice<'_>) -> Value {
    dice.pick(&[
        json!({"type": "ephemeral"}),
        json!({"type": "ephemeral", "ttl": "5m"}),
        json!({"type": "ephemeral", "ttl": "1h"}),
    ])
}

fn instructions(dice: &mut Dice<'_>) -> Value {
    if dice.rarely(3) {
        let parts: Vec<_> = (0..=dice.below(2)).map(|_| words(dice)).collect();
        return parts.into();
    }
    dice.words().into()
}

fn content(dice: &mut Dice<'_>) -> Value {
    if dice.below(2) == 0 {
        return dice.words().into();
    }
    let parts: Vec<_> = (0..=dice.below(3)).map(|_| part(dice)).collect();
    parts.into()
}

fn words(dice: &mut Dice<'_>) -> Value {
    let part = json!({"type": "text", "text": dice.words()});
    marked(dice, part)
}

fn marked(dice: &mut Dice<'_>, mut part: Value) -> Value {
    if dice.rarely(6) {
        part["cache_control"] = mark(dice);
    }
    if dice.rarely(12) {
        part["mood"] = dice.name().into();
    }
    part
}

fn part(dice: &mut Dice<'_>) -> Value {
    let kinds = if dice.rich { 12 } else { 6 };
    let part = match dice.below(kinds) {
        0 | 1 => return words(dice),
        2 => return json!({"type": "text", "text": ""}),
        3 => image(dice, PNG),
        4 => image(dice, "https://x.example/a.png"),
        5 => json!({"type": "file", "file": {"filename": dice.name() + ".pdf", "file_data": PDF}}),
        6 => json!({"type": "file", "file": {"filename": dice.name() + ".txt",
            "file_data": format!("data:text/plain,{}", dice.name())}}),
        7 => json!({"type": "file", "file": {"file_id": dice.name()}}),
        8 => json!({"type": "file", "file": {"file_url": "https://x.example/a.pdf",
            "context": dice.words(), "citations": {"enabled": true}}}),
        9 => json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        10 => {
            json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA", "fps": 2}})
        }
        _ => json!({"type": "brand_new", "word": dice.name()}),
    };
    marked(dice, part)
}

fn image(dice: &mut Dice<'_>, url: &str) -> Value {
    let mut image = json!({"type": "image_url", "image_url": {"url": url}});
    if dice.rarely(2) {
        image["image_url"]["detail"] = dice.pick(&["low", "high"]).into();
    }
    image
}

/// The model speaks, and gets what its tools gave back: mostly all, in any order.
fn exchange(dice: &mut Dice<'_>, messages: &mut Vec<Value>) {
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..dice.below(4) {
        // Some count anew with every answer.
        let again = ids.is_empty() && dice.once_in(5);
        let id = if again {
            "call_0".to_owned()
        } else {
            format!("call_{}", dice.name())
        };
        ids.push(id);
    }
    messages.push(assistant(dice, &ids));
    if dice.once_in(8) {
        ids.pop();
    }
    if !ids.is_empty() {
        let by = usize::from(dice.below(4)) % ids.len();
        ids.rotate_left(by);
    }
    if dice.once_in(10) {
        ids.push("call_lost".to_owned());
    }
    for id in &ids {
        messages.push(result(dice, id));
    }
}

fn assistant(dice: &mut Dice<'_>, ids: &[String]) -> Value {
    let content = match dice.below(3) {
        0 | 1 => Value::from(dice.words()),
        _ if dice.rich => Value::from(vec![words(dice), words(dice)]),
        _ => Value::Null,
    };
    let mut message = speaker(dice, json!({"role": "assistant", "content": content}));
    if !ids.is_empty() {
        let calls: Vec<_> = ids.iter().map(|id| call(dice, id)).collect();
        message["tool_calls"] = calls.into();
    }
    let thoughts: Vec<_> = (0..dice.below(3)).map(|_| thought(dice)).collect();
    if !thoughts.is_empty() {
        message["thinking_blocks"] = thoughts.into();
    } else if dice.rarely(4) {
        message["reasoning_content"] = dice.words().into();
    }
    if dice.rarely(8) {
        message["refusal"] = dice.words().into();
    }
    if dice.rarely(12) {
        message["audio"] = json!({"id": dice.name()});
    }
    message
}

fn thought(dice: &mut Dice<'_>) -> Value {
    match dice.below(if dice.rich { 3 } else { 2 }) {
        0 => json!({"type": "thinking", "thinking": dice.words(), "signature": dice.name()}),
        1 => json!({"type": "redacted_thinking", "data": dice.name()}),
        _ => json!({"type": "thinking", "thinking": dice.words(), "signature": dice.name(),
            "origin": "google"}),
    }
}

fn call(dice: &mut Dice<'_>, id: &str) -> Value {
    let name = tool_name(dice);
    if dice.rarely(6) {
        return json!({"id": id, "type": "custom", "custom": {"name": name, "input": dice.words()}});
    }
    let arguments = match dice.below(if dice.rich { 4 } else { 2 }) {
        0 => json!({"q": dice.words(), "n": [1, null]}).to_string(),
        1 => String::new(),
        2 => dice.words(),
        _ => json!([dice.words()]).to_string(),
    };
    let mut call = json!({"id": id, "type": "function",
        "function": {"name": name, "arguments": arguments}});
    if dice.rarely(4) {
        call["extra_content"] = json!({"google": {"thought_signature": dice.name()}});
    }
    call
}

fn tool_name(dice: &mut Dice<'_>) -> String {
    let name = dice.name();
    match dice.below(if dice.rich { 4 } else { 1 }) {
        1 => name + ".read/é",
        2 => name + &"x".repeat(70),
        _ => name,
    }
}

fn result(dice: &mut Dice<'_>, id: &str) -> Value {
    let content = match dice.below(if dice.rich { 5 } else { 1 }) {
        1 => json!(""),
        2 => json!({"found": dice.words()}).to_string().into(),
        3 => json!([words(dice), words(dice)]),
        4 => json!([words(dice), image(dice, PNG)]),
        _ => dice.words().into(),
    };
    let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
    if dice.once_in(3) {
        message["is_error"] = true.into();
    }
    if message["content"].is_string() && dice.rarely(8) {
        message["cache_control"] = mark(dice);
    }
    message
}

fn tool(dice: &mut Dice<'_>) -> Value {
    let name = tool_name(dice);
    let mut tool = match dice.below(if dice.rich { 8 } else { 1 }) {
        1 => json!({"type": "custom", "custom": {"name": name, "description": dice.words(),
            "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": dice.name()}}}}),
        2 => json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 3}),
        3 => json!({"type": "google_search"}),
        4 => json!({"type": "function", "function": {"name": name}}),
        5 => json!({"type": "function", "function": {"name": name, "strict": true, "parameters":
            {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"],
             "additionalProperties": false}}}),
        6 | 7 => {
            json!({"type": "function", "function": {"name": name, "parameters": schema(dice)}})
        }
        _ => json!({"type": "function", "function": {"name": name,
            "parameters": {"type": "object", "properties": {"q": {}}}}}),
    };
    if tool["type"] == "function" && dice.below(2) == 1 {
        tool["function"]["description"] = dice.words().into();
    }
    if dice.rarely(6) {
        tool["cache_control"] = mark(dice);
    }
    if dice.rarely(12) {
        tool["mood"] = dice.name().into();
    }
    tool
}

/// A schema with what every model can be told of, under odd names.
fn schema(dice: &mut Dice<'_>) -> Value {
    let name = dice.pick(&["$ref", "type", "definitions", "a b", "é"]);
    let inner = json!({"type": "object", "description": dice.words(),
        "properties": {"list": {"type": "array", "items": {"type": "integer"}},
            "word": {"type": "string", "enum": ["a", "b"]}}, "required": ["word"]});
    json!({"type": "object", "properties": {name: inner}, "required": [name]})
}

/// What every vendor has a word for, or nearly.
fn settings(dice: &mut Dice<'_>, body: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("temperature", json!(f64::from(dice.below(10)) / 10.0));
    set("top_p", json!(0.5));
    set("max_completion_tokens", json!(1 + dice.below(998)));
    set("stop", json!(["END"]));
    set("user", json!("u"));
    set("service_tier", json!("default"));
    if dice.below(2) == 1 {
        set(
            "tool_choice",
            dice.pick(&["auto", "required", "none"]).into(),
        );
    }
    if dice.below(2) == 1 {
        set("parallel_tool_calls", false.into());
    }
    if dice.below(2) == 1 {
        set("seed", 7.into());
    }
}

/// Settings that only some have, and what nobody knows.
pub(crate) fn rare(word: &str) -> Vec<(&'static str, Value)> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}},
        "required": ["a"], "additionalProperties": false});
    vec![
        ("top_k", json!(40)),
        ("n", json!(2)),
        ("presence_penalty", json!(0.5)),
        ("frequency_penalty", json!(0.25)),
        ("stop", json!(["END", "w.", "AMEN"])),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(3)),
        ("logit_bias", json!({"5": 1})),
        ("response_format", json!({"type": "json_object"})),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "s", "description": word,
                "schema": schema}}),
        ),
        ("reasoning_effort", json!("low")),
        ("reasoning", json!({"max_tokens": 2048})),
        (
            "thinking",
            json!({"type": "enabled", "budget_tokens": 5000}),
        ),
        ("safety_identifier", json!(word)),
        ("prompt_cache_key", json!(word)),
        ("verbosity", json!("low")),
        ("modalities", json!(["text", "audio"])),
        ("metadata", json!({"team": word})),
        ("prediction", json!({"type": "content", "content": word})),
        ("audio", json!({"voice": word, "format": "wav"})),
        ("store", json!(true)),
        (
            "web_search_options",
            json!({"search_context_size": "low",
                "user_location": {"type": "approximate", "approximate": {"city": word}}}),
        ),
        ("cache_control", json!({"type": "ephemeral"})),
        ("brand_new_setting", json!({"x": word})),
    ]
}

/// Some of them.
fn rare_settings(dice: &mut Dice<'_>, body: &mut Map<String, Value>) {
    let word = dice.name();
    for (name, value) in rare(&word) {
        if dice.once_in(8) {
            body.insert(name.to_owned(), value);
        }
    }
    if dice.once_in(8) {
        let names: Vec<_> = body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["function"]["name"].as_str())
            .map(|name| json!({"type": "function", "function": {"name": name}}))
            .collect();
        if let Some(first) = names.first().cloned() {
            let allowed = json!({"type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": names}});
            body.insert("tool_choice".into(), dice.pick(&[first, allowed]));
        }
    }
}
