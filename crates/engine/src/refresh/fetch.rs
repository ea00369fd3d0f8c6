//! One file from the web: a conditional request that follows redirects.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use std::time::Duration;

use crate::body;
use crate::target::{PlainWays, Site};
use crate::upstream::{Message, Upstream};

/// Releases are a redirect or two away.
const REDIRECTS_MAX: usize = 5;
/// Silence after which a server has gone.
const IDLE: Duration = Duration::from_secs(10);

/// A file and the marks that it is known by.
pub(super) struct Fetched {
    pub(super) body: Bytes,
    pub(super) etag: Option<HeaderValue>,
    pub(super) modified: Option<HeaderValue>,
}

/// The marks of the file that is there already.
type Marks<'a> = (Option<&'a HeaderValue>, Option<&'a HeaderValue>);

/// Fetches; None when the file is still the one with the marks.
pub(super) async fn get(
    ways: &PlainWays<'_>,
    upstream: &Upstream,
    url: &str,
    (etag, modified): Marks<'_>,
    limit: usize,
) -> Result<Option<Fetched>, String> {
    let mut url = url.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        let site = Site::of(&url).map_err(|error| error.to_string())?;
        let way = ways.to(&url, site.origin.clone())?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = site.path;
        let headers = request.headers_mut();
        headers.insert(HOST, site.host);
        headers.insert(USER_AGENT, HeaderValue::from_static("ferrogw"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, mark) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, modified)] {
            if let Some(mark) = mark {
                headers.insert(name, mark.clone());
            }
        }
        let sent = upstream.send(&way, Message::of(&request)).await;
        let answer = sent.map_err(|error| error.to_string())?;
        let (head, rest) = answer.into_parts();
        match head.status {
            StatusCode::OK => {
                let body = body::collect(rest, limit, IDLE).await;
                let body = body.map_err(|fault| fault.to_string())?;
                let mark = |name| head.headers.get(name).cloned();
                return Ok(Some(Fetched {
                    body,
                    etag: mark(ETAG),
                    modified: mark(LAST_MODIFIED),
                }));
            }
            StatusCode::NOT_MODIFIED => return Ok(None),
            status if status.is_redirection() => url = redirected(&url, &head.headers)?,
            status => return Err(format!("the answer is {status}")),
        }
    }
    Err(format!("more than {REDIRECTS_MAX} redirects"))
}

/// Where an answer sends us: never from a safe address to an unsafe one.
fn redirected(from: &str, headers: &HeaderMap) -> Result<String, String> {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.ok_or("a redirect that leads nowhere")?;
    let to = if to.starts_with('/') && !to.starts_with("//") {
        let (scheme, rest) = from.split_once("://").unwrap_or(("https", from));
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        format!("{scheme}://{host}{to}")
    } else {
        to.to_owned()
    };
    let safe = |url: &str| url.starts_with("https://");
    if !(safe(&to) || to.starts_with("http://") && !safe(from)) {
        return Err("a redirect to an address that is not https".to_owned());
    }
    Ok(to)
}

/// Where the signature of a file is: beside it, with `.sig` behind its name.
pub(super) fn signature_of(url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}.sig?{query}"),
        None => format!("{url}.sig"),
    }
}

/// An address for the log: without credentials and query.
pub(super) fn shown(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_safe() {
        let to = |from: &str, location: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(location));
            redirected(from, &headers).ok()
        };
        let (safe, plain) = ("https://a.example/x?y", "http://a.example/x");
        assert_eq!(to(safe, "/z").as_deref(), Some("https://a.example/z"));
        assert_eq!(
            to(safe, "https://b.example/").as_deref(),
            Some("https://b.example/")
        );
        assert_eq!(
            to(plain, "http://b.example/").as_deref(),
            Some("http://b.example/")
        );
        assert_eq!(to(safe, "http://b.example/"), None);
        assert_eq!(to(safe, "//b.example/"), None);
        assert_eq!(to(plain, "file:///etc/passwd"), None);
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, safe) in [
            (
                "https://user:pass@a.example/x?token=1",
                "https://a.example/x",
            ),
            ("http://a.example", "http://a.example"),
            ("odd", ""),
        ] {
            assert_eq!(shown(url), safe);
        }
        assert_eq!(signature_of("https://a/x?t=1"), "https://a/x.sig?t=1");
        assert_eq!(signature_of("https://a/x"), "https://a/x.sig");
    }
}
