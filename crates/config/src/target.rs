//! Targets: the configured destinations of calls.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::auth::Auth;
use crate::duration;
use crate::guard::{CircuitBreaker, Concurrency, HealthCheck, Hedge, Retry};
use crate::models::Models;
use crate::secret::{self, REDACTED, Secret};
use crate::strategy::Weight;

/// One destination: a provider, with the credentials and settings to use there.
///
/// `api_key`, `auth`, `base_url`, `region`, `vars`, `headers`, `query` and `proxy` may
/// hold `${NAME}` references; [`crate::resolve`] replaces them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["virtual_key"]))]
pub struct Target {
    /// The target's own name; unique. Names its provider too, unless `provider` does.
    #[schemars(length(min = 1, max = 128))]
    pub virtual_key: String,
    /// The provider's id, when it is not the target's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub provider: Option<String>,
    /// The credential: `${NAME}`, `file:PATH`, or a weighted list of such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    /// A cloud's identity instead of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Where the provider is, when it is not where its row says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<UrlText>")]
    pub base_url: Option<String>,
    /// One of the provider's regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub region: Option<String>,
    /// What the provider's address is made from, such as `account_id` or `api_version`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, ReferencingText>")]
    pub vars: BTreeMap<String, String>,
    /// Headers added to every call.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// Query parameters added to every call.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Secret>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// The HTTP proxy to go through, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ca_file: Option<PathBuf>,
    /// Models served here: a list of ids, or a map from the id asked for to the target's own.
    pub models: Models,
    /// Trying this target again.
    pub retry: Retry,
    /// When calls are kept from it because it fails; on, with milder rules, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How many calls it may have at a time; no bound when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// A second try beside a slow first one; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
    /// Asking it now and then whether it is there; not done when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Its share of the calls under `loadbalance`, relative to the others'; none with 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// A last resort: called only when every other one has failed or is barred.
    pub standby: bool,
}

impl Target {
    /// The id of the provider: `provider`, or else the target's name.
    pub fn provider_id(&self) -> &str {
        self.provider.as_deref().unwrap_or(&self.virtual_key)
    }
}

/// One credential, or several to spread calls over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ApiKey {
    /// One credential.
    One(#[schemars(length(min = 1))] Secret),
    /// Several, each taking its share.
    Many(#[schemars(length(min = 1, max = 1000))] Vec<WeightedKey>),
}

impl ApiKey {
    /// Every credential with its weight, in the order written.
    pub fn weighted(&self) -> Vec<(&Secret, u32)> {
        match self {
            ApiKey::One(value) => vec![(value, 1)],
            ApiKey::Many(keys) => keys.iter().map(|key| (&key.value, key.weight)).collect(),
        }
    }
}

/// A credential with its share of the calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["value"]))]
pub struct WeightedKey {
    /// The credential: `${NAME}` or `file:PATH`.
    #[schemars(length(min = 1))]
    pub value: Secret,
    /// Its share, relative to the others'.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: u32,
}

impl Default for WeightedKey {
    fn default() -> Self {
        Self {
            value: Secret::default(),
            weight: 1,
        }
    }
}

/// How long to wait for what. What is left out is as the provider's row says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, TLS included.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "10m"))]
    pub connect: Option<Duration>,
    /// From the request's last byte to the answer's first.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub first_byte: Option<Duration>,
    /// Between two bytes of an answer.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub idle: Option<Duration>,
    /// For one whole attempt; 0s means without bound.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "0s", "x-maximum" = "24h"))]
    pub total: Option<Duration>,
    /// For one attempt until the client can be answered: a whole answer, or a stream's first content.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub attempt: Option<Duration>,
    /// For a stream until its first content.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub first_token: Option<Duration>,
}

/// How a target is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Directly, whatever the environment says.
    Direct,
    /// Through an HTTP proxy.
    Via(ProxyUrl),
}

/// The address of an HTTP proxy; its password is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// The address as it was written, password and references included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The JSON Schema `format` of a [`Proxy`].
pub(crate) const PROXY: &str = "proxy";
/// The JSON Schema `format` of a base URL.
pub(crate) const BASE_URL: &str = "base-url";

