//! The worlds that are simulated.

use std::time::Duration;

use super::World;
use super::script::{Climate, Traffic};

/// Three targets by weight, with everything that guards them, and every trouble there is.
pub(super) const POOL: World = World {
    yaml: "
strategy: {mode: loadbalance}
targets:
  - &t
    virtual_key: a
    provider: plain
    base_url: http://a.test/v1
    models: [m]
    weight: 5
    retry: {attempts: 3}
    timeouts: {first_byte: 10s}
    circuit_breaker: {failure_threshold: 5, success_threshold: 2, max_half_threshold: 2, timeout: 20s, max_timeout: 60s}
  - {<<: *t, virtual_key: b, base_url: http://b.test/v1, weight: 3}
  - {<<: *t, virtual_key: c, base_url: http://c.test/v1, weight: 2}
",
    usual: &[150.0, 200.0, 300.0],
    climate: Climate {
        calm: 1_500.0,
        calm_least: 120.0,
        trouble: 90.0,
        trouble_least: 20.0,
        only_slow: false,
    },
    traffic: Traffic {
        quiet: 0.01,
        busy: 2.0,
        share: 0.15,
    },
    weights: Some(&[5.0, 3.0, 2.0]),
    breaker: Some((5, 2, Duration::from_secs(20))),
    together: 40.0,
    noticed: 120,
    settles: None,
};

/// The same with calls enough to tell shares by: little is wrong, and soon over.
pub(super) const SHARES: World = World {
    climate: Climate {
        calm: 600.0,
        calm_least: 300.0,
        trouble: 30.0,
        trouble_least: 20.0,
        only_slow: false,
    },
    traffic: Traffic {
        quiet: 1.5,
        busy: 3.0,
        share: 1.0,
    },
    noticed: 240,
    ..POOL
};

/// Three targets of which the fastest is wanted, and one or another becomes slow.
pub(super) const FASTEST: World = World {
    yaml: "
strategy: {mode: least-latency}
targets:
  - {virtual_key: a, provider: plain, base_url: http://a.test/v1, models: [m]}
  - {virtual_key: b, provider: plain, base_url: http://b.test/v1, models: [m]}
  - {virtual_key: c, provider: plain, base_url: http://c.test/v1, models: [m]}
",
    usual: &[100.0, 200.0, 400.0],
    climate: Climate {
        calm: 600.0,
        calm_least: 900.0,
        trouble: 300.0,
        trouble_least: 600.0,
        only_slow: true,
    },
    traffic: Traffic {
        quiet: 3.0,
        busy: 3.0,
        share: 0.0,
    },
    weights: None,
    breaker: None,
    together: 1.0,
    noticed: 1_500,
    settles: Some(Duration::from_mins(5)),
};

/// Two targets without breakers, retried and hedged as eagerly as can be written, under heavy load.
pub(super) const STORM: World = World {
    yaml: "
strategy: {mode: fallback}
targets:
  - &t
    virtual_key: a
    provider: plain
    base_url: http://a.test/v1
    models: [m]
    retry: {attempts: 5, initial_backoff_ms: 50, max_backoff: 2s}
    hedge: {after: 1s}
    timeouts: {first_byte: 10s}
    circuit_breaker: {enabled: false}
  - {<<: *t, virtual_key: b, base_url: http://b.test/v1}
",
    usual: &[150.0, 200.0],
    climate: Climate {
        calm: 600.0,
        calm_least: 120.0,
        trouble: 120.0,
        trouble_least: 20.0,
        only_slow: false,
    },
    traffic: Traffic {
        quiet: 0.01,
        busy: 10.0,
        share: 0.15,
    },
    weights: None,
    breaker: None,
    // 22 seconds, the longest hint: with what they and ten calls in each of them earn.
    together: 70.0,
    noticed: u32::MAX,
    settles: None,
};

/// One target that takes four calls at a time, and who has no place waits.
pub(super) const TURNS: World = World {
    yaml: "
targets:
  - virtual_key: a
    provider: plain
    base_url: http://a.test/v1
    models: [m]
    concurrency: {max_concurrency: 4}
",
    usual: &[1_000.0],
    ..STORM
};
