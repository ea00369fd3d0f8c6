//! Two tries at once: when the first is slow, a second one is made, and the one that answers first
//! counts. The other is given up, which closes its connection.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wire::fault::{Again, Fault};

use super::flight::{Flight, Landed, name};
use super::{Stop, Walk, Way};
use crate::reply::Reply;

impl Walk<'_> {
    /// Waits for the first, and after that time for either of two.
    pub(super) async fn race(
        &self,
        place: usize,
        first: Flight<'_>,
        after: Duration,
        way: &mut Way<'_>,
    ) -> Result<Reply, Fault> {
        let (begun, number, cost) = (Instant::now(), first.number, first.estimate());
        let mut first = pin!(first.fly());
        if let Ok(landed) = timeout(after, &mut first).await {
            return self.land(landed, None, way.receipt);
        }
        let Some((other, stop)) = self.beside(place, way) else {
            return self.land(first.await, None, way.receipt);
        };
        way.hedged = true;
        let soon = Some(Instant::now());
        // Whoever finds no place at once does not wait for one: the first may be back before.
        let Ok(second) = self.depart(&stop, after, soon, way.receipt).await else {
            let landed = first.await;
            name(way.receipt, landed.candidate);
            return self.land(landed, Some(begun.elapsed()), way.receipt);
        };
        way.visit(other);
        let provider = &stop.candidate.target.provider_id;
        let seconds = (second.number, second.estimate());
        let mut second = pin!(second.fly());
        let (landed, is_second) = tokio::select! {
            biased;
            landed = &mut first => (landed, false),
            landed = &mut second => (landed, true),
        };
        if !decides(&landed) {
            // The other one may still answer.
            if let Err(fault) = self.land(landed, Some(Duration::ZERO), way.receipt) {
                way.failures.add(fault, way.receipt);
            }
            let landed = if is_second { first.await } else { second.await };
            name(way.receipt, landed.candidate);
            return self.land(landed, Some(begun.elapsed()), way.receipt);
        }
        self.metrics
            .hedge(provider, if is_second { "won" } else { "lost" });
        let (loser, cost) = if is_second { (number, cost) } else { seconds };
        way.receipt.note(|notes| {
            if let Some(attempt) = notes.attempts.get_mut(loser) {
                (attempt.fault, attempt.lost) = (None, Some(cost));
                attempt.took = begun.elapsed();
            }
        });
        name(way.receipt, landed.candidate);
        self.land(landed, Some(begun.elapsed()), way.receipt)
    }

    /// Where the second try goes: the next target that would take it, or the same one.
    fn beside(&self, place: usize, way: &Way<'_>) -> Option<(usize, Stop<'_>)> {
        let others = (place + 1..self.plan.candidates.len().min(super::STOPS_MAX))
            .filter(|other| self.plan.advance && !way.was_at(*other));
        let mut stops = others
            .chain([place])
            .filter_map(|other| Some((other, self.stop(other)?)));
        let found = stops.find(|(_, stop)| {
            let now = stop.vital.clock().now();
            stop.vital.shut(now).is_none() && stop.vital.cooling(now).is_none()
        })?;
        found.1.vital.spend_retry().then_some(found)
    }
}

/// Whether there is nothing to wait for any more.
fn decides(landed: &Landed<'_>) -> bool {
    match &landed.result {
        Ok(_) => true,
        Err(fault) => fault.again() == Again::Never,
    }
}
