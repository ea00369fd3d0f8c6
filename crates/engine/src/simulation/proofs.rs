//! Every check of the simulation is seen to fail: each of these worlds is not as it says, or its
//! engine has a defect, and what must be true is found not to be.

use std::time::Duration;

use super::{World, run_all, turns, worlds};
use crate::defect::{Defect, plant};

/// What is wrong with a world.
enum Wrong {
    /// The engine has a defect.
    Engine(Defect),
    /// The configuration is another one than the world says: instead of the first text the second.
    Written(&'static str, &'static str),
}

use Wrong::{Engine, Written};

/// Seeds of which one must show it.
const SEEDS: u64 = 4;

/// Lets the world run with what is wrong, and looks for a finding of this property with these words.
fn finds(world: &World, wrong: &Wrong, hours: u64, property: &str, words: &str) {
    let (mut world, mut defect) = (*world, None);
    match *wrong {
        Engine(one) => defect = Some(one),
        Written(said, done) => {
            assert!(world.yaml.contains(said), "`{said}` is not there");
            world.yaml = world.yaml.replacen(said, done, 1).leak();
        }
    }
    let (world, mut others) = (Box::leak(Box::new(world)), Vec::new());
    for seed in 1..=SEEDS {
        plant(defect);
        let run = run_all(world, seed..seed + 1, Duration::from_hours(hours));
        plant(None);
        let is_it = |finding: &String| finding.contains(property) && finding.contains(words);
        if let Some(finding) = run.findings.iter().find(|finding| is_it(finding)) {
            println!("{} calls: {finding}", run.calls);
            return;
        }
        others.extend(run.findings);
    }
    panic!("`{property}` is not found with `{words}`, but {others:#?}");
}

#[test]
fn a_breaker_that_lets_too_many_through_is_found() {
    let open = "an open breaker is not called";
    for (wrong, words) in [
        (Engine(Defect::OpenBreakerAdmits), "was called while open"),
        (Engine(Defect::OneProbeTooMany), "3 probes at once, of 2"),
        (
            Written(" timeout: 20s", " timeout: 15s"),
            "too early after its failures",
        ),
        (
            Written("failure_threshold: 5", "failure_threshold: 8"),
            "too early after its failures",
        ),
        (
            Written("circuit_breaker: {", "circuit_breaker: {enabled: false, "),
            "too early after its failures",
        ),
    ] {
        finds(&worlds::POOL, &wrong, 20, open, words);
    }
}

#[test]
fn weights_that_are_off_by_three_percent_are_found() {
    let wrong = Written("weight: 5", "weight: 5.3");
    finds(
        &worlds::SHARES,
        &wrong,
        10,
        "shares are those of weights",
        "to target 0",
    );
}

#[test]
fn a_storm_of_retries_is_found() {
    let wrong = Engine(Defect::BudgetIgnored);
    finds(
        &worlds::STORM,
        &wrong,
        3,
        "no retry storm",
        "than its budget bears",
    );
}

#[test]
fn a_vendor_that_is_not_left_alone_is_found() {
    let alone = "who asked for fewer calls is left alone";
    finds(
        &worlds::POOL,
        &Engine(Defect::CooldownIgnored),
        20,
        alone,
        "was called before",
    );
    let wait = "nobody waits for a rate limit while another target is free";
    finds(
        &worlds::POOL,
        &Engine(Defect::WaitsInPlace),
        20,
        wait,
        "was called again",
    );
}

#[test]
fn latency_routing_that_does_not_learn_is_found() {
    let property = "latency routing converges and recovers";
    let frozen = Engine(Defect::LatencyFrozen);
    finds(
        &worlds::FASTEST,
        &frozen,
        1,
        property,
        "went to the fastest",
    );
    let blind = Written("mode: least-latency", "mode: fallback");
    finds(&worlds::FASTEST, &blind, 2, property, "went to the fastest");
}

#[test]
fn targets_and_calls_that_starve_are_found() {
    let property = "no starvation";
    for (wrong, words) in [
        (Written("weight: 2", "weight: 0"), "had none of the last"),
        (
            Written("success_threshold: 2", "success_threshold: 1000"),
            "is not closed",
        ),
        (
            Written("first_byte: 10s", "first_byte: 1h"),
            "a call was under way for",
        ),
    ] {
        finds(&worlds::POOL, &wrong, 20, property, words);
    }
}

#[test]
fn errors_that_need_not_be_are_found() {
    let wrong = Written("mode: loadbalance", "mode: single");
    finds(
        &worlds::POOL,
        &wrong,
        20,
        "the client sees no error",
        "was well",
    );
}

/// Who has one queue with everybody else waits for everybody else.
#[test]
fn a_caller_that_starves_is_found() {
    let findings = turns("everybody", "everybody");
    let starves = |finding: &String| finding.starts_with("no starvation: the caller");
    assert!(findings.iter().any(starves), "{findings:?}");
}
