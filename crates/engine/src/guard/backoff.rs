//! How long to wait before the same target is tried again, and whether at all. Pure.

use std::time::Duration;

use wire::fault::{Again, Fault, Kind};

/// A hint that is further away is not waited for: another target is sooner.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// When a target is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRules {
    /// Tries in all.
    pub attempts: u32,
    /// The only statuses after which it is tried again; the usual ones when there are none.
    pub statuses: Box<[u16]>,
    /// The bound of the first wait.
    pub first: Duration,
    /// The bound of any wait without a hint.
    pub longest: Duration,
}

impl RetryRules {
    /// The rules that an operator wrote.
    pub fn of(spec: &config::Retry) -> RetryRules {
        let millis = match spec.initial_backoff_ms {
            0 => 100,
            millis => millis,
        };
        RetryRules {
            attempts: spec.attempts.max(1),
            statuses: spec.on_status_codes.clone().into(),
            first: Duration::from_millis(millis.into()),
            longest: spec.max_backoff,
        }
    }

    /// How long to wait after the `tried`-th try failed with this fault; nothing when that was the
    /// last. `random` is any number. A call that is not `repeatable` is not sent twice where the
    /// vendor may have done what it asks for.
    pub fn wait(
        &self,
        fault: &Fault,
        tried: u32,
        repeatable: bool,
        random: u64,
    ) -> Option<Duration> {
        if tried >= self.attempts || !self.mendable(fault, repeatable) {
            return None;
        }
        match fault.retry_after {
            Some(hint) if hint > LONGEST_WAIT => None,
            // Everybody who was told the same time would come back at the same time.
            Some(hint) => Some(hint + share(hint / 10, random)),
            None => {
                let doublings = tried.saturating_sub(1).min(31);
                let bound = self.first.saturating_mul(1 << doublings).min(self.longest);
                Some(share(bound, random))
            }
        }
    }

    fn mendable(&self, fault: &Fault, repeatable: bool) -> bool {
        if let Some(status) = fault.upstream_status {
            return if self.statuses.is_empty() {
                fault.again() == Again::SameTarget
            } else {
                self.statuses.contains(&status)
            };
        }
        match fault.kind {
            // Nothing was sent.
            Kind::UpstreamUnreachable => true,
            // Sent, and then the connection broke: the vendor may have seen it, or not.
            Kind::UpstreamCut if fault.answered => false,
            _ => repeatable && self.statuses.is_empty() && fault.again() == Again::SameTarget,
        }
    }
}

