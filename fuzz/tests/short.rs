//! The short run: every target over its seeds, and for a moment over damage to them. It needs no
//! instrumentation; `cargo xtask fuzz` is the long one.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use ferrogw_fuzz::{Mutator, TARGETS, Target, seeds};

/// How long each target is damaged.
const EACH: Duration = Duration::from_millis(1500);

// One test: what a run takes of memory can only be told while nothing else runs.
#[test]
fn decoders_keep_their_word_over_seeds_and_damage() {
    let start = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let start = u64::try_from(start % u128::from(u64::MAX)).unwrap();
    for target in &TARGETS {
        let seeds = seeds(target);
        for kind in 0..target.kinds {
            let of_kind = |seed: &&Vec<u8>| seed[0] % target.kinds == kind;
            let any = seeds.iter().find(of_kind);
            assert!(any.is_some(), "{}: no seed of kind {kind}", target.name);
        }
        for seed in &seeds {
            tried(target, seed);
        }
        let mut mutator = Mutator::new(target, start);
        let (mut inputs, started) = (0, Instant::now());
        while started.elapsed() < EACH {
            tried(target, &mutator.input());
            inputs += 1;
        }
        println!("{}: {} seeds, {inputs} more", target.name, seeds.len());
    }
}

/// Runs a target; an input over which it fails is kept.
fn tried(target: &Target, input: &[u8]) {
    let name = format!("find-{}", target.name);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let held = catch_unwind(AssertUnwindSafe(|| target.run(input))).is_ok();
    if !held {
        fs::write(&path, input).unwrap();
    }
    assert!(
        held,
        "{0} fails, see it again with: cargo xtask fuzz {0} --input {1}",
        target.name,
        path.display()
    );
}
