//! The side that clients see: listening, bounds on connections, and how
//! streams are carried.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration;

/// How streamed answers are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stream {
    /// The silence after which a comment is sent to keep the connection open; 0s switches this off.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "0s", "x-maximum" = "1h"))]
    pub heartbeat: Duration,
    /// The longest silence of a provider inside a stream.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1s", "x-maximum" = "24h"))]
    pub idle_timeout: Duration,
    /// The longest single event, in bytes.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub max_event_bytes: usize,
    /// What happens to the provider's stream when the client has gone.
    pub on_disconnect: OnDisconnect,
}

impl Stream {
    /// The silence after which a comment is sent; `None` when that is off.
    pub fn heartbeat(&self) -> Option<Duration> {
        Some(self.heartbeat).filter(|length| !length.is_zero())
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            idle_timeout: Duration::from_mins(2),
            max_event_bytes: 16 * 1024 * 1024,
            on_disconnect: OnDisconnect::Cut,
        }
    }
}

/// What happens to the provider's stream when the client has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    /// It is cut at once, so that nothing more is generated.
    Cut,
    /// It is read to its end, so that its usage is known.
    Drain,
}

/// The listening side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Where to listen: `:8080`, `127.0.0.1:8080`, or a list of such.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<Listen>")]
    pub listen: Vec<Listen>,
    /// Threads that carry calls; as many as there are cores when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<usize>,
    /// Serves TLS; plain HTTP when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The time a client has to send the head of a request.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "100ms", "x-maximum" = "1h"))]
    pub header_timeout: Duration,
    /// The longest silence of a client that is sending a body.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "100ms", "x-maximum" = "1h"))]
    pub body_timeout: Duration,
    /// How long a connection without a call is kept open.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1s", "x-maximum" = "24h"))]
    pub keep_alive: Duration,
    /// The longest time a client may take to accept what is written to it.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "100ms", "x-maximum" = "1h"))]
    pub write_timeout: Duration,
    /// The longest head of a request, in bytes.
    #[schemars(range(min = 8192, max = 16_777_216))]
    pub max_header_bytes: usize,
    /// The most connections at one time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// The time between turning unready and refusing connections, for load balancers to notice.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "0s", "x-maximum" = "1h"))]
    pub drain_delay: Duration,
    /// The time that calls under way have to finish at shutdown.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "0s", "x-maximum" = "24h"))]
    pub drain_timeout: Duration,
    /// Networks whose word on a client's address is believed.
    #[schemars(with = "Vec<Network>")]
    pub trusted_proxies: Vec<IpNet>,
    /// Web origins whose pages may call this gateway.
    #[schemars(with = "Vec<Origin>")]
    pub cors_origins: Vec<String>,
    /// The rate at which one address may call without a valid key.
    pub rate_limit: RateLimit,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![Listen {
                ip: None,
                port: 8080,
            }],
            threads: None,
            tls: None,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            write_timeout: Duration::from_secs(15),
            max_header_bytes: 1024 * 1024,
            max_connections: 20_000,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(15),
            trusted_proxies: loopback(),
            cors_origins: Vec::new(),
            rate_limit: RateLimit::default(),
        }
    }
}

/// The machine itself, where a proxy on the same host calls from.
fn loopback() -> Vec<IpNet> {
    let v4 = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let v6 = ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128);
    vec![v4.into(), v6.into()]
}

/// The certificate that clients see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["cert_file", "key_file"]))]
pub struct Tls {
    /// PEM file with the certificate and its chain.
    #[schemars(length(min = 1))]
    pub cert_file: PathBuf,
    /// PEM file with the private key.
    #[schemars(length(min = 1))]
    pub key_file: PathBuf,
}

/// A rate, and how far it may be overshot for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second; 0 switches the limit off.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rps: f64,
    /// Requests that may come at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
}

impl RateLimit {
    /// Whether there is a limit at all.
    pub fn is_on(&self) -> bool {
        self.rps > 0.0
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            rps: 20.0,
            burst: 40,
        }
    }
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The interface; every one when `None`.
    pub ip: Option<IpAddr>,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

/// The JSON Schema `format` of a [`Listen`].
pub(crate) const LISTEN: &str = "listen-address";
/// The JSON Schema `format` of a network.
pub(crate) const NETWORK: &str = "ip-network";
/// The JSON Schema `format` of a web origin.
pub(crate) const ORIGIN: &str = "web-origin";

/// The text is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address to listen on such as :8080, 127.0.0.1:8080 or [::1]:8080")]
pub struct ListenError {
    /// What was written.
    pub text: String,
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let wrong = || ListenError {
            text: text.to_owned(),
        };
        let port = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|_| plain).ok_or_else(wrong)
        };
        if let Some(digits) = text.strip_prefix(':') {
            return Ok(Listen {
                ip: None,
                port: port(digits)?,
            });
        }
        if let Some(digits) = text.strip_prefix("localhost:") {
            return Ok(Listen {
                ip: Some(Ipv4Addr::LOCALHOST.into()),
                port: port(digits)?,
            });
        }
        let address: SocketAddr = text.parse().map_err(|_| wrong())?;
        Ok(Listen {
            ip: Some(address.ip()),
            port: address.port(),
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, ":{}", self.port),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Listen {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": LISTEN, "examples": [":8080", "127.0.0.1:8080"]})
    }
}

/// The schema of a network; never a value.
pub(crate) struct Network;

impl JsonSchema for Network {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": NETWORK, "examples": ["10.0.0.0/8", "::1/128"]})
    }
}

/// The schema of a web origin; never a value.
struct Origin;

impl JsonSchema for Origin {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Origin".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": ORIGIN, "examples": ["https://app.example"]})
    }
}

/// A value alone, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(#[schemars(length(min = 1))] Vec<T>),
}

fn one_or_many<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on_are_read_and_written_back() {
        for (text, ip, port) in [
            (":8080", None, 8080),
            (":0", None, 0),
            ("127.0.0.1:80", Some("127.0.0.1"), 80),
            ("0.0.0.0:65535", Some("0.0.0.0"), 65535),
            ("[::1]:8080", Some("::1"), 8080),
        ] {
            let listen: Listen = text.parse().unwrap();
            let ip = ip.map(|ip| ip.parse().unwrap());
            assert_eq!(listen, Listen { ip, port }, "{text}");
            assert_eq!(listen.to_string(), text);
        }
        let local: Listen = "localhost:1".parse().unwrap();
        assert_eq!(local.to_string(), "127.0.0.1:1");
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "8080",
            ":",
            ":65536",
            ":+80",
            "host:80",
            "127.0.0.1",
            "::1:80",
            ":80 ",
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
