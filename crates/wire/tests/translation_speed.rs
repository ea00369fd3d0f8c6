//! How long a call between two dialects takes. Run with
//! `cargo test -p ferrogw-wire --release --test translation_speed -- --ignored --nocapture`.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use wire::ir::{Face, Plan, Recall, Translation};
use wire::json::Node;
use wire::{anthropic, openai};

/// The best of many runs: a busy machine does not count.
fn microseconds(mut work: impl FnMut()) -> f64 {
    const RUNS: u32 = 200;
    let batch = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        (0..RUNS).for_each(|_| work());
        begun.elapsed() / RUNS
    };
    let best = (0..100).map(|_| batch(&mut work)).min();
    best.unwrap_or(Duration::MAX).as_secs_f64() * 1e6
}

fn request() -> String {
    let text = "What is the capital of France, and why? Answer briefly, please. ".repeat(4);
    let messages: Vec<_> = ["system", "user", "assistant", "user"]
        .iter()
        .map(|role| json!({"role": role, "content": text}))
        .collect();
    json!({"model": "m", "messages": messages, "temperature": 0.7, "max_tokens": 64}).to_string()
}

fn answer() -> String {
    let text = "The capital of France is Paris, \"la Ville Lumière\".\n".repeat(18);
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 200, "output_tokens": 240}})
    .to_string()
}

fn stream(events: usize) -> String {
    let mut stream = String::from(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
         event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    for number in 0..events {
        write!(
            stream,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\" word{number}\"}}}}\n\n"
        )
        .unwrap();
    }
    stream
        + "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":64}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
}

#[test]
#[ignore = "prints times; run by hand in release"]
fn between_openai_and_anthropic() {
    let plan = Plan {
        provider: "acme",
        model: "claude-sonnet-4-6",
        family: None,
        reject: false,
        streaming: false,
        own_history: true,
    };
    let (body, reply, recall) = (request(), answer(), Recall::default());
    let there = microseconds(|| {
        let request = openai::read_request(Node::of(black_box(&body))).unwrap();
        black_box(anthropic::write_request(request, &plan).unwrap());
    });
    let back = microseconds(|| {
        let mut out = Vec::with_capacity(2048);
        let reply = anthropic::read_reply(black_box(reply.as_bytes()), &recall).unwrap();
        openai::write_reply(&reply, &Face::default(), &mut out);
        black_box(out);
    });
    println!("request of {} bytes: {there:.2} us", body.len());
    println!("answer of {} bytes: {back:.2} us", reply.len());

    let events = 64;
    let bytes = Bytes::from(stream(events));
    let total = microseconds(|| {
        let reader = Box::new(anthropic::reader(Recall::default(), 1 << 20));
        let mut translation =
            Translation::new(reader, Box::new(openai::ChunkWriter::new(Face::default())));
        let mut out = Vec::with_capacity(16_384);
        translation
            .push(black_box(&bytes).clone(), &mut out)
            .unwrap();
        translation.end(&mut out).unwrap();
        black_box(out);
    });
    println!("stream of {events} events: {total:.2} us");
}
