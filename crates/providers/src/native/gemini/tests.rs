use bytes::Bytes;
use serde_json::{Value, json};
use wire::fault::Fault;
use wire::ir::Face;

use super::super::{Door, NativeCall, NativePlan, encode};
use super::*;
use crate::provider::{Provider, Vars};
use crate::rules::OnUnsupported;
use crate::{BadBaseUrl, base_url};

fn row(id: &str) -> Provider {
    crate::builtin().get(id).unwrap().clone()
}

fn call(id: &str, model: &str, body: &Value) -> Result<NativeCall, Refusal> {
    let text = body.to_string();
    let body = wire::Envelope::parse(Bytes::from(text), wire::Limits::default()).unwrap();
    let plan = NativePlan {
        door: Door::OpenAi,
        model,
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        family: None,
        headers: &HeaderMap::new(),
    };
    encode(&row(id), &body, &plan)
}

fn hi(stream: bool) -> Value {
    json!({"model": "asked", "max_tokens": 50, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]})
}

fn sent(call: &NativeCall) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn root(region: Option<&str>, vars: &[(&str, &str)]) -> Result<String, BadBaseUrl> {
    let vars: Vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    base_url(&row("vertex-ai"), None, region, &vars).map(|url| url.to_string())
}

/// Anthropic takes addresses, and Vertex AI refuses them for the same models.
#[test]
fn claude_at_vertex_needs_the_bytes_of_files() {
    let block = |url: &'static str| {
        Block::Image(wire::ir::Image {
            source: Source::Url(url.into()),
            detail: None,
            media_type: None,
            cache: None,
        })
    };
    for (model, url, need) in [
        (
            "claude-sonnet-4-5",
            "https://x.test/a.png",
            Some(Need::Bytes),
        ),
        ("gemini-2.5-flash", "https://x.test/a.png", None),
        ("gemini-2.5-flash", "https://x.test/a", Some(Need::Type)),
        ("gemini-2.5-flash", "gs://bucket/a", None),
        (
            "gemini-2.5-flash",
            "https://www.youtube.com/watch?v=1",
            None,
        ),
        ("mistral-large", "https://x.test/a", None),
    ] {
        assert_eq!(need_at_vertex(&block(url), model), need, "{model} {url}");
    }
}

#[test]
fn the_rows_make_sense() {
    for id in ["gemini", "vertex-ai"] {
        assert_eq!(row(id).defects(), [], "{id}");
    }
}

#[test]
fn d15_every_region_has_its_host() {
    let p1 = ("project_id", "p1");
    for (region, var, url) in [
        (
            None,
            "europe-west1",
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/p1/locations/europe-west1",
        ),
        (
            None,
            "global",
            "https://aiplatform.googleapis.com/v1/projects/p1/locations/global",
        ),
        (
            None,
            "eu",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p1/locations/eu",
        ),
        (
            Some("us"),
            "asia-east1",
            "https://aiplatform.us.rep.googleapis.com/v1/projects/p1/locations/us",
        ),
        (
            Some("us-east5"),
            "asia-east1",
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p1/locations/us-east5",
        ),
        (
            Some("express"),
            "us-east5",
            "https://aiplatform.googleapis.com/v1",
        ),
    ] {
        assert_eq!(root(region, &[p1, ("region", var)]).unwrap(), url);
    }
    assert!(root(None, &[p1]).is_err());
    assert!(root(Some("../x"), &[p1]).is_err());
}

#[test]
fn d15_every_family_has_its_path_and_its_dialect() {
    for (model, streaming, path, spoken_as) in [
        (
            "gemini-3-flash",
            false,
            "/publishers/google/models/gemini-3-flash:generateContent",
            Dialect::Gemini,
        ),
        (
            "publishers/google/models/gemini-3-flash",
            true,
            "/publishers/google/models/gemini-3-flash:streamGenerateContent?alt=sse",
            Dialect::Gemini,
        ),
        (
            "anthropic/claude-haiku-4-5-20251001",
            false,
            "/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict",
            Dialect::Anthropic,
        ),
        (
            "claude-opus-4-6",
            true,
            "/publishers/anthropic/models/claude-opus-4-6:streamRawPredict",
            Dialect::Anthropic,
        ),
        (
            "mistralai/mistral-medium-3",
            true,
            "/publishers/mistralai/models/mistral-medium-3:streamRawPredict",
            Dialect::OpenAi,
        ),
        (
            "endpoints/123",
            false,
            "/endpoints/123/chat/completions",
            Dialect::OpenAi,
        ),
        (
            "meta/llama-4",
            true,
            "/endpoints/openapi/chat/completions",
            Dialect::OpenAi,
        ),
    ] {
        assert_eq!(
            super::path(Dialect::Vertex, model, streaming).as_deref(),
            Ok(path)
        );
        assert_eq!(spoken(Dialect::Vertex, model), spoken_as, "{model}");
    }
    for (model, path) in [
        (
            "models/gemini-3-flash",
            "/models/gemini-3-flash:generateContent",
        ),
        ("tunedModels/mine", "/tunedModels/mine:generateContent"),
    ] {
        assert_eq!(
            super::path(Dialect::Gemini, model, false).as_deref(),
            Ok(path)
        );
    }
}

