//! What other gateways lose on the way to Cohere, Ollama and Replicate and back, one test for each.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use serde_json::{Value, json};
use wire::fault::{Fault, Kind};
use wire::ir::{
    Break, Encoded, Face, NotAReply, Plan, Reader, Recall, Refusal, Reply, Request, Translation,
};
use wire::json::Node;
use wire::replicate::Inputs;
use wire::{cohere, ollama, openai, replicate};

const PLAN: Plan<'static> = Plan {
    provider: "acme",
    model: "a/b",
    family: None,
    reject: false,
    streaming: false,
    own_history: true,
};

type Write = fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>;
type Read = for<'a> fn(&'a [u8], &Recall) -> Result<Reply<'a>, NotAReply>;

struct Vendor {
    write: Write,
    read: Read,
    reader: fn() -> Box<dyn Reader>,
    /// A stream up to its last event, and that one.
    stream: [&'static str; 2],
    /// An event that says that the vendor failed.
    failure: &'static str,
    reply: &'static str,
}

const VENDORS: [Vendor; 3] = [
    Vendor {
        write: cohere::write_request,
        read: cohere::read_reply,
        reader: || Box::new(cohere::reader(Recall::default(), 1 << 16)),
        stream: [
            "data: {\"type\":\"message-start\",\"id\":\"c\"}\n\n\
             data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"hi\"}}}}\n\n",
            "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"}}\n\n",
        ],
        failure: "data: {\"type\":\"message-end\",\"delta\":{\"error\":\"boom\"}}\n\n",
        reply: r#"{"id":"c","finish_reason":"BORED","message":{"content":[{"type":"text","text":"hi"}]}}"#,
    },
    Vendor {
        write: ollama::write_request,
        read: ollama::read_reply,
        reader: || Box::new(ollama::reader(Recall::default(), 1 << 16)),
        stream: [
            "{\"message\":{\"content\":\"hi\"},\"done\":false}\n",
            "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n",
        ],
        failure: "{\"error\":\"boom\"}\n",
        reply: r#"{"message":{"content":"hi"},"done":true,"done_reason":"bored"}"#,
    },
    Vendor {
        write: replicate::write_request,
        read: replicate::read_reply,
        reader: || Box::new(replicate::reader(Recall::default(), 1 << 16)),
        stream: ["event: output\ndata: hi\n\n", "event: done\ndata: {}\n\n"],
        failure: "event: error\ndata: boom\n\n",
        reply: r#"{"id":"p","status":"succeeded","output":"hi"}"#,
    },
];

fn encode(write: Write, body: &Value) -> Result<Encoded, Refusal> {
    let text = body.to_string();
    write(
        openai::read_request(Node::parse(text.as_bytes()).unwrap())?,
        &PLAN,
    )
}

fn asking(content: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": content}]})
}

fn face() -> Face {
    Face {
        created: 77,
        ..Face::default()
    }
}

fn told(reply: &Reply<'_>) -> Value {
    let mut out = Vec::new();
    openai::write_reply(reply, &face(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn stream(vendor: &Vendor) -> Translation {
    Translation::new(
        (vendor.reader)(),
        Box::new(openai::ChunkWriter::new(face())),
    )
}

#[test]
fn d1_d7_a_part_is_carried_or_refused_and_never_lost() {
    for vendor in &VENDORS {
        for part in [
            json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}),
            json!({"type": "video_url", "video_url": {"url": "https://x.example/v.mp4"}}),
            json!({"type": "brand_new", "x": 1}),
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}),
        ] {
            let refusal = encode(vendor.write, &asking(&json!([part]))).unwrap_err();
            assert_eq!(refusal.param, "messages[0].content[0]", "{part}");
            let fault = Fault::from(refusal);
            assert_eq!((fault.kind, fault.status()), (Kind::InvalidRequest, 400));
        }
    }
}

#[test]
fn d2_d3_answers_have_their_time_and_reasons_of_a_closed_set() {
    for vendor in &VENDORS {
        let reply = (vendor.read)(vendor.reply.as_bytes(), &Recall::default()).unwrap();
        let told = told(&reply);
        assert_eq!(told["created"], 77);
        assert_eq!(told["choices"][0]["finish_reason"], "stop");
        let native = vendor.reply.contains("ored").then(|| {
            let word = &told["choices"][0]["native_finish_reason"];
            word.as_str().unwrap().to_ascii_lowercase()
        });
        assert!(native.is_none_or(|word| word == "bored"));
    }
}

