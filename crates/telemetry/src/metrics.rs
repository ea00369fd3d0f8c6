//! Every number the gateway counts, as handles made of plain atomics.
//!
//! A call asks for its handles once and then only adds to atomics. Finding a
//! handle reads a snapshot; only the first sight of a label set takes a lock.
//! Nothing here may block, and no map here may grow without bound.

mod connection;
mod exposition;
mod family;
mod process;
mod value;

#[cfg(test)]
mod tests;

use std::array;
use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::registry::Registry;

pub use connection::ConnectionTotals;
pub use exposition::{CLASSIC_CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE};
pub use value::{AtomicHistogram, Counter, Gauge};

use exposition::Exposition;
use family::Family;

/// How many (provider, model) pairs have series of their own, unless said otherwise.
pub const DEFAULT_MODEL_PAIRS: usize = 2_000;

/// How many label sets any other family holds.
const OTHER_LABEL_SETS: usize = 2_000;

/// All metrics of one process; shared by every core.
pub struct Metrics {
    numbers: Arc<Numbers>,
    registry: Registry,
}

/// Who counts connections, read at every scrape.
type ConnectionSource = Box<dyn Fn() -> ConnectionTotals + Send + Sync>;
/// Who knows how targets do, read at every scrape.
type TargetSource = Box<dyn Fn() -> Vec<TargetNumbers> + Send + Sync>;

/// How one target does at the moment of a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetNumbers {
    /// Its name.
    pub target: String,
    /// Its breaker: 0 closed, 1 open, 2 half-open.
    pub breaker: u8,
    /// Where its calls are bounded: those under way, how many may be, and those that wait.
    pub calls: Option<[u64; 3]>,
}

struct Numbers {
    version: Box<str>,
    calls: Family<2, CallMetrics>,
    surfaces: Family<1, SurfaceMetrics>,
    attempts: Family<2, Counter>,
    provider_errors: Family<2, Counter>,
    provider_init_failures: Family<1, Counter>,
    rate_limited: Family<1, Counter>,
    config_reloads: Family<1, Counter>,
    dropped: Family<1, Counter>,
    discovery_rounds: Family<2, Counter>,
    catalog_loads: Family<2, Counter>,
    retries: Family<2, Counter>,
    hedges: Family<2, Counter>,
    cooldowns: Family<1, Counter>,
    variants: Family<2, Counter>,
    connections: OnceLock<ConnectionSource>,
    targets: OnceLock<TargetSource>,
    /// Of the process, in seconds since 1970.
    started: Option<f64>,
}

impl Metrics {
    /// Metrics of a process of this version, with the default bound on model pairs.
    pub fn new(version: &str) -> Arc<Metrics> {
        Metrics::with_model_pairs(version, DEFAULT_MODEL_PAIRS)
    }

    /// As [`Metrics::new`]; past `pairs` (provider, model) pairs, a new model is counted as `other`.
    pub fn with_model_pairs(version: &str, pairs: usize) -> Arc<Metrics> {
        let numbers = Arc::new(Numbers {
            version: version.into(),
            calls: Family::new(pairs),
            surfaces: Family::new(OTHER_LABEL_SETS),
            attempts: Family::new(OTHER_LABEL_SETS),
            provider_errors: Family::new(OTHER_LABEL_SETS),
            provider_init_failures: Family::new(OTHER_LABEL_SETS),
            rate_limited: Family::new(OTHER_LABEL_SETS),
            config_reloads: Family::new(OTHER_LABEL_SETS),
            dropped: Family::new(OTHER_LABEL_SETS),
            discovery_rounds: Family::new(OTHER_LABEL_SETS),
            catalog_loads: Family::new(OTHER_LABEL_SETS),
            retries: Family::new(OTHER_LABEL_SETS),
            hedges: Family::new(OTHER_LABEL_SETS),
            cooldowns: Family::new(OTHER_LABEL_SETS),
            variants: Family::new(OTHER_LABEL_SETS),
            connections: OnceLock::new(),
            targets: OnceLock::new(),
            started: process::started(),
        });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition(Arc::clone(&numbers))));
        Arc::new(Metrics { numbers, registry })
    }

    /// The handles of one provider and model. Lock-free once the pair was seen.
    pub fn call(&self, provider: &str, model: &str) -> Arc<CallMetrics> {
        self.numbers.calls.get([provider, model])
    }

    /// The handles of one surface; to be kept by the caller.
    pub fn surface(&self, name: &'static str) -> Arc<SurfaceMetrics> {
        self.numbers.surfaces.get([name])
    }

    /// Counts an attempt at a provider and how it ended.
    pub fn attempt(&self, provider: &str, outcome: &str) {
        self.numbers.attempts.get([provider, outcome]).inc();
    }

    /// Counts a failed attempt by the kind of its error, also one that failover moved past.
    pub fn provider_error(&self, provider: &str, error_type: &str) {
        self.numbers
            .provider_errors
            .get([provider, error_type])
            .inc();
    }

    /// Counts a provider that was left out when the gateway started or reloaded.
    pub fn provider_init_failure(&self, provider: &str) {
        self.numbers.provider_init_failures.get([provider]).inc();
    }

    /// Counts a refusal by a rate limit on this kind of key.
    pub fn rate_limited(&self, key_type: &str) {
        self.numbers.rate_limited.get([key_type]).inc();
    }

    /// Counts a reload of the configuration and its result.
    pub fn config_reload(&self, result: &str) {
        self.numbers.config_reloads.get([result]).inc();
    }

    /// Counts a catalog of models that was loaded, or was not, by where it came from.
    pub fn catalog_load(&self, source: &str, result: &str) {
        self.numbers.catalog_loads.get([source, result]).inc();
    }

    /// Counts a round of asking a provider for its models, and its result.
    pub fn discovery_round(&self, provider: &str, result: &str) {
        self.numbers.discovery_rounds.get([provider, result]).inc();
    }

    /// Counts another try of the same target, by what made it necessary, or `over_budget` when none
    /// was made.
    pub fn retry(&self, provider: &str, reason: &str) {
        self.numbers.retries.get([provider, reason]).inc();
    }

    /// Counts a second try beside a slow first one, and whether it `won` or `lost`.
    pub fn hedge(&self, provider: &str, outcome: &str) {
        self.numbers.hedges.get([provider, outcome]).inc();
    }

    /// Counts a target that is left alone for a while because its vendor limits the rate.
    pub fn cooldown(&self, provider: &str) {
        self.numbers.cooldowns.get([provider]).inc();
    }

    /// Counts a call of a caller on this side of an experiment, and how it ended.
    pub fn variant(&self, variant: &str, outcome: &str) {
        self.numbers.variants.get([variant, outcome]).inc();
    }

    /// The counter of things of this name that a bounded queue had no room for; to be kept by the queue.
    pub fn dropped(&self, what: &str) -> Arc<Counter> {
        self.numbers.dropped.get([what])
    }

    /// Names who counts connections; read at each scrape. Only the first source counts.
    pub fn watch_connections(&self, source: impl Fn() -> ConnectionTotals + Send + Sync + 'static) {
        drop(self.numbers.connections.set(Box::new(source)));
    }

    /// Has the state of targets read from `source` at every scrape. Only the first source is kept,
    /// and of a target named twice the last state.
    pub fn watch_targets(&self, source: impl Fn() -> Vec<TargetNumbers> + Send + Sync + 'static) {
        drop(self.numbers.targets.set(Box::new(source)));
    }

    /// The page of all metrics, as `OpenMetrics` 1.0 or Prometheus text 0.0.4.
    ///
    /// Costs some 8 KB of text per active (provider, model) pair: at the bound
    /// it is work for a thread that serves no calls.
    pub fn render(&self, openmetrics: bool) -> String {
        exposition::render(&self.registry, openmetrics)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Microseconds; LLM calls take minutes, so the buckets reach to ten of them.
const CALL_BOUNDS: &[u64] = &[
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    120_000_000,
    300_000_000,
    600_000_000,
];

const INTER_TOKEN_BOUNDS: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
];

