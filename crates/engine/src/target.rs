//! A target: one configured way to one vendor, built and ready to be called.

mod keys;
mod place;
mod plain;
mod proxy;
mod rows;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use catalog::Catalog;
use http::header::HOST;
use http::{Method, Request};
use http_body_util::Full;
use providers::{BadBaseUrl, BaseUrl, Provider, Surface, Vars};

use crate::body;
use crate::trust::{TrustError, TrustStore};
use crate::upstream::{Transport, Upstream, Way, Ways};
use keys::KeyRing;
use place::Place;
pub(crate) use place::Site;
pub(crate) use plain::PlainWays;
pub use rows::Rows;

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
    /// What is known of models, without what the operator says.
    pub(crate) catalog: ArcSwap<Catalog>,
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
        let common = keys::common_headers(spec, env)?;
        let written = keys::read(spec, &provider, env, &mut files)?;
        let keys = KeyRing::build(spec, &provider, &base, &common, &written)?;
        files.extend(spec.ca_file.clone());
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
        let chat = if place.url(Surface::Chat, "another").ok().as_ref() == Some(&sample) {
            Endpoint::Fixed(Box::new(
                Site::of(&sample).map_err(|error| wrong(spec, "base_url", &error))?,
            ))
        } else {
            Endpoint::PerModel
        };
        let transport = Transport {
            connect_timeout: spec.timeouts.connect.unwrap_or(provider.timeouts.connect),
            proxy: proxy::on_the_way(spec, &sample, env)?,
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
