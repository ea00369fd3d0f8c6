//! Frames, written.

use super::crc::crc32;
use super::frame::Value;
use super::{AROUND, HEADERS_MAX, PAYLOAD_MAX};

/// Appends a frame. None, and nothing is appended, when a name, a value, the headers or the payload
/// are longer than a frame can hold.
#[must_use]
pub fn encode(out: &mut Vec<u8>, headers: &[(&str, Value<'_>)], payload: &[u8]) -> Option<()> {
    let mut written = Vec::with_capacity(128);
    for (name, value) in headers {
        written.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        written.extend_from_slice(name.as_bytes());
        write(&mut written, *value)?;
    }
    if written.len() > HEADERS_MAX || payload.len() > PAYLOAD_MAX {
        return None;
    }
    let total = u32::try_from(AROUND + written.len() + payload.len()).ok()?;
    let start = out.len();
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&u32::try_from(written.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&crc32(out.get(start..)?).to_be_bytes());
    out.extend_from_slice(&written);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(out.get(start..)?).to_be_bytes());
    Some(())
}

fn write(out: &mut Vec<u8>, value: Value<'_>) -> Option<()> {
    match value {
        Value::Bool(true) => out.push(0),
        Value::Bool(false) => out.push(1),
        Value::Byte(number) => with(out, 2, &number.to_be_bytes()),
        Value::Short(number) => with(out, 3, &number.to_be_bytes()),
        Value::Int(number) => with(out, 4, &number.to_be_bytes()),
        Value::Long(number) => with(out, 5, &number.to_be_bytes()),
        Value::Bytes(bytes) => counted(out, 6, bytes)?,
        Value::Text(text) => counted(out, 7, text.as_bytes())?,
        Value::Timestamp(moment) => with(out, 8, &moment.to_be_bytes()),
        Value::Uuid(uuid) => with(out, 9, &uuid),
    }
    Some(())
}

fn with(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn counted(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Option<()> {
    let length = u16::try_from(bytes.len()).ok()?;
    with(out, kind, &length.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}
