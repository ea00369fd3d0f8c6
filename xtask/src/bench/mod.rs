//! `cargo xtask bench`: what ferrogw costs beside nginx.
//!
//! It builds what it measures and itself in release, starts everything on this
//! machine, and writes a report. It never fails for a number, unless `--check`
//! asks for that; it does fail for a single wrong answer.

mod answer;
mod histogram;
pub(crate) mod hyper_proxy;
mod load;
mod machine;
mod measure;
mod nginx;
mod options;
mod process;
mod report;
mod scenario;
mod settings;
mod spread;
mod stage;
mod verdict;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tokio::task::LocalSet;

use crate::flags::Flags;
use crate::install;
use crate::shell;

use machine::{Clock, Placement};
use measure::{Keep, Pace, Proxy, Series};
use options::Options;
use process::Meter;
use report::Run;
use scenario::Scenario;
use stage::Stage;

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let words = flags.words();
    let options = Options::read(&mut flags)?;
    // Given by ourselves: this is the release build, and all else is built too.
    let built = flags.switch("--built");
    flags.finish()?;
    if !built {
        return build_and_start(&options, &words);
    }
    let folder = shell::target_dir()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    let run = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(LocalSet::new().run_until(measured(&options, &folder)))?;

    if let Some(parent) = options.out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&options.out, run.markdown())
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    println!("{}", run.markdown());
    println!("written to {}", options.out.display());
    tell(&run, options.check)
}

/// Prints each limit with what was found; with `check`, a missed one fails.
fn tell(run: &Run, check: bool) -> Result<()> {
    let verdicts = run.verdicts();
    for verdict in &verdicts {
        println!(
            "{:9}  {}: {}, at most {}",
            verdict.outcome.word(),
            verdict.what,
            verdict.found,
            verdict.limit
        );
    }
    let missed = verdicts
        .iter()
        .filter(|it| it.outcome == verdict::Outcome::Missed)
        .count();
    if check && missed > 0 {
        bail!("{missed} of {} limits missed", verdicts.len());
    }
    Ok(())
}

/// Builds the programs in release and hands over to the release build of this
/// one, since the generator and the bare proxy are part of it.
fn build_and_start(options: &Options, words: &[String]) -> Result<()> {
    if options.runs(Proxy::Nginx) {
        install::ensure(&install::NGINX)?;
    }
    let target = shell::target_dir()?.join("release");
    let ferrogw = target.join("ferrogw");
    let mut packages = vec!["xtask"];
    if options.mock == ferrogw || (options.runs(Proxy::Ferrogw) && options.gateway == ferrogw) {
        packages.push("ferrogw");
    }
    for package in packages {
        let mut build = shell::cargo();
        build.args(["build", "--release", "--package", package]);
        shell::step(&format!("cargo build --release -p {package}"), &mut build)?;
    }
    let mut bench = Command::new(target.join("xtask"));
    bench.arg("bench").args(words).arg("--built");
    shell::step("bench", &mut bench)
}

/// What was measured, in the order in which it was.
struct Numbers {
    keeps: Vec<Keep>,
    nginx_settings: Vec<String>,
    full: Vec<Series>,
    half: Vec<Series>,
}

async fn measured(options: &Options, folder: &Path) -> Result<Run> {
    let pace = if options.quick {
        Pace::QUICK
    } else {
        Pace::FULL
    };
    let placement = Placement::choose(options.pin)?;
    let mut scenarios = options.scenarios()?;
    placement.settle_here()?;
    let (began, clock) = (Instant::now(), Clock::now());
    let ours = Meter::new(std::process::id());
    let before = ours.cpu();

    let mut stage = stage::start(options, folder, &placement, scenarios.len())?;
    let numbers = numbers(&mut stage, &mut scenarios, &pace, placement.threads).await;
    let numbers = numbers.map_err(|error| match stage.fates().as_slice() {
        [] => error,
        fates => error.context(fates.join("\n")),
    })?;

    let now = Clock::now();
    let own = ours.cpu().since(&before);
    let mut facts = machine::facts();
    if options.runs(Proxy::Ferrogw) {
        let gateway = options.gateway.display().to_string();
        facts.push(("ferrogw", machine::said(&gateway, &["--version"])));
    }
    Ok(Run {
        quick: options.quick,
        pace,
        facts,
        placement,
        scenarios,
        full: numbers.full,
        half: numbers.half,
        keeps: numbers.keeps,
        nginx_settings: numbers.nginx_settings,
        nginx_config: stage.nginx.map(|nginx| nginx.example).unwrap_or_default(),
        gateway_config: stage.gateway_config,
        stolen: now.stolen_since(clock),
        others: now.others_since(clock, own),
        took: began.elapsed(),
    })
}

async fn numbers(
    stage: &mut Stage,
    scenarios: &mut [Scenario],
    pace: &Pace,
    threads: usize,
) -> Result<Numbers> {
    println!("memory ...");
    let keeps = measure::memory(&stage.contenders, pace).await?;
    measure::rehearse(&stage.contenders, scenarios).await?;
    println!("nginx's cheapest settings ...");
    let nginx_settings = stage::tune(stage, scenarios, pace).await?;
    println!("full load ...");
    let full = measure::closed_loop(&stage.contenders, scenarios, pace, threads).await?;
    println!("half load ...");
    let half = measure::half_load(&stage.contenders, scenarios, pace, threads, &full).await?;
    Ok(Numbers {
        keeps,
        nginx_settings,
        full,
        half,
    })
}
