//! Answers as Anthropic gives them, over a real socket, and the same faults as
//! in OpenAI's dialect.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::{Mock, MockSpec, Outcome};
use peer::{End, Got, Peer, start, start_with};
use serde_json::{Value, json};

fn message(stream: bool, members: &Value) -> Value {
    let mut body = json!({
        "model": "claude-mock",
        "max_tokens": 99,
        "stream": stream,
        "messages": [{"role": "user", "content": "hi"}],
    });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn ask(mock: &Mock, settings: &str, body: &Value) -> Got {
    let mut peer = Peer::connect(mock).await;
    peer.post("/v1/messages", settings, body).await
}

fn types(got: &Got) -> Vec<String> {
    let events = got.events().into_iter();
    events
        .filter_map(|event| serde_json::from_str::<Value>(&event).ok())
        .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The deltas of a stream, put together.
fn said(got: &Got, member: &str) -> String {
    let events = got.events().into_iter();
    events
        .filter_map(|event| serde_json::from_str::<Value>(&event).ok())
        .filter_map(|event| Some(event["delta"][member].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let mock = start().await;
    let members = json!({"thinking": {"type": "adaptive"}});
    let whole = ask(&mock, "cached_tokens=4", &message(false, &members))
        .await
        .json();
    let stream = ask(&mock, "cached_tokens=4", &message(true, &members)).await;

    assert_eq!(whole["type"], "message");
    assert!(whole["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(whole["content"][0]["thinking"], said(&stream, "thinking"));
    assert_eq!(whole["content"][0]["signature"], said(&stream, "signature"));
    assert_eq!(whole["content"][1]["text"], said(&stream, "text"));
    assert_eq!(whole["stop_reason"], "end_turn");
    assert_eq!(whole["usage"]["input_tokens"], 8);
    assert_eq!(whole["usage"]["cache_read_input_tokens"], 4);

    let types = types(&stream);
    assert_eq!(types[..3], ["message_start", "ping", "content_block_start"]);
    assert_eq!(
        types[types.len() - 3..],
        ["content_block_stop", "message_delta", "message_stop"]
    );
    let text = stream.text();
    assert!(
        text.starts_with("event: message_start\ndata: {\"type\":\"message_start\","),
        "{text}"
    );
}

#[tokio::test]
async fn at_vertex_ai_it_says_the_same() {
    let mock = start().await;
    let models = "/v1/projects/p/locations/l/publishers/anthropic/models";
    for (stream, word) in [(false, "rawPredict"), (true, "streamRawPredict")] {
        let mut body = message(stream, &json!({"anthropic_version": "vertex-2023-10-16"}));
        let path = format!("{models}/claude-mock:{word}");
        let got = Peer::connect(&mock).await.post(&path, "", &body).await;
        assert_eq!(got.status(), 400, "the model stands in the path alone");
        assert_eq!(got.json()["type"], "error");
        body.as_object_mut().unwrap().remove("model");
        let got = Peer::connect(&mock).await.post(&path, "", &body).await;
        let own = ask(&mock, "", &message(stream, &json!({}))).await;
        assert_eq!(got.text(), own.text());
    }
}

#[tokio::test]
async fn tools_are_called_whole_and_in_pieces() {
    let mock = start().await;
    let members = json!({
        "tools": [{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
        "tool_choice": {"type": "any"},
    });
    let whole = ask(&mock, "", &message(false, &members)).await.json();
    let stream = ask(&mock, "", &message(true, &members)).await;
    let call = &whole["content"][0];
    assert_eq!(
        (&call["type"], &call["name"]),
        (&json!("tool_use"), &json!("get_weather"))
    );
    let input: Value = serde_json::from_str(&said(&stream, "partial_json")).unwrap();
    assert_eq!(call["input"], input);
    assert_eq!(whole["stop_reason"], "tool_use");
}

#[tokio::test]
async fn errors_are_told_in_its_own_form() {
    let mock = start().await;
    for (settings, status, kind) in [
        ("status=529", 529, "overloaded_error"),
        ("status=429", 429, "rate_limit_error"),
        ("status=413", 413, "request_too_large"),
        ("nonsense=1", 400, "invalid_request_error"),
    ] {
        let got = ask(&mock, settings, &message(false, &json!({}))).await;
        assert_eq!(got.status(), status, "{settings}");
        assert_eq!(got.json()["error"]["type"], kind, "{settings}");
        assert_eq!(got.json()["type"], "error", "{settings}");
    }
    let got = ask(&mock, "", &json!({"model": "claude-mock"})).await;
    assert_eq!((got.status(), &got.json()["type"]), (400, &json!("error")));
    let got = ask(&mock, "", &message(false, &json!({"model": "nope"}))).await;
    assert_eq!(
        (got.status(), &got.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
}

#[tokio::test]
async fn faults_spoil_its_streams_as_they_do_all_others() {
    let mock = start().await;
    let body = message(true, &json!({}));
    let plain = ask(&mock, "", &body).await;
    let words = types(&plain)
        .iter()
        .filter(|kind| *kind == "content_block_delta")
        .count();
    for (settings, deltas, finish, stop, end) in [
        ("", words, 1, 1, End::Complete),
        ("no_finish", words, 0, 1, End::Complete),
        ("no_done", words, 1, 0, End::Complete),
        ("double_done", words, 1, 2, End::Complete),
        ("eof", words, 0, 0, End::Complete),
        ("error_in_200=2", 2, 0, 0, End::Complete),
        ("crlf", words, 1, 1, End::Complete),
        ("split=3", words, 1, 1, End::Complete),
        ("fields", words, 1, 1, End::Complete),
    ] {
        let got = ask(&mock, settings, &body).await;
        let types = types(&got);
        let count = |kind: &str| types.iter().filter(|other| *other == kind).count();
        let found = (
            count("content_block_delta"),
            count("message_delta"),
            count("message_stop"),
        );
        assert_eq!(found, (deltas, finish, stop), "{settings}");
        assert_eq!(got.end, end, "{settings}");
    }
    let failed = ask(&mock, "error_in_200=2", &body).await;
    assert!(
        failed.text().contains("event: error\ndata: {"),
        "{}",
        failed.text()
    );
    let cut = ask(&mock, "cut_event=2", &body).await;
    assert_ne!(cut.end, End::Complete);
}

#[tokio::test]
async fn its_requests_are_recorded_and_its_key_header_is_read() {
    let mock = start_with(MockSpec {
        expected_key: Some("sk-right".to_owned()),
        ..MockSpec::default()
    })
    .await;
    let body = message(false, &json!({})).to_string();
    for (head, status) in [
        ("", 401),
        ("x-api-key: sk-wrong\r\n", 401),
        ("x-api-key: sk-right\r\n", 200),
    ] {
        let mut peer = Peer::connect(&mock).await;
        let got = peer
            .request("POST", "/v1/messages", head, body.as_bytes())
            .await;
        assert_eq!(got.status(), status, "{head}");
        let kind = if status == 200 { "message" } else { "error" };
        assert_eq!(got.json()["type"], kind, "{head}");
    }
    let recorded = mock.recorded();
    let last = recorded.last().unwrap();
    assert_eq!(
        (last.path.as_str(), last.outcome),
        ("/v1/messages", Outcome::Answered)
    );
    assert_eq!(last.header("x-api-key"), Some("sk-right"));
    assert_eq!(last.json().unwrap()["max_tokens"], 99);
}
