//! AWS Signature Version 4: a request is signed over its method, path, query, the headers that matter
//! and the hash of its body.
//!
//! The canonical path is the path of the URL with its escapes escaped once more, which every service
//! but S3 wants. Model ids that hold `:` or `/` depend on it.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::AwsKeys;
use crate::auth::ask::secret;
use crate::auth::{BadCredential, civil};
use crate::percent;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs requests of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Who signs.
    pub keys: &'a AwsKeys,
    /// The region that the request goes to.
    pub region: &'a str,
    /// The service's name in signatures.
    pub service: &'a str,
    /// The moment, in seconds since 1970.
    pub now: u64,
}

impl Signer<'_> {
    /// Adds the signature to the headers, which must hold `Host` as it will be sent. No header that
    /// is signed may be changed afterwards: `content-type`, `host` and all that begin with `x-amz-`.
    pub fn sign(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
        body: &[u8],
    ) -> Result<(), BadCredential> {
        let moment = civil::compact(self.now);
        headers.remove(AUTHORIZATION);
        headers.remove(TOKEN);
        headers.insert(DATE, secret(&moment, "the moment")?);
        if let Some(token) = &self.keys.session_token {
            headers.insert(TOKEN, secret(token.expose(), "the session token")?);
        }
        let (names, canonical) = canonical(method, uri, headers, body);
        let day = moment.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let text = format!(
            "{ALGORITHM}\n{moment}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let signature = hex(hmac::sign(&self.key(day), text.as_bytes()).as_ref());
        let value = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.keys.access_key_id
        );
        headers.insert(AUTHORIZATION, secret(&value, "the access key id")?);
        Ok(())
    }

    /// The key of a day, a region and a service.
    fn key(&self, day: &str) -> hmac::Key {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let first = format!("AWS4{}", self.keys.secret_access_key.expose());
        [day, self.region, self.service, "aws4_request"]
            .iter()
            .fold(key(first.as_bytes()), |last, part| {
                key(hmac::sign(&last, part.as_bytes()).as_ref())
            })
    }
}

/// The names of the signed headers, and the request as it is signed.
fn canonical(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let mut signed: Vec<&HeaderName> = headers.keys().filter(|name| is_signed(name)).collect();
    signed.sort_by_key(|name| name.as_str());
    let names: Vec<&str> = signed.iter().map(|name| name.as_str()).collect();
    let names = names.join(";");
    let mut out = format!("{method}\n{}\n{}\n", path(uri.path()), query(uri.query()));
    for name in signed {
        let values: Vec<String> = headers.get_all(name).iter().map(trimmed).collect();
        let _ = writeln!(out, "{name}:{}", values.join(","));
    }
    let _ = write!(out, "\n{names}\n{}", sha256(body));
    (names, out)
}

/// What proxies on the way may change or add is left out.
fn is_signed(name: &HeaderName) -> bool {
    *name == HOST || *name == CONTENT_TYPE || name.as_str().starts_with("x-amz-")
}

