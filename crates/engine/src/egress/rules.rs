//! The operator's rule for what may be fetched, as far as a URL by itself can be held against it.

use std::net::IpAddr;
use std::time::Duration;

use config::{Fetch, FetchMode};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use super::Refused;
use super::address::{is_never_meant, is_public};

/// No URL is longer.
const URL_MAX: usize = 8 * 1024;

/// The operator's rule.
#[derive(Clone, Debug)]
pub struct Rules(Fetch);

/// Where a file is.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) origin: Uri,
    pub(super) authority: HeaderValue,
    pub(super) path: Uri,
}

/// A host, as the URL writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

impl Rules {
    /// What the operator wrote.
    pub fn new(written: Fetch) -> Rules {
        Rules(written)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.mode != FetchMode::Off
    }

    pub(super) fn max_total_bytes(&self) -> usize {
        usize::try_from(self.0.max_total_bytes).unwrap_or(usize::MAX)
    }

    pub(super) fn max_files(&self) -> u32 {
        self.0.max_files
    }

    pub(super) fn max_bytes(&self) -> usize {
        usize::try_from(self.0.max_bytes).unwrap_or(usize::MAX)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// Whether a connection to this address may be made.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let allowed = self
            .0
            .allow_networks
            .iter()
            .any(|net| net.contains(&address));
        is_public(address) || (allowed && !is_never_meant(address))
    }

    /// Where the URL leads, if it may lead there.
    pub(super) fn goal(&self, url: &str) -> Result<Goal, Refused> {
        if !self.is_on() {
            return Err(Refused::Off);
        }
        if url.len() > URL_MAX {
            return Err(bad("is too long"));
        }
        // A fragment is the reader's business, not the server's.
        let url = url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|_| bad("is not one"))?;
        let parts = uri.into_parts();
        let usual = self.usual_port(parts.scheme.as_ref())?;
        let authority = parts.authority.ok_or(bad("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("must not hold a user or a password"));
        }
        let host = host(authority.host()).ok_or(bad("names no host"))?;
        if !self.knows(&host) {
            return Err(Refused::Host);
        }
        let port = self.port(&authority, usual)?;
        let shown = HeaderValue::from_str(authority.as_str()).map_err(|_| bad("names no host"))?;
        let mut origin = http::uri::Parts::default();
        origin.scheme = parts.scheme;
        origin.authority = Some(authority);
        origin.path_and_query = Some(PathAndQuery::from_static("/"));
        let path = parts.path_and_query;
        Ok(Goal {
            host,
            port,
            origin: Uri::from_parts(origin).map_err(|_| bad("is not one"))?,
            authority: shown,
            path: path.unwrap_or(PathAndQuery::from_static("/")).into(),
        })
    }

    /// The port of a URL that names none.
    fn usual_port(&self, scheme: Option<&Scheme>) -> Result<u16, Refused> {
        match scheme {
            Some(scheme) if *scheme == Scheme::HTTPS => Ok(443),
            Some(scheme) if *scheme == Scheme::HTTP && self.0.allow_http => Ok(80),
            Some(scheme) if *scheme == Scheme::HTTP => Err(bad(
                "must begin with https:// (media.fetch.allow_http is off)",
            )),
            _ => Err(bad("must begin with https://")),
        }
    }

    fn port(&self, authority: &Authority, usual: u16) -> Result<u16, Refused> {
        let is_written = authority.as_str().len() > authority.host().len();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if is_written => return Err(bad("has a port that is none")),
            None => usual,
        };
        let is_usual = port == 443 || (port == 80 && self.0.allow_http);
        if is_usual || self.0.ports.contains(&port) {
            Ok(port)
        } else {
            Err(Refused::Port { port })
        }
    }

    /// Whether the host is one of those listed, where there is a list.
    fn knows(&self, host: &Host) -> bool {
        if self.0.mode == FetchMode::On {
            return true;
        }
        let name = match host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        };
        self.0.hosts.iter().any(|listed| {
            let listed = listed.to_ascii_lowercase();
            match listed.strip_prefix('*') {
                Some(domain) => name.len() > domain.len() && name.ends_with(domain),
                None => name == listed,
            }
        })
    }
}

fn bad(problem: &'static str) -> Refused {
    Refused::Url { problem }
}

/// A host in its one spelling.
fn host(written: &str) -> Option<Host> {
    let inside = written
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(inside) = inside {
        return inside.parse().ok().map(Host::Address);
    }
    if let Ok(address) = written.parse() {
        return Some(Host::Address(address));
    }
    let name = written
        .strip_suffix('.')
        .unwrap_or(written)
        .to_ascii_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!name.is_empty() && name.chars().all(good)).then_some(Host::Name(name))
}
