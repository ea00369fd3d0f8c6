//! Which side of an experiment a caller is on, told to the caller and to the books.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use wire::fault::Fault;

use crate::receipt::Receipt;
use crate::reply::Reply;
use crate::route::Plan;

const VARIANT: HeaderName = HeaderName::from_static("x-gateway-variant");

/// Puts the caller's side onto the answer and the receipt, and marks it where another one served.
pub(crate) fn tell(
    variant: &Arc<str>,
    plan: &Plan,
    answer: &mut Result<Reply, Fault>,
    receipt: &mut Receipt,
) {
    let target = receipt.notes().and_then(|notes| notes.target.clone());
    let mut candidates = plan.candidates.iter();
    let last = candidates.find(|one| Some(&one.candidate.target.name) == target.as_ref());
    let served = last.and_then(|one| one.variant.as_ref());
    let failover = served != Some(variant);
    let text = match (failover, served) {
        (false, _) => variant.to_string(),
        (true, Some(other)) => format!("{variant}; failover={other}"),
        (true, None) => format!("{variant}; failover"),
    };
    let value = HeaderValue::from_str(&text).ok();
    receipt.note(|notes| {
        notes.variant = Some(variant.clone());
        notes.variant_failover = failover;
        if let (Err(_), Some(value)) = (&*answer, &value) {
            notes.headers.insert(VARIANT, value.clone());
        }
    });
    if let (Ok(reply), Some(value)) = (answer, value) {
        reply.headers.insert(VARIANT, value);
    }
}
