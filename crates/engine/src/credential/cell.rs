//! A value that runs out and is fetched anew: read without a lock, renewed before it runs out, by one
//! fetch at a time that no caller can cut short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use providers::auth::Granted;
use tokio::sync::watch;
use tokio::time::Instant;

/// A value is renewed this long before its end.
const EARLY: Duration = Duration::from_mins(5);
/// No value is believed to last longer.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// Processes that began together renew up to this much apart.
const SPREAD: Duration = Duration::from_mins(1);
/// The longest that a caller without a value waits for one.
const WAIT: Duration = Duration::from_secs(15);
/// Between fetches that fail: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How a value is fetched. What goes wrong comes as a text without secrets.
pub(crate) type Fetch<T> =
    Box<dyn Fn() -> BoxFuture<'static, Result<Granted<T>, String>> + Send + Sync>;

/// A value and its times.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) value: T,
    since: Instant,
    /// When it is to be renewed, and when it ends; never, if it does not end.
    times: Option<(Instant, Instant)>,
}

impl<T> Held<T> {
    fn is_fresh(&self, now: Instant) -> bool {
        self.times.is_none_or(|(renew, _)| now < renew)
    }

    fn is_good(&self, now: Instant) -> bool {
        self.times.is_none_or(|(_, end)| now < end)
    }
}

/// Why there is no value, and when it will be tried again.
#[derive(Debug)]
struct Trouble {
    why: Box<str>,
    times: u32,
    until: Instant,
}

/// A value that runs out and is fetched anew.
pub(crate) struct Cell<T> {
    /// What it is, for the log.
    name: Box<str>,
    held: ArcSwapOption<Held<T>>,
    trouble: ArcSwapOption<Trouble>,
    busy: AtomicBool,
    rounds: watch::Sender<()>,
    fetch: Fetch<T>,
}

impl<T: Send + Sync + 'static> Cell<T> {
    /// Nothing yet.
    pub(crate) fn new(name: impl Into<Box<str>>, fetch: Fetch<T>) -> Arc<Cell<T>> {
        Arc::new(Cell {
            name: name.into(),
            held: ArcSwapOption::empty(),
            trouble: ArcSwapOption::empty(),
            busy: AtomicBool::new(false),
            rounds: watch::Sender::new(()),
            fetch,
        })
    }

    /// The value. While there is a good one nobody waits; without one, as long as one fetch takes.
    pub(crate) async fn get(self: &Arc<Cell<T>>) -> Result<Arc<Held<T>>, String> {
        let now = Instant::now();
        if let Some(held) = self.good(now) {
            if !held.is_fresh(now) {
                self.begin(now);
            }
            return Ok(held);
        }
        let waiting = tokio::time::timeout(WAIT, self.wait());
        waiting
            .await
            .unwrap_or_else(|_| Err(format!("{}: nothing within {WAIT:?}", self.name)))
    }

    async fn wait(self: &Arc<Cell<T>>) -> Result<Arc<Held<T>>, String> {
        loop {
            // Before looking, so that no round is missed.
            let mut rounds = self.rounds.subscribe();
            let now = Instant::now();
            if let Some(held) = self.good(now) {
                return Ok(held);
            }
            let trouble = self.trouble.load_full();
            if let Some(trouble) = trouble.filter(|trouble| now < trouble.until) {
                return Err(format!("{}: {}", self.name, trouble.why));
            }
            self.begin(now);
            // The sender lives as long as the cell.
            let _ = rounds.changed().await;
        }
    }

    /// What is held, good or not.
    pub(crate) fn peek(&self) -> Option<Arc<Held<T>>> {
        self.held.load_full()
    }

    fn good(&self, now: Instant) -> Option<Arc<Held<T>>> {
        self.held.load_full().filter(|held| held.is_good(now))
    }

    /// Gives up a value that was refused, unless it is younger than that or cannot be renewed.
    /// Whether there may be a better one.
    pub(crate) fn forget(&self, used: &Arc<Held<T>>, younger: Duration) -> bool {
        let held = self.held.load_full();
        let Some(held) = held.filter(|held| Arc::ptr_eq(held, used)) else {
            // Somebody else has renewed it meanwhile.
            return true;
        };
        if held.times.is_none() || held.since.elapsed() < younger {
            return false;
        }
        self.held.compare_and_swap(&held, None);
        true
    }

    /// Begins a fetch unless one is under way or the last one failed just now.
    fn begin(self: &Arc<Cell<T>>, now: Instant) {
        let paused = |trouble: &Arc<Trouble>| now < trouble.until;
        if self.trouble.load().as_ref().is_some_and(paused) {
            return;
        }
        if self.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let turn = Turn(self.clone());
        // A fetch that ended between the look and the turn has done the work.
        if self
            .held
            .load()
            .as_ref()
            .is_some_and(|held| held.is_fresh(now))
        {
            return;
        }
        // By itself: a client that leaves takes no token from the others.
        tokio::spawn(async move { turn.0.round().await });
    }

    async fn round(&self) {
        match (self.fetch)().await {
            Ok(granted) => self.keep(granted),
            Err(why) => self.complain(why),
        }
    }

    fn keep(&self, granted: Granted<T>) {
        let now = Instant::now();
        let times = granted.lifetime.map(|lifetime| {
            let lifetime = lifetime.min(LONGEST);
            let early = (EARLY + spread()).min(lifetime / 5);
            (now + lifetime.saturating_sub(early), now + lifetime)
        });
        self.held.store(Some(Arc::new(Held {
            value: granted.value,
            since: now,
            times,
        })));
        if let Some(trouble) = self.trouble.swap(None) {
            tracing::info!(credential = %self.name, failures = trouble.times, "a credential can be had again");
        }
    }

    fn complain(&self, why: String) {
        let now = Instant::now();
        let before = self.trouble.load().as_ref().map_or(0, |last| last.times);
        let pause = (PAUSE.0 * 2u32.saturating_pow(before.min(8))).min(PAUSE.1);
        let left = self.held.load().as_ref().and_then(|held| held.times);
        let good_for = left.map(|(_, end)| end.saturating_duration_since(now).as_secs());
        tracing::warn!(credential = %self.name, reason = %why, again_in = ?pause, good_for, "a credential cannot be had");
        self.trouble.store(Some(Arc::new(Trouble {
            why: why.into(),
            times: before + 1,
            until: now + pause,
        })));
    }
}

