//! The programs under test: a mock vendor and a gateway in front of it, on free
//! ports of the loopback interface.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::service::{Program, Ready, Service, free_port};

/// The key that `tests/sdk/gateway.json` knows by its hash.
pub(crate) const SDK_KEY: &str =
    "fgw_61afc4e5794b6fff1d65219dda438b0a9c2fcaf5f02d3ced97d3001c0ce02d4c";

/// The key that may do everything.
pub(crate) const MASTER_KEY: &str = "fgw_5f0c2ad4e1b8973660f4c7d21b9e8a35";

/// The mock vendor's command line.
pub(crate) fn mock(binary: &Path, listen: SocketAddr) -> Program {
    Program::new(binary).args(["mock".to_owned(), format!("--listen={listen}")])
}

/// The gateway's command line.
pub(crate) fn gateway(binary: &Path, listen: SocketAddr, config: &Path) -> Program {
    Program::new(binary)
        .args(["serve".to_owned(), format!("--listen={listen}")])
        .args(["--config".into(), config.as_os_str().to_owned()])
        .env("MASTER_KEY", MASTER_KEY)
        // The default limit is for strangers on the internet.
        .env("RATE_LIMIT_RPS", "0")
}

/// A mock and a gateway, both ready.
pub(crate) struct System {
    // Fields are dropped in order: the gateway ends before what it talks to.
    gateway: Service,
    mock: Service,
}

impl System {
    /// Starts both; `config` finds the mock under `${MOCK_URL}`.
    pub(crate) fn start(binary: &Path, config: &Path, logs: &Path) -> Result<Self> {
        let listen = free_port()?;
        let program = mock(binary, listen);
        let mock = Service::start("mock", &program, listen, &Ready::Accepts, logs)?;

        let listen = free_port()?;
        let program = gateway(binary, listen, config)
            .env("MOCK_URL", url(&mock))
            .env("OPENAI_API_KEY", "sk-mock-0f6b8a2e9d4c71e3");
        let ready = Ready::Answers("/livez");
        let gateway = Service::start("gateway", &program, listen, &ready, logs)?;
        Ok(Self { gateway, mock })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", url(&self.gateway))
    }

    pub(crate) fn mock_url(&self) -> String {
        url(&self.mock)
    }
}

fn url(service: &Service) -> String {
    format!("http://{}", service.address())
}
