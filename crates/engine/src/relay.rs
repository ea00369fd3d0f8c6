//! A vendor's event stream on its way to the client.
//!
//! Complete events are relayed as the bytes they came in, all that is ready at once; what matters
//! for the receipt is read at the side. The head of the answer is held until the first content, so
//! that an early failure is still an ordinary error; after that a failure is told as an event.

mod reading;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use telemetry::Redactor;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};
use wire::fault::{Fault, Kind};
use wire::sse;
use wire::usage::Usage;

use crate::upstream::{BoxError, chain};
pub(crate) use reading::Reading;
use reading::Taken;

/// What is held back at most while waiting for the first content.
const HELD_MAX: usize = 256 * 1024;
/// How long a vendor may keep its connection busy after its last event before it is cut.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);
/// How long a stream without a client is read on, at most, to learn what it used.
const DRAIN_MAX: Duration = Duration::from_mins(10);

/// How a stream is treated.
#[derive(Clone, Debug)]
pub(crate) struct StreamRules {
    /// Silence after which the client gets a comment, so that nothing between cuts the line.
    pub(crate) heartbeat: Option<Duration>,
    /// Silence of the vendor after which the stream has failed.
    pub(crate) idle: Duration,
    /// The end of the operator's patience, whatever happens.
    pub(crate) deadline: Option<Instant>,
    /// The end of the patience for the first content, and the setting that says so.
    pub(crate) first_content: Option<(Instant, &'static str)>,
    /// The usage event was asked for by the gateway, not by the client.
    pub(crate) hide_usage: bool,
    /// Takes the operator's secrets out of what a vendor says.
    pub(crate) redactor: Arc<Redactor>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// More may come.
    Open,
    /// `[DONE]` was seen; only the end of the body is missing.
    Done,
    /// Nothing more will come.
    Ended,
}

/// One stream, from the vendor's first byte to the client's last.
pub(crate) struct Relay<B> {
    source: Option<B>,
    reading: Reading,
    rules: StreamRules,
    ready: VecDeque<Bytes>,
    /// Made when something has to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
    last_read: Instant,
    last_write: Instant,
    first_content: Option<Instant>,
    last_content: Instant,
    state: State,
    committed: bool,
    fault: Option<Fault>,
}

impl<B> Relay<B>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// A stream of which nothing has been read.
    pub(crate) fn new(source: B, reading: Reading, rules: StreamRules) -> Relay<B> {
        let now = Instant::now();
        Relay {
            source: Some(source),
            reading,
            rules,
            ready: VecDeque::new(),
            timer: None,
            last_read: now,
            last_write: now,
            first_content: None,
            last_content: now,
            state: State::Open,
            committed: false,
            fault: None,
        }
    }

