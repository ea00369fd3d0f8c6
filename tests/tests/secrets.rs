//! Spec 02 §16: what the operator keeps secret, a vendor may repeat and nobody gets to read.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::MODEL;
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Answer, Gateway, Vendor, chat_body, eventually, stream_body};

/// Looks like no credential at all.
const SECRET: &str = "hunter2-correct-horse-battery";
const ANOTHER: &str = "the-cat-sat/on+the-mat.today";

/// What a vendor may answer when it quotes a key: how, and whether the client reads its words.
fn answers(secret: &str) -> Vec<(String, bool)> {
    let said = format!(r#"{{"error":{{"message":"the key {secret} is odd"}}}}"#);
    let object = escaped(&said);
    let text = escaped(&format!(r#"{{"error":"Bearer {secret} is odd"}}"#));
    let begun = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}"#;
    let stream = escaped(&format!("{begun}\n\ndata: {said}\n\n"));
    vec![
        (format!("status=400;body={object}"), true),
        (format!("status=422;body={text}"), true),
        (format!("status=401;body={object}"), false),
        (format!("status=404;body={object}"), false),
        (format!("status=429;body={text}"), false),
        (format!("status=500;body={object}"), false),
        (format!("status=200;body={object}"), false),
        (
            format!("status=200;content_type=text/event-stream;body={stream}"),
            false,
        ),
    ]
}

/// The longest part of the secret that the text shows.
fn shown<'a>(text: &str, secret: &'a str) -> &'a str {
    let ends = 0..=secret.len();
    ends.rev()
        .map(|end| &secret[..end])
        .find(|part| text.contains(part))
        .unwrap_or_default()
}

fn assert_hidden(what: &str, text: &str, secret: &str) {
    let part = shown(text, secret);
    assert!(part.len() < 6, "{what}: {part:?} is shown: {text}");
}

fn everything(answer: &Answer) -> String {
    format!("{:?}\n{}", answer.head.headers, answer.text())
}

fn assert_never_told(gateway: &Gateway, vendor: &Vendor, secret: &str) {
    for (settings, words) in answers(secret) {
        for body in [chat_body(MODEL), stream_body(MODEL)] {
            vendor.next(&settings);
            let answer = gateway.chat(body);
            assert_hidden(&settings, &everything(&answer), secret);
            let line = gateway.access(&answer);
            assert_hidden(&settings, &line.to_string(), secret);
            if words {
                assert!(answer.text().contains("is odd"), "{}", answer.text());
                assert!(
                    line["error"]
                        .as_str()
                        .is_some_and(|told| told.contains("is odd")),
                    "{line}"
                );
            }
        }
    }
    assert_eq!(
        vendor.last().header("authorization"),
        Some(format!("Bearer {secret}").as_str()),
        "it is the key in use"
    );
    assert_hidden("all of the log", &gateway.everything_said(), secret);
}

#[test]
fn a23_a_key_from_the_environment_is_never_told() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).env("VENDOR_API_KEY", SECRET);
    let yaml = setup.yaml().replace("${VENDOR_KEY}", "${VENDOR_API_KEY}");
    let gateway = Gateway::start_with(&yaml, &setup);
    assert_never_told(&gateway, &vendor, SECRET);
}

