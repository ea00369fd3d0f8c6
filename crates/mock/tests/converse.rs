//! Answers as Bedrock gives them, over a real socket, and the same faults as in
//! OpenAI's dialect.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::Mock;
use peer::{End, Got, Peer, start};
use serde_json::{Value, json};
use wire::eventstream::{Decoder, Frame, FrameError};

fn question(members: &Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn ask(mock: &Mock, stream: bool, settings: &str, body: &Value) -> Got {
    let path = if stream {
        "/model/us.amazon.nova-lite-v1%3A0/converse-stream"
    } else {
        "/model/us.amazon.nova-lite-v1%3A0/converse"
    };
    Peer::connect(mock).await.post(path, settings, body).await
}

fn frames(got: &Got) -> Result<Vec<Frame>, FrameError> {
    let mut found = Vec::new();
    Decoder::new(1 << 24).push(got.body().into(), |frame| {
        found.push(frame);
        Ok::<_, FrameError>(())
    })?;
    Ok(found)
}

fn names(frames: &[Frame]) -> Vec<&str> {
    let name = |frame| Frame::text(frame, ":event-type").or(Frame::text(frame, ":exception-type"));
    frames.iter().filter_map(name).collect()
}

/// The deltas of a stream, put together.
fn said(frames: &[Frame], pointer: &str) -> String {
    let payloads = frames
        .iter()
        .map(|frame| serde_json::from_slice(frame.payload()).unwrap());
    payloads
        .filter_map(|data: Value| Some(data["delta"].pointer(pointer)?.as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let mock = start().await;
    let members = json!({"additionalModelRequestFields": {"thinking": {"type": "enabled"}}});
    let whole = ask(&mock, false, "cached_tokens=4", &question(&members)).await;
    assert!(
        whole
            .header("x-amzn-requestid")
            .unwrap()
            .starts_with("req_")
    );
    let whole = whole.json();
    let stream = ask(&mock, true, "cached_tokens=4", &question(&members)).await;
    assert_eq!(
        stream.header("content-type").as_deref(),
        Some("application/vnd.amazon.eventstream")
    );
    let frames = frames(&stream).unwrap();
    let content = &whole["output"]["message"]["content"];
    let thought = &content[0]["reasoningContent"]["reasoningText"];
    assert_eq!(thought["text"], said(&frames, "/reasoningContent/text"));
    assert_eq!(
        thought["signature"],
        said(&frames, "/reasoningContent/signature")
    );
    assert_eq!(content[1]["text"], said(&frames, "/text"));
    assert_eq!(whole["stopReason"], "end_turn");
    assert_eq!(
        (
            &whole["usage"]["inputTokens"],
            &whole["usage"]["cacheReadInputTokens"]
        ),
        (&json!(8), &json!(4))
    );
    let names = names(&frames);
    assert_eq!(names[..2], ["messageStart", "contentBlockDelta"]);
    assert_eq!(
        names[names.len() - 3..],
        ["contentBlockStop", "messageStop", "metadata"]
    );
}

#[tokio::test]
async fn tools_are_called_whole_and_in_pieces() {
    let mock = start().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool = json!({"toolSpec": {"name": "get_weather", "inputSchema": {"json": schema}}});
    let members = json!({"toolConfig": {"tools": [tool], "toolChoice": {"any": {}}}});
    let whole = ask(&mock, false, "", &question(&members)).await.json();
    let stream = ask(&mock, true, "", &question(&members)).await;
    let call = &whole["output"]["message"]["content"][0]["toolUse"];
    let input: Value =
        serde_json::from_str(&said(&frames(&stream).unwrap(), "/toolUse/input")).unwrap();
    assert_eq!(
        (&call["name"], &call["input"]),
        (&json!("get_weather"), &input)
    );
    assert_eq!(whole["stopReason"], "tool_use");
}

#[tokio::test]
async fn errors_are_told_in_its_own_form() {
    let mock = start().await;
    for (settings, status, kind) in [
        ("status=424", 424, "ModelErrorException:"),
        ("status=429", 429, "ThrottlingException:"),
        ("status=503", 503, "ServiceUnavailableException:"),
        ("nonsense=1", 400, "ValidationException:"),
    ] {
        let got = ask(&mock, false, settings, &question(&json!({}))).await;
        assert_eq!(got.status(), status, "{settings}");
        assert!(
            got.header("x-amzn-errortype").unwrap().starts_with(kind),
            "{settings}"
        );
        assert!(got.json()["message"].is_string(), "{settings}");
    }
    let got = ask(&mock, false, "", &json!({})).await;
    assert_eq!(got.status(), 400);
}

#[tokio::test]
async fn streams_fail_in_every_way() {
    let mock = start().await;
    let hi = question(&json!({}));
    for (settings, exception) in [
        ("error_in_200=1", "serviceUnavailableException"),
        ("error_in_200=1;error_status=429", "throttlingException"),
        (
            "error_in_200=1;error_status=424",
            "modelStreamErrorException",
        ),
    ] {
        let got = ask(&mock, true, settings, &hi).await;
        let all = frames(&got).unwrap();
        let last = all.last().unwrap();
        assert_eq!(last.text(":message-type"), Some("exception"));
        assert_eq!(last.text(":exception-type"), Some(exception));
    }

    let got = ask(&mock, true, "cut_event=1", &hi).await;
    assert_eq!(
        names(&frames(&got).unwrap()),
        ["messageStart", "contentBlockDelta"]
    );
    assert_ne!(got.end, End::Complete);

    let got = ask(&mock, true, "eof", &hi).await;
    assert!(!names(&frames(&got).unwrap()).contains(&"messageStop"));

    let got = ask(&mock, true, "no_usage", &hi).await;
    assert_eq!(names(&frames(&got).unwrap()).last(), Some(&"messageStop"));

    let got = ask(&mock, true, "garbage=1", &hi).await;
    assert!(names(&frames(&got).unwrap()).contains(&"stray"));

    let got = ask(&mock, true, "huge=2m", &hi).await;
    assert_eq!(said(&frames(&got).unwrap(), "/text").len(), 2 << 20);
}
