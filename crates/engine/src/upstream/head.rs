//! The heads of requests and of answers, to bytes and from bytes.
//!
//! An answer that two readers could take for two different ones is refused, whoever sent it.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use memchr::memchr;

use super::Broken;
use super::framing::{Chunks, Framing};

/// Bytes of an answer's head at most, and of all informational heads before it.
pub(super) const HEAD_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// A body that is no longer than this leaves in one piece with its head: copying it costs less than
/// sending two pieces.
const INLINE_MAX: usize = 8 * 1024;

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The head, and the body if it is short.
    pub(super) first: Bytes,
    /// The body if it is long.
    pub(super) rest: Bytes,
    /// The answer to this has no body, whatever its head says.
    pub(super) head_only: bool,
}

impl Message {
    pub(crate) fn of(request: &Request<Bytes>) -> Message {
        const LINE: usize = 48;
        let body = request.body();
        let headers = request.headers();
        let inline = body.len() <= INLINE_MAX;
        let lines: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let copied = if inline { body.len() } else { 0 };
        let mut first = Vec::with_capacity(LINE + path.len() + lines + copied);
        put(
            &mut first,
            &[request.method().as_str(), " ", path, " HTTP/1.1\r\n"],
        );
        for (name, value) in headers {
            // Only the body itself says how long it is.
            if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                put(&mut first, &[name.as_str(), ": "]);
                first.extend_from_slice(value.as_bytes());
                put(&mut first, &["\r\n"]);
            }
        }
        let expects_length = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
        if expects_length || !body.is_empty() {
            let length = HeaderValue::from(body.len());
            put(&mut first, &["content-length: "]);
            first.extend_from_slice(length.as_bytes());
            put(&mut first, &["\r\n"]);
        }
        put(&mut first, &["\r\n"]);
        let rest = if inline {
            first.extend_from_slice(body);
            Bytes::new()
        } else {
            body.clone()
        };
        Message {
            first: first.into(),
            rest,
            head_only: request.method() == Method::HEAD,
        }
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Where the head ends, behind its blank line. The bytes before `fresh` hold no end.
pub(super) fn end(bytes: &[u8], fresh: usize) -> Option<usize> {
    let mut at = fresh;
    while let Some(found) = memchr(b'\n', bytes.get(at..)?) {
        at += found + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where its body ends.
    pub(super) framing: Framing,
    /// The connection may serve again when the body has been read.
    pub(super) keep: bool,
}

/// Reads a whole head; `head_only`: its body never comes.
pub(super) fn read(head: &[u8], head_only: bool) -> Result<AnswerHead, Broken> {
    // Values are slices of one copy.
    let whole = Bytes::copy_from_slice(head);
    let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut answer, &whole, &mut lines)
        .map_err(|error| match error {
            httparse::Error::TooManyHeaders => {
                Broken::malformed(format!("more than {HEADERS_MAX} headers"))
            }
            other => Broken::malformed(other),
        })?;
    let (httparse::Status::Complete(_), Some(code), Some(version)) =
        (parsed, answer.code, answer.version)
    else {
        return Err(Broken::malformed("a blank line before the answer"));
    };
    let status = StatusCode::from_u16(code)
        .map_err(|_| Broken::malformed(format!("{code} is no status")))?;
    let mut headers = HeaderMap::with_capacity(answer.headers.len());
    for line in answer.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(Broken::malformed)?;
        let value = HeaderValue::from_maybe_shared(whole.slice_ref(line.value))
            .map_err(Broken::malformed)?;
        headers.append(name, value);
    }
    let framing = framing(&headers, status, version, head_only)?;
    let closes = has_token(&headers, "close")
        || matches!(framing, Framing::Close)
        || version == 0 && !has_token(&headers, "keep-alive");
    Ok(AnswerHead {
        status,
        headers,
        framing,
        keep: !closes,
    })
}

/// RFC 9112, section 6.3, and where that leaves a choice, the answer is refused.
fn framing(
    headers: &HeaderMap,
    status: StatusCode,
    version: u8,
    head_only: bool,
) -> Result<Framing, Broken> {
    let length = length(headers)?;
    let coded = headers.contains_key(TRANSFER_ENCODING);
    if coded && length.is_some() {
        return Err(Broken::malformed(
            "both content-length and transfer-encoding",
        ));
    }
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    if head_only || bodiless || status.is_informational() {
        return Ok(Framing::Over);
    }
    if coded {
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let only = codings.next().filter(|_| codings.next().is_none());
        let chunked = only.is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        return if chunked && version == 1 {
            Ok(Framing::Chunked(Chunks::new()))
        } else {
            Err(Broken::malformed("a transfer-encoding other than chunked"))
        };
    }
    Ok(match length {
        Some(0) => Framing::Over,
        Some(length) => Framing::Length(length),
        None => Framing::Close,
    })
}

