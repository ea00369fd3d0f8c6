//! The headers that a target's calls carry for the vendor's sake: its credential, its fixed ones.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::base_url::BaseUrl;
use crate::provider::{Auth, KeyNeed, Provider};

/// Headers whose values are lists, to which a credential and a call may both add.
const LISTS: [&str; 1] = ["anthropic-beta"];

/// Why headers cannot be sent. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHeader {
    /// Not a header name.
    #[error("`{name}` is not a header name")]
    Name {
        /// What was written.
        name: String,
    },
    /// Not a header value.
    #[error("the value of header `{name}` holds a character that a header cannot carry")]
    Value {
        /// The header.
        name: String,
    },
    /// A key with a line break or the like.
    #[error(
        "the api key of {provider} holds a character that a header cannot carry (a line break?)"
    )]
    Key {
        /// The vendor.
        provider: String,
    },
    /// No key where one is needed.
    #[error("{provider} needs an api key{}", hint(.names))]
    NoKey {
        /// The vendor.
        provider: String,
        /// The environment variables that could hold it.
        names: Vec<String>,
    },
}

fn hint(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(" (set {})", names.join(" or "))
    }
}

/// The fixed headers of a vendor, for calls whose credential is not known yet.
pub fn fixed_headers(provider: &Provider) -> Result<HeaderMap, BadHeader> {
    let mut headers = HeaderMap::new();
    for (name, value) in &provider.headers {
        headers.insert(header_name(name)?, header_value(name, value)?);
    }
    Ok(headers)
}

/// Adds the headers of one call. A list that is there already grows; all else is replaced.
pub fn join(headers: &mut HeaderMap, of_call: HeaderMap) {
    for (name, value) in of_call {
        let Some(name) = name else { continue };
        let both = headers
            .get(&name)
            .filter(|_| LISTS.contains(&name.as_str()));
        let both = both.and_then(|before| {
            let (before, after) = (before.to_str().ok()?, value.to_str().ok()?);
            HeaderValue::from_str(&format!("{before},{after}")).ok()
        });
        headers.insert(name, both.unwrap_or(value));
    }
}

/// The credential and the fixed headers of a vendor. Built once a target, not once a call.
pub fn request_headers(
    provider: &Provider,
    base: &BaseUrl,
    key: Option<&str>,
) -> Result<HeaderMap, BadHeader> {
    let mut headers = fixed_headers(provider)?;
    if let (Some(tokens), Some(key)) = (&provider.tokens, key.map(str::trim))
        && key.starts_with(&tokens.prefix)
        && provider.key != KeyNeed::None
    {
        headers.insert(AUTHORIZATION, secret(provider, &format!("Bearer {key}"))?);
        for (name, value) in &tokens.headers {
            headers.insert(header_name(name)?, header_value(name, value)?);
        }
        return Ok(headers);
    }
    if let Some((name, value)) = credential(provider, base, key)? {
        headers.insert(name, value);
    }
    Ok(headers)
}

fn credential(
    provider: &Provider,
    base: &BaseUrl,
    key: Option<&str>,
) -> Result<Option<(HeaderName, HeaderValue)>, BadHeader> {
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    match (provider.key, key) {
        (KeyNeed::Required | KeyNeed::Optional, Some(key)) => keyed(provider, key).map(Some),
        (KeyNeed::Required, None) => Err(no_key(provider)),
        (KeyNeed::Optional, None) | (KeyNeed::None, _) => match base.basic_authorization() {
            Some(value) => Ok(Some((AUTHORIZATION, secret(provider, &value)?))),
            None => Ok(None),
        },
    }
}

fn keyed(provider: &Provider, key: &str) -> Result<(HeaderName, HeaderValue), BadHeader> {
    match &provider.auth {
        Auth::Bearer | Auth::Aws(_) | Auth::Databricks => {
            Ok((AUTHORIZATION, secret(provider, &format!("Bearer {key}"))?))
        }
        Auth::ApiKey | Auth::Entra(_) => {
            Ok((HeaderName::from_static("api-key"), secret(provider, key)?))
        }
        Auth::Google(_) => Ok((
            HeaderName::from_static("x-goog-api-key"),
            secret(provider, key)?,
        )),
        Auth::Header(name) => Ok((header_name(name)?, secret(provider, key)?)),
    }
}

fn no_key(provider: &Provider) -> BadHeader {
    BadHeader::NoKey {
        provider: provider.id.clone(),
        names: provider.env.api_key.clone(),
    }
}

