use proptest::prelude::*;

use super::*;
use crate::testing::{json_like, json_text};

fn error(message: &str, kind: &str, code: &str, param: &str, status: u16) -> VendorError {
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    VendorError {
        message: said(message),
        kind: said(kind),
        code: said(code),
        param: said(param),
        status: Some(status).filter(|status| *status != 0),
        retry_after: None,
    }
}

#[test]
fn every_known_envelope_is_read() {
    for (body, expected) in [
        (
            r#"{"error":"out of capacity"}"#,
            error("out of capacity", "", "", "", 0),
        ),
        (
            r#"{"code":"too_busy","error":"out of capacity"}"#,
            error("out of capacity", "", "too_busy", "", 0),
        ),
        (
            r#"{"error":{"message":"bad","type":"invalid_request_error","code":"invalid_value","param":"model"}}"#,
            error("bad", "invalid_request_error", "invalid_value", "model", 0),
        ),
        (
            r#"{"error":{"message":"no credit","code":402,"metadata":{"raw":"secret"}}}"#,
            error("no credit", "", "402", "", 402),
        ),
        (
            r#"{"error":{"error":"inner"},"status":503}"#,
            error("inner", "", "", "", 503),
        ),
        (
            r#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}"#,
            error("slow down", "RESOURCE_EXHAUSTED", "429", "", 429),
        ),
        (
            r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
            error("bad", "INVALID_ARGUMENT", "400", "", 400),
        ),
        (
            r#"{"error":{"message":"over capacity","status_code":498}}"#,
            error("over capacity", "", "", "", 498),
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            error("busy", "overloaded_error", "", "", 0),
        ),
        (
            r#"{"error":{"code":"x","message":null}}"#,
            error("", "", "x", "", 0),
        ),
        (
            r#"{"error":{"message":{"detail":"nested"}}}"#,
            error("nested", "", "", "", 0),
        ),
        (
            r#"{"detail":"not found"}"#,
            error("not found", "", "", "", 0),
        ),
        (
            r#"{"detail":[{"loc":["body","n"],"msg":"too small","input":"SECRET"},{"msg":"too odd","ctx":{"error":"SECRET"}}]}"#,
            error("too small; too odd", "", "", "", 0),
        ),
        (
            r#"{"detail":{"error":"inner","code":1}}"#,
            error("inner", "", "", "", 0),
        ),
        (
            r#"{"message":"plain","status":200,"code":"99"}"#,
            error("plain", "", "99", "", 0),
        ),
        (
            r#"{"message":"plain","status":404}"#,
            error("plain", "", "", "", 404),
        ),
        (
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body"],"msg":"Extra inputs","input":5}]},"type":"invalid_request_error","param":null,"code":"422","raw_status_code":422}"#,
            error("Extra inputs", "invalid_request_error", "422", "", 422),
        ),
        (
            r#"{"message":["one","two"],"error_code":7}"#,
            error("one; two", "", "7", "", 0),
        ),
        (
            r#"{"error_code":"BAD","message":"words"}"#,
            error("words", "", "BAD", "", 0),
        ),
        (
            r#"{"result":null,"success":false,"errors":[{"code":7003,"message":"No route"},{"code":1,"message":"x"}],"messages":[]}"#,
            error("No route", "", "7003", "", 404),
        ),
        (
            r#"{"error":{},"message":"still here"}"#,
            error("still here", "", "", "", 0),
        ),
        (
            r#"{"error":{"type":"server_error"},"message":"outside"}"#,
            error("outside", "server_error", "", "", 0),
        ),
    ] {
        assert_eq!(read(body.as_bytes()), Some(expected), "{body}");
    }
}

#[test]
fn other_bodies_say_nothing() {
    for body in [
        "",
        "null",
        "Bad gateway",
        "<html>502</html>",
        "[]",
        "{}",
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"error":7}"#,
        r#"{"detail":[{"input":"SECRET"}]}"#,
        r#"{"success":true,"errors":[],"messages":[]}"#,
        r#"{"choices":[{"message":{"content":"error"}}]}"#,
        r#"{"error":{"message":"cut"#,
    ] {
        assert_eq!(read(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn public_messages_are_short_and_clean() {
    let public = |text: &str| public_message(&error(text, "", "", "", 0));
    assert_eq!(public("  plain \n").as_deref(), Some("plain"));
    assert_eq!(public(" "), None);
    assert_eq!(public_message(&VendorError::default()), None);
    assert_eq!(
        public("key gsk_abcdefghij0123456789 is bad").as_deref(),
        Some("key [REDACTED_GROQ_KEY] is bad")
    );
    assert_eq!(public(&"é".repeat(2048)), Some("é".repeat(2048)));
    assert_eq!(public(&"é".repeat(2049)), Some("é".repeat(2048) + "…"));
    let secret_at_the_cut = format!("{} gsk_abcdefghij0123456789", "x".repeat(2030));
    assert!(!public(&secret_at_the_cut).unwrap().contains("gsk_"));
}

#[test]
fn a_message_in_endless_pieces_is_cut() {
    let body = format!(
        "{{\"detail\":[{}\"x\"]}}",
        "\"words of a vendor\",".repeat(10_000)
    );
    assert!(read(body.as_bytes()).unwrap().message.unwrap().len() < PIECES_MAX + 100);
    let deep = format!(
        "{{\"message\":{}\"x\"{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(read(deep.as_bytes()), None);
}

proptest! {
    #[test]
    fn any_body_is_read_without_panic(json in json_text(), bytes in json_like()) {
        for name in ["error", "detail", "message", "errors", "code", "type"] {
            let body = format!("{{\"{name}\":{json},\"status\":{json}}}");
            if let Some(error) = read(body.as_bytes()) {
                public_message(&error);
            }
        }
        read(json.as_bytes());
        read(&bytes);
    }
}

#[test]
fn d23_cloudflares_codes_say_what_its_status_does_not() {
    for (code, status) in CODES {
        let body = format!(
            r#"{{"result":null,"success":false,"errors":[{{"code":{code},"message":"Error: oneOf at '/' not met"}}],"messages":[]}}"#
        );
        let error = read(body.as_bytes()).unwrap();
        assert_eq!(error.status, Some(status), "{code}");
        assert_eq!(error.code.as_deref(), Some(code));
        assert_eq!(
            error.message.as_deref(),
            Some("Error: oneOf at '/' not met")
        );
    }
    let other = read(br#"{"errors":[{"code":1,"message":"x"}]}"#).unwrap();
    assert_eq!(other.status, None);
}

#[test]
fn an_error_may_be_a_list_of_texts() {
    let error = read(br#"{"error":["a is wrong","b is wrong"]}"#).unwrap();
    assert_eq!(error.message.as_deref(), Some("a is wrong; b is wrong"));
    assert_eq!(read(br#"{"error":[]}"#), None);
}

#[test]
fn a13_a_model_that_is_loading_says_how_long_it_takes() {
    for (said, expected) in [
        ("20.5", Some(Duration::from_millis(20_500))),
        ("\"7\"", Some(Duration::from_secs(7))),
        ("-1", None),
        ("1e400", None),
        ("null", None),
        ("\"soon\"", None),
    ] {
        let body =
            format!(r#"{{"error":"Model org/name is currently loading","estimated_time":{said}}}"#);
        let error = read(body.as_bytes()).unwrap();
        assert_eq!(error.retry_after, expected, "{said}");
        assert_eq!(
            error.message.as_deref(),
            Some("Model org/name is currently loading")
        );
    }
    assert_eq!(read(br#"{"estimated_time":20}"#), None);
}
