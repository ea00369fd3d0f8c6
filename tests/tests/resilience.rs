//! Spec 01 §9 to §13, §20 to §22.2: retries, breakers, cool-downs, places and hedges, as clients and
//! operators see them. The Z rows that are not here are tested beside the code that they are about.

#![allow(clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{
    Answer, Call, Event, Gateway, SOON, Vendor, chat_body, eventually, keys, stream_body,
};
use serde_json::Value;

/// Two targets at one vendor, told apart by their paths; `lines` are of the first.
fn two_targets(vendor: &Vendor, lines: &str) -> Setup {
    let root = format!("http://{}", vendor.addr());
    Setup::at(&format!("{root}/first/v1"))
        .section("strategy:\n  mode: fallback\ndiscovery:\n  enabled: false")
        .target(lines)
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/second/v1\n  models: [{MODEL}]"
        ))
}

fn one_target(vendor: &Vendor, lines: &str) -> Setup {
    Gateway::before(vendor)
        .section("discovery:\n  enabled: false")
        .target(lines)
}

fn called(vendor: &Vendor) -> Vec<String> {
    let paths = vendor.received().into_iter().map(|request| request.path);
    let names = paths.map(|path| path.split('/').nth(1).unwrap_or_default().to_owned());
    names.collect()
}

fn outcome(answer: &Answer) -> (u16, String) {
    let code = if answer.status() == 200 {
        String::new()
    } else {
        answer.error().1
    };
    (answer.status(), code)
}

fn circuit(gateway: &Gateway) -> String {
    let ready = gateway.send(&Call::get("/readyz")).json();
    ready["providers"][0]["circuit"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Opens on the first failure and stays open for longer than any test takes, unless said otherwise.
const TOUCHY: &str = "circuit_breaker: {failure_threshold: 1, timeout: 10m}";

#[test]
fn case_12_what_another_try_cannot_mend_is_tried_once() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 3}"));
    for status in [400, 401, 402, 403, 404, 422] {
        vendor.forget();
        vendor.next_times(3, &format!("status={status}"));
        gateway.chat(chat_body(MODEL));
        assert_eq!(vendor.received().len(), 1, "{status}");
        vendor.next_times(1, "status=200");
        while gateway.chat(chat_body(MODEL)).status() != 200 {}
    }
}

#[test]
fn case_8_and_13_a_target_is_tried_as_often_as_its_rules_say() {
    let vendor = Vendor::start();
    for (rules, settings, tries) in [
        ("{attempts: 1}", "status=500", 1),
        ("{attempts: 3}", "status=500", 3),
        ("{attempts: 3}", "status=429", 3),
        ("{attempts: 3}", "reset", 3),
        ("{attempts: 3, on_status_codes: [429]}", "status=429", 3),
        ("{attempts: 3, on_status_codes: [429]}", "status=500", 1),
        ("{attempts: 3, on_status_codes: [409]}", "status=409", 3),
        // Z11: sent and perhaps done; the list says which failures are worth paying twice for.
        ("{attempts: 3, on_status_codes: [429]}", "reset", 1),
        // Z11: the answer had begun.
        ("{attempts: 3}", "reset_after_head", 1),
    ] {
        let lines = format!("retry: {rules}\ncircuit_breaker: {{enabled: false}}");
        let gateway = Gateway::start(&one_target(&vendor, &lines));
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            vendor.forget();
            vendor.next_times(tries, settings);
            let answer = gateway.chat(body);
            assert_ne!(answer.status(), 200, "{rules} {settings}");
            let received = vendor.received().len();
            assert_eq!(received, tries as usize, "{rules} {settings}");
            let line = gateway.access(&answer);
            assert_eq!(line["attempts"].as_u64(), Some(tries.into()), "{line}");
        }
    }
}

/// Case 13, Z10 and Z11: where nothing was sent, nothing can be done twice.
#[test]
fn z11_what_was_never_sent_is_tried_again_whatever_the_list_says() {
    let nowhere = ferrogw_tests::gateway::free_address();
    let setup = Setup::at(&format!("http://{nowhere}/v1"))
        .target("retry: {attempts: 3, on_status_codes: [429]}");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(outcome(&answer), (502, "upstream_error".into()));
    assert_eq!(gateway.access(&answer)["attempts"].as_u64(), Some(3));
}

