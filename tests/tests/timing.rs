//! What the gateway says of its own time: the vendor's and the client's are no part of it.

#![allow(clippy::expect_used, clippy::panic)]

use std::time::Duration;

use ferrogw_tests::config::MODEL;
use ferrogw_tests::http::Head;
use ferrogw_tests::{Call, Event, Gateway, SOON, Vendor, chat_body, eventually, keys, stream_body};
use serde_json::Value;

/// More than the gateway takes on any machine that can run this, and less than any wait of these tests.
const OWN: f64 = 100.0;

fn milliseconds(line: &Value, name: &str) -> f64 {
    let value = line[name].as_f64();
    value.unwrap_or_else(|| panic!("{name} is not a number: {line}"))
}

/// The gateway's part and the vendor's, as the headers have them.
fn told(head: &Head) -> (f64, f64) {
    let timing = head.header("server-timing").expect("a timing");
    let part = |name: &str| -> f64 {
        let entry = timing
            .split(", ")
            .find_map(|entry| entry.strip_prefix(name)?.strip_prefix(";dur="));
        entry
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {timing}"))
    };
    let overhead: f64 = head
        .header("x-gateway-overhead-ms")
        .and_then(|text| text.parse().ok())
        .expect("a number of milliseconds");
    assert!((overhead - part("gateway")).abs() < 0.01, "{head:?}");
    (overhead, part("upstream"))
}

/// The line's own time is small, its whole time is not.
fn assert_line(what: &str, line: &Value, at_least: f64) {
    let (own, whole) = (
        milliseconds(line, "overhead_ms"),
        milliseconds(line, "duration_ms"),
    );
    assert!((0.0..OWN).contains(&own), "{what}: {line}");
    assert!(whole >= at_least, "{what}: {line}");
}

fn assert_metrics(gateway: &Gateway, calls: u64, at_least_seconds: f64) {
    let samples = gateway.metrics();
    assert_eq!(
        samples.count("gateway_overhead_seconds_count", &[]),
        calls,
        "every call is counted"
    );
    let own = samples.sum("gateway_overhead_seconds_sum", &[]);
    let whole = samples.sum("gateway_request_duration_seconds_sum", &[]);
    let calls: u32 = calls.try_into().expect("a few");
    assert!(own < f64::from(calls) * OWN / 1000.0, "{own} s");
    assert!(whole >= at_least_seconds, "{whole} s");
}

#[test]
fn a_slow_vendor_is_no_overhead() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).model("slow", "mock:latency=300ms"));
    for body in [chat_body("slow"), stream_body("slow")] {
        let answer = gateway.chat(body.as_str());
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let (own, upstream) = told(&answer.head);
        assert!(own < OWN && upstream >= 300.0, "{:?}", answer.head);
        assert_line(&body, &gateway.access(&answer), 300.0);
    }
    vendor.next("latency=300ms;status=500");
    let failed = gateway.chat(chat_body(MODEL));
    assert_eq!(failed.status(), 502);
    let (own, upstream) = told(&failed.head);
    assert!(own < OWN && upstream >= 300.0, "{:?}", failed.head);
    assert_line("a refusal", &gateway.access(&failed), 300.0);
    assert_metrics(&gateway, 3, 0.9);
}

#[test]
fn every_target_that_was_tried_is_waited_for() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .section("strategy:\n  mode: fallback")
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {}\n  models: [{MODEL}]",
            vendor.base_url()
        ));
    let gateway = Gateway::start(&setup);
    vendor.next("latency=300ms;status=503");
    vendor.next("latency=300ms");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let (own, upstream) = told(&answer.head);
    assert!(own < OWN && upstream >= 600.0, "{:?}", answer.head);
    assert_line("both", &gateway.access(&answer), 600.0);
}

#[test]
fn a_long_stream_is_no_overhead() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).model("long", "mock:events=11;cadence=100ms");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(stream_body("long"));
    assert!(answer.events().last().is_some_and(Event::is_done));
    let (own, _) = told(&answer.head);
    assert!(own < OWN, "{:?}", answer.head);
    assert_line("a stream", &gateway.access(&answer), 1000.0);
    assert_metrics(&gateway, 1, 1.0);
}

#[test]
fn a_slow_client_is_no_overhead() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let mut vendors = Vec::new();
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let bytes = Call::chat(body)
            .bearer(keys::APP.token)
            .bytes(gateway.addr());
        let mut connection = gateway.connect();
        // The head and the first of the body, then the rest in two pieces.
        let at = bytes.len() - 40;
        for piece in [&bytes[..at], &bytes[at..at + 20], &bytes[at + 20..]] {
            connection.write(piece).expect("the gateway reads");
            std::thread::sleep(Duration::from_millis(300));
        }
        let answer = connection.answer(false).expect("an answer");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let (own, upstream) = told(&answer.head);
        assert!(own < OWN, "{:?}", answer.head);
        assert_line("a slow client", &gateway.access(&answer), 500.0);
        vendors.push(upstream);
    }
    assert_metrics(&gateway, 2, 1.0);
    assert!(
        vendors.iter().all(|part| *part < OWN),
        "nor is it the vendor's: {vendors:?}"
    );
}

#[test]
fn a_wait_that_the_client_gave_up_is_no_overhead() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).model("silent", "mock:stall"));
    for body in [chat_body("silent"), stream_body("silent")] {
        let mut connection = gateway.connect();
        let call = Call::chat(body)
            .bearer(keys::APP.token)
            .header("x-request-id", "gave-up");
        connection
            .write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        eventually("the vendor got it", || {
            (vendor.stats().in_flight == 1).then_some(())
        });
        std::thread::sleep(Duration::from_millis(400));
        drop(connection);
        eventually("the vendor is let go", || {
            (vendor.stats().in_flight == 0).then_some(())
        });
    }
    let aborted = || {
        let lines = gateway.log.objects().into_iter();
        lines
            .filter(|line| line["outcome"] == "aborted")
            .collect::<Vec<_>>()
    };
    let lines = eventually("both have a line", || {
        Some(aborted()).filter(|lines| lines.len() == 2)
    });
    for line in lines {
        assert_line("a silent vendor", &line, 400.0);
    }
    assert_metrics(&gateway, 2, 0.8);
}

#[test]
fn a_stream_that_its_client_left_is_no_overhead() {
    let vendor = Vendor::start();
    for on_disconnect in ["cut", "drain"] {
        let setup = Gateway::before(&vendor)
            .model("long", "mock:events=12;cadence=50ms")
            .section(&format!("stream:\n  on_disconnect: {on_disconnect}"));
        let gateway = Gateway::start(&setup);
        let mut stream = gateway.open_chat(stream_body("long"));
        for _ in 0..5 {
            assert!(stream.next().is_some());
        }
        drop(stream);
        let line = gateway
            .log
            .wait(SOON, |line| line["outcome"] == "aborted")
            .expect("a line");
        assert_line(on_disconnect, &line, 150.0);
        assert_metrics(&gateway, 1, 0.15);
    }
}
