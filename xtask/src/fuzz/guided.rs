//! One target, run until it had its time on a processor: a machine that pauses it or does other
//! work takes nothing from it.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

/// Inputs are no longer: what a longer one shows, a shorter one does.
const LONGEST_INPUT: usize = 1 << 14;
/// Megabytes that the process may hold, its corpus included.
const MEMORY: u64 = 1024;
/// Seconds after which an input is a hang, whatever else the machine does meanwhile. What is slow
/// and not endless the targets tell themselves.
const HANG: u64 = 600;
/// Ticks of the processor's accounts in a second, the same on every Linux.
const TICKS: u64 = 100;

pub(super) const HEADER: &str = "\
| target | CPU min | inputs | edges | features | corpus | peak MiB |
|---|---|---|---|---|---|---|";

/// What became of a target.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) target: String,
    pub(super) failed: bool,
    cpu: u64,
    inputs: u64,
    edges: u64,
    features: u64,
    corpus: u64,
    peak: u64,
    /// What the program said when it failed.
    complaint: String,
}

pub(super) fn run(program: &Path, target: &str, seconds: u64, folder: &Path) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(target);
    let finds = folder.join("finds").join(target);
    for place in [&corpus, &finds, &folder.join("logs")] {
        fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    let mut outcome = Outcome {
        target: target.to_owned(),
        ..Outcome::default()
    };
    for part in 0.. {
        let log = folder.join("logs").join(format!("{target}-{part}.log"));
        let mut fuzzer = Command::new(program);
        fuzzer
            .env("FUZZ_TARGET", target)
            .arg(format!("-max_total_time={}", seconds - outcome.cpu))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-timeout={HANG}"))
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/", finds.display()))
            .arg(format!("-dict={}", folder.join("seeds").join(target).display()) + ".dict")
            .arg(&corpus)
            .arg(folder.join("seeds").join(target))
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        let (before, started) = (cpu_of_children(), Instant::now());
        let status = fuzzer.status().context("cannot run the fuzzer")?;
        outcome.cpu += match (before, cpu_of_children()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => started.elapsed().as_secs(),
        };
        outcome.take(&String::from_utf8_lossy(&fs::read(&log)?), status.success());
        // Reading its corpus again costs a part a few seconds.
        if outcome.failed || outcome.cpu + 5 >= seconds {
            break;
        }
    }
    Ok(outcome)
}

/// Seconds on a processor of the programs that this one ran to their end.
fn cpu_of_children() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything; what follows its last bracket does not.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks / TICKS)
}

impl Outcome {
    /// What a part of the run said of itself.
    fn take(&mut self, log: &str, passed: bool) {
        let last = |name: &str| {
            let line = log.lines().rev().find(|line| line.contains(name))?;
            let value = line.split(name).nth(1)?.trim_start();
            let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u64>().ok()
        };
        self.inputs += last("stat::number_of_executed_units:").unwrap_or(0);
        self.peak = self.peak.max(last("stat::peak_rss_mb:").unwrap_or(0));
        self.edges = last(" cov:").unwrap_or(self.edges);
        self.features = last(" ft:").unwrap_or(self.features);
        self.corpus = last(" corp:").unwrap_or(self.corpus);
        self.failed = !passed;
        if self.failed {
            let told = log.lines().skip_while(|line| !line.contains("panicked"));
            let told: Vec<_> = told.take(6).collect();
            let written = log
                .lines()
                .filter(|line| line.contains("Test unit written"));
            self.complaint = told
                .into_iter()
                .chain(written)
                .collect::<Vec<_>>()
                .join("\n");
        }
    }

    pub(super) fn row(&self) -> String {
        let Outcome {
            target,
            inputs,
            edges,
            features,
            corpus,
            peak,
            ..
        } = self;
        let minutes = format!("{}.{}", self.cpu / 60, self.cpu % 60 / 6);
        format!("| `{target}` | {minutes} | {inputs} | {edges} | {features} | {corpus} | {peak} |")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row())?;
        if self.failed {
            write!(f, "\n{}", self.complaint)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_run_are_summed_and_the_last_words_count() {
        let mut outcome = Outcome {
            target: "sse".to_owned(),
            cpu: 95,
            ..Outcome::default()
        };
        outcome.take(
            "#1 NEW cov: 7 ft: 8 corp: 1/2b\n#9 DONE   cov: 306 ft: 1175 corp: 85/52Kb lim: 3\n\
             stat::number_of_executed_units: 82940\nstat::peak_rss_mb:              33\n",
            true,
        );
        assert!(!outcome.failed);
        outcome.take(
            "#2 INITED cov: 307 ft: 1175 corp: 86/52Kb\nthread 'x' panicked at a.rs:1:1:\nworse\n\
             Test unit written to crash-1\nstat::number_of_executed_units: 10\nstat::peak_rss_mb: 12",
            false,
        );
        assert_eq!(
            outcome.row(),
            "| `sse` | 1.5 | 82950 | 307 | 1175 | 86 | 33 |"
        );
        let told = outcome.to_string();
        assert!(told.contains("worse") && told.contains("crash-1"), "{told}");
    }

    #[test]
    fn time_on_a_processor_is_read_where_there_is_an_account_of_it() {
        assert_eq!(
            cpu_of_children().is_some(),
            Path::new("/proc/self/stat").exists()
        );
    }
}