#[test]
fn a_call_that_the_vendor_keeps_is_not_sent_twice_when_it_may_have_arrived() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 3}"));
    let stored = format!(
        r#"{{"model":"{MODEL}","store":true,"messages":[{{"role":"user","content":"hello"}}]}}"#
    );
    vendor.next_times(3, "reset");
    assert_eq!(gateway.chat(stored).status(), 502);
    assert_eq!(vendor.received().len(), 1);
}

#[test]
fn a_second_try_that_goes_well_is_all_that_the_client_sees() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 2}"));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.next("status=503");
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(&answer);
        assert_eq!(line["attempts"].as_u64(), Some(2), "{line}");
        assert!(
            line["waited_ms"].as_f64().is_some_and(|wait| wait < 101.0),
            "{line}"
        );
        assert!(
            line["overhead_ms"].as_f64().is_some_and(|own| own < 100.0),
            "{line}"
        );
    }
    let counted = gateway
        .metrics()
        .count("gateway_retries_total", &[("reason", "provider_error")]);
    assert_eq!(counted, 2);
}

/// Case 14.
#[test]
fn case_14_a_near_hint_is_waited_for_and_a_far_one_leaves_the_target_at_once() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "retry: {attempts: 2}"));
    vendor.next("status=503;retry_after=1");
    let begun = Instant::now();
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(called(&vendor), ["first", "first"]);

    vendor.forget();
    vendor.next("status=503;retry_after=120");
    let begun = Instant::now();
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(called(&vendor), ["first", "second"]);
}

/// Z4: what would be waited for at one target is asked of another at once; a wait is what is left
/// when nobody else has served the call.
#[test]
fn z4_case_14_nobody_waits_for_a_rate_limit_while_another_target_is_free() {
    let vendor = Vendor::start();
    let patient = "retry: {attempts: 2}";
    for (answers, order, wait) in [
        (
            &["status=429;retry_after=20"][..],
            &["first", "second"][..],
            0,
        ),
        (&["status=429"], &["first", "second"], 0),
        (
            &["status=429;retry_after=1", "status=500"],
            &["first", "second", "first"],
            1,
        ),
        // A failure that nobody limits is mended where it was, as ever.
        (&["status=503;retry_after=1"], &["first", "first"], 1),
    ] {
        let gateway = Gateway::start(&two_targets(&vendor, patient));
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            vendor.forget();
            for answer in answers {
                vendor.next(answer);
            }
            let begun = Instant::now();
            let answer = gateway.chat(body);
            let took = begun.elapsed();
            assert_eq!(answer.status(), 200, "{answers:?}: {}", answer.text());
            assert_eq!(called(&vendor), order, "{answers:?}");
            let least = Duration::from_secs(wait);
            assert!(
                took >= least && took < least + SOON,
                "{answers:?}: {took:?}"
            );
            eventually("the first has its turn again", || {
                vendor.forget();
                gateway.chat(chat_body(MODEL));
                (wait == 0 || called(&vendor) == ["first"]).then_some(())
            });
            if wait == 0 {
                break;
            }
        }
    }
}

/// Who named the nearer time is tried first, and each as often as its rules say.
#[test]
fn z4_of_two_that_limit_the_rate_the_sooner_one_is_waited_for() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = two_targets(&vendor, "retry: {attempts: 2}").further_target(&format!(
        "- virtual_key: third\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/third/v1\n  models: [{MODEL}]\n  retry: {{attempts: 2}}"
    ));
    let gateway = Gateway::start(&setup);
    for answer in [
        "status=429;retry_after=20",
        "status=503",
        "status=429;retry_after=1",
    ] {
        vendor.next(answer);
    }
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert_eq!(called(&vendor), ["first", "second", "third", "third"]);
}

#[test]
fn z4_a_rate_limit_that_names_a_near_time_is_waited_for_where_there_is_no_other_target() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 2}"));
    vendor.next("status=429;retry_after=1");
    let begun = Instant::now();
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let line = gateway.access(&answer);
    assert!(
        line["waited_ms"]
            .as_f64()
            .is_some_and(|wait| wait >= 1_000.0),
        "{line}"
    );
    vendor.forget();
    vendor.next("status=429;retry_after=120");
    assert_eq!(outcome(&gateway.chat(chat_body(MODEL))).0, 429);
    assert_eq!(vendor.received().len(), 1, "far away");
}

#[test]
fn a_wait_that_would_outlive_the_call_is_not_begun() {
    let vendor = Vendor::start();
    let setup = two_targets(&vendor, "retry: {attempts: 2}").section("request_timeout: 5s");
    let gateway = Gateway::start(&setup);
    vendor.next("status=503;retry_after=20");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert_eq!(called(&vendor), ["first", "second"]);
}

