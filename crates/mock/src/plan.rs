//! An answer with its faults, worked out before the first byte of it is sent:
//! a head, and the steps in which the body goes out. Making a plan may cost
//! something; following it must not.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    answer::{Answer, Event, HUGE_MARK, Kind, find},
    anthropic::Form,
    ask::Ask,
    behaviour::{Behaviour, Spread},
    converse,
    events::{self, Ending},
    fault::Fault,
    line::End,
    openai::{self, Refusal},
    pictures,
    sse::Style,
};

pub(crate) struct Plan {
    pub(crate) latency: Option<Spread>,
    pub(crate) refusal: Option<NoAnswer>,
    /// What goes ahead of the status line.
    pub(crate) preface: Option<&'static [u8]>,
    /// The time the head takes.
    pub(crate) slow: Option<Duration>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) steps: Vec<Step>,
}

/// The ways not to answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    Stall,
    Close,
    Reset,
    NotHttp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    /// Waits until so long after the head.
    Until(Duration),
    /// Lets what was sent so far go out by itself.
    Flush,
    Stall,
    End(End),
}

const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </hint>; rel=preload\r\n\r\n";
const GREETING: &[u8] = b"220 mail.example ESMTP ready\r\n";
const PAGE: &str = "<!doctype html><title>Sign in</title><p>Please sign in to this network.";
const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";
const LINES: &str = "application/x-ndjson";
const FRAMES: &str = wire::eventstream::CONTENT_TYPE;
/// Where Bedrock says an answer's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// Where Anthropic does.
pub(crate) const MESSAGE_ID: HeaderName = HeaderName::from_static("request-id");
const FILL: usize = 1 << 20;

impl Plan {
    pub(crate) fn new(ask: &Result<Ask, Refusal>, behaviour: &Behaviour) -> Plan {
        let answer = match ask {
            Ok(ask) => openai::answer(ask, behaviour),
            Err(refusal) => refusal.answer(),
        };
        let form = ask.as_ref().map_or_else(Refusal::form, Ask::form);
        let (status, answer) = replaced(answer, behaviour, form);
        let mut headers = headers(&answer, behaviour, form);
        if form == Form::Converse {
            converse_headers(&mut headers, status);
        }
        if form == Form::Messages {
            headers.insert(MESSAGE_ID, HeaderValue::from_static(""));
        }
        let steps = match answer {
            Body::Whole(body) => {
                let steps = whole(body, behaviour);
                if has_body(status) {
                    headers.insert(header::CONTENT_LENGTH, weight(&steps).into());
                }
                steps
            }
            Body::Stream(events) => stream(events, behaviour, form),
        };
        Plan {
            latency: behaviour.latency,
            refusal: no_answer(behaviour),
            preface: behaviour
                .has(Fault::NotHttp)
                .then_some(GREETING)
                .or(behaviour.has(Fault::Informational).then_some(EARLY_HINTS)),
            slow: behaviour.faults.time(Fault::SlowHeaders),
            status,
            headers,
            steps: if has_body(status) {
                interrupted(steps, behaviour)
            } else {
                Vec::new()
            },
        }
    }

