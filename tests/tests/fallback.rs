//! Spec 01 §8 and §13: which failures move on to the next target, and until when.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Event, Gateway, Vendor, chat_body, stream_body};

/// Two targets at one vendor, told apart by their paths.
fn two_targets(vendor: &Vendor, mode: &str) -> Setup {
    let root = format!("http://{}", vendor.addr());
    Setup::at(&format!("{root}/first/v1"))
        .section(&format!("strategy:\n  mode: {mode}"))
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/second/v1\n  models:\n    {MODEL}: seconds-own-name"
        ))
}

fn called(vendor: &Vendor) -> Vec<String> {
    let paths = vendor.received().into_iter().map(|request| request.path);
    let names = paths.map(|path| path.split('/').nth(1).unwrap_or_default().to_owned());
    names.collect()
}

#[test]
fn r6_a_failure_of_the_target_moves_on_and_one_of_the_caller_does_not() {
    let vendor = Vendor::start();
    for (settings, moves_on) in [
        ("status=500", true),
        ("status=503", true),
        ("status=429", true),
        ("status=401", true),
        ("status=403", true),
        ("status=404", true),
        ("status=408", true),
        ("reset", true),
        ("close", true),
        ("not_http", true),
        ("truncated", true),
        ("empty", true),
        // Another model may read more, another vendor take more.
        ("status=413", true),
        (
            r#"status=400;body={"error":{"message":"too long","code":"context_length_exceeded"}}"#,
            true,
        ),
        ("status=400", false),
        ("status=422", false),
    ] {
        for streamed in [false, true] {
            if streamed && settings == "truncated" {
                continue; // then content has already gone out
            }
            // A fresh one each time: what one failure leaves behind is not the matter here.
            let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
            vendor.forget();
            vendor.next(settings);
            let answer = gateway.chat(if streamed {
                stream_body(MODEL)
            } else {
                chat_body(MODEL)
            });
            let line = gateway.access(&answer);
            let expected: &[&str] = if moves_on {
                &["first", "second"]
            } else {
                &["first"]
            };
            assert_eq!(
                called(&vendor),
                expected,
                "{settings}, streamed: {streamed}"
            );
            assert_eq!(
                line["attempts"].as_u64(),
                Some(expected.len() as u64),
                "{settings}: {line}"
            );
            if moves_on {
                assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
                assert_eq!(line["target"], "second", "{line}");
                assert_eq!(answer.header("x-gateway-target"), Some("second"));
                let sent = vendor.last().json().expect("JSON");
                assert_eq!(
                    sent["model"], "seconds-own-name",
                    "each target has its own name for the model"
                );
            }
        }
    }
}

#[test]
fn a_stream_that_fails_before_its_first_content_moves_on_unseen() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback").target("timeouts:\n  idle: 1s"));
    for settings in [
        "error_in_200=0",
        "cut_event=0",
        "reset_after_head",
        "wrong_content_type",
        "role_only_then_stall",
    ] {
        vendor.forget();
        vendor.next(settings);
        let answer = gateway.chat(stream_body(MODEL));
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        assert_eq!(called(&vendor), ["first", "second"], "{settings}");
        let events = answer.events();
        assert!(events.last().is_some_and(Event::is_done), "{settings}");
        let roles = events
            .iter()
            .filter_map(Event::json)
            .filter(|chunk| chunk["choices"][0]["delta"]["role"].is_string());
        assert_eq!(
            roles.count(),
            1,
            "{settings}: nothing of the first attempt shows"
        );
    }
}

#[test]
fn after_the_first_content_there_is_no_other_target() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
    vendor.next("cut_event=2;events=5;cadence=50ms");
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(answer.status(), 200);
    let last = answer
        .events()
        .last()
        .and_then(Event::json)
        .expect("a last event");
    assert_eq!(last["error"]["code"], "stream_error", "{last}");
    assert_eq!(called(&vendor), ["first"]);
}

#[test]
fn when_all_fail_the_client_learns_of_the_last() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
    vendor.next("status=503;retry_after=30");
    vendor.next("status=429;retry_after=7");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (429, Some("7")),
        "{}",
        answer.text()
    );
    assert_eq!(called(&vendor), ["first", "second"]);
    let samples = gateway.metrics();
    assert_eq!(
        samples.count("gateway_provider_errors_total", &[]),
        2,
        "also the one that was moved past"
    );
    assert_eq!(
        samples.count("gateway_requests_total", &[]),
        1,
        "one call, whatever it took"
    );
}

#[test]
fn a_hint_of_the_first_outlives_a_last_without_one() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.next("status=503;retry_after=30");
        vendor.next("status=500");
        let answer = gateway.chat(body);
        assert_eq!(
            (answer.status(), answer.header("retry-after")),
            (502, Some("30")),
            "{}",
            answer.text()
        );
    }
}

