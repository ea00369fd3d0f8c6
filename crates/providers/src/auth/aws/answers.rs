//! What the services of AWS that hand out keys answer: container and instance endpoints in JSON, the
//! security token service in XML.

use std::time::Duration;

use serde::Deserialize;

use super::AwsKeys;
use crate::auth::{BadCredential, Granted, Hidden, civil, shown};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<Hidden>,
    #[serde(alias = "SessionToken")]
    token: Option<Hidden>,
    expiration: Option<String>,
}

/// The keys of a container's endpoint. `now` is in seconds since 1970.
pub fn container_keys(body: &[u8], now: u64) -> Result<Granted<AwsKeys>, BadCredential> {
    json_keys("the container's answer", body, now)
}

/// The keys of an instance's metadata endpoint.
pub fn instance_keys(body: &[u8], now: u64) -> Result<Granted<AwsKeys>, BadCredential> {
    json_keys("the instance's answer", body, now)
}

fn json_keys(what: &'static str, body: &[u8], now: u64) -> Result<Granted<AwsKeys>, BadCredential> {
    let document: Document = serde_json::from_slice(body).map_err(|_| BadCredential::Form {
        what,
        expected: "a JSON object with keys",
    })?;
    if let Some(code) = document.code.filter(|code| code != "Success") {
        return Err(BadCredential::Kind {
            what,
            found: shown(&code),
            accepted: "Success",
        });
    }
    granted(
        what,
        document.access_key_id,
        document.secret_access_key,
        document.token,
        document.expiration.as_deref(),
        now,
    )
}

/// The keys of an answer to `AssumeRole` or `AssumeRoleWithWebIdentity`.
pub fn sts_keys(body: &[u8], now: u64) -> Result<Granted<AwsKeys>, BadCredential> {
    let what = "the security token service's answer";
    let text = std::str::from_utf8(body).map_err(|_| BadCredential::Form {
        what,
        expected: "XML",
    })?;
    let inside = element(text, "Credentials").ok_or(BadCredential::Lacks {
        what,
        field: "Credentials",
    })?;
    let field = |name| element(inside, name).map(unescaped);
    granted(
        what,
        field("AccessKeyId"),
        field("SecretAccessKey").map(Hidden::new),
        field("SessionToken").map(Hidden::new),
        field("Expiration").as_deref(),
        now,
    )
}

fn granted(
    what: &'static str,
    id: Option<String>,
    secret: Option<Hidden>,
    token: Option<Hidden>,
    expiration: Option<&str>,
    now: u64,
) -> Result<Granted<AwsKeys>, BadCredential> {
    let lacks = |field| BadCredential::Lacks { what, field };
    let keys = AwsKeys {
        access_key_id: id.filter(|id| !id.is_empty()).ok_or(lacks("AccessKeyId"))?,
        secret_access_key: secret
            .filter(|secret| !secret.is_empty())
            .ok_or(lacks("SecretAccessKey"))?,
        session_token: token.filter(|token| !token.is_empty()),
    };
    let lifetime = match expiration {
        None => None,
        Some(text) => {
            let end = civil::parse(text).ok_or(BadCredential::Form {
                what: "`Expiration`",
                expected: "a moment such as 2027-01-01T00:00:00Z",
            })?;
            Some(Duration::from_secs(end.saturating_sub(now)))
        }
    };
    if lifetime.is_some_and(|left| left.is_zero()) {
        return Err(BadCredential::Expired { what: "the key" });
    }
    Ok(Granted {
        value: keys,
        lifetime,
    })
}

/// Code and message of an error in XML.
pub(crate) fn xml_words(body: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(body).ok()?;
    let words: Vec<String> = ["Code", "Message"]
        .iter()
        .filter_map(|name| element(text, name).map(unescaped))
        .collect();
    (!words.is_empty()).then_some(words)
}

/// What stands in the first element of this name; these answers have no attributes and no elements
/// of one name inside each other.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inside.trim())
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2015-08-30T12:36:00Z.
    const NOW: u64 = 1_440_938_160;

    fn read(
        from: fn(&[u8], u64) -> Result<Granted<AwsKeys>, BadCredential>,
        body: &str,
    ) -> Result<(String, Option<String>, Option<u64>), String> {
        let granted = from(body.as_bytes(), NOW).map_err(|error| error.to_string())?;
        Ok((
            format!(
                "{}:{}",
                granted.value.access_key_id,
                granted.value.secret_access_key.expose()
            ),
            granted
                .value
                .session_token
                .map(|token| token.expose().to_owned()),
            granted.lifetime.map(|left| left.as_secs()),
        ))
    }

    #[test]
    fn keys_of_containers_and_instances_are_read() {
        let good = Ok(("AKID:s3cret".to_owned(), Some("tok".to_owned()), Some(3600)));
        let body = r#"{"AccessKeyId":"AKID","SecretAccessKey":"s3cret","Token":"tok","Expiration":"2015-08-30T13:36:00Z"}"#;
        assert_eq!(read(container_keys, body), good);
        let body = r#"{"Code":"Success","LastUpdated":"x","Type":"AWS-HMAC","AccessKeyId":"AKID",
            "SecretAccessKey":"s3cret","Token":"tok","Expiration":"2015-08-30T13:36:00Z"}"#;
        assert_eq!(read(instance_keys, body), good);
        let body = r#"{"AccessKeyId":"AKID","SecretAccessKey":"s3cret"}"#;
        assert_eq!(
            read(container_keys, body),
            Ok(("AKID:s3cret".into(), None, None))
        );
    }

    #[test]
    fn keys_of_the_security_token_service_are_read() {
        let body = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
            <AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken>
            <Credentials><SessionToken>a&amp;b=</SessionToken><SecretAccessKey>s3cret</SecretAccessKey>
            <Expiration>2015-08-30T13:36:00Z</Expiration><AccessKeyId>AKID</AccessKeyId></Credentials>
            </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
        assert_eq!(
            read(sts_keys, body),
            Ok(("AKID:s3cret".into(), Some("a&b=".into()), Some(3600)))
        );
    }

    #[test]
    fn what_is_no_key_is_told_by_what_is_missing() {
        for (body, error) in [
            (
                "<html>",
                "the instance's answer is not a JSON object with keys",
            ),
            ("{}", "the instance's answer holds no `AccessKeyId`"),
            (
                r#"{"AccessKeyId":"A"}"#,
                "the instance's answer holds no `SecretAccessKey`",
            ),
            (
                r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#,
                "the instance's answer is of the kind `AssumeRoleUnauthorizedAccess`; accepted: Success",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"}"#,
                "`Expiration` is not a moment such as 2027-01-01T00:00:00Z",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"2015-08-30T12:36:00Z"}"#,
                "the key has expired already",
            ),
        ] {
            assert_eq!(read(instance_keys, body), Err(error.into()), "{body}");
        }
        assert_eq!(
            read(sts_keys, "<Credentials></Credentials>"),
            Err("the security token service's answer holds no `AccessKeyId`".into())
        );
        assert!(read(sts_keys, "<Credentials><AccessKeyId>").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = container_keys(&body, u64::MAX);
            let _ = sts_keys(&body, 0);
        }

        #[test]
        fn no_odd_xml_panics(body in "(<|>|/|Credentials|AccessKeyId|Expiration|é|[0-9:TZ-]){0,30}") {
            let _ = sts_keys(body.as_bytes(), 0);
            let _ = xml_words(body.as_bytes());
        }
    }
}