    /// A JSON body of the control API.
    pub(crate) fn plain(status: StatusCode, body: Vec<u8>) -> Plan {
        Plan {
            latency: None,
            refusal: None,
            preface: None,
            slow: None,
            status,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, JSON)]),
            steps: vec![Step::Send(body.into())],
        }
    }

    /// Bytes of body the plan holds.
    pub(crate) fn weight(&self) -> usize {
        weight(&self.steps)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

enum Body {
    Whole(Vec<u8>),
    Stream(Vec<Event>),
}

/// The answer that a setting or fault puts in the place of the proper one.
fn replaced(answer: Answer, behaviour: &Behaviour, form: Form) -> (StatusCode, Body) {
    let wanted = behaviour.status;
    if behaviour.has(Fault::Redirect) {
        return (StatusCode::FOUND, Body::Whole(Vec::new()));
    }
    if behaviour.has(Fault::WrongContentType) {
        return (StatusCode::OK, Body::Whole(PAGE.into()));
    }
    if behaviour.has(Fault::Empty) {
        return (wanted.unwrap_or(StatusCode::OK), Body::Whole(Vec::new()));
    }
    if let Some(body) = &behaviour.body {
        let body = Body::Whole(body.clone().into_bytes());
        return (wanted.unwrap_or(StatusCode::OK), body);
    }
    if let Some(status) = wanted.filter(|status| !status.is_success()) {
        let refusal = Refusal::of_status(status).in_form(form);
        return (status, Body::Whole(refusal.body()));
    }
    match answer {
        Answer::Whole(status, body) if status.is_success() => {
            let body = in_band_error(behaviour, form, Refusal::in_success).unwrap_or(body);
            (wanted.unwrap_or(status), Body::Whole(body))
        }
        Answer::Whole(status, body) => (status, Body::Whole(body)),
        Answer::Stream(events) => (wanted.unwrap_or(StatusCode::OK), Body::Stream(events)),
    }
}

/// The error that comes with a good status.
fn in_band_error(
    behaviour: &Behaviour,
    form: Form,
    written: fn(&Refusal) -> Vec<u8>,
) -> Option<Vec<u8>> {
    if behaviour.has(Fault::ErrorTextIn200) {
        return Some(br#"{"error":"The engine is currently overloaded."}"#.to_vec());
    }
    behaviour
        .has(Fault::ErrorIn200)
        .then(|| written(&Refusal::of_status(told(behaviour)).in_form(form)))
}

/// The status that an error tells of which comes with a good one.
fn told(behaviour: &Behaviour) -> StatusCode {
    let usual = StatusCode::SERVICE_UNAVAILABLE;
    behaviour.error_status.unwrap_or(usual)
}

fn no_answer(behaviour: &Behaviour) -> Option<NoAnswer> {
    let ways = [
        (Fault::Reset, NoAnswer::Reset),
        (Fault::Close, NoAnswer::Close),
        (Fault::NotHttp, NoAnswer::NotHttp),
        (Fault::Stall, NoAnswer::Stall),
    ];
    let chosen = ways.iter().find(|(fault, _)| behaviour.has(*fault))?;
    Some(chosen.1)
}

/// What Bedrock says in the head: the answer's id, which is put in for each, and
/// what kind of error it is.
fn converse_headers(headers: &mut HeaderMap, status: StatusCode) {
    headers.insert(REQUEST_ID, HeaderValue::from_static(""));
    let failed = status.is_client_error() || status.is_server_error();
    if let (true, Ok(kind)) = (failed, HeaderValue::try_from(converse::error_type(status))) {
        headers.insert(HeaderName::from_static("x-amzn-errortype"), kind);
    }
}

fn headers(body: &Body, behaviour: &Behaviour, form: Form) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !behaviour.has(Fault::NoContentType) {
        headers.insert(header::CONTENT_TYPE, content_type(body, behaviour, form));
    }
    let switched = [
        (Fault::CloseAfter, header::CONNECTION, "close"),
        (Fault::GzipClaim, header::CONTENT_ENCODING, "gzip"),
        (Fault::Redirect, header::LOCATION, "/redirected/v1/models"),
    ];
    for (fault, name, value) in switched {
        if behaviour.has(fault) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Some(when) = &behaviour.retry_after {
        headers.insert(header::RETRY_AFTER, when.clone());
    }
    let padding = behaviour.faults.count(Fault::BigHead);
    if let Some(Ok(value)) = padding.map(|bytes| HeaderValue::try_from("x".repeat(bytes))) {
        headers.insert(HeaderName::from_static("x-padding"), value);
    }
    for (name, value) in &behaviour.headers {
        headers.append(name.clone(), value.clone());
    }
    headers
}

fn content_type(body: &Body, behaviour: &Behaviour, form: Form) -> HeaderValue {
    if let Some(given) = &behaviour.content_type {
        return given.clone();
    }
    match body {
        _ if behaviour.has(Fault::WrongContentType) => HeaderValue::from_static("text/html"),
        Body::Whole(body) if body.starts_with(pictures::PNG) => {
            HeaderValue::from_static("image/png")
        }
        Body::Whole(_) => JSON,
        Body::Stream(_) if form == Form::Ollama => HeaderValue::from_static(LINES),
        Body::Stream(_) if form == Form::Converse => HeaderValue::from_static(FRAMES),
        Body::Stream(_) => HeaderValue::from_static(EVENT_STREAM),
    }
}

fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn whole(mut body: Vec<u8>, behaviour: &Behaviour) -> Vec<Step> {
    if behaviour.has(Fault::BadUtf8) {
        events::break_utf8(&mut body);
    }
    if behaviour.has(Fault::Truncated) {
        body.truncate(body.len() / 2);
    }
    sends(body, behaviour).collect()
}

fn stream(given: Vec<Event>, behaviour: &Behaviour, form: Form) -> Vec<Step> {
    let error = Event {
        name: match form {
            Form::Messages | Form::Replicate => Some("error"),
            Form::Cohere => Some("message-end"),
            Form::Converse => Some(converse::stream_exception(told(behaviour))),
            Form::OpenAi | Form::Gemini | Form::Ollama => None,
        },
        ..Event::new(
            Kind::Stray,
            in_band_error(behaviour, form, Refusal::event).unwrap_or_default(),
        )
    };
    let (events, ending) = events::stage(given, &behaviour.faults, error);
    let mut steps = scheduled(&events, behaviour, form);
    steps.extend(match ending {
        Ending::Clean => None,
        Ending::Stall => Some(Step::Stall),
        Ending::Close => Some(Step::End(End::Close)),
        Ending::Reset => Some(Step::End(End::Reset)),
    });
    steps
}

/// The events at their times; those due together are sent together.
fn scheduled(events: &[Event], behaviour: &Behaviour, form: Form) -> Vec<Step> {
    let style = match form {
        Form::Ollama => Style::lines_of_json(&behaviour.faults),
        Form::Replicate => Style::numbered(&behaviour.faults),
        _ => Style::new(&behaviour.faults),
    };
    let alone = behaviour.has(Fault::WritePerEvent);
    let mut steps = Vec::new();
    let mut batch = Vec::new();
    let framed = form == Form::Converse;
    if behaviour.has(Fault::Bom) && !framed {
        batch.extend_from_slice("\u{feff}".as_bytes());
    }
    let mut now = Duration::ZERO;
    for (number, (event, due)) in events.iter().zip(times(events, behaviour)).enumerate() {
        if due > now {
            steps.extend(sends(std::mem::take(&mut batch), behaviour));
            steps.push(Step::Until(due));
            now = due;
        }
        let last = number + 1 == events.len();
        if framed {
            let huge = behaviour.faults.count(Fault::Huge);
            batch.extend(converse::frame(event, huge));
        } else {
            batch.extend(style.lines(event, number));
        }
        let unended = framed || last && behaviour.has(Fault::NoFinalBlank);
        if !unended {
            batch.extend_from_slice(style.blank());
        }
        if alone {
            steps.extend(sends(std::mem::take(&mut batch), behaviour));
            steps.push(Step::Flush);
        }
    }
    steps.extend(sends(batch, behaviour));
    steps
}

/// When each event is due: the first at the time to first token, contents at
/// their cadence, everything else right behind.
fn times(events: &[Event], behaviour: &Behaviour) -> Vec<Duration> {
    let cadence = behaviour.cadence.unwrap_or_default();
    let first = behaviour.ttft.unwrap_or_default();
    let mut contents: u32 = 0;
    events
        .iter()
        .map(|event| {
            contents += u32::from(event.kind == Kind::Content);
            first + cadence.saturating_mul(contents.saturating_sub(1))
        })
        .collect()
}

/// The bytes, with filler in place of the mark of a huge content. The filler
/// is one block many times over, so that huge answers cost no memory.
fn sends(bytes: Vec<u8>, behaviour: &Behaviour) -> impl Iterator<Item = Step> {
    let huge = behaviour.faults.count(Fault::Huge);
    let mark = huge.and_then(|_| find(&bytes, HUGE_MARK.as_bytes()));
    let bytes = Bytes::from(bytes);
    let (head, fill, tail) = match (mark, huge) {
        (Some(at), Some(size)) => (bytes.slice(..at), size, bytes.slice(at + HUGE_MARK.len()..)),
        _ => (bytes, 0, Bytes::new()),
    };
    let block = Bytes::from(vec![b'x'; FILL.min(fill)]);
    let blocks = (0..fill)
        .step_by(FILL)
        .map(move |at| block.slice(..FILL.min(fill - at)));
    std::iter::once(head)
        .chain(blocks)
        .chain([tail])
        .filter(|piece| !piece.is_empty())
        .map(Step::Send)
}

/// The steps with what breaks in between.
fn interrupted(steps: Vec<Step>, behaviour: &Behaviour) -> Vec<Step> {
    if behaviour.has(Fault::ResetAfterHead) {
        return vec![Step::End(End::Reset)];
    }
    if behaviour.has(Fault::StallAfterHead) {
        return vec![Step::Stall];
    }
    let steps = match behaviour.faults.count(Fault::Cut) {
        Some(bytes) => cut(steps, bytes),
        None => steps,
    };
    match behaviour.faults.count(Fault::Split) {
        Some(bytes) => split(steps, bytes.max(1)),
        None => steps,
    }
}

/// Closes the connection after so many bytes, when there are more.
fn cut(steps: Vec<Step>, bytes: usize) -> Vec<Step> {
    let mut left = bytes;
    let mut kept = Vec::new();
    for step in steps {
        if let Step::Send(bytes) = &step {
            if bytes.len() > left {
                kept.push(Step::Send(bytes.slice(..left)));
                kept.push(Step::End(End::Close));
                return kept;
            }
            left -= bytes.len();
        }
        kept.push(step);
    }
    kept
}

fn split(steps: Vec<Step>, bytes: usize) -> Vec<Step> {
    let pieces = |sent: Bytes| {
        let pieces = (0..sent.len()).step_by(bytes);
        pieces
            .flat_map(|at| {
                let piece = sent.slice(at..sent.len().min(at + bytes));
                [Step::Send(piece), Step::Flush]
            })
            .collect()
    };
    let each = |step| match step {
        Step::Send(sent) => pieces(sent),
        other => vec![other],
    };
    steps.into_iter().flat_map(each).collect()
}

fn weight(steps: &[Step]) -> usize {
    let length = |step: &Step| match step {
        Step::Send(bytes) => bytes.len(),
        _ => 0,
    };
    steps.iter().map(length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Step {
        Step::Send(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_cut_keeps_so_many_bytes_and_closes() {
        let steps = vec![bytes("abc"), Step::Flush, bytes("def")];
        assert_eq!(
            cut(steps.clone(), 4),
            [bytes("abc"), Step::Flush, bytes("d"), Step::End(End::Close)]
        );
        assert_eq!(cut(steps.clone(), 6), steps);
    }

    #[test]
    fn a_split_body_is_the_same_body() {
        let steps = split(vec![bytes("abcde")], 2);
        assert_eq!(
            steps,
            [
                bytes("ab"),
                Step::Flush,
                bytes("cd"),
                Step::Flush,
                bytes("e"),
                Step::Flush
            ]
        );
    }

    #[test]
    fn events_due_together_are_one_send() {
        let events: Vec<Event> = [Kind::Opening, Kind::Content, Kind::Content, Kind::Done]
            .map(|kind| Event::new(kind, "x"))
            .to_vec();
        let at_once = scheduled(&events, &Behaviour::default(), Form::OpenAi);
        assert_eq!(
            at_once,
            [bytes("data: x\n\ndata: x\n\ndata: x\n\ndata: x\n\n")]
        );

        let paced = scheduled(&events, &"ttft=10;cadence=5".parse().unwrap(), Form::OpenAi);
        assert_eq!(
            paced,
            [
                Step::Until(Duration::from_millis(10)),
                bytes("data: x\n\ndata: x\n\n"),
                Step::Until(Duration::from_millis(15)),
                bytes("data: x\n\ndata: x\n\n"),
            ]
        );
    }

    #[test]
    fn huge_content_takes_the_place_of_its_mark() {
        let behaviour = Behaviour::fault_with(Fault::Huge, 3 << 20);
        let body = format!("<{HUGE_MARK}>").into_bytes();
        let steps: Vec<Step> = sends(body, &behaviour).collect();
        assert_eq!(weight(&steps), (3 << 20) + 2);
        assert_eq!(steps.first(), Some(&bytes("<")));
        assert_eq!(steps.last(), Some(&bytes(">")));
    }
}