const OVERHEAD_BOUNDS: &[u64] = &[
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000,
];

/// What is counted of the calls of one provider and model.
#[derive(Debug)]
pub struct CallMetrics {
    /// Calls answered.
    pub requests_success: Counter,
    /// Calls that failed.
    pub requests_error: Counter,
    /// Calls refused by a policy.
    pub requests_rejected: Counter,
    /// From the first byte in to the last byte out.
    pub duration: AtomicHistogram,
    /// From the first byte in to the first content event out.
    pub first_token: AtomicHistogram,
    /// Between two content events.
    pub inter_token: AtomicHistogram,
    /// The part of the duration that was the gateway's own.
    pub overhead: AtomicHistogram,
    /// Tokens of prompts, cached ones among them.
    pub tokens_input: Counter,
    /// Tokens of answers.
    pub tokens_output: Counter,
    /// Tokens of prompts that the provider had cached.
    pub tokens_cached: Counter,
    /// Millionths of a millionth of a US dollar.
    pub cost_pico_usd: Counter,
}

impl Default for CallMetrics {
    fn default() -> CallMetrics {
        CallMetrics {
            requests_success: Counter::default(),
            requests_error: Counter::default(),
            requests_rejected: Counter::default(),
            duration: AtomicHistogram::new(CALL_BOUNDS),
            first_token: AtomicHistogram::new(CALL_BOUNDS),
            inter_token: AtomicHistogram::new(INTER_TOKEN_BOUNDS),
            overhead: AtomicHistogram::new(OVERHEAD_BOUNDS),
            tokens_input: Counter::default(),
            tokens_output: Counter::default(),
            tokens_cached: Counter::default(),
            cost_pico_usd: Counter::default(),
        }
    }
}

const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// What is counted of one kind of call at the door, whoever serves it.
#[derive(Debug)]
pub struct SurfaceMetrics {
    /// Calls that came and are not yet answered; see [`SurfaceMetrics::enter`].
    pub in_flight: Gauge,
    /// Bytes of bodies received.
    pub request_bytes: Counter,
    /// Bytes of bodies sent.
    pub response_bytes: Counter,
    /// Clients that left before their answer was complete.
    pub aborted: Counter,
    /// One counter per status code there can be: an array needs no lookup.
    responses: [Counter; STATUSES],
}

impl Default for SurfaceMetrics {
    fn default() -> SurfaceMetrics {
        SurfaceMetrics {
            in_flight: Gauge::default(),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            aborted: Counter::default(),
            responses: array::from_fn(|_| Counter::default()),
        }
    }
}

impl SurfaceMetrics {
    /// Counts a call as being in flight for as long as the guard lives.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.inc();
        InFlight(Arc::clone(self))
    }

    /// Counts an answer of this status; one outside 100..=599 counts as the nearer end.
    pub fn response(&self, status: u16) {
        let index = usize::from(status.saturating_sub(FIRST_STATUS)).min(STATUSES - 1);
        self.responses[index].inc();
    }
}

/// One call in flight on a surface.
#[derive(Debug)]
pub struct InFlight(Arc<SurfaceMetrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}
