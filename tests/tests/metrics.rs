//! Spec 02 §14 and checklist 16: who may read the metrics, their names, and one receipt for each call.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::MODEL;
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, eventually, keys, stream_body};

#[test]
fn metrics_are_for_those_who_may_read() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let status = |token: Option<&str>| {
        let call = Call::get("/metrics");
        gateway
            .send(&token.map_or(call.clone(), |token| call.bearer(token)))
            .status()
    };
    assert_eq!(status(None), 401);
    assert_eq!(status(Some("fgw_unknown")), 401);
    assert_eq!(status(Some(keys::APP.token)), 403);
    assert_eq!(status(Some(keys::EYES.token)), 200);
    assert_eq!(status(Some(keys::ROOT.token)), 200);
    assert_eq!(status(Some(keys::MASTER)), 200);
}

#[test]
fn the_page_is_what_a_scraper_asks_for() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let page = |accept: &str| {
        let call = Call::get("/metrics").bearer(keys::EYES.token);
        gateway.send(&if accept.is_empty() {
            call
        } else {
            call.header("accept", accept)
        })
    };
    let classic = page("");
    assert!(
        classic
            .header("content-type")
            .is_some_and(|media| media.starts_with("text/plain")),
        "{:?}",
        classic.head
    );
    let open = page("application/openmetrics-text; version=1.0.0,text/plain;q=0.5");
    assert!(
        open.header("content-type")
            .is_some_and(|media| media.starts_with("application/openmetrics-text"))
    );
    assert!(open.text().trim_end().ends_with("# EOF"));
}

#[test]
fn the_documented_names_are_there() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(
        &Gateway::before(&vendor)
            .env("RATE_LIMIT_RPS", "0.001")
            .env("RATE_LIMIT_BURST", "1"),
    );
    gateway.chat(chat_body(MODEL));
    gateway.chat(stream_body(MODEL));
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    for _ in 0..3 {
        gateway.send(&Call::get("/v1/models"));
    }
    let has_all = || {
        let samples = gateway.metrics();
        let missing: Vec<&str> = [
            "gateway_requests_total",
            "gateway_request_duration_seconds",
            "gateway_tokens_input_total",
            "gateway_tokens_output_total",
            "gateway_provider_errors_total",
            "gateway_rate_limit_rejections_total",
            "gateway_server_connections_current",
            "gateway_server_connection_transitions_total",
        ]
        .into_iter()
        .filter(|name| !samples.has(name))
        .collect();
        if missing.is_empty() {
            Ok(samples)
        } else {
            Err(missing)
        }
    };
    let samples = has_all().unwrap_or_else(|missing| panic!("missing: {missing:?}"));

    let of_model = [("provider", "openai"), ("model", MODEL)];
    let with = |status| {
        samples.count(
            "gateway_requests_total",
            &[of_model[0], of_model[1], ("status", status)],
        )
    };
    assert_eq!([with("success"), with("error")], [2, 1]);
    assert!(
        samples.count("gateway_request_duration_seconds_count", &of_model) >= 3,
        "successes and failures"
    );
    assert!(
        samples.count(
            "gateway_provider_errors_total",
            &[("provider", "openai"), ("error_type", "provider_error")]
        ) >= 1
    );
    assert!(
        samples.count("gateway_server_connections_current", &[("state", "active")]) >= 1,
        "this scrape's own"
    );
    assert!(
        samples.count(
            "gateway_server_connection_transitions_total",
            &[("state", "new")]
        ) >= 6
    );
}

#[test]
fn a_provider_that_cannot_be_used_is_counted() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).further_target("- virtual_key: groq");
    let gateway = Gateway::start(&setup);
    assert!(
        gateway.metrics().count(
            "gateway_provider_init_failures_total",
            &[("provider", "groq")]
        ) >= 1
    );
}

#[test]
fn tokens_are_counted_as_the_vendor_counts_them() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.next("prompt_tokens=1000;completion_tokens=77");
        let answer = gateway.chat(body);
        gateway.access(&answer);
    }
    let samples = gateway.metrics();
    let labels = [("provider", "openai"), ("model", MODEL)];
    assert_eq!(samples.count("gateway_tokens_input_total", &labels), 2000);
    assert_eq!(samples.count("gateway_tokens_output_total", &labels), 154);
}

