//! What other gateways lose on the way to Gemini and back, one test for each.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::fault::{Fault, Kind};
use wire::gemini::{self, Home};
use wire::ir::{Break, Encoded, Face, Plan, Recall, Refusal, Translation};
use wire::json::Node;
use wire::{anthropic, openai};

const PLAN: Plan<'static> = Plan {
    provider: "acme",
    family: None,
    model: "gemini-3-flash",
    reject: false,
    streaming: false,
    own_history: true,
};

fn encode(body: &Value, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    let text = body.to_string();
    let request = openai::read_request(Node::parse(text.as_bytes()).unwrap())?;
    gemini::write_request(request, plan, Home::Developer)
}

fn sent(body: &Value) -> Value {
    serde_json::from_slice(&encode(body, &PLAN).unwrap().body).unwrap()
}

fn asking(parts: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": parts}]})
}

fn face() -> Face {
    Face {
        id: "chatcmpl-x".into(),
        created: 77,
        model: "asked".into(),
        include_usage: true,
        ..Face::default()
    }
}

/// What the client gets for a whole answer.
fn told(answer: &Value) -> Value {
    let body = answer.to_string();
    let reply = gemini::read_reply(body.as_bytes(), &Recall::default()).unwrap();
    let mut out = Vec::new();
    openai::write_reply(&reply, &face(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn stream() -> Translation {
    let reader = Box::new(gemini::reader(Recall::default(), 1 << 16));
    Translation::new(reader, Box::new(openai::ChunkWriter::new(face())))
}

/// What the client gets for a stream, and how it ended.
fn streamed(text: &str) -> (Result<(), Break>, String) {
    let (mut stream, mut out) = (stream(), Vec::new());
    let result = stream
        .push(Bytes::copy_from_slice(text.as_bytes()), &mut out)
        .and_then(|()| stream.end(&mut out));
    (result, String::from_utf8(out).unwrap())
}

fn event(answer: &Value) -> String {
    format!("data: {answer}\n\n")
}

fn saying(parts: &Value) -> Value {
    json!({"responseId": "r", "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
}

#[test]
fn d01_a_part_is_carried_or_refused_and_never_lost() {
    for (part, member) in [
        (
            json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}),
            "inlineData",
        ),
        (
            json!({"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}}),
            "fileData",
        ),
        (
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}),
            "inlineData",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}),
            "fileData",
        ),
    ] {
        let body = sent(&asking(&json!([part])));
        assert!(
            body["contents"][0]["parts"][0][member].is_object(),
            "{body}"
        );
    }
    let refusal = encode(&asking(&json!([{"type": "smell"}])), &PLAN).unwrap_err();
    assert_eq!(refusal.param, "messages[0].content[0]");
}

#[test]
fn d02_an_answer_has_a_time() {
    assert_eq!(told(&saying(&json!([{"text": "x"}])))["created"], 77);
    let (_, out) = streamed(&event(&saying(&json!([{"text": "x"}]))));
    assert!(out.contains("\"created\":77"), "{out}");
}

#[test]
fn d03_unknown_reasons_never_leak() {
    for (word, reason, native) in [
        ("STOP", "stop", Value::Null),
        ("MAX_TOKENS", "length", Value::Null),
        ("RECITATION", "content_filter", Value::Null),
        ("LANGUAGE", "content_filter", json!("LANGUAGE")),
        (
            "UNEXPECTED_TOOL_CALL",
            "stop",
            json!("UNEXPECTED_TOOL_CALL"),
        ),
        ("NEW_ONE", "stop", json!("NEW_ONE")),
    ] {
        let answer = json!({"candidates": [{"content": {"parts": []}, "finishReason": word}]});
        let choice = &told(&answer)["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["native_finish_reason"]),
            (&json!(reason), &native),
            "{word}"
        );
    }
}

#[test]
fn d04_a14_a_stream_without_an_end_is_cut() {
    let half = json!({"responseId": "r", "candidates": [{"content": {"parts": [{"text": "ha"}]}}]});
    let (result, out) = streamed(&event(&half));
    assert_eq!(result, Err(Break::Cut));
    assert!(out.contains("ha") && !out.contains("[DONE]"), "{out}");
    assert_eq!(streamed("").0, Err(Break::Cut));
    assert_eq!(streamed("\n \n").0, Err(Break::Cut));
}

/// Older models give a reason with every piece: the answer goes on all the same.
#[test]
fn d04_a_candidate_ends_with_its_last_reason() {
    let piece = |text: &str, reason: &str| {
        event(
            &json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason}]}),
        )
    };
    let text = [piece("ha", "STOP"), piece("lf", "MAX_TOKENS")].concat();
    let (result, out) = streamed(&text);
    assert_eq!(result, Ok(()));
    assert_eq!(gathered(&out).0, "half");
    assert_eq!(out.matches("finish_reason\":\"").count(), 1, "{out}");
    assert!(out.contains("\"finish_reason\":\"length\""), "{out}");
}

