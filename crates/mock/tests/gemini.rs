//! Answers as Gemini gives them, over a real socket, and the same faults as in
//! OpenAI's dialect.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::{Mock, MockSpec};
use peer::{End, Got, Peer, start, start_with};
use serde_json::{Value, json};

const WHOLE: &str = "/v1beta/models/gemini-mock:generateContent";
const STREAM: &str = "/v1beta/models/gemini-mock:streamGenerateContent?alt=sse";

fn question(members: &Value) -> Value {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn ask(mock: &Mock, path: &str, settings: &str, members: &Value) -> Got {
    let mut peer = Peer::connect(mock).await;
    peer.post(path, settings, &question(members)).await
}

fn answers(got: &Got) -> Vec<Value> {
    let events = got.events().into_iter();
    events
        .filter_map(|event| serde_json::from_str(&event).ok())
        .collect()
}

/// The texts of a stream, put together.
fn said(got: &Got, thought: bool) -> String {
    let parts = answers(got)
        .into_iter()
        .map(|answer| answer["candidates"][0]["content"]["parts"][0].clone());
    parts
        .filter(|part| part["thought"].as_bool().unwrap_or(false) == thought)
        .filter_map(|part| Some(part["text"].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let mock = start().await;
    let members = json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}});
    let whole = ask(&mock, WHOLE, "cached_tokens=4", &members).await.json();
    let stream = ask(&mock, STREAM, "cached_tokens=4", &members).await;
    let parts = &whole["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0]["text"], said(&stream, true));
    assert_eq!(parts[1]["text"], said(&stream, false));
    assert_eq!(whole["modelVersion"], "gemini-mock");
    let usage = &whole["usageMetadata"];
    assert_eq!(usage["cachedContentTokenCount"], 4);
    let last = answers(&stream).pop().unwrap();
    assert_eq!(last["usageMetadata"], *usage);
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert!(!stream.text().contains("[DONE]"));
}

#[tokio::test]
async fn tools_are_called_and_the_first_call_is_signed() {
    let mock = start().await;
    let members = json!({
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    });
    let whole = ask(&mock, WHOLE, "tool_calls=2", &members).await.json();
    let parts = whole["candidates"][0]["content"]["parts"]
        .as_array()
        .unwrap();
    assert_eq!(parts.len(), 2);
    assert!(parts[0]["thoughtSignature"].is_string() && parts[1].get("thoughtSignature").is_none());
    assert!(parts[0]["functionCall"]["args"]["a"].is_string());
    let stream = ask(&mock, STREAM, "tool_calls=2", &members).await;
    let calls = answers(&stream)
        .into_iter()
        .filter(|answer| !answer["candidates"][0]["content"]["parts"][0]["functionCall"].is_null());
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn errors_are_told_in_its_own_form() {
    let mock = start().await;
    for (settings, status, word) in [
        ("status=503", 503, "UNAVAILABLE"),
        ("status=429", 429, "RESOURCE_EXHAUSTED"),
        ("nonsense=1", 400, "INVALID_ARGUMENT"),
    ] {
        for path in [WHOLE, STREAM] {
            let got = ask(&mock, path, settings, &json!({})).await;
            assert_eq!(got.status(), status, "{settings}");
            assert_eq!(got.json()["error"]["status"], word, "{settings}");
        }
    }
    let got = ask(&mock, WHOLE, "", &json!({"contents": []})).await;
    assert_eq!(
        (got.status(), &got.json()["error"]["code"]),
        (400, &json!(400))
    );
    let path = WHOLE.replace("gemini-mock", "nope");
    let got = ask(&mock, &path, "", &json!({})).await;
    assert_eq!(got.json()["error"]["status"], "NOT_FOUND");
}

#[tokio::test]
async fn faults_spoil_its_streams_as_they_do_all_others() {
    let mock = start().await;
    let count = answers(&ask(&mock, STREAM, "", &json!({})).await).len();
    for (settings, events) in [
        ("", count),
        ("no_finish", count - 1),
        ("eof", count - 1),
        ("no_done", count),
        ("error_in_200=2", 3),
        ("crlf", count),
        ("split=3", count),
        ("fields", count),
    ] {
        let got = ask(&mock, STREAM, settings, &json!({})).await;
        assert_eq!(answers(&got).len(), events, "{settings}");
        assert_eq!(got.end, End::Complete, "{settings}");
    }
    let failed = ask(&mock, STREAM, "error_in_200=2", &json!({})).await;
    assert_eq!(answers(&failed)[2]["error"]["status"], "UNAVAILABLE");
    let cut = ask(&mock, STREAM, "cut_event=2", &json!({})).await;
    assert_ne!(cut.end, End::Complete);
}

#[tokio::test]
async fn its_key_header_is_read_and_settings_may_stand_in_the_path() {
    let mock = start_with(MockSpec {
        expected_key: Some("right".to_owned()),
        ..MockSpec::default()
    })
    .await;
    let body = question(&json!({})).to_string();
    let path = "/v1beta/models/mock%3Atext=yo:generateContent";
    for (head, status) in [("", 401), ("x-goog-api-key: right\r\n", 200)] {
        let mut peer = Peer::connect(&mock).await;
        let got = peer.request("POST", path, head, body.as_bytes()).await;
        assert_eq!(got.status(), status, "{head}");
        if status == 200 {
            assert_eq!(
                got.json()["candidates"][0]["content"]["parts"][0]["text"],
                "yo"
            );
        }
    }
}
