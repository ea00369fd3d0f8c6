//! Spec 02 §10, spec 01 §13 and checklist 11 and 12: what a stream is, how it ends, who pays.

#![allow(clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::http::End;
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Event, Gateway, Vendor, chat_body, eventually, stream_body};
use mock::Outcome;
use serde_json::Value;

fn with_options(options: &str) -> String {
    stream_body(MODEL).replace(
        "\"stream\":true",
        &format!("\"stream\":true,\"stream_options\":{options}"),
    )
}

fn chunks(events: &[Event]) -> Vec<Value> {
    events
        .iter()
        .filter(|event| !event.is_done())
        .filter_map(Event::json)
        .collect()
}

fn done(events: &[Event]) -> usize {
    events.iter().filter(|event| event.is_done()).count()
}

/// The error event at the end of a stream that failed, and nothing after it.
fn failure(events: &[Event]) -> (String, String) {
    let last = events.last().and_then(Event::json).expect("a last event");
    let text = |name: &str| last["error"][name].as_str().unwrap_or_default().to_owned();
    assert!(!text("message").is_empty(), "{last}");
    assert_eq!(done(events), 0, "a stream that failed is not done");
    (text("type"), text("code"))
}

#[test]
fn a_stream_has_the_documented_shape() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let body = stream_body(MODEL).replace("\"stream\":true", "\"stream\":true,\"n\":2");
    let answer = gateway.chat(body);

    assert_eq!(answer.status(), 200);
    assert_eq!(answer.end, End::Whole);
    assert!(
        answer
            .header("content-type")
            .is_some_and(|media| media.starts_with("text/event-stream"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"), "F7");
    assert_eq!(answer.header("x-gateway-provider"), Some("openai"));

    let events = answer.events();
    assert_eq!(done(&events), 1);
    assert!(events.last().is_some_and(Event::is_done));
    let chunks = chunks(&events);
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert!(
            chunk["id"].is_string() && chunk["model"].is_string() && chunk["choices"].is_array(),
            "{chunk}"
        );
    }
    for index in 0..2 {
        let choices: Vec<&Value> = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"].get(0))
            .filter(|c| c["index"] == index)
            .collect();
        assert_eq!(
            choices
                .iter()
                .filter(|choice| choice["delta"]["role"].is_string())
                .count(),
            1,
            "choice {index}"
        );
        assert_eq!(
            choices
                .iter()
                .filter(|choice| choice["finish_reason"].is_string())
                .count(),
            1,
            "choice {index}"
        );
    }
}

#[test]
fn the_vendors_bytes_are_the_clients_bytes() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let asked = with_options(r#"{"include_usage":true}"#);
    assert_eq!(
        gateway.chat(asked.as_str()).text(),
        vendor.says(asked.as_str()).text()
    );

    let whole = gateway.chat(chat_body(MODEL));
    let direct = vendor.says(chat_body(MODEL));
    assert_eq!(whole.text(), direct.text());
    assert_eq!(whole.header("content-type"), direct.header("content-type"));

    // The client did not ask for usage, the gateway did: the one event that brings it is missing.
    let unasked = gateway.chat(stream_body(MODEL)).text();
    let without: String = vendor
        .says(asked)
        .text()
        .split_inclusive("\n\n")
        .filter(|block| !block.contains("\"choices\":[]"))
        .collect();
    assert_eq!(unasked, without);
}

/// However a vendor cuts and spells its events, the client gets the vendor's bytes.
#[test]
fn a19_a_streams_bytes_are_kept_however_they_are_spelt_and_cut() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let asked = with_options(r#"{"include_usage":true}"#);
    for spelling in [
        "plain",
        "crlf",
        "cr",
        "bom",
        "no_space",
        "fields",
        "comments",
        "multi_line",
        "write_per_event",
        "usage_with_finish",
        "usage_everywhere",
        "role_everywhere",
        "content_parts",
        "no_usage",
        "no_finish",
    ] {
        for cut in ["", ";split=1", ";split=2", ";split=3", ";split=61"] {
            let settings = format!("{spelling};events=4{cut}");
            vendor.next_times(2, &settings);
            let direct = vendor.says(asked.as_str());
            let through = gateway.chat(asked.as_str());
            // A byte order mark belongs to the vendor's stream as such, not to any event of it.
            let [told, said] =
                [&through, &direct].map(|answer| answer.text().replace('\u{feff}', ""));
            assert_eq!(told, said, "{settings}");
            assert_eq!(through.end, End::Whole, "{settings}");
        }
    }
}

#[test]
fn usage_is_shown_to_who_asked_and_counted_for_all() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for (body, shown) in [
        (stream_body(MODEL), false),
        (with_options(r#"{"include_usage":false}"#), false),
        (with_options("{}"), false),
        (with_options("null"), false),
        (with_options(r#"{"include_usage":true}"#), true),
        (
            with_options(r#"{"include_usage":true,"include_obfuscation":false}"#),
            true,
        ),
    ] {
        vendor.next("prompt_tokens=123;completion_tokens=45;cached_tokens=100");
        let answer = gateway.chat(body.as_str());
        let chunks = chunks(&answer.events());
        let with_usage = chunks
            .iter()
            .filter(|chunk| chunk["usage"].is_object())
            .count();
        let empty = chunks
            .iter()
            .filter(|chunk| chunk["choices"].as_array().is_none_or(Vec::is_empty))
            .count();
        assert_eq!(
            (with_usage, empty),
            if shown { (1, 1) } else { (0, 0) },
            "{body}"
        );

        let sent = vendor.last().json().expect("JSON goes upstream");
        assert_eq!(sent["stream_options"]["include_usage"], true, "{body}");
        let line = gateway.access(&answer);
        let tokens = ["tokens_in", "tokens_out"].map(|name| line[name].as_u64());
        assert_eq!(tokens, [Some(123), Some(45)], "{line}");
        assert_eq!(line["estimated"], false, "{line}");
    }
}

#[test]
fn what_the_client_asked_for_beside_usage_is_kept() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    gateway.chat(with_options(r#"{ "include_obfuscation" : false }"#));
    assert_eq!(
        vendor.last().json().expect("JSON")["stream_options"]["include_obfuscation"],
        false
    );
}

#[test]
fn content_is_passed_on_as_it_comes() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).model("slow", "mock:events=6;cadence=300ms"));
    let live = gateway.open_chat(stream_body("slow"));
    let begun = Instant::now();
    let mut arrivals = Vec::new();
    for event in live {
        let piece = event.json().and_then(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::len)
        });
        if piece.is_some_and(|length| length > 0) {
            arrivals.push(begun.elapsed());
        }
    }
    assert_eq!(arrivals.len(), 6);
    assert!(
        arrivals[5] > arrivals[0] + Duration::from_millis(900),
        "all at once: {arrivals:?}"
    );
}

#[test]
fn a_silent_vendor_is_bridged_by_heartbeats() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("slow-start", "mock:ttft=1500ms")
        .model("slow-middle", "mock:events=3;cadence=1500ms")
        .section("stream:\n  heartbeat: 300ms");
    let gateway = Gateway::start(&setup);
    for model in ["slow-start", "slow-middle"] {
        let live = gateway.open_chat(stream_body(model));
        assert_eq!(live.head.status, 200);
        let (events, end) = live.rest();
        let beats = events.iter().filter(|event| event.data.is_none()).count();
        assert!(beats >= 2, "{model}: {beats} heartbeats");
        assert!(
            events
                .iter()
                .filter(|event| event.data.is_none())
                .all(|event| event.raw.starts_with(':'))
        );
        assert_eq!((done(&events), end), (1, End::Whole), "{model}");
    }
    let fast = gateway.chat(stream_body(MODEL)).events();
    assert!(
        fast.iter().all(|event| event.data.is_some()),
        "no heartbeat where there is no silence"
    );
}

