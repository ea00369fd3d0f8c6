//! `cargo xtask fuzz`: the fuzz targets, guided by coverage, for as long as one likes.
//!
//! The stable compiler is enough: what a nightly's flag would switch on is LLVM's, and is asked of
//! LLVM. The short run of the tests needs none of this.

mod guided;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr as _;

use anyhow::{Context as _, Result, bail};

use crate::flags::Flags;
use crate::shell::{self, step};

use guided::Outcome;

/// How long each target runs if nothing is said.
const SECONDS: u64 = 600;

/// Coverage of edges, counted in place, with comparisons told to the fuzzer. One unit of code for a
/// crate: the linker keeps the counters of an edge beside its address only so.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let seconds = flags.value("--seconds")?;
    let seconds = seconds.map_or(Ok(SECONDS), |text| {
        let number = u64::from_str(&text).ok().filter(|number| *number > 0);
        number.with_context(|| format!("--seconds does not accept `{text}`"))
    })?;
    let input = flags.value("--input")?;
    let named = flags.rest()?;
    let folder = shell::target_dir()?.join("fuzz");
    let known = known_targets()?;
    let targets = chosen(&known, &named)?;
    let program = build(&folder)?;

    if let Some(input) = input {
        let [target] = &targets[..] else {
            bail!("--input wants one target beside it");
        };
        let mut once = Command::new(&program);
        once.env("FUZZ_TARGET", target).arg(input);
        return step(&format!("{target} once"), &mut once);
    }
    let mut outcomes = Vec::new();
    for target in &targets {
        println!("\n==> {target}, {seconds} s");
        write_seeds(target, &folder)?;
        let outcome = guided::run(&program, target, seconds, &folder)?;
        println!("{outcome}");
        outcomes.push(outcome);
    }
    report(&outcomes)
}

fn known_targets() -> Result<Vec<String>> {
    let listing = shell::capture(&mut seeds())?;
    Ok(listing.lines().map(str::to_owned).collect())
}

fn chosen(known: &[String], named: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = named.iter().find(|name| !known.contains(name)) {
        bail!(
            "`{unknown}` is no target, expected some of {}",
            known.join(", ")
        );
    }
    let chosen = if named.is_empty() { known } else { named };
    Ok(chosen.to_vec())
}

fn seeds() -> Command {
    let mut seeds = shell::cargo();
    seeds.args(["run", "--quiet", "--package=ferrogw-fuzz", "--bin=seeds"]);
    seeds
}

fn write_seeds(target: &str, folder: &Path) -> Result<()> {
    let place = folder.join("seeds").join(target);
    let mut write = seeds();
    shell::capture(write.arg("--").arg(target).arg(place)).map(drop)
}

/// Builds the program of all targets. Named as such, the host is a target like others, and what
/// runs while building is not instrumented.
fn build(folder: &Path) -> Result<PathBuf> {
    let version = shell::capture(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it runs on")?;
    let place = folder.join("build");
    let mut build = shell::cargo();
    build
        .args(["build", "--package=ferrogw-fuzz", "--bin=guided"])
        .args(["--features=guided", "--profile=fuzz", "--target", host])
        .arg("--target-dir")
        .arg(&place)
        .env("RUSTFLAGS", INSTRUMENTATION);
    step("build the fuzz targets (wants a C++ compiler)", &mut build)?;
    Ok(place.join(host).join("fuzz").join("guided"))
}

fn report(outcomes: &[Outcome]) -> Result<()> {
    println!("\n{}", guided::HEADER);
    for outcome in outcomes {
        println!("{}", outcome.row());
    }
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.failed)
        .map(|outcome| outcome.target.as_str())
        .collect();
    if !failed.is_empty() {
        bail!("finds in {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_all_or_those_that_are_named() {
        let known = ["sse", "json"].map(str::to_owned);
        let named = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&known, &names)
        };
        assert_eq!(named(&[]).unwrap(), known);
        assert_eq!(named(&["json"]).unwrap(), ["json"]);
        let error = named(&["jsn"]).unwrap_err().to_string();
        assert!(error.contains("jsn") && error.contains("sse"), "{error}");
    }
}
