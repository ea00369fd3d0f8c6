//! Frames as a test's files hold them: one JSON object a line, with `headers` and a `payload`.

use serde_json::Value;
use wire::eventstream::{self, encode};

/// The frames of such a file, one by one.
pub(crate) fn frames(text: &str) -> Vec<Vec<u8>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| frame(&serde_json::from_str(line).unwrap()))
        .collect()
}

/// One frame.
pub(crate) fn frame(line: &Value) -> Vec<u8> {
    let headers = line["headers"].as_object().unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, eventstream::Value::Text(value.as_str().unwrap())))
        .collect();
    let payload = match &line["payload"] {
        Value::Null => String::new(),
        payload => payload.to_string(),
    };
    let mut out = Vec::new();
    encode(&mut out, &headers, payload.as_bytes()).unwrap();
    out
}
