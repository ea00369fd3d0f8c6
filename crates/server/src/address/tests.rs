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
