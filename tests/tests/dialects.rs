//! Vendors that speak another dialect than the client: what the vendor gets, what comes back, and what
//! happens when it fails.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Call, Event, Gateway, Vendor, chat_body, stream_body};
use serde_json::{Value, json};

const CLAUDE: &str = "claude-sonnet-4-5";

fn anthropic(vendor: &Vendor) -> Setup {
    Gateway::before(vendor)
        .section("discovery:\n  enabled: false")
        .target("provider: anthropic")
        .model(CLAUDE, CLAUDE)
}

#[test]
fn a_chat_reaches_anthropic_in_its_own_words_and_comes_back_in_openais() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor));
    let body = json!({
        "model": CLAUDE,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
        ],
        "temperature": 0.5,
        "seed": 7,
    });
    let answer = gateway.chat(body.to_string());
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said = answer.json();
    assert_eq!(said["object"], "chat.completion");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert!(said["choices"][0]["message"]["content"].is_string());
    assert!(said["usage"]["prompt_tokens"].as_u64() > Some(0));
    assert_eq!(answer.header("x-gateway-provider"), Some("anthropic"));
    assert_eq!(answer.header("x-gateway-dropped-params"), Some("seed"));

    let request = vendor.only();
    assert!(request.path.ends_with("/messages"), "{}", request.path);
    let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(sent["system"], "Be brief.");
    assert_eq!(sent["messages"][0]["role"], "user");
    assert!(sent["max_tokens"].as_u64() > Some(0));
    assert!(sent.get("seed").is_none());
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert!(request.header("x-api-key").is_some());
    assert_eq!(request.header("authorization"), None);
}

/// A token of OAuth is none of the keys that `x-api-key` takes.
#[test]
fn a_token_of_anthropics_is_sent_as_one_beside_the_clients_own_features() {
    const TOKEN: &str = "sk-ant-oat01-0123456789abcdefghijklmnop";
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor).env("VENDOR_KEY", TOKEN));
    let call = Call::chat(chat_body(CLAUDE)).header("anthropic-beta", "context-1m-2025-08-07");
    let answer = gateway.ask(call);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let request = vendor.only();
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(request.header("authorization"), Some(&*bearer));
    assert_eq!(request.header("x-api-key"), None);
    let features = request.header("anthropic-beta");
    assert_eq!(features, Some("oauth-2025-04-20,context-1m-2025-08-07"));
    assert!(!gateway.everything_said().contains(TOKEN));
}

#[test]
fn a_stream_of_anthropics_is_one_of_openais() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor));
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        answer
            .header("content-type")
            .is_some_and(|media| media.starts_with("text/event-stream"))
    );
    let mut events = answer.events();
    assert!(events.pop().is_some_and(|last| last.is_done()));
    let chunks: Vec<Value> = events.iter().filter_map(Event::json).collect();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk"
                && chunk["id"] == chunks[0]["id"])
    );
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let last = chunks.last().expect("chunks");
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.get("usage").is_none_or(Value::is_null))
    );
    let line = gateway.access(&answer);
    assert!(line["tokens_out"].as_u64() > Some(0), "{line}");
}

/// What an OpenAI client is told of what went wrong at a vendor that speaks otherwise.
#[test]
fn a_failure_of_anthropics_is_told_in_openais_form() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor).target("circuit_breaker: {enabled: false}"));
    for (fault, status, code) in [
        ("status=400", 400, "invalid_request"),
        ("status=401", 502, "upstream_auth_error"),
        ("status=404", 404, "model_not_found"),
        ("status=429;retry_after=7", 429, "rate_limit_exceeded"),
        ("status=500", 502, "upstream_error"),
        ("status=529", 503, "upstream_overloaded"),
        ("status=413", 413, "request_too_large"),
        ("reset", 502, "upstream_error"),
    ] {
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            vendor.when("/v1/messages", 1, fault);
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), status, "{fault}: {}", answer.text());
            assert_eq!(answer.error().1, code, "{fault}");
            if fault.contains("retry_after") {
                assert_eq!(answer.header("retry-after"), Some("7"));
            }
        }
    }
}

#[test]
fn a_stream_that_breaks_after_its_first_content_ends_with_an_error_and_without_a_last_word() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&anthropic(&vendor));
    vendor.when("/v1/messages", 1, "cut_event=5;cadence=20ms");
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let last = answer.events().pop().and_then(|last| last.json());
    let code = last.as_ref().map(|last| &last["error"]["code"]);
    assert_eq!(code, Some(&json!("stream_error")), "{last:?}");
    assert!(!answer.text().contains("[DONE]"));
}

