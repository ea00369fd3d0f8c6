//! What is left of a vendor's own limit, as far as the headers of its answers tell.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::clock::{Moment, micros};
use super::sync::{AtomicU64, Ordering::Relaxed};

/// One limit of a vendor: the headers with its bound, what is left of it, and when it is full again.
struct Limit {
    most: &'static str,
    left: &'static str,
    reset: &'static str,
}

const fn limit(most: &'static str, left: &'static str, reset: &'static str) -> Limit {
    Limit { most, left, reset }
}

/// Every limit that vendors are known to tell of.
#[rustfmt::skip]
const LIMITS: [Limit; 8] = [
    limit("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    limit("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    limit("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    limit("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    limit("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    limit("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    limit("anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    limit("anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

const BEGINNINGS: [&str; 3] = ["x-ratelimit-", "ratelimit-", "anthropic-ratelimit-"];

/// What an answer tells of its vendor's limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Told {
    /// What is left of the scarcest one: 1.0 is all of it.
    pub(crate) left: f64,
    /// When that one is full again, if that was told.
    pub(crate) reset: Option<Duration>,
}

/// What the headers of an answer tell.
pub(crate) fn told(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Told> {
    let tells = |name: &str| BEGINNINGS.iter().any(|start| name.starts_with(start));
    if !headers.keys().any(|name| tells(name.as_str())) {
        return None;
    }
    let now = now();
    let told = LIMITS.iter().filter_map(|limit| {
        let number = |name| text(headers, name)?.parse::<f64>().ok();
        let (most, left) = (number(limit.most)?, number(limit.left)?);
        (most > 0.0).then(|| Told {
            left: (left / most).clamp(0.0, 1.0),
            reset: text(headers, limit.reset).and_then(|text| reset(text, now)),
        })
    });
    told.min_by(|one, other| one.left.total_cmp(&other.left))
}

/// When the limits of which nothing is left are full again: the time after which a call that was
/// turned away for its rate makes sense.
pub(crate) fn exhausted_until(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let resets = LIMITS.iter().filter_map(|limit| {
        let left: f64 = text(headers, limit.left)?.parse().ok()?;
        let wait = reset(text(headers, limit.reset)?, now)?;
        (left <= 0.0).then_some(wait)
    });
    resets.max()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A time as vendors write it here: seconds, `6m0s`, or a moment.
fn reset(text: &str, now: SystemTime) -> Option<Duration> {
    /// A number of seconds over this is a moment since 1970.
    const DAY: f64 = 86_400.0;
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds <= DAY {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        let then = SystemTime::UNIX_EPOCH.checked_add(since)?;
        return Some(then.duration_since(now).unwrap_or_default());
    }
    if let Ok(length) = config::parse_duration(text) {
        return Some(length);
    }
    let then = config::parse_moment(text)?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// How long what was told counts where no end of it was.
const USUAL: Duration = Duration::from_mins(1);
/// Parts that a whole limit is told in; what is kept fits the lowest ten bits of a word.
const PARTS: u64 = 1_000;

/// What was told last, in one atomic word: until when it counts, and the part that was left.
#[derive(Debug, Default)]
pub(crate) struct Headroom(AtomicU64);

impl Headroom {
    /// Keeps what an answer told.
    pub(crate) fn keep(&self, now: Moment, told: Told) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to 1000"
        )]
        let part = (told.left.clamp(0.0, 1.0) * PARTS as f64) as u64;
        let counts = told
            .reset
            .unwrap_or(USUAL)
            .clamp(Duration::from_secs(1), USUAL * 10);
        let until = now.micros().saturating_add(micros(counts));
        self.0.store(((until >> 10) << 10) | part, Relaxed);
    }

    /// What is left, as long as that counts.
    pub(crate) fn left(&self, now: Moment) -> Option<f64> {
        let word = self.0.load(Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "from 0 to 1000")]
        let part = (word & 1023) as f64 / PARTS as f64;
        (word >> 10 > now.micros() >> 10).then_some(part)
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let named = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        named.collect()
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_786_000_000)
    }

    #[test]
    fn the_scarcest_limit_counts_whoever_tells_it() {
        for (pairs, left, reset) in [
            (
                &[
                    ("x-ratelimit-limit-requests", "5000"),
                    ("x-ratelimit-remaining-requests", "4999"),
                    ("x-ratelimit-reset-requests", "12ms"),
                    ("x-ratelimit-limit-tokens", "40000"),
                    ("x-ratelimit-remaining-tokens", "10000"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ][..],
                0.25,
                Some(360_000),
            ),
            (
                &[
                    ("anthropic-ratelimit-requests-limit", "50"),
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-reset", "2026-08-06T07:07:10Z"),
                ],
                0.0,
                Some(30_000),
            ),
            (
                &[
                    ("ratelimit-limit", "100"),
                    ("ratelimit-remaining", "50"),
                    ("ratelimit-reset", "7"),
                ],
                0.5,
                Some(7_000),
            ),
            (
                &[("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "90")],
                1.0,
                None,
            ),
        ] {
            let told = told(&headers(pairs), now).unwrap();
            assert!((told.left - left).abs() < 1e-9, "{pairs:?}: {told:?}");
            assert_eq!(told.reset, reset.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_no_limit_tells_nothing() {
        for pairs in [
            &[][..],
            &[("content-type", "application/json")],
            &[("x-ratelimit-limit", "0"), ("x-ratelimit-remaining", "0")],
            &[("x-ratelimit-limit", "ten"), ("x-ratelimit-remaining", "1")],
            &[("x-ratelimit-remaining", "1")],
        ] {
            assert_eq!(told(&headers(pairs), now), None, "{pairs:?}");
        }
    }

    /// Z13: the reference reads none of these.
    #[test]
    fn z13_a_limit_that_is_used_up_says_when_to_come_back() {
        for (pairs, wait) in [
            (
                &[
                    ("x-ratelimit-remaining-requests", "10"),
                    ("x-ratelimit-reset-requests", "60s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1m30s"),
                ][..],
                Some(90_000),
            ),
            (
                &[
                    ("anthropic-ratelimit-output-tokens-remaining", "0"),
                    (
                        "anthropic-ratelimit-output-tokens-reset",
                        "2026-08-06T07:06:50Z",
                    ),
                ],
                Some(10_000),
            ),
            (
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1786000003"),
                ],
                Some(3_000),
            ),
            (
                &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "3")],
                None,
            ),
            (
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "soon"),
                ],
                None,
            ),
        ] {
            let found = exhausted_until(&headers(pairs), now());
            assert_eq!(found, wait.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn what_was_told_counts_until_the_limit_is_full_again() {
        let at = |seconds: u64| Moment::of_micros(seconds * 1_000_000);
        let headroom = Headroom::default();
        assert_eq!(headroom.left(at(5)), None);
        let told = |left, seconds| Told {
            left,
            reset: Some(Duration::from_secs(seconds)),
        };
        headroom.keep(at(10), told(0.25, 20));
        assert_eq!(headroom.left(at(29)), Some(0.25));
        assert_eq!(headroom.left(at(31)), None);
        headroom.keep(at(40), told(1.0, 0));
        assert_eq!(headroom.left(at(40)), Some(1.0));
    }
}
