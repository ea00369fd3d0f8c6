//! The programs under test: a mock vendor and a gateway in front of it, on free
//! ports of the loopback interface, configured by a file in a temporary folder.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::service::{Program, Ready, Service, free_port};

/// What admits the suites; long and mixed enough for any rule on key strength.
pub(crate) const MASTER_KEY: &str = "fgw_5f0c2ad4e1b8973660f4c7d21b9e8a35";

/// The models the suites ask for by name.
const MODELS: [&str; 8] = [
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-4.1-mini",
    "o4-mini",
    "text-embedding-3-small",
    "dall-e-3",
    "whisper-1",
    "tts-1",
];

/// The mock vendor's command line.
pub(crate) fn mock(binary: &Path, address: SocketAddr) -> Program {
    Program::new(binary).args(["mock".to_owned(), format!("--listen={address}")])
}

/// The gateway's command line and environment.
pub(crate) fn gateway(binary: &Path, config: &Path) -> Program {
    Program::new(binary)
        .args(["serve"])
        .env("GATEWAY_CONFIG", config)
        .env("MASTER_KEY", MASTER_KEY)
}

/// What a gateway in front of the mock is told.
pub(crate) struct Settings<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) mock: SocketAddr,
    pub(crate) models: &'a [&'a str],
    /// One per core when left out.
    pub(crate) threads: Option<usize>,
    /// SHA-256 of an API key to accept beside the master key.
    pub(crate) key: Option<&'a str>,
}

impl Settings<'_> {
    /// The configuration file, with the mock as its only target.
    pub(crate) fn yaml(&self) -> String {
        let Self { listen, mock, .. } = self;
        let mut text = format!(
            "strategy:
  mode: single
targets:
  - virtual_key: mock
    provider: openai-compatible
    base_url: http://{mock}/v1
    api_key: sk-mock-0f6b8a2e9d4c71e3
    models:
"
        );
        for model in self.models {
            let _ = writeln!(text, "      - \"{model}\"");
        }
        if let Some(hash) = self.key {
            let _ = writeln!(text, "keys:\n  - name: load\n    sha256: \"{hash}\"");
        }
        let _ = writeln!(text, "server:\n  listen: \"{listen}\"");
        if let Some(threads) = self.threads {
            let _ = writeln!(text, "  threads: {threads}");
        }
        // The default limit is for strangers on the internet, not for suites.
        text.push_str("  rate_limit:\n    rps: 0\n");
        text
    }
}

/// A mock and a gateway, both ready.
pub(crate) struct System {
    // Fields are dropped in order: the gateway ends before what it talks to.
    gateway: Service,
    mock: Service,
    _files: TempDir,
}

impl System {
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let files = TempDir::with_prefix("ferrogw-").context("cannot make a temporary folder")?;
        let address = free_port()?;
        let mock = Service::start(
            "mock",
            &mock(binary, address),
            address,
            &Ready::Accepts,
            files.path(),
        )?;

        let listen = free_port()?;
        let settings = Settings {
            listen,
            mock: mock.address(),
            models: &MODELS,
            threads: None,
            key: None,
        };
        let file = files.path().join("config.yaml");
        std::fs::write(&file, settings.yaml())?;
        let gateway = Service::start(
            "gateway",
            &gateway(binary, &file),
            listen,
            &Ready::Answers("/livez"),
            files.path(),
        )?;
        Ok(Self {
            gateway,
            mock,
            _files: files,
        })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.gateway.address())
    }

    pub(crate) fn mock_url(&self) -> String {
        format!("http://{}", self.mock.address())
    }

    pub(crate) fn last_words(&self) -> String {
        self.gateway.last_words()
    }
}