/// A message is cut to its bound, and a field is passed on by its name: neither is a way around.
#[test]
fn a_key_is_told_neither_in_part_nor_as_the_name_of_a_field() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).env("VENDOR_API_KEY", SECRET);
    let yaml = setup.yaml().replace("${VENDOR_KEY}", "${VENDOR_API_KEY}");
    let gateway = Gateway::start_with(&yaml, &setup);
    let filler = "x".repeat(2048 - SECRET.len() / 2);
    let told: Vec<String> = [
        format!(r#"{{"error":{{"message":"{filler}{SECRET} is odd"}}}}"#),
        format!(r#"{{"error":{{"message":"odd","param":"{SECRET}"}}}}"#),
        format!(r#"{{"error":{{"message":"odd","code":"{SECRET}","type":"{SECRET}"}}}}"#),
    ]
    .iter()
    .filter_map(|said| {
        vendor.next(&format!("status=400;body={}", escaped(said)));
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(answer.status(), 400);
        let line = gateway.access(&answer);
        let read = format!("{}{line}", everything(&answer));
        let part = shown(&read, SECRET);
        (part.len() > 5).then(|| format!("{part:?} of {said:.120}"))
    })
    .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Limits are relayed by the beginning of their names; what they say is the vendor's.
#[test]
fn a_key_is_told_by_no_header() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).env("VENDOR_API_KEY", SECRET);
    let yaml = setup.yaml().replace("${VENDOR_KEY}", "${VENDOR_API_KEY}");
    let gateway = Gateway::start_with(&yaml, &setup);
    let mut told = Vec::new();
    for status in [200, 400, 429, 500] {
        for name in ["x-ratelimit-note", "x-request-id"] {
            for body in [chat_body(MODEL), stream_body(MODEL)] {
                vendor.next(&format!("status={status};header={name}:key {SECRET}"));
                let answer = gateway.chat(body);
                if everything(&answer).contains(SECRET) {
                    told.push(format!("{status} {name}"));
                }
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_key_from_a_file_is_never_told_nor_the_one_that_follows_it() {
    let vendor = Vendor::start();
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{SECRET}\n")).expect("the file can be written");
    let setup = Gateway::before(&vendor);
    let yaml = setup
        .yaml()
        .replace("${VENDOR_KEY}", &format!("file:{}", file.display()));
    let gateway = Gateway::start_with(&yaml, &setup);
    assert_never_told(&gateway, &vendor, SECRET);

    std::fs::write(&file, ANOTHER).expect("the file can be written");
    eventually("the new key is used", || {
        gateway.chat(chat_body(MODEL));
        let sent = vendor.last();
        (sent.header("authorization") == Some(format!("Bearer {ANOTHER}").as_str())).then_some(())
    });
    assert_never_told(&gateway, &vendor, ANOTHER);
}

/// Where a call goes on to another target, the log still tells why.
#[test]
fn a_key_is_not_told_of_what_was_moved_past() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .section("strategy:\n  mode: fallback")
        .env("VENDOR_API_KEY", SECRET)
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_API_KEY}}\n  base_url: {}\n  models: [{MODEL}]",
            vendor.base_url()
        ));
    let yaml = setup.yaml().replace("${VENDOR_KEY}", "${VENDOR_API_KEY}");
    let gateway = Gateway::start_with(&yaml, &setup);
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        vendor.next(&format!(
            r#"status=401;body={{"error":{{"message":"the key {SECRET} is odd"}}}}"#
        ));
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(&answer);
        assert_hidden("the line", &line.to_string(), SECRET);
        assert!(
            line["attempt_errors"]
                .as_str()
                .is_some_and(|told| told.contains("is odd")),
            "{line}"
        );
    }
}

/// Models are looked for in the background; what comes of it is in the log.
#[test]
fn a_key_is_not_told_by_what_looks_for_models() {
    let vendor = Vendor::start();
    vendor.when_listing(
        u32::MAX,
        &format!(
            "status=401;body={}",
            escaped(&format!(
                r#"{{"error":{{"message":"the key {SECRET} is odd"}}}}"#
            ))
        ),
    );
    let setup = Gateway::before(&vendor).env("VENDOR_API_KEY", SECRET);
    let yaml = setup.yaml().replace("${VENDOR_KEY}", "${VENDOR_API_KEY}");
    let gateway = Gateway::start_with(&yaml, &setup);
    eventually("it is in the log", || {
        gateway
            .everything_said()
            .contains("could not list the models")
            .then_some(())
    });
    assert_hidden("the log", &gateway.everything_said(), SECRET);
}
