//! What a program and its children have used, read from `/proc`.
//!
//! CPU time is the program's own, so other work on the machine does not count
//! towards it. The scheduler's account (`schedstat`) has nanoseconds; where a
//! kernel does not keep it, clock ticks must do.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::machine::TICK;

/// The CPU time of each thread so far.
#[derive(Clone, Default)]
pub(crate) struct CpuReading(HashMap<u32, Duration>);

impl CpuReading {
    /// What was used since an earlier reading. A thread that ended in between
    /// takes its last stretch with it.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = self.0.iter().map(|(thread, now)| {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            now.saturating_sub(before)
        });
        used.sum()
    }
}

/// Memory in KiB, summed over the processes.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident, with what is shared counted in every process.
    pub(crate) resident: u64,
    /// Resident, with what is shared counted once.
    pub(crate) proportional: u64,
}

/// One program with all its children.
#[derive(Clone, Copy)]
pub(crate) struct Meter {
    root: u32,
}

impl Meter {
    pub(crate) fn new(root: u32) -> Self {
        Self { root }
    }

    pub(crate) fn cpu(self) -> CpuReading {
        let threads = self.processes().into_iter().flat_map(threads);
        CpuReading(threads.collect())
    }

    pub(crate) fn memory(self) -> Memory {
        let mut sum = Memory::default();
        for process in self.processes() {
            sum.resident += field(&format!("/proc/{process}/status"), "VmRSS:");
            sum.proportional += field(&format!("/proc/{process}/smaps_rollup"), "Pss:");
        }
        sum
    }

    fn processes(self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = ids("/proc")
            .into_iter()
            .filter_map(|id| Some((id, parent(id)?)))
            .collect();
        let mut family = vec![self.root];
        let mut next = 0;
        while let Some(process) = family.get(next).copied() {
            let children = parents.iter().filter(|(_, parent)| *parent == process);
            family.extend(children.map(|(id, _)| id));
            next += 1;
        }
        family
    }
}

fn ids(folder: impl AsRef<Path>) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    after_name(&stat).nth(1)?.parse().ok()
}

/// The fields of a `stat` line after the name, which may hold anything: state,
/// parent, and so on.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    fields.split_whitespace()
}

fn threads(process: u32) -> Vec<(u32, Duration)> {
    let folder = format!("/proc/{process}/task");
    let threads = ids(&folder).into_iter();
    threads
        .filter_map(|thread| {
            let thread_folder = format!("{folder}/{thread}");
            let used = scheduler_time(&thread_folder).or_else(|| ticks(&thread_folder))?;
            Some((thread, used))
        })
        .collect()
}

fn scheduler_time(thread_folder: &str) -> Option<Duration> {
    let text = fs::read_to_string(format!("{thread_folder}/schedstat")).ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn ticks(thread_folder: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("{thread_folder}/stat")).ok()?;
    let user_and_system = after_name(&stat).skip(11).take(2);
    let ticks: u32 = user_and_system.filter_map(|t| t.parse::<u32>().ok()).sum();
    Some(TICK * ticks)
}

/// A `Name:   123 kB` line of a file; zero when it is not there.
fn field(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_a_name_that_holds_anything() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 55 66 0 0";
        assert_eq!(after_name(stat).nth(1), Some("1"));
        let times: Vec<_> = after_name(stat).skip(11).take(2).collect();
        assert_eq!(times, ["55", "66"]);
    }

    #[test]
    fn this_program_uses_memory_and_time() {
        let meter = Meter::new(std::process::id());
        let before = meter.cpu();
        let mut sum = 0_u64;
        while meter.cpu().since(&before) < Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let memory = meter.memory();
        assert!(memory.resident > 0 && memory.proportional <= memory.resident);
    }

    #[test]
    fn only_threads_that_still_live_count() {
        let ms = Duration::from_millis;
        let before = CpuReading(HashMap::from([(1, ms(10)), (2, ms(50))]));
        let after = CpuReading(HashMap::from([(1, ms(15)), (3, ms(2))]));
        assert_eq!(after.since(&before), ms(7));
    }
}