#[test]
fn heartbeats_can_be_switched_off() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("slow", "mock:events=2;cadence=1s")
        .section("stream:\n  heartbeat: 0s");
    let events = Gateway::start(&setup).chat(stream_body("slow")).events();
    assert!(done(&events) == 1 && events.iter().all(|event| event.data.is_some()));
}

#[test]
fn a14_a_vendor_that_falls_silent_is_given_up() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("stalls", "mock:stall_event=2;events=5")
        .section("stream:\n  idle_timeout: 1s\n  heartbeat: 300ms");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(stream_body("stalls"));
    assert_eq!(answer.status(), 200);
    assert_eq!(
        failure(&answer.events()),
        ("timeout_error".into(), "stream_timeout".into())
    );
    assert_eq!(
        answer.end,
        End::Whole,
        "the body ends as HTTP says, the error is told in it"
    );
    eventually("the vendor's stream is cut", || {
        (vendor.stats().in_flight == 0).then_some(())
    });
    assert_eq!(vendor.only().outcome, Outcome::HungUp);
    let line = gateway.access(&answer);
    assert_eq!(line["outcome"], "failed", "{line}");
    assert_eq!(
        line["estimated"], true,
        "what was used is not known: {line}"
    );
}

#[test]
fn a_failure_before_the_first_content_is_an_ordinary_error() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for settings in [
        "error_in_200=0",
        "cut_event=0",
        "status=200;body=<html>;content_type=text/html",
        "empty",
    ] {
        vendor.next(settings);
        let answer = gateway.chat(stream_body(MODEL));
        assert_eq!(answer.status(), 502, "{settings}: {}", answer.text());
        answer.error();
    }
}

