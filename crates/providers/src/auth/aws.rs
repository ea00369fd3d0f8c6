//! AWS: keys, where they come from, and requests signed with them.

mod answers;
mod asks;
mod profile;
mod sigv4;

pub use answers::{container_keys, instance_keys, sts_keys};
pub use asks::{
    Role, assume_role, assume_role_with_web_identity, imds_keys, imds_role, imds_token,
    sts_endpoint,
};
pub use profile::{Profiles, Wanted};
pub use sigv4::Signer;

pub(super) use answers::xml_words;

use std::fmt;

use http::{HeaderMap, StatusCode};

use super::Hidden;

/// The region when nobody names one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// A pair of keys, and the token that goes with a pair that does not last.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// Who signs.
    pub access_key_id: String,
    /// What is signed with.
    pub secret_access_key: Hidden,
    /// What temporary keys come with.
    pub session_token: Option<Hidden>,
}

impl fmt::Debug for AwsKeys {
    /// The id of a key is no secret, but no log needs it either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKeys([REDACTED])")
    }
}

/// The region that the name of an AWS host tells: a request is signed for the region that it goes to.
pub fn region_of_host(host: &str) -> Option<&str> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let inside = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
        .iter()
        .find_map(|end| host.strip_suffix(end))?;
    inside.rsplit('.').find(|label| is_region(label))
}

/// `us-east-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, .., number] = parts.as_slice() else {
        return false;
    };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    (3..=4).contains(&parts.len())
        && area.len() == 2
        && parts[..parts.len() - 1].iter().all(word)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an answer says that the keys are over, rather than that they may not do this.
pub fn refuses_the_keys(status: StatusCode, headers: &HeaderMap) -> bool {
    const NAMES: [&str; 5] = [
        "ExpiredToken",
        "InvalidSignature",
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "RequestTimeTooSkewed",
    ];
    let name = headers
        .get("x-amzn-errortype")
        .and_then(|name| name.to_str().ok())
        .unwrap_or_default();
    let denied = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
    );
    denied && NAMES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_its_region() {
        for (host, region) in [
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some("eu-west-1")),
            (
                "bedrock-runtime.eu-west-1.amazonaws.com:443",
                Some("eu-west-1"),
            ),
            (
                "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
                Some("us-gov-west-1"),
            ),
            (
                "bedrock-runtime.cn-north-1.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            (
                "bedrock-mantle.ap-southeast-2.api.aws",
                Some("ap-southeast-2"),
            ),
            (
                "vpce-0a1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                Some("us-east-1"),
            ),
            ("sts.amazonaws.com", None),
            ("eu-west-1.example.com", None),
            ("127.0.0.1:8080", None),
            ("", None),
        ] {
            assert_eq!(region_of_host(host), region, "{host}");
        }
    }

    #[test]
    fn keys_that_are_over_are_told_from_keys_that_may_not() {
        let refuses = |status: u16, name: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-amzn-errortype", name.parse().unwrap());
            refuses_the_keys(StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert!(refuses(
            403,
            "ExpiredTokenException:http://internal.amazon.com/"
        ));
        assert!(refuses(403, "UnrecognizedClientException"));
        assert!(refuses(403, "InvalidSignatureException"));
        assert!(!refuses(403, "AccessDeniedException"));
        assert!(!refuses(500, "ExpiredTokenException"));
        assert!(!refuses_the_keys(StatusCode::FORBIDDEN, &HeaderMap::new()));
    }
}
