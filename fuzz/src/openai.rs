//! OpenAI's dialect: translated as every other, and read at the side while its bytes pass.

use bytes::Bytes;
use wire::chat::{Tap, flatten_content_blocks, mend_types, read_answer};
use wire::json::Node;
use wire::sse::Framer;
use wire::{anthropic, gemini};

use crate::dialect::{self, assert_error};
use crate::input::Input;
use crate::json::assert_document;

pub(crate) fn check(input: &Input<'_>) {
    match input.kind {
        4 => beside_a_stream(input),
        5 => beside_an_answer(input),
        _ => dialect::openai(input),
    }
}

/// What is seen of a stream is the same however it is cut.
fn beside_a_stream(input: &Input<'_>) {
    assert_eq!(seen(input.whole()), seen(input.pieces()));
}

/// What a tap has seen when it saw all, and the fault where there is one.
fn seen(pieces: Vec<Bytes>) -> String {
    let mut framer = Framer::new(1 << 24);
    let mut tap = Tap::new();
    let mut first = 0;
    let mut fault = None;
    let mut runs: Vec<Bytes> = Vec::new();
    for piece in pieces {
        runs.extend(framer.push(piece));
    }
    runs.extend(framer.finish());
    for run in runs {
        let was_done = tap.done();
        let seen = tap.observe(&run);
        first += u32::from(seen.first_content);
        assert_eq!(seen.done_at.is_some(), tap.done() && !was_done);
        let places = [seen.done_at, seen.fault.as_ref().map(|(at, _)| *at)];
        assert!(places.into_iter().flatten().all(|at| at < run.len()));
        if let Some(range) = seen.usage_only {
            assert!(run.get(range).is_some_and(|bytes| !bytes.is_empty()));
        }
        if let Some((_, found)) = seen.fault {
            fault = Some(found);
            break;
        }
    }
    assert_eq!(first, u32::from(tap.started()), "content begins once");
    format!(
        "{fault:?} {:?} {:?} {} {} {} {} {}",
        tap.usage(),
        tap.model(),
        tap.finished(),
        tap.done(),
        tap.started(),
        tap.events(),
        tap.content_bytes()
    )
}

/// What is read of an answer, what is mended in it, and the schemas that requests carry.
fn beside_an_answer(input: &Input<'_>) {
    if let Ok(answer) = read_answer(input.data) {
        assert_eq!(read_answer(input.data).ok().as_ref(), Some(&answer));
        if let Some(error) = &answer.error {
            assert_error(error, input.data.len());
        }
    }
    let Ok(node) = Node::parse(input.data) else {
        return;
    };
    let text = node.raw();
    if let Some(mended) = mend_types(text) {
        assert_document(mended.as_bytes());
        assert_eq!(mend_types(&mended), None, "{mended}");
    }
    if let Some(flat) = flatten_content_blocks(text) {
        assert_document(flat.as_bytes());
        assert_eq!(flatten_content_blocks(&flat), None, "{flat}");
    }
    let clean = gemini::sanitise_schema(node);
    assert_document(clean.as_bytes());
    dialect::assert_written(clean.len(), text.len());
    if let Some(adapted) = anthropic::adapt_schema(node) {
        assert_document(adapted.as_bytes());
        dialect::assert_written(adapted.len(), text.len());
    }
}
