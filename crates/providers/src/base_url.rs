//! From what an operator wrote (or did not write) to a vendor's API root.
//!
//! A bare host takes the whole path of the row's own root, so that the host of a vendor, of a
//! proxy before it and of a test server are all written the same way.

use std::fmt;

use crate::address::{Address, has_port, read};
use crate::provider::{Provider, Vars};
use crate::template::{self, Piece};
use crate::userinfo;

/// An API root: scheme, host and path, without a slash at the end.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    root: String,
    userinfo: Option<String>,
}

/// Why a text is no API root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBaseUrl {
    /// Neither http nor https.
    #[error("base url `{url}` must begin with https:// or http://")]
    Scheme {
        /// What was written.
        url: String,
    },
    /// No host, or not one.
    #[error("base url `{url}` has no valid host")]
    Host {
        /// What was written.
        url: String,
    },
    /// A query or a fragment.
    #[error("base url `{url}` must not have a {what} (`{sign}`)")]
    Extra {
        /// What was written.
        url: String,
        /// `query` or `fragment`.
        what: &'static str,
        /// Its sign.
        sign: char,
    },
    /// A path that cannot be sent as it stands.
    #[error("base url `{url}` has a path that is not plain: {why}")]
    Path {
        /// What was written.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A place that nothing fills.
    #[error("{provider} needs `{name}` to know its address; set it, or set base_url")]
    Missing {
        /// The vendor.
        provider: String,
        /// The variable.
        name: String,
    },
    /// A value that would leave its place.
    #[error(
        "`{name}` is `{value}`, which cannot stand in a url; letters, digits and . - _ ~ : can"
    )]
    Value {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// A region that the row does not have.
    #[error("{provider} has no region `{region}` (it has: {known})")]
    Region {
        /// The vendor.
        provider: String,
        /// What was written.
        region: String,
        /// What would be accepted.
        known: String,
    },
}

impl BaseUrl {
    /// The root itself: never a password, never a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.root
    }

    /// The value of `Authorization` that a user and password in the URL stand for.
    pub fn basic_authorization(&self) -> Option<String> {
        self.userinfo.as_deref().map(userinfo::basic)
    }
}

impl From<Address> for BaseUrl {
    fn from(address: Address) -> BaseUrl {
        let Address {
            scheme,
            userinfo,
            host,
            path,
        } = address;
        BaseUrl {
            root: format!("{scheme}://{host}{path}"),
            userinfo,
        }
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaseUrl")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)
    }
}

/// The API root of a vendor: what was given, else the region's, else the row's own.
pub fn base_url(
    provider: &Provider,
    given: Option<&str>,
    region: Option<&str>,
    vars: &Vars,
) -> Result<BaseUrl, BadBaseUrl> {
    let placed = region.filter(|_| has_region(provider)).map(|region| {
        let mut vars = vars.clone();
        vars.insert(REGION.to_owned(), region.to_owned());
        vars
    });
    let vars = placed.as_ref().unwrap_or(vars);
    let own = own_root(provider, region, vars)?;
    match given.map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => read_given(provider, own, given, vars),
        None => read(&filled(provider, own, vars)?).map(BaseUrl::from),
    }
}

/// The place that a region fills, in rows that have many alike; those that are not are by name.
const REGION: &str = "region";

fn has_region(provider: &Provider) -> bool {
    provider.env.vars.contains_key(REGION)
}

fn own_root<'a>(
    provider: &'a Provider,
    region: Option<&str>,
    vars: &Vars,
) -> Result<&'a String, BadBaseUrl> {
    let placed = has_region(provider);
    let said = region.or_else(|| provider.var(REGION, vars).filter(|_| placed));
    match (said.and_then(|said| provider.regions.get(said)), region) {
        (Some(root), _) => Ok(root),
        (None, Some(region)) if !placed => Err(unknown_region(provider, region)),
        (None, _) => Ok(&provider.base_url),
    }
}

fn unknown_region(provider: &Provider, region: &str) -> BadBaseUrl {
    let known: Vec<&str> = provider.regions.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    BadBaseUrl::Region {
        provider: provider.id.clone(),
        region: region.to_owned(),
        known,
    }
}

fn read_given(
    provider: &Provider,
    own: &str,
    given: &str,
    vars: &Vars,
) -> Result<BaseUrl, BadBaseUrl> {
    let given = filled(provider, given, vars)?;
    let mut url = read(&with_scheme(provider, &given))?;
    if url.path.is_empty() {
        url.path = filled(provider, path_of(own), vars)?;
    } else {
        apply_rule(provider, &mut url.path);
    }
    Ok(url.into())
}

/// Rows for vendors whose own tools take `host:port` say which scheme and port that means.
fn with_scheme(provider: &Provider, given: &str) -> String {
    let Some(scheme) = provider
        .root
        .scheme
        .as_deref()
        .filter(|_| !given.contains("://"))
    else {
        return given.to_owned();
    };
    let (host, path) = given.split_at(given.find('/').unwrap_or(given.len()));
    match provider.root.port.filter(|_| !has_port(host)) {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

fn apply_rule(provider: &Provider, path: &mut String) {
    let rule = &provider.root;
    if let Some(at) = rule.cut.iter().find_map(|part| path.find(part.as_str())) {
        path.truncate(at);
    }
    while let Some(shorter) = rule
        .strip
        .iter()
        .find_map(|end| path.strip_suffix(end.as_str()))
    {
        *path = shorter.trim_end_matches('/').to_owned();
    }
    let is_whole = rule.whole.iter().any(|end| path.ends_with(end.as_str()));
    let missing = |part: &&str| !is_whole && !path.contains(*part);
    if let Some(part) = rule.append.as_deref().filter(missing) {
        path.push_str(part);
    }
}

/// The path of a template: what follows its host.
fn path_of(template: &str) -> &str {
    let after = template
        .split_once("://")
        .map_or(template, |(_, after)| after);
    after.find('/').map_or("", |at| &after[at..])
}

fn filled(provider: &Provider, template: &str, vars: &Vars) -> Result<String, BadBaseUrl> {
    let mut out = String::with_capacity(template.len() + 32);
    template::fill(template, &mut out, |name, out| {
        let value = provider
            .var(name, vars)
            .ok_or_else(|| missing(provider, name))?;
        if !is_plain(value) {
            return Err(BadBaseUrl::Value {
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
        out.push_str(value);
        Ok(())
    })?;
    Ok(out)
}

fn missing(provider: &Provider, name: &str) -> BadBaseUrl {
    BadBaseUrl::Missing {
        provider: provider.id.clone(),
        name: name.to_owned(),
    }
}

/// Whether a value can stand in a host or a segment without changing what is around it.
pub(crate) fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    !value.is_empty() && value != "." && value != ".." && value.bytes().all(plain)
}

/// Whether a template of a row can become an API root at all.
pub(crate) fn template_problem(template: &str) -> Option<String> {
    let mut sample = String::new();
    for piece in template::pieces(template) {
        sample.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Place(_) => "x",
        });
    }
    read(&sample).err().map(|problem| problem.to_string())
}

#[cfg(test)]
#[path = "base_url/tests.rs"]
mod tests;
