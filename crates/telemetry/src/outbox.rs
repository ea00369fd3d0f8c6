//! Lines on their way out: one buffer per core, emptied by one thread.
//!
//! Whoever writes a line touches only its own core's buffer. A sink that is
//! slow or stuck makes lines be dropped and counted; it never makes a caller
//! wait.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::lock;
use crate::metrics::Counter;

/// A buffer this full is not left waiting for the next round.
const WAKE_AT: usize = 32 * 1024;

/// What a buffer keeps of its memory after a burst.
const KEPT_CAPACITY: usize = 2 * WAKE_AT;

/// How long to leave a non-blocking sink alone that takes nothing.
const SINK_PAUSE: Duration = Duration::from_millis(10);

/// Where lines go.
pub enum Sink {
    /// Standard output of the process.
    Stdout,
    /// Anything else; written to by one thread, which may block in it.
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sink::Stdout => "Stdout",
            Sink::Writer(_) => "Writer",
        })
    }
}

impl Sink {
    /// Whether colour is of any use there; a writer's owner is trusted to know.
    pub(crate) fn shows_color(&self) -> bool {
        match self {
            Sink::Stdout => io::stdout().is_terminal(),
            Sink::Writer(_) => true,
        }
    }

    fn deliver(&mut self, lines: &[u8]) -> Result<(), Undelivered> {
        match self {
            // Locked for the whole batch: two outboxes may share it.
            Sink::Stdout => deliver(&mut io::stdout().lock(), lines),
            Sink::Writer(writer) => deliver(writer, lines),
        }
    }
}

/// How many bytes of a batch did not get out.
struct Undelivered(usize);

fn deliver(sink: &mut dyn Write, lines: &[u8]) -> Result<(), Undelivered> {
    let mut rest = lines;
    while !rest.is_empty() {
        match persist(|| sink.write(rest)) {
            Ok(count) if count > 0 => rest = &rest[count.min(rest.len())..],
            _ => return Err(Undelivered(rest.len())),
        }
    }
    persist(|| sink.flush()).map_err(|_| Undelivered(0))
}

/// Tries again for as long as the sink only asks for patience.
fn persist<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => thread::sleep(SINK_PAUSE),
            settled => return settled,
        }
    }
}

pub(crate) struct OutboxSpec {
    pub(crate) name: &'static str,
    pub(crate) sink: Sink,
    pub(crate) shards: usize,
    /// Bytes that one core's buffer may hold.
    pub(crate) shard_bytes: usize,
    /// How often the buffers are emptied without being asked.
    pub(crate) every: Duration,
    pub(crate) dropped: Arc<Counter>,
}

/// The sending side. Dropping it lets the thread write what is there and end.
pub(crate) struct Outbox {
    shared: Arc<Shared>,
    writer: Thread,
}

struct Shared {
    shards: Box<[Shard]>,
    shard_bytes: usize,
    dropped: Arc<Counter>,
    closed: AtomicBool,
    flushes: Mutex<Flushes>,
    flushed: Condvar,
}

/// Aligned so that two cores' locks never share a cache line.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Vec<u8>>);

#[derive(Default)]
struct Flushes {
    asked: u64,
    done: u64,
}

