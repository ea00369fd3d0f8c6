//! One configuration, built and ready: what a call reads from its first step to its last.
//!
//! A reload builds another one and swaps it in; a call that has begun keeps its own.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use catalog::Catalog;
use config::{Config, OneOrMany};

use crate::capabilities;
use crate::directory::{Directory, Sought};
use crate::discovery::Found;
use crate::egress::{self, Egress};
use crate::gateway::Surroundings;
use crate::principal::{KeySpec, KeyTable, Scope, Scopes};
use crate::refresh::today;
use crate::routing::Routing;
use crate::surface::SurfaceRow;
use crate::target::{BuildError, Lasting, Rows, Target};
use crate::tariffs::Tariffs;
use telemetry::Redactor;

/// A configured target that cannot be called, and why.
#[derive(Clone, Debug)]
pub struct Unroutable {
    /// Its name.
    pub name: String,
    /// Its vendor's id.
    pub provider: String,
    /// What is missing, and how to give it.
    pub reason: String,
}

/// Everything that a call needs to know of the configuration.
pub struct Snapshot {
    /// What the operator wrote.
    pub config: Arc<Config>,
    /// Who may call.
    pub keys: Arc<KeyTable>,
    /// Takes the operator's secrets out of texts.
    pub redactor: Arc<Redactor>,
    /// Fetches what requests name by URL.
    pub egress: Arc<Egress>,
    /// Targets that cannot be called.
    pub unroutable: Vec<Unroutable>,
    targets: Arc<[Arc<Target>]>,
    catalog: Arc<Catalog>,
    routing: Arc<Routing>,
    directory: Directory,
    capabilities: Bytes,
}

/// Everything that was wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SnapshotError(pub Vec<String>);

impl Snapshot {
    /// Builds a configuration. Targets without a credential are left out and named; everything
    /// else that cannot be built is an error, all of it at once.
    pub fn build(
        config: Arc<Config>,
        surroundings: &Surroundings,
        lasting: &Lasting,
        found: &Found,
    ) -> Result<Snapshot, SnapshotError> {
        let rows = Rows::new(&config.providers);
        let (mut targets, mut unroutable, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for spec in &config.targets {
            let id = spec.provider_id();
            let built = match rows.get(id) {
                Some(row) => Target::build(spec, row, &surroundings.env, lasting),
                None => Err(BuildError::Wrong(format!(
                    "target `{}`: unknown provider `{id}`",
                    spec.virtual_key
                ))),
            };
            match built {
                Ok(target) => targets.push(Arc::new(target)),
                Err(BuildError::Wrong(problem)) => wrong.push(problem),
                Err(BuildError::NoCredential(reason)) => {
                    unroutable.push(Unroutable {
                        name: spec.virtual_key.clone(),
                        provider: id.to_owned(),
                        reason,
                    });
                }
            }
        }
        let tls = lasting.tls().map_err(|error| wrong.push(error.to_string()));
        let (Ok(tls), true) = (tls, wrong.is_empty()) else {
            return Err(SnapshotError(wrong));
        };
        let rules = egress::Rules::new(config.media.fetch.clone());
        let keys = KeyTable::build(
            config.keys.iter().filter(|key| !key.disabled).map(key_spec),
            surroundings.master_key.as_deref(),
        )
        .into();
        let known = surroundings
            .secrets
            .iter()
            .map(|(name, value)| (name, value));
        let redactor =
            Redactor::new(known).and_values(targets.iter().flat_map(|target| target.secrets()));
        let today = today();
        let known = Catalog::clone(&lasting.catalog.load());
        let catalog = Arc::new(known.with_overrides(&config.catalog.overrides(), today));
        let tariffs = Tariffs::new(catalog.clone(), today);
        let targets: Arc<[Arc<Target>]> = targets.into();
        let routing =
            Routing::build(&config, &targets).map_err(|error| SnapshotError(vec![error]))?;
        let directory = Directory::build(targets.clone(), found, &routing, tariffs);
        let capabilities = capabilities::document(&targets);
        Ok(Snapshot {
            keys,
            redactor: Arc::new(redactor),
            egress: Arc::new(Egress::new(rules, tls)),
            unroutable,
            targets,
            catalog,
            routing: Arc::new(routing),
            directory,
            capabilities,
            config,
        })
    }

    /// The same configuration with what vendors have listed since.
    pub fn with_found(&self, found: &Found) -> Snapshot {
        self.with(found, self.catalog.clone())
    }

    /// The same configuration with the prices of today, and of a newer catalog if there is one.
    pub(crate) fn with_catalog(&self, known: &Catalog, found: &Found) -> Snapshot {
        let overrides = self.config.catalog.overrides();
        self.with(
            found,
            Arc::new(known.clone().with_overrides(&overrides, today())),
        )
    }

    fn with(&self, found: &Found, catalog: Arc<Catalog>) -> Snapshot {
        let tariffs = Tariffs::new(catalog.clone(), today());
        Snapshot {
            catalog,
            config: self.config.clone(),
            keys: self.keys.clone(),
            redactor: self.redactor.clone(),
            egress: self.egress.clone(),
            unroutable: self.unroutable.clone(),
            targets: self.targets.clone(),
            routing: self.routing.clone(),
            directory: Directory::build(self.targets.clone(), found, &self.routing, tariffs),
            capabilities: self.capabilities.clone(),
        }
    }

    /// The targets that can be called, in the order of the configuration.
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// What is known of models, the operator's word included.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Who serves what.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// `GET /v1/capabilities`.
    pub fn capabilities(&self) -> Bytes {
        self.capabilities.clone()
    }

    /// The models that an alias stands for, in order; any other id stands for itself.
    pub fn meant<'a>(&'a self, asked: &'a str) -> impl Iterator<Item = &'a str> {
        let models = self.config.aliases.get(asked).map(OneOrMany::as_slice);
        let itself = models.is_none().then_some(asked);
        models
            .unwrap_or_default()
            .iter()
            .map(String::as_str)
            .chain(itself)
    }

    /// Who can serve a call for the model.
    pub fn seek<'m>(&self, model: &'m str, row: &SurfaceRow, streamed: bool) -> Sought<'m> {
        let surface = if streamed {
            row.streamed.unwrap_or(row.whole)
        } else {
            row.whole
        };
        self.directory.seek(model, surface)
    }

    /// Which strategy decides.
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// What is shown of one model.
    pub fn model_entry(&self, model: &str) -> Option<Bytes> {
        self.directory.entry(model, &self.routing)
    }

    /// Names of models and aliases like this one that the caller may see.
    pub fn near(&self, model: &str, may_use: impl Fn(&str) -> bool + Copy) -> Vec<&str> {
        let aliases = self.config.aliases.iter();
        let seen = aliases.filter(|(alias, models)| {
            may_use(alias) || models.as_slice().iter().any(|model| may_use(model))
        });
        let aliases = seen.map(|(alias, _)| alias.as_str());
        self.directory.near(model, aliases, may_use)
    }

    /// Files that this configuration was built from, besides its own.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.targets.iter().flat_map(|target| &target.files)
    }
}

fn key_spec(key: &config::Key) -> KeySpec {
    let scopes = key.scopes.iter().map(|scope| match scope {
        config::Scope::Admin => Scope::Admin,
        config::Scope::ReadOnly => Scope::ReadOnly,
        config::Scope::Inference => Scope::Inference,
    });
    KeySpec {
        name: key.name.clone(),
        hash: key.sha256.0,
        scopes: Scopes::of(scopes),
        models: key.models.clone(),
        expires: key.expires_at,
        metadata: key.metadata.clone(),
    }
}
