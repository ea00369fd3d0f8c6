//! Counts of connections, kept apart for each worker so that counting a call
//! touches no memory that another core writes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// More workers than this share counters.
const SHARDS: usize = 64;

/// Counters shared between the listener and whoever shows them.
#[derive(Debug)]
pub struct Connections {
    open: AtomicUsize,
    shards: [Shard; SHARDS],
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }
}

/// One worker's counters, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard {
    accepted: AtomicU64,
    closed: AtomicU64,
    activated: AtomicU64,
    idled: AtomicU64,
    refused: AtomicU64,
    accept_failures: AtomicU64,
    handshake_failures: AtomicU64,
    slow_heads: AtomicU64,
    idle_closes: AtomicU64,
    stalled_writes: AtomicU64,
}

/// Sums over all workers. Taken while they count on, so two of them may
/// disagree by the calls of that instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections taken on.
    pub accepted: u64,
    /// Of these, connections that are gone.
    pub closed: u64,
    /// Times a connection went from idle to serving a call.
    pub activated: u64,
    /// Times a connection went from serving back to idle.
    pub idled: u64,
    /// Connections closed at once because the cap was reached.
    pub refused: u64,
    /// Times the system refused to accept, for want of descriptors or memory.
    pub accept_failures: u64,
    /// Connections that ended before their first request: TLS failed, or the
    /// first byte or the handshake took too long.
    pub handshake_failures: u64,
    /// Connections cut because a request's head came too slowly.
    pub slow_heads: u64,
    /// Connections closed because nothing was asked of them for too long.
    pub idle_closes: u64,
    /// Connections cut because the client stopped reading.
    pub stalled_writes: u64,
}

impl Totals {
    /// Connections open.
    pub fn open(&self) -> u64 {
        self.accepted.saturating_sub(self.closed)
    }

    /// Connections serving a call.
    pub fn active(&self) -> u64 {
        self.activated.saturating_sub(self.idled)
    }
}

/// Something to count once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Accepted,
    Closed,
    Activated,
    Idled,
    Refused,
    AcceptFailed,
    HandshakeFailed,
    SlowHead,
    IdleClose,
    StalledWrite,
}

impl Connections {
    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Everything counted so far.
    pub fn totals(&self) -> Totals {
        let sum = |event| {
            self.shards
                .iter()
                .map(|shard| shard.counter(event).load(Relaxed))
                .sum()
        };
        Totals {
            accepted: sum(Event::Accepted),
            closed: sum(Event::Closed),
            activated: sum(Event::Activated),
            idled: sum(Event::Idled),
            refused: sum(Event::Refused),
            accept_failures: sum(Event::AcceptFailed),
            handshake_failures: sum(Event::HandshakeFailed),
            slow_heads: sum(Event::SlowHead),
            idle_closes: sum(Event::IdleClose),
            stalled_writes: sum(Event::StalledWrite),
        }
    }

    /// One worker's connections that serve a call.
    pub(super) fn active(&self, worker: usize) -> usize {
        let shard = &self.shards[worker % SHARDS];
        let activated = shard.activated.load(Relaxed);
        usize::try_from(activated.saturating_sub(shard.idled.load(Relaxed))).unwrap_or(usize::MAX)
    }

    pub(super) fn count(&self, worker: usize, event: Event) {
        self.shards[worker % SHARDS]
            .counter(event)
            .fetch_add(1, Relaxed);
    }

    /// Takes a place for one connection, unless `cap` are taken.
    pub(super) fn enter(&self, worker: usize, cap: usize) -> bool {
        let entered = self
            .open
            .fetch_update(Relaxed, Relaxed, |open| (open < cap).then_some(open + 1))
            .is_ok();
        self.count(
            worker,
            if entered {
                Event::Accepted
            } else {
                Event::Refused
            },
        );
        entered
    }

    /// Gives a place taken with [`Connections::enter`] back.
    pub(super) fn leave(&self, worker: usize) {
        self.open.fetch_sub(1, Relaxed);
        self.count(worker, Event::Closed);
    }
}

impl Shard {
    fn counter(&self, event: Event) -> &AtomicU64 {
        match event {
            Event::Accepted => &self.accepted,
            Event::Closed => &self.closed,
            Event::Activated => &self.activated,
            Event::Idled => &self.idled,
            Event::Refused => &self.refused,
            Event::AcceptFailed => &self.accept_failures,
            Event::HandshakeFailed => &self.handshake_failures,
            Event::SlowHead => &self.slow_heads,
            Event::IdleClose => &self.idle_closes,
            Event::StalledWrite => &self.stalled_writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_at_the_cap_and_come_back() {
        let connections = Connections::default();
        assert!(connections.enter(0, 2));
        assert!(connections.enter(65, 2));
        assert!(!connections.enter(1, 2));
        connections.leave(65);
        assert!(connections.enter(3, 2));
        assert_eq!(connections.open(), 2);
        let totals = connections.totals();
        assert_eq!((totals.accepted, totals.refused, totals.open()), (3, 1, 2));
    }
}
