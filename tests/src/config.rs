//! The configuration a test starts from, and what it changes of it.

use std::fmt::Write;

use crate::keys::{self, Key};

/// The credential the gateway is to use at the vendor.
pub const VENDOR_KEY: &str = "sk-vendor-0123456789abcdefghijklmnop";

/// The model every gateway of the tests serves.
pub const MODEL: &str = "gpt-test";

/// A configuration in the making: one target, and sections beside it.
#[derive(Clone, Debug)]
pub struct Setup {
    base_url: String,
    models: Vec<(String, String)>,
    target: String,
    more_targets: String,
    keys: Vec<(Key, &'static str)>,
    sections: String,
    pub(crate) env: Vec<(String, String)>,
}

impl Setup {
    /// One target of the plainest kind at this address, serving [`MODEL`].
    pub fn at(base_url: &str) -> Setup {
        Setup {
            base_url: base_url.into(),
            models: vec![(MODEL.into(), MODEL.into())],
            target: String::new(),
            more_targets: String::new(),
            keys: vec![
                (keys::APP, "scopes: [inference]"),
                (keys::EYES, "scopes: [read_only]"),
                (keys::ROOT, "scopes: [admin]"),
            ],
            sections: String::new(),
            env: vec![
                ("MASTER_KEY".into(), keys::MASTER.into()),
                ("VENDOR_KEY".into(), VENDOR_KEY.into()),
                ("RATE_LIMIT_RPS".into(), "0".into()),
            ],
        }
    }

    /// One more model, and what the vendor knows it as.
    pub fn model(mut self, asked: &str, own: &str) -> Setup {
        self.models.push((asked.into(), own.into()));
        self
    }

    /// A line, or several, in the target.
    pub fn target(mut self, lines: &str) -> Setup {
        indent(&mut self.target, 4, lines);
        self
    }

    /// A whole further target, as an entry of the list.
    pub fn further_target(mut self, entry: &str) -> Setup {
        indent(&mut self.more_targets, 2, entry);
        self
    }

    /// A further key with these lines in its entry.
    pub fn key(mut self, key: Key, lines: &'static str) -> Setup {
        self.keys.push((key, lines));
        self
    }

    /// A section beside the targets.
    pub fn section(mut self, text: &str) -> Setup {
        indent(&mut self.sections, 0, text);
        self
    }

    /// A variable of the gateway's environment; an empty value takes it out.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.env.push((name.into(), value.into()));
        }
        self
    }

    /// The configuration as YAML.
    pub fn yaml(&self) -> String {
        let mut out =
            String::from("targets:\n  - virtual_key: openai\n    api_key: ${VENDOR_KEY}\n");
        writeln!(out, "    base_url: {:?}\n    models:", self.base_url)
            .expect("a string takes text");
        for (asked, own) in &self.models {
            writeln!(out, "      {}: {}", quoted(asked), quoted(own)).expect("a string takes text");
        }
        out.push_str(&self.target);
        out.push_str(&self.more_targets);
        if !self.keys.is_empty() {
            out.push_str("keys:\n");
        }
        for (key, lines) in &self.keys {
            writeln!(out, "  - name: {}\n    sha256: {}", key.name, key.sha256)
                .expect("a string takes text");
            indent(&mut out, 4, lines);
        }
        out.push_str(&self.sections);
        out
    }
}

/// A text as JSON writes it, which YAML reads.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

fn indent(into: &mut String, by: usize, text: &str) {
    for line in text.lines() {
        writeln!(into, "{:by$}{line}", "").expect("a string takes text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_stands_at_its_depth() {
        let yaml = Setup::at("http://127.0.0.1:1/v1")
            .model("slow", "mock:stall")
            .target("timeouts:\n  idle: 1s")
            .further_target("- virtual_key: groq")
            .section("stream:\n  heartbeat: 1s")
            .yaml();
        assert!(yaml.contains("\n      \"slow\": \"mock:stall\"\n    timeouts:\n      idle: 1s\n  - virtual_key: groq\n"), "{yaml}");
        assert!(yaml.ends_with("\nstream:\n  heartbeat: 1s\n"), "{yaml}");
        assert!(yaml.contains("\n    scopes: [read_only]\n"), "{yaml}");
    }
}
