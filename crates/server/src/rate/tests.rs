use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn limit(per_second: f64, burst: f64, addresses: usize) -> (RateLimit, Instant) {
    let limit = RateLimit::remembering(addresses, per_second, burst);
    (limit, Instant::now())
}

#[test]
fn a_burst_passes_and_then_one_per_interval() {
    let (limit, start) = limit(20.0, 40.0, 100);
    for _ in 0..40 {
        assert_eq!(limit.allow(HOST, start), Ok(()));
    }
    let wait = limit.allow(HOST, start).unwrap_err();
    assert_eq!(wait.0, Duration::from_millis(50));
    assert_eq!(wait.seconds(), 1);
    assert!(
        limit
            .allow(HOST, start + Duration::from_millis(49))
            .is_err()
    );
    assert!(limit.allow(HOST, start + Duration::from_millis(50)).is_ok());
    assert!(
        limit
            .allow(HOST, start + Duration::from_millis(50))
            .is_err()
    );
}

#[test]
fn a_refused_request_costs_nothing() {
    let (limit, start) = limit(1.0, 1.0, 100);
    assert!(limit.allow(HOST, start).is_ok());
    for _ in 0..1000 {
        assert!(limit.allow(HOST, start).is_err());
    }
    assert!(limit.allow(HOST, start + Duration::from_secs(1)).is_ok());
}

#[test]
fn addresses_do_not_share_but_one_ipv6_site_does() {
    let (limit, start) = limit(1.0, 1.0, 100);
    assert!(limit.allow(HOST, start).is_ok());
    assert!(
        limit
            .allow(Ipv4Addr::new(192, 0, 2, 2).into(), start)
            .is_ok()
    );
    let site = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
    assert!(limit.allow(site(1), start).is_ok());
    assert!(limit.allow(site(2), start).is_err());
}

#[test]
fn odd_settings_mean_what_they_say() {
    let now = Instant::now();
    let admitted = |rate, burst| {
        let limit = RateLimit::new(rate, burst);
        (0..100).filter(|_| limit.allow(HOST, now).is_ok()).count()
    };
    for off in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(admitted(off, 40.0), 100, "{off}");
    }
    assert_eq!(admitted(5.0, 0.0), 5);
    assert_eq!(admitted(5.0, -3.0), 5);
    assert_eq!(admitted(0.5, 0.0), 1);
    assert_eq!(admitted(5.0, 0.2), 1);
    // A sign-in limit: ten a minute.
    assert_eq!(admitted(10.0 / 60.0, 20.0), 20);
}

#[test]
fn the_number_of_addresses_is_bounded_whatever_they_owe() {
    let (limit, start) = limit(1.0, 10.0, 1600);
    for n in 0..20_000_u32 {
        assert!(limit.allow(Ipv4Addr::from(n).into(), start).is_ok());
    }
    assert!(limit.addresses() <= 1600);
    assert!(limit.addresses() > 1000, "only a small part is forgotten");
}

#[test]
fn addresses_with_full_buckets_are_forgotten_first() {
    let (limit, start) = limit(1.0, 10.0, 160);
    for _ in 0..10 {
        assert!(limit.allow(HOST, start).is_ok());
    }
    for n in 0..2000_u32 {
        let at = start + Duration::from_millis(u64::from(n));
        let _ = limit.allow(Ipv4Addr::from(n).into(), at);
    }
    assert!(
        limit.allow(HOST, start).is_err(),
        "the deepest debt is remembered longest"
    );
}

#[test]
fn a_clock_that_steps_back_gives_nothing_away() {
    let (limit, start) = limit(1.0, 1.0, 100);
    let later = start + Duration::from_secs(10);
    assert!(limit.allow(HOST, later).is_ok());
    assert!(limit.allow(HOST, start).is_err());
    assert!(limit.allow(HOST, later).is_err());
}

proptest! {
    #[test]
    fn never_more_than_the_burst_and_the_rate(
        per_second in 0.1_f64..200.0,
        burst in 1.0_f64..100.0,
        steps in proptest::collection::vec(0_u64..100_000_000, 1..300),
    ) {
        let (limit, start) = limit(per_second, burst, 100);
        let mut at = Duration::ZERO;
        let mut admitted = 0_u32;
        for step in steps {
            at += Duration::from_nanos(step);
            admitted += u32::from(limit.allow(HOST, start + at).is_ok());
            let most = burst + per_second * at.as_secs_f64();
            prop_assert!(f64::from(admitted) <= most + 1e-6, "{admitted} > {most}");
        }
    }

    #[test]
    fn whoever_waits_as_told_is_admitted(
        per_second in 0.1_f64..200.0,
        burst in 1.0_f64..20.0,
        calls in 1_usize..100,
    ) {
        let (limit, start) = limit(per_second, burst, 100);
        let mut now = start;
        for _ in 0..calls {
            if let Err(wait) = limit.allow(HOST, now) {
                now += wait.0;
                prop_assert!(limit.allow(HOST, now).is_ok());
            }
        }
    }
}
