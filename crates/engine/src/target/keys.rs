//! The credentials of a target, and the headers that its calls carry.

use std::path::PathBuf;

use config::Source;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use providers::{Auth, BaseUrl, KeyNeed, Provider};

use super::{BuildError, Env, wrong};

/// Who the gateway says it is.
pub(crate) const AGENT: &str = concat!("ferrogw/", env!("CARGO_PKG_VERSION"));

/// The credentials of a target, one picked per call by weight: for each, all the headers that a
/// call carries, and where its share ends.
pub(super) struct KeyRing {
    headers: Vec<(HeaderMap, u64)>,
    total: u64,
}

impl KeyRing {
    /// The keys; none where calls are paid for `otherwise`.
    pub(super) fn build(
        spec: &config::Target,
        provider: &Provider,
        base: &BaseUrl,
        common: &HeaderMap,
        keys: &[(String, u64)],
        otherwise: bool,
    ) -> Result<KeyRing, BuildError> {
        let mut ring = KeyRing {
            headers: Vec::new(),
            total: 0,
        };
        let keyless = [(None, 1)];
        let with_keys = keys
            .iter()
            .map(|(key, weight)| (Some(key.as_str()), *weight));
        let all: Vec<_> = if keys.is_empty() {
            keyless.into()
        } else {
            with_keys.collect()
        };
        for (key, weight) in all {
            let own = if otherwise {
                providers::fixed_headers(provider)
            } else {
                providers::request_headers(provider, base, key)
            };
            let own = own.map_err(|error| wrong(spec, "api_key", &error))?;
            let mut headers = standing_headers();
            headers.extend(own);
            headers.extend(common.clone());
            ring.total += weight;
            ring.headers.push((headers, ring.total));
        }
        Ok(ring)
    }

    pub(super) fn pick(&self, number: u64) -> HeaderMap {
        let place = number.checked_rem(self.total).unwrap_or_default();
        let picked = self.headers.iter().find(|(_, end)| place < *end);
        picked
            .map(|(headers, _)| headers.clone())
            .unwrap_or_default()
    }
}

/// The keys of a target with their weights; none where none is needed.
pub(super) fn read(
    spec: &config::Target,
    provider: &Provider,
    env: Env<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<Vec<(String, u64)>, BuildError> {
    if let Some(written) = &spec.api_key {
        let keys = written.weighted().into_iter();
        return keys
            .map(|(secret, weight)| Ok((read_secret(spec, secret, env, files)?, weight.into())))
            .collect();
    }
    let names = &provider.env.api_key;
    let set = names
        .iter()
        .filter_map(|name| env(name))
        .find(|key| !key.trim().is_empty());
    match set {
        Some(key) if provider.key != KeyNeed::None => Ok(vec![(key.trim().to_owned(), 1)]),
        None if provider.key == KeyNeed::Required => {
            let or_env = if names.is_empty() {
                String::new()
            } else {
                format!(" or the environment variable {}", names.join(" or "))
            };
            let or_auth = match provider.auth {
                Auth::Bearer | Auth::ApiKey | Auth::Header(_) => "",
                _ => ", or `auth`",
            };
            Err(BuildError::NoCredential(format!(
                "target `{}` has no credential: set `api_key`{or_env}{or_auth}",
                spec.virtual_key
            )))
        }
        _ => Ok(Vec::new()),
    }
}

fn read_secret(
    spec: &config::Target,
    secret: &config::Secret,
    env: Env<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<String, BuildError> {
    let wrong =
        |what: String| BuildError::Wrong(format!("target `{}`: api_key: {what}", spec.virtual_key));
    let key = match secret.source() {
        Source::Text(_) => secret
            .resolve(env)
            .map_err(|missing| wrong(missing.to_string()))?,
        Source::File(path) => {
            files.push(path.to_owned());
            std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("{}: {error}", path.display())))?
        }
    };
    match key.trim() {
        "" => Err(wrong("is empty".into())),
        key => Ok(key.to_owned()),
    }
}

/// What every request to any vendor carries.
fn standing_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    // What the gateway must read, it asks for in the clear.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers
}

/// What the operator wants every request to the target to carry.
pub(super) fn common_headers(spec: &config::Target, env: Env<'_>) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &spec.headers {
        let field = format!("headers.{name}");
        let value = value
            .resolve(env)
            .map_err(|missing| wrong(spec, &field, &missing))?;
        let name: HeaderName = name.parse().map_err(|error| wrong(spec, &field, &error))?;
        headers.insert(
            name,
            HeaderValue::from_str(&value).map_err(|error| wrong(spec, &field, &error))?,
        );
    }
    Ok(headers)
}
