//! `ferrogw`: the gateway and its tools in one binary.

mod demo;
mod environment;
mod exit;
mod explain;
mod format;
mod init;
mod keygen;
mod mock_vendor;
mod schema;
mod serve;
mod source;
mod validate;
mod version;

use clap::{Parser, Subcommand};
use exit::Exit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An AI gateway: one OpenAI-compatible API in front of every provider.
#[derive(Parser)]
#[command(name = "ferrogw", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// How results are printed.
    #[arg(
        long,
        global = true,
        value_enum,
        ignore_case = true,
        default_value = "table"
    )]
    format: format::Format,
    #[command(flatten)]
    serve: serve::Flags,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one of them, once")]
enum Command {
    /// Start the gateway; what `ferrogw` alone does too.
    Serve(serve::Flags),
    /// Start the gateway with a built-in mock vendor behind it: no key, no config.
    Demo(demo::Flags),
    /// Write a first config file.
    Init(init::Flags),
    /// Check a config file and report everything that is wrong with it.
    Validate(validate::Flags),
    /// Say where a call would go and why, without sending it.
    Explain(explain::Flags),
    /// Print what this binary is.
    Version,
    /// Work with the configuration.
    #[command(subcommand)]
    Config(schema::Command),
    /// Make an API key and the lines that let it in.
    Keygen(keygen::Flags),
    /// Start only the mock vendor, for tests and benchmarks.
    Mock(mock_vendor::Flags),
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(flags)) => serve::run(&flags),
        Some(Command::Demo(flags)) => demo::run(&flags),
        Some(Command::Init(flags)) => init::run(&flags, cli.format),
        Some(Command::Validate(flags)) => validate::run(&flags, cli.format),
        Some(Command::Explain(flags)) => explain::run(&flags, cli.format),
        Some(Command::Version) => version::run(cli.format),
        Some(Command::Config(command)) => schema::run(&command),
        Some(Command::Keygen(flags)) => keygen::run(&flags),
        Some(Command::Mock(flags)) => mock_vendor::run(&flags),
    };
    Exit::report(done)
}
