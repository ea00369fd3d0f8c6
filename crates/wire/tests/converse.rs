//! What other gateways lose on the way to Bedrock and back, one test for each.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use serde_json::{Value, json};
use wire::converse;
use wire::fault::{Fault, Kind};
use wire::ir::{Block, Break, Encoded, Event, Face, Plan, Reader, Recall, Refusal, Translation};
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

/// What is told of these events, by the deltas of the chunks that hold more than a role.
fn deltas(events: &[(&str, Value)]) -> Vec<Value> {
    let mut stream = stream();
    let events = events.iter().map(|(name, payload)| event(name, payload));
    let end = [
        event("messageStop", &json!({"stopReason": "end_turn"})),
        event("metadata", &json!({})),
    ];
    let (ended, out) = push(&mut stream, events.chain(end).flatten().collect());
    assert_eq!(ended, Ok(()), "{out}");
    wire::sse::blocks(out.as_bytes())
        .filter(|block| !block.is_done())
        .map(|block| serde_json::from_slice(&block.data().unwrap()).unwrap())
        .map(|chunk: Value| chunk["choices"][0]["delta"].clone())
        .collect()
}

fn blocks_of(content: &Value) -> Vec<Value> {
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}});
    let body = body.to_string();
    let reply = converse::read_reply(body.as_bytes(), &Recall::default()).unwrap();
    let blocks = reply.choices.first().unwrap().blocks.iter();
    blocks
        .map(|block| match block {
            Block::Server(server) => {
                json!([
                    server.kind,
                    serde_json::from_str::<Value>(server.raw.as_str()).unwrap()
                ])
            }
            other => json!(format!("{other:?}")),
        })
        .collect()
}

/// The blocks of the vendor's own that a stream of these events tells.
fn blocks_told(events: &[(&str, Value)]) -> Vec<Value> {
    let mut told = Vec::new();
    let mut reader = converse::reader(Recall::default(), 1 << 16);
    for (name, payload) in events {
        let mut sink = |event: Event<'_>| {
            if let Event::Whole {
                content: Block::Server(server),
                ..
            } = event
            {
                let raw: Value = serde_json::from_str(server.raw.as_str()).unwrap();
                told.push(json!([server.kind, raw]));
            }
        };
        let frame = Bytes::from(event(name, payload));
        assert_eq!(reader.push(frame, &mut sink), Ok(()), "{payload}");
    }
    told
}

#[test]
fn what_the_vendors_own_tools_gave_is_told_the_same_whole_and_in_pieces() {
    let start = json!({"toolUseId": "t1", "type": "nova_grounding_result", "status": "success"});
    let found = json!({"json": {"url": "https://x.example/", "text": "page"}});
    let piece = |parts: Value| {
        let payload = json!({"contentBlockIndex": 0, "delta": {"toolResult": parts}});
        ("contentBlockDelta", payload)
    };
    let begin = json!({"contentBlockIndex": 0, "start": {"toolResult": start}});
    let stop = ("contentBlockStop", json!({"contentBlockIndex": 0}));
    for (pieces, content) in [
        (vec![], json!([])),
        (
            vec![
                json!([{"text": "fo"}]),
                json!([{"text": "und"}, {"text": "two"}]),
                json!([found]),
                json!([{"text": "end"}]),
            ],
            json!([{"text": "found"}, {"text": "two"}, found, {"text": "end"}]),
        ),
    ] {
        let mut whole = start.clone();
        whole["content"] = content;
        let mut events = vec![("contentBlockStart", begin.clone())];
        events.extend(pieces.into_iter().map(piece));
        events.push(stop.clone());
        let whole = blocks_of(&json!([{"toolResult": whole}]));
        assert_eq!(blocks_told(&events), whole);
    }
    // One that was never announced is told once as well.
    let pieces = [
        piece(json!([{"text": "a"}])),
        piece(json!([{"text": "b"}])),
        stop,
    ];
    let whole = blocks_of(&json!([{"toolResult": {"content": [{"text": "ab"}]}}]));
    assert_eq!(blocks_told(&pieces), whole);
}

#[test]
fn data_in_pieces_that_are_each_padded_is_one_when_it_is_told() {
    let picture = |bytes: &str| {
        let delta = json!({"image": {"source": {"bytes": bytes}}});
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": delta}),
        )
    };
    let start = json!({"contentBlockIndex": 0, "start": {"image": {"format": "png"}}});
    let told = deltas(&[
        ("contentBlockStart", start),
        picture("iVBORw0KGgo="),
        picture("aGk="),
    ]);
    let told = json!(told).to_string();
    assert!(
        told.contains("data:image/png;base64,iVBORw0KGgpoaQ==\""),
        "{told}"
    );
}
