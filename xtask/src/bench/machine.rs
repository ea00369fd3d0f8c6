//! The machine a run was made on, what else it did meanwhile, and which CPUs
//! each part of the benchmark keeps to.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// Files a run may hold open: four sockets to each of a thousand streams.
const OPEN_FILES: u64 = 8192;

/// Who runs where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// CPUs of the proxy under test; None when nothing is pinned.
    pub(crate) proxy: Option<String>,
    /// CPUs of the mock and the generator.
    pub(crate) rest: Option<String>,
    /// Threads of each proxy.
    pub(crate) threads: usize,
}

impl Placement {
    /// The proxy alone on the last CPU, all else on the others; with `pin` off
    /// or one CPU only, everything everywhere.
    pub(crate) fn choose(pin: bool) -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .context("the kernel does not say which CPUs may be used")?;
        let cpus = cpus(list.trim());
        Ok(Self::over(&cpus, pin && shell::found("taskset")))
    }

    fn over(cpus: &[usize], pin: bool) -> Self {
        match cpus {
            [rest @ .., last] if pin && !rest.is_empty() => {
                let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
                Self {
                    proxy: Some(last.to_string()),
                    rest: Some(rest.join(",")),
                    threads: 1,
                }
            }
            all => Self {
                proxy: None,
                rest: None,
                threads: all.len().max(1),
            },
        }
    }

    /// Moves this program to its own CPUs and lets it, and so its children,
    /// open enough files.
    pub(crate) fn settle_here(&self) -> Result<()> {
        let pid = std::process::id().to_string();
        if let Some(cpus) = &self.rest {
            shell::capture(Command::new("taskset").args(["-acp", cpus, &pid]))?;
        }
        let limits = fs::read_to_string("/proc/self/limits")?;
        let allowed = open_files(&limits);
        if allowed < OPEN_FILES {
            let limit = format!("--nofile={OPEN_FILES}:");
            let raised = shell::capture(Command::new("prlimit").args(["--pid", &pid, &limit]));
            ensure!(
                raised.is_ok(),
                "only {allowed} files may be open, {OPEN_FILES} are needed: try `ulimit -n {OPEN_FILES}`"
            );
        }
        Ok(())
    }
}

/// Reads `0-2,5`.
fn cpus(list: &str) -> Vec<usize> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse().ok()?..=to.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

fn open_files(limits: &str) -> u64 {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(u64::MAX)
}

// What USER_HZ is on every Linux that Rust's standard library runs on.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The machine's CPU time so far, in ticks over all CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl Clock {
    pub(crate) fn now() -> Self {
        Self::read(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn read(stat: &str) -> Self {
        let line = stat.lines().next().unwrap_or_default();
        let ticks = line.split_whitespace().skip(1).take(8);
        let ticks: Vec<u64> = ticks.filter_map(|tick| tick.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        Self {
            all: ticks.iter().sum(),
            idle: at(3) + at(4),
            stolen: at(7),
        }
    }

    /// Percent of the machine that was stolen by its host since then.
    pub(crate) fn stolen_since(self, then: Self) -> f64 {
        percent(self.stolen - then.stolen, self.all - then.all)
    }

    /// Percent of the machine that was in use since then, but for our own part.
    pub(crate) fn others_since(self, then: Self, own: Duration) -> f64 {
        let all = self.all - then.all;
        let free = (self.idle - then.idle) + (self.stolen - then.stolen);
        let own = u64::try_from(own.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
        percent(all.saturating_sub(free).saturating_sub(own), all)
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "ticks of one run are far below 2^52"
)]
fn percent(part: u64, all: u64) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

/// Name and value of what a reader needs to judge the numbers.
pub(crate) fn facts() -> Vec<(&'static str, String)> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned());
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor"));
    let cores = processors.count();
    let hypervisor = cpuinfo.contains(" hypervisor");
    let kind = if hypervisor { "virtual" } else { "physical" };
    let kernel = said("uname", &["-r"]);
    vec![
        ("CPU", format!("{cores} × {model} ({kind} machine)")),
        ("kernel", kernel),
        ("commit", commit()),
        ("rustc", said("rustc", &["--version"])),
        ("nginx", said("nginx", &["-v"])),
    ]
}

/// What a program says, or that it is unknown.
pub(crate) fn said(program: &str, words: &[&str]) -> String {
    let mut command = Command::new(program);
    shell::capture(command.args(words).current_dir(shell::root()))
        .unwrap_or_else(|_| "unknown".to_owned())
}

fn commit() -> String {
    let hash = said("git", &["rev-parse", "--short=12", "HEAD"]);
    // The report itself may differ: it is what a run writes.
    let changes = ["status", "--porcelain", "--", ".", ":!docs/benchmarks.md"];
    match said("git", &changes).as_str() {
        "" | "unknown" => hash,
        _ => format!("{hash} with changes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_gets_the_last_cpu_to_itself() {
        let place = Placement::over(&cpus("0-1,4"), true);
        assert_eq!(place.proxy.as_deref(), Some("4"));
        assert_eq!(place.rest.as_deref(), Some("0,1"));
        assert_eq!(place.threads, 1);
    }

    #[test]
    fn nothing_is_pinned_on_one_cpu_or_when_told_not_to() {
        for (list, pin, threads) in [("3", true, 1), ("0-3", false, 4)] {
            let place = Placement::over(&cpus(list), pin);
            assert_eq!((place.proxy, place.rest), (None, None));
            assert_eq!(place.threads, threads);
        }
    }

    #[test]
    fn time_is_read_from_the_first_line() {
        let then = Clock::read("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1 1 1 1");
        let now = Clock::read("cpu  40 0 20 120 0 0 0 20 5 0\ncpu0 1 1 1 1");
        assert!((now.stolen_since(then) - 20.0).abs() < 1e-9);
        let own = Duration::from_millis(300);
        assert!((now.others_since(then, own) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_limit_on_open_files_is_the_soft_one() {
        let limits = "Limit  Soft\nMax open files            1024                 4096  files\n";
        assert_eq!(open_files(limits), 1024);
    }
}