pub(crate) fn header_name(name: &str) -> Result<HeaderName, BadHeader> {
    name.parse().map_err(|_| BadHeader::Name {
        name: name.to_owned(),
    })
}

pub(crate) fn header_value(name: &str, value: &str) -> Result<HeaderValue, BadHeader> {
    value.parse().map_err(|_| BadHeader::Value {
        name: name.to_owned(),
    })
}

fn secret(provider: &Provider, value: &str) -> Result<HeaderValue, BadHeader> {
    let bad = |_| BadHeader::Key {
        provider: provider.id.clone(),
    };
    let mut value: HeaderValue = value.parse().map_err(bad)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_url;
    use crate::provider::Vars;

    fn row(extra: &str) -> Provider {
        toml::from_str(&format!(
            "id = 'acme'\nbase_url = 'https://api.acme.test/v1'\n{extra}"
        ))
        .unwrap()
    }

    fn sent(
        provider: &Provider,
        given: Option<&str>,
        key: Option<&str>,
    ) -> Result<Vec<String>, BadHeader> {
        let base = base_url(provider, given, None, &Vars::new()).unwrap();
        let headers = request_headers(provider, &base, key)?;
        Ok(headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect())
    }

    #[test]
    fn a_key_is_sent_the_way_the_row_says() {
        for (extra, header) in [
            ("", "authorization: Bearer k1"),
            ("auth = 'bearer'", "authorization: Bearer k1"),
            ("auth = 'api-key'", "api-key: k1"),
            ("auth = { header = 'X-Key' }", "x-key: k1"),
            (
                "auth = { aws-sigv4 = { service = 'bedrock' } }",
                "authorization: Bearer k1",
            ),
            ("auth = { google = {} }", "x-goog-api-key: k1"),
            ("auth = { entra = { scope = 's' } }", "api-key: k1"),
            ("auth = 'databricks'", "authorization: Bearer k1"),
        ] {
            assert_eq!(
                sent(&row(extra), None, Some(" k1\n")).unwrap(),
                [header],
                "{extra}"
            );
        }
        assert_eq!(
            sent(&row("key = 'none'"), None, Some("k1")).unwrap(),
            [""; 0]
        );
        assert_eq!(sent(&row("key = 'optional'"), None, None).unwrap(), [""; 0]);
    }

    #[test]
    fn a_key_that_is_a_token_is_sent_as_one_with_what_goes_with_it() {
        let row = row("auth = { header = 'x-key' }\n\
            tokens = { prefix = 'sk-oat', headers = { x-beta = 'oauth' } }");
        let token = sent(&row, None, Some(" sk-oat01-abc\n")).unwrap();
        assert_eq!(
            token,
            ["authorization: Bearer sk-oat01-abc", "x-beta: oauth"]
        );
        assert_eq!(sent(&row, None, Some("sk-1")).unwrap(), ["x-key: sk-1"]);
    }

    #[test]
    fn a_missing_key_says_which_variable_to_set() {
        let error = sent(
            &row("env = { api_key = ['ACME_KEY', 'ACME_TOKEN'] }"),
            None,
            Some(" "),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "acme needs an api key (set ACME_KEY or ACME_TOKEN)"
        );
    }

    #[test]
    fn a_bad_key_is_refused_without_being_shown() {
        let error = sent(&row(""), None, Some("sec\nret")).unwrap_err();
        assert!(!error.to_string().contains("sec\n"), "{error}");
        assert!(!format!("{error:?}").contains("ret"), "{error:?}");
    }

    #[test]
    fn user_and_password_of_the_url_stand_in_for_a_key() {
        let optional = row("key = 'optional'");
        let given = Some("https://user:pass@proxy.test/v1");
        assert_eq!(
            sent(&optional, given, None).unwrap(),
            ["authorization: Basic dXNlcjpwYXNz"]
        );
        assert_eq!(
            sent(&optional, given, Some("k1")).unwrap(),
            ["authorization: Bearer k1"]
        );
    }

    #[test]
    fn the_credential_is_marked_as_secret_and_fixed_headers_are_sent() {
        let provider = row("headers = { x-title = 'gateway' }");
        let base = base_url(&provider, None, None, &Vars::new()).unwrap();
        let headers = request_headers(&provider, &base, Some("k1")).unwrap();
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(headers["x-title"], "gateway");
    }
}
