//! What other gateways lose on the way to Bedrock and back, one test for each.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use serde_json::{Value, json};
use wire::converse;
use wire::fault::{Fault, Kind};
use wire::ir::{Break, Encoded, Face, Plan, Recall, Refusal, Translation};
use wire::json::Node;
use wire::openai;

mod frames;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-lite-v1:0";

const PLAN: Plan<'static> = Plan {
    provider: "acme",
    model: CLAUDE,
    family: None,
    reject: false,
    streaming: false,
    own_history: true,
};

fn encode(body: &Value, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    let text = body.to_string();
    let request = openai::read_request(Node::parse(text.as_bytes()).unwrap())?;
    converse::write_request(request, plan)
}

fn sent_to(model: &str, body: &Value) -> Value {
    let plan = Plan { model, ..PLAN };
    serde_json::from_slice(&encode(body, &plan).unwrap().body).unwrap()
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
    let reader = Box::new(converse::reader(Recall::default(), 1 << 16));
    Translation::new(reader, Box::new(openai::ChunkWriter::new(face)))
}

fn event(name: &str, payload: &Value) -> Vec<u8> {
    frames::frame(&json!({
        "headers": {":message-type": "event", ":event-type": name},
        "payload": payload,
    }))
}

const HI: &str = r#"{"headers":{":event-type":"messageStart"},"payload":{"role":"assistant"}}
{"headers":{":event-type":"contentBlockDelta"},"payload":{"contentBlockIndex":0,"delta":{"text":"hi"}}}"#;

fn hi() -> Vec<u8> {
    frames::frames(HI).concat()
}

fn push(stream: &mut Translation, bytes: Vec<u8>) -> (Result<(), Break>, String) {
    let mut out = Vec::new();
    let result = stream.push(Bytes::from(bytes), &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn d01_a_part_is_carried_or_refused_and_never_lost() {
    let parts = [
        (
            "audio",
            json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}),
        ),
        (
            "video",
            json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}}),
        ),
        (
            "image",
            json!({"type": "image_url", "image_url": {"url": "data:image/webp;base64,AA"}}),
        ),
        (
            "document",
            json!({"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,AA"}}),
        ),
    ];
    for (member, part) in &parts {
        let body = sent_to(
            NOVA,
            &asking(&json!([part, {"type": "text", "text": "what?"}])),
        );
        let block = &body["messages"][0]["content"][0][*member];
        assert_eq!(block["source"]["bytes"], "AA", "{part}");
    }
    let refused = [
        parts[0].1.clone(),
        parts[1].1.clone(),
        json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}),
        json!({"type": "image_url", "image_url": {"url": "s3://b/a.png"}}),
        json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}),
        json!({"type": "file", "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,AA"}}),
        json!({"type": "file", "file": {"file_id": "f"}}),
        json!({"type": "brand_new", "x": 1}),
    ];
    for part in refused {
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
    let body = br#"{"output":{"message":{"content":[]}}}"#;
    let reply = converse::read_reply(body, &Recall::default()).unwrap();
    let mut out = Vec::new();
    openai::write_reply(&reply, &face, &mut out);
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["created"], 77);
    let (_, told) = push(&mut stream(), hi());
    assert!(told.contains("\"created\":77"), "{told}");
}

#[test]
fn d04_a_stream_that_does_not_say_that_it_ended_has_failed() {
    let mut broken = stream();
    push(&mut broken, hi()).0.unwrap();
    let mut out = Vec::new();
    assert_eq!(broken.end(&mut out), Err(Break::Cut));
    // Half a frame is worse than none.
    let mut broken = stream();
    let stop = event("messageStop", &json!({"stopReason": "end_turn"}));
    push(
        &mut broken,
        [hi(), stop.clone(), stop[..9].to_vec()].concat(),
    )
    .0
    .unwrap();
    assert_eq!(broken.end(&mut out), Err(Break::Cut));
    assert!(!String::from_utf8(out).unwrap().contains("[DONE]"));
    // What was used may stay unsaid.
    let mut whole = stream();
    push(&mut whole, [hi(), stop].concat()).0.unwrap();
    let mut out = Vec::new();
    whole.end(&mut out).unwrap();
    assert!(out.ends_with(b"data: [DONE]\n\n"));
}

#[test]
fn d08_answers_have_the_room_that_their_model_has() {
    let body = asking(&json!("x"));
    assert_eq!(
        sent_to(CLAUDE, &body)["inferenceConfig"]["maxTokens"],
        16_384
    );
    assert_eq!(sent_to(NOVA, &body).get("inferenceConfig"), None);
}

