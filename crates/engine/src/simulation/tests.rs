//! The worlds, held against what must be true. `FERROGW_SIM_SEEDS`, `FERROGW_SIM_HOURS` and
//! `FERROGW_SIM_FIRST` ask for more than a usual run of the tests; `cargo xtask sim` sets them.

use std::time::Duration;

use super::{Run, World, run_all, shares, turns, worlds};

fn asked(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap())
}

/// Lets the world run with some seeds, and fails with everything that was found.
fn simulated(name: &str, world: &'static World, seeds: u64, hours: u64) -> Run {
    let (first, seeds) = (
        asked("FERROGW_SIM_FIRST", 1),
        asked("FERROGW_SIM_SEEDS", seeds),
    );
    let hours = asked("FERROGW_SIM_HOURS", hours);
    let began = std::time::Instant::now();
    let run = run_all(world, first..first + seeds, Duration::from_hours(hours));
    let (calls, took) = (run.calls, began.elapsed());
    println!("{name}: {seeds} seeds of {hours} hours, {calls} calls in {took:.1?}");
    assert!(
        run.findings.is_empty(),
        "{name}, {hours} hours each (FERROGW_SIM_FIRST is the seed):\n{}",
        run.findings.join("\n")
    );
    run
}

#[test]
fn a_pool_keeps_its_shares_its_breakers_and_its_clients_through_every_trouble() {
    simulated("pool", &worlds::POOL, 3, 20);
}

#[test]
fn shares_are_those_of_weights_whoever_is_barred() {
    let run = simulated("shares", &worlds::SHARES, 1, 10);
    assert!(shares::are_told(&run.heads, 3), "{:?}", run.heads);
}

#[test]
fn the_fastest_is_found_and_found_again() {
    simulated("fastest", &worlds::FASTEST, 2, 1);
}

#[test]
fn eager_retries_make_no_storm() {
    simulated("storm", &worlds::STORM, 2, 3);
}

#[test]
fn a_caller_with_many_calls_does_not_starve_one_with_few() {
    assert_eq!(turns("greedy", "modest"), Vec::<String>::new());
}
