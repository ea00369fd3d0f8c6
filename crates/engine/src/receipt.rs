//! The receipt of a request: opened when its head has been read, settled exactly once.
//!
//! Settled means: metrics and the access line. A receipt that is dropped before it was closed
//! belongs to a client that went away, and is settled as such.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::Price;
use http::HeaderMap;
use telemetry::metrics::InFlight;
use telemetry::{AccessLog, CallMetrics, Metrics, SurfaceMetrics};
use tokio::time::Instant;
use tracing::Level;
use wire::fault::{Fault, Kind, Whose};
use wire::usage::Usage;

use crate::cost::{self, Cost, Spent};
use crate::tokens::Prompt;
use crate::trace::CallId;

/// Where receipts go.
pub struct Books {
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The access log, if it is on.
    pub access: Option<AccessLog>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client has its whole answer.
    Answered,
    /// Refused by the operator's rules.
    Denied,
    /// The request, the gateway or the vendor was at fault.
    Failed,
    /// The client went away.
    Aborted,
}

impl Outcome {
    /// The word in the access line.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
            Outcome::Aborted => "aborted",
        }
    }
}

/// One try at one target.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The target's name.
    pub target: Arc<str>,
    /// The vendor.
    pub provider: Arc<str>,
    /// What went wrong, if anything did.
    pub fault: Option<Kind>,
    /// The same in words, for the operator.
    pub cause: Option<Box<str>>,
    /// The vendor's status, when it gave one that says so.
    pub status: Option<u16>,
    /// How long it waited for its turn before.
    pub wait: Duration,
    /// How long it took to an answer or a failure.
    pub took: Duration,
    /// Another one was faster.
    pub lost: bool,
    /// What it used, where that is not what the answer to the call has used.
    pub spent: Option<Spent>,
}

impl Attempt {
    /// How it ended, in one word.
    fn outcome(&self) -> &'static str {
        match (self.lost, self.fault) {
            (true, _) => "lost",
            (false, None) => "ok",
            (false, Some(kind)) => kind.row().label,
        }
    }
}

/// What is known of a request; filled in as it goes along.
#[derive(Debug, Default)]
pub struct Notes {
    /// The credential's name.
    pub key: Option<Arc<str>>,
    /// The model that the client asked for.
    pub asked: Option<Box<str>>,
    /// The vendor of the last attempt.
    pub provider: Option<Arc<str>>,
    /// The target of the last attempt.
    pub target: Option<Arc<str>>,
    /// The target's own name of the model.
    pub model: Option<Arc<str>>,
    /// Whether that is a model that the target is known to have.
    pub owned: bool,
    /// The model that the vendor says it used.
    pub answered: Option<Box<str>>,
    /// The route that decided, where one matched.
    pub route: Option<Arc<str>>,
    /// The side of an experiment that the caller is on.
    pub variant: Option<Arc<str>>,
    /// Whether another side, or none, served the call.
    pub variant_failover: bool,
    /// Every attempt.
    pub attempts: Vec<Attempt>,
    /// Fields of the request that did not reach the vendor as they were.
    pub dropped: Vec<String>,
    /// Fields that the vendor is known not to honour.
    pub ignored: Vec<String>,
    /// The prompt of the last attempt, if it is to be counted where its vendor does not.
    pub(crate) prompt: Option<Prompt>,
    /// What was used by the last attempt.
    pub usage: Option<Usage>,
    /// The price list of the last attempt's model, if one is known.
    pub price: Option<Arc<Price>>,
    /// What the call cost, once that will not change any more.
    pub cost: Option<Cost>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Time spent waiting for vendors.
    pub upstream_wait: Duration,
    /// Time spent waiting for the client's body.
    pub client_wait: Duration,
    /// Since when a vendor is being waited for, while one is.
    pub waiting: Option<Instant>,
    /// The gateway's own part of the time until the head of the answer was ready.
    pub overhead: Option<Duration>,
    /// Headers that an error answer carries: the vendor's limits, and who it was.
    pub headers: HeaderMap,
    /// Time to the first content.
    pub first_token: Option<Duration>,
    /// Mean time between content events.
    pub inter_token: Option<Duration>,
    /// Status of the answer.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Why it failed.
    pub fault: Option<Kind>,
    /// The operator's explanation of it.
    pub cause: Option<Box<str>>,
}

