//! `ferrogw serve`: the gateway itself.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use config::{Config, Listen, LogFormat};
use engine::gateway::{Gateway, Surroundings};
use engine::receipt::Books;
use server::edge::EdgeError;
use server::lifecycle::{RunError, Server, Source, cores};
use telemetry::{AccessLog, AccessSpec, LevelFilter, Log, LogSpec, Metrics, Redactor};

use crate::environment::{self, Environment};
use crate::exit::Exit;
use crate::source;

/// How long the last lines may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Start the gateway.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Flags {
    /// The config file (or `GATEWAY_CONFIG`). Without one, every provider whose key is in the
    /// environment becomes a target.
    #[arg(long, short = 'c', value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen, such as :8080 or 127.0.0.1:8080; stands above PORT and the file.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Listen>,
    /// How the log is written; stands above the file.
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "text"])]
    pub log_format: Option<String>,
}

/// A configuration, and how it is read again.
pub(crate) struct Plan {
    /// The configuration to begin with.
    pub(crate) config: Config,
    /// What is odd about it, but no mistake.
    pub(crate) warnings: Vec<String>,
    /// What it was built from.
    pub(crate) source: Source,
    /// Where it came from, in words.
    pub(crate) origin: String,
}

/// Starts the gateway as the flags and the environment say.
pub(crate) fn run(flags: &Flags) -> Result<(), Exit> {
    let environment = Environment::read();
    let plan = source::plan(flags, &environment)?;
    start(plan, &environment)
}

/// Runs a gateway until it is told to stop.
pub(crate) fn start(plan: Plan, environment: &Environment) -> Result<(), Exit> {
    let concerns = environment.guard(&plan.config)?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    let log = install_log(&plan.config, environment, &metrics)?;
    let access = plan
        .config
        .log
        .access
        .then(|| access_log(&plan.config, &metrics))
        .transpose()?;
    let books = Arc::new(Books { metrics, access });
    let done = serve(plan, environment, &concerns, books.clone());
    if let Some(access) = &books.access {
        access.flush(LAST_WORDS);
    }
    log.flush(LAST_WORDS);
    done
}

fn serve(
    plan: Plan,
    environment: &Environment,
    concerns: &[String],
    books: Arc<Books>,
) -> Result<(), Exit> {
    for concern in plan.warnings.iter().chain(concerns) {
        tracing::warn!("{concern}");
    }
    let surroundings = Surroundings {
        env: Box::new(environment::var),
        secrets: environment::all().collect(),
        master_key: environment.master_key.clone(),
        no_key: environment.no_key,
    };
    let gateway = Gateway::new(Arc::new(plan.config), surroundings, books)
        .map_err(|error| Exit::Config(error.to_string()))?;
    // Signals, reloads and discovery; calls are served on the edge's own threads.
    let control = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build()?;
    let done = control.block_on(async {
        let server = Server::start(gateway.clone()).map_err(not_started)?;
        announce(&gateway, &server, &plan.origin, environment);
        server.run(plan.source).await;
        Ok(())
    });
    // Looking for models may still wait for a name server.
    control.shutdown_background();
    done
}

/// Tells what is wrong with the configuration from what is wrong with the machine.
fn not_started(error: RunError) -> Exit {
    match error {
        RunError::Edge(error @ (EdgeError::Tls(_) | EdgeError::NoAddress)) => {
            Exit::Config(error.to_string())
        }
        error => error.into(),
    }
}

fn install_log(
    config: &Config,
    environment: &Environment,
    metrics: &Metrics,
) -> anyhow::Result<Log> {
    let spec = LogSpec {
        level: level(config),
        format: line_format(config),
        color: !environment.no_color,
        redactor: Redactor::new(environment::all()),
        dropped: metrics.dropped("log_lines"),
        ..LogSpec::default()
    };
    spec.install().context("the log cannot be started")
}

fn access_log(config: &Config, metrics: &Metrics) -> anyhow::Result<AccessLog> {
    let spec = AccessSpec {
        format: line_format(config),
        level: level(config),
        shards: config.server.threads.unwrap_or_else(cores),
        dropped: metrics.dropped("access_lines"),
        ..AccessSpec::default()
    };
    AccessLog::start(spec).context("the access log cannot be started")
}

fn level(config: &Config) -> LevelFilter {
    match config.log.level {
        config::LogLevel::Debug => LevelFilter::DEBUG,
        config::LogLevel::Info => LevelFilter::INFO,
        config::LogLevel::Warn => LevelFilter::WARN,
        config::LogLevel::Error => LevelFilter::ERROR,
    }
}

fn line_format(config: &Config) -> telemetry::Format {
    match config.log.format {
        LogFormat::Json => telemetry::Format::Json,
        LogFormat::Text => telemetry::Format::Text,
    }
}

/// One line for machines on stdout, a few for people on stderr.
fn announce(gateway: &Gateway, server: &Server, origin: &str, environment: &Environment) {
    let snapshot = gateway.snapshot();
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    let targets: Vec<_> = snapshot
        .targets()
        .iter()
        .map(|target| &*target.name)
        .collect();
    let mode = serde_json::to_string(&snapshot.config.strategy.mode).unwrap_or_default();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        addr = addresses.join(","),
        config = origin,
        strategy = mode.trim_matches('"'),
        targets = targets.join(","),
        max_request_bytes = snapshot.config.max_request_bytes,
        "ferrogw started"
    );
    let no_credential = !environment.no_key && snapshot.keys.is_empty();
    banner(
        &addresses,
        &targets,
        gateway.not_ready().as_deref(),
        no_credential,
    );
}

#[expect(
    clippy::print_stderr,
    reason = "the banner is for whoever started the gateway by hand"
)]
fn banner(addresses: &[String], targets: &[&str], not_ready: Option<&str>, no_credential: bool) {
    if !std::io::stderr().is_terminal() && not_ready.is_none() && !no_credential {
        return;
    }
    eprintln!(
        "ferrogw {} listens on {}",
        env!("CARGO_PKG_VERSION"),
        addresses.join(", ")
    );
    if !targets.is_empty() {
        eprintln!("  targets: {}", targets.join(", "));
    }
    if let Some(reason) = not_ready {
        eprintln!("  not ready: {reason}");
        eprintln!("  set a provider's key, for example: export OPENAI_API_KEY=sk-...");
        eprintln!(
            "  or write a config file: ferrogw init; or look around without a key: ferrogw demo"
        );
    }
    if no_credential {
        eprintln!(
            "  nobody can call yet: set MASTER_KEY, or put `keys` into the config (ferrogw keygen)"
        );
    }
}
