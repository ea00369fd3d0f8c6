//! Spec 02 §1, §6 and checklist 5 to 7: bounds on rates, bodies, heads and patience, and what is a body at all.

#![allow(clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use ferrogw_tests::config::MODEL;
use ferrogw_tests::http::Connection;
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, eventually, keys};

fn invalid(code: &str) -> (String, String) {
    ("invalid_request_error".into(), code.into())
}

#[test]
fn an_exhausted_address_waits_while_probes_and_keys_go_on() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .env("RATE_LIMIT_RPS", "")
        .section("server:\n  rate_limit:\n    rps: 0.5\n    burst: 3");
    let gateway = Gateway::start(&setup);
    let anonymous =
        || gateway.send(&Call::chat(chat_body(MODEL)).header("origin", "https://a.example"));
    let statuses: Vec<u16> = (0..6).map(|_| anonymous().status()).collect();
    assert_eq!(statuses[..3], [401, 401, 401], "{statuses:?}");
    assert_eq!(statuses[5], 429, "{statuses:?}");

    let refused = anonymous();
    assert_eq!(
        refused.error(),
        ("rate_limit_error".into(), "rate_limit_exceeded".into())
    );
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .expect("a whole number of seconds");
    assert!((1..=10).contains(&wait), "{wait}");
    assert!(refused.header("vary").is_some() && refused.header("x-request-id").is_some());
    assert_eq!(gateway.access(&refused)["outcome"], "denied");
    assert!(
        gateway
            .metrics()
            .count("gateway_rate_limit_rejections_total", &[("key_type", "ip")])
            >= 3
    );

    for path in ["/livez", "/readyz", "/health"] {
        assert_eq!(gateway.send(&Call::get(path)).status(), 200, "{path}");
    }
    // W15: a flood without a key must not starve the callers with one at the same address.
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    let other = Call::chat(chat_body(MODEL)).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(
        gateway.send(&other).status(),
        401,
        "behind the trusted proxy is another address"
    );
}

#[test]
fn the_limit_is_there_by_default_and_the_environment_can_lift_it() {
    let vendor = Vendor::start();
    let statuses = |rps: &str| {
        let gateway = Gateway::start(&Gateway::before(&vendor).env("RATE_LIMIT_RPS", rps));
        (0..60)
            .map(|_| gateway.send(&Call::chat(chat_body(MODEL))).status())
            .collect::<Vec<_>>()
    };
    assert!(statuses("0.001").contains(&429), "the default burst is 40");
    assert!(!statuses("0").contains(&429));
}

#[test]
fn a_forged_address_from_an_untrusted_peer_changes_nothing() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .env("RATE_LIMIT_RPS", "0.001")
        .env("RATE_LIMIT_BURST", "2")
        .env("TRUSTED_PROXIES", "10.0.0.0/8");
    let gateway = Gateway::start(&setup);
    let statuses: Vec<u16> = (0..5)
        .map(|n| {
            gateway
                .send(
                    &Call::chat(chat_body(MODEL))
                        .header("x-forwarded-for", &format!("192.0.2.{n}")),
                )
                .status()
        })
        .collect();
    assert_eq!(statuses, [401, 401, 429, 429, 429]);
}

#[test]
fn a_trusted_chain_is_walked_from_the_right() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).env("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8"));
    for (headers, remote) in [
        (vec![], "127.0.0.1"),
        (
            vec![("x-forwarded-for", "198.51.100.1, 203.0.113.5, 10.1.2.3")],
            "203.0.113.5",
        ),
        (
            vec![("x-forwarded-for", "203.0.113.5, nonsense, 10.1.2.3")],
            "203.0.113.5",
        ),
        (
            vec![
                ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
                ("x-real-ip", "203.0.113.6"),
            ],
            "203.0.113.6",
        ),
        (vec![("x-real-ip", "203.0.113.7")], "203.0.113.7"),
        // W11: a proxy that adds a line of its own must not leave the client's forged line in charge.
        (
            vec![
                ("x-forwarded-for", "198.51.100.1"),
                ("x-forwarded-for", "203.0.113.8"),
            ],
            "203.0.113.8",
        ),
    ] {
        let call = headers
            .iter()
            .fold(Call::get("/v1/models"), |call, (name, value)| {
                call.header(name, value)
            });
        let answer = gateway.ask(call);
        assert_eq!(gateway.access(&answer)["remote"], remote, "{headers:?}");
    }
}