impl Notes {
    /// What attempts have used that were in vain.
    fn spent(&self) -> impl Iterator<Item = &Spent> {
        let attempts = self.attempts.iter();
        attempts.filter_map(|attempt| attempt.spent.as_ref())
    }

    /// Takes down why the request failed.
    pub fn failed(&mut self, fault: &Fault) {
        self.fault = Some(fault.kind);
        self.cause = Some(fault.to_string().into_boxed_str());
    }

    /// Counts the prompts that no vendor has counted and that can be.
    pub(crate) fn count_prompts(&mut self) {
        let attempts = self.attempts.iter_mut();
        let spent = attempts.filter_map(|attempt| attempt.spent.as_mut());
        let spent = spent.map(|spent| (&mut spent.usage, &mut spent.prompt));
        let last = self.usage.as_mut().map(|usage| (usage, &mut self.prompt));
        for (usage, prompt) in spent.chain(last) {
            if let Some(prompt) = prompt.take().filter(|_| usage.estimated) {
                usage.input = prompt.tokens();
            }
        }
    }

    /// What the last attempt used, if anything.
    fn last_spent(&self) -> Option<Spent> {
        Some(Spent {
            provider: self.provider.clone()?,
            model: self.model.clone()?,
            price: self.price.clone(),
            usage: self.usage?,
            prompt: self.prompt.clone(),
        })
    }

    /// The attempt that the rest speaks of was in vain: what it used is put aside.
    pub(crate) fn put_spent_aside(&mut self, number: usize) {
        let spent = self.last_spent();
        (self.usage, self.prompt) = (None, None);
        if let Some(attempt) = self.attempts.get_mut(number) {
            attempt.spent = spent;
        }
    }

    /// What the call has cost so far, whatever came of it. None when nothing was used, or nothing
    /// whose price is known.
    pub fn cost(&self) -> Option<Cost> {
        self.cost
            .or_else(|| cost::sum(self.spent().chain(&self.last_spent())))
    }
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

    fn settle(mut self, outcome: Outcome) {
        self.notes.count_prompts();
        self.notes.cost = self.notes.cost();
        let took = self.started.elapsed();
        let status = match outcome {
            Outcome::Aborted => Kind::ClientGone.row().status,
            _ => self.notes.status,
        };
        self.count(outcome, status, took);
        self.write_line(outcome, status, took);
    }

    fn count(&self, outcome: Outcome, status: u16, took: Duration) {
        let (Some((surface, _)), notes) = (&self.surface, &self.notes) else {
            return;
        };
        surface.request_bytes.add(notes.bytes_in);
        surface.response_bytes.add(notes.bytes_out);
        surface.response(status);
        if outcome == Outcome::Aborted {
            surface.aborted.inc();
        }
        let metrics = &self.books.metrics;
        for attempt in &notes.attempts {
            metrics.attempt(&attempt.provider, attempt.outcome());
            if let Some(kind) = attempt.fault {
                metrics.provider_error(&attempt.provider, kind.row().label);
            }
        }
        // Names that only a client has thought of are not worth a series.
        let model = notes
            .model
            .as_deref()
            .filter(|_| notes.owned || outcome == Outcome::Answered);
        let call = metrics.call(
            notes.provider.as_deref().unwrap_or("none"),
            model.unwrap_or("unknown"),
        );
        match outcome {
            Outcome::Answered => call.requests_success.inc(),
            Outcome::Denied => call.requests_rejected.inc(),
            Outcome::Failed | Outcome::Aborted => call.requests_error.inc(),
        }
        if let Some(variant) = &notes.variant {
            let ended = match outcome {
                Outcome::Answered if notes.variant_failover => "failover",
                Outcome::Answered => "success",
                Outcome::Denied => "rejected",
                Outcome::Failed | Outcome::Aborted => "error",
            };
            metrics.variant(variant, ended);
        }
        call.duration.observe(took);
        call.overhead.observe(self.own_time(took));
        if let Some(first) = notes.first_token {
            call.first_token.observe(first);
        }
        if let Some(gap) = notes.inter_token {
            call.inter_token.observe(gap);
        }
        if let Some(usage) = &notes.usage {
            count_tokens(&call, usage);
        }
        // Attempts in vain count where they were made; the rest of the sum is the last one's.
        let mut rest = notes.cost.unwrap_or_default().amount;
        for spent in notes.spent() {
            let there = metrics.call(&spent.provider, &spent.model);
            count_tokens(&there, &spent.usage);
            let Some(cost) = spent.cost() else { continue };
            there.cost_pico_usd.add(cost.amount.pico());
            rest = rest.saturating_sub(cost.amount);
        }
        call.cost_pico_usd.add(rest.pico());
    }