/// Z12: a storm of failures does not become a multiple of itself.
#[test]
fn z12_retries_have_a_budget() {
    let vendor = Vendor::start();
    let lines = "retry: {attempts: 11, initial_backoff_ms: 1, max_backoff: 1ms}\ncircuit_breaker: {enabled: false}";
    let gateway = Gateway::start(&one_target(&vendor, lines));
    let begun = Instant::now();
    vendor.next_times(1_000, "status=500");
    for _ in 0..20 {
        assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    }
    // What was saved, a fifth of the calls, and one for each second that this took.
    let most = 20 + 20 + 4 + begun.elapsed().as_secs() + 1;
    let received = vendor.received().len() as u64;
    assert!(received <= most, "{received} calls, {most} at most");
    assert!(received > 20, "some were tried again");
    let refused = gateway
        .metrics()
        .count("gateway_retries_total", &[("reason", "over_budget")]);
    assert!(refused > 0);
}

#[test]
fn z1_one_clients_bad_requests_take_the_vendor_away_from_nobody() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, TOUCHY));
    for status in [400, 404, 413, 422, 418, 429] {
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            vendor.next(&format!("status={status}"));
            assert_ne!(gateway.chat(body).status(), 200);
            assert_eq!(circuit(&gateway), "closed", "{status}");
        }
    }
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
}

#[test]
fn failures_of_the_target_open_its_breaker() {
    let vendor = Vendor::start();
    for settings in [
        "status=500",
        "status=401",
        "reset",
        "empty",
        "truncated",
        "stall",
    ] {
        let lines = format!("{TOUCHY}\ntimeouts: {{first_byte: 300ms}}");
        let gateway = Gateway::start(&one_target(&vendor, &lines));
        vendor.next(settings);
        gateway.chat(chat_body(MODEL));
        assert_eq!(circuit(&gateway), "open", "{settings}");
    }
}

/// Z7 and case 11: 503 and never 404, and it says when to come back.
#[test]
fn z7_an_open_circuit_is_a_503_that_says_when_to_come_back() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(
        &vendor,
        "circuit_breaker: {failure_threshold: 1, timeout: 100s}",
    ));
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    vendor.forget();
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(outcome(&answer), (503, "upstream_unavailable".into()));
        let wait: u64 = answer
            .header("retry-after")
            .and_then(|wait| wait.parse().ok())
            .expect("a time to come back");
        assert!((80..=110).contains(&wait), "{wait}");
    }
    assert!(vendor.received().is_empty());
    let samples = gateway.metrics();
    assert_eq!(
        samples.count("gateway_circuit_breaker_state", &[("provider", "openai")]),
        1
    );
    let health = gateway.send(&Call::get("/health")).json();
    assert_eq!(health["providers"][0]["circuit"], "open");
    let told = gateway
        .log
        .wait(SOON, |line| line["msg"] == "a circuit breaker opened");
    assert!(told.is_some());
}

/// R1: the reference answers 404 here, which no client tries again.
#[test]
fn r1_an_open_circuit_beside_a_target_of_other_models_is_no_404() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/first/v1"))
        .section("strategy:\n  mode: fallback\ndiscovery:\n  enabled: false")
        .target(TOUCHY)
        .further_target(&format!(
            "- virtual_key: second\n  provider: vllm\n  base_url: {root}/second/v1\n  models: [another]"
        ));
    let gateway = Gateway::start(&setup);
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(outcome(&answer), (503, "upstream_unavailable".into()));
}

#[test]
fn an_open_target_is_passed_over_and_told_of() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, TOUCHY));
    vendor.next("status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    vendor.forget();
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), called(&vendor)),
        (200, vec!["second".to_owned()])
    );
}

/// Z5.
#[test]
fn z5_one_bad_model_leaves_the_others_alone() {
    let vendor = Vendor::start();
    let setup = one_target(&vendor, TOUCHY).model("bad", "mock:status=500");
    let gateway = Gateway::start(&setup);
    assert_eq!(gateway.chat(chat_body("bad")).status(), 502);
    assert_eq!(gateway.chat(chat_body("bad")).status(), 503);
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
}

/// Z5: a breaker without a word of the operator's.
#[test]
fn z5_breakers_are_on_by_default_and_judge_by_shares() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 1}"));
    let mut until_open = 0;
    loop {
        // Z3: four failures in five, never five in a row.
        if until_open % 5 != 4 {
            vendor.next("status=500");
        }
        if gateway.chat(chat_body(MODEL)).status() == 503 {
            break;
        }
        until_open += 1;
        assert!(until_open < 40, "it never opens");
    }
    assert!(until_open >= 20, "not on a few calls: {until_open}");
}

