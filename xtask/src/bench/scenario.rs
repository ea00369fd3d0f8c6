//! What is sent, what must come back, and what it may cost.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Expect;
use super::load::Exchange;

/// The key every request carries; the gateway knows it by its hash.
pub(crate) const KEY: &str = "fgw_b3d5e1a97c2048f6bb1e6d0c94a7f352";
pub(crate) const KEY_SHA256: &str =
    "de03d653a690cb1a6c744a029b409a2f5eb8469a9745341d561e972ba21a4521";

/// Content events of a measured stream. How many events in all, with the first
/// and the last ones around them, the mock's own answer says.
const EVENTS: u64 = 64;
const CADENCE: Duration = Duration::from_millis(20);

const WHOLE: &str = "mock:size=560";
const AT_ONCE: &str = "mock:events=64";
const AT_CADENCE: &str = "mock:events=64;cadence=20ms";
const HELD_OPEN: &str = "mock:events=150;cadence=500ms";

/// The models a gateway has to serve.
pub(crate) const MODELS: [&str; 4] = [WHOLE, AT_ONCE, AT_CADENCE, HELD_OPEN];

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What is sent and what comes back, in words.
    pub(crate) about: &'static str,
    pub(crate) exchange: Exchange,
    pub(crate) connections: usize,
    /// How long an answer takes by itself.
    pub(crate) takes: Duration,
    /// At most so many times nginx's CPU time.
    pub(crate) budget: Option<f64>,
}

impl Scenario {
    /// Whether events must arrive as they are sent.
    pub(crate) fn is_live(&self) -> bool {
        !self.takes.is_zero()
    }
}

/// Everything that is measured under load.
pub(crate) fn all() -> Vec<Scenario> {
    let whole = Expect::Object { at_least: 512 };
    let stream = Expect::EventsAtLeast(EVENTS);
    vec![
        Scenario {
            name: "chat-1k",
            about: "chat, 1 KB in, 1 KB out",
            exchange: exchange(&short_chat(WHOLE), whole),
            connections: 64,
            takes: Duration::ZERO,
            budget: Some(2.0),
        },
        Scenario {
            name: "chat-40k",
            about: "chat, 40 KB of history and tools in, 1 KB out",
            exchange: exchange(&long_chat(WHOLE, 40_000), whole),
            connections: 64,
            takes: Duration::ZERO,
            budget: None,
        },
        Scenario {
            name: "chat-1m",
            about: "chat, an image of 1 MB in, 1 KB out",
            exchange: exchange(&image_chat(WHOLE, 1_000_000), whole),
            connections: 16,
            takes: Duration::ZERO,
            budget: Some(1.5),
        },
        Scenario {
            name: "stream",
            about: "chat stream, 64 events sent at once",
            exchange: exchange(&streamed(short_chat(AT_ONCE)), stream),
            connections: 64,
            takes: Duration::ZERO,
            budget: Some(1.5),
        },
        Scenario {
            name: "stream-20ms",
            about: "chat stream, 64 events, one each 20 ms",
            exchange: exchange(&streamed(short_chat(AT_CADENCE)), stream),
            connections: 256,
            takes: CADENCE * 64,
            budget: Some(1.5),
        },
    ]
}

/// A stream that outlasts the time it is held, an event each 500 ms.
pub(crate) fn held_open() -> Exchange {
    exchange(
        &streamed(short_chat(HELD_OPEN)),
        Expect::EventsAtLeast(EVENTS),
    )
}

fn exchange(body: &Value, expect: Expect) -> Exchange {
    let body = body.to_string();
    let length = body.len();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\n\
         Host: localhost\r\n\
         Authorization: Bearer {KEY}\r\n\
         User-Agent: bench\r\n\
         Accept: application/json\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    Exchange {
        request: Rc::from(request.into_bytes()),
        expect,
    }
}

fn short_chat(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [
            {"role": "system", "content": "You answer briefly and name your sources."},
            {"role": "user", "content": words(0, 830)},
        ],
        "temperature": 0.2,
        "max_tokens": 256,
    })
}

/// A conversation that has gone on for a while, with tools.
fn long_chat(model: &str, size: usize) -> Value {
    let tools: Vec<Value> = (0..12).map(tool).collect();
    let mut messages = vec![json!({"role": "system", "content": words(1, 2_000)})];
    let mut length = 0;
    for turn in 0.. {
        let exchange = turn_of_conversation(turn);
        length += exchange.iter().map(|m| m.to_string().len()).sum::<usize>();
        messages.extend(exchange);
        if length + 9_500 > size {
            break;
        }
    }
    json!({"model": model, "messages": messages, "tools": tools, "tool_choice": "auto"})
}

fn turn_of_conversation(turn: usize) -> [Value; 4] {
    let id = format!("call_{turn:08}");
    let arguments = json!({"query": words(turn, 60), "limit": 5}).to_string();
    [
        json!({"role": "user", "content": words(turn * 3, 500)}),
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "search_0", "arguments": arguments}},
        ]}),
        json!({"role": "tool", "tool_call_id": id, "content": words(turn * 5, 1_200)}),
        json!({"role": "assistant", "content": words(turn * 7, 900)}),
    ]
}

fn tool(index: usize) -> Value {
    json!({"type": "function", "function": {
        "name": format!("search_{index}"),
        "description": words(index, 160),
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": words(index + 1, 80)},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                "order": {"type": "string", "enum": ["newest", "oldest", "best"]},
            },
            "required": ["query"],
        },
    }})
}

fn image_chat(model: &str, size: usize) -> Value {
    let url = format!("data:image/png;base64,{}", base64_noise(size));
    json!({
        "model": model,
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "What does this picture show?"},
            {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        ]}],
        "max_tokens": 256,
    })
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

/// Prose of about that many bytes, with what JSON has to escape now and then.
fn words(seed: usize, length: usize) -> String {
    const WORDS: [&str; 16] = [
        "the",
        "gateway",
        "keeps",
        "every",
        "byte",
        "of",
        "a",
        "call",
        "and",
        "answers",
        "with",
        "\"quoted\"",
        "naïve",
        "lines\n",
        "in",
        "order",
    ];
    let mut text = String::with_capacity(length + 16);
    let mut state = seed + 1;
    while text.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push_str(WORDS[(state >> 33) % WORDS.len()]);
        text.push(' ');
    }
    text
}

fn base64_noise(length: usize) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 7_usize;
    let digits = (0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(DIGITS[(state >> 33) % DIGITS.len()])
    });
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(exchange: &Exchange) -> &[u8] {
        let end = memchr::memmem::find(&exchange.request, b"\r\n\r\n").unwrap();
        &exchange.request[end + 4..]
    }

    #[test]
    fn bodies_have_the_size_their_scenario_says() {
        let sizes = [
            ("chat-1k", 1_000),
            ("chat-40k", 40_000),
            ("chat-1m", 1_000_000),
        ];
        let scenarios = all();
        for (name, size) in sizes {
            let scenario = scenarios.iter().find(|s| s.name == name).unwrap();
            let length = body(&scenario.exchange).len();
            assert!(length.abs_diff(size) < size / 10, "{name}: {length}");
        }
    }

    #[test]
    fn every_body_asks_for_a_model_that_is_served() {
        let held = held_open();
        let scenarios = all();
        let exchanges = scenarios.iter().map(|s| &s.exchange).chain([&held]);
        for exchange in exchanges {
            let body: Value = serde_json::from_slice(body(exchange)).unwrap();
            assert!(MODELS.contains(&body["model"].as_str().unwrap()));
        }
    }
}
