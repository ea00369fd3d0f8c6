//! Which addresses are anybody's, and which only an operator's network, its machine or its cloud has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is not public, as network and length. The special registries of IANA, and what clouds keep
/// for themselves.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 18] = [
    (Ipv4Addr::UNSPECIFIED, 8),            // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carriers' own, and some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // this machine
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host agent
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, and most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(192, 175, 48, 0), 24),  // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
];

/// Of IPv6 only this is given out to anybody.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// And of that, this is not public: addresses that hold others, or lead nowhere.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, ORCHID, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: holds an IPv4 address
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether anybody on the internet could have this address. IPv6 forms of IPv4 addresses are not.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| in_v4(address, *net)),
        IpAddr::V6(address) => {
            in_v6(address, GLOBAL_V6) && !NOT_PUBLIC_V6.iter().any(|net| in_v6(address, *net))
        }
    }
}

/// Whether no operator can want a client to reach it: what a machine's cloud tells the machine, and
/// what is no single machine.
pub(super) fn is_never_meant(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let metadata = [
                Ipv4Addr::new(100, 100, 100, 200),
                Ipv4Addr::new(168, 63, 129, 16),
                Ipv4Addr::new(192, 0, 0, 192),
            ];
            address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.octets()[0] == 0
                || metadata.contains(&address)
        }
        IpAddr::V6(address) => {
            const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_unspecified()
                || address == METADATA
                // An operator's network is written in its own form, not in one that holds it.
                || address.to_ipv4_mapped().is_some()
        }
    }
}

fn in_v4(address: Ipv4Addr, (net, length): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (32 - length) == 0
}

fn in_v6(address: Ipv6Addr, (net, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (128 - length) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    /// Both ends of every network, and what lies just outside where that is public.
    #[test]
    fn what_is_not_public_is_known_to_its_edges() {
        let edges = [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            (
                "10.0.0.0",
                "10.255.255.255",
                Some("9.255.255.255"),
                Some("11.0.0.0"),
            ),
            (
                "100.64.0.0",
                "100.127.255.255",
                Some("100.63.255.255"),
                Some("100.128.0.0"),
            ),
            (
                "127.0.0.0",
                "127.255.255.255",
                Some("126.255.255.255"),
                Some("128.0.0.0"),
            ),
            (
                "168.63.129.16",
                "168.63.129.16",
                Some("168.63.129.15"),
                Some("168.63.129.17"),
            ),
            (
                "169.254.0.0",
                "169.254.255.255",
                Some("169.253.255.255"),
                Some("169.255.0.0"),
            ),
            (
                "172.16.0.0",
                "172.31.255.255",
                Some("172.15.255.255"),
                Some("172.32.0.0"),
            ),
            (
                "192.0.0.0",
                "192.0.0.255",
                Some("191.255.255.255"),
                Some("192.0.1.0"),
            ),
            (
                "192.0.2.0",
                "192.0.2.255",
                Some("192.0.1.255"),
                Some("192.0.3.0"),
            ),
            (
                "192.31.196.0",
                "192.31.196.255",
                Some("192.31.195.255"),
                Some("192.31.197.0"),
            ),
            (
                "192.52.193.0",
                "192.52.193.255",
                Some("192.52.192.255"),
                Some("192.52.194.0"),
            ),
            (
                "192.88.99.0",
                "192.88.99.255",
                Some("192.88.98.255"),
                Some("192.88.100.0"),
            ),
            (
                "192.168.0.0",
                "192.168.255.255",
                Some("192.167.255.255"),
                Some("192.169.0.0"),
            ),
            (
                "192.175.48.0",
                "192.175.48.255",
                Some("192.175.47.255"),
                Some("192.175.49.0"),
            ),
            (
                "198.18.0.0",
                "198.19.255.255",
                Some("198.17.255.255"),
                Some("198.20.0.0"),
            ),
            (
                "198.51.100.0",
                "198.51.100.255",
                Some("198.51.99.255"),
                Some("198.51.101.0"),
            ),
            (
                "203.0.113.0",
                "203.0.113.255",
                Some("203.0.112.255"),
                Some("203.0.114.0"),
            ),
            (
                "224.0.0.0",
                "255.255.255.255",
                Some("223.255.255.255"),
                None,
            ),
            (
                "2001::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2000:ffff::"),
                Some("2001:200::"),
            ),
            (
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:db7::"),
                Some("2001:db9::"),
            ),
            (
                "2002::",
                "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:ffff::"),
                Some("2003::"),
            ),
            (
                "2620:4f:8000::",
                "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
                Some("2620:4f:7fff::"),
                Some("2620:4f:8001::"),
            ),
            (
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("3ffe::"),
                Some("3fff:1000::"),
            ),
            (
                "::",
                "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                Some("2000::"),
            ),
            (
                "4000::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                None,
            ),
        ];
        for (first, last, before, after) in edges {
            assert!(!judged(first) && !judged(last), "{first} to {last}");
            for outside in [before, after].into_iter().flatten() {
                assert!(judged(outside), "{outside}");
            }
        }
        let nets = NOT_PUBLIC_V4.len() + NOT_PUBLIC_V6.len() + 2;
        assert_eq!(edges.len(), nets, "every network has its row");
    }

    #[test]
    fn every_disguise_of_an_inner_address_is_seen_through() {
        for text in [
            "::1",                           // this machine
            "::ffff:127.0.0.1",              // mapped
            "::ffff:8.8.8.8",                // mapped, even of a public one
            "::127.0.0.1",                   // compatible
            "64:ff9b::10.0.0.1",             // NAT64
            "64:ff9b:1::10.0.0.1",           // NAT64 of a network's own
            "2002:7f00:1::",                 // 6to4 of 127.0.0.1
            "2001:0:53aa:64c:0:0:f5ff:fffe", // Teredo
            "fc00::1",                       // unique local
            "fd00:ec2::254",                 // AWS's metadata
            "fe80::1",                       // link-local
            "fec0::1",                       // site-local of old
            "ff02::1",                       // multicast
            "100::1",                        // discard
            "5f00::1",                       // segment routing
            "169.254.169.254",               // metadata
            "169.254.170.2",                 // AWS's containers
            "100.100.100.200",               // Alibaba's metadata
        ] {
            assert!(!judged(text), "{text}");
        }
        for text in [
            "8.8.8.8",
            "93.184.216.34",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860::8888",
        ] {
            assert!(judged(text), "{text}");
        }
    }

    #[test]
    fn what_no_operator_can_mean_stays_shut_whatever_is_allowed() {
        for text in [
            "169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "255.255.255.255",
            "fd00:ec2::254",
            "168.63.129.16",
            "::ffff:10.0.0.1",
            "100.100.100.200",
        ] {
            assert!(is_never_meant(text.parse().unwrap()), "{text}");
        }
        for text in ["10.0.0.1", "127.0.0.1", "fd12::1", "8.8.8.8", "::1"] {
            assert!(!is_never_meant(text.parse().unwrap()), "{text}");
        }
    }
}
