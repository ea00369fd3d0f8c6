//! Google: the documents that hold credentials, and what is asked for tokens with them.

mod document;

pub use document::{
    Authorized, Document, External, Impersonated, Place, ServiceAccount, Subject, read,
};

use http::Method;
use serde_json::json;

use super::{Ask, BadCredential, Hidden, jwt};

/// What a token is for unless something narrower is wanted: all of the platform, within the
/// account's own rights.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens are had, unless the document names another place.
pub const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// The host of the metadata server.
pub const METADATA_HOST: &str = "metadata.google.internal";

/// Seconds that a statement of a service account is good for; the most that is accepted.
const STATEMENT_TTL: u64 = 3600;

/// Asks with a service account's statement. `now` is in seconds since 1970.
pub fn ask_as_service_account(
    account: &ServiceAccount,
    scope: &str,
    now: u64,
) -> Result<Ask, BadCredential> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &account.private_key_id {
        header["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": account.client_email,
        "scope": scope,
        "aud": account.token_uri,
        "iat": now,
        "exp": now.saturating_add(STATEMENT_TTL),
    });
    let statement = jwt::sign(&jwt::key(&account.private_key)?, &header, &claims)?;
    Ok(Ask::form(
        &account.token_uri,
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", statement.expose()),
        ],
    ))
}

/// Asks with what a user has allowed once.
pub fn ask_as_user(user: &Authorized) -> Ask {
    Ask::form(
        &user.token_uri,
        &[
            ("grant_type", "refresh_token"),
            ("client_id", &user.client_id),
            ("client_secret", user.client_secret.expose()),
            ("refresh_token", user.refresh_token.expose()),
        ],
    )
}

/// Exchanges a token of another identity provider.
pub fn ask_with_subject(external: &External, scope: &str, subject: &Hidden) -> Ask {
    // Whoever goes on to act as a service account needs the right to do so first.
    let scope = if external.impersonation_url.is_some() {
        SCOPE
    } else {
        scope
    };
    Ask::form(
        &external.token_url,
        &[
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", &external.audience),
            ("scope", scope),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", &external.subject_token_type),
            ("subject_token", subject.expose()),
        ],
    )
}

/// Asks, with a token of one's own, for a token of a service account.
pub fn ask_to_act_as(
    url: &str,
    delegates: &[String],
    scope: &str,
    own: &Hidden,
) -> Result<Ask, BadCredential> {
    let document = json!({"scope": [scope], "lifetime": "3600s", "delegates": delegates});
    Ask::json(url, &document).bearer(own)
}

/// Asks the metadata server of the machine.
pub fn ask_metadata(host: &str) -> Result<Ask, BadCredential> {
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    Ask::plain(Method::GET, url).with("metadata-flavor", "Google", "the metadata's flavour")
}

/// The token of another identity provider, as a file or an answer holds it.
pub fn subject_token(subject: &Subject, text: &str) -> Result<Hidden, BadCredential> {
    let what = "the subject token's source";
    let token = match &subject.field {
        None => text.trim().to_owned(),
        Some(field) => {
            let document: serde_json::Value =
                serde_json::from_str(text).map_err(|_| BadCredential::Form {
                    what,
                    expected: "a JSON object",
                })?;
            let value = document.get(field).and_then(|value| value.as_str());
            value.unwrap_or_default().trim().to_owned()
        }
    };
    if token.is_empty() {
        return Err(BadCredential::Lacks {
            what,
            field: "subject_token",
        });
    }
    Ok(Hidden::new(token))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::Value;

    use super::*;

    fn pem() -> (String, aws_lc_rs::rsa::KeyPair) {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let digits = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = digits
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let text = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\n")
        );
        (text, pair)
    }

    fn account(pem: &str) -> ServiceAccount {
        ServiceAccount {
            client_email: "me@p.iam.gserviceaccount.com".into(),
            private_key_id: Some("k1".into()),
            private_key: Hidden::new(pem),
            token_uri: "https://t.test/token".into(),
            project_id: None,
        }
    }

    #[test]
    fn a_statement_is_signed_with_the_accounts_key() {
        let (pem, pair) = pem();
        // As it stands in a file, and as environment variables often bring it.
        for text in [pem.clone(), pem.replace('\n', "\\n")] {
            let ask = ask_as_service_account(&account(&text), SCOPE, 1000).unwrap();
            assert_eq!(ask.url, "https://t.test/token");
            let body = ask.body.expose();
            let (_, statement) = body.split_once("&assertion=").unwrap();
            let (signed, signature) = statement.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                .verify(signed.as_bytes(), &signature)
                .unwrap();
            let parts: Vec<Value> = signed
                .split('.')
                .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
                .collect();
            assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
            assert_eq!(
                parts[1],
                json!({"iss": "me@p.iam.gserviceaccount.com", "scope": SCOPE,
                    "aud": "https://t.test/token", "iat": 1000, "exp": 4600})
            );
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_unseen() {
        for pem in [
            "",
            "secretkey",
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----",
        ] {
            let refused = ask_as_service_account(&account(pem), SCOPE, 0).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "the private key is not a PEM text of an RSA key (PKCS#8)"
            );
        }
    }

    #[test]
    fn a_subject_token_is_a_text_or_a_field() {
        let plain = Subject {
            place: document::Place::File("/x".into()),
            field: None,
        };
        let field = Subject {
            field: Some("id".into()),
            ..plain.clone()
        };
        assert_eq!(subject_token(&plain, " jwt\n").unwrap().expose(), "jwt");
        assert_eq!(
            subject_token(&field, r#"{"id":"jwt"}"#).unwrap().expose(),
            "jwt"
        );
        for text in ["", "{}", r#"{"id":7}"#] {
            assert!(subject_token(&field, text).is_err(), "{text}");
        }
        assert!(subject_token(&plain, " ").is_err());
    }

    #[test]
    fn whoever_acts_as_an_account_says_so_with_its_own_token() {
        let ask = ask_to_act_as(
            "https://iam.test/x:generateAccessToken",
            &[],
            "s",
            &Hidden::new("own"),
        )
        .unwrap();
        assert_eq!(ask.headers["authorization"], "Bearer own");
        assert_eq!(
            serde_json::from_str::<Value>(ask.body.expose()).unwrap(),
            json!({"scope": ["s"], "lifetime": "3600s", "delegates": []})
        );
    }
}
