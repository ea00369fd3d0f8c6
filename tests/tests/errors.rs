//! Spec 02 §8 and checklist 8 and 9: what a client is told when a call fails.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::MODEL;
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, keys, stream_body};

#[derive(Clone, Copy)]
struct Case {
    upstream: u16,
    retry_after: Option<&'static str>,
    status: u16,
    kind: &'static str,
    code: &'static str,
    hint: Option<&'static str>,
}

const fn case(upstream: u16, status: u16, kind: &'static str, code: &'static str) -> Case {
    Case {
        upstream,
        retry_after: None,
        status,
        kind,
        code,
        hint: None,
    }
}

const fn hinted(case: Case, retry_after: &'static str) -> Case {
    Case {
        retry_after: Some(retry_after),
        hint: Some(retry_after),
        ..case
    }
}

const INVALID: &str = "invalid_request_error";
const UPSTREAM: &str = "upstream_error";

const CASES: &[Case] = &[
    case(400, 400, INVALID, "invalid_request"),
    case(422, 422, INVALID, "invalid_request"),
    case(401, 502, UPSTREAM, "upstream_auth_error"),
    case(403, 502, UPSTREAM, "upstream_auth_error"),
    case(404, 404, INVALID, "model_not_found"),
    case(408, 504, UPSTREAM, "upstream_timeout"),
    case(504, 504, UPSTREAM, "upstream_timeout"),
    hinted(
        case(429, 429, "rate_limit_error", "rate_limit_exceeded"),
        "17",
    ),
    Case {
        hint: Some("1"),
        ..case(429, 429, "rate_limit_error", "rate_limit_exceeded")
    },
    // Spec 03 §12.3 row 28: what is the caller's own keeps its status.
    case(409, 409, INVALID, "invalid_request"),
    case(412, 412, INVALID, "invalid_request"),
    case(413, 413, INVALID, "request_too_large"),
    case(415, 415, INVALID, "invalid_request"),
    case(302, 502, UPSTREAM, "upstream_error"),
    case(418, 502, UPSTREAM, "upstream_error"),
    case(500, 502, UPSTREAM, "upstream_error"),
    case(501, 502, UPSTREAM, "upstream_error"),
    case(502, 502, UPSTREAM, "upstream_error"),
    case(424, 502, UPSTREAM, "upstream_error"),
    case(498, 503, UPSTREAM, "upstream_overloaded"),
    case(503, 503, UPSTREAM, "upstream_overloaded"),
    hinted(case(503, 503, UPSTREAM, "upstream_overloaded"), "9"),
    case(529, 503, UPSTREAM, "upstream_overloaded"),
];

#[test]
fn a_vendors_status_becomes_the_documented_answer() {
    let vendor = Vendor::start();
    let off = "circuit_breaker: {enabled: false}";
    let gateway = Gateway::start(&Gateway::before(&vendor).target(off));
    let mut wrong = Vec::new();
    for Case {
        upstream,
        retry_after,
        status,
        kind,
        code,
        hint,
    } in CASES
    {
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            let hint_setting = retry_after
                .map(|value| format!(";retry_after={value}"))
                .unwrap_or_default();
            vendor.next(&format!("status={upstream}{hint_setting}"));
            let answer = gateway.chat(body);
            let (said_kind, said_code) = answer.error();
            let said = (
                answer.status(),
                said_kind.as_str(),
                said_code.as_str(),
                answer.header("retry-after"),
            );
            if said != (*status, *kind, *code, *hint) {
                wrong.push(format!(
                    "upstream {upstream}: {said:?}, not {:?}",
                    (status, kind, code, hint)
                ));
            }
            let line = gateway.access(&answer);
            assert_eq!(
                (line["outcome"].as_str(), line["provider"].as_str()),
                (Some("failed"), Some("openai")),
                "{line}"
            );
            assert_eq!(
                (line["attempts"].as_u64(), line["status"].as_u64()),
                (Some(1), Some(answer.status().into())),
                "{line}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A vendor whose account has run dry: the status is fixed, the code may say more.
#[test]
fn an_exhausted_vendor_account_is_the_gateways_trouble() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    vendor.next("status=402");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.error().0.as_str()),
        (502, UPSTREAM)
    );
}

