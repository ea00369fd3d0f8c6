//! Vendors that speak another dialect than the client: what the vendor gets, what comes back, and what
//! happens when it fails.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, keys, stream_body};
use serde_json::{Value, json};

fn anthropic(vendor: &Vendor) -> Setup {
    Gateway::before(vendor)
        .section("discovery:\n  enabled: false")
        .provider("anthropic")
}

fn chat(gateway: &Gateway, body: &str) -> ferrogw_tests::Answer {
    gateway.send(
        &Call::post("/v1/chat/completions")
            .key(keys::INFERENCE)
            .json(body),
    )
}

#[test]
fn a_chat_reaches_anthropic_in_its_own_words_and_comes_back_in_openais() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor));
    let body = json!({
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
        ],
        "temperature": 0.5,
        "seed": 7,
    });
    let answer = chat(&gateway, &body.to_string());
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said = answer.json();
    assert_eq!(said["object"], "chat.completion");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert!(said["choices"][0]["message"]["content"].is_string());
    assert!(said["usage"]["prompt_tokens"].as_u64() > Some(0));
    assert_eq!(answer.header("x-gateway-provider"), Some("anthropic"));
    assert_eq!(answer.header("x-gateway-dropped-params"), Some("seed"));

    let [request] = &vendor.received()[..] else {
        panic!("one request is expected");
    };
    assert!(request.path.ends_with("/messages"), "{}", request.path);
    let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(sent["system"], "Be brief.");
    assert_eq!(sent["messages"][0]["role"], "user");
    assert!(sent["max_tokens"].as_u64() > Some(0));
    assert!(sent.get("seed").is_none());
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(header("anthropic-version").as_deref(), Some("2023-06-01"));
    assert!(header("x-api-key").is_some());
    assert!(header("authorization").is_none());
}
