//! A dialect's decoders: whole answers, streams, errors, and for those that clients speak, requests.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use providers::native::{self, Course, NativePlan, Step};
use providers::{Dialect, OnUnsupported};
use wire::fault::{Fault, Kind};
use wire::gemini::{self, Home};
use wire::ir::{
    Encoded, Face, NotAReply, Plan, Reader, Recall, Refusal, Reply, Request, Translation, Writer,
};
use wire::json::Node;
use wire::vendor_error::{VendorError, public_message};
use wire::{Envelope, Limits, anthropic, cohere, converse, ollama, openai, replicate, sse};

use crate::encode::speaking;
use crate::grammar::Checked;
use crate::input::Input;
use crate::json::assert_document;

/// A bound that no input reaches.
const UNBOUNDED: usize = 1 << 24;
/// Bytes written for each byte read, and besides: an event of a few bytes becomes a chunk that
/// names the answer and its model.
const WRITTEN_EACH: usize = 400;
const WRITTEN_FREE: usize = 1 << 16;

/// What is held against every dialect.
pub(crate) struct Decoders {
    pub(crate) reply: for<'a> fn(&'a [u8], &Recall) -> Result<Reply<'a>, NotAReply>,
    pub(crate) reader: fn(Recall) -> Box<dyn Reader>,
    pub(crate) error: fn(&[u8]) -> Option<VendorError>,
}

impl Decoders {
    fn check(&self, input: &Input<'_>) {
        match input.kind {
            0 => self.reply(input),
            1 => self.stream(input),
            _ => self.error(input.data),
        }
    }

    /// A whole answer is told whole at every door, or is none.
    pub(crate) fn reply(&self, input: &Input<'_>) {
        let recall = recall(input.knob);
        let read = (self.reply)(input.data, &recall);
        assert_eq!(read, (self.reply)(input.data, &recall));
        let reply = match read {
            Ok(reply) => reply,
            Err(NotAReply::Vendor(error)) => return assert_error(&error, input.data.len()),
            Err(_) => return,
        };
        for write in [
            openai::write_reply,
            anthropic::write_reply,
            gemini::write_reply,
        ] {
            let mut out = Vec::new();
            write(&reply, &face(input.knob), &mut out);
            assert_document(&out);
            assert_written(out.len(), input.data.len());
        }
    }

    /// A stream says the same however it is cut, in whole events, and ends once.
    pub(crate) fn stream(&self, input: &Input<'_>) {
        let door = Door::of(input.knob);
        let whole = self.translated(input.whole(), door, input.knob);
        let cut = self.translated(input.pieces(), door, input.knob);
        assert_eq!(whole.told, cut.told);
        assert_eq!(
            String::from_utf8_lossy(&whole.out),
            String::from_utf8_lossy(&cut.out)
        );
        door.assert_stream(&whole.out, whole.good);
        assert_written(whole.out.len(), input.data.len());
    }

    fn translated(&self, pieces: Vec<Bytes>, door: Door, knob: u8) -> Translated {
        let writer = Checked::new(door.writer(face(knob)));
        let mut stream = Translation::new((self.reader)(recall(knob)), Box::new(writer));
        let mut out = Vec::new();
        let pushed = pieces
            .into_iter()
            .try_for_each(|piece| stream.push(piece, &mut out));
        let ended = pushed.and_then(|()| stream.end(&mut out));
        let told = format!("{ended:?} {:?}", stream.seen());
        if ended.is_err() {
            stream.fail(&Fault::new(Kind::UpstreamError), &mut out);
        }
        Translated {
            out,
            told,
            good: ended.is_ok(),
        }
    }

    pub(crate) fn error(&self, data: &[u8]) {
        let error = (self.error)(data);
        assert_eq!(error, (self.error)(data));
        if let Some(error) = error {
            assert_error(&error, data.len());
        }
    }
}

/// What became of a stream.
struct Translated {
    out: Vec<u8>,
    told: String,
    good: bool,
}

/// The door at which a stream is told.
#[derive(Clone, Copy)]
enum Door {
    OpenAi,
    OpenAiEager,
    Messages,
    Gemini,
    GeminiArray,
}

impl Door {
    fn of(knob: u8) -> Door {
        match knob % 5 {
            0 => Door::OpenAi,
            1 => Door::Messages,
            2 => Door::Gemini,
            3 => Door::GeminiArray,
            _ => Door::OpenAiEager,
        }
    }

    fn writer(self, face: Face) -> Box<dyn Writer> {
        match self {
            Door::OpenAi => Box::new(openai::ChunkWriter::new(face)),
            Door::OpenAiEager => Box::new(openai::ChunkWriter::new(face).with_eager_role()),
            Door::Messages => Box::new(anthropic::MessageWriter::new(face)),
            Door::Gemini => Box::new(gemini::EventWriter::new(face)),
            Door::GeminiArray => Box::new(gemini::EventWriter::new(face).as_array()),
        }
    }