/// Cases 15 and 16, Z6: one probe, and nobody waits for it who can go elsewhere.
#[test]
fn z6_case_15_while_a_probe_is_out_others_go_elsewhere() {
    let vendor = Vendor::start();
    let setup = two_targets(
        &vendor,
        "circuit_breaker: {failure_threshold: 1, timeout: 300ms}",
    );
    let gateway = Gateway::start(&setup);
    vendor.next("status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    eventually("it is half open", || {
        (circuit(&gateway) == "half-open").then_some(())
    });
    vendor.forget();
    vendor.next("events=40;cadence=50ms");
    let mut probe = gateway.open_chat(stream_body(MODEL));
    assert!(probe.next().is_some());
    for _ in 0..3 {
        assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    }
    assert_eq!(called(&vendor), ["first", "second", "second", "second"]);
    assert_eq!(
        circuit(&gateway),
        "half-open",
        "a started stream is no success yet"
    );
    drop(probe);
    eventually("case 16: the probe is given back", || {
        vendor.forget();
        let answer = gateway.chat(chat_body(MODEL));
        (answer.header("x-gateway-target") == Some("openai")).then_some(())
    });
    assert_eq!(circuit(&gateway), "closed");
}

#[test]
fn a_stream_that_breaks_counts_when_it_breaks() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, TOUCHY));
    vendor.next("cut_event=2;events=5;cadence=50ms");
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(answer.status(), 200);
    assert_eq!(circuit(&gateway), "open");
}

/// Case 20: the gateway's own deadline blames the vendor; a client that leaves blames nobody.
#[test]
fn case_20_the_operators_deadline_counts_and_a_client_that_leaves_does_not() {
    let vendor = Vendor::start();
    let setup = one_target(&vendor, TOUCHY).model("silent", "mock:stall");
    let gateway = Gateway::start(&setup);
    for body in [chat_body("silent"), stream_body("silent")] {
        let mut connection = gateway.connect();
        let call = Call::chat(body).bearer(keys::APP.token);
        connection
            .write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        eventually("the vendor got it", || {
            (vendor.stats().in_flight == 1).then_some(())
        });
        drop(connection);
        eventually("the vendor is let go", || {
            (vendor.stats().in_flight == 0).then_some(())
        });
    }
    assert_eq!(circuit(&gateway), "closed");
    let strict = Gateway::start(&setup.section("request_timeout: 300ms"));
    let answer = strict.chat(chat_body("silent"));
    assert_eq!(outcome(&answer), (504, "gateway_timeout".into()));
    assert_eq!(circuit(&strict), "open");
}

/// Case 21.
#[test]
fn case_21_a_reload_keeps_an_open_breaker_unless_its_own_words_change() {
    let vendor = Vendor::start();
    let setup = |breaker: &str, section: &str| {
        Gateway::before(&vendor)
            .section("discovery:\n  enabled: false")
            .section(section)
            .target(breaker)
    };
    let gateway = Gateway::start(&setup(TOUCHY, ""));
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    let reloaded = |text: &str, times: u64| {
        gateway.rewrite_config(text);
        gateway.signal("HUP");
        eventually("it is reloaded", || {
            let done = gateway
                .metrics()
                .count("gateway_config_reloads_total", &[("result", "success")]);
            (done >= times).then_some(())
        });
    };
    reloaded(&setup(TOUCHY, "request_timeout: 50s").yaml(), 1);
    assert_eq!(circuit(&gateway), "open", "something else changed");
    reloaded(
        &setup("circuit_breaker: {failure_threshold: 2}", "").yaml(),
        2,
    );
    assert_eq!(circuit(&gateway), "closed", "its words changed");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
}

/// Z4: the reference goes on asking first whoever limits the rate.
#[test]
fn z4_a_rate_limited_target_comes_last_until_its_hint_expires() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, TOUCHY));
    vendor.next("status=429;retry_after=2");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.forget();
        assert_eq!(gateway.chat(body).status(), 200);
        assert_eq!(called(&vendor), ["second"]);
    }
    assert_eq!(circuit(&gateway), "closed");
    eventually("it is asked again", || {
        vendor.forget();
        gateway.chat(chat_body(MODEL));
        (called(&vendor) == ["first"]).then_some(())
    });
    assert_eq!(gateway.metrics().count("gateway_cooldowns_total", &[]), 1);

    vendor.next("status=429;retry_after=60");
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    vendor.forget();
    vendor.next("status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert_eq!(called(&vendor), ["second", "first"], "last is not never");
}

