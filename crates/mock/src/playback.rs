//! Following a plan: the body hyper polls. It sends, waits, falls silent or
//! ends the connection, and never decides anything.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    line::{End, Line},
    plan::{Plan, Step},
    record::{Outcome, Ticket},
};

pub(crate) struct Playback {
    plan: Arc<Plan>,
    next: usize,
    /// Whether the flush at `next` was already asked for.
    flushed: bool,
    began: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// When a stream began to break off, seen from `began`.
    breaking: Option<Duration>,
    ticket: Option<Ticket>,
    exit: Exit,
}

/// A stream's error overtakes what was queued before it, unless it comes late.
const BREAK_DELAY: Duration = Duration::from_millis(5);

/// How this answer can break off.
pub(crate) enum Exit {
    /// By ending the connection, which is its own (http/1.1).
    Line(Arc<Line>),
    /// By an error of its stream, as others share the connection (h2).
    Stream,
}

/// The body broke off, as it was told to.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault ended the answer")
    }
}

impl std::error::Error for BrokenOff {}

type Polled = Poll<Option<Result<Frame<Bytes>, BrokenOff>>>;

impl Playback {
    pub(crate) fn new(plan: Arc<Plan>, ticket: Option<Ticket>, exit: Exit) -> Playback {
        let mut playback = Playback {
            plan,
            next: 0,
            flushed: false,
            began: Instant::now(),
            timer: None,
            breaking: None,
            ticket,
            exit,
        };
        playback.note_the_end();
        playback
    }

    fn send(&mut self, bytes: Bytes) -> Polled {
        self.next += 1;
        if let Some(ticket) = &self.ticket {
            ticket.wrote(bytes.len());
        }
        self.note_the_end();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// Hyper drops a body without polling it again once it said it is done.
    fn note_the_end(&mut self) {
        if self.is_end_stream() {
            self.end(Outcome::Answered);
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = &mut self.ticket {
            ticket.end(outcome);
        }
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        ready!(self.poll_at(cx, after));
        self.step_over();
        Poll::Ready(())
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        let due = self.began + after;
        if due > Instant::now() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(())
    }

    /// Being pending for once makes hyper write out what it has.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.flushed = false;
        self.step_over();
        Poll::Ready(())
    }

    fn step_over(&mut self) {
        self.next += 1;
        self.note_the_end();
    }

    fn break_off(&mut self, cx: &mut Context<'_>, end: End) -> Polled {
        self.end(Outcome::Broken);
        match &self.exit {
            Exit::Stream => {
                let since = *self.breaking.get_or_insert_with(|| self.began.elapsed());
                ready!(self.poll_at(cx, since + BREAK_DELAY));
                Poll::Ready(Some(Err(BrokenOff)))
            }
            Exit::Line(line) => {
                line.end(end);
                // The order is carried out at the next flush, which is sure to
                // come only with the next wake-up.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        loop {
            match this.plan.steps.get(this.next) {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => {
                    let bytes = bytes.clone();
                    return this.send(bytes);
                }
                Some(Step::Until(after)) => {
                    let after = *after;
                    ready!(this.poll_until(cx, after));
                }
                Some(Step::Flush) => ready!(this.poll_flush(cx)),
                Some(Step::Stall) => return Poll::Pending,
                Some(Step::End(end)) => {
                    let end = *end;
                    return this.break_off(cx, end);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.plan.steps.len()
    }
}
