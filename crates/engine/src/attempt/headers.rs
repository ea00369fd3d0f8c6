//! The headers of a try: what of the client's goes to the vendor, what of the vendor's comes to the
//! client, and what they say of the answer.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use telemetry::Redactor;

use crate::directory::Candidate;

const PROVIDER: HeaderName = HeaderName::from_static("x-gateway-provider");
const TARGET: HeaderName = HeaderName::from_static("x-gateway-target");
const MODEL: HeaderName = HeaderName::from_static("x-gateway-model");
const DROPPED: HeaderName = HeaderName::from_static("x-gateway-dropped-params");
const VENDOR_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// Where vendors put it: most, Anthropic, AWS.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "request-id", "x-amzn-requestid"];

/// What the client may see of a vendor's headers: its limits and its timings, never its session.
const RELAYED: [&str; 6] = [
    "x-ratelimit-",
    "ratelimit-",
    "anthropic-ratelimit-",
    "openai-processing-ms",
    "openai-version",
    "x-should-retry",
];

/// What the client may tell the vendor in headers.
const FORWARDED: [&str; 2] = ["openai-beta", "idempotency-key"];

/// Hands on what everybody understands, and what the vendor is known to.
pub(super) fn forward<'a>(
    from: &HeaderMap,
    named: impl Iterator<Item = &'a str>,
    to: &mut HeaderMap,
) {
    for name in FORWARDED.into_iter().chain(named) {
        if let (Some(value), Ok(name)) = (from.get(name), HeaderName::try_from(name)) {
            to.insert(name, value.clone());
        }
    }
}

/// The vendor's headers that are the client's business; not one that shows a secret.
pub(super) fn relayed(vendor: &HeaderMap, redactor: &Redactor) -> HeaderMap {
    let clean = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|text| matches!(redactor.redact(text), Cow::Borrowed(_)))
    };
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in vendor {
        let shown = match name.as_str() {
            text if REQUEST_IDS.contains(&text) => VENDOR_REQUEST_ID,
            text if is_relayed(text) => name.clone(),
            _ => continue,
        };
        match clean(value) {
            true if shown == VENDOR_REQUEST_ID => {
                headers.insert(shown, value.clone());
            }
            true => {
                headers.append(shown, value.clone());
            }
            false => {}
        }
    }
    headers
}

/// Tells the client who answered.
pub(super) fn name(headers: &mut HeaderMap, candidate: &Candidate, dropped: &[String]) {
    let target = &candidate.target;
    let [provider, name] = target.shown.clone();
    let model = HeaderValue::from_str(&candidate.model).ok();
    for (name, value) in [(PROVIDER, provider), (TARGET, name), (MODEL, model)] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    if !dropped.is_empty()
        && let Ok(value) = HeaderValue::from_str(&dropped.join(","))
    {
        headers.insert(DROPPED, value);
    }
}

/// What the body was found to be; the vendor's own word for it where that says the same.
pub(super) fn media_type(vendor: &HeaderMap, found: &'static str) -> HeaderValue {
    let said = vendor.get(CONTENT_TYPE);
    let agrees = |value: &&HeaderValue| {
        let essence = value.as_bytes().get(..found.len());
        essence.is_some_and(|essence| essence.eq_ignore_ascii_case(found.as_bytes()))
    };
    said.filter(agrees)
        .cloned()
        .unwrap_or(HeaderValue::from_static(found))
}

fn is_relayed(name: &str) -> bool {
    // Most of a vendor's headers begin otherwise.
    name.starts_with(['x', 'r', 'a', 'o']) && RELAYED.iter().any(|start| name.starts_with(start))
}

pub(super) fn coding_of(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(CONTENT_ENCODING)
        .filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

pub(super) fn media_of(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).map_or_else(
        || "no media type".into(),
        |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
    )
}

/// The media type of an answer that cannot be an event stream. Vendors that name none, or a
/// neutral one, are believed to stream until their first line says otherwise.
pub(super) fn not_a_stream(headers: &HeaderMap) -> Option<String> {
    let media = headers
        .get(CONTENT_TYPE)?
        .to_str()
        .ok()?
        .to_ascii_lowercase();
    let essence = media.split(';').next().unwrap_or_default().trim();
    let streams = [
        "text/event-stream",
        "application/octet-stream",
        "application/vnd.amazon.eventstream",
        "application/x-ndjson",
        "text/plain",
    ];
    (!streams.contains(&essence)).then(|| essence.to_owned())
}
