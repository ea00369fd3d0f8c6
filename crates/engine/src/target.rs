//! A target: one configured way to one vendor, built and ready to be called.

mod keys;
mod lore;
mod models;
pub(crate) mod place;
mod plain;
mod proxy;
mod rows;
mod send;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use catalog::Catalog;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request};
use providers::auth::aws::region_of_host;
use providers::{BadBaseUrl, BaseUrl, Provider, Surface, Vars};

use wire::fault::Fault;

use crate::body;
use crate::credential::{self, Credential, Ground, Net, Shelves};
use crate::guard::{Guard, GuardSpec, Guards, RetryRules};
use crate::trust::{TrustError, TrustStore};
use crate::upstream::{Transport, Upstream, Way, Ways};
pub(crate) use keys::{AGENT, Key, KeyRing};
use lore::Lore;
pub use models::{Declared, Offer};
pub(crate) use place::Site;
use place::{BadSite, Place};
pub(crate) use plain::PlainWays;
pub use rows::Rows;

/// How long a token service may take for one answer.
const TOKEN_PATIENCE: Duration = Duration::from_secs(10);

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
    /// Until the client can be answered.
    pub attempt: Option<Duration>,
    /// Until the first content of a stream.
    pub first_token: Option<Duration>,
}

/// What targets share, and keep when the configuration changes around them.
#[derive(Default)]
pub struct Lasting {
    trust: TrustStore,
    ways: Ways,
    /// What is known of models, without what the operator says.
    pub(crate) catalog: ArcSwap<Catalog>,
    credentials: Shelves,
    guards: Guards,
}

impl Lasting {
    /// Whom everything trusts that is no target with authorities of its own.
    pub(crate) fn tls(&self) -> Result<Arc<rustls::ClientConfig>, TrustError> {
        self.trust.config(None)
    }
}

