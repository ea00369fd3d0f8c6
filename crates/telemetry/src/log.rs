//! Events of `tracing` as lines: `time`, `level`, `msg`, then the event's fields.
//!
//! Lines go through bounded buffers and one writing thread, so that a stuck
//! terminal or pipe stops no worker. Every text passes the [`Redactor`].
//! Spans are not written: what a line needs stands in its event's fields.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::line::{Format, Line};
use crate::metrics::Counter;
use crate::outbox::{Outbox, OutboxSpec, Sink};
use crate::redact::Redactor;

/// Libraries that say more about their own affairs than an operator's `debug` asks for.
const TALKATIVE: [&str; 4] = ["h2", "hyper", "hyper_util", "rustls"];

/// Enough for threads not to wait for each other; a thread keeps to one, so
/// its own lines stay in order.
const SHARDS: usize = 8;

const SHARD_BYTES: usize = 1024 * 1024;

/// Every event wakes the writer, so this is only a safety net.
const EVERY: Duration = Duration::from_mins(1);

/// The level of this name; `info` for a name that is none.
pub fn level(name: &str) -> LevelFilter {
    match name.trim().to_ascii_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "warn" | "warning" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    }
}

/// What the log of a process is to be.
#[derive(Debug)]
pub struct LogSpec {
    /// The least important level that is written; see [`level`].
    pub level: LevelFilter,
    /// How lines are written.
    pub format: Format,
    /// Whether levels may be coloured: in text, and on a terminal.
    pub color: bool,
    /// Where lines go.
    pub sink: Sink,
    /// Takes secrets out of every text.
    pub redactor: Redactor,
    /// Counts the lines that were dropped.
    pub dropped: Arc<Counter>,
}

impl Default for LogSpec {
    fn default() -> LogSpec {
        LogSpec {
            level: LevelFilter::INFO,
            format: Format::Json,
            color: false,
            sink: Sink::Stdout,
            redactor: Redactor::default(),
            dropped: Arc::default(),
        }
    }
}

impl LogSpec {
    /// Makes this the log of the whole process; fails when there is one
    /// already, or when the system grants no thread.
    pub fn install(self) -> io::Result<Log> {
        let (subscriber, log) = self.build()?;
        tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
        Ok(log)
    }

    /// The subscriber by itself, for one thread or one test.
    pub fn build(self) -> io::Result<(impl Subscriber + Send + Sync, Log)> {
        let color = self.color && self.sink.shows_color();
        let outbox = Arc::new(Outbox::start(OutboxSpec {
            name: "log-lines",
            sink: self.sink,
            shards: SHARDS,
            shard_bytes: SHARD_BYTES,
            every: EVERY,
            dropped: self.dropped,
        })?);
        let lines = Lines {
            outbox: Arc::clone(&outbox),
            format: self.format,
            color,
            redactor: self.redactor,
        };
        let subscriber = tracing_subscriber::registry()
            .with(lines)
            .with(targets(self.level));
        Ok((subscriber, Log(outbox)))
    }
}

/// The libraries speak up from `warn`, or when everything is asked for.
fn targets(level: LevelFilter) -> Targets {
    let quiet = match level {
        LevelFilter::TRACE => level,
        _ => level.min(LevelFilter::WARN),
    };
    Targets::new()
        .with_default(level)
        .with_targets(TALKATIVE.map(|library| (library, quiet)))
}

/// The log of a process, to be flushed before it ends.
pub struct Log(Arc<Outbox>);

impl Log {
    /// Waits until every line is out; false when `patience` ended first.
    pub fn flush(&self, patience: Duration) -> bool {
        self.0.flush(patience)
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

struct Lines {
    outbox: Arc<Outbox>,
    format: Format,
    color: bool,
    redactor: Redactor,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Vec::with_capacity(256);
        self.write(event, &mut text);
        // Formatted outside the buffer's lock: a field's own code may log.
        self.outbox
            .push(shard(), |buffer| buffer.extend_from_slice(&text));
        self.outbox.wake();
    }
}

impl Lines {
    fn write(&self, event: &Event<'_>, text: &mut Vec<u8>) {
        let mut message = Message::default();
        event.record(&mut message);
        let level = *event.metadata().level();
        let mut line = Line::open(text, self.format).colored(self.color);
        line.head(SystemTime::now(), level, &self.redactor.redact(&message.0));
        event.record(&mut Fields {
            line: &mut line,
            redactor: &self.redactor,
        });
        line.close();
    }
}

/// The buffer of this thread.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    // A thread that is ending has lost its own.
    MINE.try_with(Cell::get).unwrap_or_default()
}

const MESSAGE: &str = "message";

/// Picks the message out of an event's fields: it comes before all others.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.0 = format!("{value:?}");
        }
    }
}

struct Fields<'a, 'b> {
    line: &'a mut Line<'b>,
    redactor: &'a Redactor,
}