#[test]
fn a14_a_failure_after_it_is_an_event_and_no_done() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for settings in [
        "error_in_200=2",
        "error_text_in_200=2",
        "cut_event=2",
        "reset_event=2",
        "eof",
        "truncated",
        "garbage=2",
    ] {
        vendor.next(&format!("{settings};events=5;cadence=50ms"));
        let answer = gateway.chat(stream_body(MODEL));
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        let events = answer.events();
        assert_eq!(
            failure(&events),
            ("stream_error".into(), "stream_error".into()),
            "{settings}"
        );
        assert!(events.len() > 2, "{settings}: what came before is kept");
        assert!(
            chunks(&events)
                .iter()
                .all(|chunk| chunk["error"].is_object() || chunk["choices"].is_array()),
            "{settings}"
        );
        let line = gateway.access(&answer);
        assert_eq!(
            (line["outcome"].as_str(), line["status"].as_u64()),
            (Some("failed"), Some(200)),
            "{settings}: {line}"
        );
        assert!(
            line["error"].is_string(),
            "O1: the cause is in the log: {line}"
        );
    }
}

/// Many a server sends events under another name, or under none; clients go by the name.
#[test]
fn what_is_told_is_what_was_found_not_what_the_vendor_calls_it() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let misnamed = [
        "content_type=text/plain",
        "content_type=Text/Plain%3B charset=utf-8",
        "content_type=application/octet-stream",
        "no_content_type",
    ];
    for settings in misnamed {
        vendor.next(settings);
        let answer = gateway.chat(stream_body(MODEL));
        assert_eq!(answer.status(), 200, "{settings}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("text/event-stream"),
            "{settings}"
        );
        assert_eq!(done(&answer.events()), 1, "{settings}");

        vendor.next(settings);
        let whole = gateway.chat(chat_body(MODEL));
        assert_eq!(whole.status(), 200, "{settings}: {}", whole.text());
        assert_eq!(
            whole.header("content-type"),
            Some("application/json"),
            "{settings}"
        );
        assert!(whole.json()["choices"].is_array(), "{settings}");
    }
    vendor.next("content_type=text/event-stream%3B charset=UTF-8");
    assert_eq!(
        gateway.chat(stream_body(MODEL)).header("content-type"),
        Some("text/event-stream; charset=UTF-8"),
        "the right name is left as it is"
    );
}

const FINISHED: &str = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"whole\"}}]}\n\ndata: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// Whoever has the finish reason has the whole answer, whatever becomes of the connection.
#[test]
fn a_stream_that_breaks_after_its_finish_reason_is_whole() {
    let reset = vendor_that_resets_after(FINISHED);
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).section("strategy:\n  mode: fallback");
    let gateway = Gateway::start(&setup.further_target(&format!(
        "- virtual_key: resets\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: http://{reset}/v1\n  models: [resets]"
    )));
    let cut = escaped(&format!("{FINISHED}data: [DONE]\n\n"));
    for (model, settings) in [
        ("resets", None),
        (
            MODEL,
            Some(format!(
                "content_type=text/event-stream;cut={};body={cut}",
                FINISHED.len()
            )),
        ),
    ] {
        if let Some(settings) = &settings {
            vendor.next(settings);
        }
        let answer = gateway.chat(stream_body(model));
        assert_eq!((answer.status(), answer.end), (200, End::Whole), "{model}");
        let events = answer.events();
        assert_eq!(done(&events), 1, "{model}: {}", answer.text());
        assert!(events.last().is_some_and(Event::is_done), "{model}");
        assert_eq!(chunks(&events).len(), 2, "{model}: {}", answer.text());
        assert!(!answer.text().contains("\"error\""), "{model}");
        let line = gateway.access(&answer);
        assert_eq!(line["outcome"], "answered", "{model}: {line}");
        assert_eq!(line["level"], "INFO", "{model}: {line}");
    }
}

