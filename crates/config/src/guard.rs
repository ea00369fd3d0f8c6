//! What guards a target: retries, circuit breaker, concurrency, hedging, health checks.
//!
//! A number that is written as 0 and could not mean anything has its default, as in the Go gateway.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration::{self, format_duration, parse_duration};

/// Trying the same target again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Tries of this target in all; 0 and 1 mean no second one.
    #[schemars(range(min = 0, max = 100))]
    pub attempts: u32,
    /// The only statuses after which it is tried again; empty means 408, 429 and 500 and above.
    #[schemars(length(max = 500))]
    pub on_status_codes: Vec<u16>,
    /// The bound of the first wait, in milliseconds; it doubles each time. 0 means 100.
    #[schemars(range(min = 0, max = 3_600_000))]
    pub initial_backoff_ms: u32,
    /// The bound that no wait without a hint of the provider passes.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1ms", "x-maximum" = "1h"))]
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            on_status_codes: Vec::new(),
            initial_backoff_ms: 100,
            max_backoff: Duration::from_secs(10),
        }
    }
}

/// When calls are kept from a target that fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Whether there is one at all.
    pub enabled: bool,
    /// Failures in a row that open it; 0 means 5.
    #[schemars(range(min = 0, max = 10_000))]
    pub failure_threshold: u32,
    /// Probes that must succeed to close it; 0 means 1.
    #[schemars(range(min = 0, max = 1_000))]
    pub success_threshold: u32,
    /// Probes at a time while it is half open; 0 means 1.
    #[schemars(range(min = 0, max = 1_000))]
    pub max_half_threshold: u32,
    /// How long it stays open the first time; it doubles each time a probe fails. 0s means 30s.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "0s", "x-maximum" = "24h"))]
    pub timeout: Duration,
    /// The bound of that; the longer of 5m and `timeout` when left out.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub max_timeout: Option<Duration>,
    /// How far back shares are counted.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1s", "x-maximum" = "1h"))]
    pub window: Duration,
    /// The share of failures in the window that opens it.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub ratio: f64,
    /// Calls in the window below which no share counts.
    #[schemars(range(min = 1, max = 10_000))]
    pub min_calls: u32,
    /// A call that takes longer, to its whole answer or first content, is slow; none is when left out.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub slow_call: Option<Duration>,
    /// The share of slow calls in the window that opens it.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub slow_ratio: f64,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            enabled: true,
            failure_threshold: 5,
            success_threshold: 1,
            max_half_threshold: 1,
            timeout: Duration::from_secs(30),
            max_timeout: None,
            window: Duration::from_secs(30),
            ratio: 0.5,
            min_calls: 20,
            slow_call: None,
            slow_ratio: 0.8,
        }
    }
}

/// How many calls a target may have at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max_concurrency"]))]
pub struct Concurrency {
    /// Calls under way at most.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrency: u32,
    /// Calls that may wait for their turn; 0 means 1000.
    #[schemars(range(min = 0, max = 10_000))]
    pub queue_size: u32,
    /// No call waits.
    pub no_queue: bool,
    /// How long a call may wait; as long as its own time lasts when left out.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-minimum" = "1ms", "x-maximum" = "24h"))]
    pub max_wait: Option<Duration>,
    /// The bound falls when the target is slow or limits the rate, and rises again to `max_concurrency`.
    pub adaptive: bool,
}

/// A second try beside the first when that one is slow; the one that answers first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["after"]))]
pub struct Hedge {
    /// When: a duration, or the share of calls that are usually answered by then, as `p95`.
    pub after: HedgeAfter,
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            after: HedgeAfter::Percentile(95),
        }
    }
}

/// The JSON Schema `format` of a [`HedgeAfter`].
pub(crate) const HEDGE_AFTER: &str = "hedge-after";

/// When a second try is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// After this time.
    Time(Duration),
    /// After the time in which this share of calls is usually answered, in percent.
    Percentile(u8),
}

/// What is wrong with a text that should say when to hedge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a duration of 1ms to 24h, such as 2s, nor a percentile from p50 to p99")]
pub struct HedgeAfterError(String);

impl FromStr for HedgeAfter {
    type Err = HedgeAfterError;

    fn from_str(text: &str) -> Result<Self, HedgeAfterError> {
        let wrong = || HedgeAfterError(text.chars().take(60).collect());
        if let Some(digits) = text.strip_prefix('p') {
            let percent = digits.parse().ok().filter(|n| (50..=99).contains(n));
            return percent.map(HedgeAfter::Percentile).ok_or_else(wrong);
        }
        let range = Duration::from_millis(1)..=Duration::from_hours(24);
        let time = parse_duration(text)
            .ok()
            .filter(|time| range.contains(time));
        time.map(HedgeAfter::Time).ok_or_else(wrong)
    }
}

impl fmt::Display for HedgeAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HedgeAfter::Time(time) => f.write_str(&format_duration(*time)),
            HedgeAfter::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

impl Serialize for HedgeAfter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HedgeAfter {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for HedgeAfter {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HedgeAfter".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": HEDGE_AFTER, "examples": ["p95", "2s"]})
    }
}

/// Asking a target now and then whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HealthCheck {
    /// The path below the target's address; its list of models when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub path: Option<String>,
    /// The time between two checks.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1s", "x-maximum" = "1h"))]
    pub interval: Duration,
    /// The time a check may take.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1ms", "x-maximum" = "5m"))]
    pub timeout: Duration,
    /// Checks in a row that must fail before no call goes there.
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_after: u32,
    /// Checks in a row that must succeed before calls go there again.
    #[schemars(range(min = 1, max = 100))]
    pub healthy_after: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            unhealthy_after: 3,
            healthy_after: 1,
        }
    }
}

/// What clients are told of failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Errors {
    /// Whether errors list every attempt for every caller; keys with the scope `admin` always see them.
    pub show_attempts: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_hedge_is_a_time_or_a_percentile() {
        for (text, read) in [
            ("p95", Some(HedgeAfter::Percentile(95))),
            ("p50", Some(HedgeAfter::Percentile(50))),
            ("2s", Some(HedgeAfter::Time(Duration::from_secs(2)))),
            ("p49", None),
            ("p100", None),
            ("p", None),
            ("95", None),
            ("0s", None),
            ("25h", None),
        ] {
            let parsed = text.parse::<HedgeAfter>().ok();
            assert_eq!(parsed, read, "{text}");
            assert!(
                parsed.is_none_or(|after| after.to_string() == text),
                "{text}"
            );
        }
    }
}
