//! A target: one configured way to one vendor, built and ready to be called.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Source;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use providers::{BadBaseUrl, BaseUrl, KeyNeed, OnUnsupported, Provider, Surface, Vars};

use crate::body;
use crate::trust::{TrustError, TrustStore};
use crate::upstream::{Proxy, Transport, Upstream, Way, Ways};

const AGENT: &str = concat!("ferrogw/", env!("CARGO_PKG_VERSION"));

/// Everything but the unreserved characters is escaped in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A source of environment variables.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a target cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something that the operator wrote cannot be used.
    #[error("{0}")]
    Wrong(String),
    /// What the vendor needs is not there; the gateway runs without this target.
    #[error("{0}")]
    NoCredential(String),
}

impl From<TrustError> for BuildError {
    fn from(error: TrustError) -> BuildError {
        BuildError::Wrong(error.to_string())
    }
}

/// How long a target may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the head of the answer.
    pub first_byte: Duration,
    /// Between two reads.
    pub idle: Duration,
    /// For everything.
    pub total: Option<Duration>,
}

/// What targets share, and keep when the configuration changes around them.
#[derive(Default)]
pub struct Lasting {
    trust: TrustStore,
    ways: Ways,
}

/// A target that can be called.
pub struct Target {
    /// Its name.
    pub name: Arc<str>,
    /// Its vendor.
    pub provider: Arc<Provider>,
    /// Its vendor's id.
    pub provider_id: Arc<str>,
    /// What the operator says it serves: the id asked for and the target's own.
    pub models: Vec<(Box<str>, Box<str>)>,
    /// How long it may take.
    pub patience: Patience,
    /// How it is reached.
    pub way: Arc<Way>,
    /// Files it was built from; a change of one is a change of the configuration.
    pub files: Vec<PathBuf>,
    base: BaseUrl,
    vars: Vars,
    keys: KeyRing,
    query: String,
    chat: Endpoint,
    /// Its keys, for taking them out of texts.
    secrets: Vec<Box<str>>,
}

/// Where calls of one surface go.
enum Endpoint {
    /// The same place for every model.
    Fixed(Box<Site>),
    /// The model is part of the path.
    PerModel,
}

/// The credentials of a target, one picked per call by weight: for each, all the headers that a
/// call carries, and where its share ends.
struct KeyRing {
    headers: Vec<(HeaderMap, u64)>,
    total: u64,
}

impl Target {
    /// Builds what the operator wrote.
    pub fn build(
        spec: &config::Target,
        provider: Arc<Provider>,
        env: Env<'_>,
        lasting: &Lasting,
    ) -> Result<Target, BuildError> {
        let mut files = Vec::new();
        let vars = vars(spec, &provider, env)?;
        let configured = base_url(spec, &provider, env)?;
        let base = providers::base_url(
            &provider,
            configured.as_deref(),
            spec.region.as_deref(),
            &vars,
        )
        .map_err(|error| bad_address(spec, &error))?;
        let common = common_headers(spec, env)?;
        let written = read_keys(spec, &provider, env, &mut files)?;
        let keys = KeyRing::build(spec, &provider, &base, &common, &written)?;
        files.extend(spec.ca_file.clone());
        let query = query(spec, env)?;
        let place = Place {
            provider: &provider,
            base: &base,
            vars: &vars,
            query: &query,
        };
        let sample = place
            .url(Surface::Chat, "model")
            .map_err(|error| wrong(spec, "base_url", &error))?;
        let chat = if place.url(Surface::Chat, "another").ok().as_ref() == Some(&sample) {
            Endpoint::Fixed(Box::new(
                Site::of(&sample).map_err(|error| wrong(spec, "base_url", &error))?,
            ))
        } else {
            Endpoint::PerModel
        };
        let transport = Transport {
            connect_timeout: spec.timeouts.connect.unwrap_or(provider.timeouts.connect),
            proxy: proxy(spec, &sample, env)?,
            tls: lasting.trust.config(spec.ca_file.as_deref())?,
        };
        let origin = Site::of(&sample)
            .map_err(|error| wrong(spec, "base_url", &error))?
            .origin;
        Ok(Target {
            name: spec.virtual_key.as_str().into(),
            provider_id: provider.id.as_str().into(),
            models: models(spec, &provider, env),
            patience: patience(spec, &provider),
            way: lasting.ways.to(origin, transport),
            provider,
            files,
            base,
            vars,
            query,
            keys,
            chat,
            secrets: written
                .into_iter()
                .map(|(key, _)| key.into_boxed_str())
                .collect(),
        })
    }

    /// What it is, whatever it is called: another vendor or another address is another target.
    pub fn identity(&self) -> String {
        format!("{} {} {}", self.name, self.provider_id, self.base)
    }

