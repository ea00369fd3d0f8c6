//! `cargo xtask sim`: the engine's simulation for more seeds and hours than its tests take.

use std::str::FromStr;

use anyhow::{Context as _, Result};

use crate::flags::Flags;
use crate::shell;

const SEEDS: u64 = 10;
const HOURS: u64 = 200;

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let seeds = number(&mut flags, "--seeds", SEEDS)?;
    let hours = number(&mut flags, "--hours", HOURS)?;
    let first = number(&mut flags, "--first", 1)?;
    flags.finish()?;
    let mut test = shell::cargo();
    test.args([
        "test",
        "--profile",
        "bench-tools",
        "--package",
        "ferrogw-engine",
    ])
    .args(["--lib", "simulation::", "--", "--nocapture"])
    .env("FERROGW_SIM_SEEDS", seeds.to_string())
    .env("FERROGW_SIM_HOURS", hours.to_string())
    .env("FERROGW_SIM_FIRST", first.to_string());
    let last = first.saturating_add(seeds.saturating_sub(1));
    shell::step(
        &format!("seeds {first} to {last}, {hours} hours of each world"),
        &mut test,
    )
}

fn number(flags: &mut Flags, name: &str, usual: u64) -> Result<u64> {
    let Some(text) = flags.value(name)? else {
        return Ok(usual);
    };
    u64::from_str(&text)
        .ok()
        .filter(|number| *number > 0)
        .with_context(|| format!("{name} does not accept `{text}`, a number above 0 is wanted"))
}
