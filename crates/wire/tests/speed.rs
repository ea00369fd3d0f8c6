//! How long the parts on the way of every call take. Run with
//! `cargo test -p ferrogw-wire --release --test speed -- --ignored --nocapture`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use wire::chat::{Tap, read_answer};
use wire::sse::{Framer, blocks};
use wire::{Envelope, Limits};

/// Nanoseconds of one run: the best of many batches, so that a busy machine does not count.
fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    work();
    let once = begun.elapsed().max(Duration::from_nanos(20));
    let batch = u32::try_from(Duration::from_millis(4).as_nanos() / once.as_nanos())
        .unwrap_or(1)
        .clamp(1, 100_000);
    let best = (0..60).map(|_| {
        let begun = Instant::now();
        (0..batch).for_each(|_| work());
        begun.elapsed() / batch
    });
    let fastest = best.min().unwrap_or_default();
    let mean = fastest.as_secs_f64() * 1e9;
    if mean > 1000.0 {
        mean
    } else {
        finer(&mut work, 10 * batch)
    }
}

/// `Duration` has no parts of nanoseconds.
fn finer(work: &mut impl FnMut(), batch: u32) -> f64 {
    let once = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        (0..batch).for_each(|_| work());
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(batch)
    };
    (0..20).map(|_| once(work)).fold(f64::INFINITY, f64::min)
}

/// The top level as `serde_json` reads it without building values.
struct RawMembers;

impl<'de> Visitor<'de> for RawMembers {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

fn small() -> String {
    r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What is the capital of France? Answer in one word only, please."}],"temperature":0.7,"max_tokens":64,"stream":true}"#.to_owned()
}

fn conversation() -> String {
    let mut messages = String::new();
    for turn in 0..10 {
        let _ = write!(
            messages,
            r#"{{"role":"user","content":"Question {turn}: could you explain how the borrow checker decides that a reference outlives its owner?\nPlease \"quote\" the rule."}},{{"role":"assistant","content":"Answer {turn}: every reference has a region, and a loan is live as long as some live variable may hold it."}},"#
        );
    }
    format!(
        r#"{{"model":"gpt-4o","messages":[{messages}{{"role":"user","content":"Thanks"}}],"temperature":0.2,"stream":false}}"#
    )
}

fn tools() -> String {
    let tool = |n: usize| {
        format!(
            r#"{{"type":"function","function":{{"name":"tool_{n}","description":"Looks up the record that has the given number in the named table.","parameters":{{"type":"object","properties":{{"table":{{"type":"string","description":"Name of the table"}},"number":{{"type":"integer","minimum":0,"maximum":100000}},"fields":{{"type":"array","items":{{"type":"string"}}}},"deep":{{"type":"boolean","default":false}}}},"required":["table","number"]}}}}}}"#
        )
    };
    let tools: Vec<_> = (0..80).map(tool).collect();
    format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"hi"}}],"tools":[{}]}}"#,
        tools.join(",")
    )
}

fn image() -> String {
    let data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat((1 << 20) / 44);
    format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":[{{"type":"text","text":"What is this?"}},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
    )
}

#[test]
#[ignore = "prints times; run by hand in release"]
fn bodies() {
    println!(
        "{:>9} {:>12} {:>12} {:>12} {:>12}",
        "bytes", "envelope", "+ splice", "serde raw", "read_answer"
    );
    for body in [small(), conversation(), tools(), image()] {
        let body = Bytes::from(body);
        let parse = || Envelope::parse(black_box(&body).clone(), Limits::default()).unwrap();
        let envelope = nanoseconds(|| _ = black_box(parse()));
        let splice = nanoseconds(|| {
            let envelope = parse();
            black_box(envelope.text("model"));
            let mut edit = envelope.edit();
            edit.set_text("model", "another-model-name");
            black_box(edit.finish());
        });
        let raw = nanoseconds(|| {
            let mut reader = serde_json::Deserializer::from_slice(black_box(&body));
            black_box(reader.deserialize_map(RawMembers).unwrap());
        });
        let answer = nanoseconds(|| _ = black_box(read_answer(black_box(&body))));
        println!(
            "{:>9} {envelope:>12.0} {splice:>12.0} {raw:>12.0} {answer:>12.0}",
            body.len()
        );
    }
}

fn events(usage: &str) -> (usize, Vec<u8>) {
    let event = |n: usize| {
        format!(
            r#"data: {{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1786100003,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{{"index":0,"delta":{{"content":" token {n:03}"}},"logprobs":null,"finish_reason":null}}]{usage}}}"#
        ) + "\n\n"
    };
    let events: Vec<_> = (0..640).map(event).collect();
    (events.len(), events.concat().into_bytes())
}

#[test]
#[ignore = "prints times; run by hand in release"]
fn streams() {
    println!(
        "{:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "bytes/ev", "chunk", "frame", "blocks", "tap", "all"
    );
    for usage in ["", ",\"usage\":null"] {
        let (count, stream) = events(usage);
        let size = stream.len() / count;
        for chunk in [size, 1400, 16_384] {
            let chunks: Vec<_> = stream.chunks(chunk).map(Bytes::copy_from_slice).collect();
            let per_event = |total: f64| total / f64::from(u32::try_from(count).unwrap());
            let mut framer = Framer::new(1 << 24);
            let runs: Vec<_> = chunks
                .iter()
                .map(|chunk| framer.push(chunk.clone()).unwrap())
                .collect();
            let frame = nanoseconds(|| {
                let mut framer = Framer::new(1 << 24);
                for chunk in &chunks {
                    black_box(framer.push(chunk.clone()).unwrap());
                }
            });
            let cut = nanoseconds(|| {
                for run in &runs {
                    black_box(
                        blocks(run)
                            .map(|block| usize::from(block.is_done()))
                            .sum::<usize>(),
                    );
                }
            });
            let tap = nanoseconds(|| {
                let mut tap = Tap::new();
                for run in &runs {
                    black_box(tap.observe(run));
                }
                assert_eq!(tap.events(), 640);
            });
            println!(
                "{size:>9} {chunk:>9} {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
                per_event(frame),
                per_event(cut),
                per_event(tap),
                per_event(frame + tap)
            );
        }
    }
}
