//! What went wrong on the way, and what of it is told.

use std::time::Duration;

use http::HeaderMap;
use wire::fault::{Fault, Kind, Try};

use crate::receipt::{self, Receipt};

/// The failures of a call so far.
#[derive(Default)]
pub(super) struct Failures {
    /// The one that tells most.
    told: Option<Fault>,
    /// The headers that go with it.
    headers: HeaderMap,
    /// The soonest time that anybody named for another try.
    hint: Option<Duration>,
}

impl Failures {
    /// Adds a failure; the headers that its attempt left on the receipt go with it.
    pub(super) fn add(&mut self, fault: Fault, receipt: &mut Receipt) {
        self.hint = self.hint.into_iter().chain(fault.retry_after).min();
        let mut headers = HeaderMap::new();
        receipt.note(|notes| headers = std::mem::take(&mut notes.headers));
        let tells = |fault: &Fault| fault.kind.row().tells;
        if self
            .told
            .as_ref()
            .is_none_or(|told| tells(told) <= tells(&fault))
        {
            self.headers = headers;
        }
        self.told = Some(match self.told.take() {
            Some(told) => told.or_later(fault),
            None => fault,
        });
    }

    /// The fault that the caller is told, with the list of tries if the caller may know.
    pub(super) fn told(self, receipt: &mut Receipt, may_know: bool) -> Fault {
        let mut fault = self.told.unwrap_or_else(|| Fault::new(Kind::ModelNotFound));
        // A hint is worth something whoever gave it.
        fault.retry_after = self.hint;
        receipt.note(|notes| {
            notes.headers = self.headers;
            if may_know {
                fault.tries = Some(notes.attempts.iter().filter_map(tried).collect());
            }
        });
        fault
    }
}

fn tried(attempt: &receipt::Attempt) -> Option<Try> {
    let kind = attempt.fault?;
    Some(Try {
        target: (*attempt.target).into(),
        provider: (*attempt.provider).into(),
        status: attempt.status,
        error: kind.row().code,
        cause: attempt.cause.clone().unwrap_or_default(),
        ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    /// Z19, and the soonest hint of all.
    #[test]
    fn z19_the_most_telling_fault_is_told_with_the_soonest_hint_of_any() {
        let mut failures = Failures::default();
        let hinted = |kind, seconds: Option<u64>| {
            let mut fault = Fault::new(kind);
            fault.retry_after = seconds.map(Duration::from_secs);
            fault
        };
        let receipt = &mut Receipt::none();
        failures.add(hinted(Kind::UpstreamRateLimited, Some(60)), receipt);
        failures.add(hinted(Kind::UpstreamError, None), receipt);
        failures.add(hinted(Kind::UpstreamUnavailable, Some(9)), receipt);
        let told = failures.told(receipt, false);
        assert_eq!(told.kind, Kind::UpstreamRateLimited);
        assert_eq!(told.retry_after, Some(Duration::from_secs(9)));
    }
}