    /// Its keys, which no text may show.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|key| &**key)
    }

    /// Whether what its vendor lists can be asked of it under the listed name.
    pub fn lists_what_it_serves(&self) -> bool {
        !self.provider.claims.deployments
    }

    /// A chat request to this target; `pick` chooses among its keys.
    pub fn chat_request(
        &self,
        model: &str,
        body: Bytes,
        pick: u64,
    ) -> Result<Request<Full<Bytes>>, BuildError> {
        let site = match &self.chat {
            Endpoint::Fixed(site) => (**site).clone(),
            Endpoint::PerModel => {
                let url = self.place().url(Surface::Chat, model);
                url.and_then(|url| Site::of(&url))
                    .map_err(|error| BuildError::Wrong(error.to_string()))?
            }
        };
        Ok(self.request(Method::POST, site, body, pick))
    }

    /// The vendor's own list of models, as it sends it.
    pub async fn list_models(&self, upstream: &Upstream, limit: usize) -> Result<Bytes, String> {
        let Some(path) = &self.provider.discovery else {
            return Err("its vendor has no list of models".into());
        };
        let url = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.clone()
        };
        let site = Site::of(&self.place().with_query(&url)).map_err(|error| error.to_string())?;
        let request = self.request(Method::GET, site, Bytes::new(), 0);
        let answer = upstream
            .send(&self.way, request)
            .await
            .map_err(|error| error.to_string())?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()));
        }
        body::collect(answer.into_body(), limit, self.patience.idle)
            .await
            .map_err(|fault| fault.to_string())
    }

    fn request(&self, method: Method, site: Site, body: Bytes, pick: u64) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = site.path;
        *request.headers_mut() = self.keys.pick(pick);
        request.headers_mut().insert(HOST, site.host);
        request
    }

    fn place(&self) -> Place<'_> {
        Place {
            provider: &self.provider,
            base: &self.base,
            vars: &self.vars,
            query: &self.query,
        }
    }
}

/// All that a URL of the target is made of, but surface and model.
struct Place<'a> {
    provider: &'a Provider,
    base: &'a BaseUrl,
    vars: &'a Vars,
    query: &'a str,
}

impl Place<'_> {
    fn url(&self, surface: Surface, model: &str) -> Result<String, BadSite> {
        let url = providers::endpoint(self.provider, surface, self.base, model, self.vars)?;
        Ok(self.with_query(&url))
    }

    fn with_query(&self, url: &str) -> String {
        match (self.query.is_empty(), url.contains('?')) {
            (true, _) => url.to_owned(),
            (false, true) => format!("{url}&{}", self.query),
            (false, false) => format!("{url}?{}", self.query),
        }
    }
}

/// A URL as a connection needs it: where to connect, what to name as the host, what to ask for.
#[derive(Clone)]
struct Site {
    origin: Uri,
    host: HeaderValue,
    path: Uri,
}