/// A target that can be called.
pub struct Target {
    /// Its name.
    pub name: Arc<str>,
    /// Its vendor.
    pub provider: Arc<Provider>,
    /// Its vendor's id.
    pub provider_id: Arc<str>,
    /// Both, vendor first, as an answer's headers show them.
    pub(crate) shown: [Option<HeaderValue>; 2],
    /// What the operator says it serves.
    pub models: Declared,
    /// How long it may take.
    pub patience: Patience,
    /// When it is tried again.
    pub retry: RetryRules,
    /// When a second try is made beside a slow first one.
    pub hedge: Option<config::HedgeAfter>,
    /// What is known of how it does.
    pub guard: Arc<Guard>,
    /// How it is reached.
    pub way: Arc<Way>,
    /// Files it was built from; a change of one is a change of the configuration.
    pub files: Vec<PathBuf>,
    base: BaseUrl,
    vars: Vars,
    keys: KeyRing,
    /// What finishes a request, where its headers are not all.
    credential: Option<Credential>,
    query: String,
    chat: Endpoint,
    lore: Lore,
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
        let ground = Ground {
            spec,
            provider: &provider,
            base: &base,
            vars: &vars,
            env,
            net: &Net {
                tls: lasting.trust.config(spec.ca_file.as_deref())?,
                proxy: proxy::rule(spec, env)?,
                patience: TOKEN_PATIENCE,
            },
            files: RefCell::default(),
        };
        let (written, found) = payer(&ground, lasting, &mut files)?;
        files.extend(ground.files.into_inner());
        // What the operator writes counts before what a credential brings.
        let mut common = found
            .as_ref()
            .map_or_else(HeaderMap::new, |found| found.headers.clone());
        common.extend(keys::common_headers(spec, env)?);
        if checks_what_is_not_there(spec, &provider) {
            let what = "its vendor has no list of models to ask for; set `health_check.path`";
            return Err(wrong(spec, "health_check", &what));
        }
        let guard = lasting.guards.of(
            &identity(&spec.virtual_key, &provider.id, &base),
            &guard_spec(spec),
        );
        let query = place::query(spec, env)?;
        let place = Place {
            provider: &provider,
            base: &base,
            vars: &vars,
            query: &query,
        };
        let sample = place
            .url(Surface::Chat, "model")
            .map_err(|error| wrong(spec, "base_url", &error))?;
        let site = Site::of(&sample).map_err(|error| wrong(spec, "base_url", &error))?;
        // There already, so that no call has to make room for it.
        common.insert(HOST, site.host.clone());
        let states = keys::states(&written, &lasting.guards, &guard);
        let keys = KeyRing::build(
            spec,
            &provider,
            &base,
            &common,
            &written,
            found.is_some(),
            states,
        )?;
        files.extend(spec.ca_file.clone());
        let chat = if place.url(Surface::Chat, "another").ok().as_ref() == Some(&sample) {
            Endpoint::Fixed(Box::new(site.clone()))
        } else {
            Endpoint::PerModel
        };
        let transport = Transport {
            connect_timeout: spec.timeouts.connect.unwrap_or(provider.timeouts.connect),
            proxy: proxy::on_the_way(spec, &sample, env)?,
            tls: lasting.trust.config(spec.ca_file.as_deref())?,
        };
        Ok(Target {
            name: spec.virtual_key.as_str().into(),
            provider_id: provider.id.as_str().into(),
            shown: [&provider.id, &spec.virtual_key].map(|text| HeaderValue::from_str(text).ok()),
            models: Declared::build(&spec.models, &provider, env),
            patience: patience(spec, &provider),
            retry: RetryRules::of(&spec.retry),
            hedge: spec.hedge.map(|hedge| hedge.after),
            guard,
            way: lasting.ways.to(site.origin, transport),
            provider,
            files,
            base,
            vars,
            query,
            keys,
            chat,
            lore: Lore::default(),
            secrets: written
                .into_iter()
                .map(|(key, _)| key)
                .chain(found.iter().flat_map(|found| found.secrets.clone()))
                .map(String::into_boxed_str)
                .collect(),
            credential: found.map(|found| found.credential),
        })
    }

    /// What it is, whatever it is called: another vendor or another address is another target.
    pub fn identity(&self) -> String {
        identity(&self.name, &self.provider_id, &self.base)
    }

    /// Its keys, which no text may show.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|key| &**key)
    }

    /// Whether what its vendor lists can be asked of it under the listed name.
    pub fn lists_what_it_serves(&self) -> bool {
        !self.provider.claims.deployments
    }

    /// One of its keys: a number from outside chooses among those that may be used now.
    pub(crate) fn pick_key(&self, number: u64) -> Key {
        self.keys.pick(number, || self.guard.clock().now())
    }

    /// What is known of its keys.
    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// A chat request to this target with one of its keys; to `path` below the API root, where that
    /// is not the surface's own, `strip` taken off the root's end.
    pub(crate) fn chat_request(
        &self,
        model: &str,
        path: Option<&str>,
        strip: Option<&str>,
        body: Bytes,
        key: Key,
    ) -> Result<Request<Bytes>, BuildError> {
        let url = match (path, &self.chat) {
            (Some(path), _) => {
                let base = self.base.as_str();
                let root = strip.and_then(|ending| base.strip_suffix(ending));
                let root = root.unwrap_or(base);
                Ok(self.place().with_query(&format!("{root}{path}")))
            }
            (None, Endpoint::PerModel) => self.place().url(Surface::Chat, model),
            (None, Endpoint::Fixed(site)) => {
                return Ok(self.request(Method::POST, (**site).clone(), body, key));
            }
        };
        let site = url
            .and_then(|url| Site::of(&url))
            .map_err(|error| BuildError::Wrong(error.to_string()))?;
        Ok(self.request(Method::POST, site, body, key))
    }

    /// Where its API is.
    pub(crate) fn root(&self) -> &str {
        self.base.as_str()
    }

    /// A request without a body to a path below the API root, with one of its keys.
    pub(crate) fn request_below(
        &self,
        method: Method,
        path: &str,
        key: Key,
    ) -> Result<Request<Bytes>, BadSite> {
        let url = format!("{}{path}", self.base);
        let site = Site::of(&self.place().with_query(&url))?;
        Ok(self.request(method, site, Bytes::new(), key))
    }

    /// A request for what is at a URL that the vendor named, with one of its keys, and the way
    /// there. Whoever asks for it knows that the key may go there.
    pub(crate) fn request_at(
        &self,
        url: &str,
        key: Key,
    ) -> Result<(Arc<Way>, Request<Bytes>), BadSite> {
        let site = Site::of(url)?;
        let way = if self.way.leads_to(&site.origin) {
            self.way.clone()
        } else {
            Arc::new(self.way.aside(site.origin.clone()))
        };
        Ok((way, self.request(Method::GET, site, Bytes::new(), key)))
    }

    /// Refuses a model that lives in a region other than the target's.
    pub(crate) fn check_region(&self, region: &str) -> Result<(), Fault> {
        match self.way.host().and_then(region_of_host) {
            Some(own) if own != region => {
                let text = format!(
                    "the model is of the region `{region}`, and the target `{}` calls `{own}`",
                    self.name
                );
                Err(Fault::invalid(text, Some("model")))
            }
            _ => Ok(()),
        }
    }

    /// The vendor's own list of models, as it sends it; further pages with the `query` that the one
    /// before said.
    pub async fn list_models(
        &self,
        upstream: &Upstream,
        query: Option<&str>,
        limit: usize,
    ) -> Result<Bytes, String> {
        let Some(mut url) = providers::list_url(&self.provider, &self.base) else {
            return Err("its vendor has no list of models".into());
        };
        if let Some(query) = query {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(query);
        }
        let site = Site::of(&self.place().with_query(&url)).map_err(|error| error.to_string())?;
        let request = self.request(Method::GET, site, Bytes::new(), self.pick_key(0));
        let answer = self
            .send(upstream, Box::new(request))
            .await
            .map_err(|fault| fault.to_string())?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()));
        }
        body::collect(answer.into_body(), limit, self.patience.idle)
            .await
            .map_err(|fault| fault.to_string())
    }

    /// Whether it answers at all: a status that is no failure of its own.
    pub(crate) async fn check(
        &self,
        upstream: &Upstream,
        path: Option<&str>,
    ) -> Result<(), String> {
        let url = match path {
            Some(path) => Some(providers::url_at(path, self.base.as_str())),
            None => providers::list_url(&self.provider, &self.base),
        };
        let Some(url) = url else {
            return Ok(());
        };
        let site = Site::of(&self.place().with_query(&url)).map_err(|error| error.to_string())?;
        let request = self.request(Method::GET, site, Bytes::new(), self.pick_key(0));
        let answer = self
            .send(upstream, Box::new(request))
            .await
            .map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            status @ (401 | 403 | 500..) => Err(format!("the answer is {status}")),
            _ => Ok(()),
        }
    }

    fn request(&self, method: Method, site: Site, body: Bytes, key: Key) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = site.path;
        *request.headers_mut() = self.keys.headers(key);
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

