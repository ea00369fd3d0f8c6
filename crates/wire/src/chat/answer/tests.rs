use proptest::prelude::*;

use super::*;
use crate::testing::{json_like, json_text};
use crate::usage::ServiceTier;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

#[test]
fn an_answer_is_read_at_the_side() {
    let body = r#"{"id":"x","object":"chat.completion","model":"gpt-4o-2024","choices":[
        {"index":0,"message":{"role":"assistant","content":"an \"error\": {\"usage\":1}"},"finish_reason":"stop"},
        {"index":1,"message":{"content":null},"finish_reason":null}],
        "usage":{"prompt_tokens":9,"completion_tokens":2},"error":null}"#;
    let expected = Answer {
        model: Some("gpt-4o-2024".to_owned()),
        usage: Some(usage(9, 2)),
        finish: true,
        choices: 2,
        error: None,
    };
    assert_eq!(read_answer(body.as_bytes()).unwrap(), expected);
}

#[test]
fn usage_is_found_where_vendors_put_it() {
    for (body, expected) in [
        (
            r#"{"service_tier":"flex","usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            Some(Usage {
                service: ServiceTier::Flex,
                ..usage(1, 2)
            }),
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2},"service_tier":"default"}"#,
            Some(usage(1, 2)),
        ),
        (
            r#"{"x_groq":{"id":"r","usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
            Some(usage(1, 2)),
        ),
        (
            r#"{"choices":[{"usage":{"prompt_tokens":1,"completion_tokens":2}}]}"#,
            Some(usage(1, 2)),
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[{"usage":{"prompt_tokens":0}}]}"#,
            Some(usage(1, 2)),
        ),
        (
            r#"{"usage":{"prompt_tokens":0,"completion_tokens":0}}"#,
            Some(usage(0, 0)),
        ),
        (
            r#"{"usage":null,"choices":"none","model":7,"x_groq":[]}"#,
            None,
        ),
        ("{}", None),
    ] {
        assert_eq!(
            read_answer(body.as_bytes()).unwrap().usage,
            expected,
            "{body}"
        );
    }
}

#[test]
fn an_error_in_a_success_is_seen() {
    for (body, message) in [
        (
            r#"{"error":{"message":"no credit","code":402}}"#,
            Some("no credit"),
        ),
        (
            r#"{"error":"overloaded","choices":null}"#,
            Some("overloaded"),
        ),
        (
            r#"{"object":"error","message":"bad","code":400}"#,
            Some("bad"),
        ),
        (
            r#"{"success":false,"errors":[{"message":"no route"}]}"#,
            Some("no route"),
        ),
        (
            r#"{"x_groq":{"error":"stopped early"},"choices":[]}"#,
            Some("stopped early"),
        ),
        (r#"{"error":true}"#, None),
    ] {
        let error = read_answer(body.as_bytes()).unwrap().error;
        assert_eq!(
            error.unwrap_or_else(|| panic!("{body}")).message.as_deref(),
            message,
            "{body}"
        );
    }
    for body in [
        r#"{"error":{},"choices":[]}"#,
        r#"{"error":null,"message":"hello"}"#,
        r#"{"error":"","errors":null}"#,
        r#"{"success":true,"errors":["warn"]}"#,
        r#"{"object":"batch","errors":{"data":[]}}"#,
        r#"{"choices":[{"error":{"message":"x"}}]}"#,
    ] {
        assert_eq!(read_answer(body.as_bytes()).unwrap().error, None, "{body}");
    }
}

#[test]
fn many_choices_are_not_depth() {
    let choices = vec![r#"{"message":{"content":[{"text":"a"}]}}"#; 500].join(",");
    assert_eq!(
        read_answer(format!("{{\"choices\":[{choices}]}}").as_bytes())
            .unwrap()
            .choices,
        500
    );
}

#[test]
fn only_objects_are_answers() {
    for body in ["", "null", "[]", "\"x\"", "{\"a\":1", "{} {}", "<html>"] {
        assert!(read_answer(body.as_bytes()).is_err(), "{body}");
    }
}

proptest! {
    #[test]
    fn members_of_any_type_are_tolerated(json in json_text(), bytes in json_like()) {
        for name in ["model", "usage", "choices", "x_groq", "error", "errors"] {
            let top = format!("{{\"{name}\":{json}}}");
            let message = format!("{{\"content\":{json},\"tool_calls\":{json}}}");
            let choice = format!("{{\"choices\":[{{\"message\":{message},\"{name}\":{json}}}]}}");
            prop_assert!(read_answer(top.as_bytes()).is_ok());
            prop_assert!(read_answer(choice.as_bytes()).is_ok());
        }
        let _ = read_answer(&bytes);
    }
}