#[test]
fn a_hint_is_rounded_up_and_read_in_every_form() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for (settings, expected) in [
        ("status=429;retry_after=2.3", Some("3")),
        ("status=429;header=x-ratelimit-reset:12", Some("12")),
        ("status=503;header=x-ratelimit-reset:12", Some("12")),
        ("status=429;header=x-ratelimit-reset:1786100000", Some("1")),
        ("status=429;retry_after=soon", Some("1")),
        ("status=500", None),
        ("status=404;retry_after=4", Some("4")),
    ] {
        vendor.next(settings);
        assert_eq!(
            gateway.chat(chat_body(MODEL)).header("retry-after"),
            expected,
            "{settings}"
        );
    }
    vendor.next("status=429;retry_after=Fri, 31 Dec 1999 23:59:59 GMT");
    let past = gateway.chat(chat_body(MODEL));
    assert!(
        matches!(past.header("retry-after"), Some("0" | "1")),
        "{:?}",
        past.head
    );
}

/// Who is turned away wants to know by whom, and the limits most of all.
#[test]
fn a_refusal_carries_the_limits_and_names_its_origin() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).model("mine", "the-vendors-own"));
    for body in [chat_body("mine"), stream_body("mine")] {
        vendor.next("status=429;retry_after=3;header=x-ratelimit-limit-requests:60;header=x-ratelimit-remaining-tokens:0;header=set-cookie:a=b;header=x-request-id:req_1");
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 429, "{}", answer.text());
        answer.error();
        for (name, value) in [
            ("retry-after", "3"),
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-upstream-request-id", "req_1"),
            ("x-gateway-provider", "openai"),
            ("x-gateway-target", "openai"),
            ("x-gateway-model", "the-vendors-own"),
        ] {
            assert_eq!(
                answer.header(name),
                Some(value),
                "{name}: {:?}",
                answer.head
            );
        }
        let overhead: f64 = answer
            .header("x-gateway-overhead-ms")
            .and_then(|text| text.parse().ok())
            .expect("a number of milliseconds");
        assert!((0.0..100.0).contains(&overhead), "{overhead}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let own = gateway.chat(chat_body("nobody-serves-this"));
    for name in ["x-gateway-provider", "x-gateway-target", "x-gateway-model"] {
        assert_eq!(own.header(name), None, "no vendor had a part in it: {name}");
    }
}

