//! `ferrogw config schema`.

use std::io::Write as _;

use crate::exit::Exit;

/// Work with the configuration.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print the JSON Schema of the config file, for editors and checks.
    Schema,
}

/// Prints it.
pub(crate) fn run(command: &Command) -> Result<(), Exit> {
    let Command::Schema = command;
    // A reader that has seen enough is an error to tell, not a panic.
    std::io::stdout().write_all(config::SCHEMA.as_bytes())?;
    Ok(())
}
