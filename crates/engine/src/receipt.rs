//! The receipt of a request: opened when its head has been read, settled exactly once.
//!
//! Settled means: metrics and the access line. A receipt that is dropped before it was closed
//! belongs to a client that went away, and is settled as such.

mod line;
mod notes;
mod settlement;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use telemetry::metrics::InFlight;
use telemetry::{AccessLog, Metrics, SurfaceMetrics};
use tokio::time::Instant;
use wire::fault::{Kind, Whose};

use crate::trace::CallId;
pub use notes::{Attempt, Fetched, Notes};
pub use settlement::Outcome;

/// Where receipts go.
pub struct Books {
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The access log, if it is on.
    pub access: Option<AccessLog>,
}

/// The head of a request, for its receipt.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its id.
    pub id: CallId,
    /// Its method.
    pub method: http::Method,
    /// Its path, canonical, without the query.
    pub path: Box<str>,
    /// The client's address.
    pub remote: IpAddr,
    /// The surface it is for, if it is for one.
    pub surface: Option<&'static str>,
    /// The core that serves it.
    pub core: usize,
}

/// An open receipt.
pub struct Receipt(Option<Box<Open>>);

struct Open {
    books: Arc<Books>,
    head: Head,
    started: Instant,
    surface: Option<(Arc<SurfaceMetrics>, InFlight)>,
    notes: Notes,
}

impl Receipt {
    /// Opens the receipt of a request.
    pub fn open(books: Arc<Books>, head: Head) -> Receipt {
        let surface = head.surface.map(|name| {
            let surface = books.metrics.surface(name);
            let in_flight = surface.enter();
            (surface, in_flight)
        });
        Receipt(Some(Box::new(Open {
            books,
            head,
            started: Instant::now(),
            surface,
            notes: Notes::default(),
        })))
    }

    /// A receipt that nobody reads; for requests that leave none, such as probes.
    pub fn none() -> Receipt {
        Receipt(None)
    }

    /// Adds to what is known.
    pub fn note(&mut self, write: impl FnOnce(&mut Notes)) {
        if let Some(open) = &mut self.0 {
            write(&mut open.notes);
        }
    }

    /// What is known so far.
    pub fn notes(&self) -> Option<&Notes> {
        self.0.as_ref().map(|open| &open.notes)
    }

    /// The head of the answer is ready: from here on time is the answer's own. Gives the gateway's
    /// and the vendors' parts of the time so far.
    pub fn head_ready(&mut self) -> (Duration, Duration) {
        let Some(open) = &mut self.0 else {
            return Default::default();
        };
        let total = open.started.elapsed();
        let own = open.own_time(total);
        open.notes.overhead = Some(own);
        (own, open.notes.upstream_wait)
    }

    /// When it was opened.
    pub fn started(&self) -> Option<Instant> {
        self.0.as_ref().map(|open| open.started)
    }

    /// Settles a request whose answer has been handed over whole.
    pub fn close(mut self) {
        if let Some(open) = self.0.take() {
            let outcome = match open.notes.fault.map(|kind| kind.row().whose) {
                None => Outcome::Answered,
                Some(Whose::Policy) => Outcome::Denied,
                Some(_) => Outcome::Failed,
            };
            open.settle(outcome);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(mut open) = self.0.take() else {
            return;
        };
        if std::thread::panicking() {
            open.notes.fault = Some(Kind::Internal);
            open.notes.status = Kind::Internal.row().status;
            open.settle(Outcome::Failed);
        } else {
            open.notes.fault.get_or_insert(Kind::ClientGone);
            open.settle(Outcome::Aborted);
        }
    }
}

impl Open {
    /// What of the time was neither the client's nor a vendor's.
    fn own_time(&self, total: Duration) -> Duration {
        let notes = &self.notes;
        let waiting = notes
            .waiting
            .map_or(Duration::ZERO, |since| since.elapsed());
        notes.overhead.unwrap_or_else(|| {
            total.saturating_sub(notes.upstream_wait + notes.client_wait + waiting)
        })
    }
}
