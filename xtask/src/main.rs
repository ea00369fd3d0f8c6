//! The project's own tooling: `cargo xtask <command>`.
//!
//! Each command is one module. Nothing here is linked into the gateway, and
//! nothing here may be needed to build it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the terminal is this program's job"
)]

mod bench;
mod catalog;
mod docs;
mod failover;
mod flags;
mod fuzz;
mod install;
mod service;
mod shell;
mod sim;
mod system;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

use flags::Flags;

// The bare proxy of the benchmark runs in this binary and should not lose to
// the gateway for want of the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
cargo xtask <command>

  test   [--only rust|python|node] [--skip-sdk]
         build, install what the suites need, run every suite
  tidy   hold the tree against the house rules
  catalog [--check]
         make the catalog of models and prices anew from the pinned packages
  docs   write what in docs/ is data: the table of providers, the schema of the config
  bench  [--quick] [--check] [--no-pin] [--out FILE] [--proxies LIST] [--scenarios LIST]
         [--gateway FILE] [--mock FILE]
         measure nginx, a bare hyper proxy and ferrogw; writes docs/benchmarks.md
  sim    [--seeds N] [--hours H] [--first SEED]
         simulated hours of the engine among vendors that fail, each seed held against what must be true
  failover [--seconds N] [--write] [--gateway FILE]
         vendors are killed, stalled and rate limited under load; where the calls went
  fuzz   [TARGET ...] [--seconds N] [--input FILE]
         every decoder under inputs made up by coverage, ten minutes each; one input to see a find again
  hyper-proxy --listen ADDR --upstream ADDR [--threads N]
         the bare proxy of the benchmark";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match run(&command, Flags::new(words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, flags: Flags) -> Result<()> {
    match command {
        "test" => test::run(flags),
        "tidy" => tidy::run(flags),
        "catalog" => catalog::run(flags),
        "docs" => docs::run(flags),
        "bench" => bench::run(flags),
        "failover" => failover::run(flags),
        "fuzz" => fuzz::run(flags),
        "sim" => sim::run(flags),
        "hyper-proxy" => bench::hyper_proxy::run(flags),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("unknown command `{other}`, expected one of:\n{USAGE}"),
    }
}
