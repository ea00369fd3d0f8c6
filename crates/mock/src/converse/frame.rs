//! Events as binary frames.

use wire::eventstream::{PAYLOAD_MAX, Value, encode};

use crate::answer::{Event, HUGE_MARK, Kind, find};

/// What an event is called that no stream has.
const STRAY: &str = "stray";

/// The event as a frame. A huge content stands in it in full, as far as frames
/// go: their lengths are part of them.
pub(crate) fn frame(event: &Event, huge: Option<usize>) -> Vec<u8> {
    let name = event.name.unwrap_or(STRAY);
    let (kind, named) = if event.kind == Kind::Stray && name.ends_with("Exception") {
        ("exception", ":exception-type")
    } else {
        ("event", ":event-type")
    };
    let headers = [
        (named, Value::Text(name)),
        (":content-type", Value::Text("application/json")),
        (":message-type", Value::Text(kind)),
    ];
    let data = filled(&event.data, huge);
    let mut out = Vec::with_capacity(data.len() + 128);
    // Nothing here is longer than a frame can be.
    let _ = encode(&mut out, &headers, &data);
    out
}

fn filled(data: &[u8], huge: Option<usize>) -> Vec<u8> {
    let mark = huge.and_then(|size| Some((find(data, HUGE_MARK.as_bytes())?, size)));
    let Some((at, size)) = mark else {
        return data.to_vec();
    };
    let size = size.min(PAYLOAD_MAX - data.len());
    let (head, tail) = (&data[..at], &data[at + HUGE_MARK.len()..]);
    [head, &vec![b'x'; size], tail].concat()
}
