//! Two tries at once: when the first is slow, a second one is made, and the one that answers first
//! counts. The other is given up, which closes its connection.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wire::fault::{Again, Fault};

use super::flight::{Flight, Landed};
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
        let (begun, mine) = (Instant::now(), first.stake());
        let mut first = pin!(first.fly());
        if let Ok(landed) = timeout(after, &mut first).await {
            return self.land(landed, None, way.receipt);
        }
        let Some((other, stop)) = self.beside(place, way) else {
            return self.land(first.await, None, way.receipt);
        };
        way.hedged = true;
        mine.put_aside(way.receipt);
        let soon = Some(Instant::now());
        // Whoever finds no place at once, or has to fetch something, does not wait: the first may be
        // back before.
        let Ok(second) = self.depart(&stop, after, soon, way).await else {
            mine.take_up(way.receipt);
            return self.land(first.await, Some(begun.elapsed()), way.receipt);
        };
        way.visit(other);
        let provider = &stop.candidate.target.provider_id;
        let theirs = second.stake();
        let mut second = pin!(second.fly());
        let (landed, is_second) = tokio::select! {
            biased;
            landed = &mut first => (landed, false),
            landed = &mut second => (landed, true),
        };
        let (this, that) = if is_second {
            (&theirs, &mine)
        } else {
            (&mine, &theirs)
        };
        that.put_aside(way.receipt);
        this.take_up(way.receipt);
        if !decides(&landed) {
            // The other one may still answer.
            if let Err(fault) = self.land(landed, Some(Duration::ZERO), way.receipt) {
                way.failures.add(fault, way.receipt);
            }
            that.take_up(way.receipt);
            let landed = if is_second { first.await } else { second.await };
            return self.land(landed, Some(begun.elapsed()), way.receipt);
        }
        self.metrics
            .hedge(provider, if is_second { "won" } else { "lost" });
        that.lose(begun.elapsed(), way.receipt);
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
