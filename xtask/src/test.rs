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
    let names: Vec<_> = results.iter().map(|(name, ..)| *name).collect();
    println!("all passed: {}", names.join(", "));
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
    )?;
    // What cores share without a lock, in every interleaving.
    let mut interleaved = shell::cargo();
    let arguments = [
        "test",
        "-p",
        "ferrogw-engine",
        "--lib",
        "--features",
        "loom",
        "loom_",
    ];
    step("cargo test --features loom", interleaved.args(arguments))
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
    node.args(["--test", "--test-reporter=spec"]);
    against_a_running_system("node --test", node.current_dir(&suite))
}

fn sdk_folder() -> PathBuf {
    shell::root().join("tests").join("sdk")
}

fn suite_folder(name: &str) -> Result<PathBuf> {
    let folder = sdk_folder().join(name);
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
    let target = shell::target_dir()?;
    let logs = target.join("sdk");
    fs::create_dir_all(&logs)?;
    let config = sdk_folder().join("gateway.json");
    let system = System::start(&target.join("debug").join("ferrogw"), &config, &logs)?;
    suite
        .env("FERROGW_BASE_URL", system.base_url())
        .env("FERROGW_KEY", system::SDK_KEY)
        .env("MOCK_URL", system.mock_url())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // A proxy of the machine has no business between a suite and loopback.
        .env("NO_PROXY", "127.0.0.1,localhost");
    let result = step(title, suite);
    if result.is_err() {
        eprintln!(
            "\nwhat the gateway and the mock wrote is in {}",
            logs.display()
        );
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(skip_sdk: bool, only: Option<&str>) -> Option<Vec<&'static str>> {
        let chosen = choose(skip_sdk, only).ok()?;
        Some(chosen.into_iter().map(|suite| suite.name).collect())
    }

    #[test]
    fn suites_are_chosen_by_the_flags() {
        assert_eq!(names(false, None).unwrap(), ["rust", "python", "node"]);
        assert_eq!(names(true, None).unwrap(), ["rust"]);
        assert_eq!(names(false, Some("node")).unwrap(), ["node"]);
        assert_eq!(names(true, Some("node")), None);
        assert_eq!(names(false, Some("ruby")), None);
    }

    #[test]
    fn packages_are_installed_again_only_when_the_lock_file_changed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        let mut installs = 0;
        for content in ["a", "a", "b", "b"] {
            fs::write(&lock, content).unwrap();
            once_per_content(&lock, folder.path(), |_| {
                installs += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(installs, 2);
    }

    #[test]
    fn a_failed_install_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        fs::write(&lock, "a").unwrap();
        let failed = once_per_content(&lock, folder.path(), |_| bail!("no network"));
        assert!(failed.is_err());
        let mut installed = false;
        let again = once_per_content(&lock, folder.path(), |_| {
            installed = true;
            Ok(())
        });
        assert!(again.is_ok() && installed);
    }
}