#[test]
fn d4_a_stream_without_its_last_event_has_failed() {
    for vendor in &VENDORS {
        let [begin, last] = vendor.stream;
        let mut whole = stream(vendor);
        let mut out = Vec::new();
        whole
            .push(Bytes::from_static(begin.as_bytes()), &mut out)
            .unwrap();
        whole
            .push(Bytes::from_static(last.as_bytes()), &mut out)
            .unwrap();
        whole.end(&mut out).unwrap();
        assert!(out.ends_with(b"data: [DONE]\n\n"));

        let mut cut = stream(vendor);
        let mut out = Vec::new();
        cut.push(Bytes::from_static(begin.as_bytes()), &mut out)
            .unwrap();
        assert_eq!(cut.end(&mut out), Err(Break::Cut));
        assert!(!String::from_utf8(out).unwrap().contains("[DONE]"));
    }
}

#[test]
fn t14_an_error_in_the_middle_is_told_once_and_nothing_follows() {
    for vendor in &VENDORS {
        let mut stream = stream(vendor);
        let mut out = Vec::new();
        let [begin, _] = vendor.stream;
        stream
            .push(Bytes::from_static(begin.as_bytes()), &mut out)
            .unwrap();
        let failure = Bytes::from_static(vendor.failure.as_bytes());
        let Err(Break::Vendor(error)) = stream.push(failure, &mut out) else {
            panic!("{} is an error", vendor.failure);
        };
        assert_eq!(error.message.as_deref(), Some("boom"));
        stream.fail(&Fault::new(Kind::UpstreamError), &mut out);
        let before = out.len();
        stream
            .push(Bytes::from_static(begin.as_bytes()), &mut out)
            .unwrap();
        stream.end(&mut out).unwrap();
        assert_eq!(out.len(), before);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\"error\"").count(), 1, "{text}");
        assert!(!text.contains("[DONE]"));
    }
}

#[test]
fn t7_t8_results_stand_in_the_order_of_their_calls_under_ids_that_fit() {
    let long = format!("call {}", "x".repeat(80));
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [
            {"id": long, "type": "function", "function": {"name": "a", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "b", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "b", "content": "of b"},
        {"role": "tool", "tool_call_id": long, "content": "of a"}]});
    let sent =
        |write| -> Value { serde_json::from_slice(&encode(write, &body).unwrap().body).unwrap() };
    let cohere = sent(cohere::write_request);
    let call = &cohere["messages"][1]["tool_calls"][0]["id"];
    assert_eq!(*call, cohere["messages"][2]["tool_call_id"]);
    assert!(call.as_str().unwrap().len() <= 64);
    assert_eq!(
        cohere["messages"][3]["content"][0]["document"]["data"],
        "of b"
    );
    let ollama = sent(ollama::write_request);
    assert_eq!(
        ollama["messages"][2],
        json!({"role": "tool", "content": "of a", "tool_name": "a"})
    );
    assert_eq!(
        ollama["messages"][3],
        json!({"role": "tool", "content": "of b", "tool_name": "b"})
    );
}

#[test]
fn t9_another_vendors_thoughts_are_never_sent() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y",
            "thinking_blocks": [{"type": "thinking", "thinking": "secret thought", "signature": "s"}]},
        {"role": "user", "content": "z"}]});
    for vendor in &VENDORS {
        let sent = encode(vendor.write, &body).unwrap();
        let text = String::from_utf8(sent.body).unwrap();
        assert!(!text.contains("secret thought"), "{text}");
        assert!(sent.dropped.is_empty(), "{:?}", sent.dropped);
    }
}

#[test]
fn t11_data_uris_are_read_in_every_spelling() {
    for (uri, cohere_url, ollama_data) in [
        (
            "data:image/jpg;base64,AAAA",
            "data:image/jpeg;base64,AAAA",
            "AAAA",
        ),
        (
            "data:image/png;charset=x;base64,AAAA",
            "data:image/png;base64,AAAA",
            "AAAA",
        ),
        (
            "data:image/gif;base64,iVBORw0KGgo=",
            "data:image/png;base64,iVBORw0KGgo=",
            "iVBORw0KGgo=",
        ),
        ("data:image/png,%41", "data:image/png;base64,QQ==", "QQ=="),
    ] {
        let body = asking(&json!([{"type": "image_url", "image_url": {"url": uri}}]));
        let sent = |write| -> Value {
            serde_json::from_slice(&encode(write, &body).unwrap().body).unwrap()
        };
        let part = &sent(cohere::write_request)["messages"][0]["content"][0];
        assert_eq!(part["image_url"]["url"], cohere_url);
        assert_eq!(
            sent(ollama::write_request)["messages"][0]["images"][0],
            ollama_data
        );
    }
}