    /// Waits for the first content. An error means that nothing has been promised to the client yet.
    ///
    /// Patience is the heartbeat: a client of a slow vendor gets its head, and then heartbeats. Where
    /// the first content has a bound of its own, that is the patience: past it, another target may do
    /// better, which it could not once the client has its head.
    pub(crate) async fn hold(&mut self) -> Result<(), Fault> {
        let patience = self
            .rules
            .heartbeat
            .unwrap_or(self.rules.idle)
            .min(self.rules.idle);
        let mut until = match self.rules.first_content {
            Some((end, _)) => end.min(self.last_read + self.rules.idle),
            None => Instant::now() + patience,
        };
        if let Some(deadline) = self.rules.deadline {
            until = until.min(deadline);
        }
        while self.state == State::Open && !self.reading.started() && self.held() < HELD_MAX {
            let read = timeout_at(until, poll_fn(|cx| self.poll_source(cx))).await;
            if read.is_err() {
                self.check_bounds(Instant::now());
                self.check_first_content(Instant::now());
                break;
            }
        }
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => {
                self.committed = true;
                self.gather().await;
                Ok(())
            }
        }
    }

    /// Takes in what is there already, so that it leaves in one write with the head.
    async fn gather(&mut self) {
        poll_fn(|cx| {
            while self.state == State::Open
                && self.held() < HELD_MAX
                && self.poll_source(cx).is_ready()
            {}
            Poll::Ready(())
        })
        .await;
    }

    /// The next bytes for the client, or the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(run) = self.ready.pop_front() {
                if self.state == State::Open {
                    self.last_write = Instant::now();
                }
                return Poll::Ready(Some(run));
            }
            if self.state == State::Ended {
                return Poll::Ready(None);
            }
            if self.poll_source(cx).is_ready() {
                continue;
            }
            if self.state == State::Done {
                self.leave_tail();
            } else if self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Reads on without a client, to learn what the vendor counted.
    pub(crate) async fn drain(&mut self) {
        let end = self
            .rules
            .deadline
            .unwrap_or_else(|| Instant::now() + DRAIN_MAX);
        let reading = async {
            while self.state == State::Open {
                let read = timeout(self.rules.idle, poll_fn(|cx| self.poll_source(cx))).await;
                self.ready.clear();
                if read.is_err() {
                    return;
                }
            }
            self.leave_tail();
        };
        // Out of patience or at the end: what was learnt so far is what counts.
        let _ = timeout_at(end, reading).await;
    }

    /// Whether everything that was to be sent has been handed out.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Ended && self.ready.is_empty()
    }

    /// Whether the vendor has said all that it will say.
    pub(crate) fn is_settled(&self) -> bool {
        self.state != State::Open
    }

    /// Why the stream failed, if it did.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// When content first came.
    pub(crate) fn first_content(&self) -> Option<Instant> {
        self.first_content
    }

    /// The mean time between two content events.
    pub(crate) fn inter_token(&self) -> Option<Duration> {
        let gaps = u32::try_from(self.reading.events().saturating_sub(1))
            .ok()
            .filter(|gaps| *gaps > 0)?;
        Some(self.last_content.duration_since(self.first_content?) / gaps)
    }

    /// What was used: the vendor's own count, or an estimate from what was relayed.
    pub(crate) fn usage(&self, prompt_estimate: u64) -> Usage {
        self.reading.usage().unwrap_or_else(|| Usage {
            input: prompt_estimate,
            output: self.reading.events().max(self.reading.content_bytes() / 4),
            estimated: true,
            ..Usage::default()
        })
    }

    /// The model that the vendor says it used.
    pub(crate) fn model(&self) -> Option<&str> {
        self.reading.model()
    }

    fn held(&self) -> usize {
        self.ready.iter().map(Bytes::len).sum::<usize>() + self.reading.pending()
    }

    /// Ready when something was read or the source has ended.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(source) = self.source.as_mut() else {
            self.state = State::Ended;
            return Poll::Ready(());
        };
        match Pin::new(source).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(chunk) = frame.into_data() {
                    self.take(chunk);
                }
            }
            Poll::Ready(Some(Err(error))) => self.source_failed(error.into()),
            Poll::Ready(None) => self.source_ended(None),
        }
        Poll::Ready(())
    }

    fn take(&mut self, chunk: Bytes) {
        self.last_read = Instant::now();
        if self.state != State::Open {
            return;
        }
        let taken = self.reading.take(chunk, &self.rules, &mut self.ready);
        self.note(taken);
    }

    fn note(&mut self, taken: Taken) {
        if taken.content {
            self.first_content.get_or_insert(self.last_read);
            self.last_content = self.last_read;
        }
        if taken.done {
            self.state = State::Done;
        }
        if let Some(fault) = taken.fault {
            self.fail(fault);
        }
    }

    /// The vendor's stream is over, in order or because of something.
    fn source_ended(&mut self, cause: Option<&str>) {
        if self.state == State::Open {
            let taken = self.reading.end(cause, &self.rules, &mut self.ready);
            self.note(taken);
        }
        self.source = None;
        self.state = State::Ended;
    }

    /// Reading it failed; a fault says itself what that means.
    fn source_failed(&mut self, error: BoxError) {
        match error.downcast::<Fault>() {
            Ok(fault) if self.state == State::Open => self.fail(*fault),
            Ok(fault) => self.source_ended(Some(&fault.to_string())),
            Err(error) => self.source_ended(Some(&chain(&*error))),
        }
    }

    fn fail(&mut self, fault: Fault) {
        let fault = fault.scrubbed(|text| self.rules.redactor.redact(text));
        if self.committed {
            self.reading.tell(&fault, &mut self.ready);
        }
        self.fault = Some(fault);
        self.source = None;
        self.state = State::Ended;
    }

    /// Ready when the timer did something.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wake = self.next_wake();
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(wake)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        self.check_bounds(now);
        if self.state == State::Open
            && let Some(every) = self.rules.heartbeat
            && now >= self.last_write + every
        {
            self.ready.push_back(Bytes::from_static(sse::HEARTBEAT));
            self.last_write = now;
        }
        let wake = self.next_wake();
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(wake);
        }
        Poll::Ready(())
    }

    fn check_bounds(&mut self, now: Instant) {
        if now >= self.last_read + self.rules.idle {
            let cause = format!("no byte within {:?}", self.rules.idle);
            self.fail(Fault::new(Kind::UpstreamSilent).because(cause));
        } else if self.rules.deadline.is_some_and(|deadline| now >= deadline) {
            self.fail(
                Fault::new(Kind::UpstreamSilent)
                    .because("no end within the target's time (timeouts.total)"),
            );
        }
    }

    fn check_first_content(&mut self, now: Instant) {
        if let Some((end, setting)) = self.rules.first_content
            && self.state == State::Open
            && now >= end
        {
            let cause = format!("no content in time ({setting})");
            self.fail(Fault::new(Kind::UpstreamSilent).because(cause));
        }
    }

    fn next_wake(&self) -> Instant {
        let idle = self.last_read + self.rules.idle;
        let heartbeat = self
            .rules
            .heartbeat
            .map_or(idle, |every| self.last_write + every);
        self.rules
            .deadline
            .map_or(idle, |deadline| idle.min(deadline))
            .min(heartbeat)
    }

    /// The client has everything; the vendor's end of body is read elsewhere, so that its
    /// connection can serve again.
    fn leave_tail(&mut self) {
        self.state = State::Ended;
        let unread = |source: &B| !source.is_end_stream();
        if let Some(mut source) = self.source.take().filter(unread) {
            tokio::spawn(timeout(TAIL_PATIENCE, async move {
                while let Some(Ok(_)) = source.frame().await {}
            }));
        }
    }
}

#[cfg(test)]
mod tests;
