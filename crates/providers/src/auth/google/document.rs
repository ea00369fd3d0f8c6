//! The JSON documents in which Google's tools keep credentials.

use std::path::PathBuf;

use serde::Deserialize;

use super::TOKEN_URI;
use crate::auth::token::kind_of;
use crate::auth::{BadCredential, Hidden, jwt};

const WHAT: &str = "the credential document";
const ACCEPTED: &str =
    "service_account, authorized_user, external_account, impersonated_service_account";
/// Documents that may stand in one another.
const DEPTH_MAX: usize = 3;

/// A credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A key of a service account.
    ServiceAccount(ServiceAccount),
    /// What a user has allowed (`gcloud auth application-default login`).
    User(Authorized),
    /// A token of another identity provider (workload identity federation).
    External(External),
    /// A service account that somebody else may act as.
    Impersonated(Impersonated),
}

/// A service account's key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceAccount {
    /// Who it is.
    pub client_email: String,
    /// Which of its keys it is.
    #[serde(default)]
    pub private_key_id: Option<String>,
    /// The key, in PEM.
    pub private_key: Hidden,
    /// Where tokens are had.
    #[serde(default = "usual_token_uri")]
    pub token_uri: String,
    /// The project that it belongs to.
    #[serde(default)]
    pub project_id: Option<String>,
}

/// What a user has allowed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Authorized {
    /// The program that was allowed.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Hidden,
    /// What was allowed.
    pub refresh_token: Hidden,
    /// Where tokens are had.
    #[serde(default = "usual_token_uri")]
    pub token_uri: String,
    /// The project that pays for what a user asks.
    #[serde(default)]
    pub quota_project_id: Option<String>,
}

/// Another identity provider's token, to be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Whom the exchange is for.
    pub audience: String,
    /// What kind of token is exchanged.
    pub subject_token_type: String,
    /// Where it is exchanged.
    pub token_url: String,
    /// Where it comes from.
    pub subject: Subject,
    /// Where a token of a service account is had with the outcome.
    pub impersonation_url: Option<String>,
}

/// Where another identity provider's token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The file or the address.
    pub place: Place,
    /// The field that holds it, where the text is a JSON object.
    pub field: Option<String>,
}

/// A file or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, read anew each time.
    File(PathBuf),
    /// An address, with the headers it wants.
    Url(String, Vec<(String, Hidden)>),
}

/// A service account that another credential may act as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonated {
    /// Where its tokens are had.
    pub url: String,
    /// Accounts in between.
    pub delegates: Vec<String>,
    /// Who acts.
    pub source: Box<Document>,
}

fn usual_token_uri() -> String {
    TOKEN_URI.to_owned()
}

/// Reads a document, and refuses what could not be used later.
pub fn read(text: &str) -> Result<Document, BadCredential> {
    let value = serde_json::from_str(text).map_err(|_| BadCredential::Form {
        what: WHAT,
        expected: "a JSON object",
    })?;
    document(value, DEPTH_MAX)
}

fn document(value: serde_json::Value, depth: usize) -> Result<Document, BadCredential> {
    let kind = value
        .get("type")
        .and_then(|kind| kind.as_str())
        .map(str::to_owned);
    match kind.as_deref() {
        Some("service_account") => {
            let account: ServiceAccount = fields(value)?;
            jwt::key(&account.private_key)?;
            Ok(Document::ServiceAccount(account))
        }
        Some("authorized_user") => fields(value).map(Document::User),
        Some("external_account") => external(fields(value)?).map(Document::External),
        Some("impersonated_service_account") if depth > 0 => {
            let raw: RawImpersonated = fields(value)?;
            Ok(Document::Impersonated(Impersonated {
                url: raw.service_account_impersonation_url,
                delegates: raw.delegates,
                source: Box::new(document(raw.source_credentials, depth - 1)?),
            }))
        }
        other => Err(BadCredential::Kind {
            what: WHAT,
            found: kind_of(other),
            accepted: ACCEPTED,
        }),
    }
}

/// What serde says of a wrong field may quote it, so only our own words are told.
fn fields<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, BadCredential> {
    serde_json::from_value(value).map_err(|_| BadCredential::Form {
        what: WHAT,
        expected: "complete for its type",
    })
}

#[derive(Deserialize)]
struct RawImpersonated {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Vec<String>,
    source_credentials: serde_json::Value,
}