/// Sends this much of a stream, leaves its end open, and resets the connection.
fn vendor_that_resets_after(events: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // What is left unread turns the close into a reset.
            let _ = client.read(&mut [0; 16]);
            let _ = write!(
                client,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{events}\r\n",
                events.len()
            );
            // So that what was sent is read before the reset takes it away.
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    addr
}

#[test]
fn a_vendors_words_inside_a_stream_are_blotted() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"key sk-proj-abcdefghijklmnopqrstuvwxyz012345 died\"}}\n\n";
    vendor.next(&format!(
        "status=200;content_type=text/event-stream;body={body}"
    ));
    let answer = gateway.chat(stream_body(MODEL));
    assert_eq!(
        failure(&answer.events()),
        ("stream_error".into(), "stream_error".into())
    );
    assert!(!answer.text().contains("sk-proj"), "{}", answer.text());
}

#[test]
fn an_event_that_is_too_long_ends_the_stream() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("huge", "mock:huge=1m")
        .section("stream:\n  max_event_bytes: 65536");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(stream_body("huge"));
    if answer.status() == 200 {
        assert_eq!(
            failure(&answer.events()),
            ("stream_error".into(), "stream_error".into())
        );
    } else {
        assert_eq!(
            (answer.status(), answer.error().1.as_str()),
            (502, "upstream_error")
        );
    }
    let small = Gateway::start(&Gateway::before(&vendor).model("huge", "mock:huge=1m"));
    assert_eq!(
        done(&small.chat(stream_body("huge")).events()),
        1,
        "the default bound takes it"
    );
}

fn endless(vendor: &Vendor) -> Setup {
    Gateway::before(vendor).model("endless", "mock:events=2000;cadence=20ms")
}

#[test]
fn a15_a_client_that_leaves_takes_the_vendors_stream_with_it() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&endless(&vendor));
    let mut stream = gateway.open_chat(stream_body("endless"));
    for _ in 0..4 {
        assert!(stream.next().is_some());
    }
    let id = stream
        .head
        .header("x-request-id")
        .expect("an id")
        .to_owned();
    drop(stream);

    eventually("the vendor's stream is cut", || {
        (vendor.only().outcome == Outcome::HungUp).then_some(())
    });
    let line = gateway.access_by_id(&id);
    assert_eq!(line["outcome"], "aborted", "{line}");
    assert_eq!(line["estimated"], true, "{line}");
    assert!(
        line["tokens_in"].as_u64() > Some(0) && line["tokens_out"].as_u64() > Some(0),
        "W5: {line}"
    );
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    eventually("nothing is left open", || {
        (vendor.stats().in_flight == 0).then_some(())
    });
}

#[test]
fn a_client_that_leaves_before_the_answer_begins_is_noticed() {
    let vendor = Vendor::start();
    // Looking for models would be a request under way too.
    let setup = Gateway::before(&vendor).section("discovery:\n  enabled: false");
    let gateway = Gateway::start(&setup.model("silent", "mock:stall"));
    for body in [chat_body("silent"), stream_body("silent")] {
        let before = vendor.stats().hangups;
        let mut connection = gateway.connect();
        let call = ferrogw_tests::Call::chat(body).bearer(ferrogw_tests::keys::APP.token);
        connection
            .write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        eventually("the vendor got it", || {
            (vendor.stats().in_flight == 1).then_some(())
        });
        drop(connection);
        eventually("the vendor is let go", || {
            (vendor.stats().hangups == before + 1).then_some(())
        });
    }
    let aborted = || {
        gateway
            .log
            .objects()
            .iter()
            .filter(|line| line["outcome"] == "aborted")
            .count()
    };
    eventually("both are on the record", || (aborted() == 2).then_some(()));
}

