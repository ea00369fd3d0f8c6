//! What the environment says about a vendor. The environment comes in as a function.

use std::fmt;

use crate::provider::{KeyNeed, Provider, Vars};
use crate::table;

/// The environment: the value of a variable, if it is set.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the environment holds for a vendor.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FromEnv {
    /// The key.
    pub api_key: Option<String>,
    /// The API root.
    pub base_url: Option<String>,
    /// Values for the `{name}` places of its URLs.
    pub vars: Vars,
    /// Its models; the row's own list when no variable names others.
    pub models: Vec<String>,
}

impl fmt::Debug for FromEnv {
    /// Shows whether there is a key, never which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.api_key.as_ref().map(|_| "[REDACTED]");
        f.debug_struct("FromEnv")
            .field("api_key", &key)
            .field("base_url", &self.base_url.as_ref().map(|_| "[REDACTED]"))
            .field("vars", &self.vars)
            .field("models", &self.models)
            .finish()
    }
}

/// The required variables that are not set, alternatives joined by ` or `. Empty: the vendor can
/// be used.
pub fn missing_from_env(provider: &Provider, env: Env<'_>) -> Vec<String> {
    let names = &provider.env;
    let mut missing = Vec::new();
    let keyless = || {
        let mut ways = provider.auth.instead_of_a_key().iter();
        ways.any(|names| names.iter().all(|name| read(name, env).is_some()))
    };
    if provider.key == KeyNeed::Required && first(&names.api_key, env).is_none() && !keyless() {
        missing.push(names.api_key.join(" or "));
    }
    if names.base_url_required {
        missing.extend(
            names
                .base_url
                .iter()
                .filter(|name| read(name, env).is_none())
                .cloned(),
        );
    }
    for (var, source) in names.vars.iter().filter(|(_, source)| source.required) {
        match &source.env {
            Some(name) if read(name, env).is_none() => missing.push(name.clone()),
            None if source.default.is_none() => missing.push(var.clone()),
            _ => {}
        }
    }
    missing
}

/// What the environment holds for a vendor; `None` unless every required variable is set.
pub fn credentials_from_env(provider: &Provider, env: Env<'_>) -> Option<FromEnv> {
    if !missing_from_env(provider, env).is_empty() {
        return None;
    }
    let names = &provider.env;
    Some(FromEnv {
        api_key: first(&names.api_key, env).filter(|_| provider.key != KeyNeed::None),
        base_url: names.base_url.as_deref().and_then(|name| read(name, env)),
        vars: vars(provider, env),
        models: models_from_env(provider, env).unwrap_or_else(|| provider.models.clone()),
    })
}

/// The built-in vendors that the environment holds credentials for, in table order. What needs no
/// credential is found only when its address is set.
pub fn detect(env: Env<'_>) -> Vec<&'static Provider> {
    table::builtin()
        .iter()
        .filter(|provider| is_wanted(provider, env))
        .collect()
}

fn is_wanted(provider: &Provider, env: Env<'_>) -> bool {
    let names = &provider.env;
    let says_something = provider.key == KeyNeed::Required || names.base_url_required;
    let models_known = !names.models.required || models_from_env(provider, env).is_some();
    !names.explicit && says_something && models_known && missing_from_env(provider, env).is_empty()
}

fn vars(provider: &Provider, env: Env<'_>) -> Vars {
    let value = |(var, source): (&String, &crate::provider::VarNames)| {
        let set = source.env.as_deref().and_then(|name| read(name, env));
        Some((var.clone(), set.or_else(|| source.default.clone())?))
    };
    provider.env.vars.iter().filter_map(value).collect()
}

/// The models that the environment names for a vendor, whatever else it holds.
pub fn models_from_env(provider: &Provider, env: Env<'_>) -> Option<Vec<String>> {
    let lists = provider
        .env
        .models
        .env
        .iter()
        .filter_map(|name| read(name, env));
    lists
        .map(|text| list(&text))
        .find(|models| !models.is_empty())
}

/// The names of a comma-separated list, each once. A file path is no list of models: one vendor's
/// own tool uses the same variable for the folder where models are kept.
fn list(text: &str) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && !is_path(name))
    {
        if !models.iter().any(|known| known == name) {
            models.push(name.to_owned());
        }
    }
    models
}

fn is_path(name: &str) -> bool {
    let drive =
        matches!(name.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || name.starts_with(['/', '~', '\\', '.'])
}

fn first(names: &[String], env: Env<'_>) -> Option<String> {
    names.iter().find_map(|name| read(name, env))
}

fn read(name: &str, env: Env<'_>) -> Option<String> {
    let value = env(name)?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
