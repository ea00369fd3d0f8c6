//! The configuration as a whole, and its small sections.
//!
//! Every default stands in a `Default` impl here or beside its section, never
//! in prose; every bound stands in the schema attributes, where the reader's
//! editor, the documentation and the loader all find the same number.

use std::collections::BTreeMap;
use std::time::Duration;

use providers::Provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;
use crate::guard::Errors;
use crate::key::Key;
use crate::media::Media;
use crate::model_catalog::ModelCatalog;
use crate::routes::{OneOrMany, Route};
use crate::server::{Server, Stream};
use crate::strategy::Strategy;
use crate::target::Target;

/// What an operator wrote: where calls may go, on whose behalf, and within which bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    title = "ferrogw configuration",
    extend("required" = ["targets"]),
    extend("x-later" = ["plugins", "mcp_servers", "observability", "batch_target", "responses_target"])
)]
pub struct Config {
    /// Version of this schema; only `v1` exists.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// How a target is chosen.
    pub strategy: Strategy,
    /// Other strategies for some calls; the first route that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub routes: Vec<Route>,
    /// Where calls may go; nothing outside this list is ever called.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
    /// Providers besides the built-in ones; one with the id of a built-in one replaces it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    /// The longest body a client may send, in bytes.
    #[schemars(range(min = 1, max = 1_099_511_627_776_u64))]
    pub max_request_bytes: u64,
    /// The longest whole answer taken from a provider, in bytes.
    #[schemars(range(min = 1, max = 1_099_511_627_776_u64))]
    pub max_response_bytes: u64,
    /// The time a whole call may take, attempts and waits included; for a stream, the time to its start. None when left out.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub request_timeout: Option<Duration>,
    /// Other names for models: the name a client asks for and the model it means, or several in order.
    pub aliases: BTreeMap<String, OneOrMany>,
    /// What to do where a provider cannot do what a client asks.
    pub compatibility: Compatibility,
    /// Asking providers which models they serve.
    pub discovery: Discovery,
    /// What is known of models and their prices.
    pub catalog: ModelCatalog,
    /// How what no provider has counted is estimated.
    pub estimates: Estimates,
    /// API keys that this gateway accepts, known by their hashes.
    pub keys: Vec<Key>,
    /// How streamed answers are carried.
    pub stream: Stream,
    /// Images and documents that requests refer to.
    pub media: Media,
    /// The listening side.
    pub server: Server,
    /// What is logged, and how.
    pub log: Log,
    /// What clients are told of failures.
    pub errors: Errors,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_version: "v1".into(),
            strategy: Strategy::default(),
            routes: Vec::new(),
            targets: Vec::new(),
            providers: Vec::new(),
            max_request_bytes: 10 * 1024 * 1024,
            max_response_bytes: 50 * 1024 * 1024,
            request_timeout: None,
            aliases: BTreeMap::new(),
            compatibility: Compatibility::default(),
            discovery: Discovery::default(),
            catalog: ModelCatalog::default(),
            estimates: Estimates::default(),
            keys: Vec::new(),
            stream: Stream::default(),
            media: Media::default(),
            server: Server::default(),
            log: Log::default(),
            errors: Errors::default(),
        }
    }
}

/// What to do where a provider cannot do what a client asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compatibility {
    /// What happens to a parameter that the provider does not support.
    pub on_unsupported_param: OnUnsupportedParam,
}

/// What happens to a parameter that the provider does not support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnsupportedParam {
    /// It is sent on where it can be, and logged.
    #[default]
    Warn,
    /// It is taken out, and the answer names it.
    Drop,
    /// The call is refused before anything is sent.
    Reject,
}

/// Asking providers which models they serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Whether they are asked at all.
    pub enabled: bool,
    /// The time between two rounds.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1m", "x-maximum" = "168h"))]
    pub interval: Duration,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_hours(1),
        }
    }
}

/// How what no provider has counted is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Estimates {
    /// How the tokens of prompts are counted.
    pub tokenizer: Tokenizer,
}

/// How the tokens of prompts are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// Four bytes of the request are a token.
    #[default]
    Fast,
    /// With the tokenizer of the model where it is known (OpenAI's families); its tables take some 30 MB of memory.
    Exact,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// The least important line that is still written.
    pub level: LogLevel,
    /// Whether every call gets a line.
    pub access: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            level: LogLevel::Info,
            access: true,
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading by eye.
    Text,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What a developer wants to see.
    Debug,
    /// What an operator wants to see.
    Info,
    /// What an operator should look at.
    Warn,
    /// What an operator must look at.
    Error,
}