/// A random part of the time.
fn share(whole: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(((u128::from(nanos) * u128::from(random)) >> 64) as u64)
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(attempts: u32, statuses: &[u16]) -> RetryRules {
        RetryRules {
            attempts,
            statuses: statuses.into(),
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
        }
    }

    fn status(status: u16) -> Fault {
        let mut fault = Fault::new(wire::fault::of_status(status));
        (fault.upstream_status, fault.answered) = (Some(status), true);
        fault
    }

    fn cut(answered: bool) -> Fault {
        let mut fault = Fault::new(Kind::UpstreamCut);
        fault.answered = answered;
        fault
    }

    /// Cases 12 and 13, Z10 and Z11: what is tried again follows from what happened, not from the
    /// protocol it happened on.
    #[test]
    fn z10_z11_what_is_tried_again() {
        let silent = Fault::new(Kind::UpstreamSilent);
        let unreachable = Fault::new(Kind::UpstreamUnreachable);
        let full = Fault::new(Kind::ProviderSaturated);
        let barred = Fault::new(Kind::UpstreamUnavailable);
        let deadline = Fault::new(Kind::GatewayTimeout);
        let invalid = Fault::new(Kind::UpstreamInvalid);
        for (what, fault, codes, repeatable, again) in [
            ("429", &status(429), &[][..], true, true),
            ("500", &status(500), &[], true, true),
            ("503", &status(503), &[], true, true),
            ("408", &status(408), &[], true, true),
            ("504", &status(504), &[], true, true),
            ("400", &status(400), &[], true, false),
            ("401", &status(401), &[], true, false),
            ("404", &status(404), &[], true, false),
            ("402", &status(402), &[], true, false),
            ("429 of a list", &status(429), &[429], true, true),
            ("500 beside a list", &status(500), &[429], true, false),
            ("409 of a list", &status(409), &[409], true, true),
            ("500, not repeatable", &status(500), &[], false, true),
            ("not sent", &unreachable, &[], true, true),
            ("not sent, list", &unreachable, &[429], true, true),
            ("not sent, not repeatable", &unreachable, &[], false, true),
            ("broken before the answer", &cut(false), &[], true, true),
            (
                "broken before the answer, list",
                &cut(false),
                &[429],
                true,
                false,
            ),
            ("broken, not repeatable", &cut(false), &[], false, false),
            ("broken in the answer", &cut(true), &[], true, false),
            ("silent", &silent, &[], true, false),
            ("nonsense", &invalid, &[], true, false),
            ("saturated", &full, &[], true, false),
            ("open", &barred, &[], true, false),
            ("deadline", &deadline, &[], true, false),
        ] {
            let wait = rules(3, codes).wait(fault, 1, repeatable, 7);
            assert_eq!(wait.is_some(), again, "{what}");
        }
    }

    #[test]
    fn tries_are_counted_in_all() {
        for (attempts, tried, again) in [(1, 1, false), (2, 1, true), (2, 2, false), (3, 2, true)] {
            let wait = rules(attempts, &[]).wait(&status(500), tried, true, 7);
            assert_eq!(wait.is_some(), again, "{tried} of {attempts}");
        }
    }

    /// Case 14.
    #[test]
    fn case_14_a_near_hint_is_waited_for_and_a_far_one_is_not() {
        let hinted = |seconds| {
            let mut fault = status(429);
            fault.retry_after = Some(Duration::from_secs(seconds));
            rules(3, &[]).wait(&fault, 1, true, u64::MAX)
        };
        let wait = hinted(7).unwrap();
        assert!(
            wait >= Duration::from_secs(7) && wait < Duration::from_millis(7_701),
            "{wait:?}"
        );
        assert!(hinted(30).is_some());
        assert_eq!(hinted(31), None);
        assert_eq!(hinted(120), None);
    }

    /// Z12: the reference's wait has no ceiling and becomes nothing when its exponent overflows.
    #[test]
    fn z12_waits_grow_to_a_ceiling_and_stay_there() {
        let most = |tried| {
            rules(1_000, &[])
                .wait(&status(500), tried, true, u64::MAX)
                .unwrap()
        };
        let near = |tried, millis: u64| {
            let (wait, bound) = (most(tried), Duration::from_millis(millis));
            assert!(
                wait <= bound && wait * 100 >= bound * 99,
                "{tried}: {wait:?}"
            );
        };
        near(1, 100);
        near(2, 200);
        near(5, 1_600);
        near(8, 10_000);
        near(64, 10_000);
        near(999, 10_000);
    }

    #[test]
    fn z12_a_hint_is_not_met_by_everyone_at_once() {
        let mut fault = status(429);
        fault.retry_after = Some(Duration::from_secs(10));
        let wait = |random: u64| rules(2, &[]).wait(&fault, 1, true, random).unwrap();
        assert_eq!(wait(0), Duration::from_secs(10));
        assert!(wait(u64::MAX) > wait(1 << 63) && wait(1 << 63) > wait(0));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_over_its_bound(
            tried in 1_u32..200, first in 1_u64..100_000, longest in 1_u64..100_000, random: u64
        ) {
            let rules = RetryRules {
                attempts: 1_000,
                statuses: Box::new([]),
                first: Duration::from_millis(first),
                longest: Duration::from_millis(longest),
            };
            let wait = rules.wait(&status(500), tried, true, random).unwrap();
            prop_assert!(wait <= rules.longest);
        }
    }
}
