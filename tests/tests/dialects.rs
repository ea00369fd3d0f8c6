//! Vendors that speak another dialect than the client: what the vendor gets, what comes back, and what
//! happens when it fails.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup, VENDOR_KEY};
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Call, Event, Gateway, Vendor, chat_body, eventually, keys, stream_body};
use mock::Outcome;
use serde_json::{Value, json};
use wire::fault;

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

/// A vendor's row, a model, the last part of the path it is asked at, whole and as a stream, and lines
/// of its target.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const VENDORS: [Row; 5] = [
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
        assert_eq!(said["provider"], provider);
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

/// What OpenAI's dialect has no place for stands under the provider's name.
#[test]
fn what_only_a_vendor_says_is_told_under_its_providers_name() {
    let vendor = Vendor::start();
    let bedrock = VENDORS.into_iter().find(|row| row.0 == "bedrock");
    let row @ (_, model, whole, streamed, _) = bedrock.expect("a row");
    let gateway = before(row, &vendor, "");
    for path in [whole, streamed] {
        vendor.when(path, 1, "finish_reason=guardrail_intervened");
    }
    let said = gateway.chat(chat_body(model)).json();
    let streamed = gateway.chat(stream_body(model)).events();
    let last = streamed
        .iter()
        .filter_map(Event::json)
        .find(|chunk| chunk["provider_metadata"].is_object());
    for said in [said, last.expect("a chunk that tells it")] {
        assert_eq!(said["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(
            said["choices"][0]["native_finish_reason"],
            "guardrail_intervened"
        );
        let metadata = said["provider_metadata"].as_object().expect("an object");
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["bedrock"]);
        let trace = &metadata["bedrock"]["trace"]["guardrail"];
        assert_eq!(trace["actionReason"], "Guardrail blocked.");
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

/// A gateway before a vendor whose models do not all speak alike.
fn mixed(vendor: &Vendor, provider: &str, models: &str) -> Gateway {
    let setup = Setup::at(&format!("http://{}/first/v1", vendor.addr()))
        .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
        .further_target(&format!(
            "- virtual_key: mixed\n  provider: {provider}\n  base_url: http://{}\n  api_key: ${{VENDOR_KEY}}\n  models: {models}",
            vendor.addr()
        ));
    Gateway::start(&setup)
}

#[test]
fn d25_claude_on_azure_foundry_is_asked_at_its_own_address_and_others_at_theirs() {
    let vendor = Vendor::start();
    let models = "{claude-prod: claude-prod, smart: {id: prod-7, family: claude-sonnet-4-6}, usual: gpt-5, mild: {id: prod-8, family: mistral-large-3}}";
    let gateway = mixed(&vendor, "azure-foundry", models);
    let claude = "/anthropic/v1/messages";
    let others = "/openai/v1/chat/completions";
    for (asked, own, path, bound) in [
        ("claude-prod", "claude-prod", claude, "max_tokens"),
        ("smart", "prod-7", claude, "max_tokens"),
        ("usual", "gpt-5", others, "max_completion_tokens"),
        ("mild", "prod-8", others, "max_tokens"),
    ] {
        let question = json!({"model": asked, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
        let answer = gateway.chat(question.to_string());
        assert_eq!(answer.status(), 200, "{asked}: {}", answer.text());
        let said = answer.json();
        assert_eq!(said["object"], "chat.completion", "{asked}");
        assert_eq!(said["choices"][0]["finish_reason"], "stop", "{asked}");
        let request = vendor.last();
        assert_eq!(request.path, path, "{asked}");
        let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
        let expected = json!({"model": own, bound: 9, "messages": question["messages"]});
        assert_eq!(sent, expected, "{asked}");
        assert_eq!(request.header("api-key"), Some(VENDOR_KEY), "{asked}");
        let version = (path == claude).then_some("2023-06-01");
        assert_eq!(request.header("anthropic-version"), version, "{asked}");

        let answer = gateway.chat(stream_body(asked));
        let mut events = answer.events();
        assert!(events.pop().is_some_and(|last| last.is_done()), "{asked}");
        assert_eq!(vendor.last().path, path, "{asked}");
    }
    let line = gateway.access(&gateway.chat(chat_body("smart")));
    assert!(
        line["cost_usd"].as_f64() > Some(0.0),
        "priced as it is: {line}"
    );
    vendor.when(claude, 1, "status=429;retry_after=7");
    let answer = gateway.chat(chat_body("claude-prod"));
    assert_eq!(answer.error().1, "rate_limit_exceeded");
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[test]
fn d26_claude_at_databricks_is_asked_in_its_own_dialect_and_others_in_openais() {
    let vendor = Vendor::start();
    let gateway = mixed(
        &vendor,
        "databricks",
        "[databricks-claude-sonnet-4-5, databricks-gpt-oss-120b]",
    );
    for (model, path) in [
        (
            "databricks-claude-sonnet-4-5",
            "/serving-endpoints/anthropic/v1/messages",
        ),
        (
            "databricks-gpt-oss-120b",
            "/serving-endpoints/chat/completions",
        ),
    ] {
        for body in [chat_body(model), stream_body(model)] {
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), 200, "{model}: {}", answer.text());
            let request = vendor.last();
            assert_eq!(request.path, path);
            let bearer = format!("Bearer {VENDOR_KEY}");
            assert_eq!(request.header("authorization"), Some(&*bearer), "{model}");
        }
    }
}

/// A gateway of Cloudflare's before it is told what the client wants of it, and nothing else is.
#[test]
fn headers_that_only_one_vendor_understands_are_for_that_one_alone() {
    let vendor = Vendor::start();
    let gateway = mixed(
        &vendor,
        "cloudflare",
        "[\"@cf/meta/llama\"]\n  vars: {account_id: a1}",
    );
    for (model, reaches) in [("@cf/meta/llama", true), (MODEL, false)] {
        let call = Call::chat(chat_body(model)).bearer(keys::APP.token);
        let call = call
            .header("cf-aig-skip-cache", "true")
            .header("cf-aig-authorization", "Bearer theirs");
        let answer = gateway.send(&call);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let request = vendor.last();
        let skip = reaches.then_some("true");
        assert_eq!(request.header("cf-aig-skip-cache"), skip, "{model}");
        assert_eq!(request.header("cf-aig-authorization"), None, "{model}");
    }
}

/// Those whose calls are one exchange each; Replicate's may be several.
fn of_one_exchange() -> impl Iterator<Item = Row> {
    let rows = VENDORS.into_iter();
    rows.filter(|(provider, ..)| *provider != "replicate")
}

/// A gateway before one of the vendors of [`VENDORS`].
fn before((provider, model, _, _, lines): Row, vendor: &Vendor, sections: &str) -> Gateway {
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/v1"))
        .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
        .section(sections)
        .further_target(&format!(
            "- virtual_key: native\n  provider: {provider}\n  base_url: {root}/api\n  models: {{\"{model}\": \"{model}\", \"p-*\": \"*\"}}\n  circuit_breaker: {{enabled: false}}\n  retry: {{attempts: 1}}\n  {lines}"
        ));
    Gateway::start(&setup)
}

/// The end of the path at which a stream is asked for, without its query.
fn stream_path((_, _, _, streamed, _): Row) -> &'static str {
    streamed.split_once('?').map_or(streamed, |(path, _)| path)
}

#[test]
fn a13_every_failure_of_every_vendor_has_its_status_and_no_page_is_told() {
    for row in of_one_exchange() {
        let (provider, model, whole, ..) = row;
        let vendor = Vendor::start();
        let gateway = before(row, &vendor, "");
        for status in [400, 401, 403, 404, 408, 413, 424, 429, 500, 503, 529] {
            vendor.when(whole, 1, &format!("status={status};retry_after=7"));
            let answer = gateway.chat(chat_body(model));
            let expected = fault::of_status(status).row();
            // A vendor's own status is kept where the request was wrong.
            let kept = expected.status == 400 && status != 400;
            let expected = if kept { status } else { expected.status };
            assert_eq!(
                answer.status(),
                expected,
                "{provider} {status}: {}",
                answer.text()
            );
            assert!(
                answer.json()["error"]["message"].is_string(),
                "{provider} {status}"
            );
            if status == 429 {
                assert_eq!(answer.header("retry-after"), Some("7"), "{provider}");
            }
        }
        for body in [
            "<html><h1>secret page</h1></html>",
            " ",
            r#"{"error":{"message":"secret page"#,
            r#"["secret page"]"#,
        ] {
            for (status, expected) in [(400, 400), (502, 502)] {
                vendor.when(whole, 1, &format!("status={status};body={}", escaped(body)));
                let answer = gateway.chat(chat_body(model));
                assert_eq!(answer.status(), expected, "{provider} {body}");
                let text = answer.text();
                assert!(!text.contains("secret page"), "{provider} {body}: {text}");
                assert!(answer.json()["error"]["message"].is_string(), "{provider}");
            }
        }
    }
}

#[test]
fn a14_a_stream_of_any_vendor_that_fails_in_its_middle_ends_with_one_error() {
    for row in of_one_exchange() {
        let (provider, model, ..) = row;
        let vendor = Vendor::start();
        let gateway = before(
            row,
            &vendor,
            "stream:\n  idle_timeout: 1s\n  heartbeat: 300ms",
        );
        for (failure, code) in [
            ("cut_event=8", "stream_error"),
            ("reset_event=8", "stream_error"),
            ("stall_event=8", "stream_timeout"),
        ] {
            vendor.when(
                stream_path(row),
                1,
                &format!("{failure};events=20;cadence=5ms"),
            );
            let answer = gateway.chat(stream_body(model));
            assert_eq!(
                answer.status(),
                200,
                "{provider} {failure}: {}",
                answer.text()
            );
            let text = answer.text();
            assert_eq!(
                text.matches("\"error\":").count(),
                1,
                "{provider} {failure}: {text}"
            );
            assert!(!text.contains("[DONE]"), "{provider} {failure}: {text}");
            let last = answer.events().pop().and_then(|last| last.json());
            let last = last.unwrap_or_default();
            assert_eq!(last["error"]["code"], code, "{provider} {failure}: {text}");
            eventually("the vendor's stream is let go", || {
                (vendor.stats().in_flight == 0).then_some(())
            });
        }
    }
}

#[test]
fn a15_a_client_that_leaves_takes_any_vendors_stream_with_it() {
    for row in of_one_exchange() {
        let (provider, model, ..) = row;
        let vendor = Vendor::start();
        let gateway = before(row, &vendor, "");
        vendor.when(stream_path(row), 1, "events=2000;cadence=20ms");
        let mut stream = gateway.open_chat(stream_body(model));
        for _ in 0..4 {
            assert!(stream.next().is_some(), "{provider}");
        }
        drop(stream);
        eventually("the vendor's stream is cut", || {
            (vendor.last().outcome == Outcome::HungUp).then_some(())
        });
    }
}

#[test]
fn a20_a_name_that_could_lead_to_another_path_is_refused_without_a_call() {
    for row in of_one_exchange() {
        let (provider, _, whole, ..) = row;
        if !matches!(provider, "gemini" | "bedrock") {
            continue;
        }
        let vendor = Vendor::start();
        let gateway = before(row, &vendor, "");
        for name in ["../x", "a/b", "a%2Fb", "a?b", "a#b", ".."] {
            let answer = gateway.chat(chat_body(&format!("p-{name}")));
            assert_eq!(answer.status(), 400, "{provider} {name}: {}", answer.text());
        }
        assert!(vendor.received().is_empty(), "{provider}");
        let answer = gateway.chat(chat_body("p-plain-1"));
        assert_eq!(answer.status(), 200, "{provider}: {}", answer.text());
        assert!(vendor.only().path.ends_with(whole), "{provider}");
    }
}

/// What each vendor says of a request that it finds wrong, in its own form.
fn complaint(provider: &str, words: &str) -> String {
    let object = match provider {
        "anthropic" => {
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": words}})
        }
        "gemini" => {
            json!({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}})
        }
        "cohere" => json!({"id": "x", "message": words}),
        _ => json!({"__type": "ValidationException", "message": words}),
    };
    object.to_string()
}

#[test]
fn a23_no_credential_of_any_vendor_is_told_by_its_failures() {
    for row in of_one_exchange() {
        let (provider, model, whole, _, lines) = row;
        let vendor = Vendor::start();
        let gateway = before(row, &vendor, "");
        let secret = if lines.contains("secret_access_key") {
            "example-secret-key"
        } else {
            VENDOR_KEY
        };
        let words = complaint(provider, &format!("the key {secret} is odd"));
        for status in [200, 400, 401, 404, 429, 500] {
            for (body, path) in [
                (chat_body(model), whole),
                (stream_body(model), stream_path(row)),
            ] {
                vendor.when(
                    path,
                    1,
                    &format!("status={status};body={}", escaped(&words)),
                );
                let answer = gateway.chat(body);
                let all = format!("{:?} {}", answer.head.headers, answer.text());
                assert!(!all.contains(secret), "{provider} {status}: {all}");
                if status == 400 {
                    assert!(all.contains("is odd"), "{provider}: {all}");
                }
            }
        }
        let log = gateway.everything_said();
        assert!(!log.contains(secret), "{provider}: {log}");
        let metrics = gateway.send(&Call::get("/metrics").bearer(keys::EYES.token));
        assert!(!metrics.text().contains(secret), "{provider}");
    }
}
