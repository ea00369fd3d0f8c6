//! A metric under many label sets: read without a lock, grown by copying,
//! bounded.
//!
//! Labels may come from outside (a model's name as the vendor reports it), so
//! their number, length and characters are all limited here.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::lock;

/// What stands for a label that found no room.
const OTHER: &str = "other";

/// Label sets ending in `other` are let in past the bound, one for each value
/// before it; this is how many.
const ROOM_FOR_OTHERS: usize = 256;

/// Bytes of a label that are kept.
const MAX_LABEL: usize = 128;

/// One metric of a family, under its labels.
pub(super) struct Member<const N: usize, T> {
    pub(super) labels: [Box<str>; N],
    pub(super) metric: Arc<T>,
}

/// Sorted by labels: lookups by borrowed strings need no owned key, and pages come out in order.
type Members<const N: usize, T> = Vec<Arc<Member<N, T>>>;

pub(super) struct Family<const N: usize, T> {
    members: ArcSwap<Members<N, T>>,
    bound: usize,
    growing: Mutex<()>,
}

impl<const N: usize, T: Default> Family<N, T> {
    pub(super) fn new(bound: usize) -> Family<N, T> {
        Family {
            members: ArcSwap::default(),
            bound,
            growing: Mutex::new(()),
        }
    }

    /// The metric under these labels, or under `other` when the family is full.
    pub(super) fn get(&self, labels: [&str; N]) -> Arc<T> {
        let members = self.members.load();
        if let Ok(at) = position(&members, &labels) {
            return Arc::clone(&members[at].metric);
        }
        drop(members);
        let clean = labels.map(clean);
        self.get_clean(clean.each_ref().map(|label| &**label))
    }

    pub(super) fn members(&self) -> Arc<Members<N, T>> {
        self.members.load_full()
    }

    fn get_clean(&self, labels: [&str; N]) -> Arc<T> {
        let mut last_is_other = labels;
        if let Some(last) = last_is_other.last_mut() {
            *last = OTHER;
        }
        self.admit(labels, self.bound)
            .or_else(|| self.admit(last_is_other, self.bound.saturating_add(ROOM_FOR_OTHERS)))
            .or_else(|| self.admit([OTHER; N], usize::MAX))
            .unwrap_or_default()
    }

    /// Finds the labels, or takes them in while there are fewer than `bound` members.
    fn admit(&self, labels: [&str; N], bound: usize) -> Option<Arc<T>> {
        // Without the lock first: a family never shrinks, so full stays full,
        // and a flood of new labels does not queue here.
        self.known_or_full(&labels, bound).unwrap_or_else(|_| {
            let _growing = lock(&self.growing);
            self.known_or_full(&labels, bound)
                .unwrap_or_else(|at| Some(self.insert(at, labels)))
        })
    }

    /// The member; `None` when there is no room for it; or where to put it.
    fn known_or_full(&self, labels: &[&str; N], bound: usize) -> Result<Option<Arc<T>>, usize> {
        let members = self.members.load();
        match position(&members, labels) {
            Ok(at) => Ok(Some(Arc::clone(&members[at].metric))),
            Err(_) if members.len() >= bound => Ok(None),
            Err(at) => Err(at),
        }
    }

    fn insert(&self, at: usize, labels: [&str; N]) -> Arc<T> {
        let metric = Arc::<T>::default();
        let mut members = Vec::clone(&self.members.load());
        let member = Member {
            labels: labels.map(Box::from),
            metric: Arc::clone(&metric),
        };
        members.insert(at, Arc::new(member));
        self.members.store(Arc::new(members));
        metric
    }
}

fn position<const N: usize, T>(
    members: &Members<N, T>,
    labels: &[&str; N],
) -> Result<usize, usize> {
    members.binary_search_by(|member| compare(&member.labels, labels))
}

fn compare<const N: usize>(have: &[Box<str>; N], want: &[&str; N]) -> Ordering {
    have.iter().map(|label| &**label).cmp(want.iter().copied())
}

/// Without control characters, and cut to a length that a page can bear.
fn clean(label: &str) -> Cow<'_, str> {
    let kept = &label[..label.floor_char_boundary(MAX_LABEL)];
    if kept.contains(char::is_control) {
        return kept.chars().filter(|c| !c.is_control()).collect();
    }
    Cow::Borrowed(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Counter;

    fn labels<const N: usize>(family: &Family<N, Counter>) -> Vec<String> {
        let members = family.members();
        members.iter().map(|m| m.labels.join("/")).collect()
    }

    #[test]
    fn the_same_labels_give_the_same_metric() {
        let family = Family::<2, Counter>::new(10);
        family.get(["b", "y"]).inc();
        family.get(["a", "z"]).inc();
        family.get(["b", "y"]).inc();
        assert_eq!(labels(&family), ["a/z", "b/y"]);
        assert_eq!(family.get(["b", "y"]).get(), 2);
        assert_eq!(family.get(["a", "z"]).get(), 1);
    }

    #[test]
    fn labels_past_the_bound_are_counted_as_other() {
        let family = Family::<2, Counter>::new(2);
        for model in ["m1", "m2", "m3", "m4", "m1"] {
            family.get(["p", model]).inc();
        }
        assert_eq!(labels(&family), ["p/m1", "p/m2", "p/other"]);
        assert_eq!(family.get(["p", "other"]).get(), 2);
        assert_eq!(family.get(["p", "m1"]).get(), 2);
    }

    #[test]
    fn a_flood_of_both_labels_stays_bounded() {
        let family = Family::<2, Counter>::new(10);
        for n in 0..1_000 {
            let label = format!("x{n}");
            family.get([&label, &label]).inc();
        }
        assert_eq!(family.members().len(), 10 + ROOM_FOR_OTHERS + 1);
        let counted: u64 = family.members().iter().map(|m| m.metric.get()).sum();
        assert_eq!(counted, 1_000);
        assert_eq!(family.get(["other", "other"]).get(), 1_000 - 10 - 256);
    }

    #[test]
    fn labels_lose_control_characters_and_excess_length() {
        for (given, kept) in [
            ("gpt-4o", "gpt-4o".to_owned()),
            ("a\nb\tc\u{1b}[0m\u{85}", "abc[0m".to_owned()),
            ("", String::new()),
            (&"é".repeat(100), "é".repeat(64)),
            (
                &format!("{}é", "x".repeat(MAX_LABEL - 1)),
                "x".repeat(MAX_LABEL - 1),
            ),
        ] {
            assert_eq!(clean(given), kept, "{given:?}");
        }
        let family = Family::<1, Counter>::new(10);
        family.get(["a\n"]).inc();
        assert_eq!(family.get(["a"]).get(), 1);
    }

    #[test]
    fn cores_that_meet_at_new_labels_lose_no_count() {
        let family = Family::<2, Counter>::new(40);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..200 {
                        family.get(["p", &format!("m{}", n % 50)]).inc();
                    }
                });
            }
        });
        let counted: u64 = family.members().iter().map(|m| m.metric.get()).sum();
        assert_eq!(counted, 800);
        assert_eq!(family.members().len(), 41);
    }
}
