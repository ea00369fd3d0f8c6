//! What other gateways lose on the way to Anthropic and back, one test for each.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use serde_json::{Value, json};
use wire::fault::{Fault, Kind};
use wire::ir::{Break, Encoded, Face, Plan, Recall, Refusal, Translation};
use wire::json::Node;
use wire::{anthropic, openai};

const PLAN: Plan<'static> = Plan {
    provider: "acme",
    model: "claude-sonnet-4-5",
    family: None,
    reject: false,
    streaming: false,
    own_history: true,
};

fn encode(body: &Value, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    let text = body.to_string();
    let request = openai::read_request(Node::parse(text.as_bytes()).unwrap())?;
    anthropic::write_request(request, plan)
}

fn sent(body: &Value) -> Value {
    serde_json::from_slice(&encode(body, &PLAN).unwrap().body).unwrap()
}

fn asking(parts: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": parts}]})
}

fn stream() -> Translation {
    let face = Face {
        created: 77,
        model: "asked".into(),
        ..Face::default()
    };
    let reader = Box::new(anthropic::reader(Recall::default(), 1 << 16));
    Translation::new(reader, Box::new(openai::ChunkWriter::new(face)))
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\"}}\n\n";
const TEXT: &str = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
    data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";

fn push(stream: &mut Translation, text: &str) -> (Result<(), Break>, String) {
    let mut out = Vec::new();
    let result = stream.push(Bytes::copy_from_slice(text.as_bytes()), &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn d01_a_part_is_carried_or_refused_and_never_lost() {
    let pdf = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}});
    let image = json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}});
    let body = sent(&asking(
        &json!([pdf, image, {"type": "text", "text": "what?"}]),
    ));
    let kinds: Vec<_> = body["messages"][0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].clone())
        .collect();
    assert_eq!(kinds, ["document", "image", "text"]);

    for part in [
        json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}),
        json!({"type": "video_url", "video_url": {"url": "https://x.example/v.mp4"}}),
        json!({"type": "brand_new", "x": 1}),
    ] {
        let refusal = encode(&asking(&json!([part])), &PLAN).unwrap_err();
        assert_eq!(refusal.param, "messages[0].content[0]", "{part}");
        assert_eq!(Fault::from(refusal).kind, Kind::InvalidRequest);
    }
}

#[test]
fn d02_every_answer_has_the_time_at_which_it_was_made() {
    let face = Face {
        created: 77,
        ..Face::default()
    };
    let reply =
        anthropic::read_reply(br#"{"id":"msg_1","content":[]}"#, &Recall::default()).unwrap();
    let mut out = Vec::new();
    openai::write_reply(&reply, &face, &mut out);
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["created"], 77);
    let (_, told) = push(&mut stream(), &format!("{START}{TEXT}"));
    assert!(told.contains("\"created\":77"), "{told}");
}

#[test]
fn d04_a_stream_without_its_last_event_has_failed() {
    let mut stream = stream();
    push(&mut stream, &format!("{START}{TEXT}")).0.unwrap();
    let finish = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n";
    push(&mut stream, finish).0.unwrap();
    let mut out = Vec::new();
    assert_eq!(stream.end(&mut out), Err(Break::Cut));
    assert!(!String::from_utf8(out).unwrap().contains("[DONE]"));
}

#[test]
fn a14_an_error_in_the_middle_is_told_once_and_nothing_follows() {
    let mut stream = stream();
    push(&mut stream, &format!("{START}{TEXT}")).0.unwrap();
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    let (result, told) = push(&mut stream, error);
    let Err(Break::Vendor(error)) = result else {
        panic!("{result:?}");
    };
    assert_eq!((error.status, told.as_str()), (Some(529), ""));
    assert_eq!(
        error.message.as_deref(),
        Some("anthropic stream error (overloaded_error): busy")
    );

    let mut out = Vec::new();
    stream.fail(&Fault::new(Kind::UpstreamError), &mut out);
    let (_, after) = push(&mut stream, TEXT);
    stream.end(&mut out).unwrap();
    let told = String::from_utf8(out).unwrap();
    assert_eq!(told.matches("\"error\"").count(), 1);
    assert!(
        !told.contains("[DONE]") && after.is_empty(),
        "{told}{after}"
    );
}

#[test]
fn d05_what_anthropic_calls_its_errors_has_a_status_of_its_own() {
    for (kind, status) in [
        ("overloaded_error", 529),
        ("request_too_large", 413),
        ("timeout_error", 504),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": "m"}}).to_string();
        let error = anthropic::read_error(body.as_bytes()).unwrap();
        assert_eq!(error.status, Some(status), "{kind}");
    }
}

#[test]
fn d09_what_anthropic_can_do_is_asked_of_it() {
    let body = json!({
        "model": "m", "max_completion_tokens": 9000, "reasoning_effort": "high",
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object", "properties": {}}}},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{broken"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "b"},
            {"role": "user", "content": "c"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    });
    let mut plan = PLAN;
    plan.model = "claude-opus-4-6";
    let encoded = encode(&body, &plan).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["max_tokens"], 9000);
    assert_eq!(sent["thinking"]["type"], "adaptive");
    assert_eq!(sent["output_config"]["effort"], "high");
    assert_eq!(sent["output_config"]["format"]["type"], "json_schema");
    assert_eq!(
        sent["messages"][0]["content"][0]["cache_control"]["type"],
        "ephemeral"
    );
    assert_eq!(
        sent["messages"][1]["content"][0]["input"]["_raw"],
        "{broken"
    );
    assert_eq!(encoded.dropped, [""; 0]);
}

#[test]
fn a09_signed_reasoning_goes_back_to_its_own_vendor_and_to_no_other() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "thinking_blocks": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"}]},
        {"role": "user", "content": "c"},
    ]});
    let own = sent(&body);
    assert_eq!(
        own["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "t", "signature": "s"})
    );
    assert_eq!(
        own["messages"][1]["content"][1],
        json!({"type": "redacted_thinking", "data": "d"})
    );

    let mut fallback = PLAN;
    fallback.own_history = false;
    let encoded = encode(&body, &fallback).unwrap();
    let after: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(after["messages"][1]["content"], "b");

    // What another vendor signed never comes here, under whatever name.
    let wrapped = br#"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[
        {"type":"thinking","thinking":"t","signature":"gw1:acme:AA"},{"type":"text","text":"b"}]}]}"#;
    let request = anthropic::read_request(Node::parse(wrapped).unwrap()).unwrap();
    let encoded = anthropic::write_request(request, &PLAN).unwrap();
    let text = String::from_utf8(encoded.body).unwrap();
    assert!(!text.contains("gw1:"), "{text}");
}

#[test]
fn a22_a_wish_for_several_answers_is_told_as_lost() {
    let mut body = asking(&json!("hi"));
    body["n"] = 2.into();
    assert_eq!(encode(&body, &PLAN).unwrap().dropped, ["n"]);
    let mut plan = PLAN;
    plan.reject = true;
    let refusal = encode(&body, &plan).unwrap_err();
    assert_eq!((refusal.param.as_str(), refusal.by_policy), ("n", true));
    body["n"] = 1.into();
    assert_eq!(encode(&body, &plan).unwrap().dropped, [""; 0]);
}