#[test]
fn a_call_falls_from_a_vendor_of_openais_dialect_to_one_of_anthropics() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/first/v1"))
        .section("strategy:\n  mode: fallback\ndiscovery:\n  enabled: false")
        .further_target(&format!(
            "- virtual_key: second\n  provider: anthropic\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/second/v1\n  models: {{{MODEL}: claude-sonnet-4-5}}"
        ));
    let gateway = Gateway::start(&setup);
    vendor.when("/first/v1/chat/completions", 1, "status=503");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-target"), Some("second"));
    assert_eq!(answer.header("x-gateway-model"), Some("claude-sonnet-4-5"));
    assert_eq!(answer.json()["object"], "chat.completion");
}

/// A vendor's row, the last part of the path it is asked at, whole and as a stream, and lines of its
/// target.
const VENDORS: [(&str, &str, &str, &str, &str); 5] = [
    (
        "anthropic",
        "claude-sonnet-4-5",
        "/messages",
        "/messages",
        "api_key: ${VENDOR_KEY}",
    ),
    (
        "gemini",
        "gemini-2.5-flash",
        ":generateContent",
        ":streamGenerateContent?alt=sse",
        "api_key: ${VENDOR_KEY}",
    ),
    (
        "cohere",
        "command-a-03-2025",
        "/api/v2/chat",
        "/api/v2/chat",
        "api_key: ${VENDOR_KEY}",
    ),
    (
        "replicate",
        "meta/meta-llama-3.1-8b-instruct",
        "/meta/meta-llama-3.1-8b-instruct/predictions",
        "/meta/meta-llama-3.1-8b-instruct/predictions",
        "api_key: ${VENDOR_KEY}",
    ),
    (
        "bedrock",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "/converse",
        "/converse-stream",
        "auth: {aws: {access_key_id: AKIDEXAMPLE, secret_access_key: example-secret-key, region: us-east-1}}",
    ),
];

#[test]
fn every_dialect_is_spoken_whole_and_streamed_and_an_openai_client_cannot_tell() {
    for (provider, model, whole, streamed, lines) in VENDORS {
        let vendor = Vendor::start();
        let root = format!("http://{}", vendor.addr());
        let setup = Setup::at(&format!("{root}/v1"))
            .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
            .further_target(&format!(
                "- virtual_key: native\n  provider: {provider}\n  base_url: {root}/api\n  models: [\"{model}\"]\n  {lines}"
            ));
        let gateway = Gateway::start(&setup);

        let answer = gateway.chat(chat_body(model));
        assert_eq!(answer.status(), 200, "{provider}: {}", answer.text());
        let said = answer.json();
        assert_eq!(said["object"], "chat.completion", "{provider}");
        assert_eq!(said["choices"][0]["finish_reason"], "stop", "{provider}");
        assert!(
            said["choices"][0]["message"]["content"].is_string(),
            "{provider}"
        );
        assert!(
            said["usage"]["completion_tokens"].as_u64() > Some(0),
            "{provider}"
        );
        let request = vendor.last();
        assert!(
            request.path.ends_with(whole),
            "{provider}: {}",
            request.path
        );
        // Each vendor has its own header for it.
        let id = format!("req_{:016x}", request.sequence);
        assert_eq!(
            answer.header("x-upstream-request-id"),
            Some(&*id),
            "{provider}"
        );
        if provider == "bedrock" {
            let signature = request.header("authorization").unwrap_or_default();
            assert!(
                signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
                "{signature}"
            );
        }

        let answer = gateway.chat(stream_body(model));
        assert_eq!(answer.status(), 200, "{provider}: {}", answer.text());
        let mut events = answer.events();
        assert!(
            events.pop().is_some_and(|last| last.is_done()),
            "{provider}: {}",
            answer.text()
        );
        let chunks: Vec<Value> = events.iter().filter_map(Event::json).collect();
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert!(!text.is_empty(), "{provider}");
        let finish = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop");
        assert_eq!(finish.count(), 1, "{provider}");
        let line = gateway.access(&answer);
        assert!(line["tokens_out"].as_u64() > Some(0), "{provider}: {line}");
        assert!(
            vendor.last().path.ends_with(streamed),
            "{provider}: {}",
            vendor.last().path
        );
    }
}

/// What only Ollama's own dialect can say is said in it, beside the root of the other.
#[test]
fn ollama_is_asked_in_its_own_dialect_only_where_that_is_needed() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/v1"))
        .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
        .further_target(&format!(
            "- virtual_key: native\n  provider: ollama\n  base_url: {root}/o/v1\n  models: [\"llama3.2\"]"
        ));
    let gateway = Gateway::start(&setup);
    for (member, path) in [
        ("top_p", "/o/v1/chat/completions"),
        ("min_p", "/o/api/chat"),
    ] {
        let mut body =
            json!({"model": "llama3.2", "messages": [{"role": "user", "content": "Hi"}]});
        body[member] = json!(0.5);
        let answer = gateway.chat(body.to_string());
        assert_eq!(answer.status(), 200, "{member}: {}", answer.text());
        assert_eq!(answer.json()["object"], "chat.completion", "{member}");
        assert_eq!(vendor.last().path, path, "{member}");
    }
}