    fn write_line(&self, outcome: Outcome, status: u16, took: Duration) {
        let Some(access) = &self.books.access else {
            return;
        };
        let (head, notes) = (&self.head, &self.notes);
        // A stream may fail after its head has said 200.
        let worst = notes
            .fault
            .map_or(status, |kind| kind.row().status.max(status));
        let level = match worst {
            500.. => Level::ERROR,
            400.. => Level::WARN,
            _ => Level::INFO,
        };
        if !access.enabled(level) {
            return;
        }
        access.line(head.core, |line| {
            line.head(SystemTime::now(), level, "request");
            line.str("method", head.method.as_str());
            line.str("path", &head.path);
            line.u64("status", status.into());
            line.u64("bytes", notes.bytes_out);
            line.f64_millis("duration_ms", took);
            line.ip("remote", head.remote);
            line.str(
                "trace_id",
                std::str::from_utf8(&head.id.trace.text()).unwrap_or_default(),
            );
            if let Some(foreign) = &head.id.foreign {
                line.str("request_id", foreign);
            }
            if let Some(key) = &notes.key {
                line.str("key", key);
            }
            line.str("outcome", outcome.label());
            if let Some(surface) = head.surface {
                line.str("surface", surface);
            }
            if let Some(asked) = &notes.asked {
                line.str("asked", asked);
            }
            if let Some(route) = &notes.route {
                line.str("route", route);
            }
            if let Some(target) = &notes.target {
                line.str("provider", notes.provider.as_deref().unwrap_or_default());
                line.str("target", target);
                line.str("model", notes.model.as_deref().unwrap_or_default());
                if let Some(answered) = &notes.answered {
                    line.str("answered", answered);
                }
                if let Some(variant) = &notes.variant {
                    line.str("variant", variant);
                    line.bool("variant_failover", notes.variant_failover);
                }
                line.u64("attempts", notes.attempts.len() as u64);
                if let Some(failed) = failed_attempts(&notes.attempts) {
                    line.str("attempt_errors", &failed);
                }
                let waited: Duration = notes.attempts.iter().map(|attempt| attempt.wait).sum();
                if !waited.is_zero() {
                    line.f64_millis("waited_ms", waited);
                }
                line.bool("stream", notes.stream);
                for (key, fields) in [
                    ("dropped_params", &notes.dropped),
                    ("ignored_params", &notes.ignored),
                ] {
                    if !fields.is_empty() {
                        line.str(key, &fields.join(","));
                    }
                }
                line.f64_millis("overhead_ms", self.own_time(took));
            }
            if let Some(first) = notes.first_token {
                line.f64_millis("ttft_ms", first);
            }
            if let Some(usage) = notes.usage {
                line.u64("tokens_in", usage.input);
                line.u64("tokens_out", usage.output);
                line.u64("tokens_cached", usage.cached);
                line.bool("estimated", usage.estimated);
            }
            if let Some(cost) = notes.cost {
                line.decimal("cost_usd", &cost.amount.to_string());
                line.bool("cost_estimated", cost.estimated);
            }
            if let Some(kind) = notes.fault {
                line.str("code", kind.row().code);
            }
            if let Some(cause) = &notes.cause {
                line.str("error", cause);
            }
        });
    }
}

fn count_tokens(call: &CallMetrics, usage: &Usage) {
    call.tokens_input.add(usage.input);
    call.tokens_output.add(usage.output);
    call.tokens_cached.add(usage.cached);
}

