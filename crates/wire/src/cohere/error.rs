//! What Cohere says when it refuses, or ends an answer that is none.

use crate::vendor_error::{self, VendorError};

/// Reads an error body. None when it is none.
pub fn read_error(body: &[u8]) -> Option<VendorError> {
    let mut error = vendor_error::read(body)?;
    let too_long = |text: &str| text.to_ascii_lowercase().contains("too many tokens");
    if error.message.as_deref().is_some_and(too_long) {
        error.code = Some("context_length_exceeded".to_owned());
    }
    Some(error)
}

/// The failure that a reason to end stands for; `told` is what was said of it.
pub(super) fn failure(reason: &str, told: Option<&str>) -> Option<VendorError> {
    let status = match reason.trim() {
        reason if reason.eq_ignore_ascii_case("ERROR") => 502,
        reason if reason.eq_ignore_ascii_case("TIMEOUT") => 504,
        _ => return None,
    };
    Some(failed(status, told))
}

/// A failure with its words.
pub(super) fn failed(status: u16, told: Option<&str>) -> VendorError {
    let usual = if status == 504 {
        "the provider ran out of time"
    } else {
        "the provider failed while answering"
    };
    let told = told.filter(|told| !told.trim().is_empty());
    VendorError {
        message: Some(told.unwrap_or(usual).to_owned()),
        status: Some(status),
        ..VendorError::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a13_only_words_in_an_error_envelope_are_read() {
        let error = read_error(br#"{"id":"x","message":"invalid api token"}"#).unwrap();
        assert_eq!(error.message.as_deref(), Some("invalid api token"));
        for body in ["", "<html>busy</html>", r#"{"message":"#, "[]"] {
            assert_eq!(read_error(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a16_a_conversation_that_is_too_long_is_known_as_such() {
        let body = br#"{"message":"too many tokens: size limit exceeded by 45 tokens."}"#;
        let error = read_error(body).unwrap();
        assert_eq!(error.code.as_deref(), Some("context_length_exceeded"));
        let other = read_error(br#"{"message":"too many requests"}"#).unwrap();
        assert_eq!(other.code, None);
    }

    #[test]
    fn an_end_that_is_none_is_a_failure() {
        for (reason, status) in [
            ("ERROR", Some(502)),
            ("timeout", Some(504)),
            ("COMPLETE", None),
            ("ERROR_TOXIC", None),
        ] {
            let status_found = failure(reason, Some(" ")).and_then(|error| error.status);
            assert_eq!(status_found, status, "{reason}");
        }
    }
}