#[test]
fn many_rapid_probes_are_all_answered() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).env("RATE_LIMIT_RPS", "1"));
    let mut connection = gateway.connect();
    for _ in 0..200 {
        connection
            .write(&Call::get("/readyz").bytes(gateway.addr()))
            .expect("the gateway reads");
        assert_eq!(
            connection
                .answer(false)
                .expect("the gateway answers")
                .status(),
            200
        );
    }
}

fn padded(bytes: usize) -> String {
    let body = chat_body(MODEL);
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

#[test]
fn a_body_over_the_bound_is_refused_however_it_comes() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).section("max_request_bytes: 1000"));
    assert_eq!(
        gateway.chat(padded(1000)).status(),
        200,
        "the bound itself is fine"
    );
    let before = vendor.received().len();

    let announced = gateway.chat(padded(1001));
    assert_eq!(
        announced.status(),
        413,
        "also when the excess is nothing but blanks"
    );
    assert_eq!(announced.error(), invalid("request_too_large"));
    assert!(announced.text().contains("1000"), "{}", announced.text());

    let chunks = format!(
        "{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        900,
        padded(900),
        101,
        " ".repeat(101)
    );
    let chunked = gateway.ask(Call::chat(chunks).header("transfer-encoding", "chunked"));
    assert_eq!(chunked.status(), 413);

    let mut endless = gateway.connect();
    let head = Call::chat(Vec::new())
        .bearer(keys::APP.token)
        .header("content-length", "99999999999");
    endless
        .write(&head.bytes(gateway.addr()))
        .expect("the gateway reads");
    assert_eq!(
        endless.answer(false).expect("the head is enough").status(),
        413
    );
    assert_eq!(vendor.received().len(), before);
}

#[test]
fn a_chunked_body_within_the_bound_is_a_body() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let body = chat_body(MODEL);
    let (a, b) = body.split_at(10);
    let chunks = format!("{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len());
    assert_eq!(
        gateway
            .ask(Call::chat(chunks).header("transfer-encoding", "chunked"))
            .status(),
        200
    );
    assert_eq!(String::from_utf8_lossy(&vendor.only().body), body);
}

#[test]
fn a_reload_moves_the_bound_both_ways() {
    let vendor = Vendor::start();
    let setup =
        |bytes: u32| Gateway::before(&vendor).section(&format!("max_request_bytes: {bytes}"));
    let gateway = Gateway::start(&setup(300));
    let status = || gateway.chat(padded(500)).status();
    assert_eq!(status(), 413);

    gateway.rewrite_config(&setup(600).yaml());
    gateway.signal("HUP");
    eventually("the greater bound is in force", || {
        (status() == 200).then_some(())
    });

    gateway.rewrite_config(&setup(300).yaml());
    gateway.signal("HUP");
    eventually("the smaller bound is in force", || {
        (status() == 413).then_some(())
    });
}

#[test]
fn a_changed_file_is_noticed_without_a_signal() {
    let vendor = Vendor::start();
    let setup =
        |bytes: u32| Gateway::before(&vendor).section(&format!("max_request_bytes: {bytes}"));
    let gateway = Gateway::start(&setup(300));
    assert_eq!(gateway.chat(padded(500)).status(), 413);
    gateway.rewrite_config(&setup(600).yaml());
    eventually("the change is noticed", || {
        (gateway.chat(padded(500)).status() == 200).then_some(())
    });
}

