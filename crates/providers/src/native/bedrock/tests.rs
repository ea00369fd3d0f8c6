use http::HeaderValue;
use wire::Envelope;
use wire::fault::{Fault, Kind};
use wire::ir::{Break, Face};

use super::super::{Door, NativeCall, NativePlan, encode};
use super::*;
use crate::provider::{Provider, Vars};
use crate::rules::OnUnsupported;
use crate::surface::Surface;
use crate::{base_url, endpoint};

/// The vendor's row but for its signatures.
fn row() -> Provider {
    crate::builtin().get("bedrock").unwrap().clone()
}

fn call(model: &str, body: &str, headers: &HeaderMap) -> Result<NativeCall, Refusal> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let body = Envelope::parse(body, wire::Limits::default()).unwrap();
    let plan = NativePlan {
        door: Door::OpenAi,
        model,
        family: None,
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        headers,
    };
    encode(&row(), &body, &plan)
}

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
const ARN: &str = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

#[test]
fn the_row_makes_sense_and_stands_with_what_the_code_says_of_hosts() {
    let row = row();
    assert_eq!(row.defects(), []);
    let base = base_url(&row, None, None, &Vars::new()).unwrap();
    assert_eq!(base.as_str(), root(Host::Runtime, "us-east-1"));
    for (surface, streaming) in [(Surface::Chat, false), (Surface::ChatStream, true)] {
        for model in ["us.amazon.nova-lite-v1:0", ARN] {
            let url = endpoint(&row, surface, &base, model, &Vars::new()).unwrap();
            let expected = format!("{}{}", base.as_str(), path(model, streaming).unwrap());
            assert_eq!(url, expected);
        }
    }
    for (host, region, expected) in [
        (
            Host::RuntimeFips,
            "us-gov-west-1",
            "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            Host::Control,
            "eu-west-1",
            "https://bedrock.eu-west-1.amazonaws.com",
        ),
        (
            Host::Agent,
            "cn-north-1",
            "https://bedrock-agent-runtime.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        assert_eq!(root(host, region), expected);
    }
}

/// What signs a request escapes this path once more.
#[test]
fn a04_an_id_is_one_segment_of_the_path() {
    let path = |model| path(model, false).unwrap();
    assert_eq!(
        path("us.amazon.nova-lite-v1:0"),
        "/model/us.amazon.nova-lite-v1%3A0/converse"
    );
    assert_eq!(
        path("arn:aws:bedrock:eu-west-1:1:provisioned-model/ab"),
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aprovisioned-model%2Fab/converse"
    );
}

#[test]
fn a20_an_id_that_could_lead_elsewhere_is_the_clients_to_mend() {
    for model in [
        "../x",
        "a/b",
        "a%2Fb",
        "a?b",
        "a#b",
        "a\\b",
        "a b",
        "a\nb",
        "",
        ".",
        "..",
        "arn:aws:bedrock:r:1:x/../y",
        "arn:aws:bedrock:r:1:x//y",
    ] {
        let refusal = call(model, ASK, &HeaderMap::new()).unwrap_err();
        let fault = Fault::from(refusal);
        assert_eq!(
            (fault.status(), fault.param.as_deref()),
            (400, Some("model")),
            "{model}"
        );
    }
}

#[test]
fn d16_an_arn_says_its_region_and_may_be_opaque() {
    for (model, region) in [
        (ARN, Some("eu-west-1")),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1:1:custom-model-deployment/x",
            Some("us-gov-west-1"),
        ),
        ("arn:aws:bedrock::1:foundation-model/x", None),
        ("arn:aws:s3:eu-west-1:1:x", None),
        ("arn:aws:bedrock:evil.example/:1:x", None),
        ("us.amazon.nova-lite-v1:0", None),
    ] {
        assert_eq!(region_of(model), region, "{model}");
    }
    let opaque = "arn:aws:bedrock:ap-south-1:1:application-inference-profile/abc";
    let call = call(opaque, ASK, &HeaderMap::new()).unwrap();
    assert_eq!(call.region.as_deref(), Some("ap-south-1"));
    assert!(
        call.path
            .unwrap()
            .ends_with("application-inference-profile%2Fabc/converse")
    );
}