/// The content's length; said twice, it must be the same.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Broken> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for part in value.as_bytes().split(|byte| *byte == b',') {
            let read = digits(part.trim_ascii());
            if read.is_none() || length.is_some() && length != read {
                let said = String::from_utf8_lossy(value.as_bytes());
                return Err(Broken::malformed(format!(
                    "the content-length {said:.40} is not one number"
                )));
            }
            length = read;
        }
    }
    Ok(length)
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|said| said.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(request: &Request<Bytes>) -> String {
        let message = Message::of(request);
        let bytes = [message.first, message.rest].concat();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let mut request = Request::new(Bytes::from_static(b"{}"));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = "/v1/chat?a=b".parse().unwrap();
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("h"));
        request
            .headers_mut()
            .insert("content-length", HeaderValue::from_static("7"));
        assert_eq!(
            sent(&request),
            "POST /v1/chat?a=b HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"
        );
        *request.body_mut() = Bytes::new();
        assert!(sent(&request).ends_with("\r\ncontent-length: 0\r\n\r\n"));
        *request.method_mut() = Method::GET;
        assert_eq!(
            sent(&request),
            "GET /v1/chat?a=b HTTP/1.1\r\nhost: h\r\n\r\n"
        );
    }

    #[test]
    fn a_long_body_is_not_copied() {
        let body = Bytes::from(vec![b'x'; INLINE_MAX + 1]);
        let mut request = Request::new(body.clone());
        *request.method_mut() = Method::POST;
        let message = Message::of(&request);
        assert_eq!(message.rest.as_ptr(), body.as_ptr());
        assert!(message.first.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn the_end_of_a_head_is_its_blank_line() {
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\na: b\r\n\r\nbody", Some(25)),
            ("HTTP/1.1 200 OK\n\nbody", Some(17)),
            ("HTTP/1.1 200 OK\na: b\n\r\nbody", Some(23)),
            ("HTTP/1.1 200 OK\r\na: b\r\n\r", None),
            ("HTTP/1.1 200 OK\r\n", None),
            ("", None),
        ] {
            assert_eq!(end(text.as_bytes(), 0), expected, "{text:?}");
        }
    }

    fn head(lines: &str) -> Result<AnswerHead, Broken> {
        read(format!("{lines}\r\n\r\n").as_bytes(), false)
    }

    #[test]
    fn the_head_says_where_the_body_ends_and_what_becomes_of_the_connection() {
        for (lines, framing, keep) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5", "Length(5)", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0", "Over", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5",
                "Length(5)",
                true,
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5, 5", "Length(5)", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x, Close",
                "Length(5)",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked",
                "Chunked",
                true,
            ),
            ("HTTP/1.1 200 OK", "Close", false),
            ("HTTP/1.1 200", "Close", false),
            ("HTTP/1.1 204 No Content", "Over", true),
            (
                "HTTP/1.1 304 Not Modified\r\ncontent-length: 5",
                "Over",
                true,
            ),
            ("HTTP/1.1 100 Continue", "Over", true),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5", "Length(5)", false),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive",
                "Length(5)",
                true,
            ),
        ] {
            let read = head(lines).unwrap();
            let found = format!("{:?}", read.framing);
            assert!(found.starts_with(framing), "{lines:?}: {found}");
            assert_eq!(read.keep, keep, "{lines:?}");
        }
        let to_head = read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true).unwrap();
        assert!(to_head.framing.is_over() && to_head.keep);
    }

    #[test]
    fn an_answer_that_could_be_read_in_two_ways_is_refused() {
        for lines in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6",
            "HTTP/1.1 200 OK\r\ncontent-length: 5, 6",
            "HTTP/1.1 200 OK\r\ncontent-length: +5",
            "HTTP/1.1 200 OK\r\ncontent-length: -5",
            "HTTP/1.1 200 OK\r\ncontent-length:",
            "HTTP/1.1 200 OK\r\ncontent-length: 5,",
            "HTTP/1.1 200 OK\r\ncontent-length: 0x5",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: identity",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\na: b\r\n c",
            "HTTP/1.1 200 OK\r\na : b",
            "HTTP/1.1 200 OK\r\na b",
            "HTTP/1.1 200 OK\r\na: \x01",
            "HTTP/1.1 20 OK",
            "HTTP/2.0 200 OK",
            "ICY 200 OK",
        ] {
            assert!(head(lines).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn headers_have_a_bound_and_keep_their_bytes() {
        let line = "a: b\r\n";
        let with = |count: usize| {
            head(&format!(
                "HTTP/1.1 204 X\r\n{}z: \u{e9}",
                line.repeat(count)
            ))
        };
        let read = with(HEADERS_MAX - 1).unwrap();
        assert_eq!(read.headers.get_all("a").iter().count(), HEADERS_MAX - 1);
        assert_eq!(read.headers["z"].as_bytes(), "\u{e9}".as_bytes());
        assert!(with(HEADERS_MAX).is_err());
    }
}
