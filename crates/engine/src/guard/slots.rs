//! How many calls a target has at a time, and who waits for the next place.
//!
//! Taking a free place and giving it back are one step on one atomic word. Only who finds no place
//! takes the lock of the queue. Places that fall free go to the principals in turn, and to the calls
//! of one principal in the order they came: a principal with a thousand calls waiting delays another's
//! one call by one place, not by a thousand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::clock::Moment;
use super::pace::{Felt, Pace};
use super::sync::{AtomicU64, Mutex, Ordering, locked};

/// Places taken, and calls that wait: 32 bits of one word each.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

const TAKEN: u64 = 1;
const WAITING: u64 = 1 << 32;

fn taken(word: u64) -> u64 {
    word & (WAITING - 1)
}

fn waiting(word: u64) -> u64 {
    word >> 32
}

impl Count {
    /// Takes a place if one is free and nobody has waited for it.
    pub(super) fn take(&self, limit: u64) -> bool {
        self.step(|word| (waiting(word) == 0 && taken(word) < limit).then(|| word + TAKEN))
    }

    /// Joins those who wait, unless there is a place after all; an error when there is no room to
    /// wait. Under the lock of the queue.
    fn join(&self, limit: u64, room: u64) -> Result<Joined, ()> {
        let mut joined = Err(());
        self.step(|word| {
            let (next, how) = if waiting(word) == 0 && taken(word) < limit {
                (word + TAKEN, Joined::Took)
            } else if waiting(word) < room {
                (word + WAITING, Joined::Waits)
            } else {
                joined = Err(());
                return None;
            };
            joined = Ok(how);
            Some(next)
        });
        joined
    }

    /// One of those who wait has left. Under the lock of the queue.
    fn leave(&self) {
        self.0.fetch_sub(WAITING, Ordering::AcqRel);
    }

    /// Gives a place back; `false` when somebody waits, who must be given it instead.
    fn give(&self) -> bool {
        self.step(|word| (waiting(word) == 0).then(|| word - TAKEN))
    }

    /// Gives a place back although somebody waits. Under the lock of the queue, by whoever then
    /// lets in those for whom there is room.
    fn give_up(&self) {
        self.0.fetch_sub(TAKEN, Ordering::AcqRel);
    }

    /// Turns one who waits into one who has a place, if there is one. Under the lock of the queue.
    fn let_in(&self, limit: u64) -> bool {
        self.step(|word| (waiting(word) > 0 && taken(word) < limit).then(|| word - WAITING + TAKEN))
    }

    fn now(&self) -> (u64, u64) {
        let word = self.0.load(Ordering::Acquire);
        (taken(word), waiting(word))
    }

    fn step(&self, step: impl FnMut(u64) -> Option<u64>) -> bool {
        let (both, load) = (Ordering::AcqRel, Ordering::Acquire);
        self.0.fetch_update(both, load, step).is_ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joined {
    Took,
    Waits,
}

/// The places of a target.
#[derive(Debug)]
pub(super) struct Slots {
    count: Count,
    most: u64,
    room: u64,
    max_wait: Option<Duration>,
    /// What the target bears just now, if that is found out.
    pace: Option<Pace>,
    queue: Mutex<Queue>,
}

/// A place that is taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Slots>);

/// How many calls are under way, how many may be, and how many wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls under way.
    pub taken: u64,
    /// How many may be.
    pub limit: u64,
    /// Calls that wait.
    pub waiting: u64,
}

impl Slots {
    pub(super) fn new(spec: &config::Concurrency) -> Slots {
        let most = spec.max_concurrency.max(1).into();
        Slots {
            count: Count::default(),
            most,
            room: match (spec.no_queue, spec.queue_size) {
                (true, _) => 0,
                (false, 0) => 1_000,
                (false, size) => size.into(),
            },
            max_wait: spec.max_wait,
            pace: spec.adaptive.then(|| Pace::at(most)),
            queue: Mutex::new(Queue::default()),
        }
    }

    /// A place, after waiting for it if need be, but not past `until`.
    pub(super) async fn take(
        self: &Arc<Self>,
        principal: &Arc<str>,
        until: Option<Instant>,
    ) -> Result<Slot, Full> {
        if self.count.take(self.limit()) {
            return Ok(Slot(self.clone()));
        }
        let Some(mut ticket) = self.join(principal)? else {
            return Ok(Slot(self.clone()));
        };
        let patience = self.max_wait.map(|wait| Instant::now() + wait);
        let end = until.into_iter().chain(patience).min();
        let granted = match end {
            Some(end) => timeout_at(end, &mut ticket.granted).await.is_ok(),
            None => (&mut ticket.granted).await.is_ok(),
        };
        if granted {
            Ok(ticket.take())
        } else {
            Err(Full::InVain)
        }
    }