#[test]
fn d07_what_cannot_be_asked_is_the_clients_to_mend() {
    let refusal = encode(
        &asking(&json!([{"type": "file", "file": {"file_id": "file-1"}}])),
        &PLAN,
    );
    let fault = Fault::from(refusal.unwrap_err());
    assert_eq!(
        (fault.status(), fault.param.as_deref()),
        (400, Some("messages[0].content[0]"))
    );
}

#[test]
fn d11_a09_thoughts_are_no_content_and_signatures_make_the_round_trip() {
    let parts = json!([{"text": "hm", "thought": true}, {"text": "Look", "thoughtSignature": "dGV4dA=="},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="},
        {"functionCall": {"name": "f", "args": {}}}]);
    let message = told(&saying(&parts))["choices"][0]["message"].clone();
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Look"), &json!("hm"))
    );

    let results = message["tool_calls"].as_array().unwrap().iter().rev();
    let results =
        results.map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "ok"}));
    let mut ids_only = message.clone();
    for call in ids_only["tool_calls"].as_array_mut().unwrap() {
        call.as_object_mut().unwrap().remove("extra_content");
    }
    for kept in [&message, &ids_only] {
        let mut messages = vec![json!({"role": "user", "content": "go"}), kept.clone()];
        messages.extend(results.clone());
        let body = sent(&json!({"model": "m", "messages": messages}));
        let model = &body["contents"][1]["parts"];
        assert_eq!(
            model[0],
            json!({"text": "Look", "thoughtSignature": "dGV4dA=="})
        );
        assert_eq!(model[1]["thoughtSignature"], "Y2FsbA==");
        assert_eq!(model[1]["functionCall"]["id"], "call_r_0_0");
        assert_eq!(model[2].get("thoughtSignature"), None);
        // t7: results come in the order of their calls, whatever order the client gave.
        let results = &body["contents"][2]["parts"];
        assert_eq!(results[0]["functionResponse"]["id"], "call_r_0_0");
        assert_eq!(results[1]["functionResponse"]["id"], "call_r_0_1");
        // No other vendor sees any of it.
        let text = json!({"model": "m", "messages": messages}).to_string();
        let request = openai::read_request(Node::parse(text.as_bytes()).unwrap()).unwrap();
        let other = anthropic::write_request(request, &PLAN).unwrap();
        let other = String::from_utf8(other.body).unwrap();
        assert!(
            !other.contains("thought") && !other.contains("dGV4dA") && !other.contains("Y2FsbA"),
            "{other}"
        );
    }
}

