//! Other programs: run one as an announced step, or read what one says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// The workspace, wherever the command was called from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's build directory: the one this program was built into.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let executable = std::env::current_exe().context("cannot tell where this program is")?;
    let profile = executable.parent().and_then(Path::parent);
    profile
        .map(Path::to_path_buf)
        .context("this program was not started from a build directory")
}

/// The cargo that runs this program, at the workspace root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Announces a step, runs it with its output visible, and says how long it took.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("\n==> {title}");
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{title} failed after {seconds:.1} s ({status})");
    }
    println!("<== {title}: {seconds:.1} s");
    Ok(())
}

/// What a program prints, both streams, trimmed; an error if it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, complaint.trim());
    }
    // Some programs tell their version on the other stream.
    if text.trim().is_empty() {
        text = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Ok(text.trim().to_owned())
}

/// Whether a program can be found on the search path.
pub(crate) fn found(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
