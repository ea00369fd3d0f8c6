//! The parts of a URL that may become an API root, and why others may not.

use http::uri::Authority;

use crate::base_url::BadBaseUrl;

/// A URL in its parts.
pub(crate) struct Address {
    pub(crate) scheme: &'static str,
    pub(crate) userinfo: Option<String>,
    pub(crate) host: String,
    /// Empty, or begins with a slash and does not end with one.
    pub(crate) path: String,
}

/// Reads an address that may become an API root.
pub(crate) fn read(url: &str) -> Result<Address, BadBaseUrl> {
    let shown = || redacted(url);
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| BadBaseUrl::Scheme { url: shown() })?;
    let scheme = ["https", "http"]
        .into_iter()
        .find(|known| scheme.eq_ignore_ascii_case(known));
    let scheme = scheme.ok_or_else(|| BadBaseUrl::Scheme { url: shown() })?;
    for (sign, what) in [('#', "fragment"), ('?', "query")] {
        if rest.contains(sign) {
            return Err(BadBaseUrl::Extra {
                url: shown(),
                what,
                sign,
            });
        }
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (userinfo, host) = match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo.to_owned()), host),
        None => (None, authority),
    };
    if !is_host(host) {
        return Err(BadBaseUrl::Host { url: shown() });
    }
    let path = path.trim_end_matches('/');
    match odd_path(path) {
        Some(why) => Err(BadBaseUrl::Path { url: shown(), why }),
        None => Ok(Address {
            scheme,
            userinfo,
            host: host.to_owned(),
            path: path.to_owned(),
        }),
    }
}

/// The text without its password: it is about to stand in a message.
fn redacted(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}***{}", &url[..start], &url[start + at..]),
        None => url.to_owned(),
    }
}

fn is_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let port_is_number = has_port(host) == authority.port_u16().is_some();
    !authority.host().is_empty() && port_is_number && !host.contains('@')
}

fn odd_path(path: &str) -> Option<&'static str> {
    if path
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || b"\\{}\"<>^`|".contains(&byte))
    {
        Some("it holds a character that must be escaped")
    } else if path
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        Some("it holds a dot segment")
    } else if path.contains("//") {
        Some("it holds an empty segment")
    } else {
        None
    }
}

/// Whether a host is followed by a port.
pub(crate) fn has_port(host: &str) -> bool {
    // The colons of an address in brackets are its own.
    host.rsplit_once(']')
        .map_or(host, |(_, after)| after)
        .contains(':')
}
