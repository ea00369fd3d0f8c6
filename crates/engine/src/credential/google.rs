//! Where a token of Google's comes from: a credential document, or the metadata server.

use std::path::{Path, PathBuf};

use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderName, HeaderValue, Method};
use providers::auth::google::{
    self, Document, External, METADATA_HOST, Place, SCOPE, ask_as_service_account, ask_as_user,
    ask_metadata, ask_to_act_as, ask_with_subject, subject_token,
};
use providers::auth::{Ask, BadCredential, Granted, Hidden, token};

use super::net::Net;
use super::recipe::Ground;
use super::{file, seconds};
use crate::target::BuildError;

/// Where `gcloud auth application-default login` leaves its document.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";
const FILE: &str = "application_default_credentials.json";

type Token = Result<Granted<Hidden>, String>;

/// Where a token comes from.
#[derive(Clone, PartialEq)]
pub(super) struct Source {
    from: From,
    scope: String,
}

#[derive(Clone, PartialEq)]
enum From {
    Document(Document),
    /// The metadata server at this host.
    Metadata(String),
}

/// Where the target's token comes from. `document_env` names variables that may hold a document.
pub(super) fn source(
    ground: &Ground<'_>,
    written: &config::GoogleAuth,
    document_env: &[String],
) -> Result<Option<Source>, BuildError> {
    let scope = ground.text("auth.google.scope", written.scope.as_ref())?;
    let from = match document(ground, written, document_env)? {
        Some((field, text)) => {
            let document = google::read(&text).map_err(|error| ground.wrong(&field, error))?;
            From::Document(document)
        }
        None => From::Metadata(
            ground
                .var("GCE_METADATA_HOST")
                .unwrap_or_else(|| METADATA_HOST.to_owned()),
        ),
    };
    Ok(Some(Source {
        from,
        scope: scope.unwrap_or_else(|| SCOPE.to_owned()),
    }))
}

/// The text of the first document that is there, and what named it.
fn document(
    ground: &Ground<'_>,
    written: &config::GoogleAuth,
    document_env: &[String],
) -> Result<Option<(String, String)>, BuildError> {
    let field = "auth.google.credentials";
    if let Some(text) = ground.secret(field, written.credentials.as_ref())? {
        return Ok(Some((field.into(), text)));
    }
    let from_file = |field: &str, path: &Path| {
        let text = ground.file(field, path)?;
        Ok(Some((format!("{field}: {}", path.display()), text)))
    };
    if let Some(path) = &written.credentials_file {
        return from_file("auth.google.credentials_file", path);
    }
    for name in document_env {
        if let Some(text) = ground.var(name) {
            return Ok(Some((name.clone(), text)));
        }
    }
    let name = "GOOGLE_APPLICATION_CREDENTIALS";
    if let Some(path) = ground.var(name) {
        return from_file(name, Path::new(&path));
    }
    match gcloud(ground).filter(|path| path.exists()) {
        Some(path) => from_file("application default credentials", &path),
        None => Ok(None),
    }
}

fn gcloud(ground: &Ground<'_>) -> Option<PathBuf> {
    let own = ground.var("CLOUDSDK_CONFIG");
    own.map(|folder| Path::new(&folder).join(FILE))
        .or_else(|| ground.home(WELL_KNOWN))
}

impl Source {
    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        match &self.from {
            From::Metadata(_) => "google metadata server".to_owned(),
            From::Document(document) => match document {
                Document::ServiceAccount(account) => format!("google {}", account.client_email),
                Document::User(_) => "google user".to_owned(),
                Document::External(_) => "google workload identity".to_owned(),
                Document::Impersonated(_) => "google impersonation".to_owned(),
            },
        }
    }

    /// The project that pays, where the credential names one: a user's calls need it.
    pub(super) fn paying_project(&self) -> Option<&str> {
        match &self.from {
            From::Document(Document::User(user)) => user.quota_project_id.as_deref(),
            From::Document(_) | From::Metadata(_) => None,
        }
    }

    pub(super) fn secrets(&self) -> Vec<&Hidden> {
        let mut found = Vec::new();
        let mut next = match &self.from {
            From::Document(document) => Some(document),
            From::Metadata(_) => None,
        };
        while let Some(document) = next.take() {
            match document {
                Document::ServiceAccount(account) => found.push(&account.private_key),
                Document::User(user) => found.extend([&user.client_secret, &user.refresh_token]),
                Document::Impersonated(acting) => next = Some(&*acting.source),
                Document::External(external) => {
                    if let Place::Url(_, headers) = &external.subject.place {
                        found.extend(headers.iter().map(|(_, value)| value));
                    }
                }
            }
        }
        found
    }

    /// A token that is good now.
    pub(super) async fn fetch(&self, net: &Net) -> Token {
        match &self.from {
            From::Document(document) => of_document(document, &self.scope, net).await,
            From::Metadata(host) => {
                let ask = ask_metadata(host).map_err(|error| text(&error))?;
                read(&net.ask_near(ask).await?)
            }
        }
    }
}

fn of_document<'a>(document: &'a Document, scope: &'a str, net: &'a Net) -> BoxFuture<'a, Token> {
    async move {
        match document {
            Document::ServiceAccount(account) => {
                let ask = ask_as_service_account(account, scope, seconds())
                    .map_err(|error| text(&error))?;
                read(&net.ask(ask).await?)
            }
            Document::User(user) => read(&net.ask(ask_as_user(user)).await?),
            Document::External(external) => of_another(external, scope, net).await,
            Document::Impersonated(acting) => {
                let own = of_document(&acting.source, SCOPE, net).await?.value;
                let ask = ask_to_act_as(&acting.url, &acting.delegates, scope, &own);
                read(&net.ask(ask.map_err(|error| text(&error))?).await?)
            }
        }
    }
    .boxed()
}

async fn of_another(external: &External, scope: &str, net: &Net) -> Token {
    let text_of_it = match &external.subject.place {
        Place::File(path) => file::read(path).await?,
        Place::Url(url, headers) => {
            let mut ask = Ask::plain(Method::GET, url);
            for (name, value) in headers {
                let bad = || format!("credential_source.headers.{name} is not a header");
                let name: HeaderName = name.parse().map_err(|_| bad())?;
                let value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
                ask.headers.insert(name, value);
            }
            let answer = net.ask_near(ask).await?;
            String::from_utf8_lossy(&answer).into_owned()
        }
    };
    let subject = subject_token(&external.subject, &text_of_it).map_err(|error| text(&error))?;
    let granted = read(&net.ask(ask_with_subject(external, scope, &subject)).await?)?;
    match &external.impersonation_url {
        None => Ok(granted),
        Some(url) => {
            let ask = ask_to_act_as(url, &[], scope, &granted.value);
            read(&net.ask(ask.map_err(|error| text(&error))?).await?)
        }
    }
}

fn read(body: &[u8]) -> Token {
    token(body, seconds()).map_err(|error| text(&error))
}

fn text(error: &BadCredential) -> String {
    error.to_string()
}
