//! `ferrogw validate FILE`: everything that is wrong with a config file, without secrets, without
//! the network.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::format::{self, Format};
use crate::source::read_file;

/// Check a config file.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// The file: .yaml, .yml or .json.
    file: PathBuf,
}

/// Checks it and prints what it says.
pub(crate) fn run(flags: &Flags, format: Format) -> Result<(), Exit> {
    let (config, warnings) = read_file(&flags.file)?;
    warn(&warnings);
    let value = serde_json::to_value(&config)?;
    format::print(format, &value, || {
        let mode = value
            .pointer("/strategy/mode")
            .and_then(|mode| mode.as_str())
            .unwrap_or_default();
        let providers: Vec<_> = config
            .targets
            .iter()
            .map(config::Target::provider_id)
            .collect();
        format!(
            "[OK] Config is valid\n  Strategy:  {mode}\n  Targets:   {}\n  Providers: {}\n  Keys:      {}\n  Aliases:   {}\n",
            config.targets.len(),
            providers.join(", "),
            config.keys.len(),
            config.aliases.len(),
        )
    })
}

#[expect(clippy::print_stderr, reason = "stdout is for the result")]
fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}
