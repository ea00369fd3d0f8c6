//! Programs from outside the toolchain: used when present, installed when this
//! is Debian and we may, and otherwise named in an error that says what to do.

use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

pub(crate) struct Tool {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    pub(crate) present: fn() -> bool,
    /// Debian's packages that bring it.
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const NGINX: Tool = Tool {
    name: "nginx",
    present: || shell::found("nginx"),
    packages: &["nginx"],
};

pub(crate) const PYTHON: Tool = Tool {
    name: "python3 (3.11 or later) with venv and pip",
    present: || {
        let mut python = Command::new("python3");
        shell::capture(python.args([
            "-c",
            "import sys, venv, ensurepip; assert sys.version_info >= (3, 11)",
        ]))
        .is_ok()
    },
    packages: &["python3", "python3-venv", "python3-pip"],
};

pub(crate) const NODE: Tool = Tool {
    name: "node and npm",
    present: || shell::found("node") && shell::found("npm"),
    packages: &["nodejs", "npm"],
};

/// Makes sure a tool is there.
pub(crate) fn ensure(tool: &Tool) -> Result<()> {
    if (tool.present)() {
        return Ok(());
    }
    let packages = tool.packages.join(" ");
    if !may_install() {
        bail!(
            "{} is missing: install it first (on Debian: apt-get install {packages})",
            tool.name
        );
    }
    let mut update = apt();
    shell::step("apt-get update", update.args(["-qq", "update"]))?;
    let mut install = apt();
    install.args(["-qq", "-y", "--no-install-recommends", "install"]);
    let title = format!("apt-get install {packages}");
    shell::step(&title, install.args(tool.packages))?;
    if !(tool.present)() {
        bail!("{} is still missing after installing {packages}", tool.name);
    }
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

pub(crate) fn is_root() -> bool {
    shell::capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

fn may_install() -> bool {
    shell::found("apt-get") && is_root()
}