/// However a call ends, it is counted once and has one line.
#[test]
fn one_call_one_receipt() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=20ms")
        .model("silent", "mock:stall")
        .target("timeouts:\n  first_byte: 500ms");
    let gateway = Gateway::start(&setup);
    let mut calls = 0;
    for (settings, body) in [
        ("", chat_body(MODEL)),
        ("", stream_body(MODEL)),
        ("status=500", chat_body(MODEL)),
        ("status=429", stream_body(MODEL)),
        ("error_in_200=2", stream_body(MODEL)),
        ("cut_event=2", stream_body(MODEL)),
        ("reset", chat_body(MODEL)),
    ] {
        if !settings.is_empty() {
            vendor.next(settings);
        }
        gateway.chat(body);
        calls += 1;
    }
    for call in [
        Call::chat(chat_body("silent")).bearer(keys::APP.token),
        Call::chat(chat_body("nobody-serves-this")).bearer(keys::APP.token),
        Call::chat("{").bearer(keys::APP.token),
        Call::chat(chat_body(MODEL)).bearer(keys::EYES.token),
        Call::chat(chat_body(MODEL)).bearer("nonsense"),
        Call::chat(chat_body(MODEL)),
    ] {
        gateway.send(&call);
        calls += 1;
    }
    for _ in 0..3 {
        let mut live = gateway.open_chat(stream_body("endless"));
        assert!(live.next().is_some());
        calls += 1;
    }

    let lines = || {
        let all = gateway.log.objects().into_iter();
        all.filter(|line| line["msg"] == "request" && line["surface"] == "chat")
            .collect::<Vec<_>>()
    };
    eventually("every call has its line", || {
        (lines().len() >= calls).then_some(())
    });
    let of = |outcome: &str| {
        lines()
            .iter()
            .filter(|line| line["outcome"] == outcome)
            .count()
    };
    let outcomes = [of("answered"), of("denied"), of("failed"), of("aborted")];
    assert_eq!(outcomes, [2, 3, 8, 3], "{:#?}", lines());
    assert_eq!(lines().len(), calls);

    let expected = calls as u64;
    let samples = gateway.metrics();
    assert_eq!(samples.count("gateway_requests_total", &[]), expected);
    assert_eq!(
        samples.count("gateway_http_responses_total", &[("surface", "chat")]),
        expected
    );
    assert_eq!(
        samples.count("gateway_client_disconnects_total", &[("surface", "chat")]),
        3
    );
    assert_eq!(
        samples.count("gateway_in_flight_requests", &[("surface", "chat")]),
        0,
        "nothing is left open"
    );
    assert_eq!(
        samples.count("gateway_request_duration_seconds_count", &[]),
        expected
    );
    assert_eq!(
        samples.count("gateway_requests_total", &[("status", "success")]),
        2
    );
    assert_eq!(
        samples.count("gateway_requests_total", &[("status", "rejected")]),
        3
    );
    for kind in ["provider_error", "timeout"] {
        assert!(
            samples.count("gateway_provider_errors_total", &[("error_type", kind)]) >= 1,
            "{kind}"
        );
    }
}

#[test]
fn names_from_outside_make_no_series_of_their_own() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for n in 0..50 {
        gateway.chat(chat_body(&format!("made-up-{n}")));
    }
    let samples = gateway.metrics();
    let models = samples.values("gateway_requests_total", "model");
    assert!(
        !models.iter().any(|model| model.starts_with("made-up")),
        "{models:?}"
    );
    assert!(models.contains(&"unknown"), "{models:?}");
}

