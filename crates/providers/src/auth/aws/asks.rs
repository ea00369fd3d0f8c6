//! What is asked of AWS's security token service and of an instance's metadata endpoint.

use http::Method;
use http::header::HOST;
use http::{HeaderValue, Uri};

use super::{AwsKeys, Signer};
use crate::auth::{Ask, BadCredential, Hidden};

const WHAT: &str = "the security token service's address";
/// Seconds that a metadata token is good for; it is used at once.
const IMDS_TOKEN_TTL: &str = "60";
/// Seconds that a role is taken for; the most that every role allows.
const ROLE_TTL: &str = "3600";

/// A role to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Which.
    pub arn: String,
    /// The name that shows up in the account's audit trail.
    pub session: String,
    /// What the role's owner asks for.
    pub external_id: Option<String>,
}

/// Takes a role with other keys.
pub fn assume_role(
    endpoint: &str,
    region: &str,
    role: &Role,
    keys: &AwsKeys,
    now: u64,
) -> Result<Ask, BadCredential> {
    let mut fields = vec![
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", &role.arn),
        ("RoleSessionName", &role.session),
        ("DurationSeconds", ROLE_TTL),
    ];
    if let Some(id) = &role.external_id {
        fields.push(("ExternalId", id));
    }
    let mut ask = Ask::form(endpoint, &fields);
    let bad = || BadCredential::Form {
        what: WHAT,
        expected: "a URL",
    };
    let uri: Uri = endpoint.parse().map_err(|_| bad())?;
    let authority = uri.authority().ok_or_else(bad)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
    ask.headers.insert(HOST, host);
    let signer = Signer {
        keys,
        region,
        service: "sts",
        now,
    };
    let body = ask.body.expose().to_owned();
    signer.sign(&ask.method, &uri, &mut ask.headers, body.as_bytes())?;
    Ok(ask)
}

/// Takes a role with a token of an identity provider. The answer is XML whatever is asked for.
pub fn assume_role_with_web_identity(endpoint: &str, role: &Role, token: &Hidden) -> Ask {
    Ask::form(
        endpoint,
        &[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &role.arn),
            ("RoleSessionName", &role.session),
            ("DurationSeconds", ROLE_TTL),
            ("WebIdentityToken", token.expose().trim()),
        ],
    )
}

/// Opens a session with an instance's metadata endpoint, version 2.
pub fn imds_token(endpoint: &str) -> Result<Ask, BadCredential> {
    let url = format!("{}/latest/api/token", endpoint.trim_end_matches('/'));
    Ask::plain(Method::PUT, url).with(
        "x-aws-ec2-metadata-token-ttl-seconds",
        IMDS_TOKEN_TTL,
        "the token's lifetime",
    )
}

/// Asks an instance for the name of its role.
pub fn imds_role(endpoint: &str, token: &Hidden) -> Result<Ask, BadCredential> {
    imds(endpoint, "", token)
}

/// Asks an instance for the keys of its role.
pub fn imds_keys(endpoint: &str, role: &str, token: &Hidden) -> Result<Ask, BadCredential> {
    let mut name = String::new();
    crate::percent::segment(role, &mut name);
    imds(endpoint, &name, token)
}

fn imds(endpoint: &str, role: &str, token: &Hidden) -> Result<Ask, BadCredential> {
    let endpoint = endpoint.trim_end_matches('/');
    let url = format!("{endpoint}/latest/meta-data/iam/security-credentials/{role}");
    Ask::plain(Method::GET, url).with(
        "x-aws-ec2-metadata-token",
        token.expose().trim(),
        "the metadata token",
    )
}

/// The service's address in a region.
pub fn sts_endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let mut host = String::new();
    crate::percent::segment(region, &mut host);
    format!("https://sts.{host}.{domain}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> Role {
        Role {
            arn: "arn:aws:iam::1:role/r".into(),
            session: "ferrogw".into(),
            external_id: Some("x y".into()),
        }
    }

    #[test]
    fn a_role_is_asked_for_with_a_signature_or_a_token() {
        let keys = AwsKeys {
            access_key_id: "AKID".into(),
            secret_access_key: Hidden::new("s"),
            session_token: None,
        };
        let ask = assume_role(&sts_endpoint("eu-west-1"), "eu-west-1", &role(), &keys, 0).unwrap();
        assert_eq!(ask.url, "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(ask.headers[HOST], "sts.eu-west-1.amazonaws.com");
        assert!(
            ask.body
                .expose()
                .ends_with("&DurationSeconds=3600&ExternalId=x%20y")
        );
        let signature = ask.headers["authorization"].to_str().unwrap();
        assert!(
            signature.contains("/19700101/eu-west-1/sts/aws4_request"),
            "{signature}"
        );
        let ask = assume_role_with_web_identity("http://sts.test", &role(), &Hidden::new("jwt\n"));
        assert!(ask.body.expose().ends_with("&WebIdentityToken=jwt"));
        assert!(!ask.headers.contains_key("authorization"));
    }

    #[test]
    fn china_has_a_domain_of_its_own() {
        assert_eq!(
            sts_endpoint("cn-north-1"),
            "https://sts.cn-north-1.amazonaws.com.cn/"
        );
    }

    #[test]
    fn an_instance_is_asked_within_a_session() {
        let base = "http://169.254.169.254/";
        let ask = imds_token(base).unwrap();
        assert_eq!(
            (ask.method, ask.url.as_str()),
            (Method::PUT, "http://169.254.169.254/latest/api/token")
        );
        let token = Hidden::new("t\n");
        let ask = imds_keys(base, "my role", &token).unwrap();
        assert!(
            ask.url
                .ends_with("/latest/meta-data/iam/security-credentials/my%20role")
        );
        assert_eq!(ask.headers["x-aws-ec2-metadata-token"], "t");
        assert!(
            imds_role(base, &token)
                .unwrap()
                .url
                .ends_with("/security-credentials/")
        );
    }
}