#[test]
fn d12_properties_are_named_as_they_like() {
    let schema = json!({"type": "object", "properties": {"$ref": {"type": "string"}, "definitions": {"type": "string"},
        "additionalProperties": {"type": "string"}}});
    let mut body = asking(&json!("x"));
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    let plan = Plan {
        model: "gemini-2.0-flash",
        ..PLAN
    };
    let older: Value = serde_json::from_slice(&encode(&body, &plan).unwrap().body).unwrap();
    assert_eq!(
        older["tools"][0]["functionDeclarations"][0]["parameters"],
        schema
    );
    let newer = sent(&body);
    assert_eq!(
        newer["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"],
        schema
    );
}

#[test]
fn d13_a_blocked_prompt_is_an_answer_errors_are_told_and_usage_comes_once() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}});
    let choice = &told(&blocked)["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter");
    assert_eq!(
        (&choice["message"]["content"], &choice["message"]["refusal"]),
        (&json!(""), &json!("no"))
    );
    assert_eq!(streamed(&event(&blocked)).0, Ok(()));

    let usage = |n: u64| json!({"promptTokenCount": 1, "candidatesTokenCount": n, "totalTokenCount": n + 1});
    let first = json!({"responseId": "r", "candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": usage(1)});
    let mut last = saying(&json!([{"text": "b"}]));
    last["usageMetadata"] = usage(2);
    let (_, out) = streamed(&(event(&first) + &event(&last)));
    assert_eq!(out.matches("\"usage\"").count(), 1, "{out}");
    assert!(out.contains("\"completion_tokens\":2"), "{out}");

    let error = json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}});
    let (result, out) = streamed(&(event(&first) + &event(&error)));
    let Err(Break::Vendor(told)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        (told.status, told.message.as_deref()),
        (Some(503), Some("busy"))
    );
    assert_eq!(out.matches("data:").count(), 1, "{out}");
}

#[test]
fn d13_a_body_that_is_no_event_stream_is_read_all_the_same() {
    let error =
        r#"[{ "error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"} }]"#;
    for body in [error.to_owned(), format!("\n {error}\n")] {
        let (result, _) = streamed(&body);
        let Err(Break::Vendor(told)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(told.status, Some(429));
    }
    let array = json!([{"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, saying(&json!([{"text": "b"}]))]);
    let (result, out) = streamed(&array.to_string());
    assert_eq!((result, out.matches("content\":").count()), (Ok(()), 2));
}

#[test]
fn d14_ids_are_unique_across_answers_even_without_an_answers_own() {
    let id = |text: &str, answer: Option<&str>| {
        let mut body = saying(&json!([{"text": text}, {"functionCall": {"name": "f"}}]));
        body["responseId"] = json!(answer);
        told(&body)["choices"][0]["message"]["tool_calls"][0]["id"].clone()
    };
    assert_ne!(id("x", Some("a")), id("x", Some("b")));
    assert_ne!(id("x", None), id("y", None));
    assert_eq!(id("x", Some("a")), "call_a_0_0");
}

#[test]
fn a11_data_uris_of_every_form_become_inline_data() {
    for (url, mime, data) in [
        ("data:image/jpg;base64,AAAA", "image/jpeg", "AAAA"),
        (
            "data:image/gif;base64,iVBORw0KGgo=",
            "image/png",
            "iVBORw0KGgo=",
        ),
        ("data:text/plain;charset=utf-8,a%2Bb", "text/plain", "YSti"),
    ] {
        let body = sent(&asking(
            &json!([{"type": "image_url", "image_url": {"url": url}}]),
        ));
        let inline = &body["contents"][0]["parts"][0]["inlineData"];
        assert_eq!(*inline, json!({"mimeType": mime, "data": data}), "{url}");
    }
    // Read as it comes: the type must stand before the data.
    let encoded = encode(
        &asking(
            &json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]),
        ),
        &PLAN,
    );
    let text = String::from_utf8(encoded.unwrap().body).unwrap();
    assert!(
        text.contains(r#"{"mimeType":"image/png","data":"AA=="}"#),
        "{text}"
    );
}

#[test]
fn a21_what_was_lost_is_told_or_refused() {
    let mut body = asking(&json!("x"));
    body["user"] = json!("u");
    body["logit_bias"] = json!({"1": 1});
    assert_eq!(
        encode(&body, &PLAN).unwrap().dropped,
        ["user", "logit_bias"]
    );
    let refusal = encode(
        &body,
        &Plan {
            reject: true,
            ..PLAN
        },
    )
    .unwrap_err();
    let fault = Fault::from(refusal);
    assert_eq!(fault.kind, Kind::UnsupportedParameter);
    assert_eq!(fault.message, "acme does not support user, logit_bias");
}

#[test]
fn a22_two_answers_are_one_call() {
    let mut body = asking(&json!("x"));
    body["n"] = json!(2);
    assert_eq!(sent(&body)["generationConfig"]["candidateCount"], 2);
    let answer = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": "b"}]}}]});
    let told = told(&answer);
    let said: Vec<_> = told["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| &choice["message"]["content"])
        .collect();
    assert_eq!(said, ["a", "b"]);
}

#[test]
fn an_endless_number_of_candidates_is_no_stream() {
    let far = json!({"candidates": [{"index": 4_000_000_000_u64, "content": {"parts": [{"text": "a"}]}}]});
    assert!(matches!(streamed(&event(&far)).0, Err(Break::Malformed(_))));
}

fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-zæ€😀\"\\\\\n]{0,9}".prop_map(|text| json!({"text": text})),
        "[a-z]{1,9}".prop_map(|text| json!({"text": text, "thought": true})),
        ("[a-z]{1,4}", any::<bool>()).prop_map(|(name, signed)| {
            let mut part = json!({"functionCall": {"name": name, "args": {"q": [1, null]}}});
            if signed {
                part["thoughtSignature"] = json!("c2ln");
            }
            part
        }),
        Just(json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}})),
        Just(json!({"text": "", "thoughtSignature": "ZW5k"})),
    ]
}