#[test]
fn z4_of_several_keys_one_that_is_limited_rests() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at("http://127.0.0.1:1/v1")
        .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
        .env("KEY_A", "sk-a-0123456789abcdefghij")
        .env("KEY_B", "sk-b-0123456789abcdefghij")
        .further_target(&format!(
            "- virtual_key: many\n  provider: openai\n  base_url: {root}/v1\n  models: [many]\n  api_key: [{{value: \"${{KEY_A}}\"}}, {{value: \"${{KEY_B}}\"}}]"
        ));
    let gateway = Gateway::start(&setup);
    vendor.next("status=429;retry_after=60");
    assert_eq!(gateway.chat(chat_body("many")).status(), 429);
    let limited = vendor.last().header("authorization").map(str::to_owned);
    vendor.forget();
    for _ in 0..20 {
        assert_eq!(gateway.chat(chat_body("many")).status(), 200);
    }
    let used = vendor.received();
    assert!(
        used.iter()
            .all(|call| call.header("authorization") != limited.as_deref())
    );
}

/// The time that a vendor names is one for the key that it limits.
#[test]
fn z4_another_key_of_the_same_target_is_tried_without_a_wait() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at("http://127.0.0.1:1/v1")
        .section("discovery:\n  enabled: false")
        .env("KEY_A", "sk-a-0123456789abcdefghij")
        .env("KEY_B", "sk-b-0123456789abcdefghij")
        .further_target(&format!(
            "- virtual_key: many\n  provider: openai\n  base_url: {root}/v1\n  models: [many]\n  retry: {{attempts: 2}}\n  api_key: [{{value: \"${{KEY_A}}\"}}, {{value: \"${{KEY_B}}\"}}]"
        ))
        .section("strategy:\n  mode: fallback");
    let gateway = Gateway::start(&setup);
    vendor.next("status=429;retry_after=20");
    let begun = Instant::now();
    assert_eq!(gateway.chat(chat_body("many")).status(), 200);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let keys: Vec<_> = vendor
        .received()
        .iter()
        .map(|call| call.header("authorization").map(str::to_owned))
        .collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
}

/// Spread before the 429 comes.
#[test]
fn keys_whose_vendor_says_that_little_is_left_are_spared() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at("http://127.0.0.1:1/v1")
        .section("discovery:\n  enabled: false")
        .section("strategy:\n  mode: fallback")
        .env("KEY_A", "sk-a-0123456789abcdefghij")
        .env("KEY_B", "sk-b-0123456789abcdefghij")
        .further_target(&format!(
            "- virtual_key: many\n  provider: openai\n  base_url: {root}/v1\n  models: [many]\n  api_key: [{{value: \"${{KEY_A}}\"}}, {{value: \"${{KEY_B}}\"}}]"
        ));
    let gateway = Gateway::start(&setup);
    vendor.next("header=x-ratelimit-limit-requests:1000;header=x-ratelimit-remaining-requests:3;header=x-ratelimit-reset-requests:60s");
    assert_eq!(gateway.chat(chat_body("many")).status(), 200);
    let scarce = vendor.last().header("authorization").map(str::to_owned);
    vendor.forget();
    for _ in 0..20 {
        gateway.chat(chat_body("many"));
    }
    let used = vendor.received();
    assert!(
        used.iter()
            .all(|call| call.header("authorization") != scarce.as_deref())
    );
}

/// Z13.
#[test]
fn z13_a_vendors_own_reset_headers_tell_the_client_when_to_come_back() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "retry: {attempts: 1}"));
    vendor.next(
        "status=429;header=x-ratelimit-remaining-tokens:0;header=x-ratelimit-reset-tokens:1m2s",
    );
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (429, Some("62"))
    );
}

/// Z8 and Z9: the reference has no budget for one attempt.
#[test]
fn z8_z9_a_hung_target_leaves_time_for_the_next() {
    let vendor = Vendor::start();
    for (budget, cases) in [
        (
            "timeouts: {attempt: 400ms}",
            &["stall", "stall_after_head", "latency=20s"][..],
        ),
        ("timeouts: {first_byte: 400ms}", &["stall", "latency=20s"]),
    ] {
        let setup = two_targets(&vendor, budget).section("request_timeout: 20s");
        let gateway = Gateway::start(&setup);
        for settings in cases {
            for body in [chat_body(MODEL), stream_body(MODEL)] {
                vendor.forget();
                vendor.next(settings);
                let begun = Instant::now();
                let answer = gateway.chat(body);
                assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
                assert!(begun.elapsed() < Duration::from_secs(10), "{settings}");
                assert_eq!(called(&vendor), ["first", "second"], "{settings}");
            }
        }
    }
}

