//! The walk along a plan: one attempt after another, until an answer or a fault that no other
//! attempt could mend.

use std::time::Duration;

use tokio::time::Instant;
use wire::fault::{Again, Fault, Kind};

use crate::attempt::Attempt;
use crate::chat::ChatFacts;
use crate::gateway::Call;
use crate::receipt::{self, Receipt};
use crate::reply::Reply;
use crate::route::Plan;
use crate::trace::IdSource;
use crate::upstream::Upstream;

/// Tries the plan's candidates until one answers. Every attempt stands on the receipt.
pub(crate) async fn walk(
    upstream: &Upstream,
    ids: &IdSource,
    call: &Call,
    facts: &ChatFacts,
    plan: &Plan,
    receipt: &mut Receipt,
) -> Result<Reply, Fault> {
    let patience = call.snapshot.config.request_timeout;
    let deadline = patience.and_then(|patience| Some(receipt.started()? + patience));
    let mut last: Option<Fault> = None;
    for placed in &plan.candidates {
        let attempt = Attempt {
            upstream,
            call,
            candidate: &placed.candidate,
            streamed: facts.stream,
            pick: ids.number(),
            deadline,
        };
        let mut fault = match try_one(&attempt, receipt).await {
            Ok(reply) => return Ok(reply),
            Err(fault) => fault,
        };
        // A hint is worth something whoever gave it.
        fault.retry_after = fault
            .retry_after
            .or(last.and_then(|earlier| earlier.retry_after));
        if fault.again() != Again::NextTarget || !plan.advance {
            return Err(fault);
        }
        last = Some(fault);
    }
    Err(last.unwrap_or_else(|| Fault::new(Kind::ModelNotFound)))
}

async fn try_one(attempt: &Attempt<'_>, receipt: &mut Receipt) -> Result<Reply, Fault> {
    let (target, begun) = (&attempt.candidate.target, Instant::now());
    receipt.note(|notes| {
        notes.provider = Some(target.provider_id.clone());
        notes.target = Some(target.name.clone());
        notes.model = Some(attempt.candidate.model.clone());
        // What it is if nobody is there any more to see how it ended.
        notes.attempts.push(receipt::Attempt {
            target: target.name.clone(),
            provider: target.provider_id.clone(),
            fault: Some(Kind::ClientGone),
            cause: None,
            took: Duration::ZERO,
        });
        notes.owned = attempt.candidate.owned;
        notes.waiting = Some(begun);
        notes.headers.clear();
    });
    let redactor = &attempt.call.snapshot.redactor;
    let result = attempt
        .run(receipt)
        .await
        .map_err(|fault| target.scrubbed(fault.scrubbed(|text| redactor.redact(text))));
    receipt.note(|notes| {
        notes.waiting = None;
        if let Some(last) = notes.attempts.last_mut() {
            last.fault = result.as_ref().err().map(|fault| fault.kind);
            last.cause = result
                .as_ref()
                .err()
                .map(|fault| fault.to_string().into_boxed_str());
            last.took = begun.elapsed();
        }
    });
    result
}
