//! A first config for somebody who has none.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::load::Format;

/// One target of a first config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterTarget<'a> {
    /// The provider's id, which becomes the target's name.
    pub provider: &'a str,
    /// The environment variable that holds its credential, for providers that need one.
    pub key_env: Option<&'a str>,
}

const HEADER: &str = "\
# ferrogw configuration. Every key: `ferrogw config schema`; check it: `ferrogw validate FILE`.
# ${NAME} is replaced by that environment variable; secrets do not belong into this file.
apiVersion: v1

strategy:
  # fallback: the first target, and the next ones when it fails. single: the first and no other.
  mode: fallback

# Where calls may go, in this order. Nothing outside this list is ever called.
targets:
";

/// What can be set for a target; each line is good YAML where it stands.
const TARGET_HINTS: &str = "    \
    # models: [model-id]  # models to serve beside those known for this provider
    # timeouts: {connect: 5s, first_byte: 600s, idle: 120s}
    # headers: {X-Team: search}
    # proxy: none
";

/// What can be set besides; each line is good YAML where it stands.
const HINTS: &str = r#"
# aliases: {fast: model-id}
# request_timeout: 10m
# max_request_bytes: 10485760
# compatibility: {on_unsupported_param: warn}  # or drop, or reject
# discovery: {interval: 1h}
# keys:  # `ferrogw keygen` makes a key and its entry
#   - {name: ci, sha256: "0000000000000000000000000000000000000000000000000000000000000000", scopes: [inference]}
# server:
#   listen: ":8080"
#   rate_limit: {rps: 20, burst: 40}
# log: {format: json, level: info, access: true}
"#;

/// A config that calls the given providers in order, with hints where there is
/// room for them. What is commented out in it is good as it stands.
pub fn starter(targets: &[StarterTarget<'_>], format: Format) -> String {
    match format {
        Format::Yaml => yaml(targets),
        Format::Json => json(targets),
    }
}

fn yaml(targets: &[StarterTarget<'_>]) -> String {
    let mut out = HEADER.to_owned();
    for (index, target) in targets.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  - virtual_key: {}", target.provider);
        if let Some(name) = target.key_env {
            let _ = writeln!(out, "    api_key: ${{{name}}}");
        }
        if index == 0 {
            out += TARGET_HINTS;
        }
    }
    out + HINTS
}

fn json(targets: &[StarterTarget<'_>]) -> String {
    let target = |target: &StarterTarget<'_>| {
        let mut out = Map::from_iter([("virtual_key".to_owned(), target.provider.into())]);
        if let Some(name) = target.key_env {
            out.insert("api_key".to_owned(), format!("${{{name}}}").into());
        }
        Value::Object(out)
    };
    let targets: Vec<Value> = targets.iter().map(target).collect();
    let config = json!({"strategy": {"mode": "fallback"}, "targets": targets});
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Known, Loaded, load};

    const TARGETS: [StarterTarget<'_>; 2] = [
        StarterTarget {
            provider: "acme",
            key_env: Some("ACME_API_KEY"),
        },
        StarterTarget {
            provider: "local",
            key_env: None,
        },
    ];

    fn loaded(text: &str, format: Format) -> Loaded {
        let known = Known {
            providers: &["acme", "local"],
        };
        load(text, format, &known)
            .unwrap_or_else(|p| panic!("{}\n{text}", p.display_with("starter")))
    }

    #[test]
    fn a_first_config_is_good_in_both_forms() {
        for format in [Format::Yaml, Format::Json] {
            let Loaded { config, warnings } = loaded(&starter(&TARGETS, format), format);
            assert_eq!(warnings, []);
            assert_eq!(config.strategy.mode, crate::Mode::Fallback);
            let names: Vec<&str> = config
                .targets
                .iter()
                .map(|t| t.virtual_key.as_str())
                .collect();
            assert_eq!(names, ["acme", "local"]);
            assert_eq!(config.targets[1].api_key, None);
        }
    }

    #[test]
    fn what_is_commented_out_is_good_too() {
        let text = starter(&TARGETS, Format::Yaml);
        let (header, rest) = text.split_once("targets:\n").unwrap();
        let uncommented = rest
            .replace("    # ", "    ")
            .replace("\n# ", "\n")
            .replace("\n#   ", "\n  ");
        let Loaded { config, warnings } =
            loaded(&format!("{header}targets:\n{uncommented}"), Format::Yaml);
        assert_eq!(warnings, []);
        assert_eq!(config.targets[0].models.pairs(), [("model-id", "model-id")]);
        assert_eq!(config.targets[0].proxy, Some(crate::Proxy::Direct));
        assert_eq!(config.keys[0].name, "ci");
        assert!(config.request_timeout.is_some());
        assert!(
            !uncommented
                .lines()
                .any(|line| line.trim_start().starts_with('#'))
        );
    }

    #[test]
    fn every_commented_line_is_good_alone() {
        let text = starter(&TARGETS, Format::Yaml);
        let lines: Vec<&str> = text.lines().collect();
        let is_hint = |line: &str| line.trim_start().starts_with("# ") && line.contains(": ");
        let alone = lines
            .iter()
            .enumerate()
            .skip_while(|(_, line)| **line != "targets:");
        for (at, line) in alone.filter(|(_, line)| is_hint(line) && !line.contains("#   ")) {
            let mut changed = lines.clone();
            let open = line.replacen("# ", "", 1);
            changed[at] = &open;
            loaded(&changed.join("\n"), Format::Yaml);
        }
    }
}