    /// Panics unless these are whole events of whole documents with one end, the good one or an
    /// error.
    fn assert_stream(self, out: &[u8], good: bool) {
        if let Door::GeminiArray = self {
            return assert_document(out);
        }
        let blocks: Vec<_> = sse::blocks(out).collect();
        let mut ends = 0;
        for (at, block) in blocks.iter().enumerate() {
            let is_last = at + 1 == blocks.len();
            let data = block.data().unwrap_or_default();
            if block.is_done() {
                ends += 1;
                assert!(good && is_last, "[DONE] before the end");
                continue;
            }
            assert_document(&data);
            let error = Node::parse(&data).is_ok_and(|node| node.get("error").is_some());
            assert_eq!(
                error,
                is_last && !good,
                "an error within a stream, or none at its end"
            );
            if block.event() == Some(b"message_stop") {
                ends += 1;
                assert!(good && is_last, "message_stop before the end");
            }
        }
        let expected = match self {
            Door::Gemini => 0,
            _ => usize::from(good),
        };
        assert_eq!(ends, expected, "{}", String::from_utf8_lossy(out));
    }
}

fn recall(knob: u8) -> Recall {
    match (knob / 5) % 3 {
        0 => Recall::default(),
        1 => Recall {
            custom: vec!["sh".into()],
            json_tool: Some(anthropic::JSON_TOOL),
            prefilled: Some("{"),
            ..Recall::default()
        },
        _ => Recall {
            model: "m".into(),
            max_output: Some(7),
            custom: vec!["f".into(), "get_weather".into()],
            ..Recall::default()
        },
    }
}

fn face(knob: u8) -> Face {
    Face {
        created: 77,
        id: "chatcmpl-x".into(),
        model: "asked".into(),
        include_usage: knob & 128 == 0,
        hide_thoughts: knob & 64 == 0,
        ..Face::default()
    }
}

#[track_caller]
pub(crate) fn assert_written(written: usize, read: usize) {
    let most = WRITTEN_FREE + WRITTEN_EACH * read;
    assert!(
        written <= most,
        "{read} bytes became {written}, at most {most}"
    );
}

/// An error is no longer than what it was read from, and a client's part of it is bounded.
pub(crate) fn assert_error(error: &VendorError, length: usize) {
    let texts = [&error.message, &error.kind, &error.code, &error.param];
    for text in texts.into_iter().flatten() {
        assert!(text.len() <= 3 * length + 64, "{text}");
    }
    if let Some(public) = public_message(error) {
        assert!(!public.is_empty() && public.chars().count() <= 2049);
    }
}

type ReadRequest = for<'a> fn(Node<'a>) -> Result<Request<'a>, Refusal>;
type WriteRequest = fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>;

const WRITERS: [WriteRequest; 8] = [
    openai::write_request,
    anthropic::write_request,
    cohere::write_request,
    converse::write_request,
    ollama::write_request,
    replicate::write_request,
    |request, plan| gemini::write_request(request, plan, Home::Developer),
    |request, plan| gemini::write_request(request, plan, Home::Vertex),
];

/// Models whose dialects differ in what they take.
pub(crate) const MODELS: [&str; 12] = [
    "gpt-4o",
    "claude-3-5-haiku-latest",
    "claude-sonnet-4-5",
    "claude-opus-5-5",
    "gemini-2.0-flash",
    "gemini-3-pro-preview",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
    "meta.llama3-1-70b-instruct-v1:0",
    "command-a-03-2025",
    "meta/meta-llama-3-70b-instruct",
    "o3-mini",
];

/// A client's request goes to any vendor as one whole document, or is refused.
pub(crate) fn request(input: &Input<'_>, read: ReadRequest) {
    let Ok(node) = Node::parse(input.data) else {
        return;
    };
    let request = read(node);
    assert_eq!(request, read(node));
    let Ok(request) = request else { return };
    let plan = Plan {
        provider: "acme",
        model: MODELS[usize::from(input.cut) % MODELS.len()],
        family: None,
        reject: input.knob & 16 != 0,
        streaming: input.knob & 32 != 0,
        own_history: input.knob & 64 != 0,
    };
    let write = WRITERS[usize::from(input.knob) % WRITERS.len()];
    let written = write(request.clone(), &plan);
    let again = write(request, &plan);
    match (written, again) {
        (Ok(written), Ok(again)) => {
            assert_eq!(written.body, again.body);
            assert_eq!(written.dropped, again.dropped);
            assert_body(&written.body, input.data.len());
        }
        (Err(written), Err(again)) => assert_eq!(written, again),
        _ => unreachable!("the same request was written once and refused once"),
    }
}

/// A body is one object without a name given twice, in proportion to what it was made of.
pub(crate) fn assert_body(body: &[u8], length: usize) {
    assert_document(body);
    let limits = Limits {
        max_members: usize::MAX,
        max_depth: 2 * wire::json::MAX_DEPTH,
    };
    let parsed = Envelope::parse(Bytes::copy_from_slice(body), limits);
    assert!(
        parsed.is_ok(),
        "{:?}: {}",
        parsed.err(),
        String::from_utf8_lossy(body)
    );
    assert_written(body.len(), length);
}

