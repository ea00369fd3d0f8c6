//! What Google says when it refuses.

use std::time::Duration;

use crate::fault::Fault;
use crate::json::{Node, write};
use crate::vendor_error::{self, VendorError};

/// The words for what went wrong, and the status that goes with each.
static KINDS: [(&str, u16); 12] = [
    ("INVALID_ARGUMENT", 400),
    ("FAILED_PRECONDITION", 400),
    ("OUT_OF_RANGE", 400),
    ("UNAUTHENTICATED", 401),
    ("PERMISSION_DENIED", 403),
    ("NOT_FOUND", 404),
    ("ABORTED", 409),
    ("RESOURCE_EXHAUSTED", 429),
    ("CANCELLED", 499),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DEADLINE_EXCEEDED", 504),
];

/// Reasons behind a status that speak of the key, whatever the status says.
const OF_THE_KEY: [&str; 3] = [
    "API_KEY_INVALID",
    "API_KEY_EXPIRED",
    "API_KEY_SERVICE_BLOCKED",
];

/// Reads an error body, alone or in a list of one, or the data of an event. None when it is none.
pub fn read_error(body: &[u8]) -> Option<VendorError> {
    let mut error = vendor_error::read(body)?;
    let known = |kind: &str| KINDS.iter().find(|(word, _)| *word == kind);
    if error.status.is_none() {
        error.status = error
            .kind
            .as_deref()
            .and_then(known)
            .map(|(_, status)| *status);
    }
    let details = details(body);
    for detail in &details {
        let [reason, delay] = detail.pick(["reason", "retryDelay"]);
        let reason = reason.and_then(Node::text);
        if reason.is_some_and(|reason| OF_THE_KEY.contains(&&*reason)) {
            error.status = Some(401);
        }
        let delay = delay.and_then(Node::text);
        error.retry_after = delay.as_deref().and_then(seconds).or(error.retry_after);
    }
    if error.message.as_deref().is_some_and(is_overflow) {
        error.code = Some("context_length_exceeded".to_owned());
    }
    Some(error)
}

fn details(body: &[u8]) -> Vec<Node<'_>> {
    let Ok(node) = Node::parse(body) else {
        return Vec::new();
    };
    let node = node.elements().first().copied().unwrap_or(node);
    let details = node.get("error").and_then(|error| error.get("details"));
    details.map(Node::elements).unwrap_or_default()
}

/// `34s`, or `34.074824224s`.
fn seconds(delay: &str) -> Option<Duration> {
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Writes an error as a client of this dialect reads it.
pub fn write_error(fault: &Fault, out: &mut Vec<u8>) {
    let status = fault.status();
    let word = KINDS
        .iter()
        .find(|(_, known)| *known == status)
        .map_or("UNKNOWN", |(word, _)| word);
    let word = match status {
        402 | 405..=428 => "INVALID_ARGUMENT",
        500 | 502 => "INTERNAL",
        529 => "UNAVAILABLE",
        _ => word,
    };
    write::object(out, |o| {
        o.object("error", |o| {
            o.uint("code", u64::from(status));
            o.text("message", &fault.message);
            o.text("status", word);
            if let Some(seconds) = fault.retry_after_seconds() {
                o.array("details", |a| {
                    a.object(|o| {
                        o.text("@type", "type.googleapis.com/google.rpc.RetryInfo");
                        o.text("retryDelay", &format!("{seconds}s"));
                    });
                });
            }
        });
    });
}

/// Whether a refusal's text says that the conversation is too long.
fn is_overflow(text: &str) -> bool {
    text.contains("input token count") && text.contains("exceeds the maximum")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn a13_every_kind_of_error_has_its_status_alone_or_in_a_list() {
        for (kind, status) in KINDS {
            let body = format!(r#"{{"error":{{"message":"no","status":"{kind}","details":[]}}}}"#);
            for body in [body.clone(), format!("[{body}]")] {
                let error = read_error(body.as_bytes()).unwrap();
                assert_eq!(
                    (error.kind.as_deref(), error.status),
                    (Some(kind), Some(status))
                );
                assert_eq!(error.message.as_deref(), Some("no"));
            }
        }
        for body in [
            "",
            "<html>busy</html>",
            r#"{"error":{"code":"#,
            "[]",
            "[{}]",
            "7",
        ] {
            assert_eq!(read_error(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a13_a_bad_key_is_one_and_a_delay_is_heard() {
        let key = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
        assert_eq!(read_error(key.as_bytes()).unwrap().status, Some(401));
        let busy = r#"[{"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED",
            "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}]"#;
        let error = read_error(busy.as_bytes()).unwrap();
        assert_eq!(error.status, Some(429));
        assert_eq!(error.retry_after, Some(Duration::from_millis(34_500)));
        for odd in ["-1s", "NaNs", "s", "9e99s", "5m"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn a13_what_is_written_is_read() {
        for kind in [
            Kind::UpstreamRejected,
            Kind::RateLimited,
            Kind::UpstreamError,
            Kind::Internal,
        ] {
            let mut fault = Fault::new(kind);
            fault.retry_after = Some(Duration::from_secs(7));
            let mut out = Vec::new();
            write_error(&fault, &mut out);
            let error = read_error(&out).unwrap();
            assert_eq!(error.status, Some(fault.status()), "{kind:?}");
            assert_eq!(
                error.retry_after,
                fault.retry_after_seconds().map(Duration::from_secs)
            );
            assert!(
                KINDS
                    .iter()
                    .any(|(word, _)| Some(*word) == error.kind.as_deref()),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a16_a_conversation_that_is_too_long_is_known_as_such() {
        let body = r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}"#;
        let error = read_error(body.as_bytes()).unwrap();
        assert_eq!(error.code.as_deref(), Some("context_length_exceeded"));
    }
}