/// What was moved past would otherwise be seen by nobody: the call was answered.
#[test]
fn an_answered_call_tells_the_operator_what_was_moved_past() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.next("status=401;body={\"error\":{\"message\":\"the account is closed\"}}");
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(&answer);
        assert_eq!(line["attempts"].as_u64(), Some(2), "{line}");
        let told = line["attempt_errors"].as_str().unwrap_or_default();
        for part in ["openai", "upstream_auth_error", "the account is closed"] {
            assert!(told.contains(part), "{part}: {line}");
        }
        assert!(!told.contains("second"), "the second one answered: {line}");
    }
    let untroubled = gateway.access(&gateway.chat(chat_body(MODEL)));
    assert_eq!(untroubled.get("attempt_errors"), None, "{untroubled}");
}

#[test]
fn a_stream_that_breaks_at_the_second_target_tells_of_both() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
    vendor.next("status=503;body={\"error\":{\"message\":\"closed for today\"}}");
    vendor.next("error_in_200=2;events=5;cadence=50ms");
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let line = gateway.access(&answer);
    assert_eq!(line["attempts"].as_u64(), Some(2), "{line}");
    let told = line["attempt_errors"].as_str().unwrap_or_default();
    assert!(
        line["error"]
            .as_str()
            .is_some_and(|cause| cause.contains("overloaded")),
        "{line}"
    );
    for part in ["openai: ", "closed for today", "; second: "] {
        assert!(told.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_refused_connection_is_told_as_well() {
    let vendor = Vendor::start();
    let nowhere = ferrogw_tests::gateway::free_address();
    let setup = Setup::at(&format!("http://{nowhere}/v1"))
        .section("strategy:\n  mode: fallback")
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {}\n  models: [{MODEL}]",
            vendor.base_url()
        ));
    let gateway = Gateway::start(&setup);
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(&answer);
        assert_eq!(line["attempts"].as_u64(), Some(2), "{line}");
        let told = line["attempt_errors"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        for part in ["openai", "upstream_error", "refused"] {
            assert!(told.contains(part), "{part}: {line}");
        }
    }
}

/// The headers of a failure speak of the attempt whose status the client gets.
#[test]
fn what_a_target_said_of_its_limits_goes_with_its_own_failure() {
    let vendor = Vendor::start();
    let limits = "header=x-ratelimit-remaining-requests:0";
    for (first, second, told, name, left) in [
        (
            format!("status=429;{limits}"),
            "status=500".into(),
            429,
            "openai",
            Some("0"),
        ),
        (
            format!("status=500;{limits}"),
            "status=408".into(),
            504,
            "second",
            None,
        ),
        (
            "status=404".into(),
            format!("status=500;{limits}"),
            502,
            "second",
            Some("0"),
        ),
    ] {
        let gateway = Gateway::start(&two_targets(&vendor, "fallback"));
        vendor.next(&first);
        vendor.next(&second);
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(answer.status(), told, "{}", answer.text());
        assert_eq!(answer.header("x-gateway-target"), Some(name));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
    }
}

/// The total time of a target bounds what can still be moved past: all before the first content.
#[test]
fn a_targets_own_time_passing_before_the_first_content_moves_on() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&two_targets(&vendor, "fallback").target("timeouts:\n  total: 600ms"));
    let mut lines = Vec::new();
    for (settings, body) in [
        ("latency=20s", chat_body(MODEL)),
        ("latency=20s", stream_body(MODEL)),
        ("ttft=20s", stream_body(MODEL)),
        ("role_only_then_stall", stream_body(MODEL)),
    ] {
        vendor.forget();
        vendor.next(settings);
        let begun = std::time::Instant::now();
        let answer = gateway.chat(body.as_str());
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        assert_eq!(called(&vendor), ["first", "second"], "{settings}");
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(5),
            "{settings}: {:?}",
            begun.elapsed()
        );
        if body.contains("\"stream\"") {
            let events = answer.events();
            assert!(events.last().is_some_and(Event::is_done), "{settings}");
            assert!(
                !answer.text().contains("\"error\""),
                "{settings}: nothing of the first attempt shows"
            );
        }
        lines.push(gateway.access(&answer));
    }
    for line in lines {
        let told = line["attempt_errors"].as_str();
        assert!(
            told.is_some_and(|told| told.contains("timeouts.total")),
            "{line}"
        );
    }
}

#[test]
fn single_knows_one_target() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "single"));
    vendor.next("status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    assert_eq!(called(&vendor), ["first"]);
}

#[test]
fn a_deadline_holds_for_all_attempts_together() {
    let vendor = Vendor::start();
    let setup = two_targets(&vendor, "fallback")
        .section("request_timeout: 700ms")
        .target("timeouts:\n  first_byte: 500ms");
    let gateway = Gateway::start(&setup);
    vendor.next_times(2, "stall");
    let begun = std::time::Instant::now();
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.error().1.as_str()),
        (504, "gateway_timeout"),
        "{}",
        answer.text()
    );
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_started_stream_is_not_bound_by_the_deadline_of_calls() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("slow", "mock:events=6;cadence=250ms")
        .section("request_timeout: 500ms");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(stream_body("slow"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        answer.events().last().is_some_and(Event::is_done),
        "T6: {}",
        answer.text()
    );
}
