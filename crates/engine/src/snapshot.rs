//! One configuration, built and ready: what a call reads from its first step to its last.
//!
//! A reload builds another one and swaps it in; a call that has begun keeps its own.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use catalog::Catalog;
use config::{Config, Mode};

use crate::capabilities;
use crate::directory::{Candidate, Directory};
use crate::discovery::Found;
use crate::gateway::Surroundings;
use crate::principal::{KeySpec, KeyTable, Scope, Scopes};
use crate::refresh::today;
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
    /// Targets that cannot be called.
    pub unroutable: Vec<Unroutable>,
    targets: Arc<[Arc<Target>]>,
    catalog: Arc<Catalog>,
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
        if !wrong.is_empty() {
            return Err(SnapshotError(wrong));
        }
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
        let directory = directory(&config, &targets, found, tariffs);
        let capabilities = capabilities::document(&targets);
        Ok(Snapshot {
            keys,
            redactor: Arc::new(redactor),
            unroutable,
            targets: targets.into(),
            catalog,
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
            unroutable: self.unroutable.clone(),
            targets: self.targets.clone(),
            directory: directory(&self.config, &self.targets, found, tariffs),
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

    /// The model that an alias stands for; any other id stands for itself.
    pub fn resolve<'a>(&'a self, model: &'a str) -> &'a str {
        self.config.aliases.get(model).map_or(model, String::as_str)
    }

    /// The candidates for a call, best first.
    pub fn route(&self, model: &str, row: &SurfaceRow, streamed: bool) -> Vec<Candidate> {
        let surface = if streamed {
            row.streamed.unwrap_or(row.whole)
        } else {
            row.whole
        };
        self.directory.candidates(model, surface)
    }

    /// Files that this configuration was built from, besides its own.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.targets.iter().flat_map(|target| &target.files)
    }
}

/// `single` knows one target; what it does not serve, nobody does.
fn directory(
    config: &Config,
    targets: &[Arc<Target>],
    found: &Found,
    tariffs: Tariffs,
) -> Directory {
    let reachable = match config.strategy.mode {
        Mode::Fallback => targets.to_vec(),
        Mode::Single => {
            let first = config.targets.first().map(|spec| spec.virtual_key.as_str());
            targets
                .iter()
                .filter(|target| Some(&*target.name) == first)
                .cloned()
                .collect()
        }
    };
    Directory::build(reachable, found, tariffs)
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
    }
}
