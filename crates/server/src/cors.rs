//! Cross-origin rules: which web pages may call the gateway from a browser.
//!
//! A refusal is the absence of a header. Nothing here answers with an error,
//! and no answer allows credentials.

use std::collections::HashSet;

use http::{
    HeaderMap, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ORIGIN, VARY,
    },
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// What is allowed when a page does not say what it will send.
const USUAL_HEADERS: HeaderValue =
    HeaderValue::from_static("Content-Type, Authorization, X-Provider");

/// The star covers every browser of today, as no answer allows credentials;
/// the names are for those that do not know it.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Request-ID, Retry-After, Server-Timing, X-Gateway-Provider, X-Gateway-Cost-Usd, X-Gateway-Overhead-Ms, \
     X-RateLimit-Limit-Requests, X-RateLimit-Limit-Tokens, X-RateLimit-Remaining-Requests, \
     X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Requests, X-RateLimit-Reset-Tokens, \
     OpenAI-Organization, OpenAI-Processing-Ms, OpenAI-Version, *",
);

/// Request headers that vendors' SDKs and our own clients send.
const ALLOWED: [&str; 26] = [
    "accept",
    "api-key",
    "authorization",
    "baggage",
    "cache-control",
    "content-type",
    "http-referer",
    "idempotency-key",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "openai-safety-identifier",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-api-key",
    "x-client-request-id",
    "x-goog-api-client",
    "x-goog-api-key",
    "x-provider",
    "x-request-id",
    "x-requested-with",
    "x-title",
];

/// Families of such headers, which grow with every release.
const ALLOWED_PREFIXES: [&str; 4] = ["openai-", "anthropic-", "x-stainless-", "x-gateway-"];

/// Headers named in one preflight at most; an SDK sends about twenty.
const MAX_REQUESTED: usize = 64;

/// The origins allowed, ready to be looked up.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: HashSet<Box<[u8]>>,
    any: bool,
}

impl Cors {
    /// Origins are compared exactly; blanks are dropped. `*` allows any: the
    /// configuration's check keeps it out of production.
    pub fn new(origins: &[String]) -> Self {
        let mut cors = Self::default();
        for origin in origins {
            match origin.trim() {
                "" => {}
                "*" => cors.any = true,
                exact => {
                    cors.origins.insert(exact.as_bytes().into());
                }
            }
        }
        cors
    }

    /// Whether a page asks if it may ask. The answer is a 204 in any case.
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(ORIGIN)
    }

    /// Adds to the answer of a preflight what its origin is due.
    pub fn preflight(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.apply(request.get(ORIGIN), response)
            && let Some(requested) = allowed_of(request)
        {
            response.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested);
        }
    }

    /// Adds to any answer what its origin is due; says whether it is allowed.
    /// Doing so again changes nothing, not even a preflight's answer.
    pub fn apply(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) -> bool {
        if !response
            .get_all(VARY)
            .iter()
            .any(|value| *value == VARY_ORIGIN)
        {
            response.append(VARY, VARY_ORIGIN);
        }
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else {
            return false;
        };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        response
            .entry(ACCESS_CONTROL_ALLOW_HEADERS)
            .or_insert(USUAL_HEADERS);
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        response.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        true
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.any || self.origins.contains(origin.as_bytes())
    }
}

/// Those of the headers a page wants to send that it may. None when it names
/// none.
fn allowed_of(request: &HeaderMap) -> Option<HeaderValue> {
    let allowed = request
        .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .take(MAX_REQUESTED)
        .filter(|name| is_allowed(name))
        .collect::<Vec<_>>();
    if allowed.is_empty() {
        return None;
    }
    HeaderValue::try_from(allowed.join(", ")).ok()
}

fn is_allowed(name: &str) -> bool {
    ALLOWED.contains(&name)
        || ALLOWED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: HeaderValue = HeaderValue::from_static("https://app.example");
    const OTHER: HeaderValue = HeaderValue::from_static("https://app.example.evil");

    fn cors(origins: &[&str]) -> Cors {
        Cors::new(&origins.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn listed() -> Cors {
        cors(&["https://app.example", " ", "http://localhost:3000 "])
    }

    fn preflight(origin: HeaderValue, requested: Option<&'static str>) -> HeaderMap {
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, origin);
        if let Some(requested) = requested {
            request.insert(
                ACCESS_CONTROL_REQUEST_HEADERS,
                HeaderValue::from_static(requested),
            );
        }
        let mut response = HeaderMap::new();
        listed().preflight(&request, &mut response);
        let once = response.clone();
        listed().apply(request.get(ORIGIN), &mut response);
        assert_eq!(response, once, "applied twice");
        response
    }

    #[test]
    fn only_a_listed_origin_is_told_it_may() {
        let allowed = preflight(PAGE, None);
        assert_eq!(allowed[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(allowed[ACCESS_CONTROL_MAX_AGE], "86400");
        assert_eq!(allowed[ACCESS_CONTROL_ALLOW_HEADERS], USUAL_HEADERS);
        assert_eq!(allowed[VARY], "Origin");
        let refused = preflight(OTHER, None);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[VARY], "Origin");
    }

    #[test]
    fn an_sdk_may_send_its_headers_and_a_page_no_others() {
        let asked = "Authorization,content-type, X-Stainless-Lang,x-evil,Openai-Beta,Cookie";
        let headers = preflight(PAGE, Some(asked));
        assert_eq!(
            headers[ACCESS_CONTROL_ALLOW_HEADERS],
            "authorization, content-type, x-stainless-lang, openai-beta"
        );
        let none_of_them = preflight(PAGE, Some("x-evil"));
        assert_eq!(none_of_them[ACCESS_CONTROL_ALLOW_HEADERS], USUAL_HEADERS);
    }

    #[test]
    fn an_answer_varies_even_without_an_origin() {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        assert!(!listed().apply(None, &mut headers));
        let vary: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(vary, ["Accept-Encoding", "Origin"]);
        assert!(listed().apply(Some(&PAGE), &mut headers));
        assert!(headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
    }

    #[test]
    fn a_star_allows_any_origin_and_names_it() {
        let mut headers = HeaderMap::new();
        assert!(cors(&["*"]).apply(Some(&OTHER), &mut headers));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], OTHER);
        assert!(!cors(&[]).apply(Some(&OTHER), &mut HeaderMap::new()));
    }

    #[test]
    fn a_preflight_is_options_with_an_origin() {
        let mut headers = HeaderMap::new();
        assert!(!Cors::is_preflight(&Method::OPTIONS, &headers));
        headers.insert(ORIGIN, PAGE);
        assert!(Cors::is_preflight(&Method::OPTIONS, &headers));
        assert!(!Cors::is_preflight(&Method::POST, &headers));
    }
}
