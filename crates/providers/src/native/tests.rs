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
        family: None,
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

/// A deployment's name says nothing of the model: the operator does.
#[test]
fn d25_claude_behind_a_deployment_of_azures_is_asked_as_what_it_is() {
    let row: Provider = toml::from_str(
        "id = 'azure-claude'\nbase_url = 'https://res.services.ai.azure.com/anthropic/v1'\n\
         dialect = 'anthropic'\nauth = { header = 'x-api-key' }\npaths = { chat = '/messages' }\n\
         headers = { anthropic-version = '2023-06-01' }",
    )
    .unwrap();
    assert_eq!(row.defects(), []);
    let base = crate::base_url(&row, None, None, &crate::Vars::new()).unwrap();
    let url = crate::endpoint(
        &row,
        crate::Surface::Chat,
        &base,
        "claude-prod",
        &crate::Vars::new(),
    );
    assert_eq!(
        url.as_deref(),
        Ok("https://res.services.ai.azure.com/anthropic/v1/messages")
    );
    let sent = |body: &str, family| {
        let body = Envelope::parse(body.to_owned().into(), wire::Limits::default()).unwrap();
        let plan = NativePlan {
            door: Door::OpenAi,
            model: "claude-prod",
            family,
            on_unsupported: OnUnsupported::Warn,
            own_history: true,
            headers: &HeaderMap::new(),
        };
        encode(&row, &body, &plan).unwrap()
    };
    let golden =
        r#"{"model":"claude-prod","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(sent(golden, Some("claude-sonnet-4-6")).body, golden);
    let warm = r#"{"model":"x","temperature":0.5,"messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(sent(warm, Some("claude-sonnet-4-6")).dropped, [""; 0]);
    assert_eq!(sent(warm, Some("claude-opus-4-7")).dropped, ["temperature"]);
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

fn asked(row: &Provider, model: &str, body: &str) -> Result<NativeCall, Refusal> {
    let body = Envelope::parse(
        Bytes::copy_from_slice(body.as_bytes()),
        wire::Limits::default(),
    )
    .unwrap();
    let plan = NativePlan {
        door: Door::OpenAi,
        model,
        family: None,
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        headers: &HeaderMap::new(),
    };
    encode(row, &body, &plan)
}

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;

#[test]
fn d18_cohere_is_asked_at_its_second_version_and_its_failures_are_faults() {
    let row = crate::builtin().get("cohere").unwrap();
    let base = crate::base_url(row, None, None, &crate::Vars::new()).unwrap();
    for surface in [crate::Surface::Chat, crate::Surface::ChatStream] {
        let url = crate::endpoint(row, surface, &base, "m", &crate::Vars::new()).unwrap();
        assert_eq!(url, "https://api.cohere.com/v2/chat");
    }
    let session = asked(row, "command-a-03-2025", HELLO).unwrap().session;
    for (reason, status) in [("ERROR", 502), ("TIMEOUT", 504)] {
        let body = format!(r#"{{"id":"c","finish_reason":"{reason}","message":{{"content":[]}}}}"#);
        let fault = session.whole(body.as_bytes(), &face()).unwrap_err();
        assert_eq!(fault.status(), status);
    }
    let fault = session.whole(br#"{"message":"no"}"#, &face()).unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamError);
}

#[test]
fn d19_a_prediction_that_failed_says_whose_fault_it_is() {
    let row = crate::builtin().get("replicate").unwrap();
    let call = asked(row, "a/b", HELLO).unwrap();
    assert_eq!(call.path.as_deref(), Some("/models/a/b/predictions"));
    let policy = "content_policy_violation";
    for (said, status, code) in [
        (
            r#""failed","error":"CUDA out of memory""#,
            502,
            "upstream_error",
        ),
        (r#""canceled""#, 502, "upstream_cancelled"),
        (r#""aborted""#, 502, "upstream_cancelled"),
        (r#""failed","error":"NSFW content detected""#, 400, policy),
        (
            r#""failed","error":"flagged as sensitive (E005)""#,
            400,
            policy,
        ),
    ] {
        let body = format!(r#"{{"id":"p","status":{said}}}"#);
        let fault = call.session.whole(body.as_bytes(), &face()).unwrap_err();
        assert_eq!(
            (fault.status(), fault.kind.row().code),
            (status, code),
            "{body}"
        );
    }
    let refusal = asked(row, "../b", HELLO).unwrap_err();
    assert_eq!(Fault::from(refusal).status(), 400);
}

/// What a model takes is what its vendor says that it takes.
#[test]
fn d19_a_model_is_asked_as_its_description_says() {
    let row = crate::builtin().get("replicate").unwrap();
    assert_eq!(
        described_at(row, "a/b:c0").as_deref(),
        Some("/models/a/b/versions/c0")
    );
    let description = r#"{"latest_version":{"id":"c0ffee","openapi_schema":{"components":{"schemas":
        {"Input":{"properties":{"prompt":{"type":"string"},"system_prompt":{"type":"string"},
        "max_new_tokens":{"type":"integer"}}}}}}}}"#;
    let described = Arc::new(Description::read(description.as_bytes()).unwrap());
    let body = r#"{"model":"m","max_tokens":9,"top_p":0.5,"messages":[
        {"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}]}"#;
    let body = Envelope::parse(body.into(), wire::Limits::default()).unwrap();
    let plan = NativePlan {
        door: Door::OpenAi,
        model: "a/b",
        family: None,
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        headers: &HeaderMap::new(),
    };
    let call = encode_with(row, &body, &plan, Some(&described), &Files::default()).unwrap();
    assert_eq!(
        call.body,
        r#"{"input":{"system_prompt":"Be kind.","prompt":"Hi","max_new_tokens":9}}"#
    );
    assert_eq!(call.dropped, ["top_p"]);
    assert_eq!(call.path.as_deref(), Some("/models/a/b/predictions"));

    // The model has turned out to have no path of its own.
    call.course.unwrap().answered(404, b"").unwrap();
    let call = encode_with(row, &body, &plan, Some(&described), &Files::default()).unwrap();
    assert_eq!(call.path.as_deref(), Some("/predictions"));
    assert!(call.body.starts_with(br#"{"version":"c0ffee","input":"#));
    assert!(!call.course.unwrap().expects(404));
}

#[test]
fn ollama_is_asked_in_its_own_dialect_where_the_request_wants_it() {
    let row = crate::builtin().get("ollama").unwrap();
    let envelope = |text: &str| {
        Envelope::parse(
            Bytes::copy_from_slice(text.as_bytes()),
            wire::Limits::default(),
        )
        .unwrap()
    };
    for (extra, own) in [
        ("", false),
        (r#","extra_body":{"openai":{"x":1}}"#, false),
        (r#","extra_body":{"ollama":{}}"#, false),
        (
            r#","extra_body":{"ollama":{"options":{"num_ctx":8192}}}"#,
            true,
        ),
        (r#","keep_alive":"5m""#, true),
        (r#","num_ctx":4096"#, true),
    ] {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}]{extra}}}"#);
        assert_eq!(is_needed(row, &envelope(&body)), own, "{extra}");
        let call = asked(row, "qwen3", &body).unwrap();
        let path = own.then_some("/api/chat");
        assert_eq!(
            (call.path.as_deref(), call.strip),
            (path, own.then_some("/v1"))
        );
    }
    assert!(!is_needed(
        crate::builtin().get("openai").unwrap(),
        &envelope(HELLO)
    ));
}

#[test]
fn d20_a_cloud_models_prefix_is_for_the_gateway_alone() {
    let row = crate::builtin().get("ollama-cloud").unwrap();
    let own = r#"{"model":"m","keep_alive":"5m","messages":[{"role":"user","content":"x"}]}"#;
    for body in [HELLO, own] {
        let call = asked(row, "ollama-cloud/gpt-oss:120b", body).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(sent["model"], "gpt-oss:120b");
    }
    assert_eq!(row.bare_model("ollama-cloud/"), "ollama-cloud/");
    assert_eq!(
        crate::builtin()
            .get("openrouter")
            .unwrap()
            .bare_model("openrouter/auto"),
        "openrouter/auto"
    );
}
