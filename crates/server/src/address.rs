//! Who is calling, when proxies stand between: an address for limits, logs
//! and the audit, never for authentication.
//!
//! It must never believe a header unless the socket's other end is trusted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The leading bits of an IPv6 address that one customer is given whole.
const IPV6_SITE_BITS: u32 = 64;

/// The client's address: the nearest one outside the trusted networks. Those
/// are the proxies whose word is taken; anybody else is the client.
///
/// All `X-Forwarded-For` lines are one list, walked from the right, where each
/// proxy appended what it saw; entries that are no address are passed over.
/// Without an answer there, `X-Real-IP`, then RFC 7239's `Forwarded`, then the
/// socket's other end.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let stranger = |address: &IpAddr| !trusted.iter().any(|network| network.contains(address));
    if stranger(&peer) {
        return peer;
    }
    lines(headers, &X_FORWARDED_FOR)
        .rev()
        .flat_map(|line| line.rsplit(','))
        .filter_map(node)
        .find(stranger)
        .or_else(|| lines(headers, &X_REAL_IP).next().and_then(node))
        .or_else(|| {
            lines(headers, &FORWARDED)
                .rev()
                .flat_map(|line| unquoted_split(line, ',').into_iter().rev())
                .filter_map(forwarded_for)
                .find(stranger)
        })
        .unwrap_or(peer)
}

/// The address a limit is kept for. An IPv6 customer has a network of
/// addresses and would else have as many limits.
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let site = u128::from(v6) & (u128::MAX << (128 - IPV6_SITE_BITS));
            IpAddr::V6(Ipv6Addr::from(site))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn lines<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
}

/// An address as proxies write it: with or without port, brackets or quotes.
fn node(written: &str) -> Option<IpAddr> {
    let written = written.trim().trim_matches('"');
    let bare = written
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(written);
    bare.parse::<IpAddr>()
        .or_else(|_| written.parse::<SocketAddr>().map(|socket| socket.ip()))
        .map(|address| address.to_canonical())
        .ok()
}

/// The `for` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    unquoted_split(element, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| node(value))?
    })
}

/// Splits where the separator stands outside quotes.
fn unquoted_split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests;