/// Z8 and Z14: until the first content nothing is promised.
#[test]
fn z14_a_stream_without_content_in_its_time_goes_on_to_the_next_target() {
    let vendor = Vendor::start();
    let setup = two_targets(&vendor, "timeouts: {first_token: 600ms}")
        .section("stream:\n  heartbeat: 100ms");
    let gateway = Gateway::start(&setup);
    for settings in [
        "ttft=20s",
        "role_only_then_stall",
        "stall_after_head",
        "stall",
    ] {
        vendor.forget();
        vendor.next(settings);
        let answer = gateway.chat(stream_body(MODEL));
        assert_eq!(called(&vendor), ["first", "second"], "{settings}");
        assert!(
            answer.events().last().is_some_and(Event::is_done),
            "{settings}"
        );
    }
    vendor.forget();
    vendor.next("latency=900ms");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert_eq!(
        called(&vendor),
        ["first"],
        "it says nothing of whole answers"
    );
}

/// Z15: the reference has constants for the silence inside a stream.
#[test]
fn z15_how_long_a_stream_may_be_silent_is_a_setting_of_the_target() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, "timeouts: {idle: 400ms}"));
    vendor.next("stall_event=2;events=5;cadence=20ms");
    let begun = Instant::now();
    let answer = gateway.chat(stream_body(MODEL));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let last = answer
        .events()
        .last()
        .and_then(Event::json)
        .expect("a last event");
    assert_eq!(last["error"]["code"], "stream_timeout", "{last}");
}

/// Z16: the reference reads on for nobody.
#[test]
fn z16_a_client_that_leaves_ends_the_vendors_work() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, TOUCHY));
    vendor.next("events=10000;cadence=50ms");
    let mut stream = gateway.open_chat(stream_body(MODEL));
    assert!(stream.next().is_some());
    drop(stream);
    eventually("the vendor is let go", || {
        (vendor.stats().in_flight == 0).then_some(())
    });
    assert_eq!(circuit(&gateway), "closed");
}

/// Case 9.
#[test]
fn case_9_a_dead_first_target_costs_no_call() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "circuit_breaker: {enabled: false}"));
    for _ in 0..10 {
        vendor.next("reset");
        assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    }
    assert_eq!(vendor.received().len(), 20);
}

#[test]
fn what_is_usual_says_when_a_call_is_slow() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "hedge: {after: p95}"));
    vendor.next("latency=300ms");
    assert_eq!(
        gateway.chat(chat_body(MODEL)).header("x-gateway-target"),
        Some("openai")
    );
    assert_eq!(vendor.received().len(), 1, "nothing is usual yet");
    for _ in 0..30 {
        gateway.chat(chat_body(MODEL));
    }
    vendor.forget();
    vendor.next("latency=20s");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        answer.header("x-gateway-target"),
        Some("second"),
        "{}",
        answer.text()
    );
}

/// Z19.
#[test]
fn z19_the_most_telling_failure_is_told_and_not_the_last() {
    let vendor = Vendor::start();
    let off = "circuit_breaker: {enabled: false}";
    for (first, second, told) in [
        (
            "status=429;retry_after=9",
            "status=500",
            (429, "rate_limit_exceeded"),
        ),
        ("status=500", "status=404", (502, "upstream_error")),
        ("status=404", "status=404", (404, "model_not_found")),
        ("status=401", "status=408", (504, "upstream_timeout")),
        ("status=500", "status=400", (400, "invalid_request")),
    ] {
        let gateway = Gateway::start(&two_targets(&vendor, off));
        vendor.next(first);
        vendor.next(second);
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(
            outcome(&answer),
            (told.0, told.1.into()),
            "{first}, {second}"
        );
        if told.0 == 429 {
            assert_eq!(
                answer.header("x-gateway-target"),
                Some("openai"),
                "whose failure is told"
            );
            assert_eq!(answer.header("retry-after"), Some("9"));
        }
    }
    let gateway = Gateway::start(&two_targets(&vendor, TOUCHY));
    vendor.next("status=500");
    gateway.chat(chat_body(MODEL));
    vendor.next("status=500");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        outcome(&answer),
        (502, "upstream_error".into()),
        "not the open circuit"
    );
}

