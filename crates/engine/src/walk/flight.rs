//! One try, from the moment that its target lets it through until it is known how it went.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use wire::fault::{Blame, Fault, Kind};
use wire::ir::files::Files;

use super::{Media, Stop, Walk, Way};
use crate::attempt::{Attempt, Prepared, Seen};
use crate::cost::Spent;
use crate::directory::Candidate;
use crate::guard::{Admission, Answer};
use crate::receipt::{self, Receipt};
use crate::reply::{Content, Reply};
use crate::target::Key;
use crate::tongue::Unspoken;

const COST: HeaderName = HeaderName::from_static("x-gateway-cost-usd");

/// A try that is ready to be sent.
pub(super) struct Flight<'a> {
    /// Its place among the attempts of the receipt.
    pub(super) number: usize,
    pub(super) candidate: &'a Candidate,
    attempt: Attempt<'a>,
    prepared: Prepared,
    admission: Admission,
    answer: Answer,
}

/// What a try costs if nobody waits for its end.
pub(super) struct Stake<'a> {
    number: usize,
    candidate: &'a Candidate,
    spent: Spent,
}

/// A try of which it is known how it went.
pub(super) struct Landed<'a> {
    pub(super) number: usize,
    pub(super) candidate: &'a Candidate,
    pub(super) result: Result<Reply, Fault>,
    seen: Seen,
    key: Key,
    admission: Admission,
    answer: Answer,
    took: Duration,
}