/// What the chunks of a stream say together.
fn gathered(out: &str) -> (String, String, Vec<Value>) {
    let (mut text, mut thoughts, mut calls) = (String::new(), String::new(), Vec::new());
    for data in out.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        text.push_str(delta["content"].as_str().unwrap_or_default());
        thoughts.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let mut call = call.clone();
            call.as_object_mut().unwrap().remove("index");
            calls.push(call);
        }
    }
    (text, thoughts, calls)
}

proptest! {
    #[test]
    fn a_stream_says_what_the_whole_answer_says(parts in proptest::collection::vec(part(), 0..8)) {
        let whole = told(&saying(&json!(parts)))["choices"][0].clone();
        let mut text: String = parts
            .iter()
            .map(|part| event(&json!({"responseId": "r", "candidates": [{"content": {"parts": [part]}}]})))
            .collect();
        text.push_str(&event(&json!({"candidates": [{"finishReason": "STOP"}]})));
        let (result, out) = streamed(&text);
        prop_assert_eq!(result, Ok(()));
        let (text, thoughts, calls) = gathered(&out);
        let message = &whole["message"];
        prop_assert_eq!(text, message["content"].as_str().unwrap_or_default());
        prop_assert_eq!(thoughts, message["reasoning_content"].as_str().unwrap_or_default());
        prop_assert_eq!(json!(calls), message.get("tool_calls").cloned().unwrap_or(json!([])));
        let reason = format!("\"finish_reason\":{}", whole["finish_reason"]);
        prop_assert!(out.contains(&reason), "{}", out);
    }

    #[test]
    fn any_schema_is_sanitised_to_an_object(text in "[\\[\\]{}:,\"a-z$#/]{0,60}") {
        if let Ok(node) = Node::parse(text.as_bytes()) {
            let clean: Value = serde_json::from_str(&gemini::sanitise_schema(node)).unwrap();
            prop_assert!(clean.is_object());
        }
    }
}
