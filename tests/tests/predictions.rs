//! A vendor whose call is several: a prediction is created, waited for or streamed, and stopped when
//! nobody waits for it any more.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Call, Event, Gateway, Vendor, chat_body, eventually, keys, stream_body};
use mock::Recorded;
use serde_json::{Value, json};

const LLAMA: &str = "meta/meta-llama-3.1-8b-instruct";
const CREATE: &str = "/v1/models/meta/meta-llama-3.1-8b-instruct/predictions";

fn replicate(vendor: &Vendor) -> Setup {
    Gateway::before(vendor)
        .target("provider: replicate\ncircuit_breaker: {enabled: false}")
        .model(LLAMA, LLAMA)
}

fn sent(request: &Recorded) -> Value {
    request.json().expect("JSON")
}

/// Method and path of everything that the vendor was asked.
fn asked(vendor: &Vendor) -> Vec<String> {
    let all = vendor.everything().into_iter();
    all.map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

fn cancelled(vendor: &Vendor, id: &str) {
    eventually("the prediction is stopped", || {
        let path = format!("POST /v1/predictions/{id}/cancel");
        asked(vendor).contains(&path).then_some(())
    });
}

fn text(events: &[Event]) -> String {
    let chunks = events.iter().filter_map(Event::json);
    chunks
        .filter_map(|chunk| {
            let content = &chunk["choices"][0]["delta"]["content"];
            content.as_str().map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_chat_is_a_prediction_in_the_words_that_the_model_takes() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    let body = json!({
        "model": LLAMA,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Who are you?"},
        ],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_k": 3,
        "presence_penalty": 1,
        "stop": ["a", "b"],
    });
    let answer = gateway.chat(body.to_string());
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said = answer.json();
    assert_eq!(said["object"], "chat.completion");
    assert_eq!(said["model"], LLAMA);
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert!(said["choices"][0]["message"]["content"].is_string());
    assert!(said["usage"]["completion_tokens"].as_u64() > Some(0));
    assert_eq!(answer.header("x-gateway-provider"), Some("replicate"));
    let dropped = answer.header("x-gateway-dropped-params");
    assert_eq!(dropped, Some("presence_penalty,top_k"));

    let request = vendor.only();
    assert_eq!(request.path, CREATE);
    assert_eq!(request.header("prefer"), Some("wait=60"));
    assert!(request.header("authorization").is_some());
    let expected = json!({"input": {
        "system_prompt": "Be brief.",
        "prompt": "user: Hello\nassistant: Yes?\nuser: Who are you?\nassistant: ",
        "max_tokens": 64,
        "temperature": 0.5,
        "stop_sequences": "a,b",
    }});
    assert_eq!(sent(&request), expected);

    // What the model takes is asked once.
    assert_eq!(gateway.chat(chat_body(LLAMA)).status(), 200);
    let looks = asked(&vendor).into_iter();
    let looks = looks.filter(|asked| asked.starts_with("GET /v1/models/meta/"));
    assert_eq!(looks.count(), 1);
}

#[test]
fn a_model_that_nobody_describes_is_asked_as_most_models_are() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    vendor.when("/meta/meta-llama-3.1-8b-instruct", 1, "status=500");
    let answer = gateway.chat(
        json!({
            "model": LLAMA,
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hi"},
            ],
            "max_tokens": 16,
        })
        .to_string(),
    );
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let prompt = "system: Be kind.\nuser: Hi\nassistant: ";
    let expected = json!({"input": {"prompt": prompt, "max_tokens": 16}});
    assert_eq!(sent(&vendor.only()), expected);
}

#[test]
fn a_stream_is_read_where_the_prediction_says_and_an_openai_client_cannot_tell() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    for settings in [
        "",
        "no_final_blank",
        "crlf",
        "split=3",
        "comments",
        "no_finish",
    ] {
        vendor.forget();
        vendor.when("/predictions", 1, "text=Two%0Alines, and more");
        vendor.when("/stream", 1, settings);
        let answer = gateway.chat(stream_body(LLAMA));
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        let media = answer.header("content-type").unwrap_or_default();
        assert!(media.starts_with("text/event-stream"), "{media}");
        let mut events = answer.events();
        assert!(events.pop().is_some_and(|last| last.is_done()));
        assert_eq!(text(&events), "Two\nlines, and more", "{settings}");
        let chunks: Vec<Value> = events.iter().filter_map(Event::json).collect();
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        let last = chunks.last().expect("chunks");
        assert_eq!(last["choices"][0]["finish_reason"], "stop", "{settings}");
        let line = gateway.access(&answer);
        assert_eq!(line["outcome"], "answered", "{line}");
        assert_eq!(line["tokens_in"], 12, "{settings}: {line}");

        let create = vendor.received().remove(0);
        assert_eq!(create.path, CREATE);
        assert_eq!(sent(&create)["stream"], true);
        assert_eq!(create.header("prefer"), None);
        let all = vendor.everything();
        let stream = all.iter().find(|one| one.path.ends_with("/stream"));
        let stream = stream.expect("the stream was read");
        assert_eq!(stream.header("accept"), Some("text/event-stream"));
        assert!(stream.header("authorization").is_some());
        let cancels = asked(&vendor).into_iter();
        let cancels = cancels.filter(|asked| asked.ends_with("/cancel"));
        assert_eq!(
            cancels.count(),
            0,
            "{settings}: what has ended needs no end"
        );
    }
}