    /// A ticket, or nothing when a place fell free meanwhile.
    fn join(self: &Arc<Self>, principal: &Arc<str>) -> Result<Option<Ticket>, Full> {
        let mut queue = locked!(self.queue);
        match self.count.join(self.limit(), self.room) {
            Err(()) => Err(Full::NoRoom),
            Ok(Joined::Took) => Ok(None),
            Ok(Joined::Waits) => {
                let (number, granted) = queue.push(principal);
                Ok(Some(Ticket {
                    slots: Some(self.clone()),
                    number,
                    granted,
                }))
            }
        }
    }

    fn limit(&self) -> u64 {
        self.pace.as_ref().map_or(self.most, Pace::limit)
    }

    pub(super) fn load(&self) -> Load {
        let (taken, waiting) = self.count.now();
        Load {
            taken,
            limit: self.limit(),
            waiting,
        }
    }

    /// Takes in how a call went, where the bound is found out.
    pub(super) fn feel(&self, now: Moment, felt: Felt) {
        if let Some(pace) = &self.pace {
            pace.feel(now, felt, self.most, self.count.now().0);
        }
    }

    fn give_back(&self) {
        if self.count.give() {
            return;
        }
        let mut queue = locked!(self.queue);
        self.count.give_up();
        while self.count.let_in(self.limit()) {
            if !queue.grant() {
                // The one whose turn it was has gone.
                self.count.give_up();
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// As many wait as may.
    NoRoom,
    /// It waited as long as it may.
    InVain,
}

/// A turn in the queue. Whoever leaves it is forgotten; a place that came too late goes on to the next.
struct Ticket {
    slots: Option<Arc<Slots>>,
    number: u64,
    granted: oneshot::Receiver<()>,
}

impl Ticket {
    fn take(mut self) -> Slot {
        // Taken once: `drop` finds nothing left to do.
        match self.slots.take() {
            Some(slots) => Slot(slots),
            None => unreachable!("a ticket is taken once"),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(slots) = self.slots.take() else {
            return;
        };
        let left = {
            let mut queue = locked!(slots.queue);
            let left = queue.remove(self.number);
            if left {
                slots.count.leave();
            }
            left
        };
        // Not in the queue any more: its turn had come.
        if !left {
            drop(Slot(slots));
        }
    }
}

/// Those who wait, by principal. Whose turn it is stands in front.
#[derive(Debug, Default)]
struct Queue {
    next: u64,
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    principal: Arc<str>,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Queue {
    fn push(&mut self, principal: &Arc<str>) -> (u64, oneshot::Receiver<()>) {
        let (grant, granted) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        let known = self
            .lines
            .iter_mut()
            .find(|line| line.principal == *principal);
        match known {
            Some(line) => line.waiting.push_back((number, grant)),
            None => self.lines.push_back(Line {
                principal: principal.clone(),
                waiting: VecDeque::from([(number, grant)]),
            }),
        }
        (number, granted)
    }

    /// Lets the next one through; `false` when that one has gone.
    fn grant(&mut self) -> bool {
        let Some(mut line) = self.lines.pop_front() else {
            return false;
        };
        let first = line.waiting.pop_front();
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        first.is_some_and(|(_, grant)| grant.send(()).is_ok())
    }

    fn remove(&mut self, number: u64) -> bool {
        for (place, line) in self.lines.iter_mut().enumerate() {
            if let Some(at) = line.waiting.iter().position(|(known, _)| *known == number) {
                line.waiting.remove(at);
                if line.waiting.is_empty() {
                    self.lines.remove(place);
                }
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

#[cfg(test)]
#[cfg(feature = "loom")]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_two_cores_never_take_one_place_twice() {
        loom::model(|| {
            let count = Arc::new(Count::default());
            let other = count.clone();
            let core = thread::spawn(move || other.take(1));
            let here = count.take(1);
            assert!(here ^ core.join().unwrap());
        });
    }

    /// Nobody waits for ever: who joins while the last place is given back either takes it or is
    /// handed it.
    #[test]
    fn loom_a_place_given_back_reaches_who_is_about_to_wait() {
        loom::model(|| {
            let count = Arc::new(Count::default());
            let lock = Arc::new(Mutex::new(()));
            assert!(count.take(1));
            let (other, others_lock) = (count.clone(), lock.clone());
            let core = thread::spawn(move || {
                if other.give() {
                    return false;
                }
                let _queue = locked!(others_lock);
                other.give_up();
                other.let_in(1)
            });
            let joined = {
                let _queue = locked!(lock);
                count.join(1, 8)
            };
            let handed = core.join().unwrap();
            assert_eq!(handed, joined == Ok(Joined::Waits));
            assert_eq!(count.now(), (1, 0));
        });
    }
}
