//! `ferrogw mock`: the scriptable vendor alone.

use std::net::SocketAddr;

use anyhow::Context;
use mock::{Behaviour, MockSpec};

use crate::exit::Exit;

/// Start only the mock vendor.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// Where it listens; port 0 takes a free one and prints it.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Keep nothing of what it receives.
    #[arg(long)]
    no_record: bool,
    /// Threads that serve; 0 for one that is shared with everything else.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The key that every request must carry.
    #[arg(long)]
    key: Option<String>,
    /// How it behaves when nothing else says so: `latency=20ms;events=64`.
    #[arg(long, default_value = "")]
    behaviour: Behaviour,
}

/// Runs until it is interrupted.
#[expect(clippy::print_stdout, reason = "the address is the result")]
pub(crate) fn run(flags: &Flags) -> Result<(), Exit> {
    let spec = MockSpec {
        listen: flags.listen,
        defaults: flags.behaviour.clone(),
        expected_key: flags.key.clone(),
        record: !flags.no_record,
        threads: flags.threads,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mock = mock::start(spec)
            .await
            .with_context(|| format!("cannot listen on {}", flags.listen))?;
        println!("{}", mock.url());
        tokio::signal::ctrl_c().await?;
        Ok(())
    })
}