/// Before the vendor has said anything of what was used, the request is what is known to have cost.
#[test]
fn a_client_that_leaves_a_silent_stream_has_had_its_prompt_read() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("mute", "mock:ttft=30s")
        .section("stream:\n  heartbeat: 200ms");
    for on_disconnect in ["cut", "drain"] {
        let setup = setup
            .clone()
            .section(&format!("  on_disconnect: {on_disconnect}"))
            .target("timeouts:\n  idle: 2s");
        let gateway = Gateway::start(&setup);
        let stream = gateway.open_chat(stream_body("mute"));
        let id = stream
            .head
            .header("x-request-id")
            .expect("an id")
            .to_owned();
        drop(stream);
        let line = gateway.access_by_id(&id);
        assert_eq!(line["outcome"], "aborted", "{on_disconnect}: {line}");
        assert!(
            line["tokens_in"].as_u64() > Some(0) && line["estimated"] == true,
            "{on_disconnect}: {line}"
        );
    }
}

#[test]
fn a_drained_stream_is_read_to_its_end_for_its_usage() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model(
            "long",
            "mock:events=40;cadence=20ms;prompt_tokens=11;completion_tokens=222",
        )
        .section("stream:\n  on_disconnect: drain");
    let gateway = Gateway::start(&setup);
    let mut stream = gateway.open_chat(stream_body("long"));
    assert!(stream.next().is_some());
    let id = stream
        .head
        .header("x-request-id")
        .expect("an id")
        .to_owned();
    drop(stream);

    let line = gateway.access_by_id(&id);
    assert_eq!(line["outcome"], "aborted", "{line}");
    assert_eq!(
        (line["tokens_in"].as_u64(), line["tokens_out"].as_u64()),
        (Some(11), Some(222)),
        "{line}"
    );
    assert_eq!(line["estimated"], false, "{line}");
    let samples = gateway.metrics();
    assert_eq!(samples.count("gateway_tokens_input_total", &[]), 11);
    assert_eq!(samples.count("gateway_tokens_output_total", &[]), 222);
    eventually("the vendor came to its end", || {
        (vendor.only().outcome == Outcome::Answered).then_some(())
    });
}

#[test]
fn a_slow_reader_holds_the_vendor_back() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model(
            "flood",
            "mock:events=800;event_bytes=32768;write_per_event=",
        )
        .section("server:\n  write_timeout: 30s");
    let gateway = Gateway::start(&setup);
    let before = gateway.resident_kib();
    let mut live = gateway.open_chat(stream_body("flood"));
    assert!(live.next().is_some());
    std::thread::sleep(Duration::from_secs(2));
    let held = gateway.resident_kib().saturating_sub(before);
    assert!(
        held < 8 * 1024,
        "the gateway holds {held} KiB of a stream of 25 MiB"
    );
    assert_eq!(
        vendor.only().outcome,
        Outcome::Pending,
        "the vendor waits as well"
    );
    let (events, end) = live.rest();
    assert_eq!((done(&events), end), (1, End::Whole));
}

#[test]
fn a_reader_that_stops_is_let_go() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model(
            "flood",
            "mock:events=2000;event_bytes=32768;write_per_event=",
        )
        .section("server:\n  write_timeout: 500ms");
    let gateway = Gateway::start(&setup);
    let mut live = gateway.open_chat(stream_body("flood"));
    assert!(live.next().is_some());
    eventually("the stream is given up", || {
        (vendor.only().outcome == Outcome::HungUp).then_some(())
    });
    let id = live.head.header("x-request-id").expect("an id").to_owned();
    assert_eq!(gateway.access_by_id(&id)["outcome"], "aborted");
}

#[test]
fn many_streams_run_side_by_side() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).model("slow", "mock:events=10;cadence=50ms"));
    let begun = Instant::now();
    let mut open: Vec<_> = (0..50)
        .map(|_| gateway.open_chat(stream_body("slow")))
        .collect();
    assert!(open.iter_mut().all(|live| live.next().is_some()));
    for live in open {
        let (events, end) = live.rest();
        assert_eq!((done(&events), end), (1, End::Whole));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}
