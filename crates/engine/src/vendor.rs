//! What a vendor's failure means for the call: its status, its error body, its hints.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use telemetry::Redactor;
use wire::fault::{self, Fault, Kind, Whose};
use wire::vendor_error::{self, VendorError};

use crate::guard::exhausted_until;

/// A hint further away than this is not a hint.
const HINT_MAX: Duration = Duration::from_hours(24);

/// The fault that a vendor's answer with an error status means.
pub(crate) fn fault_of_answer(
    status: StatusCode,
    headers: &HeaderMap,
    error: &VendorError,
    now: SystemTime,
    redactor: &Redactor,
) -> Fault {
    let kind = fault::of_answer(meant(status.as_u16(), error), error);
    let mut fault = described(kind, error, redactor);
    fault.upstream_status = Some(status.as_u16());
    fault.answered = true;
    fault.retry_after = retry_after(headers, now).or(hint(error));
    fault
}

/// When the body says that another try makes sense.
fn hint(error: &VendorError) -> Option<Duration> {
    error.retry_after.filter(|wait| *wait <= HINT_MAX)
}

/// The status that an answer means: some say 400 to everything, and the truth in the body.
fn meant(status: u16, error: &VendorError) -> u16 {
    error.status.filter(|_| status == 400).unwrap_or(status)
}

/// The fault that an error object inside a successful answer means.
pub(crate) fn fault_of_error(
    error: &VendorError,
    retry_after: Option<Duration>,
    redactor: &Redactor,
) -> Fault {
    let status = error.status.or_else(|| status_of_words(error));
    let kind = status.map_or(Kind::UpstreamError, |status| {
        fault::of_answer(status, error)
    });
    let mut fault = described(kind, error, redactor);
    fault.upstream_status = status;
    fault.answered = true;
    fault.retry_after = retry_after.or(hint(error));
    fault
}

/// Vendors that give no status say what they mean in `type` or `code`.
fn status_of_words(error: &VendorError) -> Option<u16> {
    const WORDS: [(&str, u16); 13] = [
        ("insufficient_quota", 402),
        ("context_length_exceeded", 400),
        ("content_filter", 400),
        ("request_too_large", 413),
        ("timeout_error", 504),
        ("invalid_api_key", 401),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("model_not_found", 404),
        ("rate_limit_exceeded", 429),
        ("rate_limit_error", 429),
        ("invalid_request_error", 400),
        ("overloaded_error", 503),
    ];
    let said = [error.code.as_deref(), error.kind.as_deref()];
    WORDS
        .iter()
        .find(|(word, _)| said.contains(&Some(*word)))
        .map(|(_, status)| *status)
}

/// Only a fault of the caller's own carries the vendor's words to the caller; all carry them to the log.
fn described(kind: Kind, error: &VendorError, redactor: &Redactor) -> Fault {
    let mut fault = Fault::new(kind);
    // Before the text is cut: half a secret is known to nobody as one.
    let whole = error
        .message
        .as_deref()
        .map(|text| redactor.redact(text).into_owned());
    let error = &VendorError {
        message: whole,
        ..error.clone()
    };
    let said = vendor_error::public_message(error);
    if let Some(text) = &said {
        fault = fault.because(text.clone());
    }
    if fault.whose() == Whose::Client {
        fault.param = error.param.as_deref().map(Into::into);
        if let Some(text) = said {
            fault = fault.saying(text);
        }
    }
    fault
}

/// When the vendor says another try makes sense.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = text("retry-after-ms")
        .and_then(|value| positive(value, 0.001))
        .or_else(|| text("retry-after").and_then(|value| seconds_or_date(value, now)))
        .or_else(|| exhausted_until(headers, now))
        .or_else(|| text("x-ratelimit-reset").and_then(|value| positive(value, 1.0)))?;
    (wait <= HINT_MAX).then_some(wait)
}

