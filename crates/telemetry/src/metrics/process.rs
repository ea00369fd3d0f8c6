//! The process as the kernel sees it, read from `/proc` at a scrape.
//!
//! Where there is no `/proc`, the numbers are left out rather than made up.

use std::fs;

/// `USER_HZ`, which Linux fixes at 100 on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the kernel says now.
pub(super) struct Reading {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

/// When the process started, in seconds since 1970.
pub(super) fn started() -> Option<f64> {
    let since_boot = stat_ticks(&text("/proc/self/stat")?, STARTED)? / TICKS_PER_SECOND;
    let boot: f64 = word_after(&text("/proc/stat")?, "btime ")?.parse().ok()?;
    Some(boot + since_boot)
}

pub(super) fn read() -> Reading {
    let status = text("/proc/self/status").unwrap_or_default();
    Reading {
        cpu_seconds: text("/proc/self/stat").and_then(|stat| cpu_seconds(&stat)),
        resident_bytes: kilobytes(&status, "VmRSS:"),
        virtual_bytes: kilobytes(&status, "VmSize:"),
        threads: number_after(&status, "Threads:"),
        open_fds: open_fds(),
        max_fds: text("/proc/self/limits")
            .and_then(|limits| number_after(&limits, "Max open files")),
    }
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

// Fields of `/proc/<pid>/stat`, counted from the one after the command's name.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const STARTED: usize = 19;

fn stat_ticks(stat: &str, field: usize) -> Option<f64> {
    // The name may hold spaces and parentheses: only the last one closes it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(field)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_ticks(stat, USER_TIME)? + stat_ticks(stat, SYSTEM_TIME)?) / TICKS_PER_SECOND)
}

fn word_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
    rest.split_ascii_whitespace().next()
}

fn number_after(text: &str, start: &str) -> Option<u64> {
    word_after(text, start)?.parse().ok()
}

fn kilobytes(status: &str, start: &str) -> Option<u64> {
    number_after(status, start)?.checked_mul(1024)
}

/// Less the one that counting them opens.
fn open_fds() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(entries.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_hostile_command_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 250 50 7 8 20 0 9 0 12345 99 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(stat_ticks(stat, STARTED), Some(12_345.0));
    }

    #[test]
    fn fields_of_status_and_limits_are_read_by_name() {
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t   512 kB\nThreads:\t7\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(512 * 1024));
        assert_eq!(kilobytes(status, "VmSize:"), Some(2048 * 1024));
        assert_eq!(number_after(status, "Threads:"), Some(7));
        assert_eq!(number_after(status, "VmSwap:"), None);
        let limits = "Max open files            1024                 4096                 files\n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024));
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(number_after(unlimited, "Max open files"), None);
    }

    #[test]
    fn malformed_text_gives_nothing() {
        for stat in [
            "",
            "42 (x",
            "42 (x) S 1 2",
            "42 (x) S a b c d e f g h i j k l m",
        ] {
            assert_eq!(cpu_seconds(stat), None, "{stat:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_measured() {
        let reading = read();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let age = now - started().unwrap();
        assert!((-2.0..3_600.0).contains(&age), "{age}");
        assert!(reading.resident_bytes.unwrap() > 100_000);
        assert!(reading.virtual_bytes >= reading.resident_bytes);
        assert!(reading.open_fds.unwrap() >= 3);
        assert!(reading.threads.unwrap() >= 1);
        assert!(reading.cpu_seconds.is_some());
    }
}
