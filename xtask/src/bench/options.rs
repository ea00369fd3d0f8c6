//! What the command line asks a run to be.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::flags::Flags;
use crate::shell;

use super::measure::Proxy;
use super::scenario::{self, Scenario};

pub(crate) struct Options {
    pub(crate) quick: bool,
    /// Fail when a limit is missed.
    pub(crate) check: bool,
    pub(crate) pin: bool,
    pub(crate) out: PathBuf,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) scenarios: Option<Vec<String>>,
    /// The gateway's binary and the one with the mock in it.
    pub(crate) gateway: PathBuf,
    pub(crate) mock: PathBuf,
}

impl Options {
    pub(crate) fn read(flags: &mut Flags) -> Result<Self> {
        let target = shell::target_dir()?;
        let release = target.join("release").join("ferrogw");
        let binary = |value: Option<String>| value.map_or_else(|| release.clone(), PathBuf::from);
        let quick = flags.switch("--quick");
        let proxies = flags.list("--proxies")?;
        let scenarios = flags.list("--scenarios")?;
        // Only a run of everything is worth keeping.
        let whole = !quick && proxies.is_none() && scenarios.is_none();
        let report = if whole {
            shell::root().join("docs").join("benchmarks.md")
        } else {
            target.join("bench").join("report.md")
        };
        Ok(Self {
            quick,
            check: flags.switch("--check"),
            pin: !flags.switch("--no-pin"),
            out: flags.value("--out")?.map_or(report, PathBuf::from),
            proxies: known_proxies(proxies)?,
            scenarios,
            gateway: binary(flags.value("--gateway")?),
            mock: binary(flags.value("--mock")?),
        })
    }

    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>> {
        let mut all = scenario::all();
        let Some(wanted) = &self.scenarios else {
            return Ok(all);
        };
        let names: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
        if let Some(name) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
            bail!("no scenario `{name}`, there are {}", names.join(", "));
        }
        all.retain(|scenario| wanted.iter().any(|name| name == scenario.name));
        Ok(all)
    }

    pub(crate) fn runs(&self, proxy: Proxy) -> bool {
        self.proxies.contains(&proxy)
    }
}

fn known_proxies(names: Option<Vec<String>>) -> Result<Vec<Proxy>> {
    let Some(names) = names else {
        return Ok(Proxy::ALL.to_vec());
    };
    let mut chosen = Vec::new();
    for name in names {
        let proxy = Proxy::ALL.into_iter().find(|proxy| proxy.name() == name);
        let known = Proxy::ALL.map(Proxy::name).join(", ");
        chosen.push(proxy.with_context(|| format!("no proxy `{name}`, there are {known}"))?);
    }
    ensure!(
        chosen.iter().any(|proxy| *proxy != Proxy::Direct),
        "--proxies names nothing to measure"
    );
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options> {
        Options::read(&mut Flags::new(line.split_whitespace().map(str::to_owned)))
    }

    #[test]
    fn only_a_run_of_everything_writes_the_published_report() {
        let published = shell::root().join("docs").join("benchmarks.md");
        for (line, whole) in [
            ("", true),
            ("--check", true),
            ("--quick", false),
            ("--proxies nginx", false),
            ("--scenarios chat-1k", false),
        ] {
            assert_eq!(read(line).unwrap().out == published, whole, "{line}");
        }
        assert_eq!(read("--out a.md").unwrap().out, PathBuf::from("a.md"));
    }

    #[test]
    fn names_that_do_not_exist_are_refused() {
        assert!(read("--proxies nginx,caddy").is_err());
        assert!(read("--proxies direct").is_err());
        assert!(read("--scenarios chat-2k").unwrap().scenarios().is_err());
        let chosen = read("--scenarios stream").unwrap().scenarios().unwrap();
        assert_eq!(chosen.len(), 1);
    }
}
