//! Where the binary under test is, and how to run a command of it to its end.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The built `ferrogw`: `FERROGW_BIN` when set, else the one of this target directory, built if need be.
pub fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("FERROGW_BIN") {
        Some(given) => given.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    // target/<profile>/deps/<test binary>
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("test binaries live in target/<profile>/deps");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "ferrogw"]);
    match profile.file_name().and_then(std::ffi::OsStr::to_str) {
        Some("debug") | None => {}
        Some(name) => {
            cargo.args(["--profile", name]);
        }
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo can be run");
    assert!(status.success(), "the gateway does not build");
    profile.join("ferrogw")
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
    command(args).output().expect("the binary can be run").into()
}
