//! `ferrogw init`: a first config file and a master key.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::environment;
use crate::exit::Exit;
use crate::format::Format;
use crate::keygen::new_key;

/// Write a first config file.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// How the file is written.
    #[arg(long, value_parser = ["yaml", "json"], default_value = "yaml")]
    config_format: String,
    /// Where to; by default config.yaml or config.json.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Without the heading.
    #[arg(long)]
    non_interactive: bool,
}

/// Writes it, unless there is one.
pub(crate) fn run(flags: &Flags, format: Format) -> Result<(), Exit> {
    if format != Format::Table {
        return Err(anyhow!(
            "init prints prose; the file's form is chosen with --config-format yaml|json"
        )
        .into());
    }
    let (written, name) = match flags.config_format.as_str() {
        "json" => (config::Format::Json, "config.json"),
        _ => (config::Format::Yaml, "config.yaml"),
    };
    let path = flags.output.clone().unwrap_or_else(|| name.into());
    if !flags.non_interactive {
        say("ferrogw init");
    }
    let found = providers::detect(&environment::var);
    let ids: Vec<_> = found.iter().map(|row| row.id.as_str()).collect();
    if create(&path, &starter(&found, written))? {
        if ids.is_empty() {
            say(
                "  [!] no provider's key is in the environment: `openai` stands in as a placeholder",
            );
        } else {
            say(&format!("  [OK] found keys of: {}", ids.join(", ")));
        }
        let key = new_key(16)?;
        say(&format!("  [OK] wrote {}", path.display()));
        say("  Your master key, shown only now and stored nowhere:");
        say(&format!("    export MASTER_KEY={key}"));
    } else {
        say(&format!(
            "  [-] {} already exists: skipped, and no key was made",
            path.display()
        ));
    }
    say("Next:");
    say(&format!("  export GATEWAY_CONFIG={}", path.display()));
    if ids.is_empty() {
        say("  export OPENAI_API_KEY=sk-...");
    }
    say("  ferrogw serve");
    say("  curl http://localhost:8080/readyz");
    Ok(())
}

fn starter(found: &[&providers::Provider], format: config::Format) -> String {
    let placeholder = ("openai", Some("OPENAI_API_KEY"));
    let detected = found
        .iter()
        .map(|row| (row.id.as_str(), row.env.api_key.first().map(String::as_str)));
    let mut targets: Vec<_> = detected.collect();
    if targets.is_empty() {
        targets.push(placeholder);
    }
    let targets: Vec<_> = targets
        .into_iter()
        .map(|(provider, key_env)| config::StarterTarget { provider, key_env })
        .collect();
    config::starter(&targets, format)
}

/// Whether the file was written; one that exists is left alone.
fn create(path: &Path, text: &str) -> anyhow::Result<bool> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match file {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .with_context(|| path.display().to_string())
            .map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The narrative goes to stderr, so that stdout stays data.
#[expect(clippy::print_stderr, reason = "the command's narrative")]
fn say(line: &str) {
    eprintln!("{line}");
}