fn trimmed(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The path of the URL, escaped as it is, escaped again.
fn path(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        percent::segment(segment, &mut out);
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// The parameters in their order, each escaped in one way.
fn query(query: Option<&str>) -> String {
    let escaped = |text: &str| {
        let mut out = String::new();
        // Escaped bytes stay bytes: what is no UTF-8 keeps its own escapes.
        match String::from_utf8(percent::decode(text)) {
            Ok(text) => percent::segment(&text, &mut out),
            Err(_) => out.push_str(text),
        }
        out
    };
    let parts = query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty());
    let mut pairs: Vec<(String, String)> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (escaped(name), escaped(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::Hidden;

    /// 2015-08-30T12:36:00Z, the moment of AWS's published vectors.
    const NOW: u64 = 1_440_938_160;

    fn keys(token: Option<&str>) -> AwsKeys {
        AwsKeys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Hidden::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Hidden::new),
        }
    }

    struct Case {
        service: &'static str,
        method: Method,
        url: &'static str,
        media: Option<&'static str>,
        body: &'static str,
        token: Option<&'static str>,
        signature: &'static str,
    }

    fn signed(case: &Case) -> HeaderMap {
        let uri: Uri = case.url.parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, uri.host().unwrap().parse().unwrap());
        headers.insert("user-agent", "never signed".parse().unwrap());
        if let Some(media) = case.media {
            headers.insert(CONTENT_TYPE, media.parse().unwrap());
        }
        let signer = Signer {
            keys: &keys(case.token),
            region: "us-east-1",
            service: case.service,
            now: NOW,
        };
        signer
            .sign(&case.method, &uri, &mut headers, case.body.as_bytes())
            .unwrap();
        headers
    }

    fn case(
        service: &'static str,
        method: Method,
        url: &'static str,
        media: Option<&'static str>,
        body: &'static str,
        signature: &'static str,
    ) -> Case {
        Case {
            service,
            method,
            url,
            media,
            body,
            token: None,
            signature,
        }
    }

    /// The vectors of the test suite that AWS publishes, and the example of its documentation.
    #[test]
    fn a04_signatures_are_those_that_aws_publishes() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for case in [
            case(
                "service",
                Method::GET,
                "https://example.amazonaws.com/",
                None,
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            case(
                "service",
                Method::POST,
                "https://example.amazonaws.com/",
                None,
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            case(
                "service",
                Method::GET,
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                None,
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            case(
                "service",
                Method::POST,
                "https://example.amazonaws.com/",
                Some(FORM),
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            case(
                "iam",
                Method::GET,
                "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                Some("application/x-www-form-urlencoded; charset=utf-8"),
                "",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ] {
            let headers = signed(&case);
            let value = headers[AUTHORIZATION].to_str().unwrap();
            assert!(value.ends_with(case.signature), "{}: {value}", case.url);
        }
    }

    /// What AWS's own client signs for Bedrock: an id with `:`, an ARN with `/`, a query, a token.
    #[test]
    fn a04_ids_and_arns_are_escaped_twice_in_what_is_signed() {
        const ID: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";
        const ARN: &str = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream";
        const LIST: &str = "https://bedrock.us-east-1.amazonaws.com/foundation-models?byOutputModality=TEXT&a%2Fb=c%20d&a=b";
        for (url, plain, with_token) in [
            (
                ID,
                "ee3e967ae4ec1f2a508f8404898701ed432f406a68f3e403e8f509cb32e6fc0b",
                "fc052620da15d0b63facb14a8466a758d11edb392c65fd0a54da733619bb42bc",
            ),
            (
                ARN,
                "a76412a006246c40a5abd1fd9b36cf9956bfddc628af176afdf861e82f95a5ea",
                "913c6ab99113f192a3fa9ecbc374071cab6093cce142d98ccbed942c493f4fe1",
            ),
            (
                LIST,
                "6b9a37dd205a634cf4987b005c20e2a578d8c1730292e7cdb79b62130cc9872b",
                "770e666676d49b43524d9276d5cc76f57058343123e496a37485090baa89358b",
            ),
        ] {
            let tokens = [
                (None, plain),
                (Some("AQoDYXdzEPT//EXAMPLE+token=="), with_token),
            ];
            for (token, signature) in tokens {
                let mut case = case(
                    "bedrock",
                    Method::POST,
                    url,
                    Some("application/json"),
                    r#"{"messages":[]}"#,
                    signature,
                );
                case.token = token;
                let headers = signed(&case);
                let value = headers[AUTHORIZATION].to_str().unwrap();
                assert!(value.ends_with(signature), "{url} {token:?}: {value}");
                assert_eq!(headers.contains_key(TOKEN), token.is_some());
                let names = if token.is_some() {
                    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"
                } else {
                    "SignedHeaders=content-type;host;x-amz-date,"
                };
                assert!(value.contains(names), "{value}");
            }
        }
    }

    #[test]
    fn signing_again_replaces_the_signature() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a.test".parse().unwrap());
        let uri = "https://a.test/x".parse().unwrap();
        for (token, now) in [(Some("first"), NOW), (None, NOW + 60)] {
            let keys = keys(token);
            let signer = Signer {
                keys: &keys,
                region: "r",
                service: "s",
                now,
            };
            signer
                .sign(&Method::POST, &uri, &mut headers, b"x")
                .unwrap();
        }
        assert!(!headers.contains_key(TOKEN));
        assert_eq!(headers.get_all(AUTHORIZATION).iter().count(), 1);
        assert_eq!(headers[DATE], "20150830T123700Z");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }

    proptest! {
        #[test]
        fn no_request_panics(path in "[!-~]{0,40}", query in "[!-~]{0,40}", value in "[ -~]{0,20}") {
            if let Ok(uri) = format!("https://a.test/{path}?{query}").parse::<Uri>() {
                let mut headers = HeaderMap::new();
                headers.insert("x-amz-meta", value.parse().unwrap());
                let keys = keys(Some("t"));
                let signer = Signer { keys: &keys, region: "r", service: "s", now: NOW };
                prop_assert!(signer.sign(&Method::GET, &uri, &mut headers, b"").is_ok());
            }
        }
    }
}
