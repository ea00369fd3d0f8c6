//! What Bedrock says when it refuses.

use crate::json::Node;
use crate::vendor_error::{self, VendorError};

/// The names of exceptions without that word, and the status that goes with each.
static KINDS: [(&str, u16); 16] = [
    ("validation", 400),
    ("servicequotaexceeded", 400),
    ("accessdenied", 403),
    ("unrecognizedclient", 403),
    ("expiredtoken", 403),
    ("invalidsignature", 403),
    ("incompletesignature", 403),
    ("missingauthenticationtoken", 403),
    ("resourcenotfound", 404),
    ("modeltimeout", 408),
    ("modelerror", 424),
    ("modelstreamerror", 424),
    ("throttling", 429),
    ("modelnotready", 429),
    ("internalserver", 500),
    ("serviceunavailable", 503),
];

/// Texts that say that the conversation is too long.
const TOO_LONG: [&str; 3] = [
    "Input is too long",
    "too many total text bytes",
    "prompt is too long",
];

/// The status that an exception has.
pub fn status_of(exception: &str) -> Option<u16> {
    let name = exception.strip_suffix("Exception").unwrap_or(exception);
    KINDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, status)| *status)
}

/// Reads an error body. `named` is the exception's name as a header gives it, in `x-amzn-errortype` or
/// in an event; without one the body may. None when neither says anything.
pub fn read_error(named: Option<&str>, body: &[u8]) -> Option<VendorError> {
    let node = Node::parse(body).ok();
    let told = node
        .and_then(|node| node.get("__type"))
        .and_then(Node::text);
    let kind = named
        .map(bare)
        .filter(|name| !name.is_empty())
        .or_else(|| told.as_deref().map(bare))
        .map(str::to_owned);
    let mut error = match vendor_error::read(body) {
        Some(error) => error,
        None if kind.is_some() => VendorError::default(),
        None => return None,
    };
    error.status = kind.as_deref().and_then(status_of).or(error.status);
    error.kind = kind.or(error.kind);
    let too_long = error
        .message
        .as_deref()
        .is_some_and(|text| TOO_LONG.iter().any(|known| text.contains(known)));
    if too_long {
        error.code = Some("context_length_exceeded".to_owned());
    }
    Some(error)
}

/// A name without its namespace and what follows it.
fn bare(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.rsplit('#').next().unwrap_or(name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a13_d17_every_exception_has_its_status_wherever_its_name_stands() {
        for (name, status) in [
            ("ValidationException", 400),
            ("ServiceQuotaExceededException", 400),
            ("AccessDeniedException", 403),
            ("UnrecognizedClientException", 403),
            ("ExpiredTokenException", 403),
            ("InvalidSignatureException", 403),
            ("ResourceNotFoundException", 404),
            ("ModelTimeoutException", 408),
            ("ModelErrorException", 424),
            ("modelStreamErrorException", 424),
            ("throttlingException", 429),
            ("ModelNotReadyException", 429),
            ("InternalServerException", 500),
            ("ServiceUnavailableException", 503),
        ] {
            let in_header = format!("{name}:http://internal.amazon.com/coral/com.amazon.bedrock/");
            let error = read_error(Some(&in_header), br#"{"message":"no"}"#).unwrap();
            assert_eq!(
                (
                    error.kind.as_deref(),
                    error.status,
                    error.message.as_deref()
                ),
                (Some(name), Some(status), Some("no"))
            );
            let in_body =
                format!(r#"{{"__type":"com.amazon.coral.service#{name}","Message":"No"}}"#);
            let error = read_error(None, in_body.as_bytes()).unwrap();
            assert_eq!(
                (
                    error.kind.as_deref(),
                    error.status,
                    error.message.as_deref()
                ),
                (Some(name), Some(status), Some("No"))
            );
        }
    }

    #[test]
    fn a13_a_body_that_says_nothing_leaves_the_name() {
        for body in [&b""[..], b"<html>busy</html>", br#"{"message":"#, b"{}"] {
            let error = read_error(Some("ThrottlingException"), body).unwrap();
            assert_eq!((error.status, error.message), (Some(429), None));
            assert_eq!(read_error(None, body), None);
            assert_eq!(read_error(Some(""), body), None);
        }
        let error = read_error(Some("BrandNewException"), br#"{"message":"x"}"#).unwrap();
        assert_eq!(
            (error.status, error.kind.as_deref()),
            (None, Some("BrandNewException"))
        );
    }

    #[test]
    fn a16_a_conversation_that_is_too_long_is_known_as_such() {
        for text in [
            "Input is too long for requested model.",
            "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        ] {
            let body = format!(r#"{{"message":"{text}"}}"#);
            let error = read_error(Some("ValidationException"), body.as_bytes()).unwrap();
            assert_eq!(
                error.code.as_deref(),
                Some("context_length_exceeded"),
                "{text}"
            );
        }
    }
}
