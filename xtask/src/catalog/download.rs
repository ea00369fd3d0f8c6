//! Getting the packages: pip fetches exactly the pinned ones and refuses other bytes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{FOLDER, Inputs};
use crate::shell;

const EXTRACT: &str = include_str!("extract.py");

/// Any machine takes the same files.
const PLATFORM: &[&str] = &[
    "--platform=manylinux_2_28_x86_64",
    "--implementation=cp",
    "--python-version=3.11",
    "--abi=abi3",
    "--abi=none",
];

pub(super) fn inputs() -> Result<Inputs> {
    let folder = shell::target_dir()?.join("catalog");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).context("cannot make a folder for the packages")?;
    let ours = shell::root().join(FOLDER);
    let pins = ours.join("requirements.txt");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]);
    pip.args(["--only-binary=:all:", "--disable-pip-version-check"]);
    pip.args(PLATFORM).arg("--dest").arg(&folder);
    pip.arg("--requirement").arg(&pins);
    shell::step("download the packages", &mut pip)?;
    let mut extract = Command::new("python3");
    extract.args(["-c", EXTRACT]).arg(&folder);
    shell::step("take out their price data", &mut extract)?;
    let pins = text(&pins)?;
    let date = pins.lines().find_map(|line| line.strip_prefix("# date: "));
    let date = date.context("requirements.txt has no `# date: ` line")?;
    let version = pins.lines().find_map(|line| {
        let version = line.strip_prefix("litellm==")?;
        version.split_whitespace().next()
    });
    let version = version.context("requirements.txt does not pin litellm")?;
    Ok(Inputs {
        date: date.trim().parse()?,
        litellm: json(&folder.join("litellm.json"))?,
        litellm_name: format!("litellm {version}"),
        genai: json(&folder.join("genai.json"))?,
        vendors: text(&ours.join("vendors.toml"))?,
        corrections: text(&ours.join("overrides.toml"))?,
    })
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn json(path: &Path) -> Result<serde_json::Value> {
    serde_json::from_str(&text(path)?).with_context(|| format!("{} is not JSON", path.display()))
}