#[test]
fn features_go_along_when_the_vendor_and_the_model_know_them() {
    let mut headers = HeaderMap::new();
    let asked = "effort-2025-11-24, brand-new-1,computer-use-2025-01-24,effort-2025-11-24";
    headers.insert(BETA, HeaderValue::from_static(asked));
    let sent = |model| -> serde_json::Value {
        let body = r#"{"model":"m","top_k":3,"messages":[{"role":"user","content":"x"}]}"#;
        serde_json::from_slice(&call(model, body, &headers).unwrap().body).unwrap()
    };
    let fields = &sent("anthropic.claude-3-5-haiku-20241022-v1:0")[FIELDS];
    assert_eq!(
        fields["anthropic_beta"],
        serde_json::json!(["computer-use-2025-01-24", "effort-2025-11-24"])
    );
    assert_eq!(fields["top_k"], 3);
    let fields = &sent("amazon.nova-lite-v1:0")[FIELDS];
    assert_eq!(fields.get("anthropic_beta"), None);
}

#[test]
fn a_call_comes_back_with_the_id_of_its_head() {
    let call = call("us.amazon.nova-lite-v1:0", ASK, &HeaderMap::new()).unwrap();
    let session = call.session;
    let mut headers = HeaderMap::new();
    assert_eq!(session.id(&headers), None);
    headers.insert(REQUEST_ID, HeaderValue::from_static("11aa"));
    let face = Face {
        id: session.id(&headers).unwrap(),
        model: "asked".into(),
        ..Face::default()
    };
    let answer = r#"{"output":{"message":{"role":"assistant","content":[{"text":"yo"}]}},
        "stopReason":"guardrail_intervened","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}"#;
    let whole = session.whole(answer.as_bytes(), &face).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(
        (&told["id"], &told["model"]),
        (&"bedrock-11aa".into(), &"asked".into())
    );
    assert_eq!(whole.finish.native, "guardrail_intervened");
    assert_eq!(
        whole.usage.map(|usage| (usage.input, usage.output)),
        Some((3, 2))
    );
    let fault = session.whole(b"<html>", &face).unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamInvalid);
}

#[test]
fn d17_the_head_names_the_exception() {
    let call = call("us.amazon.nova-lite-v1:0", ASK, &HeaderMap::new()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(
        ERROR_TYPE,
        HeaderValue::from_static("ModelErrorException:http://x/"),
    );
    let error = call
        .session
        .refused(&headers, br#"{"message":"no"}"#)
        .unwrap();
    assert_eq!(
        (
            error.status,
            error.kind.as_deref(),
            error.message.as_deref()
        ),
        (Some(424), Some("ModelErrorException"), Some("no"))
    );
    assert_eq!(call.session.refused(&HeaderMap::new(), b"<html>"), None);
}

#[test]
fn a_stream_of_frames_becomes_the_doors() {
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#;
    let call = call("us.amazon.nova-lite-v1:0", body, &HeaderMap::new()).unwrap();
    assert_eq!(
        call.path.as_deref(),
        Some("/model/us.amazon.nova-lite-v1%3A0/converse-stream")
    );
    let mut stream = call.session.stream(Face::default(), 1 << 16);
    let mut frames = Vec::new();
    for (name, payload) in [
        ("messageStart", r#"{"role":"assistant"}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"text":"hi"}}"#,
        ),
    ] {
        let headers = [
            (":message-type", wire::eventstream::Value::Text("event")),
            (":event-type", wire::eventstream::Value::Text(name)),
        ];
        wire::eventstream::encode(&mut frames, &headers, payload.as_bytes()).unwrap();
    }
    let mut out = Vec::new();
    stream.push(frames.into(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let first = text.lines().next().unwrap();
    assert!(
        first.contains(r#""delta":{"role":"assistant","content":""}"#),
        "{first}"
    );
    assert!(text.contains(r#""delta":{"content":"hi"}"#), "{text}");
    assert_eq!(stream.end(&mut Vec::new()), Err(Break::Cut));
}