pub(crate) fn anthropic(input: &Input<'_>) {
    let decoders = Decoders {
        reply: anthropic::read_reply,
        reader: |recall| Box::new(anthropic::reader(recall, UNBOUNDED)),
        error: anthropic::read_error,
    };
    match input.kind {
        3 => request(input, anthropic::read_request),
        _ => decoders.check(input),
    }
}

pub(crate) fn gemini(input: &Input<'_>) {
    let decoders = Decoders {
        reply: gemini::read_reply,
        reader: |recall| Box::new(gemini::reader(recall, UNBOUNDED)),
        error: gemini::read_error,
    };
    match input.kind {
        3 => request(input, gemini::read_request),
        _ => decoders.check(input),
    }
}

pub(crate) fn cohere(input: &Input<'_>) {
    let decoders = Decoders {
        reply: cohere::read_reply,
        reader: |recall| Box::new(cohere::reader(recall, UNBOUNDED)),
        error: cohere::read_error,
    };
    decoders.check(input);
}

pub(crate) fn ollama(input: &Input<'_>) {
    let decoders = Decoders {
        reply: ollama::read_reply,
        reader: |recall| Box::new(ollama::reader(recall, UNBOUNDED)),
        error: ollama::read_error,
    };
    decoders.check(input);
}

pub(crate) fn converse(input: &Input<'_>) {
    let decoders = Decoders {
        reply: converse::read_reply,
        reader: |recall| Box::new(converse::reader(recall, UNBOUNDED)),
        error: |body| converse::read_error(None, body),
    };
    decoders.check(input);
}

pub(crate) fn openai(input: &Input<'_>) {
    let decoders = Decoders {
        reply: |body, _| openai::read_reply(body),
        reader: |_| Box::new(openai::reader(UNBOUNDED)),
        error: wire::vendor_error::read,
    };
    match input.kind {
        3 => request(input, openai::read_request),
        _ => decoders.check(input),
    }
}

pub(crate) fn replicate(input: &Input<'_>) {
    let decoders = Decoders {
        reply: replicate::read_reply,
        reader: |recall| Box::new(replicate::reader(recall, UNBOUNDED)),
        error: replicate::read_error,
    };
    match input.kind {
        3 => predictions(input),
        4 => course(input),
        _ => decoders.check(input),
    }
}

/// A prediction as an event of its stream.
fn predictions(input: &Input<'_>) {
    let event = replicate::prediction_event(input.data);
    if Node::parse(input.data).is_ok() {
        let data: Vec<_> = sse::blocks(&event)
            .filter_map(|block| block.data().map(Cow::into_owned))
            .collect();
        assert_eq!(data.len(), 1, "a prediction is one event");
        assert_document(&data[0]);
    } else {
        assert!(event.is_empty());
    }
}

/// A call of several answers: each line is one, its status before it.
fn course(input: &Input<'_>) {
    let Some(mut course) = begun(input.knob & 1 == 0) else {
        unreachable!("a plain question is one that the vendor can be asked");
    };
    for line in input.data.split(|byte| *byte == b'\n').take(64) {
        let (status, body) = line.split_at(line.len().min(3));
        let status = std::str::from_utf8(status)
            .ok()
            .and_then(|text| text.parse().ok());
        let status = status.unwrap_or(200);
        if !course.expects(status) {
            return;
        }
        match course.answered(status, body) {
            Ok(Step::Poll { path, .. } | Step::Describe { path } | Step::Create { path, .. }) => {
                assert_path(&path);
            }
            Ok(Step::Stream { then, .. }) => assert_path(&then),
            Ok(Step::Answer) => {
                assert_eq!(course.cancel(), None, "what is over is cancelled");
                return;
            }
            // It may still be running.
            Err(_) => return course.cancel().iter().for_each(|path| assert_path(path)),
        }
        if let Some(path) = course.cancel() {
            assert_path(&path);
        }
    }
}

/// A call that takes several exchanges, before the first.
fn begun(streaming: bool) -> Option<Course> {
    let question = format!(
        r#"{{"model":"m","stream":{streaming},"messages":[{{"role":"user","content":"q"}}]}}"#
    );
    let body = Envelope::parse(question.into(), Limits::default()).ok()?;
    let plan = NativePlan {
        door: native::Door::OpenAi,
        model: "owner/name",
        family: None,
        on_unsupported: OnUnsupported::Warn,
        own_history: true,
        headers: &HeaderMap::new(),
    };
    native::encode(speaking(Dialect::Replicate)?, &body, &plan)
        .ok()?
        .course
}

/// A path that stays below its root and is sent as it stands.
#[track_caller]
pub(crate) fn assert_path(path: &str) {
    assert!(path.starts_with('/'), "{path}");
    assert!(
        path.split('/').all(|part| part != ".." && part != "."),
        "{path}"
    );
    let uri = format!("https://x.example{path}").parse::<http::Uri>();
    assert!(
        uri.is_ok_and(|uri| uri.path_and_query().is_some_and(|found| found == path)),
        "{path}"
    );
}
