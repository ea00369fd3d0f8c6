//! The only place where an answer or a fault becomes HTTP.

use bytes::Bytes;
use std::time::Duration;

use engine::receipt::Receipt;
use engine::reply::{Content, Outgoing, Reply};
use engine::trace::CallId;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use wire::fault::Fault;

use crate::cors::Cors;
use crate::security;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OVERHEAD: HeaderName = HeaderName::from_static("x-gateway-overhead-ms");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a handler answers with.
pub(crate) enum Answer {
    /// A governed call's reply.
    Call(Reply),
    /// A document of the gateway's own.
    Own {
        /// Its status.
        status: StatusCode,
        /// Its media type.
        media: HeaderValue,
        /// The document.
        body: Bytes,
    },
}

impl Answer {
    /// A JSON document of the gateway's own.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
        Answer::Own {
            status,
            media: JSON,
            body: body.into(),
        }
    }

    /// The answer as HTTP; without its body where only the head was asked for.
    pub(crate) fn respond(self, receipt: Receipt, head_only: bool) -> Response<Outgoing> {
        match self {
            Answer::Call(reply) => call(reply, receipt),
            Answer::Own {
                status,
                media,
                body,
            } => own(status, media, body, receipt, head_only),
        }
    }
}

fn own(
    status: StatusCode,
    media: HeaderValue,
    body: Bytes,
    mut receipt: Receipt,
    head_only: bool,
) -> Response<Outgoing> {
    receipt.note(|notes| notes.status = status.as_u16());
    let length = HeaderValue::from(body.len());
    let body = if head_only {
        Outgoing::empty(receipt)
    } else {
        Outgoing::whole(body, receipt)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

fn call(reply: Reply, mut receipt: Receipt) -> Response<Outgoing> {
    receipt.note(|notes| notes.status = reply.status.as_u16());
    let timing = receipt.head_ready();
    let streamed = matches!(reply.body, Content::Stream(_));
    let mut response = Response::new(Outgoing::new(reply.body, receipt));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    *headers = reply.headers;
    time(headers, timing);
    if streamed {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ACCEL, HeaderValue::from_static("no"));
    }
    response
}

/// A fault as the documented envelope; without its body where only the head was asked for.
pub(crate) fn fault(fault: &Fault, mut receipt: Receipt, head_only: bool) -> Response<Outgoing> {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let timing = receipt.head_ready();
    let of_the_attempt = receipt
        .notes()
        .map(|notes| notes.headers.clone())
        .unwrap_or_default();
    let mut body = fault.body();
    body.push(b'\n');
    let mut response = own(status, JSON, body.into(), receipt, head_only);
    let headers = response.headers_mut();
    if !of_the_attempt.is_empty() {
        let own = std::mem::replace(headers, of_the_attempt);
        headers.extend(own);
        time(headers, timing);
    }
    if let Some(allow) = fault.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(seconds) = fault.retry_after_seconds() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The answer to a browser that asks whether it may ask.
pub(crate) fn preflight(
    cors: &Cors,
    request: &HeaderMap,
    mut receipt: Receipt,
) -> Response<Outgoing> {
    receipt.note(|notes| notes.status = StatusCode::NO_CONTENT.as_u16());
    let mut response = Response::new(Outgoing::empty(receipt));
    *response.status_mut() = StatusCode::NO_CONTENT;
    cors.preflight(request, response.headers_mut());
    response
}

/// What every answer carries.
pub(crate) fn finish(
    headers: &mut HeaderMap,
    id: &CallId,
    cors: &Cors,
    origin: Option<&HeaderValue>,
    tls: bool,
) {
    if let Ok(value) = HeaderValue::from_bytes(&id.trace.text()) {
        headers.insert(REQUEST_ID, value);
    }
    cors.apply(origin, headers);
    security::apply(headers, tls);
}

/// How long the gateway took, and how long it waited for others.
fn time(headers: &mut HeaderMap, (own, wait): (Duration, Duration)) {
    let mut text = String::with_capacity(64);
    text.push_str("gateway;dur=");
    millis(&mut text, own);
    insert(headers, OVERHEAD, &text["gateway;dur=".len()..]);
    text.push_str(", upstream;dur=");
    millis(&mut text, wait);
    insert(headers, SERVER_TIMING, &text);
}

/// Milliseconds with three decimals. Written by hand: it is done twice a call.
fn millis(out: &mut String, duration: Duration) {
    const DIGITS: usize = 24;
    let mut digits = [b'0'; DIGITS];
    let mut rest = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut first = DIGITS;
    while rest > 0 || first > DIGITS - 4 {
        first -= 1;
        digits[first] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    for (place, digit) in digits.iter().enumerate().skip(first) {
        if place == DIGITS - 3 {
            out.push('.');
        }
        out.push(char::from(*digit));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_decimals() {
        for (micros, expected) in [
            (0, "0.000"),
            (7, "0.007"),
            (999, "0.999"),
            (1000, "1.000"),
            (12_345_678, "12345.678"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            let mut text = String::new();
            millis(&mut text, Duration::from_micros(micros));
            assert_eq!(text, expected);
        }
    }
}
