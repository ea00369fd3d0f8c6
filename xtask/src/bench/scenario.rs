//! What is sent, what must come back, and what it may cost.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Expect;
use super::load::Exchange;
use super::measure::Proxy;

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

/// Models that two targets serve, for a strategy to choose between them: the
/// answer of the first is that of `WHOLE`.
pub(crate) const SHARED: &str = "mock:size=560;finish_reason=stop;prompt_tokens=280";
pub(crate) const RACED: &str = "mock:size=560;finish_reason=stop;prompt_tokens=281";

/// Models of a vendor with another dialect.
pub(crate) const TRANSLATED: [&str; 2] = [TRANSLATED_WHOLE, TRANSLATED_STREAM];
const TRANSLATED_WHOLE: &str = "mock:size=560;prompt_tokens=282";
const TRANSLATED_STREAM: &str = "mock:events=64;prompt_tokens=283";

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What is sent and what comes back, in words.
    pub(crate) about: &'static str,
    exchange: Exchange,
    /// The same in the vendor's own dialect, for whoever does not translate.
    native: Option<Exchange>,
    pub(crate) connections: usize,
    /// How long an answer takes by itself.
    pub(crate) takes: Duration,
    /// At most so many times nginx's CPU time.
    pub(crate) budget: Option<f64>,
}

impl Scenario {
    /// What is sent through this proxy.
    pub(crate) fn exchange(&self, proxy: Proxy) -> &Exchange {
        match &self.native {
            Some(native) if proxy != Proxy::Ferrogw => native,
            _ => &self.exchange,
        }
    }

    /// Takes down how many events an answer through this proxy has.
    pub(crate) fn learn(&mut self, proxy: Proxy, events: u64) {
        let exchange = match &mut self.native {
            Some(native) if proxy != Proxy::Ferrogw => native,
            _ => &mut self.exchange,
        };
        exchange.expect = exchange.expect.exactly(events);
    }

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
            budget: Some(2.0),
            ..scenario(
                "chat-1k",
                "chat, 1 KB in, 1 KB out",
                exchange(&short_chat(WHOLE), whole),
            )
        },
        scenario(
            "chat-40k",
            "chat, 40 KB of history and tools in, 1 KB out",
            exchange(&long_chat(WHOLE, 40_000), whole),
        ),
        Scenario {
            connections: 16,
            budget: Some(1.5),
            ..scenario(
                "chat-1m",
                "chat, an image of 1 MB in, 1 KB out",
                exchange(&image_chat(WHOLE, 1_000_000), whole),
            )
        },
        Scenario {
            budget: Some(1.5),
            ..scenario(
                "stream",
                "chat stream, 64 events sent at once",
                exchange(&streamed(short_chat(AT_ONCE)), stream),
            )
        },
        Scenario {
            connections: 256,
            takes: CADENCE * 64,
            budget: Some(1.5),
            ..scenario(
                "stream-20ms",
                "chat stream, 64 events, one each 20 ms",
                exchange(&streamed(short_chat(AT_CADENCE)), stream),
            )
        },
        Scenario {
            budget: Some(2.0),
            ..scenario(
                "loadbalance",
                "chat-1k over two targets by weight",
                exchange(&short_chat(SHARED), whole),
            )
        },
        Scenario {
            budget: Some(2.0),
            ..scenario(
                "least-latency",
                "chat-1k over two targets, the faster one first",
                exchange(&short_chat(RACED), whole),
            )
        },
        Scenario {
            native: Some(native(&messages(TRANSLATED_WHOLE), whole)),
            budget: Some(3.0),
            ..scenario(
                "translated",
                "chat-1k to a vendor that speaks Anthropic's dialect",
                exchange(&short_chat(TRANSLATED_WHOLE), whole),
            )
        },
        Scenario {
            native: Some(native(&native_stream(TRANSLATED_STREAM), stream)),
            budget: Some(3.0),
            ..scenario(
                "translated-stream",
                "chat stream, 64 events sent at once in Anthropic's dialect",
                exchange(&streamed(short_chat(TRANSLATED_STREAM)), stream),
            )
        },
    ]
}

/// Answered at once, over as many connections as usual, without a limit.
fn scenario(name: &'static str, about: &'static str, exchange: Exchange) -> Scenario {
    Scenario {
        name,
        about,
        exchange,
        native: None,
        connections: 64,
        takes: Duration::ZERO,
        budget: None,
    }
}

/// A stream that outlasts the time it is held, an event each 500 ms.
pub(crate) fn held_open() -> Exchange {
    exchange(
        &streamed(short_chat(HELD_OPEN)),
        Expect::EventsAtLeast(EVENTS),
    )
}

fn exchange(body: &Value, expect: Expect) -> Exchange {
    let headers = format!("Authorization: Bearer {KEY}\r\n");
    post("/v1/chat/completions", &headers, body, expect)
}

/// The same as a client of Anthropic's API sends it.
fn native(body: &Value, expect: Expect) -> Exchange {
    let headers = format!("X-Api-Key: {KEY}\r\nAnthropic-Version: 2023-06-01\r\n");
    post("/v1/messages", &headers, body, expect)
}

fn post(path: &str, headers: &str, body: &Value, expect: Expect) -> Exchange {
    let body = body.to_string();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\n\
         Host: localhost\r\n\
         {headers}\
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

/// What [`short_chat`] says, in Anthropic's words.
fn messages(model: &str) -> Value {
    json!({
        "model": model,
        "system": "You answer briefly and name your sources.",
        "messages": [{"role": "user", "content": words(0, 830)}],
        "temperature": 0.2,
        "max_tokens": 256,
    })
}

fn native_stream(model: &str) -> Value {
    let mut body = messages(model);
    body["stream"] = json!(true);
    body
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
        let served = [&MODELS[..], &TRANSLATED, &[SHARED, RACED]].concat();
        for exchange in exchanges {
            let body: Value = serde_json::from_slice(body(exchange)).unwrap();
            assert!(served.contains(&body["model"].as_str().unwrap()));
        }
    }

    #[test]
    fn only_whoever_translates_gets_what_is_to_be_translated() {
        for scenario in all() {
            let path = |proxy| {
                let request = &scenario.exchange(proxy).request;
                String::from_utf8_lossy(request.split(|byte| *byte == b' ').nth(1).unwrap())
                    .into_owned()
            };
            assert_eq!(path(Proxy::Ferrogw), "/v1/chat/completions");
            let native = scenario.name.starts_with("translated");
            for proxy in [Proxy::Nginx, Proxy::Hyper, Proxy::Direct] {
                assert_eq!(path(proxy) == "/v1/messages", native, "{}", scenario.name);
            }
        }
    }
}