#[test]
fn d16_tools_streams_and_guardrails_work_for_every_family() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let mut body = asking(&json!("x"));
    body["tools"] = json!([tool]);
    for model in [
        CLAUDE,
        NOVA,
        "meta.llama3-3-70b-instruct-v1:0",
        "arn:aws:bedrock:r:1:prompt-router/x",
    ] {
        let sent = sent_to(model, &body);
        let spec = &sent["toolConfig"]["tools"][0]["toolSpec"];
        assert_eq!(
            (&spec["name"], &spec["description"]),
            (&json!("f"), &json!("f")),
            "{model}"
        );
    }
}

#[test]
fn a03_a_stream_that_is_no_event_stream_breaks() {
    let frame = hi();
    for (at, name) in [(8, "prelude"), (frame.len() - 1, "message")] {
        let mut broken = frame.clone();
        broken[at] ^= 1;
        let (result, _) = push(&mut stream(), broken);
        assert!(
            matches!(result, Err(Break::Malformed(_))),
            "{name}: {result:?}"
        );
    }
    let (result, told) = push(&mut stream(), b"data: {\"choices\":[]}\n\n".to_vec());
    assert!(matches!(result, Err(Break::Malformed(_))), "{result:?}");
    assert_eq!(told, "");
}

#[test]
fn a07_results_in_another_order_stand_in_the_order_of_their_calls() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": id});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call("a"), call("b"), call("c")]},
        result("c"), result("a"), result("b"),
    ]});
    let sent = sent_to(NOVA, &body);
    let ids: Vec<_> = sent["messages"][2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["toolResult"]["toolUseId"].clone())
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn a08_long_ids_become_acceptable_ones_the_same_for_call_and_result() {
    let id = "an id with spaces ".repeat(5);
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": id, "content": "1"},
    ]});
    let sent = sent_to(CLAUDE, &body);
    let call = sent["messages"][1]["content"][0]["toolUse"]["toolUseId"]
        .as_str()
        .unwrap();
    assert_eq!(
        sent["messages"][2]["content"][0]["toolResult"]["toolUseId"],
        call
    );
    assert!(call.len() <= 64 && !call.contains(' '), "{call}");
}

#[test]
fn a09_reasoning_goes_back_to_its_own_family_or_nowhere() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y", "reasoning_content": "unsigned",
            "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}]},
        {"role": "user", "content": "z"},
    ]});
    let replayed = |plan: &Plan<'_>| {
        let body = encode(&body, plan).unwrap().body;
        String::from_utf8(body)
            .unwrap()
            .contains("reasoningContent")
    };
    assert!(replayed(&PLAN));
    assert!(!replayed(&Plan {
        own_history: false,
        ..PLAN
    }));
    for model in ["openai.gpt-oss-20b-1:0", "us.deepseek.r1-v1:0"] {
        assert!(!replayed(&Plan { model, ..PLAN }), "{model}");
    }
}

#[test]
fn a14_an_error_in_the_middle_is_told_once_and_nothing_follows() {
    let mut stream = stream();
    push(&mut stream, hi()).0.unwrap();
    let exception = frames::frame(&json!({
        "headers": {":message-type": "exception", ":exception-type": "modelStreamErrorException"},
        "payload": {"message": "broke", "originalStatusCode": 500},
    }));
    let (result, told) = push(&mut stream, exception);
    let Err(Break::Vendor(error)) = result else {
        panic!("{result:?}");
    };
    assert_eq!((error.status, told.as_str()), (Some(424), ""));
    assert_eq!(error.message.as_deref(), Some("broke"));
    let mut out = Vec::new();
    stream.fail(&Fault::new(Kind::UpstreamError), &mut out);
    push(&mut stream, hi()).0.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("data: ").count(), 1, "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
}

#[test]
fn a21_what_is_lost_is_told_or_refused() {
    let mut body = asking(&json!("x"));
    body["seed"] = json!(1);
    body["n"] = json!(2);
    assert_eq!(encode(&body, &PLAN).unwrap().dropped, ["n", "seed"]);
    let refusal = encode(
        &body,
        &Plan {
            reject: true,
            ..PLAN
        },
    )
    .unwrap_err();
    assert_eq!(refusal.message, "acme does not support n, seed");
    assert_eq!(Fault::from(refusal).kind, Kind::UnsupportedParameter);
}