/// What pays for calls: keys with their weights, or a credential that is none.
type Payer = (Vec<(String, u64)>, Option<credential::Found>);

/// What pays for the target's calls.
fn payer(
    ground: &Ground<'_>,
    lasting: &Lasting,
    files: &mut Vec<PathBuf>,
) -> Result<Payer, BuildError> {
    let find = || credential::find(ground, &lasting.credentials);
    if ground.spec.auth.is_some() {
        return Ok((Vec::new(), find()?));
    }
    match keys::read(ground.spec, ground.provider, ground.env, files) {
        Err(BuildError::NoCredential(reason)) => match find()? {
            Some(found) => Ok((Vec::new(), Some(found))),
            None => Err(BuildError::NoCredential(reason)),
        },
        other => Ok((other?, None)),
    }
}

fn identity(name: &str, provider: &str, base: &BaseUrl) -> String {
    format!("{name} {provider} {base}")
}

fn checks_what_is_not_there(spec: &config::Target, provider: &Provider) -> bool {
    let check = spec.health_check.as_ref();
    check.is_some_and(|check| check.path.is_none()) && provider.discovery.is_none()
}

fn guard_spec(spec: &config::Target) -> GuardSpec {
    let percentile =
        |hedge: &config::Hedge| matches!(hedge.after, config::HedgeAfter::Percentile(_));
    GuardSpec {
        target: spec.virtual_key.clone(),
        provider: spec.provider_id().to_owned(),
        breaker: spec.circuit_breaker.clone(),
        concurrency: spec.concurrency.clone(),
        health: spec.health_check.clone(),
        spread: spec.hedge.as_ref().is_some_and(percentile),
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

fn patience(spec: &config::Target, provider: &Provider) -> Patience {
    let bounded = |bound: Option<Duration>| bound.filter(|length| !length.is_zero());
    Patience {
        first_byte: spec
            .timeouts
            .first_byte
            .unwrap_or(provider.timeouts.first_byte),
        idle: spec.timeouts.idle.unwrap_or(provider.timeouts.idle),
        total: bounded(spec.timeouts.total.or(provider.timeouts.total)),
        attempt: spec.timeouts.attempt,
        first_token: spec.timeouts.first_token,
    }
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
