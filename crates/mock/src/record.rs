//! What was received, and how it ended: the bounded log of requests and the
//! counters. Writing to it must cost a request next to nothing.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, request::Parts};
use serde::Serialize;

use crate::lock::hold;

/// Requests kept.
const MOST_ENTRIES: usize = 1000;
/// Bytes kept of one body.
pub(crate) const MOST_BODY: usize = 16 << 20;
/// Bytes kept of all bodies together.
const MOST_BYTES: usize = 256 << 20;

/// How the answer to a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// It has not ended.
    Pending,
    /// All of it was handed to the connection.
    Answered,
    /// A fault ended it: the mock closed or reset the connection.
    Broken,
    /// The client hung up before it was complete.
    HungUp,
}

impl Outcome {
    const ALL: [Outcome; 4] = [
        Outcome::Pending,
        Outcome::Answered,
        Outcome::Broken,
        Outcome::HungUp,
    ];
}

/// One request, as it was received.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place among all requests to this mock, from 1.
    pub sequence: u64,
    /// The connection it came on, from 1.
    pub connection: u64,
    /// Its method.
    pub method: String,
    /// Its target: path and query.
    pub path: String,
    /// Its headers in the order received; names in lower case, repeated names
    /// next to each other.
    pub headers: Vec<(String, String)>,
    /// Its body, up to 16 MiB of it.
    pub body: Bytes,
    /// The length of its whole body.
    pub body_length: usize,
    /// How its answer ended.
    pub outcome: Outcome,
    /// Bytes of the answer's body that were handed to the connection.
    pub written: u64,
}

impl Recorded {
    /// The first value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The body, when it is JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What the mock counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections accepted.
    pub connections_total: u64,
    /// Requests begun.
    pub requests: u64,
    /// Of these, not yet answered.
    pub in_flight: u64,
    /// Of these, given up by the client before the answer was complete.
    pub hangups: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections_open: AtomicU64,
    connections_total: AtomicU64,
    requests: AtomicU64,
    in_flight: AtomicU64,
    hangups: AtomicU64,
}

impl Counters {
    /// Counts a connection and gives it its number.
    pub(crate) fn connected(&self) -> u64 {
        self.connections_open.fetch_add(1, Relaxed);
        self.connections_total.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn disconnected(&self) {
        self.connections_open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            connections_open: self.connections_open.load(Relaxed),
            connections_total: self.connections_total.load(Relaxed),
            requests: self.requests.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            hangups: self.hangups.load(Relaxed),
        }
    }
}

/// A request in the log; its end is written while others may read it.
#[derive(Debug)]
pub(crate) struct Entry {
    sequence: u64,
    connection: u64,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    body_length: usize,
    outcome: AtomicU8,
    written: AtomicU64,
}

impl Entry {
    pub(crate) fn new(sequence: u64, connection: u64, parts: Parts, body: &Bytes) -> Entry {
        Entry {
            sequence,
            connection,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body.slice(..body.len().min(MOST_BODY)),
            body_length: body.len(),
            outcome: AtomicU8::new(Outcome::Pending as u8),
            written: AtomicU64::new(0),
        }
    }

    fn recorded(&self) -> Recorded {
        let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        };
        Recorded {
            sequence: self.sequence,
            connection: self.connection,
            method: self.method.to_string(),
            path: self
                .uri
                .path_and_query()
                .map_or_else(|| self.uri.to_string(), ToString::to_string),
            headers: self.headers.iter().map(pair).collect(),
            body: self.body.clone(),
            body_length: self.body_length,
            outcome: Outcome::ALL[usize::from(self.outcome.load(Relaxed))],
            written: self.written.load(Relaxed),
        }
    }
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

impl Log {
    pub(crate) fn push(&self, entry: Arc<Entry>) {
        let mut ring = hold(&self.0);
        ring.bytes += entry.body.len();
        ring.entries.push_back(entry);
        while ring.entries.len() > MOST_ENTRIES || ring.bytes > MOST_BYTES {
            let Some(oldest) = ring.entries.pop_front() else {
                break;
            };
            ring.bytes -= oldest.body.len();
        }
    }

    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        let entries: Vec<_> = hold(&self.0).entries.iter().cloned().collect();
        entries.iter().map(|entry| entry.recorded()).collect()
    }

    pub(crate) fn clear(&self) {
        *hold(&self.0) = Ring::default();
    }
}

/// Follows one request to its end; dropped before [`Ticket::end`], it says
/// that the client hung up.
#[derive(Debug)]
pub(crate) struct Ticket {
    counters: Arc<Counters>,
    entry: Option<Arc<Entry>>,
    outcome: Outcome,
    sequence: u64,
}

impl Ticket {
    pub(crate) fn open(counters: &Arc<Counters>) -> Ticket {
        counters.in_flight.fetch_add(1, Relaxed);
        Ticket {
            sequence: counters.requests.fetch_add(1, Relaxed) + 1,
            counters: Arc::clone(counters),
            entry: None,
            outcome: Outcome::Pending,
        }
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn follow(&mut self, entry: Arc<Entry>) {
        self.entry = Some(entry);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        if let Some(entry) = &self.entry {
            entry.written.fetch_add(bytes as u64, Relaxed);
        }
    }

    pub(crate) fn end(&mut self, outcome: Outcome) {
        if self.outcome == Outcome::Pending {
            self.outcome = outcome;
            self.settle();
        }
    }

    fn settle(&self) {
        self.counters.in_flight.fetch_sub(1, Relaxed);
        if self.outcome == Outcome::HungUp {
            self.counters.hangups.fetch_add(1, Relaxed);
        }
        if let Some(entry) = &self.entry {
            entry.outcome.store(self.outcome as u8, Relaxed);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Outcome::HungUp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, body: &Bytes) -> Arc<Entry> {
        let (parts, ()) = http::Request::get("/v1/models?a=b")
            .body(())
            .unwrap()
            .into_parts();
        Arc::new(Entry::new(sequence, 1, parts, body))
    }

    #[test]
    fn the_log_keeps_the_last_thousand() {
        let log = Log::default();
        for sequence in 1..=1100 {
            log.push(entry(sequence, &Bytes::new()));
        }
        let kept = log.recorded();
        assert_eq!(kept.len(), 1000);
        assert_eq!(kept[0].sequence, 101);
    }

    #[test]
    fn the_log_is_bounded_in_bytes() {
        let log = Log::default();
        let body = Bytes::from(vec![b'x'; MOST_BODY + 5]);
        for sequence in 1..=40 {
            log.push(entry(sequence, &body));
        }
        let kept = log.recorded();
        assert_eq!(kept.len(), 16);
        assert_eq!(kept[0].body.len(), MOST_BODY);
        assert_eq!(kept[0].body_length, MOST_BODY + 5);
    }

    #[test]
    fn a_ticket_dropped_early_is_a_hang_up_and_one_that_ended_is_not() {
        let counters = Arc::new(Counters::default());
        let request = entry(1, &Bytes::new());
        let mut ticket = Ticket::open(&counters);
        ticket.follow(Arc::clone(&request));
        assert_eq!(counters.stats().in_flight, 1);
        drop(ticket);
        assert_eq!(request.recorded().outcome, Outcome::HungUp);

        let mut ticket = Ticket::open(&counters);
        ticket.end(Outcome::Answered);
        drop(ticket);

        let stats = counters.stats();
        assert_eq!((stats.requests, stats.in_flight, stats.hangups), (2, 0, 1));
    }
}
