//! What an operator wrote, as data.
//!
//! Text goes in; a [`Config`] comes out, or every problem with its file line,
//! column and path and, where one can be guessed, what was meant. This crate
//! reads no file, no environment variable and no clock, and never prints a
//! secret.

mod auth;
mod check;
mod conform;
mod duration;
mod formats;
mod guard;
mod guess;
mod json;
mod key;
mod load;
mod media;
mod model_catalog;
mod models;
mod node;
mod path;
mod problem;
mod routes;
mod schema;
mod secret;
mod server;
mod starter;
mod strategy;
mod target;
mod timestamp;
mod top;
mod yaml;

pub use auth::{Auth, AwsAuth, DatabricksAuth, EntraAuth, GoogleAuth};
pub use duration::{DurationError, format_duration, parse_duration};
pub use guard::{
    CircuitBreaker, Concurrency, Errors, HealthCheck, Hedge, HedgeAfter, HedgeAfterError, Retry,
};
pub use key::{Key, KeyHash, KeyHashError, Scope};
pub use load::{Format, Known, Loaded, UnknownExtension, load};
pub use media::{Fetch, FetchMode, Media};
pub use model_catalog::{Dollars, ModelCatalog, ModelFacts};
pub use models::{Description, Model, Models, PriceError, PriceText};
pub use problem::{Problem, Problems};
pub use routes::{
    ClockError, ClockTime, Day, Entry, Hours, Match, Member, OneOrMany, Route, Surface, TokenRange,
    UtcOffset,
};
pub use schema::{WRITTEN as SCHEMA, generated as generated_schema, schema};
pub use secret::{Missing, REDACTED, Secret, Source, references, resolve};
pub use server::{Listen, ListenError, OnDisconnect, RateLimit, Server, Stream, Tls};
pub use starter::{StarterTarget, starter};
pub use strategy::{
    Condition, ConditionKey, ContentCondition, ContentKind, Mode, Role, Sticky, StickyError,
    Strategy, Unpriced, Variant, Weight,
};
pub use target::{ApiKey, Proxy, ProxyError, ProxyUrl, Target, Timeouts, WeightedKey};
pub use timestamp::parse as parse_moment;
pub use top::{
    Compatibility, Config, Discovery, Estimates, Log, LogFormat, LogLevel, OnUnsupportedParam,
    Tokenizer,
};
