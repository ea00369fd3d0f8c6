//! `ferrogw config schema`.

use crate::exit::Exit;

/// Work with the configuration.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print the JSON Schema of the config file, for editors and checks.
    Schema,
}

/// Prints it.
#[expect(clippy::print_stdout, reason = "results go to stdout")]
pub(crate) fn run(command: &Command) -> Result<(), Exit> {
    let Command::Schema = command;
    println!("{}", serde_json::to_string_pretty(&config::schema())?);
    Ok(())
}
