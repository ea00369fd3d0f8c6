//! A call that was let through to a target: what it holds there, and what it leaves behind.

use std::sync::Arc;
use std::time::Duration;

use wire::fault::{Blame, Fault, Kind};

use super::breaker::{Breaker, Change, Pass, Shut, Verdict};
use super::clock::Moment;
use super::latency::PENALTY;
use super::pace::Felt;
use super::slots::Slot;
use super::vital::{Answer, Vital, counts};

/// One call under way at a target. Settled once; dropped without that, it says nothing of the target
/// and gives back what it held.
#[derive(Debug)]
pub(crate) struct Admission {
    vital: Arc<Vital>,
    model: Option<Pass>,
    whole: Option<Pass>,
    slot: Option<Slot>,
    /// How long it took until there was an answer, and of which kind.
    took: Option<(Answer, Duration)>,
}

impl Admission {
    /// Takes a pass of the target's breaker and one of the model's, or neither.
    pub(super) fn take(
        vital: &Arc<Vital>,
        slot: Option<Slot>,
        now: Moment,
    ) -> Result<Admission, Shut> {
        let pass =
            |breaker: Option<&Breaker>| breaker.map(|breaker| breaker.admit(now)).transpose();
        let mut admission = Admission {
            vital: vital.clone(),
            model: None,
            whole: None,
            slot,
            took: None,
        };
        admission.whole = pass(vital.whole.breaker.as_deref())?;
        admission.model = pass(vital.breaker.as_deref())?;
        Ok(admission)
    }

    /// There is an answer: all of it, or the first content of a stream. That it has begun does not
    /// mean that it went well.
    pub(crate) fn answered(&mut self, answer: Answer, took: Duration) {
        self.took = Some((answer, took));
    }

    /// All went well.
    pub(crate) fn succeed(mut self) {
        let now = self.vital.clock().now();
        let vital = self.vital.clone();
        vital.times.cooldown.well();
        vital.whole.failing.well();
        let mut verdict = Verdict::Success;
        if let Some((answer, took)) = self.took {
            if vital
                .breaker
                .as_ref()
                .is_some_and(|breaker| breaker.is_slow(took))
            {
                verdict = Verdict::Slow;
            }
            self.feel(now, answer, took);
            vital.latency(answer).sample(now, took);
            if let Some(spread) = vital.spread(answer) {
                spread.sample(took);
            }
        }
        self.settle(verdict, Verdict::Success, now);
    }

    /// It failed, after this time.
    pub(crate) fn fail(mut self, fault: &Fault, answer: Answer, took: Duration) {
        let (now, blame) = (self.vital.clock().now(), fault.blame());
        let vital = self.vital.clone();
        if counts(blame) || blame == Blame::Pace {
            vital
                .latency(answer)
                .sample(now, took.saturating_add(PENALTY));
        }
        if blame == Blame::Pace
            || matches!(fault.kind, Kind::UpstreamSilent | Kind::UpstreamTimeout)
        {
            self.push_back(now);
        }
        let verdict = if counts(blame) {
            Verdict::Failure
        } else {
            Verdict::Neutral
        };
        let spread_out = counts(blame) && vital.whole.failing.failed(vital.number);
        let whole = if blame == Blame::Target || spread_out {
            Verdict::Failure
        } else {
            Verdict::Neutral
        };
        self.settle(verdict, whole, now);
    }

    /// It failed after its answer had begun.
    pub(crate) fn fail_late(self, fault: &Fault) {
        let (answer, took) = self.took.unwrap_or((Answer::Stream, Duration::ZERO));
        self.fail(fault, answer, took);
    }

    /// The vendor limits the rate of this model, and there is no other credential to go on with.
    pub(crate) fn cool(&self, hint: Option<Duration>) -> Duration {
        let now = self.vital.clock().now();
        self.vital.times.cooldown.cool(now, hint)
    }

    fn feel(&self, now: Moment, answer: Answer, took: Duration) {
        let Some(slots) = &self.vital.whole.slots else {
            return;
        };
        let usual = self.vital.latency(answer).get(now);
        let slow = usual.is_some_and(|usual| took > usual * 3);
        slots.feel(now, if slow { Felt::Slow } else { Felt::Well });
    }

    fn push_back(&self, now: Moment) {
        if let Some(slots) = &self.vital.whole.slots {
            slots.feel(now, Felt::Pushed);
        }
    }

    fn settle(&mut self, model: Verdict, whole: Verdict, now: Moment) {
        let vital = &self.vital;
        let settle = |breaker: Option<&Breaker>, pass: Option<Pass>, verdict| {
            breaker?.settle(pass?, verdict, now)
        };
        let of_whole = settle(vital.whole.breaker.as_deref(), self.whole.take(), whole);
        let of_model = settle(vital.breaker.as_deref(), self.model.take(), model);
        self.slot = None;
        tell(vital, "", of_whole);
        tell(vital, vital.model(), of_model);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.model.is_some() || self.whole.is_some() {
            let now = self.vital.clock().now();
            self.settle(Verdict::Neutral, Verdict::Neutral, now);
        }
    }
}

/// An operator hears of every change; it is a rare one.
fn tell(vital: &Vital, model: &str, change: Option<Change>) {
    let (target, provider) = (&*vital.whole.target, &*vital.whole.provider);
    match change {
        None => {}
        Some(Change::Opened(wait)) => {
            tracing::warn!(
                target_name = target,
                provider,
                model,
                ?wait,
                "a circuit breaker opened"
            );
        }
        Some(Change::Closed) => {
            tracing::info!(
                target_name = target,
                provider,
                model,
                "a circuit breaker closed"
            );
        }
    }
}