#[test]
fn a_body_is_one_json_object_and_blanks() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let good = chat_body(MODEL);
    for fine in [
        format!("{good}\n"),
        format!(" \r\n\t{good} \n\n "),
        good.replace("model", r"mod\u0065l"),
    ] {
        assert_eq!(gateway.chat(fine.as_str()).status(), 200, "{fine:?}");
    }
    let before = vendor.received().len();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for bad in [
        String::new(),
        " ".into(),
        "null".into(),
        "[]".into(),
        "\"text\"".into(),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good},"),
        good.trim_end_matches('}').into(),
        good.replace(':', "="),
        good.replace('"', "'"),
        good.replace("hello", "hel\nlo"),
        good.replace("hello", r"\ud800\u"),
        format!("\u{feff}{good}"),
        format!("// comment\n{good}"),
        good.replace('}', ",}"),
        good.replace("\"hello\"", "NaN"),
        good.replace("\"hello\"", "01"),
        good.replace("\"hello\"", &deep),
    ] {
        let answer = gateway.chat(bad.as_str());
        let shown: String = bad.chars().take(80).collect();
        assert_eq!(answer.status(), 400, "{shown:?}");
        assert_eq!(answer.error(), invalid("invalid_request"), "{shown:?}");
    }
    let not_text = [good.as_bytes(), b"\xff"].concat();
    assert_eq!(gateway.chat(not_text).status(), 400);
    let not_text_inside = good.replace("hello", "\u{1}").into_bytes();
    assert_eq!(
        gateway.chat(not_text_inside).status(),
        400,
        "control characters are escaped in JSON"
    );
    assert_eq!(vendor.received().len(), before);
}

#[test]
fn any_content_type_is_read_as_json_but_not_an_encoded_body() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let post = || Call::new("POST", "/v1/chat/completions").body(chat_body(MODEL));
    assert_eq!(gateway.ask(post()).status(), 200);
    assert_eq!(
        gateway
            .ask(post().header("content-type", "text/plain"))
            .status(),
        200
    );
    assert_eq!(
        gateway
            .ask(post().header("content-encoding", "identity"))
            .status(),
        200
    );
    for coding in ["gzip", "br", "deflate"] {
        let answer = gateway.ask(post().header("content-encoding", coding));
        assert_eq!(answer.status(), 415, "{coding}");
        answer.error();
    }
}

#[test]
fn a_head_has_a_bound() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).section("server:\n  max_header_bytes: 16384"));
    let with = |bytes: usize| {
        Call::get("/v1/models")
            .bearer(keys::APP.token)
            .header("x-long", &"a".repeat(bytes))
    };
    assert_eq!(gateway.send(&with(8_000)).status(), 200);
    assert_eq!(gateway.send(&with(40_000)).status(), 431);
    assert_eq!(gateway.send(&Call::get("/livez")).status(), 200);
}

#[test]
fn a_client_that_dawdles_is_let_go() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .section("server:\n  header_timeout: 500ms\n  body_timeout: 500ms\n  keep_alive: 1s");
    let gateway = Gateway::start(&setup);
    let begun = Instant::now();

    let mut silent = gateway.connect();
    let mut half_a_head = gateway.connect();
    half_a_head
        .write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        .expect("the gateway reads");
    let mut half_a_body = gateway.connect();
    let call = Call::chat(chat_body(MODEL))
        .bearer(keys::APP.token)
        .header("content-length", "100000");
    half_a_body
        .write(&call.bytes(gateway.addr()))
        .expect("the gateway reads");
    let mut idle = gateway.connect();
    idle.write(&Call::get("/livez").bytes(gateway.addr()))
        .expect("the gateway reads");
    assert_eq!(idle.answer(false).expect("an answer").status(), 200);

    let told = half_a_body.answer(false).expect("a slow body is told so");
    assert_eq!(told.status(), 408);
    told.error();
    for (what, connection) in [
        ("silent", &mut silent),
        ("half a head", &mut half_a_head),
        ("idle", &mut idle),
    ] {
        let said = connection.drain();
        assert!(
            said.is_empty() || said.starts_with(b"HTTP/1.1 408"),
            "{what}: {:?}",
            String::from_utf8_lossy(&said)
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    assert!(vendor.received().is_empty());
}

#[test]
fn a_body_that_keeps_coming_slowly_is_waited_for() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).section("server:\n  body_timeout: 1s"));
    let body = chat_body(MODEL);
    let call = Call::chat(Vec::new())
        .bearer(keys::APP.token)
        .header("content-length", &body.len().to_string());
    let mut connection = gateway.connect();
    connection
        .write(&call.bytes(gateway.addr()))
        .expect("the gateway reads");
    for piece in body.as_bytes().chunks(body.len().div_ceil(6)) {
        std::thread::sleep(Duration::from_millis(250));
        connection.write(piece).expect("the gateway reads");
    }
    assert_eq!(
        connection.answer(false).expect("an answer").status(),
        200,
        "T2: silence is bounded, not the whole"
    );
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_go_on() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let body = chat_body(MODEL);
    let length = body.len().to_string();
    let call = Call::chat(Vec::new())
        .bearer(keys::APP.token)
        .header("content-length", &length)
        .header("expect", "100-continue");
    let mut connection = gateway.connect();
    connection
        .write(&call.bytes(gateway.addr()))
        .expect("the gateway reads");
    std::thread::sleep(Duration::from_millis(50));
    connection
        .write(body.as_bytes())
        .expect("the gateway reads");
    assert_eq!(connection.answer(false).expect("an answer").status(), 200);
}