/// Why a URL cannot be called.
#[derive(Debug, thiserror::Error)]
enum BadSite {
    #[error(transparent)]
    Endpoint(#[from] providers::BadEndpoint),
    #[error("{url} is not an address that can be called: {reason}")]
    Url { url: String, reason: String },
}

impl Site {
    fn of(url: &str) -> Result<Site, BadSite> {
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

impl KeyRing {
    fn build(
        spec: &config::Target,
        provider: &Provider,
        base: &BaseUrl,
        common: &HeaderMap,
        keys: &[(String, u64)],
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
            let own = providers::request_headers(provider, base, key)
                .map_err(|error| wrong(spec, "api_key", &error))?;
            let mut headers = standing_headers();
            headers.extend(own);
            headers.extend(common.clone());
            ring.total += weight;
            ring.headers.push((headers, ring.total));
        }
        Ok(ring)
    }

    fn pick(&self, number: u64) -> HeaderMap {
        let place = number.checked_rem(self.total).unwrap_or_default();
        let picked = self.headers.iter().find(|(_, end)| place < *end);
        picked
            .map(|(headers, _)| headers.clone())
            .unwrap_or_default()
    }
}

/// The keys of a target with their weights; none where none is needed.
fn read_keys(
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
            Err(BuildError::NoCredential(format!(
                "target `{}` has no credential: set `api_key`{or_env}",
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

fn base_url(
    spec: &config::Target,
    provider: &Provider,
    env: Env<'_>,
) -> Result<Option<String>, BuildError> {
    match &spec.base_url {
        Some(written) => resolve(spec, "base_url", written, env).map(Some),
        None if spec.region.is_some() => Ok(None),
        None => Ok(provider.env.base_url.as_deref().and_then(env)),
    }
}

/// An address that is missing is like a missing credential; one that is wrong is wrong.
fn bad_address(spec: &config::Target, error: &BadBaseUrl) -> BuildError {
    let text = format!("target `{}`: {error}", spec.virtual_key);
    match error {
        BadBaseUrl::Missing { .. } => BuildError::NoCredential(text),
        _ => BuildError::Wrong(text),
    }
}

fn vars(spec: &config::Target, provider: &Provider, env: Env<'_>) -> Result<Vars, BuildError> {
    let from_env = |names: &providers::VarNames| {
        names
            .env
            .as_deref()
            .and_then(env)
            .filter(|value| !value.trim().is_empty())
    };
    let named = provider
        .env
        .vars
        .iter()
        .filter_map(|(name, names)| Some((name.clone(), from_env(names)?)));
    let mut vars: Vars = named.collect();
    for (name, value) in &spec.vars {
        vars.insert(
            name.clone(),
            resolve(spec, &format!("vars.{name}"), value, env)?,
        );
    }
    Ok(vars)
}

/// What the operator lists, and what the environment or the row names.
fn models(spec: &config::Target, provider: &Provider, env: Env<'_>) -> Vec<(Box<str>, Box<str>)> {
    let named =
        providers::models_from_env(provider, env).unwrap_or_else(|| provider.models.clone());
    let written = spec
        .models
        .pairs()
        .into_iter()
        .map(|(asked, own)| (asked.into(), own.into()));
    let mut models: Vec<(Box<str>, Box<str>)> = written.collect();
    for id in named {
        if !models.iter().any(|(asked, _)| **asked == *id) {
            models.push((id.as_str().into(), id.as_str().into()));
        }
    }
    models
}

fn patience(spec: &config::Target, provider: &Provider) -> Patience {
    let bounded = |bound: Option<Duration>| bound.filter(|length| !length.is_zero());
    Patience {
        first_byte: spec
            .timeouts
            .first_byte
            .unwrap_or(provider.timeouts.first_byte),
        idle: spec.timeouts.idle.unwrap_or(provider.timeouts.idle),
        total: bounded(spec.timeouts.total.or(provider.timeouts.total)),
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
fn common_headers(spec: &config::Target, env: Env<'_>) -> Result<HeaderMap, BuildError> {
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

fn query(spec: &config::Target, env: Env<'_>) -> Result<String, BuildError> {
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

/// The proxy on the way to `url`: the target's own, or the environment's.
fn proxy(spec: &config::Target, url: &str, env: Env<'_>) -> Result<Option<Proxy>, BuildError> {
    let uri: Uri = url
        .parse()
        .map_err(|error| wrong(spec, "base_url", &error))?;
    let set = |names: [&str; 2]| names.into_iter().find_map(env).unwrap_or_default();
    let matcher = match &spec.proxy {
        Some(config::Proxy::Direct) => return Ok(None),
        Some(config::Proxy::Via(url)) => Matcher::builder()
            .all(resolve(spec, "proxy", url.expose(), env)?)
            .build(),
        None => Matcher::builder()
            .https(set(["HTTPS_PROXY", "https_proxy"]))
            .http(set(["http_proxy", "HTTP_PROXY"]))
            .all(set(["ALL_PROXY", "all_proxy"]))
            .no(set(["NO_PROXY", "no_proxy"]))
            .build(),
    };
    let Some(intercept) = matcher.intercept(&uri) else {
        return Ok(None);
    };
    if intercept.uri().scheme_str() != Some("http") {
        return Err(BuildError::Wrong(format!(
            "target `{}`: proxy {} cannot be used: only http:// proxies are supported",
            spec.virtual_key,
            intercept.uri()
        )));
    }
    Ok(Some(Proxy {
        uri: intercept.uri().clone(),
        authorization: intercept.basic_auth().cloned(),
    }))
}

fn resolve(
    spec: &config::Target,
    field: &str,
    text: &str,
    env: Env<'_>,
) -> Result<String, BuildError> {
    config::resolve(text, env).map_err(|missing| wrong(spec, field, &missing))
}

fn wrong(spec: &config::Target, field: &str, what: &dyn std::fmt::Display) -> BuildError {
    BuildError::Wrong(format!("target `{}`: {field}: {what}", spec.virtual_key))
}

/// How the operator's word on unsupported parameters is said to the provider rules.
pub(crate) fn on_unsupported(word: config::OnUnsupportedParam) -> OnUnsupported {
    match word {
        config::OnUnsupportedParam::Warn => OnUnsupported::Warn,
        config::OnUnsupportedParam::Drop => OnUnsupported::Drop,
        config::OnUnsupportedParam::Reject => OnUnsupported::Reject,
    }
}

/// The rows in force: the built-in ones, with the operator's own beside and before them.
pub struct Rows(HashMap<Box<str>, Arc<Provider>>);

impl Rows {
    /// The built-in rows and the operator's.
    pub fn new<'a>(own: impl IntoIterator<Item = &'a Provider>) -> Rows {
        let all = providers::builtin().iter().chain(own);
        Rows(
            all.map(|row| (row.id.as_str().into(), Arc::new(row.clone())))
                .collect(),
        )
    }

    /// The row with this id.
    pub fn get(&self, id: &str) -> Option<Arc<Provider>> {
        self.0.get(id).cloned()
    }
}
