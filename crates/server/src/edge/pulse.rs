//! What one connection did last, noted in atomics as it happens, and what
//! time therefore allows it.
//!
//! Noting is cheap and arms no timer; [`super::supervise`] asks for the next
//! deadline after the connection was polled. Nothing here waits.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::connections::{Connections, Event};

/// How long a connection may take to close once it was told to.
pub(super) const CLOSING: Duration = Duration::from_secs(5);

/// How long each phase of a connection may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

/// Which bound a connection met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head was begun and not ended.
    Head,
    /// Nothing was asked.
    Idle,
    /// The client takes no bytes.
    Write,
    /// It was told to close, and did not.
    Closing,
}

/// One connection's notes. Times are nanoseconds since `born`; zero is never.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    calls: AtomicU32,
    head: AtomicU64,
    quiet: AtomicU64,
    blocked: AtomicU64,
    closing: AtomicU64,
    linger: AtomicBool,
    streams: Mutex<Streams>,
    http2: AtomicBool,
    connections: Arc<Connections>,
    worker: usize,
}

/// HTTP/2 answers that gave a frame away and were not asked for the next one:
/// their client grants no window. The socket does not show it.
#[derive(Debug, Default)]
struct Streams {
    last: u64,
    waiting: Vec<(u64, u64)>,
}

impl Pulse {
    pub(super) fn new(connections: Arc<Connections>, worker: usize) -> Self {
        let pulse = Self {
            born: Instant::now(),
            calls: AtomicU32::new(0),
            head: AtomicU64::new(0),
            quiet: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            closing: AtomicU64::new(0),
            linger: AtomicBool::new(true),
            streams: Mutex::default(),
            http2: AtomicBool::new(false),
            connections,
            worker,
        };
        // A new connection owes its first head from the start.
        pulse.head.store(1, Relaxed);
        pulse
    }

    fn now(&self) -> u64 {
        nanos(self.born.elapsed()).max(1)
    }