#[test]
fn a_long_prediction_is_looked_at_until_it_is_finished_and_a_failed_look_is_made_again() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    vendor.when("/predictions", 1, "looks=1;text=at last");
    vendor.when("/predictions/p1", 1, "status=500");
    let answer = gateway.chat(chat_body(LLAMA));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "at last");
    let looks = asked(&vendor).into_iter();
    let looks = looks.filter(|asked| asked == "GET /v1/predictions/p1");
    assert_eq!(looks.count(), 2);

    // A stream that cannot be had is made of looks.
    vendor.when("/predictions", 1, "looks=1;text=at last");
    vendor.when("/stream", 1, "status=503");
    let answer = gateway.chat(stream_body(LLAMA));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let mut events = answer.events();
    assert!(events.pop().is_some_and(|last| last.is_done()));
    assert_eq!(text(&events), "at last");
}

#[test]
fn d19_a_prediction_that_failed_is_a_fault_of_its_kind() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    let words = |settings: &str, body: String, status, code: &str| {
        vendor.when("/predictions", 1, settings);
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), status, "{settings}: {}", answer.text());
        assert_eq!(answer.error().1, code, "{settings}");
    };
    let policy = "content_policy_violation";
    for (settings, status, code) in [
        ("finish_reason=failed;text=no memory", 502, "upstream_error"),
        ("finish_reason=canceled", 502, "upstream_cancelled"),
        ("finish_reason=aborted", 502, "upstream_cancelled"),
        ("finish_reason=failed;text=NSFW content", 400, policy),
        ("finish_reason=failed;text=NSFW;looks=1", 400, policy),
    ] {
        words(settings, chat_body(LLAMA), status, code);
    }
    for settings in ["error_in_200", "no_finish", "truncated"] {
        words(settings, chat_body(LLAMA), 502, "upstream_error");
        words(settings, stream_body(LLAMA), 502, "upstream_error");
    }
}

#[test]
fn a13_a_refusal_is_told_as_any_vendors() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    for (settings, status, code) in [
        ("status=400", 400, "invalid_request"),
        ("status=401", 502, "upstream_auth_error"),
        ("status=402", 502, "upstream_billing"),
        ("status=422", 422, "invalid_request"),
        ("status=429;retry_after=7", 429, "rate_limit_exceeded"),
        ("status=500", 502, "upstream_error"),
        ("reset", 502, "upstream_error"),
        ("wrong_content_type", 502, "upstream_error"),
    ] {
        for body in [chat_body(LLAMA), stream_body(LLAMA)] {
            vendor.when("/predictions", 1, settings);
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), status, "{settings}: {}", answer.text());
            assert_eq!(answer.error().1, code, "{settings}");
            if settings.contains("retry_after") {
                assert_eq!(answer.header("retry-after"), Some("7"));
            }
        }
    }
    assert!(
        !asked(&vendor)
            .iter()
            .any(|asked| asked.ends_with("/cancel"))
    );
}

#[test]
fn a20_a_name_that_could_reach_another_path_is_refused_without_a_call() {
    let vendor = Vendor::start();
    let mut setup = replicate(&vendor);
    let names = ["../x", "a", "a/b/c", "a%2Fb", "a/b#c", "a/..", "a/b:../c"];
    for name in names {
        setup = setup.model(name, name);
    }
    let gateway = Gateway::start(&setup);
    for name in names {
        let answer = gateway.chat(chat_body(name));
        assert_eq!(answer.status(), 400, "{name}: {}", answer.text());
    }
    assert_eq!(asked(&vendor), [""; 0]);
}

#[test]
fn a_community_model_is_asked_for_by_its_version_and_so_it_stays() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor).model("acme/tiny", "acme/tiny"));
    vendor.when("/models/acme/tiny/predictions", 1, "status=404");
    for _ in 0..2 {
        let answer = gateway.chat(chat_body("acme/tiny"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let last = vendor.last();
        assert_eq!(last.path, "/v1/predictions");
        assert_eq!(sent(&last)["version"], "c0ffee");
    }
    let paths = asked(&vendor);
    let expected = [
        "GET /v1/models/acme/tiny",
        "POST /v1/models/acme/tiny/predictions",
        "POST /v1/predictions",
        "POST /v1/predictions",
    ];
    assert_eq!(paths, expected);

    // A version that a client names is described and asked for itself.
    let answer = gateway.chat(chat_body("nobody/else"));
    assert_eq!(answer.status(), 404, "{}", answer.text());
}

#[test]
fn a15_d19_work_that_nobody_waits_for_is_stopped() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    // While it runs, while its answer is waited for, and in the middle of its stream.
    let leave = |body: String, settings: &str, until: &str| {
        vendor.when("/predictions", 1, settings);
        let mut connection = gateway.connect();
        let call = Call::chat(body).bearer(keys::APP.token);
        connection
            .write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        eventually(until, || {
            let there = |asked: &String| asked.ends_with(until);
            asked(&vendor).iter().any(there).then_some(())
        });
        drop(connection);
    };
    leave(chat_body(LLAMA), "looks=1000", "GET /v1/predictions/p1");
    cancelled(&vendor, "p1");
    vendor.forget();
    leave(chat_body(LLAMA), "looks=1000;latency=700", CREATE);
    cancelled(&vendor, "p2");
    leave(
        stream_body(LLAMA),
        "looks=1000;events=1000;cadence=50ms",
        "/v1/predictions/p3/stream",
    );
    cancelled(&vendor, "p3");
    let cancel = vendor.last();
    assert!(cancel.header("authorization").is_some());
    let aborted = || {
        let lines = gateway.log.objects().into_iter();
        let lines = lines.filter(|line| line["outcome"] == "aborted");
        lines.count()
    };
    eventually("all are on the record", || (aborted() == 3).then_some(()));
}

