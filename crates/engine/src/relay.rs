//! A vendor's event stream on its way to the client.
//!
//! Complete events are relayed as the bytes they came in, all that is ready at once; what matters
//! for the receipt is read at the side. The head of the answer is held until the first content, so
//! that an early failure is still an ordinary error; after that a failure is told as an event.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use providers::Rewrite;
use telemetry::Redactor;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};
use wire::chat::{StreamFault, Tap};
use wire::fault::{Fault, Kind};
use wire::sse::{self, Framer};
use wire::usage::Usage;

use crate::upstream::{BoxError, chain};
use crate::vendor;

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
    /// Bytes of one event at most.
    pub(crate) max_event: usize,
    /// The usage event was asked for by the gateway, not by the client.
    pub(crate) hide_usage: bool,
    /// Makes OpenAI's form of an event of a vendor that is odd.
    pub(crate) rewrite: Option<Rewrite>,
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
    framer: Framer,
    tap: Tap,
    rules: StreamRules,
    ready: VecDeque<Bytes>,
    timer: Pin<Box<Sleep>>,
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
    pub(crate) fn new(source: B, rules: StreamRules) -> Relay<B> {
        let now = Instant::now();
        let mut relay = Relay {
            source: Some(source),
            framer: Framer::new(rules.max_event),
            tap: Tap::new(),
            rules,
            ready: VecDeque::new(),
            timer: Box::pin(sleep_until(now)),
            last_read: now,
            last_write: now,
            first_content: None,
            last_content: now,
            state: State::Open,
            committed: false,
            fault: None,
        };
        let wake = relay.next_wake();
        relay.timer.as_mut().reset(wake);
        relay
    }

    /// Waits for the first content. An error means that nothing has been promised to the client yet.
    ///
    /// Patience is the heartbeat: a client of a slow vendor gets its head, and then heartbeats.
    pub(crate) async fn hold(&mut self) -> Result<(), Fault> {
        let patience = self
            .rules
            .heartbeat
            .unwrap_or(self.rules.idle)
            .min(self.rules.idle);
        let mut until = Instant::now() + patience;
        if let Some(deadline) = self.rules.deadline {
            until = until.min(deadline);
        }
        while self.state == State::Open && !self.tap.started() && self.held() < HELD_MAX {
            let read = timeout_at(until, poll_fn(|cx| self.poll_source(cx))).await;
            if read.is_err() {
                self.check_bounds(Instant::now());
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

    /// Takes in what the connection has read meanwhile, so that it leaves in one write with the head.
    async fn gather(&mut self) {
        while self.state == State::Open && self.held() < HELD_MAX {
            let mut gave_way = false;
            let more = poll_fn(|cx| {
                if self.poll_source(cx).is_ready() {
                    return Poll::Ready(true);
                }
                if gave_way {
                    return Poll::Ready(false);
                }
                // The connection is another task of this core: let it have its turn, once.
                gave_way = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            if !more.await {
                return;
            }
        }
    }

    /// The next bytes for the client, or the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(run) = self.ready.pop_front() {
                self.last_write = Instant::now();
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
        let gaps = u32::try_from(self.tap.events().saturating_sub(1))
            .ok()
            .filter(|gaps| *gaps > 0)?;
        Some(self.last_content.duration_since(self.first_content?) / gaps)
    }

    /// What was used: the vendor's own count, or an estimate from what was relayed.
    pub(crate) fn usage(&self, prompt_estimate: u64) -> Usage {
        self.tap.usage().unwrap_or_else(|| Usage {
            input: prompt_estimate,
            output: self.tap.events().max(self.tap.content_bytes() / 4),
            estimated: true,
            ..Usage::default()
        })
    }

    /// The model that the vendor says it used.
    pub(crate) fn model(&self) -> Option<&str> {
        self.tap.model()
    }

    fn held(&self) -> usize {
        self.ready.iter().map(Bytes::len).sum::<usize>() + self.framer.pending()
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
            Poll::Ready(Some(Err(error))) => self.broken(&chain(&*error.into())),
            Poll::Ready(None) => self.source_ended(),
        }
        Poll::Ready(())
    }

    fn take(&mut self, chunk: Bytes) {
        self.last_read = Instant::now();
        if self.state != State::Open {
            return;
        }
        match self.framer.push(chunk) {
            Ok(run) if run.is_empty() => {}
            Ok(run) => self.take_run(&run),
            Err(error) => self.fail(Fault::new(Kind::UpstreamInvalid).because(error.to_string())),
        }
    }

    fn take_run(&mut self, run: &Bytes) {
        let before = self.tap.events();
        let seen = self.tap.observe(run);
        if seen.first_content {
            self.first_content = Some(self.last_read);
        }
        if self.tap.events() > before {
            self.last_content = self.last_read;
        }

        let mut end = run.len();
        if let Some(at) = seen.done_at {
            // What a vendor says after its last word reaches nobody, nor does a second last word.
            end = at
                + sse::blocks(&run[at..])
                    .next()
                    .map_or(0, |block| block.raw.len());
            self.state = State::Done;
        }
        if let Some((at, _)) = &seen.fault {
            end = end.min(*at);
        }
        match seen.usage_only {
            Some(hidden) if self.rules.hide_usage && hidden.end <= end => {
                self.queue(run.slice(..hidden.start));
                self.queue(run.slice(hidden.end..end));
            }
            _ => self.queue(run.slice(..end)),
        }
        if let Some((_, fault)) = seen.fault {
            self.fail(of_stream_fault(fault, &self.rules.redactor));
        }
    }

    fn queue(&mut self, run: Bytes) {
        let run = match self.rules.rewrite {
            Some(rewrite) => rewritten(&run, rewrite),
            None => run,
        };
        if !run.is_empty() {
            self.ready.push_back(run);
        }
    }

    fn source_ended(&mut self) {
        if self.state == State::Open
            && let Some(last) = self.framer.finish()
        {
            self.take_run(&last);
        }
        self.broken("the stream ended without a finish reason");
    }

    /// The vendor stopped in the middle; after its finish reason that is no loss to the client.
    fn broken(&mut self, cause: &str) {
        if self.state == State::Open && !self.tap.finished() {
            return self.fail(Fault::new(Kind::UpstreamCut).because(cause));
        }
        if self.state == State::Open {
            self.ready.push_back(Bytes::from_static(sse::DONE));
        }
        self.source = None;
        self.state = State::Ended;
    }

    fn fail(&mut self, fault: Fault) {
        let fault = fault.scrubbed(|text| self.rules.redactor.redact(text));
        if self.committed {
            let mut event = Vec::new();
            sse::encode_data(&mut event, &fault.event());
            self.ready.push_back(event.into());
        }
        self.fault = Some(fault);
        self.source = None;
        self.state = State::Ended;
    }

    /// Ready when the timer did something.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.as_mut().poll(cx).is_pending() {
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
        self.timer.as_mut().reset(wake);
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
        if let Some(mut source) = self.source.take() {
            tokio::spawn(timeout(TAIL_PATIENCE, async move {
                while let Some(Ok(_)) = source.frame().await {}
            }));
        }
    }
}

fn of_stream_fault(fault: StreamFault, redactor: &Redactor) -> Fault {
    match fault {
        StreamFault::Error(error) => vendor::fault_of_error(&error, None, redactor),
        StreamFault::Malformed { .. } => {
            Fault::new(Kind::UpstreamInvalid).because("an event of the stream is not a JSON object")
        }
    }
}

/// The run with its odd events rewritten; all others keep their bytes.
fn rewritten(run: &[u8], rewrite: Rewrite) -> Bytes {
    let mut out = Vec::with_capacity(run.len());
    for block in sse::blocks(run) {
        let data = block.data();
        let text = data
            .as_deref()
            .and_then(|data| std::str::from_utf8(data).ok());
        match text.and_then(rewrite) {
            Some(text) => sse::encode_data(&mut out, text.as_bytes()),
            None => out.extend_from_slice(block.raw),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests;