/// What is wrong with a text that should name a proxy. Never quotes it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy: expected http://host:port, http://user:password@host:port, or none")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        if text == "none" {
            return Ok(Proxy::Direct);
        }
        let host = text.strip_prefix("http://").map(|rest| {
            let authority = rest.strip_suffix('/').unwrap_or(rest);
            authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host)
        });
        let good = host.is_some_and(is_host_and_port) || secret::is_reference(text);
        if good {
            Ok(Proxy::Via(ProxyUrl(text.to_owned())))
        } else {
            Err(ProxyError)
        }
    }
}

/// Whether a text may stand between `//` and the path of a URL.
pub(crate) fn is_host_and_port(text: &str) -> bool {
    if secret::references(text).next().is_some() {
        // What a reference brings cannot be known here; what stands around it can.
        return secret::plain_parts(text).all(|part| part.chars().all(is_authority_char));
    }
    if !text.chars().all(is_authority_char) {
        return false;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let good_host = match bracketed {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']),
    };
    let good_port = port.is_none_or(|p| {
        p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok_and(|n| n > 0)
    });
    good_host && good_port
}

fn is_authority_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~[]:".contains(c)
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proxy::Direct => f.write_str("none"),
            Proxy::Via(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .0
            .strip_prefix("http://")
            .and_then(|rest| rest.rsplit_once('@'));
        match shown {
            Some((userinfo, host)) => {
                let (user, password) = userinfo.split_once(':').unwrap_or(("", userinfo));
                let password = if secret::is_reference(password) {
                    password
                } else {
                    REDACTED
                };
                write!(f, "http://{user}:{password}@{host}")
            }
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Proxy {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Proxy".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": PROXY,
            "writeOnly": true,
            "examples": ["http://proxy:3128", "none"],
        })
    }
}

/// The schema of a base URL; never a value.
struct UrlText;

impl JsonSchema for UrlText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BaseUrl".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": BASE_URL,
            "examples": ["https://api.example.com/v1"],
        })
    }
}

/// The schema of a text with references that is no secret; never a value.
pub(crate) struct ReferencingText;

impl JsonSchema for ReferencingText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReferencingText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": secret::FORMAT})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        for (text, shown) in [
            ("none", "none"),
            ("http://proxy:3128", "http://proxy:3128"),
            (
                "http://user:p%40ss@proxy:3128",
                "http://user:[REDACTED]@proxy:3128",
            ),
            ("http://us:er:pa@ss@proxy", "http://us:[REDACTED]@proxy"),
            ("http://token@proxy:1", "http://:[REDACTED]@proxy:1"),
            (
                "http://user:${PASS}@proxy:3128",
                "http://user:${PASS}@proxy:3128",
            ),
            ("${PROXY}", "${PROXY}"),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(format!("{proxy}|{proxy:?}"), format!("{shown}|{shown}"));
            assert_eq!(serde_json::to_value(&proxy).unwrap(), shown);
        }
    }

    #[test]
    fn what_is_not_a_proxy_is_refused() {
        for text in [
            "",
            "proxy:3128",
            "https://proxy:3128",
            "socks5://proxy:1080",
            "http://",
            "http://user:pw@",
            "http://proxy:0",
            "http://proxy:70000",
            "http://proxy:31x8",
            "http://proxy:3128/path",
            "http://a b:1",
        ] {
            assert!(text.parse::<Proxy>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_is_the_provider_unless_another_is_named() {
        let mut target = Target {
            virtual_key: "openai".into(),
            ..Target::default()
        };
        assert_eq!(target.provider_id(), "openai");
        target.provider = Some("azure-openai".into());
        assert_eq!(target.provider_id(), "azure-openai");
    }

    #[test]
    fn hosts_and_ports_are_told_from_other_text() {
        for (text, good) in [
            ("host", true),
            ("host:80", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("${HOST}:80", true),
            ("${HOST}/x", false),
            ("::1", false),
            ("[::1", false),
            ("[zz]:80", false),
            ("host:", false),
            (":80", false),
            ("ho/st", false),
        ] {
            assert_eq!(is_host_and_port(text), good, "{text}");
        }
    }
}
