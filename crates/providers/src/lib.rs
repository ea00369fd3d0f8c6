//! What vendors are, as data: where they are, how they are paid for, what they serve and which
//! fields of a request they cannot take.
//!
//! A vendor is a row of `providers.toml` (or of an operator's config, which may hold the same
//! row). Everything here is a pure function of rows and arguments: no I/O, no clock, and the
//! environment comes in as a function.

mod address;
pub mod auth;
mod base_url;
mod capabilities;
mod check;
mod claims;
mod credentials;
mod duration;
mod encode;
mod endpoint;
mod family;
mod form;
mod headers;
pub mod native;
mod percent;
mod provider;
mod rules;
mod surface;
mod table;
mod template;
mod userinfo;

pub use base_url::{BadBaseUrl, BaseUrl, base_url};
pub use capabilities::{PARAMETERS, Support, profile, support};
pub use check::Defect;
pub use claims::{Claim, Claims};
pub use credentials::{
    Env, FromEnv, credentials_from_env, detect, missing_from_env, models_from_env,
};
pub use encode::{ChatPlan, Encoded, Refused, encode_chat};
pub use endpoint::{BadEndpoint, endpoint, list_url, url_at};
pub use family::Family;
pub use form::Form;
pub use headers::{BadHeader, fixed_headers, join as join_headers, request_headers};
pub use provider::{
    Auth, AwsService, DatedRoute, Dialect, EntraAccess, EnvNames, GoogleAccess, KeyNeed,
    ModelNames, Provider, Quirk, RootRule, Timeouts, VarNames, Vars,
};
pub use rules::{
    Blank, ChatRules, Clamp, EmbeddingRules, ImageRules, LogprobsForm, OnUnsupported, Preset,
    Rename, StreamOptions, Wins,
};
pub use surface::Surface;
pub use table::{Table, builtin};
