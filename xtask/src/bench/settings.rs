//! The configuration of the measured gateway: the mock as its only target, an
//! API key to check, and everything else as it comes.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::scenario::{KEY_SHA256, MODELS};

pub(crate) fn yaml(mock: SocketAddr, threads: usize) -> String {
    let mut text = format!(
        "targets:
  - virtual_key: mock
    provider: openai-compatible
    base_url: http://{mock}/v1
    api_key: sk-mock-0f6b8a2e9d4c71e3
    models:
"
    );
    for model in MODELS {
        let _ = writeln!(text, "      - \"{model}\"");
    }
    let _ = write!(
        text,
        "keys:
  - name: bench
    sha256: \"{KEY_SHA256}\"
server:
  threads: {threads}
"
    );
    text
}