#[test]
fn a_connection_serves_one_call_after_another() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let mut connection = gateway.connect();
    for (call, status) in [
        (Call::chat(chat_body(MODEL)).bearer(keys::APP.token), 200),
        (Call::chat("{").bearer(keys::APP.token), 400),
        (Call::chat(chat_body(MODEL)), 401),
        (Call::get("/v1/models").bearer(keys::APP.token), 200),
        (Call::chat(chat_body(MODEL)).bearer(keys::APP.token), 200),
    ] {
        connection
            .write(&call.bytes(gateway.addr()))
            .expect("the gateway reads");
        assert_eq!(
            connection.answer(false).expect("an answer").status(),
            status
        );
    }
    let pipelined = Call::get("/v1/models")
        .bearer(keys::APP.token)
        .bytes(gateway.addr())
        .repeat(3);
    connection.write(&pipelined).expect("the gateway reads");
    for _ in 0..3 {
        assert_eq!(connection.answer(false).expect("an answer").status(), 200);
    }
}

#[test]
fn what_is_not_http_harms_nobody() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost : x\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /livez\0 HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut connection = Connection::open(gateway.addr()).expect("the gateway accepts");
        connection.write(bytes).expect("the gateway reads");
        connection.finish_writing().expect("a socket can be shut");
        let said = connection.drain();
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&said));
    }
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    assert_eq!(vendor.received().len(), 1);
}

fn said(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut connection = gateway.connect();
    connection.write(bytes).expect("the gateway reads");
    String::from_utf8_lossy(&connection.drain()).into_owned()
}

#[test]
fn an_old_client_gets_what_it_understands() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    for (body, last) in [
        (chat_body(MODEL), "}"),
        (ferrogw_tests::stream_body(MODEL), "data: [DONE]"),
    ] {
        let (token, length) = (keys::APP.token, body.len());
        let call = format!(
            "POST /v1/chat/completions HTTP/1.0\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = said(&gateway, call.as_bytes());
        assert!(
            answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"),
            "{answer}"
        );
        assert!(
            !answer.to_ascii_lowercase().contains("transfer-encoding"),
            "{answer}"
        );
        assert!(answer.trim_end().ends_with(last), "{answer}");
    }
}

#[test]
fn a_target_in_its_long_form_is_the_same_target() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let (token, body) = (keys::APP.token, chat_body(MODEL));
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let long = said(
        &gateway,
        head("http://anything.example/v1/chat/completions").as_bytes(),
    );
    assert!(long.starts_with("HTTP/1.1 200"), "{long}");
    assert_eq!(
        vendor.only().header("host"),
        Some(vendor.addr().to_string().as_str()),
        "the vendor is addressed by its own name"
    );
    for (method, target) in [
        ("OPTIONS", "*"),
        ("CONNECT", "internal.example:80"),
        ("GET", "http://internal.example/"),
    ] {
        let call = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = said(&gateway, call.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{method} {target}: {answer}"
        );
    }
    assert_eq!(vendor.received().len(), 1);
}

/// A length and a chunked coding at once are how requests are smuggled past each other.
#[test]
fn a_body_with_two_lengths_is_not_read_twice() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let smuggled = "GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n";
    let call = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n{smuggled}",
        keys::APP.token,
        5 + smuggled.len(),
    );
    let answer = said(&gateway, call.as_bytes());
    assert!(
        answer.matches("HTTP/1.1").count() <= 1,
        "one request, one answer: {answer}"
    );
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}
