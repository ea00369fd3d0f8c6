//! Images and documents that requests refer to by URL.

use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;
use crate::server::Network;

/// Images and documents that requests refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Fetching them, for providers that take only their bytes.
    pub fetch: Fetch,
}

/// What the gateway may fetch because a request names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fetch {
    /// Whether anything is fetched at all.
    pub mode: FetchMode,
    /// Hosts that may be asked under `allowlist`: names, or `*.` and the name of a domain.
    pub hosts: Vec<String>,
    /// Whether `http://` will do.
    pub allow_http: bool,
    /// Ports that may be asked beside 443, and 80 where `http://` will do.
    pub ports: Vec<u16>,
    /// Networks that may be asked although they are not public; never link-local ones.
    #[schemars(with = "Vec<Network>")]
    pub allow_networks: Vec<IpNet>,
    /// The longest file, in bytes.
    #[schemars(range(min = 1, max = 1_073_741_824_u64))]
    pub max_bytes: u64,
    /// The longest that all files of one request may be together, in bytes.
    #[schemars(range(min = 1, max = 1_073_741_824_u64))]
    pub max_total_bytes: u64,
    /// The most files of one request.
    #[schemars(range(min = 1, max = 1000))]
    pub max_files: u32,
    /// The time for one file, from the look-up of its host to its last byte.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "100ms", "x-maximum" = "5m"))]
    pub timeout: Duration,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            mode: FetchMode::Off,
            hosts: Vec::new(),
            allow_http: false,
            ports: Vec::new(),
            allow_networks: Vec::new(),
            max_bytes: 20 * 1024 * 1024,
            max_total_bytes: 50 * 1024 * 1024,
            max_files: 20,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Whether the gateway fetches what a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FetchMode {
    /// Nothing.
    #[default]
    Off,
    /// From the hosts listed.
    Allowlist,
    /// From any public address.
    On,
}
