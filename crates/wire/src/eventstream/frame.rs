//! A whole frame: headers with typed values, and a payload.

use bytes::Bytes;

/// One frame. Its headers were walked once and are well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    headers: Bytes,
    payload: Bytes,
}

/// A header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// One byte.
    Byte(i8),
    /// Two bytes.
    Short(i16),
    /// Four bytes.
    Int(i32),
    /// Eight bytes.
    Long(i64),
    /// Bytes of any kind.
    Bytes(&'a [u8]),
    /// Words.
    Text(&'a str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// A UUID.
    Uuid([u8; 16]),
}

impl Frame {
    /// The frame of these parts; None when the headers are not well formed.
    pub(super) fn new(headers: Bytes, payload: Bytes) -> Option<Frame> {
        let mut rest = &headers[..];
        while !rest.is_empty() {
            (_, rest) = header(rest)?;
        }
        Some(Frame { headers, payload })
    }

    /// The headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let mut rest = &self.headers[..];
        std::iter::from_fn(move || {
            let (found, after) = header(rest)?;
            rest = after;
            Some(found)
        })
    }

    /// A header that holds words.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers().find_map(|(other, value)| match value {
            Value::Text(text) if other == name => Some(text),
            _ => None,
        })
    }

    /// The payload.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// The first header of some, and what comes behind it.
fn header(bytes: &[u8]) -> Option<((&str, Value<'_>), &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.is_empty())?;
    let (kind, rest) = rest.split_first()?;
    let (value, rest) = value(*kind, rest)?;
    Some(((name, value), rest))
}

fn value(kind: u8, bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    Some(match kind {
        0 => (Value::Bool(true), bytes),
        1 => (Value::Bool(false), bytes),
        2 => number(bytes, |raw| Value::Byte(i8::from_be_bytes(raw)))?,
        3 => number(bytes, |raw| Value::Short(i16::from_be_bytes(raw)))?,
        4 => number(bytes, |raw| Value::Int(i32::from_be_bytes(raw)))?,
        5 => number(bytes, |raw| Value::Long(i64::from_be_bytes(raw)))?,
        6 => {
            let (value, rest) = counted(bytes)?;
            (Value::Bytes(value), rest)
        }
        7 => {
            let (value, rest) = counted(bytes)?;
            (Value::Text(std::str::from_utf8(value).ok()?), rest)
        }
        8 => number(bytes, |raw| Value::Timestamp(i64::from_be_bytes(raw)))?,
        9 => number(bytes, Value::Uuid)?,
        _ => return None,
    })
}

fn number<const N: usize>(
    bytes: &[u8],
    value: fn([u8; N]) -> Value<'static>,
) -> Option<(Value<'_>, &[u8])> {
    let (raw, rest) = bytes.split_first_chunk::<N>()?;
    Some((value(*raw), rest))
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
