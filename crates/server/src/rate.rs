//! A bound on how often one address may come without a valid credential.
//!
//! Callers with one are never charged here, so that nobody can use up their
//! share by sharing their address. The number of addresses remembered is
//! bounded; forgetting one never makes it worse off.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::address::limit_key;

const SHARDS: usize = 16;

/// Remembered at most.
const ADDRESSES: usize = 100_000;

/// Forgotten at once when a shard is full of addresses still in debt.
const FORGOTTEN_PART: usize = 100;

const SECOND: f64 = 1_000_000_000.0;

/// One token bucket per address, kept as the time at which it will be full
/// (the generic cell rate algorithm): one integer, and no clock of its own.
#[derive(Debug)]
pub struct RateLimit {
    rate: Option<Rate>,
    origin: Instant,
    per_shard: usize,
    hasher: RandomState,
    shards: [Mutex<HashMap<IpAddr, u64>>; SHARDS],
}

/// In nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// In which one token grows.
    interval: u64,
    /// In which an empty bucket fills.
    capacity: u64,
}

impl Rate {
    fn new(per_second: f64, burst: f64) -> Option<Self> {
        if !per_second.is_finite() || per_second <= 0.0 {
            return None;
        }
        let burst = if burst > 0.0 { burst } else { per_second };
        // Rounded up and down respectively, so that never too much is let in.
        let interval = whole((SECOND / per_second).ceil()).max(1);
        #[allow(clippy::cast_precision_loss)]
        let capacity = whole((burst * interval as f64).floor()).max(interval);
        Some(Self { interval, capacity })
    }
}

/// The address must wait this long before its next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds, at least one, for the `Retry-After` header.
    pub fn seconds(self) -> u64 {
        let whole = self.0.as_secs();
        (whole + u64::from(self.0.subsec_nanos() > 0)).max(1)
    }
}

impl RateLimit {
    /// `burst` requests at once and `per_second` in the long run. A burst of
    /// zero or less is `per_second`; the capacity is at least one request. A
    /// rate that is not a positive number limits nothing.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self::remembering(ADDRESSES, per_second, burst)
    }

    /// The same, for about this many addresses at most.
    pub fn remembering(addresses: usize, per_second: f64, burst: f64) -> Self {
        Self {
            rate: Rate::new(per_second, burst),
            origin: Instant::now(),
            per_shard: addresses.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Takes a token from the address's bucket, if there is one.
    pub fn allow(&self, ip: IpAddr, now: Instant) -> Result<(), RetryAfter> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let key = limit_key(ip);
        let now = nanos(now.saturating_duration_since(self.origin));
        let mut shard = self.shards[self.shard_of(&key)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = shard.get(&key).copied();
        let full_at = known.unwrap_or(0).max(now).saturating_add(rate.interval);
        let wait = full_at.saturating_sub(now.saturating_add(rate.capacity));
        if wait > 0 {
            return Err(RetryAfter(Duration::from_nanos(wait)));
        }
        if known.is_none() && shard.len() >= self.per_shard {
            make_room(&mut shard, now);
        }
        shard.insert(key, full_at);
        Ok(())
    }

    /// Addresses remembered.
    pub fn addresses(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    fn shard_of(&self, key: &IpAddr) -> usize {
        #[allow(clippy::cast_possible_truncation)]
        let hash = self.hasher.hash_one(key) as usize;
        hash % SHARDS
    }
}

/// Forgets addresses whose buckets are full, which changes nothing for them.
/// When too few are, also those that are nearest to it: about one in a
/// hundred, so that the pass over the shard is paid by as many newcomers.
fn make_room(shard: &mut HashMap<IpAddr, u64>, now: u64) {
    let before = shard.len();
    shard.retain(|_, full_at| *full_at > now);
    let wanted = (before / FORGOTTEN_PART).max(1);
    let forgotten = before - shard.len();
    if forgotten >= wanted {
        return;
    }
    let mut times: Vec<u64> = shard.values().copied().collect();
    let (_, last, _) = times.select_nth_unstable(wanted - forgotten - 1);
    let last = *last;
    shard.retain(|_, full_at| *full_at > last);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A non-negative number as an integer; too large ones as the largest.
fn whole(number: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = number as u64;
    whole
}

#[cfg(test)]
mod tests {
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
}