#[test]
fn d14_made_ids_do_not_repeat_across_turns() {
    let at = |time: &str| {
        let body = format!(
            r#"{{"model":"m","created_at":"{time}","message":{{"tool_calls":[
                {{"function":{{"name":"f","arguments":{{}}}}}},{{"function":{{"name":"f","arguments":{{}}}}}}]}},"done":true}}"#
        );
        let reply = ollama::read_reply(body.as_bytes(), &Recall::default()).unwrap();
        let calls = told(&reply)["choices"][0]["message"]["tool_calls"].clone();
        [0, 1].map(|call| calls[call]["id"].as_str().unwrap().to_owned())
    };
    let [first, second] = [at("2026-01-01T00:00:00.1Z"), at("2026-01-01T00:00:00.2Z")];
    let mut ids = [first, second].concat();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn d18_a_named_tool_is_the_only_one_that_can_be_called() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let mut body = asking(&json!("x"));
    body["tools"] = json!([tool("a"), tool("b")]);
    body["tool_choice"] = tool("b");
    let sent: Value =
        serde_json::from_slice(&encode(cohere::write_request, &body).unwrap().body).unwrap();
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&sent["tools"][0]["function"]["name"], &sent["tool_choice"]),
        (&json!("b"), &json!("REQUIRED"))
    );
}

/// What a model takes, as its description has it.
fn inputs(properties: &Value) -> Inputs {
    let model = json!({"latest_version": {"id": "v", "openapi_schema": {"components": {"schemas":
        {"Input": {"properties": properties}}}}}})
    .to_string();
    Inputs::read(Node::parse(model.as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_model_gets_what_its_schema_names() {
    let image = json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}});
    let body = json!({"model": "m", "max_tokens": 9, "top_p": 0.5, "stop": ["#", "!"], "reasoning_effort": "low",
        "messages": [{"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, image]}]});
    let string = json!({"type": "string"});
    for (properties, expected, dropped) in [
        (
            json!({"prompt": string, "system_prompt": string, "max_new_tokens": {"type": "integer"},
                "stop_sequences": string, "image": string, "thinking_budget": {"type": "integer"}}),
            json!({"prompt": "Hi", "system_prompt": "Be kind.", "max_new_tokens": 9, "stop_sequences": "#,!",
                "image": "https://x.example/a.png", "thinking_budget": 1024}),
            vec!["top_p"],
        ),
        (
            json!({"messages": {"type": "array"}, "top_p": {"type": "number"}, "max_completion_tokens": {},
                "image_input": {"type": "array"}, "stop": {"type": "array"}, "reasoning_effort": {}}),
            json!({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
                "top_p": 0.5, "max_completion_tokens": 9, "stop": ["#", "!"],
                "image_input": ["https://x.example/a.png"], "reasoning_effort": "low"}),
            vec![],
        ),
        (
            json!({"prompt": string, "images": {"type": "array"}}),
            json!({"prompt": "system: Be kind.\nuser: Hi\nassistant: ", "images": ["https://x.example/a.png"]}),
            vec!["top_p", "max_tokens", "stop", "reasoning_effort"],
        ),
    ] {
        let text = body.to_string();
        let request = openai::read_request(Node::parse(text.as_bytes()).unwrap()).unwrap();
        let inputs = inputs(&properties);
        let encoded = replicate::write_request_for(request, &PLAN, Some(&inputs)).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent["input"], expected);
        let mut dropped = dropped;
        dropped.sort_unstable();
        let mut told = encoded.dropped;
        told.sort_unstable();
        assert_eq!(told, dropped);
    }
    assert_eq!(Inputs::read(Node::of("{}")), None);
}

#[test]
fn pictures_are_asked_for_by_sides_or_ratio_and_come_as_urls() {
    let write = |body: &Value, inputs: Option<&Inputs>| {
        let text = body.to_string();
        let encoded =
            replicate::write_image_request(Node::parse(text.as_bytes()).unwrap(), &PLAN, inputs)?;
        Ok::<Value, Refusal>(serde_json::from_slice(&encoded.body).unwrap())
    };
    let body = json!({"model": "m", "prompt": "a cat", "n": 2, "size": "1024x768"});
    let expected =
        json!({"input": {"prompt": "a cat", "num_outputs": 2, "width": 1024, "height": 768}});
    assert_eq!(write(&body, None).unwrap(), expected);
    let flux = inputs(&json!({"prompt": {}, "aspect_ratio": {}}));
    assert_eq!(
        write(&body, Some(&flux)).unwrap()["input"]["aspect_ratio"],
        "4:3"
    );
    for (body, param) in [
        (json!({"size": "1x1"}), "prompt"),
        (json!({"prompt": "x", "size": "big"}), "size"),
        (json!({"prompt": "x", "size": "0x1"}), "size"),
    ] {
        assert_eq!(write(&body, None).unwrap_err().param, param);
    }
    for output in [json!("https://r.example/1"), json!(["https://r.example/1"])] {
        let prediction = json!({"status": "succeeded", "output": output}).to_string();
        let urls = replicate::picture_urls(prediction.as_bytes()).unwrap();
        assert_eq!(urls, ["https://r.example/1"]);
    }
    let failed = br#"{"status":"failed","error":"NSFW"}"#;
    let Err(NotAReply::Vendor(error)) = replicate::picture_urls(failed) else {
        panic!("a failure is told");
    };
    assert_eq!(error.status, Some(400));
}
