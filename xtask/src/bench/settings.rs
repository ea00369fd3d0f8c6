//! The configuration of the measured gateway: the mock as its only vendor, an
//! API key to check, and everything else as it comes. Two models have a second
//! target and a strategy, two are served in another dialect.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::scenario::{KEY_SHA256, MODELS, RACED, SHARED, TRANSLATED};

pub(crate) fn yaml(mock: SocketAddr, threads: usize) -> String {
    // Every target is to be reached: `single` knows the first one only.
    let mut text = String::from("strategy: {mode: fallback}\ntargets:\n");
    let both = [SHARED, RACED];
    let all = [&MODELS[..], &both].concat();
    target(&mut text, "mock", "openai-compatible", mock, &all);
    target(&mut text, "second", "openai-compatible", mock, &both);
    target(&mut text, "translated", "anthropic", mock, &TRANSLATED);
    let _ = write!(
        text,
        "routes:
  - match: {{model: [\"{SHARED}\"]}}
    strategy: {{mode: loadbalance}}
    targets: [{{target: mock, weight: 1}}, {{target: second, weight: 1}}]
  - match: {{model: [\"{RACED}\"]}}
    strategy: {{mode: least-latency}}
    targets: [mock, second]
keys:
  - name: bench
    sha256: \"{KEY_SHA256}\"
server:
  threads: {threads}
"
    );
    text
}

fn target(text: &mut String, name: &str, provider: &str, mock: SocketAddr, models: &[&str]) {
    let _ = write!(
        text,
        "  - virtual_key: {name}
    provider: {provider}
    base_url: http://{mock}/v1
    api_key: sk-mock-0f6b8a2e9d4c71e3
    models:
"
    );
    for model in models {
        let _ = writeln!(text, "      - \"{model}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_would_take_it() {
        let text = yaml("127.0.0.1:9".parse().unwrap(), 1);
        let names: Vec<_> = providers::builtin().ids().collect();
        let known = config::Known { providers: &names };
        if let Err(problems) = config::load(&text, config::Format::Yaml, &known) {
            panic!("{problems}\n{text}");
        }
    }
}
