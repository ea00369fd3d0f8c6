//! The worlds, and what is held against them. `FERROGW_SIM_SEEDS`, `FERROGW_SIM_HOURS` and
//! `FERROGW_SIM_FIRST` ask for more than a usual run of the tests; `cargo xtask sim` sets them.

use super::*;

/// Three targets by weight, with everything that guards them, and every trouble there is.
const POOL: World = World {
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
    breaker: Some((5, 2, Duration::from_secs(20))),
    together: 40.0,
    noticed: 120,
    settles: None,
};

/// Three targets of which the fastest is wanted, and one or another becomes slow.
const FASTEST: World = World {
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
    breaker: None,
    together: 1.0,
    noticed: 1_500,
    settles: Some(Duration::from_mins(5)),
};

/// Two targets without breakers, retried and hedged as eagerly as can be written, under heavy load.
const STORM: World = World {
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
    breaker: None,
    // 22 seconds, the longest hint: with what they and ten calls in each of them earn.
    together: 70.0,
    noticed: u32::MAX,
    settles: None,
};

/// One target that takes four calls at a time, and who has no place waits.
const TURNS: World = World {
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

fn asked(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap())
}

/// Runs the world with some seeds; the heads of all runs are added up.
fn simulated(name: &str, world: &'static World, seeds: u64, hours: u64) -> Heads {
    let (first, seeds) = (
        asked("FERROGW_SIM_FIRST", 1),
        asked("FERROGW_SIM_SEEDS", seeds),
    );
    let hours = asked("FERROGW_SIM_HOURS", hours);
    let (mut heads, mut failed, mut calls) = (Heads::new(), Vec::new(), 0);
    let began = std::time::Instant::now();
    for seed in first..first + seeds {
        let run = run(world, seed, Duration::from_hours(hours));
        calls += run.calls;
        for (open, counts) in run.heads {
            let sums = heads.entry(open).or_insert_with(|| vec![0; counts.len()]);
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        for finding in run.findings {
            failed.push(format!("seed {seed}: {finding}"));
        }
    }
    let took = began.elapsed();
    println!("{name}: {seeds} seeds of {hours} hours, {calls} calls in {took:.1?}");
    assert!(
        failed.is_empty(),
        "{name}, {hours} hours each (FERROGW_SIM_FIRST is the seed):\n{}",
        failed.join("\n")
    );
    heads
}

/// Shares within 1 % of weights, also among those that are left when some are barred. Where few calls
/// came, chance alone explains more than that.
#[expect(clippy::cast_precision_loss, reason = "counts of calls")]
fn check_shares(heads: &Heads, weights: &[f64]) {
    for (open, counts) in heads {
        let may = |target: usize| open & (1 << target) != 0;
        let among: f64 = (0..weights.len())
            .filter(|one| may(*one))
            .map(|one| weights[one])
            .sum();
        let calls: u64 = counts.iter().sum();
        if *open == 0 || calls < 1_000 {
            continue;
        }
        for (target, count) in counts.iter().enumerate().filter(|(one, _)| may(*one)) {
            let (share, wanted) = (*count as f64 / calls as f64, weights[target] / among);
            let chance = 4.5 * (wanted * (1.0 - wanted) / calls as f64).sqrt();
            assert!(
                (share - wanted).abs() <= chance.max(0.01),
                "shares are those of weights: {share:.4} of {calls} calls, not {wanted:.4}, went to target {target} (open: {open:b})"
            );
        }
    }
}

#[test]
fn a_pool_keeps_its_shares_its_breakers_and_its_clients_through_every_trouble() {
    let heads = simulated("pool", &POOL, 3, 20);
    check_shares(&heads, &[5.0, 3.0, 2.0]);
}

#[test]
fn the_fastest_is_found_and_found_again() {
    simulated("fastest", &FASTEST, 2, 1);
}

#[test]
fn eager_retries_make_no_storm() {
    simulated("storm", &STORM, 2, 3);
}

/// No starvation: a caller with hundreds of calls waiting delays another's by its turn, not by hundreds.
#[tokio::test(start_paused = true)]
async fn a_caller_with_many_calls_does_not_starve_one_with_few() {
    let clients = Clients::of(&TURNS, vec![Script::calm()], &mut Dice::new(7));
    let caller = |name: &str| Principal {
        id: name.into(),
        ..Principal::anonymous()
    };
    let mut greedy = tokio::task::JoinSet::new();
    for number in 0..400 {
        let (clients, caller) = (clients.clone(), caller("greedy"));
        greedy.spawn(async move { clients.call(number, caller).await });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for number in 1_000..1_020 {
        let asked = Instant::now();
        clients.call(number, caller("modest")).await;
        let took = asked.elapsed();
        // A place falls free within the longest call, and its own may be as long.
        assert!(took < Duration::from_secs(8), "{took:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(greedy.len() > 200, "the others still wait");
    while greedy.join_next().await.is_some() {}
    assert_eq!(clients.watch.lock().unwrap().finish(), Vec::<String>::new());
}
