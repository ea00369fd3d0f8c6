use http::HeaderValue;

use super::*;

fn row(extra: &str) -> Provider {
    toml::from_str(&format!(
        "id = 'acme'\nbase_url = 'https://api.acme.test/v1'\n{extra}"
    ))
    .unwrap()
}

fn encoded(
    row: &Provider,
    body: &str,
    door: Door,
    headers: &HeaderMap,
) -> Result<NativeCall, Refusal> {
    let body = Envelope::parse(
        Bytes::copy_from_slice(body.as_bytes()),
        wire::Limits::default(),
    )
    .unwrap();
    let plan = NativePlan {
        door,
        model: "claude-haiku-4-5",
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        headers,
    };
    encode(row, &body, &plan)
}

fn face() -> Face {
    Face {
        model: "asked".into(),
        ..Face::default()
    }
}

#[test]
fn a_call_goes_out_in_the_vendors_dialect_and_comes_back_in_the_doors() {
    let row = row("dialect = 'anthropic'");
    let body = r#"{"model":"asked","seed":1,"messages":[{"role":"user","content":[
        {"type":"file","file":{"file_id":"f1"}},{"type":"text","text":"hi"}]}]}"#;
    let mut client = HeaderMap::new();
    client.insert(
        "anthropic-beta",
        HeaderValue::from_static("a-1, files-api-2025-04-14"),
    );
    let call = encoded(&row, body, Door::OpenAi, &client).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(sent["model"], "claude-haiku-4-5");
    assert_eq!(sent["messages"][0]["content"][0]["source"]["file_id"], "f1");
    assert_eq!(call.headers["anthropic-beta"], "a-1,files-api-2025-04-14");
    assert_eq!(call.dropped, ["seed"]);

    let answer = r#"{"id":"msg_1","model":"claude-haiku-4-5","content":[{"type":"text","text":"yo"}],
        "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;
    let whole = call.session.whole(answer.as_bytes(), &face()).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(told["choices"][0]["message"]["content"], "yo");
    assert_eq!(
        whole.usage.map(|usage| (usage.input, usage.output)),
        Some((3, 2))
    );
    assert_eq!(whole.model.as_deref(), Some("claude-haiku-4-5"));
    assert_eq!(whole.finish.native, "end_turn");
}

#[test]
fn d7_what_the_vendor_cannot_be_asked_is_the_clients_to_mend() {
    let row = row("dialect = 'anthropic'");
    let body = r#"{"model":"m","messages":[{"role":"user","content":[
        {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}"#;
    let refusal = encoded(&row, body, Door::OpenAi, &HeaderMap::new()).unwrap_err();
    let fault = Fault::from(refusal);
    assert_eq!(
        (fault.status(), fault.param.as_deref()),
        (400, Some("messages[0].content[0]"))
    );
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let row = row("dialect = 'anthropic'");
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    let session = encoded(&row, body, Door::OpenAi, &HeaderMap::new())
        .unwrap()
        .session;
    for (body, kind) in [
        ("<html>", Kind::UpstreamInvalid),
        ("{}", Kind::UpstreamInvalid),
        ("[]", Kind::UpstreamInvalid),
        (
            r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
            Kind::UpstreamError,
        ),
    ] {
        assert_eq!(
            session.whole(body.as_bytes(), &face()).unwrap_err().kind,
            kind,
            "{body}"
        );
    }
    let error =
        session.error(br#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#);
    assert_eq!(error.and_then(|error| error.status), Some(529));
}

#[test]
fn the_rows_rules_hold_for_a_body_that_was_translated() {
    let row = row("chat = { drop = ['top_k'] }");
    let body = r#"{"model":"m","max_tokens":5,"top_k":3,"stream":true,"messages":[{"role":"user","content":"x"}]}"#;
    let call = encoded(&row, body, Door::Messages, &HeaderMap::new()).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(sent.get("top_k"), None);
    assert_eq!(sent["stream_options"]["include_usage"], true);
    assert_eq!(call.dropped, ["top_k"]);

    let mut stream = call.session.stream(face(), 1 << 16);
    let mut out = Vec::new();
    let chunk = Bytes::from_static(
        b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    );
    stream.push(chunk, &mut out).unwrap();
    stream.end(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("event: message_start\n"), "{text}");
    assert!(
        text.ends_with("data: {\"type\":\"message_stop\"}\n\n"),
        "{text}"
    );
    assert!(stream.seen().started && stream.seen().done);
}
