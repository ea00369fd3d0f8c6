//! What outsiders send is of every shape. Whatever stands where something else was expected, the
//! translation is an answer, a refusal or an error: never a panic, and never half a document.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use wire::gemini::{self, Home};
use wire::ir::{EventStream, Face, Plan, Reader, Recall, Refusal, Request, Translation, Writer};
use wire::json::Node;
use wire::{anthropic, cohere, converse, eventstream, ollama, openai, replicate, sse};

mod frames;
mod strange;

use strange::variants;

fn golden(ending: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    };
    let files = folders(&root)
        .into_iter()
        .flat_map(|vendor| folders(&vendor));
    files
        .flat_map(|case| folders(&case))
        .filter(|file| file.to_string_lossy().ends_with(ending))
        .map(|file| (file.clone(), fs::read_to_string(file).unwrap()))
        .collect()
}

type ReadRequest = for<'a> fn(Node<'a>) -> Result<Request<'a>, Refusal>;

fn translate_request(text: &str, read: ReadRequest) {
    for model in [
        "claude-3-5-haiku-latest",
        "claude-sonnet-4-5",
        "claude-opus-5-5",
    ] {
        let plan = Plan {
            provider: "acme",
            model,
            family: None,
            reject: false,
            streaming: false,
            own_history: true,
        };
        translate_for_google(text, read);
        for write in [
            anthropic::write_request,
            cohere::write_request,
            converse::write_request,
            ollama::write_request,
            openai::write_request,
            replicate::write_request,
        ] {
            let Ok(request) = read(Node::parse(text.as_bytes()).unwrap()) else {
                return;
            };
            if let Ok(encoded) = write(request, &plan) {
                let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
                // Some say it in the path.
                assert!(sent["model"] == model || sent.get("model").is_none());
            }
        }
    }
}

fn translate_for_google(text: &str, read: ReadRequest) {
    for (model, home, own_history) in [
        ("gemini-2.0-flash", Home::Developer, true),
        ("gemini-3-pro-preview", Home::Vertex, false),
    ] {
        let plan = Plan {
            provider: "acme",
            model,
            family: None,
            reject: false,
            streaming: false,
            own_history,
        };
        let Ok(request) = read(Node::parse(text.as_bytes()).unwrap()) else {
            return;
        };
        if let Ok(encoded) = gemini::write_request(request, &plan, home) {
            let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
            assert!(sent["contents"][0]["parts"].is_array());
        }
    }
}

#[test]
fn requests_may_hold_anything_anywhere() {
    let doors: [(&str, ReadRequest); 3] = [
        ("request.gemini.json", gemini::read_request),
        ("request.openai.json", openai::read_request),
        ("request.messages.json", anthropic::read_request),
    ];
    for (ending, read) in doors {
        for (_, text) in golden(ending) {
            let value = serde_json::from_str(&text).unwrap();
            variants(&value, &mut |variant| {
                translate_request(&variant.to_string(), read);
            });
        }
    }
}

#[test]
fn answers_may_hold_anything_anywhere() {
    for (_, text) in golden("reply.vendor.json") {
        let value = serde_json::from_str(&text).unwrap();
        variants(&value, &mut |variant| {
            let text = variant.to_string();
            let recall = recall();
            let replies = [
                anthropic::read_reply(text.as_bytes(), &recall),
                converse::read_reply(text.as_bytes(), &recall),
                openai::read_reply(text.as_bytes()),
                cohere::read_reply(text.as_bytes(), &recall),
                ollama::read_reply(text.as_bytes(), &recall),
                replicate::read_reply(text.as_bytes(), &recall),
                gemini::read_reply(text.as_bytes(), &recall),
            ];
            for reply in replies.into_iter().flatten() {
                for write in [
                    openai::write_reply,
                    anthropic::write_reply,
                    gemini::write_reply,
                ] {
                    let mut out = Vec::new();
                    write(&reply, &Face::default(), &mut out);
                    serde_json::from_slice::<Value>(&out).unwrap();
                }
            }
        });
    }
}

fn recall() -> Recall {
    Recall {
        custom: vec!["sh".into()],
        json_tool: Some(anthropic::JSON_TOOL),
        prefilled: Some("{"),
        ..Recall::default()
    }
}

fn readers() -> [Box<dyn Reader>; 6] {
    [
        Box::new(EventStream::new(
            anthropic::EventReader::new(recall()),
            1 << 16,
        )),
        Box::new(openai::reader(1 << 16)),
        Box::new(cohere::reader(recall(), 1 << 16)),
        Box::new(ollama::reader(recall(), 1 << 16)),
        Box::new(replicate::reader(recall(), 1 << 16)),
        Box::new(gemini::reader(recall(), 1 << 16)),
    ]
}

/// Translates a stream to every door; what is written is whole events of whole documents.
fn translate_stream(stream: &[u8]) {
    translate(stream, || readers().into());
}

/// The same for binary frames.
fn translate_frames(stream: &[u8]) {
    translate(stream, || {
        vec![Box::new(converse::reader(recall(), 1 << 16))]
    });
}

