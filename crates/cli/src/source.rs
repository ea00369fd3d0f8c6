//! Where the configuration comes from: a file, or the providers whose keys are in the environment,
//! with what flags and environment say on top.

use std::path::{Path, PathBuf};

use config::{Config, LogFormat, Mode};
use server::lifecycle::{Reading, Source};

use crate::environment::{self, Environment};
use crate::exit::Exit;
use crate::serve::{Flags, Plan};

/// Where a config file may lie that nobody named.
const UNNAMED: [&str; 3] = [
    "/etc/ferrogw/config.yaml",
    "/etc/ferrogw/config.yml",
    "/etc/ferrogw/config.json",
];

/// Reads the configuration that the flags and the environment name.
pub(crate) fn plan(flags: &Flags, environment: &Environment) -> Result<Plan, Exit> {
    let file = flags.config.clone().or_else(|| environment.config.clone());
    let origin = file.as_ref().map_or_else(
        || "environment".to_owned(),
        |path| path.display().to_string(),
    );
    let unread = unread(file.as_deref(), &UNNAMED);
    let files: Vec<PathBuf> = file.iter().cloned().collect();
    let (flags, environment) = (flags.clone(), environment.clone());
    let read = move || read(file.as_deref(), &flags, &environment);
    let source = Source::new(files, Box::new(read));
    let Reading {
        config,
        mut warnings,
    } = source.read().map_err(Exit::Config)?;
    warnings.extend(unread);
    Ok(Plan {
        config,
        warnings,
        source,
        origin,
    })
}

/// What to say of a config file that lies where one might expect it to be read, but is not.
fn unread(chosen: Option<&Path>, places: &[&str]) -> Option<String> {
    let lies = |path: &&&str| chosen.is_none() && Path::new(path).exists();
    let path = places.iter().find(lies)?;
    Some(format!(
        "{path} is not read: name it with --config or GATEWAY_CONFIG"
    ))
}

fn read(file: Option<&Path>, flags: &Flags, environment: &Environment) -> Result<Reading, String> {
    let (mut config, mut warnings) = match file {
        Some(path) => read_file(path).map_err(|exit| exit.to_string())?,
        None => (detected(), Vec::new()),
    };
    warnings.extend(environment.apply(&mut config)?);
    if let Some(listen) = flags.listen {
        config.server.listen = vec![listen];
    }
    match flags.log_format.as_deref() {
        Some("text") => config.log.format = LogFormat::Text,
        Some(_) => config.log.format = LogFormat::Json,
        None => {}
    }
    Ok(Reading { config, warnings })
}

/// Reads a config file and what is odd about it, or says everything that is wrong with it.
pub(crate) fn read_file(path: &Path) -> Result<(Config, Vec<String>), Exit> {
    let format =
        config::Format::from_path(path).map_err(|error| Exit::Config(error.to_string()))?;
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| Exit::Config(format!("{shown}: {error}")))?;
    let ids: Vec<_> = providers::builtin().ids().collect();
    let loaded = config::load(&text, format, &config::Known { providers: &ids })
        .map_err(|problems| Exit::Config(problems.display_with(&shown).to_string()))?;
    let warnings = loaded
        .warnings
        .iter()
        .map(|warning| warning.display_with(&shown).to_string());
    Ok((loaded.config, warnings.collect()))
}

/// A target for every provider whose credential is in the environment, one after the other.
fn detected() -> Config {
    let found = providers::detect(&environment::var).into_iter();
    let targets = found.map(|row| config::Target {
        virtual_key: row.id.clone(),
        ..config::Target::default()
    });
    let mut config = Config {
        targets: targets.collect(),
        ..Config::default()
    };
    config.strategy.mode = Mode::Fallback;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_reads_is_told_unless_another_was_chosen() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let places = ["/nonexistent/config.yaml", here];
        let told = unread(None, &places).unwrap();
        assert!(told.starts_with(here), "{told}");
        assert_eq!(unread(None, &places[..1]), None);
        assert_eq!(unread(Some(Path::new("mine.yaml")), &places), None);
    }
}