#[test]
fn t20_a_model_cannot_lead_to_another_path() {
    for model in [
        "../x",
        "a/b",
        "a%2Fb",
        "a?b",
        "a#b",
        "..",
        "",
        "a\\b",
        "a b",
        "models/",
        "tunedModels/../x",
    ] {
        let refusal = call("gemini", model, &hi(false)).unwrap_err();
        let fault = Fault::from(refusal);
        assert_eq!(
            (fault.status(), fault.param.as_deref()),
            (400, Some("model")),
            "{model}"
        );
    }
    for model in [
        "claude-../x",
        "gemini-a?b",
        "endpoints/../x",
        "gemini-a%2Fb",
        "mistral-#",
    ] {
        assert!(call("vertex-ai", model, &hi(false)).is_err(), "{model}");
    }
}

#[test]
fn t1_claude_at_vertex_is_asked_as_the_specification_shows() {
    let made = call("vertex-ai", "claude-haiku-4-5-20251001", &hi(false)).unwrap();
    let expected = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(sent(&made), expected);
    let answer = r#"{"id":"msg_vrtx_1","type":"message","role":"assistant","model":"claude-haiku-4-5-20251001",
        "content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":8,"output_tokens":3}}"#;
    let face = Face {
        provider: "vertex-ai".into(),
        ..Face::default()
    };
    let whole = made.session.whole(answer.as_bytes(), &face).unwrap();
    let told: Value = serde_json::from_slice(&whole.body).unwrap();
    let expected = json!({"id": "msg_vrtx_1", "object": "chat.completion", "created": 0,
        "model": "claude-haiku-4-5-20251001", "provider": "vertex-ai", "choices": [{"index": 0,
        "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11}});
    assert_eq!(told, expected);
    assert_eq!(
        sent(&call("vertex-ai", "claude-opus-4-6", &hi(true)).unwrap())["stream"],
        true
    );
}

#[test]
fn others_at_vertex_are_asked_in_everybodys_dialect() {
    for (model, named) in [
        ("meta/llama-4", "meta/llama-4"),
        ("some-model", "google/some-model"),
        ("mistralai/mistral-medium-3", "mistral-medium-3"),
    ] {
        let body = sent(&call("vertex-ai", model, &hi(false)).unwrap());
        assert_eq!(
            (&body["model"], &body["max_tokens"]),
            (&json!(named), &json!(50))
        );
    }
}

#[test]
fn gemini_is_asked_in_its_own_dialect_at_both_homes() {
    let body = json!({"model": "asked", "messages": [{"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "1"}]});
    for (id, has_id) in [("gemini", true), ("vertex-ai", false)] {
        let made = call(id, "gemini-3-flash", &body).unwrap();
        let call = &sent(&made)["contents"][1]["parts"][0]["functionCall"];
        assert_eq!(call.get("id").is_some(), has_id, "{id}");
        assert!(
            made.path
                .as_deref()
                .unwrap()
                .ends_with("gemini-3-flash:generateContent")
        );
        let error = br#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#;
        assert_eq!(made.session.error(error).unwrap().status, Some(503));
    }
}

#[test]
fn t13_errors_at_vertex_come_in_two_shapes() {
    let session = call("vertex-ai", "claude-opus-4-6", &hi(false))
        .unwrap()
        .session;
    for (body, status) in [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            529,
        ),
        (
            r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}"#,
            429,
        ),
        (
            r#"[{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}]"#,
            403,
        ),
    ] {
        assert_eq!(
            session.error(body.as_bytes()).unwrap().status,
            Some(status),
            "{body}"
        );
    }
    assert_eq!(session.error(b"<html>"), None);
}
