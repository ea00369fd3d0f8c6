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
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    fn resolve(peer: &str, trusted: &[&str], lines: &[(&str, &str)]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers(lines), &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let lines = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-real-ip", "198.51.100.2"),
            ("forwarded", "for=198.51.100.3"),
        ];
        assert_eq!(
            resolve("203.0.113.9", &["10.0.0.0/8"], &lines),
            "203.0.113.9"
        );
        assert_eq!(resolve("203.0.113.9", &[], &lines), "203.0.113.9");
    }

    #[test]
    fn the_nearest_stranger_in_the_chain_is_the_client() {
        let cases: [(&[(&str, &str)], &str); 13] = [
            (&[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            // A forged entry stands left of what the proxy appended.
            (
                &[("x-forwarded-for", "1.1.1.1, 198.51.100.1")],
                "198.51.100.1",
            ),
            (
                &[("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.2")],
                "198.51.100.1",
            ),
            // Proxies that append a line of their own.
            (
                &[
                    ("x-forwarded-for", "1.1.1.1"),
                    ("x-forwarded-for", "198.51.100.1"),
                ],
                "198.51.100.1",
            ),
            (
                &[
                    ("x-forwarded-for", "198.51.100.1"),
                    ("x-forwarded-for", "10.0.0.2"),
                ],
                "198.51.100.1",
            ),
            (
                &[("x-forwarded-for", "198.51.100.1, unknown, ")],
                "198.51.100.1",
            ),
            (&[("x-forwarded-for", "198.51.100.1:4711")], "198.51.100.1"),
            (&[("x-forwarded-for", "[2001:db8::7]:4711")], "2001:db8::7"),
            (
                &[("x-forwarded-for", "::ffff:198.51.100.1")],
                "198.51.100.1",
            ),
            (
                &[
                    ("x-forwarded-for", "10.0.0.3"),
                    ("x-real-ip", "198.51.100.2"),
                ],
                "198.51.100.2",
            ),
            (&[("x-real-ip", "not an address")], "10.0.0.1"),
            (
                &[(
                    "forwarded",
                    "for=1.1.1.1, for=\"[2001:db8:cafe::17]:4711\";proto=http;by=10.0.0.2",
                )],
                "2001:db8:cafe::17",
            ),
            (
                &[(
                    "forwarded",
                    "For=198.51.100.3;by=\"a,b;for=9.9.9.9\", for=10.0.0.5",
                )],
                "198.51.100.3",
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(
                resolve("10.0.0.1", &["10.0.0.0/8"], lines),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_peer_on_a_dual_stack_socket_is_an_ipv4_peer() {
        let lines = [("x-forwarded-for", "198.51.100.1")];
        assert_eq!(
            resolve("::ffff:10.0.0.1", &["10.0.0.0/8"], &lines),
            "198.51.100.1"
        );
        assert_eq!(
            resolve("::ffff:192.0.2.1", &["10.0.0.0/8"], &lines),
            "192.0.2.1"
        );
    }

    #[test]
    fn ipv6_is_limited_by_site() {
        let key = |text: &str| limit_key(text.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(key("203.0.113.9"), "203.0.113.9");
        assert_eq!(key("::ffff:203.0.113.9"), "203.0.113.9");
    }

    proptest! {
        #[test]
        fn any_header_is_answered(line in "[ -~]{0,64}") {
            for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
                let found = resolve("10.0.0.1", &["10.0.0.0/8"], &[(name, &line)]);
                prop_assert!(found.parse::<IpAddr>().is_ok());
            }
        }
    }
}