/// A provider that takes any model is asked for whatever a client invents; its 404 says that the name
/// was worth no series.
#[test]
fn names_that_an_open_provider_does_not_know_make_none_either() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).target("provider: groq"));
    for n in 0..100 {
        let name = format!("nope-{n}");
        let body = if n % 2 == 0 {
            chat_body(&name)
        } else {
            stream_body(&name)
        };
        assert_eq!(gateway.chat(body).status(), 404);
    }
    assert_eq!(vendor.received().len(), 100, "the provider was asked");
    let page = gateway.send(&Call::get("/metrics").bearer(keys::EYES.token));
    assert!(!page.text().contains("nope-"), "{}", page.text());
    assert_eq!(
        gateway.metrics().count(
            "gateway_requests_total",
            &[
                ("provider", "groq"),
                ("model", "unknown"),
                ("status", "error")
            ]
        ),
        100
    );
}

#[test]
fn an_access_line_says_all_there_is_to_know() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).section("aliases:\n  nickname: gpt-test"));
    vendor.next("prompt_tokens=9;completion_tokens=3");
    let answer = gateway.ask(Call::post(
        "/v1/chat/completions?secret=1",
        chat_body("nickname"),
    ));
    let line = gateway.access(&answer);
    for (name, value) in [
        ("level", "INFO"),
        ("msg", "request"),
        ("method", "POST"),
        ("path", "/v1/chat/completions"),
        ("remote", "127.0.0.1"),
        ("surface", "chat"),
        ("outcome", "answered"),
        ("provider", "openai"),
        ("target", "openai"),
        ("model", MODEL),
        ("key", "app"),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    for (name, value) in [
        ("status", 200),
        ("bytes", answer.body.len() as u64),
        ("attempts", 1),
        ("tokens_in", 9),
        ("tokens_out", 3),
    ] {
        assert_eq!(line[name].as_u64(), Some(value), "{name}: {line}");
    }
    assert_eq!(line["estimated"], false);
    assert!(
        line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0),
        "{line}"
    );
    let time = line["time"].as_str().unwrap_or_default();
    assert!(
        time.len() >= 20 && time.as_bytes()[10] == b'T' && time.ends_with('Z'),
        "RFC 3339: {time}"
    );
    assert!(!line.to_string().contains("secret"), "no query: {line}");

    vendor.next("status=500");
    let failed = gateway.access(&gateway.chat(chat_body(MODEL)));
    assert_eq!(failed["level"], "ERROR");
    let refused = gateway.access(&gateway.chat("{"));
    assert_eq!(refused["level"], "WARN");
}

/// What clients and operators name things must not break what machines read.
#[test]
fn odd_names_break_neither_the_log_nor_the_metrics() {
    let vendor = Vendor::start();
    let names = [
        "quo\"te",
        "back\\slash",
        "new\nline",
        "crab 🦀",
        "bell\u{7}",
        "a{b=\"c\"} 1",
    ];
    let setup = names.iter().fold(Gateway::before(&vendor), |setup, name| {
        setup.model(name, name)
    });
    let gateway = Gateway::start(&setup);
    for name in names {
        let model = serde_json::to_string(name).expect("a string");
        let body = chat_body("M").replace("\"M\"", &model);
        let answer = gateway.chat(body.replace("{\"model\"", "{\"stream\":false,\"model\""));
        assert_eq!(answer.status(), 200, "{name:?}: {}", answer.text());
        let line = gateway.access(&answer);
        assert_eq!(line["asked"], name, "{line}");
    }
    for (target, id) in [
        ("/%22%0a%5c", "a\"b"),
        ("/v1/models/%0d%0a", "{\"msg\":\"request\"}"),
    ] {
        gateway.send(&Call::get(target).header("x-request-id", id));
    }
    let samples = gateway.metrics();
    let models = samples.values("gateway_requests_total", "model");
    assert!(
        models.iter().any(|model| model.contains("quo\"te")),
        "{models:?}"
    );
    assert!(
        gateway
            .log
            .lines()
            .iter()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{:?}",
        gateway.log.lines()
    );
}

#[test]
fn reloads_are_counted() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let count = |result: &str| {
        gateway
            .metrics()
            .count("gateway_config_reloads_total", &[("result", result)])
    };
    gateway.signal("HUP");
    eventually("a good one", || (count("success") == 1).then_some(()));
    gateway.rewrite_config("nonsense: true");
    gateway.signal("HUP");
    eventually("a bad one", || (count("error") >= 1).then_some(()));
}