impl Visit for Fields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(key) = key(field) {
            self.line.str(key, &self.redactor.redact(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != MESSAGE {
            self.record_str(field, &format!("{value:?}"));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(key) = key(field) {
            self.line.u64(key, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if let Some(key) = key(field) {
            self.line.i64(key, value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if let Some(key) = key(field) {
            self.line.f64(key, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if let Some(key) = key(field) {
            self.line.bool(key, value);
        }
    }
}

/// The name a field has on its line. No field may pass for one of the head's.
fn key(field: &Field) -> Option<&'static str> {
    match field.name() {
        MESSAGE => None,
        "time" => Some("field.time"),
        "level" => Some("field.level"),
        "msg" => Some("field.msg"),
        name => Some(name.strip_prefix("r#").unwrap_or(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracing::{debug, error, info, warn};

    use super::*;
    use crate::outbox::tests::{PATIENCE, Page};

    const KEY: &str = "sk-0123456789abcdef";

    fn logged(spec: LogSpec, write: impl FnOnce()) -> Vec<String> {
        let page = Page::default();
        let sink = page.sink();
        let (subscriber, log) = LogSpec { sink, ..spec }.build().unwrap();
        tracing::subscriber::with_default(subscriber, write);
        assert!(log.flush(PATIENCE));
        assert_eq!(log.dropped(), 0);
        page.text().lines().map(str::to_owned).collect()
    }

    fn read(line: &str) -> Value {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_event_is_one_json_object_with_its_head_first() {
        let lines = logged(LogSpec::default(), || {
            let cause = io::Error::other("it \"broke\"");
            error!(
                trace_id = "abc",
                attempt = 2_u64,
                delta = -1_i64,
                ratio = 0.5,
                retried = true,
                error = %cause,
                "chat failed on {}",
                "azure"
            );
        });
        let [line] = &lines[..] else {
            panic!("{lines:?}");
        };
        assert!(line.starts_with(r#"{"time":"2"#), "{line}");
        let rest = line.split_once(r#"Z","#).unwrap().1;
        assert_eq!(
            rest,
            concat!(
                r#""level":"ERROR","msg":"chat failed on azure","trace_id":"abc","attempt":2,"#,
                r#""delta":-1,"ratio":0.5,"retried":true,"error":"it \"broke\""}"#
            )
        );
    }

    #[test]
    fn text_lines_are_for_people() {
        let spec = LogSpec {
            format: Format::Text,
            color: true,
            ..LogSpec::default()
        };
        let lines = logged(spec, || warn!(target_key = "a b", "two\nlines"));
        let rest = lines[0].split_once('Z').unwrap().1;
        assert_eq!(
            rest,
            " \u{1b}[33mWARN \u{1b}[0m two\\nlines target_key=\"a b\""
        );
    }

    #[test]
    fn secrets_leave_neither_in_the_message_nor_in_a_field() {
        let redactor = Redactor::new([("A_KEY", KEY)]);
        let spec = LogSpec {
            redactor,
            ..LogSpec::default()
        };
        let lines = logged(spec, || {
            info!(text = KEY, debug = ?Some(KEY), url = "http://h/?key=1", "using {KEY}");
        });
        let mut read = read(&lines[0]);
        read["time"].take();
        assert_eq!(
            read,
            json!({
                "time": null,
                "level": "INFO",
                "msg": "using [REDACTED:A_KEY]",
                "text": "[REDACTED:A_KEY]",
                "debug": "Some(\"[REDACTED:A_KEY]\")",
                "url": "http://h/?key=[REDACTED]",
            })
        );
    }

    #[test]
    fn a_field_named_like_the_head_does_not_replace_it() {
        let lines = logged(LogSpec::default(), || {
            info!(time = 1_u64, level = "x", msg = "y", r#type = "t", "real");
        });
        let read = read(&lines[0]);
        assert_eq!(read["msg"], "real");
        assert_eq!(read["level"], "INFO");
        assert_eq!(read["field.time"], 1);
        assert_eq!(read["field.level"], "x");
        assert_eq!(read["field.msg"], "y");
        assert_eq!(read["type"], "t");
    }

    #[test]
    fn only_lines_of_the_level_and_above_are_written() {
        let spec = |name| LogSpec {
            level: level(name),
            ..LogSpec::default()
        };
        let write = || {
            debug!("d");
            info!("i");
            debug!(target: "h2::codec", "frame");
            warn!(target: "h2::codec", "w");
            error!("e");
        };
        for (name, expected) in [
            ("debug", &["d", "i", "w", "e"][..]),
            ("info", &["i", "w", "e"]),
            ("error", &["e"]),
            ("trace", &["d", "i", "frame", "w", "e"]),
        ] {
            let lines = logged(spec(name), write);
            let messages: Vec<_> = lines.iter().map(|line| read(line)["msg"].take()).collect();
            assert_eq!(messages, expected, "{name}");
        }
    }

    #[test]
    fn unknown_levels_mean_info() {
        for (name, expected) in [
            ("DEBUG", LevelFilter::DEBUG),
            (" warn ", LevelFilter::WARN),
            ("Warning", LevelFilter::WARN),
            ("error", LevelFilter::ERROR),
            ("", LevelFilter::INFO),
            ("loud", LevelFilter::INFO),
        ] {
            assert_eq!(level(name), expected, "{name:?}");
        }
    }
}
