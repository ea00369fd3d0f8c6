//! The walk along a plan: one attempt after another, until an answer or a fault that no other
//! attempt could mend.
//!
//! Each target is tried as often as its retry rules say and the retry budget bears. Targets whose
//! vendor asked for fewer calls come after all others: nobody waits for them while another target
//! may serve the call. What is told in the end is not the last fault but the one that tells most.

mod failures;
mod flight;
mod media;
mod race;
mod resting;

use std::sync::Arc;
use std::time::Duration;

use telemetry::Metrics;
use tokio::time::{Instant, sleep};
use wire::fault::{Again, Blame, Fault, Kind};

use crate::chat::ChatFacts;
use crate::defect::{Defect, planted};
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
use resting::{Rest, Resting};

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
    /// Those of them that let nobody through, a bit each: they were never asked.
    refused: u128,
    /// Those that may be tried again after a while.
    resting: Resting,
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

    fn is_refused(&mut self, place: usize) {
        self.refused |= 1 << place;
    }

    /// After a while, who let nobody through may do so again.
    fn time_passed(&mut self) {
        self.visited &= !std::mem::take(&mut self.refused);
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
            refused: 0,
            resting: Resting::default(),
            hedged: false,
        };
        match self.go(&mut way).await {
            Some(reply) => Ok(reply),
            None => Err(self.told(way)),
        }
    }

    /// First to those that are free, then to those that asked this call to wait, then to those that
    /// asked others before.
    async fn go(&self, way: &mut Way<'_>) -> Option<Reply> {
        loop {
            let visited = if let Some(place) = self.next(way) {
                way.visit(place);
                self.visit(place, 0, Duration::ZERO, way).await
            } else {
                let rest = way.resting.soonest()?;
                // Boxed: most calls never need the room.
                Box::pin(self.come_back(rest, way)).await
            };
            match visited {
                Ok(reply) => return Some(reply),
                Err(Again::Never) => return None,
                Err(_) => {}
            }
        }
    }

    /// The next that was not tried yet: one that is free, or any as soon as nothing rests.
    fn next(&self, way: &Way<'_>) -> Option<usize> {
        let most = if self.plan.advance { STOPS_MAX } else { 1 };
        let places = 0..self.plan.candidates.len().min(most);
        let mut untried = places.filter(|place| !way.was_at(*place));
        let free = untried
            .clone()
            .find(|place| !self.is_better_left_alone(*place));
        free.or_else(|| untried.next().filter(|_| way.resting.is_empty()))
    }

    /// Whether the vendor asked for fewer calls, and there are others to ask first.
    fn is_better_left_alone(&self, place: usize) -> bool {
        self.plan.candidates.len() > 1
            && self.plan.advance
            && self.stop(place).is_some_and(|stop| is_cooling(stop.vital))
    }

    fn stop(&self, place: usize) -> Option<Stop<'_>> {
        let candidate = &self.plan.candidates.get(place)?.candidate;
        Some(Stop {
            candidate,
            vital: candidate.vital(),
        })
    }

    /// Tries one target, as often as its rules say; `tried` and `waited` tell what came before. An
    /// error says where another try makes sense; the fault itself is among the failures.
    async fn visit(
        &self,
        place: usize,
        mut tried: u32,
        mut waited: Duration,
        way: &mut Way<'_>,
    ) -> Result<Reply, Again> {
        let Some(stop) = self.stop(place) else {
            return Err(Again::NextTarget);
        };
        if tried == 0 {
            stop.vital.earn_retry();
        }
        let retry = &stop.candidate.target.retry;
        loop {
            let mut fault = match self.attempt(place, &stop, waited, way).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            tried += 1;
            if tried == 1 && fault.kind == Kind::UpstreamUnavailable {
                way.is_refused(place);
            }
            let limited = fault.blame() == Blame::Pace;
            let cools = limited && is_cooling(stop.vital);
            if limited && !cools {
                // Its hint is for the key that was used; there is another one.
                fault.retry_after = None;
            }
            let again = fault.again();
            let wait = retry.wait(&fault, tried, self.is_repeatable(), self.ids.number());
            let label = fault.kind.row().label;
            way.failures.add(fault, way.receipt);
            let Some(wait) = wait.filter(|wait| self.has_time_for(*wait)) else {
                return Err(again);
            };
            if cools && !planted(Defect::WaitsInPlace) {
                let until = Instant::now() + wait;
                way.resting.add(Rest {
                    place,
                    tried,
                    until,
                    label,
                });
                return Err(again);
            }
            if !self.pays(&stop, label) {
                return Err(again);
            }
            waited = wait;
            pause(wait, way.receipt).await;
        }
    }

    /// Goes back to a target when its time has come.
    async fn come_back(&self, rest: Rest, way: &mut Way<'_>) -> Result<Reply, Again> {
        let wait = rest.until.saturating_duration_since(Instant::now());
        let stop = self.stop(rest.place);
        if !self.has_time_for(wait) || !stop.is_some_and(|stop| self.pays(&stop, rest.label)) {
            return Err(Again::NextTarget);
        }
        pause(wait, way.receipt).await;
        way.time_passed();
        self.visit(rest.place, rest.tried, wait, way).await
    }

    /// Whether the retry budget of the target bears another try.
    fn pays(&self, stop: &Stop<'_>, label: &'static str) -> bool {
        let paid = stop.vital.spend_retry();
        let reason = if paid { label } else { "over_budget" };
        self.metrics
            .retry(&stop.candidate.target.provider_id, reason);
        paid
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

/// Whether the vendor asked for fewer calls, whichever key they carry.
fn is_cooling(vital: &Vital) -> bool {
    vital.cooling(vital.clock().now()).is_some()
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
