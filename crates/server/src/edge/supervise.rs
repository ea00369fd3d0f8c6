//! Drives one connection and holds it to its bounds with a single timer, set
//! only when a deadline comes closer than the one it stands for.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    connections::Event,
    pulse::{Bounds, Overdue, Pulse},
    worker::{Stop, Stopped},
};

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Both sides were done, or the peer left.
    Closed,
    /// The protocol was broken.
    Failed(hyper::Error),
    /// It met a bound; dropping it cancels its calls.
    Cut(Overdue),
}

pin_project! {
    /// A connection under supervision.
    pub(super) struct Supervised<C> {
        #[pin]
        connection: C,
        close: fn(Pin<&mut C>),
        #[pin]
        timer: Sleep,
        #[pin]
        stopped: Stopped,
        // What the timer stands for, if for anything.
        armed: Option<Instant>,
        registered: bool,
        told: bool,
        stop: Arc<Stop>,
        pulse: Arc<Pulse>,
        bounds: Bounds,
    }
}

impl<C> Supervised<C> {
    /// `close` asks the connection to end after what it is doing.
    pub(super) fn new(
        connection: C,
        close: fn(Pin<&mut C>),
        pulse: Arc<Pulse>,
        bounds: Bounds,
        stop: Arc<Stop>,
    ) -> Self {
        Self {
            connection,
            close,
            timer: sleep_until(Instant::now()),
            stopped: stop.stopped(),
            armed: None,
            registered: false,
            told: false,
            stop,
            pulse,
            bounds,
        }
    }

    fn tell_to_close(self: Pin<&mut Self>) {
        let this = self.project();
        *this.told = true;
        this.pulse.told_to_close();
        (this.close)(this.connection);
    }

    /// Whether the worker is ending. The wake-up is registered once: the flag
    /// is what is read on every later poll.
    fn stopping(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        if !*this.registered {
            *this.registered = true;
            let _ = this.stopped.poll(cx);
        }
        this.stop.is_set()
    }

    /// The bound that is met now. Sees to it that the task wakes at the next.
    fn overdue(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Overdue> {
        let mut this = self.project();
        if this.armed.is_some() && this.timer.as_mut().poll(cx).is_ready() {
            *this.armed = None;
        }
        loop {
            let (at, overdue) = this.pulse.due(*this.bounds)?;
            if this.armed.is_some_and(|armed| armed <= at) {
                return None;
            }
            if at <= Instant::now() {
                return Some(overdue);
            }
            this.timer.as_mut().reset(at);
            if this.timer.as_mut().poll(cx).is_pending() {
                *this.armed = Some(at);
                return None;
            }
        }
    }
}

impl<C: Future<Output = hyper::Result<()>>> Future for Supervised<C> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Before its answer is written, so that the answer says it is the
        // last. A connection without a call is polled first: its next request
        // may have arrived already.
        if self.stop.is_set() && !self.told && self.pulse.busy() {
            self.as_mut().tell_to_close();
        }
        loop {
            if let Poll::Ready(ended) = self.as_mut().project().connection.poll(cx) {
                return Poll::Ready(ended.map_or_else(End::Failed, |()| End::Closed));
            }
            if self.as_mut().stopping(cx) && !self.told {
                self.as_mut().tell_to_close();
                continue;
            }
            match self.as_mut().overdue(cx) {
                None => return Poll::Pending,
                Some(Overdue::Idle) if !self.told => {
                    self.pulse.count(Event::IdleClose);
                    self.as_mut().tell_to_close();
                }
                Some(overdue) => {
                    if let Some(event) = event_of(overdue) {
                        self.pulse.count(event);
                    }
                    return Poll::Ready(End::Cut(overdue));
                }
            }
        }
    }
}

fn event_of(overdue: Overdue) -> Option<Event> {
    match overdue {
        Overdue::Head => Some(Event::SlowHead),
        Overdue::Idle => Some(Event::IdleClose),
        Overdue::Write => Some(Event::StalledWrite),
        Overdue::Closing => None,
    }
}
