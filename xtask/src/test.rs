//! `cargo xtask test`: everything the project tests, on a machine that has a
//! Rust toolchain and nothing else yet.
//!
//! A suite that cannot run is a failure, never a silent skip; only `--skip-sdk`
//! leaves the vendors' SDKs out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::flags::Flags;
use crate::install::{self, NODE, PYTHON};
use crate::shell::{self, step};
use crate::system::{self, System};

struct Suite {
    name: &'static str,
    /// Talks to the started programs through a vendor's SDK.
    sdk: bool,
    run: fn() -> Result<()>,
}

const SUITES: [Suite; 3] = [
    Suite {
        name: "rust",
        sdk: false,
        run: rust,
    },
    Suite {
        name: "python",
        sdk: true,
        run: python,
    },
    Suite {
        name: "node",
        sdk: true,
        run: node,
    },
];

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let skip_sdk = flags.switch("--skip-sdk");
    let only = flags.value("--only")?;
    flags.finish()?;
    let chosen = choose(skip_sdk, only.as_deref())?;

    let mut build = shell::cargo();
    step(
        "cargo build -p ferrogw",
        build.args(["build", "-p", "ferrogw"]),
    )?;
    let mut results = Vec::new();
    for suite in chosen {
        let started = Instant::now();
        let result = (suite.run)();
        if let Err(error) = &result {
            eprintln!("\n!!! {}: {error:#}", suite.name);
        }
        results.push((suite.name, result.is_ok(), started.elapsed()));
    }

    println!("\n==> summary");
    for (name, passed, took) in &results {
        let verdict = if *passed { "passed" } else { "FAILED" };
        println!("{name:<8} {verdict} in {:.1} s", took.as_secs_f64());
    }
    if skip_sdk {
        println!("python and node were left out (--skip-sdk)");
    }
    let failed = results.iter().filter(|(_, passed, _)| !passed).count();
    if failed > 0 {
        bail!("{failed} of {} suites failed", results.len());
    }
    println!("all {} suites passed", results.len());
    Ok(())
}

fn choose(skip_sdk: bool, only: Option<&str>) -> Result<Vec<&'static Suite>> {
    let wanted = |suite: &&Suite| only.is_none_or(|name| name == suite.name);
    let chosen: Vec<_> = SUITES
        .iter()
        .filter(wanted)
        .filter(|suite| !(skip_sdk && suite.sdk))
        .collect();
    if chosen.is_empty() {
        let names = SUITES.map(|suite| suite.name).join(", ");
        bail!(
            "no suite is left to run: --only takes one of {names}, and --skip-sdk leaves only rust"
        );
    }
    Ok(chosen)
}

fn rust() -> Result<()> {
    let mut command = shell::cargo();
    step(
        "cargo test --workspace",
        command.args(["test", "--workspace"]),
    )
}

fn python() -> Result<()> {
    let suite = suite_folder("python")?;
    install::ensure(&PYTHON)?;
    let venv = shell::target_dir()?.join("venv");
    let interpreter = venv.join("bin").join("python");
    if !interpreter.is_file() {
        let mut create = Command::new("python3");
        step("python3 -m venv", create.args(["-m", "venv"]).arg(&venv))?;
    }
    once_per_content(&suite.join("requirements.txt"), &venv, |requirements| {
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet"]);
        pip.args(["--disable-pip-version-check", "--requirement"]);
        step("pip install", pip.arg(requirements))
    })?;
    let mut pytest = Command::new(&interpreter);
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "-q", "."]);
    against_a_running_system("pytest", pytest.current_dir(&suite))
}

fn node() -> Result<()> {
    let suite = suite_folder("node")?;
    install::ensure(&NODE)?;
    let modules = suite.join("node_modules");
    once_per_content(&suite.join("package-lock.json"), &modules, |_| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]);
        step("npm ci", npm.current_dir(&suite))
    })?;
    let mut node = Command::new("node");
    node.arg("--test");
    against_a_running_system("node --test", node.current_dir(&suite))
}

fn suite_folder(name: &str) -> Result<PathBuf> {
    let folder = shell::root().join("tests").join("sdk").join(name);
    if !folder.is_dir() {
        bail!("{} does not exist", folder.display());
    }
    Ok(folder)
}

/// Installs what a lock file names, unless just that was installed before.
fn once_per_content(
    lock: &Path,
    installed: &Path,
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = installed.join(".installed");
    if fs::read(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    install(lock)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Runs one suite with a mock vendor and a gateway beside it.
fn against_a_running_system(title: &str, suite: &mut Command) -> Result<()> {
    let binary = shell::target_dir()?.join("debug").join("ferrogw");
    let system = System::start(&binary)?;
    suite
        .env("FERROGW_BASE_URL", system.base_url())
        .env("FERROGW_KEY", system::MASTER_KEY)
        .env("MOCK_URL", system.mock_url())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let result = step(title, suite);
    if result.is_err() {
        eprintln!("\nthe gateway's last lines:\n{}", system.last_words());
    }
    result
}