#[test]
fn d19_work_that_takes_longer_than_anybody_waits_is_stopped() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor).target("timeouts: {attempt: 1s}"));
    vendor.when("/predictions", 1, "looks=1000");
    let answer = gateway.chat(chat_body(LLAMA));
    assert_eq!(answer.status(), 504, "{}", answer.text());
    assert_eq!(answer.error().1, "gateway_timeout");
    let create = vendor.received().remove(0);
    assert_eq!(create.header("cancel-after"), Some("5s"));
    cancelled(&vendor, "p1");
}

/// Whatever addresses an answer names, the key goes to the target and to the vendor's own alone.
#[test]
fn d19_an_address_elsewhere_is_not_followed() {
    let vendor = Vendor::start();
    let elsewhere = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    // The mock knows this prediction, its answer names other places for it.
    let root = format!("http://{}/v1/predictions/p1", elsewhere.addr());
    let created = json!({
        "id": "p1",
        "status": "starting",
        "urls": {"get": root, "cancel": format!("{root}/cancel"), "stream": format!("{root}/stream")},
    });
    for (number, body) in [chat_body(LLAMA), stream_body(LLAMA)]
        .into_iter()
        .enumerate()
    {
        let mut created = created.clone();
        created["id"] = format!("p{}", number + 1).into();
        let body_setting = format!("text=mine;body={}", escaped(&created.to_string()));
        vendor.when("/predictions", 1, &body_setting);
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(answer.text().contains("mine"), "{}", answer.text());
        let look = format!("GET /v1/predictions/p{}", number + 1);
        assert!(asked(&vendor).contains(&look));
    }
    assert_eq!(asked(&elsewhere), [""; 0]);
}

#[test]
fn a_stream_that_breaks_ends_with_an_error_and_its_prediction_is_stopped() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    for (number, settings) in ["cut_event=3;cadence=20ms", "error_in_200=3;cadence=20ms"]
        .into_iter()
        .enumerate()
    {
        vendor.when("/stream", 1, settings);
        let answer = gateway.chat(stream_body(LLAMA));
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        let last = answer.events().pop().and_then(|last| last.json());
        let code = last.as_ref().map(|last| &last["error"]["code"]);
        assert_eq!(code, Some(&json!("stream_error")), "{settings}: {last:?}");
        assert!(!answer.text().contains("[DONE]"));
        cancelled(&vendor, &format!("p{}", number + 1));
    }
}

/// An end that is none, before any content and after some.
#[test]
fn d19_a_stream_that_ends_for_a_reason_has_failed() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&replicate(&vendor));
    vendor.when(
        "/predictions",
        1,
        "finish_reason=canceled;cadence=20ms;text=a few words here",
    );
    let answer = gateway.chat(stream_body(LLAMA));
    assert!(answer.text().contains("\"error\""), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"));
}

#[test]
fn calls_fall_to_predictions_and_away_from_them() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/first/v1"))
        .section("strategy:\n  mode: fallback\ndiscovery:\n  enabled: false")
        .target("circuit_breaker: {enabled: false}")
        .further_target(&format!(
            "- virtual_key: second\n  provider: replicate\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/second/v1\n  models: {{{MODEL}: \"{LLAMA}\", back: \"{LLAMA}\"}}\n  circuit_breaker: {{enabled: false}}"
        ))
        .further_target(&format!(
            "- virtual_key: third\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/third/v1\n  models: [back]"
        ));
    let gateway = Gateway::start(&setup);
    vendor.when("/first/v1/chat/completions", 2, "status=503");
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.header("x-gateway-target"), Some("second"));
        assert_eq!(answer.header("x-gateway-model"), Some(LLAMA));
    }
    for settings in [
        "status=503",
        "error_in_200",
        "finish_reason=canceled;text=",
        "reset",
    ] {
        for body in [chat_body("back"), stream_body("back")] {
            vendor.when("/predictions", 1, settings);
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
            assert_eq!(
                answer.header("x-gateway-target"),
                Some("third"),
                "{settings}"
            );
            let line = gateway.access(&answer);
            assert_eq!(line["attempts"], 2, "{settings}: {line}");
        }
    }
}
