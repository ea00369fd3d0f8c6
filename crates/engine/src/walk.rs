//! The walk along a plan: one attempt after another, until an answer or a fault that no other
//! attempt could mend.
//!
//! Each target is tried as often as its retry rules say and the retry budget bears. Targets whose
//! vendor asked for fewer calls come after all others. What is told in the end is not the last fault
//! but the one that tells most.

mod failures;
mod flight;
mod media;
mod race;

use std::sync::Arc;
use std::time::Duration;

use telemetry::Metrics;
use tokio::time::{Instant, sleep};
use wire::fault::{Again, Fault};

use crate::chat::ChatFacts;
use crate::directory::Candidate;
use crate::gateway::Call;
use crate::guard::{Answer, Vital};
use crate::receipt::Receipt;
use crate::reply::Reply;
use crate::route::Plan;
use crate::trace::IdSource;
use crate::upstream::Upstream;
use failures::Failures;
use media::Media;

/// Targets that one call is brought to at most.
const STOPS_MAX: usize = 128;

/// A call that is walked along its plan.
pub(crate) struct Walk<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) ids: &'a IdSource,
    pub(crate) metrics: &'a Metrics,
    pub(crate) call: &'a Call,
    pub(crate) facts: &'a ChatFacts,
    pub(crate) plan: &'a Plan,
    /// The end of the operator's patience with the call.
    pub(crate) deadline: Option<Instant>,
}

/// One candidate, with what is known of it.
struct Stop<'a> {
    candidate: &'a Candidate,
    vital: &'a Arc<Vital>,
}

/// How far a walk has come.
struct Way<'a> {
    receipt: &'a mut Receipt,
    failures: Failures,
    /// What the call names by URL, as far as it was needed.
    media: Media<'a>,
    /// The candidates that were tried, a bit each.
    visited: u128,
    /// A second try was made beside a first one; there is none besides.
    hedged: bool,
}

impl Way<'_> {
    fn was_at(&self, place: usize) -> bool {
        self.visited & (1 << place) != 0
    }

    fn visit(&mut self, place: usize) {
        self.visited |= 1 << place;
    }
}

impl Walk<'_> {
    /// Tries the plan's candidates until one answers. Every attempt stands on the receipt.
    pub(crate) async fn run(&self, receipt: &mut Receipt) -> Result<Reply, Fault> {
        let mut way = Way {
            receipt,
            failures: Failures::default(),
            media: Media::of(&self.call.snapshot.egress),
            visited: 0,
            hedged: false,
        };
        for cooling_too in [false, true] {
            for place in 0..self.plan.candidates.len().min(STOPS_MAX) {
                if way.was_at(place) || !cooling_too && self.is_better_left_alone(place) {
                    continue;
                }
                way.visit(place);
                let visited = self.visit(place, &mut way).await;
                if let Ok(reply) = visited {
                    return Ok(reply);
                }
                if visited.is_err_and(|again| again == Again::Never) || !self.plan.advance {
                    return Err(self.told(way));
                }
            }
        }
        Err(self.told(way))
    }

    /// Whether the vendor asked for fewer calls, and there are others to ask first.
    fn is_better_left_alone(&self, place: usize) -> bool {
        if self.plan.candidates.len() < 2 || !self.plan.advance {
            return false;
        }
        self.stop(place).is_some_and(|stop| {
            let now = stop.vital.clock().now();
            stop.vital.cooling(now).is_some()
        })
    }

    fn stop(&self, place: usize) -> Option<Stop<'_>> {
        let candidate = &self.plan.candidates.get(place)?.candidate;
        Some(Stop {
            candidate,
            vital: candidate.vital(),
        })
    }

    /// Tries one target, as often as its rules say. An error says where another try makes sense; the
    /// fault itself is among the failures.
    async fn visit(&self, place: usize, way: &mut Way<'_>) -> Result<Reply, Again> {
        let Some(stop) = self.stop(place) else {
            return Err(Again::NextTarget);
        };
        stop.vital.earn_retry();
        let retry = &stop.candidate.target.retry;
        let (mut tried, mut waited) = (0, Duration::ZERO);
        loop {
            let fault = match self.attempt(place, &stop, waited, way).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            tried += 1;
            let again = fault.again();
            let wait = retry.wait(&fault, tried, self.is_repeatable(), self.ids.number());
            let label = fault.kind.row().label;
            way.failures.add(fault, way.receipt);
            let Some(wait) = wait.filter(|wait| self.has_time_for(*wait)) else {
                return Err(again);
            };
            let provider = &stop.candidate.target.provider_id;
            if !stop.vital.spend_retry() {
                self.metrics.retry(provider, "over_budget");
                return Err(again);
            }
            self.metrics.retry(provider, label);
            waited = wait;
            pause(wait, way.receipt).await;
        }
    }

    /// One try, or two at once where the first is slow and that is wanted.
    async fn attempt(
        &self,
        place: usize,
        stop: &Stop<'_>,
        waited: Duration,
        way: &mut Way<'_>,
    ) -> Result<Reply, Fault> {
        let flight = self.depart(stop, waited, self.deadline, way).await?;
        match self.hedge_after(stop).filter(|_| !way.hedged) {
            None => self.land(flight.fly().await, None, way.receipt),
            // Boxed: most calls never need the room.
            Some(after) => Box::pin(self.race(place, flight, after, way)).await,
        }
    }

    /// Whether there is time for a wait and something after it.
    fn has_time_for(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        self.deadline.is_none_or(|deadline| end < deadline)
    }

    fn hedge_after(&self, stop: &Stop<'_>) -> Option<Duration> {
        let after = match stop.candidate.target.hedge? {
            config::HedgeAfter::Time(time) => Some(time),
            config::HedgeAfter::Percentile(percent) => stop.vital.usual(self.answer(), percent),
        };
        after.filter(|_| self.is_repeatable())
    }

    /// Whether nothing is lost when a vendor gets the call twice. What it is asked to keep, it would
    /// keep twice.
    fn is_repeatable(&self) -> bool {
        self.call.body.flag("store") != Some(true)
    }

    /// Whether it is the target that would have answered before, had nothing failed.
    fn is_first(&self, candidate: &Candidate) -> bool {
        let first = self.plan.candidates.first();
        first.is_some_and(|first| std::ptr::eq(&raw const first.candidate, candidate))
    }

    fn answer(&self) -> Answer {
        Answer::of(self.facts.stream)
    }

    fn told(&self, way: Way<'_>) -> Fault {
        let may_know = self.call.snapshot.config.errors.show_attempts
            || self
                .call
                .principal
                .scopes
                .allow(crate::principal::Scope::Admin);
        way.failures.told(way.receipt, may_know)
    }
}

/// Waits; the time is nobody's overhead.
async fn pause(wait: Duration, receipt: &mut Receipt) {
    receipt.note(|notes| notes.waiting = Some(Instant::now()));
    sleep(wait).await;
    receipt.note(|notes| {
        notes.waiting = None;
        notes.upstream_wait += wait;
    });
}
