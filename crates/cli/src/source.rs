//! Where the configuration comes from: a file, or the providers whose keys are in the environment,
//! with what flags and environment say on top.

use std::path::{Path, PathBuf};

use config::{Config, LogFormat, Mode};
use server::lifecycle::Source;

use crate::environment::{self, Environment};
use crate::exit::Exit;
use crate::serve::{Flags, Plan};

/// Reads the configuration that the flags and the environment name.
pub(crate) fn plan(flags: &Flags, environment: &Environment) -> Result<Plan, Exit> {
    let file = flags.config.clone().or_else(|| environment.config.clone());
    let (config, warnings) = read(file.as_deref(), flags, environment)?;
    let origin = file.as_ref().map_or_else(
        || "environment".to_owned(),
        |path| path.display().to_string(),
    );
    let files: Vec<PathBuf> = file.iter().cloned().collect();
    let (flags, environment) = (flags.clone(), environment.clone());
    let again = move || {
        let (config, warnings) =
            read(file.as_deref(), &flags, &environment).map_err(|exit| exit.to_string())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(config)
    };
    Ok(Plan {
        config,
        warnings,
        source: Source {
            files,
            read: Box::new(again),
        },
        origin,
    })
}

fn read(
    file: Option<&Path>,
    flags: &Flags,
    environment: &Environment,
) -> Result<(Config, Vec<String>), Exit> {
    let (mut config, warnings) = match file {
        Some(path) => read_file(path)?,
        None => (detected(), Vec::new()),
    };
    environment.apply(&mut config)?;
    if let Some(listen) = flags.listen {
        config.server.listen = vec![listen];
    }
    match flags.log_format.as_deref() {
        Some("text") => config.log.format = LogFormat::Text,
        Some(_) => config.log.format = LogFormat::Json,
        None => {}
    }
    Ok((config, warnings))
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
