//! Bedrock's dialect, whose streams are binary frames: made of lines, so that what lies behind
//! their checksums is reached.

use wire::eventstream::{Value, encode};

use crate::dialect;
use crate::input::Input;

pub(crate) fn check(input: &Input<'_>) {
    match input.kind {
        1 => dialect::converse(&Input {
            data: &framed(input.data),
            ..*input
        }),
        // A stream as it comes.
        3 => dialect::converse(&Input { kind: 1, ..*input }),
        _ => dialect::converse(input),
    }
}

/// Every line as a frame: what kind of message, of what type, and its payload.
pub(crate) fn framed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
        let (message, name) = (word(), word());
        let typed = match message {
            "exception" => ":exception-type",
            "error" => ":error-code",
            _ => ":event-type",
        };
        let headers = [
            (":message-type", Value::Text(message)),
            (typed, Value::Text(name)),
        ];
        // What is too long for a frame is none.
        let _ = encode(&mut out, &headers, parts.next().unwrap_or_default());
    }
    out
}