impl Walk<'_> {
    /// Has the target let the call through, and encodes it. `waited` is what came before.
    pub(super) async fn depart<'a>(
        &'a self,
        stop: &'a Stop<'a>,
        waited: Duration,
        until: Option<Instant>,
        way: &mut Way<'_>,
    ) -> Result<Flight<'a>, Fault> {
        let begun = Instant::now();
        let (receipt, media) = (&mut *way.receipt, &mut way.media);
        let number = open(receipt, stop.candidate, begun);
        let (before, mut asked) = (media.brought().took, Duration::ZERO);
        let prepared = self.prepare(stop, until, media, &mut asked).await;
        let ready = Instant::now();
        let fetched = media.brought().took - before;
        receipt.note(|notes| {
            let queued = if stop.vital.is_bounded() {
                (ready - begun).saturating_sub(fetched)
            } else {
                asked
            };
            notes.upstream_wait += queued + fetched;
            if !fetched.is_zero() {
                notes.media = Some(media.brought());
            }
            notes.waiting = Some(ready);
            // What it cost if the client leaves before there is an answer to count.
            if let Ok((_, prepared, _)) = &prepared {
                (notes.usage, notes.prompt) = (Some(prepared.estimate()), prepared.to_count());
            }
            if let Some(attempt) = notes.attempts.get_mut(number) {
                attempt.wait = waited + queued;
            }
        });
        match prepared {
            Ok((attempt, prepared, admission)) => Ok(Flight {
                number,
                candidate: stop.candidate,
                attempt,
                prepared,
                admission,
                answer: self.answer(),
            }),
            Err(fault) => {
                close(receipt, number, Some(&fault), begun.elapsed());
                Err(fault)
            }
        }
    }

    /// The time that the vendor took to describe the model is added to `asked`.
    async fn prepare<'a>(
        &'a self,
        stop: &'a Stop<'a>,
        until: Option<Instant>,
        media: &mut Media<'_>,
        asked: &mut Duration,
    ) -> Result<(Attempt<'a>, Prepared, Admission), Fault> {
        match self.encode(stop, until, media.files(), asked).await {
            Ok(ready) => return Ok(ready),
            Err(Unspoken::Fault(fault)) => return Err(fault),
            // Boxed: most calls never need the room. Nobody's place is held meanwhile.
            Err(Unspoken::Wants(wanted)) => Box::pin(media.bring(&wanted, until)).await?,
        }
        match self.encode(stop, until, media.files(), asked).await {
            Ok(ready) => Ok(ready),
            Err(Unspoken::Fault(fault)) => Err(fault),
            Err(Unspoken::Wants(_)) => {
                Err(Fault::new(Kind::Internal).because("files that were fetched are missing"))
            }
        }
    }

    async fn encode<'a>(
        &'a self,
        stop: &'a Stop<'a>,
        until: Option<Instant>,
        files: &Files,
        asked: &mut Duration,
    ) -> Result<(Attempt<'a>, Prepared, Admission), Unspoken> {
        let admission = stop.vital.admit(&self.call.principal.id, until).await?;
        let attempt = Attempt {
            upstream: self.upstream,
            call: self.call,
            candidate: stop.candidate,
            vital: stop.vital,
            streamed: self.facts.stream,
            own_history: self.is_first(stop.candidate),
            key: stop.candidate.target.pick_key(self.ids.number()),
            deadline: self.deadline,
        };
        let described = attempt.describe(asked).await;
        let prepared = attempt.prepare(described.as_ref(), files)?;
        Ok((attempt, prepared, admission))
    }

    /// Settles with the target how it went, and takes it down. `waited` is how long the client waited
    /// for it, where that is not what the try itself took.
    pub(super) fn land(
        &self,
        landed: Landed<'_>,
        waited: Option<Duration>,
        receipt: &mut Receipt,
    ) -> Result<Reply, Fault> {
        let Landed {
            number,
            candidate,
            result,
            seen,
            key,
            admission,
            answer,
            took,
        } = landed;
        receipt.note(|notes| {
            notes.upstream_wait += waited.unwrap_or(seen.waited);
            (notes.dropped, notes.ignored) = (seen.dropped, seen.ignored);
            (notes.usage, notes.answered) = (seen.usage, seen.answered);
            notes.headers = seen.headers;
        });
        close(receipt, number, result.as_ref().err(), took);
        match result {
            Ok(mut reply) => {
                candidate.target.keys().well(key);
                if let Content::Whole(_) = reply.body {
                    tell_cost(&mut reply.headers, receipt);
                }
                Ok(hand_on(reply, admission, answer, took))
            }
            Err(fault) => {
                receipt.note(|notes| notes.put_spent_aside(number));
                self.blame(&fault, candidate, key, admission, answer, took);
                Err(fault)
            }
        }
    }

    /// Whose fault it was: a key's, if there are others; else the target's, with the model or at all.
    fn blame(
        &self,
        fault: &Fault,
        candidate: &Candidate,
        key: Key,
        admission: Admission,
        answer: Answer,
        took: Duration,
    ) {
        let blame = fault.blame();
        if matches!(blame, Blame::Key | Blame::Pace) {
            let now = candidate.target.guard.clock().now();
            let hint = fault.retry_after;
            match candidate.target.keys().set_aside(key, hint, now) {
                // The target is as well as before, with another key.
                Ok(()) => return drop(admission),
                Err(wait) if blame == Blame::Pace => {
                    admission.cool(wait);
                    self.metrics.cooldown(&candidate.target.provider_id);
                }
                Err(_) => {}
            }
        }
        admission.fail(fault, answer, took);
    }
}

impl<'a> Flight<'a> {
    /// Sends it and waits for what comes of it.
    pub(super) async fn fly(self) -> Landed<'a> {
        let (seen, result) = self.attempt.run(self.prepared).await;
        Landed {
            number: self.number,
            candidate: self.candidate,
            result,
            took: seen.waited,
            seen,
            key: self.attempt.key,
            admission: self.admission,
            answer: self.answer,
        }
    }

    /// What it costs if nobody waits for its end.
    pub(super) fn stake(&self) -> Stake<'a> {
        Stake {
            number: self.number,
            candidate: self.candidate,
            spent: Spent {
                provider: self.candidate.target.provider_id.clone(),
                model: self.candidate.model.clone(),
                price: self.candidate.price.clone(),
                usage: self.prepared.estimate(),
                prompt: self.prepared.to_count(),
            },
        }
    }
}

