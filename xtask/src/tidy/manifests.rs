//! The dependency rule: which of our crates may look into which, and which
//! crates from outside stay behind whose door.
//!
//! Only normal dependencies count; a test may use what it likes.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Finding;
use super::tree::Tree;
use crate::shell;

/// Who may depend on whom among ours. A crate without a row is a finding.
const OURS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("providers", &["wire"]),
    ("config", &["providers", "catalog"]),
    ("catalog", &[]),
    ("telemetry", &[]),
    (
        "engine",
        &["wire", "providers", "catalog", "config", "telemetry"],
    ),
    ("plugins", &["engine", "wire"]),
    ("mcp", &["engine", "wire"]),
    ("store", &["engine", "wire"]),
    (
        "server",
        &[
            "engine",
            "config",
            "telemetry",
            "wire",
            "plugins",
            "mcp",
            "store",
        ],
    ),
    ("mock", &["wire"]),
    (
        "cli",
        &[
            "wire",
            "providers",
            "config",
            "catalog",
            "telemetry",
            "engine",
            "plugins",
            "mcp",
            "store",
            "server",
            "mock",
        ],
    ),
];

/// Crates from outside and the only ones of ours that may use them. `fuzz`,
/// `xtask` and `tests` are free.
const OUTSIDE: &[(&[&str], &[&str])] = &[
    (
        &["tokio", "tokio-util", "hyper", "hyper-util"],
        &["engine", "plugins", "mcp", "store", "server", "mock", "cli"],
    ),
    (
        &["hyper-rustls", "tokio-rustls", "rustls"],
        &["engine", "mcp", "store", "server", "cli"],
    ),
    (&["axum"], &["server"]),
    (&["rusqlite", "tokio-postgres"], &["store"]),
    (&["anyhow", "clap"], &["cli"]),
    (&["reqwest", "openssl"], &[]),
];

const FREE: [&str; 3] = ["fuzz", "xtask", "tests"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--format-version=1", "--no-deps"]);
    let text = read(&mut metadata)?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    Ok(packages
        .iter()
        .flat_map(|package| of_package(tree, package))
        .collect())
}

fn read(command: &mut Command) -> Result<String> {
    shell::capture(command).context("cannot read the manifests")
}

/// The folder names a package: `ferrogw` lives in `cli`.
fn folder(package: &str) -> &str {
    match package {
        "ferrogw" => "cli",
        other => other.strip_prefix("ferrogw-").unwrap_or(other),
    }
}

fn of_package(tree: &Tree, package: &Value) -> Vec<Finding> {
    let Some(name) = package["name"].as_str().map(folder) else {
        return Vec::new();
    };
    if FREE.contains(&name) {
        return Vec::new();
    }
    let path = format!("crates/{name}/Cargo.toml");
    let Some((_, allowed)) = OURS.iter().find(|(ours, _)| *ours == name) else {
        let message = format!("`{name}` has no row in the dependency rule (xtask tidy)");
        return vec![Finding::new(&path, 1, message)];
    };
    let text = tree.text(&path).unwrap_or_default();
    normal_dependencies(package)
        .filter_map(|dependency| {
            let message = verdict(name, allowed, dependency)?;
            Some(Finding::new(&path, declared_at(text, dependency), message))
        })
        .collect()
}

fn normal_dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
}

/// What is wrong with this dependency, if anything.
fn verdict(name: &str, allowed: &[&str], dependency: &str) -> Option<String> {
    if dependency.starts_with("ferrogw") {
        let room = folder(dependency);
        return (!allowed.contains(&room)).then(|| format!("`{name}` may not look into `{room}`"));
    }
    let (_, holders) = OUTSIDE
        .iter()
        .find(|(outside, _)| outside.contains(&dependency))?;
    (!holders.contains(&name)).then(|| {
        let holders = match holders {
            [] => "nobody".to_owned(),
            some => format!("only {}", some.join(", ")),
        };
        format!("`{name}` must not know `{dependency}`: {holders} may")
    })
}

/// The line of a manifest that names a dependency, by either of its names.
fn declared_at(manifest: &str, dependency: &str) -> usize {
    let names = [dependency, folder(dependency)];
    let declares = |line: &str| {
        names.iter().any(|name| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        })
    };
    1 + manifest.lines().position(declares).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(name: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies: Vec<_> = dependencies
            .iter()
            .map(|name| json!({"name": name, "kind": null}))
            .collect();
        let package = json!({"name": name, "dependencies": dependencies});
        let found = of_package(&Tree::of(&[]), &package);
        found.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_rooms_hold() {
        let cases: &[(&str, &[&str], usize)] = &[
            ("ferrogw-wire", &["bytes", "serde"], 0),
            ("ferrogw-wire", &["tokio"], 1),
            ("ferrogw-wire", &["ferrogw-engine"], 1),
            ("ferrogw-providers", &["ferrogw-wire", "http"], 0),
            ("ferrogw-config", &["ferrogw-providers", "anyhow"], 1),
            ("ferrogw-telemetry", &["tokio", "ferrogw-wire"], 2),
            ("ferrogw-engine", &["tokio", "hyper", "ferrogw-config"], 0),
            ("ferrogw-engine", &["axum", "clap", "rusqlite"], 3),
            ("ferrogw-plugins", &["ferrogw-server", "ferrogw-store"], 2),
            ("ferrogw-server", &["axum", "ferrogw-engine"], 0),
            ("ferrogw-server", &["ferrogw-providers"], 1),
            ("ferrogw-mock", &["tokio", "hyper", "ferrogw-wire"], 0),
            ("ferrogw-mock", &["ferrogw-engine"], 1),
            ("ferrogw", &["clap", "anyhow", "ferrogw-mock"], 0),
            ("ferrogw", &["reqwest"], 1),
            ("ferrogw-attic", &[], 1),
            ("xtask", &["clap", "anyhow", "tokio"], 0),
        ];
        for (name, dependencies, count) in cases {
            let found = findings(name, dependencies);
            assert_eq!(found.len(), *count, "{name} {dependencies:?}: {found:?}");
        }
    }

    #[test]
    fn only_normal_dependencies_count() {
        let package = json!({
            "name": "ferrogw-wire",
            "dependencies": [{"name": "tokio", "kind": "dev"}],
        });
        assert_eq!(of_package(&Tree::of(&[]), &package), []);
    }

    #[test]
    fn a_finding_points_at_the_line() {
        let manifest = "[dependencies]\nbytes.workspace = true\nengine.workspace = true\n";
        assert_eq!(declared_at(manifest, "ferrogw-engine"), 3);
        assert_eq!(declared_at(manifest, "bytes"), 2);
    }
}
