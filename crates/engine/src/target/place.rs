//! Where a target's calls go: URLs, put together once, and what a connection needs of them.

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use providers::{BaseUrl, Provider, Surface, Vars};

use super::{BuildError, Env, wrong};

/// Everything but the unreserved characters is escaped in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// All that a URL of the target is made of, but surface and model.
pub(super) struct Place<'a> {
    pub(super) provider: &'a Provider,
    pub(super) base: &'a BaseUrl,
    pub(super) vars: &'a Vars,
    pub(super) query: &'a str,
}

impl Place<'_> {
    pub(super) fn url(&self, surface: Surface, model: &str) -> Result<String, BadSite> {
        let url = providers::endpoint(self.provider, surface, self.base, model, self.vars)?;
        Ok(self.with_query(&url))
    }

    pub(super) fn with_query(&self, url: &str) -> String {
        match (self.query.is_empty(), url.contains('?')) {
            (true, _) => url.to_owned(),
            (false, true) => format!("{url}&{}", self.query),
            (false, false) => format!("{url}?{}", self.query),
        }
    }
}

/// A URL as a connection needs it: where to connect, what to name as the host, what to ask for.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) origin: Uri,
    pub(crate) host: HeaderValue,
    pub(crate) path: Uri,
}

/// Why a URL cannot be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSite {
    #[error(transparent)]
    Endpoint(#[from] providers::BadEndpoint),
    #[error("{url} is not an address that can be called: {reason}")]
    Url { url: String, reason: String },
}

impl Site {
    pub(crate) fn of(url: &str) -> Result<Site, BadSite> {
        let bad = |reason: &dyn std::fmt::Display| BadSite::Url {
            url: url.to_owned(),
            reason: reason.to_string(),
        };
        let parts = url
            .parse::<Uri>()
            .map_err(|error| bad(&error))?
            .into_parts();
        let authority = parts.authority.ok_or_else(|| bad(&"it names no host"))?;
        let path = parts
            .path_and_query
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| bad(&error))?;
        let mut origin = http::uri::Parts::default();
        origin.scheme = parts.scheme;
        origin.authority = Some(authority);
        origin.path_and_query = Some(PathAndQuery::from_static("/"));
        let origin = Uri::from_parts(origin).map_err(|error| bad(&error))?;
        Ok(Site {
            origin,
            host,
            path: path.into(),
        })
    }
}

/// The operator's own query, escaped.
pub(crate) fn query(spec: &config::Target, env: Env<'_>) -> Result<String, BuildError> {
    let mut query = String::new();
    for (name, value) in &spec.query {
        let value = value
            .resolve(env)
            .map_err(|missing| wrong(spec, &format!("query.{name}"), &missing))?;
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, QUERY));
        query.push('=');
        query.extend(utf8_percent_encode(&value, QUERY));
    }
    Ok(query)
}