fn seconds_or_date(value: &str, now: SystemTime) -> Option<Duration> {
    positive(value, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

fn positive(value: &str, unit: f64) -> Option<Duration> {
    let number: f64 = value.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn d23_a_400_may_mean_what_its_body_says() {
        let now = SystemTime::UNIX_EPOCH;
        let redactor = Redactor::default();
        for (status, code, expected) in [
            (400, 5007, 404),
            (400, 5006, 400),
            (400, 3040, 429),
            (500, 5007, 502),
        ] {
            let body = format!(r#"{{"success":false,"errors":[{{"code":{code},"message":"m"}}]}}"#);
            let status = StatusCode::from_u16(status).unwrap();
            let error = vendor_error::read(body.as_bytes()).unwrap_or_default();
            let fault = fault_of_answer(status, &HeaderMap::new(), &error, now, &redactor);
            assert_eq!(fault.status(), expected, "{status} {code}");
        }
    }

    #[test]
    fn hints_are_read_in_every_form_that_vendors_use() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (pairs, expected) in [
            (vec![("retry-after", "7")], Some(7000)),
            (vec![("retry-after", "1.5")], Some(1500)),
            (
                vec![("retry-after-ms", "250"), ("retry-after", "7")],
                Some(250),
            ),
            (
                vec![("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")],
                Some(10_000),
            ),
            (
                vec![("retry-after", "Tue, 06 Nov 1990 08:49:47 GMT")],
                Some(0),
            ),
            (vec![("x-ratelimit-reset", "12")], Some(12_000)),
            (vec![("x-ratelimit-reset", "1786100000")], None),
            (
                vec![
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1m2s"),
                ],
                Some(62_000),
            ),
            (
                vec![
                    ("retry-after", "7"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1m2s"),
                ],
                Some(7000),
            ),
            (vec![("retry-after", "-3")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            let read = retry_after(&headers(&pairs), now);
            assert_eq!(read, expected.map(Duration::from_millis), "{pairs:?}");
        }
    }

    /// Hugging Face tells in the body how long a model takes to load; a head that says so comes first.
    #[test]
    fn a13_a_hint_in_the_body_counts_where_the_head_has_none() {
        for (body, head, expected) in [
            (
                r#"{"error":"loading","estimated_time":20.5}"#,
                None,
                Some(20_500),
            ),
            (
                r#"{"error":"loading","estimated_time":20.5}"#,
                Some("3"),
                Some(3000),
            ),
            (r#"{"error":"loading","estimated_time":90000}"#, None, None),
            (r#"{"error":"loading"}"#, None, None),
        ] {
            let head: Vec<_> = head
                .map(|value| ("retry-after", value))
                .into_iter()
                .collect();
            let fault = fault_of_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &headers(&head),
                &vendor_error::read(body.as_bytes()).unwrap(),
                SystemTime::UNIX_EPOCH,
                &Redactor::default(),
            );
            let expected = expected.map(Duration::from_millis);
            assert_eq!(
                (fault.status(), fault.retry_after),
                (503, expected),
                "{body}"
            );
        }
    }

    #[test]
    fn only_the_callers_own_faults_carry_the_vendors_words() {
        let body = br#"{"error":{"message":"the prompt is bad","param":"messages"}}"#;
        let read = |status| {
            fault_of_answer(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                &vendor_error::read(body).unwrap_or_default(),
                SystemTime::UNIX_EPOCH,
                &Redactor::default(),
            )
        };
        assert_eq!(read(400).message, "the prompt is bad");
        assert_eq!(read(400).param.as_deref(), Some("messages"));
        assert_eq!(read(422).status(), 422);
        let outage = read(500);
        assert!(!outage.message.contains("prompt"));
        assert_eq!(outage.cause.as_deref(), Some("the prompt is bad"));
    }

    /// Row 26: a 200 that holds an error takes the status that the error means.
    #[test]
    fn row_26_an_error_in_a_success_is_read_by_its_code_or_its_words() {
        let read = |body: &str| {
            fault_of_error(
                &vendor_error::read(body.as_bytes()).unwrap(),
                None,
                &Redactor::default(),
            )
            .status()
        };
        assert_eq!(read(r#"{"error":{"message":"slow down","code":429}}"#), 429);
        assert_eq!(read(r#"{"error":{"message":"no","code":"402"}}"#), 502);
        assert_eq!(
            read(r#"{"error":{"message":"x","type":"invalid_request_error"}}"#),
            400
        );
        assert_eq!(read(r#"{"error":"something broke"}"#), 502);
    }
}
