//! `ferrogw demo`: the gateway in front of a built-in mock vendor. No key, no config, no network.

use anyhow::Context;
use config::{Config, Listen, Models, Secret};
use mock::MockSpec;
use server::lifecycle::{Reading, Source};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::keygen::new_key;
use crate::serve::{self, Plan};

/// Models that the demo offers.
const MODELS: [&str; 3] = ["demo", "gpt-4o-mini", "gpt-4o"];

/// Start the gateway with a mock vendor behind it.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: Listen,
}

/// Runs until it is interrupted.
pub(crate) fn run(flags: &Flags) -> Result<(), Exit> {
    let vendor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let spec = MockSpec {
        threads: 1,
        record: false,
        ..MockSpec::default()
    };
    let mock = vendor
        .block_on(mock::start(spec))
        .context("the mock vendor cannot be started")?;

    let mut environment = Environment::read();
    let key = match &environment.master_key {
        Some(key) => key.clone(),
        None => new_key(16)?,
    };
    environment.master_key = Some(key.clone());
    let config = config(flags.listen, &mock.url());
    let again = config.clone();
    explain(flags.listen, &key);
    let read = move || {
        Ok(Reading {
            config: again.clone(),
            warnings: Vec::new(),
        })
    };
    let source = Source::new(Vec::new(), Box::new(read));
    serve::start(
        Plan {
            config,
            source,
            warnings: Vec::new(),
            origin: "demo".into(),
        },
        &environment,
    )
}

fn config(listen: Listen, vendor: &str) -> Config {
    let target = config::Target {
        virtual_key: "demo".into(),
        provider: Some("openai-compatible".into()),
        base_url: Some(vendor.into()),
        api_key: Some(config::ApiKey::One(Secret::new("mock"))),
        models: Models::List(MODELS.map(str::to_owned).into()),
        ..config::Target::default()
    };
    let mut config = Config {
        targets: vec![target],
        ..Config::default()
    };
    config.server.listen = vec![listen];
    config
}

#[expect(
    clippy::print_stderr,
    reason = "what to try next is for whoever started the demo"
)]
fn explain(listen: Listen, key: &str) {
    let host = listen
        .ip
        .filter(|ip| !ip.is_unspecified())
        .map_or("localhost".to_owned(), |ip| ip.to_string());
    let base = format!("http://{host}:{}", listen.port);
    eprintln!("The demo answers from a built-in mock vendor. In another terminal:");
    eprintln!();
    eprintln!(
        "curl {base}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{\"model\":\"demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
    );
    eprintln!();
    eprintln!(
        "With \"stream\":true in it the answer comes as a stream; {base}/v1/models lists the models."
    );
    eprintln!("An OpenAI SDK works with base_url={base}/v1 and api_key={key}");
    eprintln!();
}
