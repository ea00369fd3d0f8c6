//! What may be fetched because a request names it.

use super::Check;
use crate::media::{Fetch, FetchMode};
use crate::path::{Path, Quoted};

impl Check<'_> {
    pub(super) fn fetch(&mut self, fetch: &Fetch) {
        let media = Path::Root.key("media");
        let section = media.key("fetch");
        let hosts = section.key("hosts");
        for (index, host) in fetch.hosts.iter().enumerate() {
            if !is_host(host.strip_prefix("*.").unwrap_or(host)) {
                let quoted = Quoted(host, 60);
                let message = format!(
                    "`{quoted}` is not the name of a host, nor `*.` and the name of a domain"
                );
                self.tell(&hosts.index(index), message);
            }
        }
        match fetch.mode {
            FetchMode::Allowlist if fetch.hosts.is_empty() => {
                self.tell(&hosts, "`mode: allowlist` needs at least one host");
            }
            FetchMode::On if !fetch.hosts.is_empty() => {
                let hint = "write mode: allowlist".to_owned();
                self.warn(
                    &hosts,
                    "these hosts limit nothing under `mode: on`",
                    Some(hint),
                );
            }
            _ => {}
        }
        let ports = section.key("ports");
        for (index, port) in fetch.ports.iter().enumerate() {
            if *port == 0 {
                self.tell(&ports.index(index), "a port is a number from 1 to 65535");
            }
        }
    }
}

fn is_host(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && name.len() <= 253 && name.chars().all(good) && !name.starts_with('.')
}