#[test]
fn z19_whoever_may_know_is_told_of_every_attempt() {
    let vendor = Vendor::start();
    let ask = |gateway: &Gateway, key: keys::Key| {
        vendor.next("status=503;body={\"error\":{\"message\":\"closed for today\"}}");
        vendor.next("status=500");
        gateway
            .send(&Call::chat(chat_body(MODEL)).bearer(key.token))
            .json()["error"]
            .clone()
    };
    let off = "circuit_breaker: {enabled: false}";
    let gateway = Gateway::start(&two_targets(&vendor, off));
    assert_eq!(ask(&gateway, keys::APP).get("attempts"), None);
    let shown = ask(&gateway, keys::ROOT)["attempts"].clone();
    let field = |place: usize, name: &str| shown[place][name].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(
        (field(0, "target"), field(1, "target")),
        ("openai".into(), "second".into())
    );
    assert_eq!(
        (field(0, "status"), field(1, "status")),
        (503.into(), 500.into())
    );
    assert_eq!(field(0, "error"), "upstream_overloaded");
    assert!(
        field(0, "cause").to_string().contains("closed for today"),
        "{shown}"
    );
    assert!(field(0, "ms").is_u64(), "{shown}");
    let open = two_targets(&vendor, off).section("errors:\n  show_attempts: true");
    let shown = ask(&Gateway::start(&open), keys::APP)["attempts"].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(2), "{shown}");
}

const ONE_PLACE: &str =
    "concurrency: {max_concurrency: 1, no_queue: true}\ncircuit_breaker: {failure_threshold: 1}";

/// Cases 17 and 18, Z17.
#[test]
fn case_18_a_stream_holds_its_place_until_its_last_byte() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, ONE_PLACE));
    vendor.next("events=40;cadence=50ms");
    let mut stream = gateway.open_chat(stream_body(MODEL));
    assert!(stream.next().is_some());
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let full = gateway.chat(body);
        assert_eq!(
            outcome(&full),
            (429, "provider_saturated".into()),
            "{}",
            full.text()
        );
        assert_eq!(full.error().0, "rate_limit_error");
        assert_eq!(full.header("retry-after"), Some("1"));
    }
    assert_eq!(circuit(&gateway), "closed");
    let samples = gateway.metrics();
    assert_eq!(
        samples.count("gateway_target_calls", &[("target", "openai")]),
        1
    );
    assert!(stream.any(|event| event.is_done()));
    eventually("the place is free", || {
        (gateway.chat(chat_body(MODEL)).status() == 200).then_some(())
    });
}

#[test]
fn case_18_a_client_that_leaves_a_silent_vendor_frees_the_place() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&one_target(&vendor, ONE_PLACE));
    vendor.next("stall_event=1;events=5;cadence=20ms");
    let mut stream = gateway.open_chat(stream_body(MODEL));
    assert!(stream.next().is_some());
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 429);
    drop(stream);
    eventually("the place is free", || {
        (gateway.chat(chat_body(MODEL)).status() == 200).then_some(())
    });
    assert_eq!(circuit(&gateway), "closed");
}

#[test]
fn z17_case_17_who_waits_is_served_in_turn_or_told_in_time() {
    let vendor = Vendor::start();
    let lines = "concurrency: {max_concurrency: 1, max_wait: 400ms}";
    let gateway = Gateway::start(&one_target(&vendor, lines));
    vendor.next("latency=150ms");
    let answers = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| gateway.chat(chat_body(MODEL))))
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().expect("a call"))
            .collect::<Vec<_>>()
    });
    for answer in &answers {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(answer);
        assert!(
            line["overhead_ms"].as_f64().is_some_and(|own| own < 100.0),
            "{line}"
        );
    }
    vendor.next("latency=20s");
    std::thread::scope(|scope| {
        let mut held = gateway.connect();
        let call = Call::chat(chat_body(MODEL)).bearer(keys::APP.token);
        held.write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        eventually("it is under way", || {
            (vendor.stats().in_flight == 1).then_some(())
        });
        let waits = scope.spawn(|| gateway.chat(chat_body(MODEL)));
        let answer = waits.join().expect("a call");
        assert_eq!(outcome(&answer), (429, "provider_saturated".into()));
        let line = gateway.access(&answer);
        assert!(
            line["waited_ms"].as_f64().is_some_and(|wait| wait >= 400.0),
            "{line}"
        );
    });
}

