//! AWS's binary event streams, cut into frames.

use bytes::Bytes;
use wire::eventstream::{Decoder, Frame, FrameError, Value, encode};

use crate::input::Input;

pub(crate) fn check(input: &Input<'_>) {
    match input.kind {
        0 => bytes(input, input.data),
        1 => bytes(input, &sealed(input.data)),
        _ => written(input),
    }
}

type Framed = (Vec<Frame>, Result<bool, FrameError>);

/// The frames, and whether the stream ended between two.
fn framed(pieces: Vec<Bytes>, limit: usize) -> Framed {
    let mut decoder = Decoder::new(limit);
    let mut frames = Vec::new();
    for piece in pieces {
        let pushed = decoder.push(piece, |frame| {
            frames.push(frame);
            Ok::<_, FrameError>(())
        });
        if let Err(error) = pushed {
            return (frames, Err(error));
        }
    }
    (frames, Ok(decoder.is_empty()))
}

/// Bytes of any kind, and what they say is the same however they are cut.
fn bytes(input: &Input<'_>, stream: &[u8]) {
    let input = Input {
        data: stream,
        ..*input
    };
    for limit in [usize::from(input.knob), usize::MAX] {
        let whole = framed(input.whole(), limit);
        assert_eq!(whole, framed(input.pieces(), limit));
        let mut again = Vec::new();
        for frame in &whole.0 {
            assert!(
                frame.payload().len() <= limit,
                "a payload is longer than the bound"
            );
            let headers: Vec<_> = frame.headers().collect();
            assert!(headers.iter().all(|(name, _)| !name.is_empty()));
            let written = encode(&mut again, &headers, frame.payload());
            assert!(written.is_some(), "what was read cannot be written");
        }
        assert!(
            stream.starts_with(&again),
            "what is written is not what was read"
        );
    }
}

/// The input as frames whose checksums are right, so that what lies behind them is reached: two
/// bytes of length, then the headers and the payload, again and again.
fn sealed(mut data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(([headers, payload], rest)) = data.split_first_chunk::<2>() {
        let (headers, payload) = (usize::from(*headers), usize::from(*payload));
        let (body, behind) = rest.split_at((headers + payload).min(rest.len()));
        let headers = headers.min(body.len());
        let start = out.len();
        out.extend_from_slice(&length(16 + body.len()));
        out.extend_from_slice(&length(headers));
        let sum = crc32(&out[start..]);
        out.extend_from_slice(&sum);
        out.extend_from_slice(body);
        let sum = crc32(&out[start..]);
        out.extend_from_slice(&sum);
        data = behind;
    }
    out
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    (!sum).to_be_bytes()
}

/// What is written is read back: a line of text is a frame, its words names and values.
fn written(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    for line in text.lines().take(64) {
        let mut words = line.split(' ');
        let payload = words.next().unwrap_or_default().as_bytes();
        let headers: Vec<_> = words.map(|word| header(word)).collect();
        let mut out = Vec::new();
        if encode(&mut out, &headers, payload).is_none() {
            assert!(out.is_empty());
            continue;
        }
        let input = Input {
            data: &out,
            ..*input
        };
        let (frames, ended) = framed(input.pieces(), usize::MAX);
        assert_eq!((frames.len(), ended), (1, Ok(true)));
        let read = &frames[0];
        assert_eq!(read.payload(), payload);
        assert_eq!(read.headers().collect::<Vec<_>>(), headers);
    }
}

/// A word as a header, of a type that follows from its length.
fn header(word: &str) -> (&str, Value<'_>) {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let number = i64::try_from(value.len()).unwrap_or(0);
    let typed = match value.len() % 5 {
        0 => Value::Text(value),
        1 => Value::Bytes(value.as_bytes()),
        2 => Value::Timestamp(number),
        3 => Value::Bool(number > 7),
        _ => Value::Long(-number),
    };
    (name, typed)
}