    /// The connection speaks HTTP/2, where bytes between calls are no head.
    pub(super) fn speaks_http2(&self) {
        self.http2.store(true, Relaxed);
        self.quiet.store(self.now(), Relaxed);
        self.head.store(0, Relaxed);
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        if self.calls.load(Relaxed) == 0
            && self.head.load(Relaxed) == 0
            && !self.http2.load(Relaxed)
        {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// The other side sends no more: nothing is gained by lingering.
    pub(super) fn peer_ended(&self) {
        self.linger.store(false, Relaxed);
    }

    /// Bytes could be written, or everything is flushed.
    pub(super) fn flowing(&self) {
        if self.blocked.load(Relaxed) != 0 {
            self.blocked.store(0, Relaxed);
            self.quiet.store(self.now(), Relaxed);
        }
    }

    /// Bytes are there and the peer takes none.
    pub(super) fn stuck(&self) {
        if self.blocked.load(Relaxed) == 0 {
            self.blocked.store(self.now(), Relaxed);
        }
    }

    /// The connection was told to close.
    pub(super) fn told_to_close(&self) {
        if self.closing.load(Relaxed) == 0 {
            self.closing.store(self.now(), Relaxed);
        }
        if !self.busy() {
            self.linger.store(false, Relaxed);
        }
    }

    /// Whether closing should wait for what the client still sends.
    pub(super) fn lingers(&self) -> bool {
        self.linger.load(Relaxed)
    }

    /// Whether a call is in flight.
    pub(super) fn busy(&self) -> bool {
        self.calls.load(Relaxed) != 0
    }

    /// A request's head is complete.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.head.store(0, Relaxed);
        if self.calls.fetch_add(1, Relaxed) == 0 {
            self.connections.count(self.worker, Event::Activated);
        }
        let stream = self.http2.load(Relaxed).then(|| {
            let mut streams = self.streams();
            streams.last += 1;
            streams.last
        });
        InFlight {
            pulse: Arc::clone(self),
            stream,
        }
    }

    fn end(&self) {
        self.quiet.store(self.now(), Relaxed);
        if self.calls.fetch_sub(1, Relaxed) == 1 {
            self.connections.count(self.worker, Event::Idled);
        }
    }

    pub(super) fn count(&self, event: Event) {
        self.connections.count(self.worker, event);
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn longest_wait(&self) -> Option<u64> {
        if !self.http2.load(Relaxed) {
            return None;
        }
        self.streams().waiting.iter().map(|(_, since)| *since).min()
    }

    /// When this connection will have taken too long, as things stand, and at
    /// what. None: it may take its time.
    pub(super) fn due(&self, bounds: Bounds) -> Option<(Instant, Overdue)> {
        let set = |at: u64| (at != 0).then_some(at);
        let blocked = set(self.blocked.load(Relaxed));
        let write = [blocked, self.longest_wait()]
            .into_iter()
            .flatten()
            .min()
            .map(|since| (self.after(since, bounds.write), Overdue::Write));
        if self.busy() {
            return write;
        }
        let closing = set(self.closing.load(Relaxed))
            .map(|since| (self.after(since, CLOSING), Overdue::Closing));
        let waiting = match (set(self.head.load(Relaxed)), blocked) {
            (Some(since), _) => Some((self.after(since, bounds.head), Overdue::Head)),
            (None, None) => Some((
                self.after(self.quiet.load(Relaxed), bounds.idle),
                Overdue::Idle,
            )),
            (None, Some(_)) => None,
        };
        let waiting = if closing.is_some() { None } else { waiting };
        [write, closing, waiting]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    fn after(&self, since: u64, bound: Duration) -> Instant {
        self.born + Duration::from_nanos(since) + bound
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One call in flight on a connection; dropping it ends the call.
#[derive(Debug)]
pub(super) struct InFlight {
    pulse: Arc<Pulse>,
    stream: Option<u64>,
}

impl InFlight {
    /// The answer is asked for its next frame: the client takes bytes.
    pub(super) fn wanted(&self) {
        if let Some(stream) = self.stream {
            self.pulse.streams().waiting.retain(|(id, _)| *id != stream);
        }
    }

    /// The answer gave a frame away.
    pub(super) fn gave(&self) {
        if let Some(stream) = self.stream {
            let now = self.pulse.now();
            self.pulse.streams().waiting.push((stream, now));
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.wanted();
        self.pulse.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_mins(1),
    };

    fn pulse() -> Arc<Pulse> {
        Arc::new(Pulse::new(Arc::default(), 0))
    }

    fn overdue(pulse: &Pulse) -> Option<Overdue> {
        pulse.due(BOUNDS).map(|(_, overdue)| overdue)
    }

    #[test]
    fn each_phase_has_its_own_bound() {
        let pulse = pulse();
        assert_eq!(overdue(&pulse), Some(Overdue::Head), "a new connection");
        pulse.received();
        let call = pulse.begin();
        assert_eq!(overdue(&pulse), None, "a call takes its time");
        pulse.stuck();
        assert_eq!(overdue(&pulse), Some(Overdue::Write));
        pulse.flowing();
        assert_eq!(overdue(&pulse), None);
        drop(call);
        assert_eq!(overdue(&pulse), Some(Overdue::Idle));
        pulse.received();
        assert_eq!(overdue(&pulse), Some(Overdue::Head));
    }

    #[test]
    fn bytes_of_a_head_do_not_move_its_deadline() {
        let pulse = pulse();
        drop(pulse.begin());
        pulse.received();
        let first = pulse.due(BOUNDS);
        pulse.received();
        assert_eq!(pulse.due(BOUNDS), first);
    }

    #[test]
    fn the_last_bytes_of_an_answer_are_a_write_and_not_idleness() {
        let pulse = pulse();
        drop(pulse.begin());
        pulse.stuck();
        assert_eq!(overdue(&pulse), Some(Overdue::Write));
        pulse.flowing();
        assert_eq!(overdue(&pulse), Some(Overdue::Idle));
    }

    #[test]
    fn an_http2_client_that_grants_no_window_is_stuck() {
        let pulse = pulse();
        pulse.speaks_http2();
        let first = pulse.begin();
        let second = pulse.begin();
        first.wanted();
        first.gave();
        second.wanted();
        second.gave();
        assert_eq!(overdue(&pulse), Some(Overdue::Write));
        first.wanted();
        assert_eq!(overdue(&pulse), Some(Overdue::Write), "the other one waits");
        drop(second);
        assert_eq!(overdue(&pulse), None);
    }

    #[test]
    fn http2_housekeeping_between_calls_is_no_head() {
        let pulse = pulse();
        pulse.speaks_http2();
        pulse.received();
        assert_eq!(overdue(&pulse), Some(Overdue::Idle));
    }

    #[test]
    fn a_call_in_flight_may_outlast_the_order_to_close() {
        let pulse = pulse();
        let call = pulse.begin();
        pulse.told_to_close();
        assert_eq!(overdue(&pulse), None);
        assert!(pulse.lingers());
        drop(call);
        assert_eq!(overdue(&pulse), Some(Overdue::Closing));
    }

    #[test]
    fn an_idle_connection_told_to_close_does_not_linger() {
        let pulse = pulse();
        drop(pulse.begin());
        pulse.told_to_close();
        assert!(!pulse.lingers());
    }
}