/// Why the call moved on from target to target, where it did.
fn failed_attempts(attempts: &[Attempt]) -> Option<String> {
    if attempts.len() < 2 {
        return None;
    }
    let failed = attempts.iter().filter_map(|attempt| {
        let code = if attempt.lost {
            "lost to another attempt"
        } else {
            attempt.fault?.row().code
        };
        let took = attempt.took.as_millis();
        Some(format!(
            "{}: {code} after {took} ms: {}",
            attempt.target,
            attempt.cause.as_deref().unwrap_or_default()
        ))
    });
    Some(failed.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::IdSource;

    fn open() -> (Arc<Books>, Receipt) {
        let books = Arc::new(Books {
            metrics: Metrics::new("test"),
            access: None,
        });
        let head = Head {
            id: IdSource::default().call_id(&HeaderMap::new()),
            method: http::Method::POST,
            path: "/v1/chat/completions".into(),
            remote: IpAddr::from([127, 0, 0, 1]),
            surface: Some("chat"),
            core: 0,
        };
        (books.clone(), Receipt::open(books, head))
    }

    /// Success, rejection, error, clients gone, calls still in flight.
    fn counted(books: &Books) -> [u64; 5] {
        let call = books.metrics.call("none", "unknown");
        let surface = books.metrics.surface("chat");
        let in_flight = u64::try_from(surface.in_flight.get()).unwrap();
        [
            call.requests_success.get(),
            call.requests_rejected.get(),
            call.requests_error.get(),
            surface.aborted.get(),
            in_flight,
        ]
    }

    #[test]
    fn however_it_ends_a_receipt_is_settled_once() {
        let ended = |end: fn(Receipt)| {
            let (books, receipt) = open();
            assert_eq!(counted(&books), [0, 0, 0, 0, 1]);
            end(receipt);
            counted(&books)
        };
        assert_eq!(ended(Receipt::close), [1, 0, 0, 0, 0]);
        assert_eq!(ended(drop), [0, 0, 1, 1, 0]);
        assert_eq!(
            ended(|receipt| close_failed(receipt, Kind::MissingKey)),
            [0, 1, 0, 0, 0]
        );
        assert_eq!(
            ended(|receipt| close_failed(receipt, Kind::UpstreamError)),
            [0, 0, 1, 0, 0]
        );
    }

    fn close_failed(mut receipt: Receipt, kind: Kind) {
        receipt.note(|notes| notes.failed(&Fault::new(kind)));
        receipt.close();
    }

    #[test]
    fn c7_attempts_in_vain_and_aborted_calls_cost_what_they_used() {
        let attempt = |notes: &mut Notes, provider: &str, tokens: u64| {
            notes.attempts.push(Attempt {
                target: provider.into(),
                provider: provider.into(),
                fault: Some(Kind::UpstreamCut),
                cause: None,
                status: None,
                wait: Duration::ZERO,
                took: Duration::ZERO,
                lost: false,
                spent: None,
            });
            notes.provider = Some(provider.into());
            notes.model = Some("a".into());
            notes.owned = true;
            notes.price = Some(Arc::new("in=1".parse().unwrap()));
            notes.usage = Some(Usage {
                input: tokens,
                ..Usage::default()
            });
        };
        let cost = |books: &Books, provider: &str| {
            let call = books.metrics.call(provider, "a");
            call.cost_pico_usd.get()
        };
        for end in [Receipt::close as fn(Receipt), drop] {
            let (books, mut receipt) = open();
            receipt.note(|notes| {
                attempt(notes, "first", 5);
                notes.put_spent_aside(0);
                attempt(notes, "second", 7);
            });
            let known = receipt.notes().and_then(Notes::cost).unwrap();
            assert_eq!(known.amount.pico(), 12_000_000);
            end(receipt);
            assert_eq!(
                (cost(&books, "first"), cost(&books, "second")),
                (5_000_000, 7_000_000)
            );
        }
        // All in vain: nothing is left for the last.
        let (books, mut receipt) = open();
        receipt.note(|notes| {
            attempt(notes, "first", 5);
            notes.put_spent_aside(0);
        });
        close_failed(receipt, Kind::UpstreamCut);
        assert_eq!(cost(&books, "first"), 5_000_000);
    }

    #[test]
    fn a_panic_is_the_gateways_failure_and_not_a_client_gone() {
        let (books, receipt) = open();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = receipt;
            panic!("a defect");
        }));
        assert!(panicked.is_err());
        assert_eq!(counted(&books), [0, 0, 1, 0, 0]);
        let page = books.metrics.render(false);
        assert!(
            page.contains("gateway_http_responses_total{surface=\"chat\",status=\"500\"} 1"),
            "{page}"
        );
    }
}