impl Stake<'_> {
    /// The receipt speaks of another try, and keeps what this one may cost.
    pub(super) fn put_aside(&self, receipt: &mut Receipt) {
        receipt.note(|notes| {
            if let Some(attempt) = notes.attempts.get_mut(self.number) {
                attempt.spent = Some(self.spent.clone());
            }
        });
    }

    /// The try is the one that the receipt speaks of.
    pub(super) fn take_up(&self, receipt: &mut Receipt) {
        name(receipt, self.candidate);
        receipt.note(|notes| {
            if let Some(attempt) = notes.attempts.get_mut(self.number) {
                attempt.spent = None;
            }
            notes.usage = Some(self.spent.usage);
            notes.prompt.clone_from(&self.spent.prompt);
        });
    }

    /// Another try was faster.
    pub(super) fn lose(&self, took: Duration, receipt: &mut Receipt) {
        receipt.note(|notes| {
            if let Some(attempt) = notes.attempts.get_mut(self.number) {
                (attempt.fault, attempt.lost) = (None, true);
                attempt.took = took;
            }
        });
    }
}

/// Tells the client what the call cost. The head of a stream goes out before that is known.
fn tell_cost(headers: &mut HeaderMap, receipt: &mut Receipt) {
    receipt.note(|notes| {
        notes.count_prompts();
        notes.cost = notes.cost();
    });
    let cost = receipt.notes().and_then(|notes| notes.cost);
    if let Some(value) = cost.and_then(|cost| HeaderValue::try_from(cost.amount.to_string()).ok()) {
        headers.insert(COST, value);
    }
}

/// A whole answer is all there is to know; a stream holds what it was given until its last byte.
fn hand_on(mut reply: Reply, mut admission: Admission, answer: Answer, took: Duration) -> Reply {
    admission.answered(answer, took);
    match &mut reply.body {
        Content::Stream(stream) => stream.admission = Some(admission),
        Content::Whole(_) => admission.succeed(),
    }
    reply
}

/// Opens an attempt on the receipt, as what it is if nobody is there any more to see how it ended.
fn open(receipt: &mut Receipt, candidate: &Candidate, begun: Instant) -> usize {
    let target = &candidate.target;
    let mut number = 0;
    receipt.note(|notes| {
        number = notes.attempts.len();
        notes.attempts.push(receipt::Attempt {
            target: target.name.clone(),
            provider: target.provider_id.clone(),
            fault: Some(Kind::ClientGone),
            cause: None,
            status: None,
            wait: Duration::ZERO,
            took: Duration::ZERO,
            lost: false,
            spent: None,
        });
        notes.waiting = Some(begun);
        (notes.usage, notes.prompt) = (None, None);
        notes.headers.clear();
    });
    name(receipt, candidate);
    number
}

/// The candidate is the one that the receipt speaks of.
fn name(receipt: &mut Receipt, candidate: &Candidate) {
    receipt.note(|notes| {
        notes.provider = Some(candidate.target.provider_id.clone());
        notes.target = Some(candidate.target.name.clone());
        notes.model = Some(candidate.model.clone());
        notes.owned = candidate.owned;
        notes.price.clone_from(&candidate.price);
    });
}

fn close(receipt: &mut Receipt, number: usize, fault: Option<&Fault>, took: Duration) {
    receipt.note(|notes| {
        notes.waiting = None;
        if let Some(attempt) = notes.attempts.get_mut(number) {
            attempt.fault = fault.map(|fault| fault.kind);
            attempt.cause = fault.map(|fault| fault.to_string().into_boxed_str());
            attempt.status = fault.and_then(|fault| fault.upstream_status);
            attempt.took = took;
        }
    });
}