fn translate(stream: &[u8], readers: impl Fn() -> Vec<Box<dyn Reader>>) {
    let writers: [fn() -> Box<dyn Writer>; 3] = [
        || Box::new(openai::ChunkWriter::new(Face::default())),
        || Box::new(anthropic::MessageWriter::new(Face::default())),
        || Box::new(gemini::EventWriter::new(Face::default())),
    ];
    for writer in writers {
        for reader in readers() {
            let mut translation = Translation::new(reader, writer());
            let mut out = Vec::new();
            let _ = translation
                .push(Bytes::copy_from_slice(stream), &mut out)
                .and_then(|()| translation.end(&mut out));
            for block in sse::blocks(&out) {
                if !block.is_done() {
                    serde_json::from_slice::<Value>(&block.data().unwrap()).unwrap();
                }
            }
        }
    }
}

#[test]
fn events_may_hold_anything_anywhere() {
    for (_, stream) in golden("stream.vendor.sse") {
        let events: Vec<&str> = stream.split_inclusive("\n\n").collect();
        for (at, event) in events.iter().enumerate() {
            let Some((head, data)) = event.split_once("data: ") else {
                continue;
            };
            let Ok(value) = serde_json::from_str(data.trim_end()) else {
                continue;
            };
            let (before, after) = (events[..at].concat(), events[at + 1..].concat());
            variants(&value, &mut |variant| {
                translate_stream(format!("{before}{head}data: {variant}\n\n{after}").as_bytes());
            });
        }
    }
}

#[test]
fn lines_may_hold_anything_anywhere() {
    for (_, stream) in golden("stream.vendor.ndjson") {
        let lines: Vec<&str> = stream.split_inclusive('\n').collect();
        for (at, line) in lines.iter().enumerate() {
            let Ok(value) = serde_json::from_str(line) else {
                continue;
            };
            let (before, after) = (lines[..at].concat(), lines[at + 1..].concat());
            variants(&value, &mut |variant| {
                translate_stream(format!("{before}{variant}\n{after}").as_bytes());
            });
        }
    }
}

#[test]
fn events_may_come_in_any_order() {
    for (_, stream) in golden("stream.vendor.sse") {
        let events: Vec<&str> = stream.split_inclusive("\n\n").collect();
        for at in 0..events.len() {
            let mut without = events.clone();
            without.remove(at);
            translate_stream(without.concat().as_bytes());
            let mut twice = events.clone();
            twice.insert(at, events[at]);
            translate_stream(twice.concat().as_bytes());
            let mut swapped = events.clone();
            swapped.swap(at, events.len() - 1);
            translate_stream(swapped.concat().as_bytes());
        }
    }
}

#[test]
fn frames_may_hold_anything_anywhere() {
    for (_, text) in golden("stream.vendor.jsonl") {
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let whole = frames::frames(&text);
        for (at, line) in lines.iter().enumerate() {
            let (before, after) = (whole[..at].concat(), whole[at + 1..].concat());
            variants(&line["payload"], &mut |variant| {
                let mut line = line.clone();
                line["payload"] = variant.clone();
                translate_frames(&[&before[..], &frames::frame(&line), &after].concat());
            });
        }
    }
}

#[test]
fn frames_may_come_in_any_order() {
    for (_, text) in golden("stream.vendor.jsonl") {
        let whole = frames::frames(&text);
        for at in 0..whole.len() {
            let mut without = whole.clone();
            without.remove(at);
            translate_frames(&without.concat());
            let mut twice = whole.clone();
            twice.insert(at, whole[at].clone());
            translate_frames(&twice.concat());
            let mut swapped = whole.clone();
            swapped.swap(at, whole.len() - 1);
            translate_frames(&swapped.concat());
        }
    }
}

proptest! {
    #[test]
    fn payloads_and_headers_of_any_kind_are_no_answer(
        headers in proptest::collection::vec(("(:event-type|:message-type|x)", "(messageStop|exception|error|[a-z]{0,5})"), 0..4),
        payload in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (&**name, eventstream::Value::Text(value)))
            .collect();
        let mut stream = Vec::new();
        eventstream::encode(&mut stream, &headers, &payload).unwrap();
        translate_frames(&stream);
        let _ = converse::read_error(None, &payload);
        let _ = converse::read_reply(&payload, &recall()).is_ok();
    }

    #[test]
    fn bytes_of_any_kind_are_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        translate_stream(&bytes);
        translate_frames(&bytes);
        let _ = anthropic::read_error(&bytes);
        let _ = gemini::read_error(&bytes);
        let _ = gemini::read_reply(&bytes, &recall()).is_ok();
        let _ = anthropic::read_reply(&bytes, &recall()).is_ok();
        let _ = openai::read_reply(&bytes).is_ok();
        let _ = cohere::read_reply(&bytes, &recall()).is_ok();
        let _ = ollama::read_reply(&bytes, &recall()).is_ok();
        let _ = replicate::read_reply(&bytes, &recall()).is_ok();
        let _ = replicate::picture_urls(&bytes).is_ok();
        let _ = replicate::prediction_event(&bytes);
    }

    #[test]
    fn half_surrogates_pass(text in "(\\\\ud800|\\\\udc00|a|\\\\u0000){1,6}") {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        translate_request(&body, openai::read_request);
    }
}