/// The right to fetch. Given back when the fetch ends, however it ends.
struct Turn<T>(Arc<Cell<T>>);

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
        self.0.rounds.send_replace(());
    }
}

/// Some part of [`SPREAD`].
fn spread() -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0u8);
    SPREAD * u32::try_from(random % 64).unwrap_or_default() / 64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A service that counts, takes its time and follows a script: a lifetime, or a failure.
    struct Service {
        asked: AtomicUsize,
        takes: Duration,
        script: Vec<Result<Option<u64>, &'static str>>,
    }

    fn cell(
        takes: u64,
        script: &[Result<Option<u64>, &'static str>],
    ) -> (Arc<Cell<usize>>, Arc<Service>) {
        let service = Arc::new(Service {
            asked: AtomicUsize::new(0),
            takes: Duration::from_secs(takes),
            script: script.to_vec(),
        });
        let asked = service.clone();
        let fetch: Fetch<usize> = Box::new(move || {
            let service = asked.clone();
            Box::pin(async move {
                let number = service.asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(service.takes).await;
                let last = service.script.len() - 1;
                match service.script[number.min(last)] {
                    Ok(lifetime) => Ok(Granted {
                        value: number,
                        lifetime: lifetime.map(Duration::from_secs),
                    }),
                    Err(why) => Err(why.to_owned()),
                }
            })
        });
        (Cell::new("a token", fetch), service)
    }

    async fn value(cell: &Arc<Cell<usize>>) -> Result<usize, String> {
        cell.get().await.map(|held| held.value)
    }

    fn asked(service: &Service) -> usize {
        service.asked.load(Ordering::SeqCst)
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_callers_at_once_are_one_fetch() {
        let (cell, service) = cell(2, &[Ok(Some(3600))]);
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let cell = cell.clone();
            calls.spawn(async move { value(&cell).await });
        }
        assert!(calls.join_all().await.iter().all(|got| *got == Ok(0)));
        assert_eq!(asked(&service), 1);
        pass(600).await;
        assert_eq!((value(&cell).await, asked(&service)), (Ok(0), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a05_it_is_renewed_early_while_the_old_one_still_serves() {
        let (cell, service) = cell(10, &[Ok(Some(3600))]);
        assert_eq!(value(&cell).await, Ok(0));
        pass(3600 - 7 * 60).await;
        assert_eq!((value(&cell).await, asked(&service)), (Ok(0), 1));
        pass(3 * 60).await;
        let before = Instant::now();
        assert_eq!(value(&cell).await, Ok(0));
        assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits");
        pass(11).await;
        assert_eq!((value(&cell).await, asked(&service)), (Ok(1), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_life_is_not_spent_on_renewals() {
        let (cell, service) = cell(0, &[Ok(Some(60))]);
        assert_eq!(value(&cell).await, Ok(0));
        pass(40).await;
        assert_eq!((value(&cell).await, asked(&service)), (Ok(0), 1));
        pass(10).await;
        let _ = value(&cell).await;
        pass(1).await;
        assert_eq!((value(&cell).await, asked(&service)), (Ok(1), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a05_a_failed_renewal_keeps_the_old_one_to_its_very_end() {
        let (cell, service) = cell(0, &[Ok(Some(3600)), Err("down")]);
        assert_eq!(value(&cell).await, Ok(0));
        pass(3600 - 60).await;
        for _ in 0..59 {
            assert_eq!(value(&cell).await, Ok(0));
            pass(1).await;
        }
        assert!(
            (3..20).contains(&asked(&service)),
            "pauses between: {}",
            asked(&service)
        );
        pass(1).await;
        assert_eq!(value(&cell).await, Err("a token: down".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_pause_and_success_ends_them() {
        let (cell, service) = cell(0, &[Err("down"), Err("still down"), Ok(None)]);
        assert_eq!(value(&cell).await, Err("a token: down".into()));
        assert_eq!(value(&cell).await, Err("a token: down".into()));
        assert_eq!(asked(&service), 1, "no storm");
        pass(1).await;
        assert_eq!(value(&cell).await, Err("a token: still down".into()));
        pass(1).await;
        assert_eq!(value(&cell).await, Err("a token: still down".into()));
        pass(1).await;
        assert_eq!(value(&cell).await, Ok(2));
        pass(1_000_000).await;
        assert_eq!(
            (value(&cell).await, asked(&service)),
            (Ok(2), 3),
            "without end"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_takes_nothing_from_the_others() {
        let (cell, service) = cell(5, &[Ok(Some(3600))]);
        let leaving = tokio::time::timeout(Duration::from_secs(1), cell.get()).await;
        assert!(leaving.is_err());
        assert_eq!((value(&cell).await, asked(&service)), (Ok(0), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (cell, _) = cell(1000, &[Ok(Some(3600))]);
        let error = value(&cell).await.unwrap_err();
        assert_eq!(error, "a token: nothing within 15s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_panics_lets_the_next_one_try() {
        let first = AtomicBool::new(true);
        let cell = Cell::<usize>::new(
            "a token",
            Box::new(move || {
                assert!(!first.swap(false, Ordering::SeqCst), "a panic on purpose");
                Box::pin(async {
                    Ok(Granted {
                        value: 7,
                        lifetime: None,
                    })
                })
            }),
        );
        assert_eq!(value(&cell).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a05_a_refused_one_is_fetched_anew_but_not_again_and_again() {
        let (cell, service) = cell(0, &[Ok(Some(3600))]);
        let young = Duration::from_secs(30);
        let first = cell.get().await.unwrap();
        assert!(!cell.forget(&first, young), "too young to be over");
        pass(31).await;
        assert!(cell.forget(&first, young));
        let second = cell.get().await.unwrap();
        assert_eq!((second.value, asked(&service)), (1, 2));
        assert!(cell.forget(&first, young), "another caller has renewed it");
        assert_eq!((value(&cell).await, asked(&service)), (Ok(1), 2));
        let (endless, _) = self::cell(0, &[Ok(None)]);
        let held = endless.get().await.unwrap();
        pass(100).await;
        assert!(!endless.forget(&held, young), "there is no other");
    }
}