#[test]
fn the_vendors_words_reach_the_client_only_when_the_request_was_wrong() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for (status, body, expected) in [
        (
            400,
            r#"{"error":{"message":"the moon is full","type":"x","param":"messages"}}"#,
            "the moon is full",
        ),
        (422, r#"{"error":"the moon is full"}"#, "the moon is full"),
        (400, r#"{"detail":"the moon is full"}"#, "the moon is full"),
        (
            422,
            r#"{"detail":[{"loc":["body","n"],"msg":"the moon is full"}]}"#,
            "the moon is full",
        ),
        (400, r#"{"message":"the moon is full"}"#, "the moon is full"),
    ] {
        vendor.next(&format!("status={status};body={}", escaped(body)));
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(answer.status(), status, "{body}");
        let text = answer.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(text.contains(expected), "{body}: {text}");
    }
    for (status, body) in [
        (400, "<html>the moon is full</html>"),
        (500, r#"{"error":{"message":"the moon is full"}}"#),
        (401, r#"{"error":{"message":"the moon is full"}}"#),
        (404, r#"{"error":{"message":"the moon is full"}}"#),
        (429, r#"{"error":{"message":"the moon is full"}}"#),
    ] {
        vendor.next(&format!("status={status};body={}", escaped(body)));
        let answer = gateway.chat(chat_body(MODEL));
        assert!(
            !answer.text().contains("moon"),
            "{status} {body}: {}",
            answer.text()
        );
    }
}

#[test]
fn a_long_text_is_cut_and_secrets_in_it_are_blotted_out() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let long = "ä".repeat(5000);
    vendor.next(&format!(
        r#"status=400;body={{"error":{{"message":"{long}"}}}}"#
    ));
    let answer = gateway.chat(chat_body(MODEL));
    let text = answer.json()["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        (100..=2100).contains(&text.chars().count()),
        "{}",
        text.chars().count()
    );

    for secret in [
        "sk-proj-abcdefghijklmnopqrstuvwxyz012345",
        "AKIAIOSFODNN7EXAMPLE",
        "gsk_abcdefghijklmnopqrstuvwxyz0123456789",
        "someone@corp.example",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ] {
        vendor.next(&format!(
            r#"status=400;body={{"error":{{"message":"bad {secret} here"}}}}"#
        ));
        let answer = gateway.chat(chat_body(MODEL));
        assert!(!answer.text().contains(secret), "{}", answer.text());
        assert!(
            !gateway.access(&answer).to_string().contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn case_22_a_model_nobody_serves_is_the_same_404_in_every_form() {
    let vendor = Vendor::start();
    // A key in the environment registers a provider; without a target nothing may reach it.
    let setup = Gateway::before(&vendor)
        .model("my-model", "my-model")
        .env("GROQ_API_KEY", "gsk_x");
    let gateway = Gateway::start(&setup);
    let refused: Vec<_> = [
        "nobody-serves-this",
        "llama-3.3-70b-versatile",
        "My-Model",
        "my-model ",
        "nobody/my-model",
    ]
    .iter()
    .flat_map(|model| [chat_body(model), stream_body(model)])
    .map(|body| gateway.chat(body))
    .collect();
    for answer in &refused {
        assert_eq!(answer.status(), 404, "{}", answer.text());
        assert_eq!(answer.error(), (INVALID.into(), "model_not_found".into()));
        let told = answer.text().replace("; did you mean `my-model`?", "");
        assert_eq!(
            told,
            refused[0].text(),
            "one answer for all, but for a name like it"
        );
        assert_eq!(answer.header("retry-after"), None);
        let line = gateway.access(answer);
        assert_eq!(
            (line["outcome"].as_str(), line["surface"].as_str()),
            (Some("failed"), Some("chat")),
            "{line}"
        );
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn an_unknown_model_is_not_found_upstream_in_other_words() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).model("there", "nope-there"));
    let (here, there) = (
        gateway.chat(chat_body("nobody-serves-this")),
        gateway.chat(chat_body("there")),
    );
    assert_eq!(
        (here.status(), here.error()),
        (there.status(), there.error())
    );
    assert_ne!(here.text(), there.text());
}

#[test]
fn a_request_that_cannot_be_right_costs_nothing() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let hi = r#"[{"role":"user","content":"hi"}]"#;
    for (body, param) in [
        (format!(r#"{{"messages":{hi}}}"#), Some("model")),
        (format!(r#"{{"model":"","messages":{hi}}}"#), Some("model")),
        (
            format!(r#"{{"model":null,"messages":{hi}}}"#),
            Some("model"),
        ),
        (format!(r#"{{"model":7,"messages":{hi}}}"#), Some("model")),
        (format!(r#"{{"model":"{MODEL}"}}"#), Some("messages")),
        (
            format!(r#"{{"model":"{MODEL}","messages":[]}}"#),
            Some("messages"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":"hi"}}"#),
            Some("messages"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"temperature":2.5}}"#),
            Some("temperature"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"top_p":-1}}"#),
            Some("top_p"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"presence_penalty":-2.1}}"#),
            Some("presence_penalty"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"frequency_penalty":9}}"#),
            Some("frequency_penalty"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"max_tokens":0}}"#),
            Some("max_tokens"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"max_completion_tokens":-1}}"#),
            Some("max_completion_tokens"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"stop":7}}"#),
            Some("stop"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"stop":[7]}}"#),
            Some("stop"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","messages":{hi},"stream":"yes"}}"#),
            Some("stream"),
        ),
        (
            format!(r#"{{"model":"{MODEL}","model":"{MODEL}","messages":{hi}}}"#),
            None,
        ),
        (
            format!(r#"{{"model":"{MODEL}","mod\u0065l":"x","messages":{hi}}}"#),
            None,
        ),
    ] {
        let answer = gateway.chat(body.as_str());
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(
            answer.error(),
            (INVALID.into(), "invalid_request".into()),
            "{body}"
        );
        assert!(
            answer.text().contains(param.unwrap_or("model")),
            "{body}: {}",
            answer.text()
        );
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn a_models_name_has_a_bound() {
    let vendor = Vendor::start();
    let longest = "m".repeat(256);
    let gateway = Gateway::start(&Gateway::before(&vendor).model(&longest, "m"));
    assert_eq!(gateway.chat(chat_body(&longest)).status(), 200);
    for name in ["m".repeat(257), "ä".repeat(129), "m".repeat(100_000)] {
        for body in [chat_body(&name), stream_body(&name)] {
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), 400, "{}", answer.text());
            assert_eq!(answer.error(), (INVALID.into(), "invalid_request".into()));
            assert_eq!(answer.json()["error"]["param"], "model");
            let line = gateway.access(&answer);
            assert!(
                line.to_string().len() < 2000,
                "the line does not repeat it: {line}"
            );
        }
    }
}

#[test]
fn what_is_only_unusual_is_let_through() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let hi = r#"[{"role":"user","content":"hi"}]"#;
    for more in [
        r#""stop":null,"tool_choice":null,"temperature":null"#,
        r#""stop":"x","temperature":2,"top_p":1,"presence_penalty":-2"#,
        r#""logit_bias":{"1":-100},"user":"u","seed":-9223372036854775808"#,
        r#""anything":{"at":["all"]}"#,
    ] {
        let body = format!(r#"{{"model":"{MODEL}","messages":{hi},{more}}}"#);
        let answer = gateway.chat(body.as_str());
        assert_eq!(answer.status(), 200, "{more}: {}", answer.text());
        assert_eq!(String::from_utf8_lossy(&vendor.last().body), body);
    }
}

#[test]
fn a_vendor_that_is_not_there_is_a_bad_gateway() {
    let vendor = Vendor::start();
    let nowhere = format!("http://{}/v1", ferrogw_tests::gateway::free_address());
    let gateway = Gateway::start(&ferrogw_tests::config::Setup::at(&nowhere));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 502, "{}", answer.text());
        assert_eq!(answer.error(), (UPSTREAM.into(), "upstream_error".into()));
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
        assert!(
            gateway.access(&answer)["error"]
                .as_str()
                .is_some_and(|cause| !cause.is_empty())
        );
    }
    drop(vendor);
}

#[test]
fn deadlines_end_a_call_that_takes_too_long() {
    let vendor = Vendor::start();
    let base = || {
        Gateway::before(&vendor)
            .model("silent", "mock:stall")
            .model("slow", "mock:latency=30s")
    };
    for (setup, model) in [
        (base().target("timeouts:\n  first_byte: 300ms"), "silent"),
        (base().target("timeouts:\n  total: 300ms"), "slow"),
        (base().section("request_timeout: 300ms"), "silent"),
    ] {
        let gateway = Gateway::start(&setup);
        for body in [chat_body(model), stream_body(model)] {
            let begun = std::time::Instant::now();
            let answer = gateway.chat(body);
            assert_eq!(answer.status(), 504, "{}", answer.text());
            assert_eq!(answer.error(), (UPSTREAM.into(), "gateway_timeout".into()));
            assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        }
    }
}

#[test]
fn an_error_in_a_success_is_an_error() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for (body, status) in [
        (r#"{"error":{"message":"x","code":429}}"#, 429),
        (
            r#"{"error":{"message":"x","type":"invalid_request_error"}}"#,
            400,
        ),
        (r#"{"error":"x"}"#, 502),
        (r#"{"error":{"message":"x"},"choices":null}"#, 502),
        ("", 502),
        ("[]", 502),
        ("null", 502),
        ("{}", 502),
        (r#"{"choices":["#, 502),
    ] {
        vendor.next(&format!("status=200;body={}", escaped(body)));
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(answer.status(), status, "{body}: {}", answer.text());
        answer.error();
    }
}

#[test]
fn every_refusal_has_the_envelope_and_one_line() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for call in [
        Call::chat("{"),
        Call::chat(chat_body(MODEL)),
        Call::get("/v1/chat/completions"),
        Call::get("/nowhere"),
        Call::get("/v1/models/nope"),
    ] {
        for call in [call.clone(), call.bearer(keys::APP.token)] {
            let answer = gateway.send(&call);
            if answer.status() == 200 {
                continue;
            }
            let text = answer.text();
            answer.error();
            assert!(
                text.ends_with('\n') && text.trim_end().lines().count() == 1,
                "{text:?}"
            );
            let members: Vec<String> = answer.json()["error"]
                .as_object()
                .map(|error| error.keys().cloned().collect())
                .unwrap_or_default();
            assert!(
                members
                    .iter()
                    .all(|name| ["message", "type", "code", "param"].contains(&name.as_str())),
                "{members:?}"
            );
        }
    }
}
