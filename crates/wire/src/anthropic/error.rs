//! What Anthropic says when it refuses.

use crate::json::Node;
use crate::vendor_error::{self, VendorError};

/// The words for what went wrong, and the status that goes with each.
static KINDS: [(&str, u16); 11] = [
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("conflict_error", 409),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

/// The status that a kind of error has.
pub fn status_of(kind: &str) -> Option<u16> {
    KINDS
        .iter()
        .find(|(word, _)| *word == kind)
        .map(|(_, status)| *status)
}

/// The word that goes with a status towards a client of this dialect.
pub(super) fn kind_of(status: u16) -> &'static str {
    match status {
        503 => "overloaded_error",
        422 => "invalid_request_error",
        status => KINDS
            .iter()
            .find(|(_, known)| *known == status)
            .map_or("api_error", |(word, _)| word),
    }
}

/// Reads an error body, or the data of an error event. None when it is none.
pub fn read_error(body: &[u8]) -> Option<VendorError> {
    let mut error = vendor_error::read(body)?;
    if error.status.is_none() {
        error.status = error.kind.as_deref().and_then(status_of);
    }
    if error
        .message
        .as_deref()
        .is_some_and(|text| overflow(text).is_some())
    {
        error.code = Some("context_length_exceeded".to_owned());
    }
    Some(error)
}

/// The same of a value that was looked into already.
pub(super) fn error_of(node: Node<'_>) -> VendorError {
    read_error(node.raw().as_bytes()).unwrap_or_default()
}

/// A conversation that is too long, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The conversation alone.
    Input {
        /// Its tokens.
        tokens: u64,
        /// The most there may be.
        limit: u64,
    },
    /// The conversation and the answer's bound together.
    Together {
        /// The conversation's tokens.
        input: u64,
        /// The answer's bound.
        output: u64,
        /// The most there may be.
        limit: u64,
    },
}

/// What a refusal's text says about the length of the conversation.
pub fn overflow(text: &str) -> Option<Overflow> {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    if let Some((_, rest)) = text.split_once("prompt is too long") {
        return match numbers(rest)[..] {
            [tokens, limit, ..] => Some(Overflow::Input { tokens, limit }),
            _ => None,
        };
    }
    let (_, rest) = text.split_once("input length and `max_tokens` exceed context limit")?;
    match numbers(rest)[..] {
        [input, output, limit, ..] => Some(Overflow::Together {
            input,
            output,
            limit,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a13_every_kind_of_error_has_its_status() {
        for (kind, status) in KINDS {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}},"request_id":"r"}}"#
            );
            let error = read_error(body.as_bytes()).unwrap();
            assert_eq!(
                (error.kind.as_deref(), error.status),
                (Some(kind), Some(status))
            );
            assert_eq!(error.message.as_deref(), Some("no"));
            assert_eq!(kind_of(status), kind);
        }
        for body in [
            "",
            "<html>busy</html>",
            r#"{"type":"error","error":{"type":"#,
        ] {
            assert_eq!(read_error(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a16_a_conversation_that_is_too_long_is_known_as_such() {
        let long = "prompt is too long: 210000 tokens > 200000 maximum";
        let together =
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000";
        assert_eq!(
            overflow(long),
            Some(Overflow::Input {
                tokens: 210_000,
                limit: 200_000
            })
        );
        assert_eq!(
            overflow(together),
            Some(Overflow::Together {
                input: 190_000,
                output: 20_000,
                limit: 200_000
            })
        );
        assert_eq!(overflow("too long"), None);
        let body = format!(
            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{long}"}}}}"#
        );
        let error = read_error(body.as_bytes()).unwrap();
        assert_eq!(error.code.as_deref(), Some("context_length_exceeded"));
    }
}
