//! One line per call, at the price of a memory copy.
//!
//! No system call, no wake-up and no lock that another core wants: each core
//! has its own buffer, and one thread empties them ten times a second. The
//! caller names the fields; nothing is redacted here.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::line::{Format, Line};
use crate::metrics::Counter;
use crate::outbox::{Outbox, OutboxSpec, Sink};

/// What an access log is to be.
#[derive(Debug)]
pub struct AccessSpec {
    /// How lines are written.
    pub format: Format,
    /// Where they go.
    pub sink: Sink,
    /// The least important level that is written.
    pub level: LevelFilter,
    /// One buffer for each of the cores that serve calls.
    pub shards: usize,
    /// Bytes that one buffer may hold; lines beyond are dropped and counted.
    pub shard_bytes: usize,
    /// How often the buffers are emptied.
    pub every: Duration,
    /// Counts the lines that were dropped.
    pub dropped: Arc<Counter>,
}

impl Default for AccessSpec {
    fn default() -> AccessSpec {
        AccessSpec {
            format: Format::Json,
            sink: Sink::Stdout,
            level: LevelFilter::INFO,
            shards: 1,
            shard_bytes: 1024 * 1024,
            every: Duration::from_millis(100),
            dropped: Arc::default(),
        }
    }
}

/// The access log of a process. Dropping it writes what is there, unawaited.
pub struct AccessLog {
    outbox: Outbox,
    format: Format,
    level: LevelFilter,
}

impl AccessLog {
    /// Starts the thread that writes; fails when the system grants none.
    pub fn start(spec: AccessSpec) -> io::Result<AccessLog> {
        let outbox = Outbox::start(OutboxSpec {
            name: "access-lines",
            sink: spec.sink,
            shards: spec.shards,
            shard_bytes: spec.shard_bytes,
            every: spec.every,
            dropped: spec.dropped,
        })?;
        Ok(AccessLog {
            outbox,
            format: spec.format,
            level: spec.level,
        })
    }

    /// Whether lines of this level are wanted.
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes one line through the buffer of core `shard`; `write` is not
    /// called when there is no room. Begin with [`Line::head`].
    pub fn line(&self, shard: usize, write: impl FnOnce(&mut Line<'_>)) {
        self.outbox.push(shard, |buffer| {
            let mut line = Line::open(buffer, self.format);
            write(&mut line);
            line.close();
        });
    }

    /// Waits until every line is out; false when `patience` ended first.
    pub fn flush(&self, patience: Duration) -> bool {
        self.outbox.flush(patience)
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.outbox.dropped()
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::outbox::tests::{PATIENCE, Page};

    fn spec(page: &Page) -> AccessSpec {
        AccessSpec {
            sink: page.sink(),
            shards: 4,
            ..AccessSpec::default()
        }
    }

    #[test]
    fn lines_of_many_cores_come_out_whole_and_none_is_lost() {
        let page = Page::default();
        let log = AccessLog::start(spec(&page)).unwrap();
        thread::scope(|scope| {
            for core in 0..4_u64 {
                let log = &log;
                scope.spawn(move || {
                    for n in 0..1_000 {
                        log.line(usize::try_from(core).unwrap(), |line| {
                            line.head(UNIX_EPOCH, Level::INFO, "request")
                                .u64("core", core)
                                .u64("n", n);
                        });
                    }
                });
            }
        });
        assert!(log.flush(PATIENCE));
        let mut next = [0_u64; 4];
        for line in page.text().lines() {
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            let core = usize::try_from(read["core"].as_u64().unwrap()).unwrap();
            assert_eq!(read["n"], next[core]);
            next[core] += 1;
        }
        assert_eq!(next, [1_000; 4]);
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn the_level_decides_which_lines_are_wanted() {
        let page = Page::default();
        let level = LevelFilter::WARN;
        let log = AccessLog::start(AccessSpec {
            level,
            ..spec(&page)
        })
        .unwrap();
        assert!(log.enabled(Level::ERROR));
        assert!(log.enabled(Level::WARN));
        assert!(!log.enabled(Level::INFO));
    }

    #[test]
    fn a_panic_inside_a_line_costs_that_line_only() {
        let page = Page::default();
        let log = AccessLog::start(spec(&page)).unwrap();
        let broken = catch_unwind(AssertUnwindSafe(|| {
            log.line(0, |line| {
                line.u64("n", 1);
                panic!("half way");
            });
        }));
        assert!(broken.is_err());
        log.line(0, |line| {
            line.u64("n", 2);
        });
        assert!(log.flush(PATIENCE));
        assert_eq!(page.text(), "{\"n\":2}\n");
    }
}
