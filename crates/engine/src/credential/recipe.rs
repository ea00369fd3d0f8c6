//! Which credential a target uses when it has no key: what the config names, or what the environment
//! of its vendor's cloud offers.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use http::{HeaderMap, HeaderName, HeaderValue};
use providers::auth::{Granted, Hidden};
use providers::{Auth, BaseUrl, Provider, Vars};
use telemetry::Redactor;

use super::shelf::Shelves;
use super::{Cell, Credential, Net, Signed, aws, databricks, entra, google};
use crate::target::{BuildError, Env};

const PAYING_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// How a token is had.
#[derive(PartialEq)]
pub(super) enum Tokens {
    Google(google::Source),
    Entra(entra::Source),
    Databricks(databricks::Source),
}

impl Tokens {
    async fn fetch(&self, net: &Net) -> Result<Granted<Hidden>, String> {
        match self {
            Tokens::Google(source) => source.fetch(net).await,
            Tokens::Entra(source) => source.fetch(net).await,
            Tokens::Databricks(source) => source.fetch(net).await,
        }
    }

    fn secrets(&self) -> Vec<&Hidden> {
        match self {
            Tokens::Google(source) => source.secrets(),
            Tokens::Entra(source) => source.secrets(),
            Tokens::Databricks(source) => source.secrets(),
        }
    }
}

/// What a credential is found with.
pub(crate) struct Ground<'a> {
    pub(crate) spec: &'a config::Target,
    pub(crate) provider: &'a Provider,
    pub(crate) base: &'a BaseUrl,
    pub(crate) vars: &'a Vars,
    pub(crate) env: Env<'a>,
    pub(crate) net: &'a Net,
    /// Files whose change is a change of the configuration, as they are found.
    pub(crate) files: RefCell<Vec<PathBuf>>,
}

/// A credential, and what belongs to it.
pub(crate) struct Found {
    pub(crate) credential: Credential,
    /// What no text may show.
    pub(crate) secrets: Vec<String>,
    /// What every call carries besides.
    pub(crate) headers: HeaderMap,
}

/// The credential that the config names, or that the environment offers; none if neither does.
pub(crate) fn find(ground: &Ground<'_>, shelves: &Shelves) -> Result<Option<Found>, BuildError> {
    let named = ground.spec.auth.clone().unwrap_or_default();
    let found = match (&ground.provider.auth, named) {
        (
            row,
            config::Auth {
                aws: Some(written), ..
            },
        ) => {
            let service = match row {
                Auth::Aws(row) => Some(row.service.clone()),
                _ => None,
            };
            let service = written.service.clone().or(service);
            let service = service.ok_or_else(|| ground.wrong("auth.aws.service", "is required"))?;
            return aws(ground, &written, service, shelves).map(Some);
        }
        (
            _,
            config::Auth {
                google: Some(written),
                ..
            },
        ) => google::source(ground, &written, &[])?.map(Tokens::Google),
        (
            row,
            config::Auth {
                entra: Some(written),
                ..
            },
        ) => {
            let scope = match row {
                Auth::Entra(row) => Some(row.scope.clone()),
                _ => None,
            };
            entra::source(ground, &written, scope, true)?.map(Tokens::Entra)
        }
        (
            _,
            config::Auth {
                databricks: Some(written),
                ..
            },
        ) => databricks::source(ground, &written)?.map(Tokens::Databricks),
        (Auth::Aws(row), _) => {
            return aws(
                ground,
                &config::AwsAuth::default(),
                row.service.clone(),
                shelves,
            )
            .map(Some);
        }
        (Auth::Google(row), _) => {
            let unwritten = config::GoogleAuth::default();
            google::source(ground, &unwritten, &row.document_env)?.map(Tokens::Google)
        }
        // A machine may have an identity without anybody wanting it used for this: it takes a word.
        (Auth::Entra(row), _) => {
            let unwritten = config::EntraAuth::default();
            entra::source(ground, &unwritten, Some(row.scope.clone()), false)?.map(Tokens::Entra)
        }
        (Auth::Databricks, _) => {
            databricks::source(ground, &config::DatabricksAuth::default())?.map(Tokens::Databricks)
        }
        (Auth::Bearer | Auth::ApiKey | Auth::Header(_), _) => None,
    };
    Ok(found.map(|recipe| tokens(recipe, ground.net, shelves)))
}