#[derive(Deserialize)]
struct RawExternal {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: RawSource,
    #[serde(default)]
    service_account_impersonation_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSource {
    file: Option<PathBuf>,
    url: Option<String>,
    headers: std::collections::BTreeMap<String, Hidden>,
    format: RawFormat,
    executable: Option<serde_json::Value>,
    environment_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFormat {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

fn external(raw: RawExternal) -> Result<External, BadCredential> {
    let source = raw.credential_source;
    let refused = |found: &str| BadCredential::Kind {
        what: "the document's `credential_source`",
        found: found.to_owned(),
        accepted: "file, url",
    };
    let place = match (source.file, source.url) {
        (Some(file), None) => Place::File(file),
        (None, Some(url)) if source.environment_id.is_none() => {
            Place::Url(url, source.headers.into_iter().collect())
        }
        _ if source.executable.is_some() => return Err(refused("executable")),
        _ if source.environment_id.is_some() => return Err(refused("environment_id")),
        _ => return Err(refused("unnamed")),
    };
    let is_json = source.format.r#type.as_deref() == Some("json");
    Ok(External {
        audience: raw.audience,
        subject_token_type: raw.subject_token_type,
        token_url: raw.token_url,
        subject: Subject {
            place,
            field: source.format.subject_token_field_name.filter(|_| is_json),
        },
        impersonation_url: raw.service_account_impersonation_url,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: &str =
        r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;

    #[test]
    fn a_users_document_and_one_around_it_are_read() {
        let Document::User(user) = read(USER).unwrap() else {
            panic!("a user")
        };
        assert_eq!(
            (user.token_uri.as_str(), user.refresh_token.expose()),
            (TOKEN_URI, "r")
        );
        let around = format!(
            r#"{{"type":"impersonated_service_account","service_account_impersonation_url":"https://i.test",
                "source_credentials":{USER}}}"#
        );
        let Document::Impersonated(acting) = read(&around).unwrap() else {
            panic!("an impersonation")
        };
        assert_eq!(*acting.source, Document::User(user));
    }

    #[test]
    fn a_federated_document_names_where_its_token_is() {
        let text = |source: &str| {
            format!(
                r#"{{"type":"external_account","audience":"//iam","subject_token_type":"jwt",
                "token_url":"https://sts.test","credential_source":{source}}}"#
            )
        };
        let place = |source: &str| match read(&text(source)) {
            Ok(Document::External(external)) => {
                Ok((external.subject.place, external.subject.field))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(
            place(r#"{"file":"/t"}"#),
            Ok((Place::File("/t".into()), None))
        );
        assert_eq!(
            place(
                r#"{"url":"http://u","headers":{"a":"b"},"format":{"type":"json","subject_token_field_name":"f"}}"#
            ),
            Ok((
                Place::Url("http://u".into(), vec![("a".into(), Hidden::new("b"))]),
                Some("f".into())
            ))
        );
        for (source, found) in [
            (r#"{"executable":{"command":"x"}}"#, "executable"),
            (
                r#"{"environment_id":"aws1","url":"http://u"}"#,
                "environment_id",
            ),
            ("{}", "unnamed"),
        ] {
            let error = place(source).unwrap_err();
            assert!(
                error.contains(&format!("of the kind `{found}`; accepted: file, url")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_being_shown() {
        for (text, error) in [
            ("hunter2", "the credential document is not a JSON object"),
            (
                r#"{"type":"gdch_service_account"}"#,
                "the credential document is of the kind `gdch_service_account`; accepted: service_account, authorized_user, external_account, impersonated_service_account",
            ),
            (
                r#"{"private_key":"hunter2"}"#,
                "the credential document is of the kind `unnamed`; accepted: service_account, authorized_user, external_account, impersonated_service_account",
            ),
            (
                r#"{"type":"service_account","private_key":"hunter2"}"#,
                "the credential document is not complete for its type",
            ),
            (
                r#"{"type":"service_account","client_email":"a","private_key":"hunter2"}"#,
                "the private key is not a PEM text of an RSA key (PKCS#8)",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), error);
        }
        let mut nested = USER.to_owned();
        for _ in 0..8 {
            nested = format!(
                r#"{{"type":"impersonated_service_account","service_account_impersonation_url":"u","source_credentials":{nested}}}"#
            );
        }
        assert!(read(&nested).is_err());
    }

    proptest! {
        #[test]
        fn no_document_panics(text in r#"(\{|\}|"type":|"service_account"|"private_key":|,|"x"|-----BEGIN ){0,12}"#) {
            let _ = read(&text);
        }

        #[test]
        fn no_text_panics(text in ".{0,100}") {
            let _ = read(&text);
        }
    }
}
