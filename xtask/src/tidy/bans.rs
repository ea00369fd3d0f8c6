//! Crates that must not be linked into the gateway, whoever asks for them.
//! `deny.toml` says the same for machines that have cargo-deny; this check
//! needs nothing but cargo.

use anyhow::{Context as _, Result};

use super::Finding;
use crate::shell;

const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    ("reqwest", "the client is hyper-util's"),
    ("ring", "the cryptography is aws-lc-rs"),
];

pub(super) fn check() -> Result<Vec<Finding>> {
    let mut tree = shell::cargo();
    tree.args(["tree", "--package=ferrogw", "--edges=normal,build"]);
    tree.args(["--prefix=none", "--no-dedupe", "--format={p}"]);
    let listing = shell::capture(&mut tree).context("cannot list what ferrogw links")?;
    Ok(of_listing(&listing))
}

fn of_listing(listing: &str) -> Vec<Finding> {
    let linked = |name: &str| {
        listing
            .lines()
            .any(|line| line.split_whitespace().next() == Some(name))
    };
    BANNED
        .iter()
        .filter(|(name, _)| linked(name))
        .map(|(name, instead)| {
            let message = format!("`{name}` is linked into ferrogw: {instead}");
            Finding::new("Cargo.lock", 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_crate_is_found_by_its_whole_name() {
        let listing = "ferrogw v0.1.0 (/somewhere)\nring v0.17.14\nstring v1.0.0\n";
        let found = of_listing(listing);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("aws-lc-rs"), "{found:?}");
    }
}