fn tokens(recipe: Tokens, net: &Net, shelves: &Shelves) -> Found {
    let secrets = shown_nowhere(&recipe.secrets());
    let mut headers = HeaderMap::new();
    if let Tokens::Google(source) = &recipe
        && let Some(project) = source.paying_project()
        && let Ok(project) = HeaderValue::from_str(project)
    {
        headers.insert(PAYING_PROJECT, project);
    }
    let name = match &recipe {
        Tokens::Google(source) => source.name(),
        Tokens::Entra(source) => source.name(),
        Tokens::Databricks(source) => source.name(),
    };
    let cell = shelves.tokens.of(recipe, net.clone(), |recipe, net| {
        let redactor = redactor(&recipe.secrets());
        Cell::new(
            name,
            Box::new(move || {
                let (recipe, net, redactor) = (recipe.clone(), net.clone(), redactor.clone());
                Box::pin(async move {
                    let granted = recipe.fetch(&net).await;
                    granted
                        .and_then(|granted| header(&granted))
                        .map_err(|why| redactor.redact(&why).into_owned())
                })
            }),
        )
    });
    Found {
        credential: Credential::Token(cell),
        secrets,
        headers,
    }
}

fn aws(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
    service: String,
    shelves: &Shelves,
) -> Result<Found, BuildError> {
    let (source, region) = aws::source(ground, written)?;
    let secrets = shown_nowhere(&source.secrets());
    let keys = shelves.keys.of(source, ground.net.clone(), |source, net| {
        let redactor = redactor(&source.secrets());
        Cell::new(
            source.name(),
            Box::new(move || {
                let (source, net, redactor) = (source.clone(), net.clone(), redactor.clone());
                Box::pin(async move {
                    let granted = source.fetch(&net).await;
                    granted.map_err(|why| redactor.redact(&why).into_owned())
                })
            }),
        )
    });
    Ok(Found {
        credential: Credential::Signed(Signed {
            keys,
            region: region.into(),
            service: service.into(),
            ahead: AtomicI64::new(0),
        }),
        secrets,
        headers: HeaderMap::new(),
    })
}

fn redactor(secrets: &[&Hidden]) -> Arc<Redactor> {
    Arc::new(Redactor::default().and_values(secrets.iter().map(|secret| secret.expose())))
}

fn shown_nowhere(secrets: &[&Hidden]) -> Vec<String> {
    secrets
        .iter()
        .map(|secret| secret.expose().to_owned())
        .collect()
}

fn header(granted: &Granted<Hidden>) -> Result<Granted<HeaderValue>, String> {
    let text = format!("Bearer {}", granted.value.expose());
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "the token holds a character that a header cannot carry".to_owned())?;
    value.set_sensitive(true);
    Ok(Granted {
        value,
        lifetime: granted.lifetime,
    })
}

impl Ground<'_> {
    /// Something that the operator wrote cannot be used.
    pub(super) fn wrong(&self, field: &str, what: impl std::fmt::Display) -> BuildError {
        BuildError::Wrong(format!(
            "target `{}`: {field}: {what}",
            self.spec.virtual_key
        ))
    }

    /// What the vendor needs is not there.
    pub(super) fn lacking(&self, what: &str) -> BuildError {
        BuildError::NoCredential(format!(
            "target `{}` has no credential: {what}",
            self.spec.virtual_key
        ))
    }

    /// A variable of the environment; an empty one is as good as none.
    pub(super) fn var(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A secret as the config writes it: text with references, or a file.
    pub(super) fn secret(
        &self,
        field: &str,
        written: Option<&config::Secret>,
    ) -> Result<Option<String>, BuildError> {
        let Some(written) = written else {
            return Ok(None);
        };
        let value = match written.source() {
            config::Source::Text(_) => written
                .resolve(self.env)
                .map_err(|missing| self.wrong(field, missing))?,
            config::Source::File(path) => self.file(field, path)?,
        };
        match value.trim() {
            "" => Err(self.wrong(field, "is empty")),
            value => Ok(Some(value.to_owned())),
        }
    }

    /// A text with references that is no secret.
    pub(super) fn text(
        &self,
        field: &str,
        written: Option<&String>,
    ) -> Result<Option<String>, BuildError> {
        let resolved = written
            .map(|text| config::resolve(text, self.env))
            .transpose();
        resolved.map_err(|missing| self.wrong(field, missing))
    }

    /// The text of a file, read while the target is built.
    pub(super) fn file(&self, field: &str, path: &Path) -> Result<String, BuildError> {
        self.files.borrow_mut().push(path.to_owned());
        std::fs::read_to_string(path)
            .map_err(|error| self.wrong(field, format!("{}: {error}", path.display())))
    }

    /// A file below the home of whoever runs the gateway.
    pub(super) fn home(&self, below: &str) -> Option<PathBuf> {
        let home = self.var("HOME").or_else(|| self.var("USERPROFILE"))?;
        Some(Path::new(&home).join(below))
    }
}
