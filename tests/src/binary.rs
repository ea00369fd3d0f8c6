//! Where the binary under test is, and how to run a command of it to its end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The built `ferrogw`: `FERROGW_BIN` when set, else the one of this target directory, built once if
/// need be.
pub fn path() -> &'static Path {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = PATH.get_or_init(|| match std::env::var_os("FERROGW_BIN") {
        Some(given) => Ok(given.into()),
        None => build(),
    });
    found.as_deref().unwrap_or_else(|error| panic!("{error}"))
}

fn build() -> Result<PathBuf, String> {
    // target/<profile>/deps/<test binary>
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = test
        .ancestors()
        .nth(2)
        .ok_or("test binaries live in target/<profile>/deps")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "ferrogw"]);
    if let Some(name) = profile
        .file_name()
        .and_then(OsStr::to_str)
        .filter(|name| *name != "debug")
    {
        cargo.args(["--profile", name]);
    }
    let status = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() {
        Ok(profile.join("ferrogw"))
    } else {
        Err("the gateway does not build".into())
    }
}

/// A command of the binary with nothing of this environment but `PATH`.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(args).env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command that ends by itself.
pub fn run(args: &[&str]) -> Said {
    command(args)
        .output()
        .expect("the binary can be run")
        .into()
}