impl Outbox {
    pub(crate) fn start(spec: OutboxSpec) -> io::Result<Outbox> {
        let shared = Arc::new(Shared {
            shards: (0..spec.shards.max(1)).map(|_| Shard::default()).collect(),
            shard_bytes: spec.shard_bytes,
            dropped: spec.dropped,
            closed: AtomicBool::new(false),
            flushes: Mutex::default(),
            flushed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let (sink, every) = (spec.sink, spec.every);
        let writer = thread::Builder::new()
            .name(spec.name.into())
            .spawn(move || of_thread.write_out(sink, every))?;
        Ok(Outbox {
            shared,
            writer: writer.thread().clone(),
        })
    }

    /// Lets `write` append one whole line to a core's buffer, or counts it as dropped.
    pub(crate) fn push(&self, shard: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let shards = &self.shared.shards;
        let mut buffer = lock(&shards[shard % shards.len()].0);
        if buffer.len() >= self.shared.shard_bytes {
            self.shared.dropped.inc();
            return;
        }
        write(&mut buffer);
        let is_full = buffer.len() >= WAKE_AT;
        drop(buffer);
        if is_full {
            self.wake();
        }
    }

    /// Has the buffers emptied now. A system call only when the thread sleeps.
    pub(crate) fn wake(&self) {
        self.writer.unpark();
    }

    /// Waits until everything pushed before is out; false when `patience` ended first.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let mut flushes = lock(&self.shared.flushes);
        flushes.asked += 1;
        let mine = flushes.asked;
        self.wake();
        let waited = self
            .shared
            .flushed
            .wait_timeout_while(flushes, patience, |flushes| flushes.done < mine);
        match waited {
            Ok((flushes, _)) => flushes.done >= mine,
            Err(poisoned) => poisoned.into_inner().0.done >= mine,
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.get()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.wake();
    }
}

impl Shared {
    /// The writer thread's life.
    fn write_out(&self, mut sink: Sink, every: Duration) {
        let mut batch = Vec::new();
        loop {
            // Read before the buffers are: whatever came before is then in them.
            let closed = self.closed.load(Ordering::Acquire);
            let asked = lock(&self.flushes).asked;
            for shard in &self.shards {
                mem::swap(&mut *lock(&shard.0), &mut batch);
                self.send(&mut sink, &mut batch);
            }
            self.answer(asked);
            if closed {
                return;
            }
            // A sink that parks this thread may have used up the call that came meanwhile.
            if lock(&self.flushes).asked == asked && !self.closed.load(Ordering::Acquire) {
                thread::park_timeout(every);
            }
        }
    }

    fn send(&self, sink: &mut Sink, batch: &mut Vec<u8>) {
        if let Err(Undelivered(bytes)) = sink.deliver(batch) {
            let lost = &batch[batch.len() - bytes..];
            let lines = memchr::memchr_iter(b'\n', lost).count();
            self.dropped.add(lines as u64);
        }
        batch.clear();
        batch.shrink_to(KEPT_CAPACITY);
    }

    fn answer(&self, asked: u64) {
        let mut flushes = lock(&self.flushes);
        if flushes.done < asked {
            flushes.done = asked;
            self.flushed.notify_all();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::mpsc;

    use super::*;

    pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

    /// A sink whose lines a test can read.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(crate) fn sink(&self) -> Sink {
            Sink::Writer(Box::new(self.clone()))
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(lock(&self.0).clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn outbox(sink: Sink, shards: usize) -> Outbox {
        Outbox::start(OutboxSpec {
            name: "test-lines",
            sink,
            shards,
            shard_bytes: 100,
            every: Duration::from_hours(1),
            dropped: Arc::default(),
        })
        .unwrap()
    }

    fn push(outbox: &Outbox, shard: usize, line: &str) {
        outbox.push(shard, |buffer| buffer.extend_from_slice(line.as_bytes()));
    }

    #[test]
    fn a_flush_brings_out_the_lines_of_every_shard() {
        let page = Page::default();
        let outbox = outbox(page.sink(), 3);
        for shard in 0..4 {
            push(&outbox, shard, &format!("{shard}\n"));
        }
        assert!(outbox.flush(PATIENCE));
        let mut lines: Vec<_> = page.text().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["0", "1", "2", "3"]);
        assert_eq!(outbox.dropped(), 0);
    }

    /// Tells when a write began and holds it until told to go on.
    struct Stuck {
        began: mpsc::Sender<()>,
        go_on: mpsc::Receiver<()>,
        page: Page,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.began.send(());
            let _ = self.go_on.recv();
            self.page.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_sink_drops_and_counts_lines_and_blocks_nobody() {
        let page = Page::default();
        let (began, writing) = mpsc::channel();
        let (release, go_on) = mpsc::channel();
        let stuck = Stuck {
            began,
            go_on,
            page: page.clone(),
        };
        let outbox = outbox(Sink::Writer(Box::new(stuck)), 1);
        push(&outbox, 0, "first\n");
        outbox.wake();
        writing.recv().unwrap();
        for _ in 0..50 {
            push(&outbox, 0, "123456789\n");
        }
        assert_eq!(outbox.dropped(), 40);
        assert!(!outbox.flush(Duration::ZERO));
        drop(release);
        assert!(outbox.flush(PATIENCE));
        assert_eq!(page.text().lines().count(), 11);
        push(&outbox, 0, "again\n");
        assert!(outbox.flush(PATIENCE));
        assert!(page.text().ends_with("again\n"));
        assert_eq!(outbox.dropped(), 40);
    }

    /// Takes three bytes at a time, after asking for patience in two ways.
    #[derive(Default)]
    struct Reluctant(usize, Page);

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::WouldBlock.into()),
                2 => Err(io::ErrorKind::Interrupted.into()),
                _ => self.1.write(&bytes[..bytes.len().min(3)]),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reluctant_sink_gets_every_byte() {
        let page = Page::default();
        let outbox = outbox(Sink::Writer(Box::new(Reluctant(0, page.clone()))), 1);
        push(&outbox, 0, "one and two\n");
        assert!(outbox.flush(PATIENCE));
        assert_eq!(page.text(), "one and two\n");
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_a_broken_sink_refuses_are_counted() {
        let outbox = outbox(Sink::Writer(Box::new(Broken)), 1);
        push(&outbox, 0, "a\n");
        push(&outbox, 0, "b\n");
        assert!(outbox.flush(PATIENCE));
        assert_eq!(outbox.dropped(), 2);
    }

    #[test]
    fn what_was_pushed_before_the_outbox_closes_still_gets_out() {
        let page = Page::default();
        let (began, writing) = mpsc::channel();
        let (release, go_on) = mpsc::channel();
        let stuck = Stuck {
            began,
            go_on,
            page: page.clone(),
        };
        let outbox = outbox(Sink::Writer(Box::new(stuck)), 1);
        push(&outbox, 0, "a\n");
        drop(outbox);
        writing.recv().unwrap();
        drop(release);
        // The writing end of the channel goes away with the thread.
        assert!(writing.recv().is_err());
        assert_eq!(page.text(), "a\n");
    }

    #[test]
    fn a_full_buffer_wakes_the_writer_by_itself() {
        let (began, writing) = mpsc::channel();
        let (release, go_on) = mpsc::channel();
        drop(release);
        let page = Page::default();
        let outbox = outbox(Sink::Writer(Box::new(Stuck { began, go_on, page })), 1);
        outbox.push(0, |buffer| buffer.resize(WAKE_AT, b'x'));
        assert!(writing.recv_timeout(PATIENCE).is_ok());
    }
}