#[test]
fn a_full_target_passes_the_call_on() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, ONE_PLACE));
    vendor.next("events=40;cadence=50ms");
    let mut stream = gateway.open_chat(stream_body(MODEL));
    assert!(stream.next().is_some());
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.header("x-gateway-target")),
        (200, Some("second"))
    );
}

/// Case 19 and Z20.
#[test]
fn z20_case_19_a_started_stream_outlives_the_operators_deadline() {
    let vendor = Vendor::start();
    let setup = one_target(&vendor, TOUCHY).section("request_timeout: 300ms");
    let gateway = Gateway::start(&setup);
    vendor.next("events=10;cadence=100ms");
    let answer = gateway.chat(stream_body(MODEL));
    assert!(
        answer.events().last().is_some_and(Event::is_done),
        "{}",
        answer.text()
    );
    assert_eq!(circuit(&gateway), "closed");
}

#[test]
fn a_slow_first_try_gets_a_second_one_beside_it() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "hedge: {after: 200ms}"));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.forget();
        vendor.next("latency=20s");
        let begun = Instant::now();
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(answer.header("x-gateway-target"), Some("second"));
        assert_eq!(called(&vendor), ["first", "second"]);
        let line = gateway.access(&answer);
        assert_eq!(
            (&line["target"], line["attempts"].as_u64()),
            (&Value::from("second"), Some(2))
        );
        assert!(
            line["overhead_ms"].as_f64().is_some_and(|own| own < 100.0),
            "{line}"
        );
        eventually("the slow one is given up", || {
            (vendor.stats().in_flight == 0).then_some(())
        });
    }
    assert_eq!(circuit(&gateway), "closed", "to be slower is no failure");
    let samples = gateway.metrics();
    assert_eq!(
        samples.count("gateway_hedges_total", &[("outcome", "won")]),
        2
    );
    assert_eq!(
        samples.count("gateway_attempts_total", &[("outcome", "lost")]),
        2
    );

    vendor.forget();
    let quick = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (quick.status(), called(&vendor)),
        (200, vec!["first".to_owned()])
    );
}

#[test]
fn a_second_try_that_fails_leaves_the_first_its_chance() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "hedge: {after: 100ms}"));
    vendor.next("latency=700ms");
    vendor.next("status=500");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-target"), Some("openai"));
    let line = gateway.access(&answer);
    assert_eq!(
        (&line["target"], line["attempts"].as_u64()),
        (&Value::from("openai"), Some(2))
    );

    vendor.next("latency=20s");
    let stored = format!(
        r#"{{"model":"{MODEL}","store":true,"messages":[{{"role":"user","content":"hello"}}]}}"#
    );
    vendor.forget();
    vendor.next("latency=600ms");
    assert_eq!(gateway.chat(stored).status(), 200);
    assert_eq!(
        vendor.received().len(),
        1,
        "what the vendor keeps is not sent twice"
    );
}

#[test]
fn a_target_whose_health_check_fails_is_passed_over_until_it_is_well() {
    let vendor = Vendor::start();
    let lines = "health_check: {path: /models, interval: 1s, unhealthy_after: 1}";
    let gateway = Gateway::start(&two_targets(&vendor, lines));
    assert_eq!(
        gateway.chat(chat_body(MODEL)).header("x-gateway-target"),
        Some("openai")
    );
    vendor.when_listing(1_000_000, "status=503");
    eventually("it is known to be ill", || {
        let health = gateway.send(&Call::get("/health")).json();
        (health["providers"][0]["status"] == "unavailable").then_some(())
    });
    assert_eq!(
        gateway.chat(chat_body(MODEL)).header("x-gateway-target"),
        Some("second")
    );
}

/// Z18: a call that has begun keeps the rules that it began with.
#[test]
fn z18_a_reload_does_not_change_a_call_under_way() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&two_targets(&vendor, "retry: {attempts: 2}"));
    vendor.next("latency=700ms;status=500");
    vendor.next("status=500");
    let setup = two_targets(&vendor, "retry: {attempts: 1}");
    let single = setup.yaml().replace("mode: fallback", "mode: single");
    let answer = std::thread::scope(|scope| {
        let call = scope.spawn(|| gateway.chat(chat_body(MODEL)));
        eventually("it is under way", || {
            (vendor.stats().in_flight == 1).then_some(())
        });
        gateway.rewrite_config(&single);
        gateway.signal("HUP");
        eventually("it is reloaded", || {
            let done = gateway
                .metrics()
                .count("gateway_config_reloads_total", &[("result", "success")]);
            (done >= 1).then_some(())
        });
        call.join().expect("a call")
    });
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(called(&vendor), ["first", "first", "second"]);
}
