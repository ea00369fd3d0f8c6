//! What an operator wrote, as data.
//!
//! Text goes in; a [`Config`] comes out, or every problem with its file line,
//! column and path and, where one can be guessed, what was meant. This crate
//! reads no file, no environment variable and no clock, and never prints a
//! secret.

mod check;
mod conform;
mod duration;
mod formats;
mod guess;
mod json;
mod key;
mod load;
mod model_catalog;
mod node;
mod path;
mod problem;
mod schema;
mod secret;
mod server;
mod starter;
mod target;
mod timestamp;
mod top;
mod yaml;

pub use duration::{DurationError, format_duration, parse_duration};
pub use key::{Key, KeyHash, KeyHashError, Scope};
pub use load::{Format, Known, Loaded, UnknownExtension, load};
pub use model_catalog::{Dollars, ModelCatalog, ModelFacts};
pub use problem::{Problem, Problems};
pub use schema::schema;
pub use secret::{Missing, REDACTED, Secret, Source, references, resolve};
pub use server::{Listen, ListenError, OnDisconnect, RateLimit, Server, Stream, Tls};
pub use starter::{StarterTarget, starter};
pub use target::{ApiKey, Models, Proxy, ProxyError, ProxyUrl, Target, Timeouts, WeightedKey};
pub use top::{
    Compatibility, Config, Discovery, Estimates, Log, LogFormat, LogLevel, Mode,
    OnUnsupportedParam, Strategy, Tokenizer,
};
