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

/// A deployment's name may say nothing of the model: then the operator does.
#[test]
fn d25_claude_behind_a_deployment_of_azures_is_asked_as_what_it_is() {
    let row = crate::builtin().get("azure-foundry").unwrap();
    let sent = |model: &str, family: Option<&str>, body: &str| {
        let body = Envelope::parse(body.to_owned().into(), wire::Limits::default()).unwrap();
        assert!(is_needed(row, &body, family.unwrap_or(model)), "{model}");
        let plan = NativePlan {
            door: Door::OpenAi,
            model,
            family,
            on_unsupported: OnUnsupported::Warn,
            own_history: true,
            headers: &HeaderMap::new(),
        };
        encode(row, &body, &plan).unwrap()
    };
    let golden =
        r#"{"model":"claude-prod","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    for (model, family) in [
        ("claude-prod", None),
        ("claude-prod", Some("claude-sonnet-4-6")),
        ("prod-7", Some("claude-sonnet-4-6")),
    ] {
        let call = sent(model, family, golden);
        let body = String::from_utf8_lossy(&call.body).into_owned();
        assert_eq!(body, golden.replace("claude-prod", model));
        assert_eq!(call.path.as_deref(), Some("/anthropic/v1/messages"));
        assert_eq!(call.strip.as_deref(), Some("/openai/v1"));
        assert_eq!(call.headers["anthropic-version"], "2023-06-01");
    }
    let warm = r#"{"model":"x","temperature":0.5,"messages":[{"role":"user","content":"Hi"}]}"#;
    let dropped = |family| sent("claude-prod", Some(family), warm).dropped;
    assert_eq!(dropped("claude-sonnet-4-6"), [""; 0]);
    assert_eq!(dropped("claude-opus-4-7"), ["temperature"]);
    for (model, family) in [
        ("gpt-5-prod", None),
        ("my-claude", None),
        ("claude-killer", Some("gpt-5")),
    ] {
        let body = Envelope::parse(HELLO.into(), wire::Limits::default()).unwrap();
        assert!(!is_needed(row, &body, family.unwrap_or(model)), "{model}");
    }
}

/// Each of Databricks' two roots has its own place for Claude.
#[test]
fn d26_claude_at_databricks_is_asked_in_its_own_dialect() {
    let row = crate::builtin().get("databricks").unwrap();
    for (model, own) in [
        ("databricks-claude-sonnet-4-5", true),
        ("system.ai.claude-sonnet-4-6", true),
        ("databricks-gpt-oss-120b", false),
        ("my-endpoint", false),
    ] {
        let body = Envelope::parse(HELLO.into(), wire::Limits::default()).unwrap();
        assert_eq!(is_needed(row, &body, model), own, "{model}");
    }
    for (given, url) in [
        (
            "dbc-1.cloud.databricks.com",
            "https://dbc-1.cloud.databricks.com/serving-endpoints/anthropic/v1/messages",
        ),
        (
            "https://dbc-1.cloud.databricks.com/ai-gateway/mlflow/v1",
            "https://dbc-1.cloud.databricks.com/ai-gateway/anthropic/v1/messages",
        ),
    ] {
        let base = crate::base_url(row, Some(given), None, &crate::Vars::new()).unwrap();
        let call = asked(row, "databricks-claude-sonnet-4-5", HELLO).unwrap();
        let (strip, path) = (call.strip.unwrap(), call.path.unwrap());
        let root = base.as_str();
        let root = root.strip_suffix(&*strip).unwrap_or(root);
        assert_eq!(format!("{root}{path}"), url);
    }
}

#[test]
fn d07_what_the_vendor_cannot_be_asked_is_the_clients_to_mend() {
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
        assert_eq!(is_needed(row, &envelope(&body), "qwen3"), own, "{extra}");
        let call = asked(row, "qwen3", &body).unwrap();
        let path = own.then_some("/api/chat");
        assert_eq!(
            (call.path.as_deref(), call.strip.as_deref()),
            (path, own.then_some("/v1"))
        );
    }
    assert!(!is_needed(
        crate::builtin().get("openai").unwrap(),
        &envelope(HELLO),
        "claude-sonnet-4-6"
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

/// `GET /v1/capabilities` says what is lost, and nothing else is.
#[test]
fn a21_what_a_row_says_is_not_honoured_is_what_a_call_loses() {
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let value = |parameter| match parameter {
        "temperature" | "top_p" | "presence_penalty" | "frequency_penalty" => "0.5",
        "n" | "seed" | "top_logprobs" => "2",
        "max_tokens" | "max_completion_tokens" => "9",
        "stop" => r#"["END"]"#,
        "tools" => r#"[{"type":"function","function":{"name":"f"}}]"#,
        "tool_choice" => r#""required""#,
        "response_format" => r#"{"type":"json_object"}"#,
        "logprobs" => "true",
        "parallel_tool_calls" => "false",
        "user" => r#""u""#,
        _ => r#"{"5":1}"#,
    };
    for (id, model) in [
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-flash"),
        ("cohere", "command-a-03-2025"),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ] {
        let row = crate::builtin().get(id).unwrap();
        for (parameter, support) in crate::profile(row) {
            let beside = match parameter {
                "tool_choice" | "parallel_tool_calls" => tools,
                "top_logprobs" => r#","logprobs":true"#,
                _ => "",
            };
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"{parameter}":{}{beside}}}"#,
                value(parameter)
            );
            let lost = support == crate::Support::Unsupported;
            let call = asked(row, model, &body).unwrap();
            let told = call.dropped.iter().any(|name| name == parameter);
            assert_eq!(told, lost, "{id} {parameter}");
            let envelope = Envelope::parse(body.into(), wire::Limits::default()).unwrap();
            let strict = NativePlan {
                door: Door::OpenAi,
                model,
                family: None,
                on_unsupported: OnUnsupported::Reject,
                own_history: true,
                headers: &HeaderMap::new(),
            };
            let refused = encode(row, &envelope, &strict).err();
            let refused = refused.is_some_and(|refusal| {
                refusal.by_policy && refusal.message.contains(&format!("{id} does not support"))
            });
            let all_fine = !lost && call.dropped.is_empty();
            assert_eq!(refused, !all_fine, "{id} {parameter}");
        }
    }
}

/// A key may be for one model alone, and a call is paid for as what was asked.
#[test]
fn what_is_for_one_vendor_alone_does_not_choose_the_model() {
    for (id, model) in [
        ("anthropic", "claude-sonnet-4-5"),
        ("cohere", "command-a"),
        ("ollama", "qwen3"),
    ] {
        let row = crate::builtin().get(id).unwrap();
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"extra_body":{{"{id}":{{"model":"dear","mod\u0065l":"dearer","Model":"Dear","stream":true,"\u017ftream":true,"keep_alive":"5m"}}}}}}"#
        );
        let call = asked(row, model, &body).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(sent["model"], model, "{id}");
        assert_ne!(sent["stream"], true, "{id}");
        let told = String::from_utf8_lossy(&call.body).to_lowercase();
        assert!(
            !told.contains("dear") && !told.contains('ſ'),
            "{id}: {told}"
        );
        assert_eq!(sent["keep_alive"], "5m", "{id}");
        assert_eq!(call.dropped, ["extra_body"], "{id}");
    }
}
