//! The headers that tell a browser what an answer may do. They are on every
//! answer, and cost no allocation.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'self'; form-action 'self'; script-src 'self'; \
             font-src 'self'; connect-src 'self'; frame-ancestors 'none'; object-src 'none'; \
             img-src 'self' data:; style-src 'self'",
        ),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
];

/// One year.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Sets the security headers, replacing whatever an upstream said. `tls`: the
/// connection was encrypted up to this process, so that it may insist on it.
pub fn apply(headers: &mut HeaderMap, tls: bool) {
    headers.reserve(HEADERS.len() + usize::from(tls));
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_them_once() {
        let mut headers = HeaderMap::new();
        headers.append(X_FRAME_OPTIONS, HeaderValue::from_static("ALLOWALL"));
        headers.append(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        apply(&mut headers, false);
        for (name, value) in HEADERS {
            let found: Vec<_> = headers.get_all(&name).iter().collect();
            assert_eq!(found, [value], "{name}");
        }
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn only_encrypted_connections_are_told_to_stay_so() {
        let mut headers = HeaderMap::new();
        apply(&mut headers, true);
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], TRANSPORT);
        assert_eq!(headers.len(), HEADERS.len() + 1);
    }
}
