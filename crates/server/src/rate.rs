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
        #[expect(clippy::cast_precision_loss, reason = "an interval is far below 2^53")]
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
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any part of a hash will do"
        )]
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
    let mut excess = wanted - forgotten;
    let mut times: Vec<u64> = shard.values().copied().collect();
    let (_, last, _) = times.select_nth_unstable(excess - 1);
    shard.retain(|_, full_at| {
        let goes = excess > 0 && *full_at <= *last;
        excess -= usize::from(goes);
        !goes
    });
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A non-negative number as an integer; too large ones as the largest.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturating by definition"
    )]
    let whole = number as u64;
    whole
}

#[cfg(test)]
mod tests;
