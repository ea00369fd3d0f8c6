use super::*;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

fn slots(max: u32, queue: u32) -> Arc<Slots> {
    Arc::new(Slots::new(&config::Concurrency {
        max_concurrency: max,
        queue_size: queue,
        ..config::Concurrency::default()
    }))
}

type Taking = Pin<Box<dyn Future<Output = Result<Slot, Full>>>>;

/// Asks for a place, and gets as far as that goes at once.
fn ask(slots: &Arc<Slots>, principal: &str) -> (Taking, Option<Result<Slot, Full>>) {
    let (slots, principal) = (slots.clone(), Arc::<str>::from(principal));
    let mut taking: Taking = Box::pin(async move { slots.take(&principal, None).await });
    let now = poll(&mut taking);
    (taking, now)
}

fn poll(taking: &mut Taking) -> Option<Result<Slot, Full>> {
    match taking
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

fn taken(slots: &Slots) -> (u64, u64) {
    let load = slots.load();
    (load.taken, load.waiting)
}

#[test]
fn places_are_taken_waited_for_and_given_back() {
    let slots = slots(2, 1);
    let (_, first) = ask(&slots, "a");
    let (_, second) = ask(&slots, "a");
    let (mut third, waits) = ask(&slots, "a");
    assert!(first.is_some() && waits.is_none());
    assert_eq!(taken(&slots), (2, 1));
    let (_, full) = ask(&slots, "a");
    assert_eq!(full.unwrap().unwrap_err(), Full::NoRoom, "case 17");
    drop(second);
    let third = poll(&mut third);
    assert!(third.is_some_and(|slot| slot.is_ok()));
    assert_eq!(taken(&slots), (1, 0));
    drop(first);
    assert_eq!(taken(&slots), (0, 0));
}

/// Z17: a place that falls free goes to who has waited, not to who comes by.
#[test]
fn z17_nobody_overtakes_those_who_wait() {
    let slots = slots(1, 8);
    let (_, held) = ask(&slots, "a");
    let (mut waits, _) = ask(&slots, "a");
    drop(held);
    let (_late, late) = ask(&slots, "b");
    assert!(late.is_none());
    assert!(poll(&mut waits).is_some());
}

/// Z17: one principal's thousand calls delay another's one call by one place.
#[test]
fn z17_places_go_round_the_principals() {
    let slots = slots(1, 100);
    let (_, held) = ask(&slots, "greedy");
    let mut queue: Vec<_> = (0..5)
        .map(|_| ("greedy", ask(&slots, "greedy").0))
        .collect();
    queue.extend((0..2).map(|_| ("modest", ask(&slots, "modest").0)));
    let mut served = Vec::new();
    let mut free = held;
    while !queue.is_empty() {
        drop(free.take());
        let place = queue.iter_mut().position(|(_, taking)| {
            free = poll(taking);
            free.is_some()
        });
        served.push(queue.remove(place.expect("somebody is next")).0);
    }
    let expected = [
        "greedy", "modest", "greedy", "modest", "greedy", "greedy", "greedy",
    ];
    assert_eq!(served, expected);
}

#[test]
fn whoever_leaves_the_queue_makes_room_and_delays_nobody() {
    let slots = slots(1, 2);
    let (_, held) = ask(&slots, "a");
    let (gone, _) = ask(&slots, "a");
    let (mut stays, _) = ask(&slots, "a");
    drop(gone);
    assert_eq!(taken(&slots), (1, 1));
    drop(held);
    assert!(poll(&mut stays).is_some());
    assert_eq!(taken(&slots), (0, 0));
}

#[test]
fn a_turn_that_came_too_late_goes_on_to_the_next() {
    let slots = slots(1, 8);
    let (_, held) = ask(&slots, "a");
    let (granted, _) = ask(&slots, "a");
    let (mut next, _) = ask(&slots, "a");
    drop(held);
    drop(granted);
    assert!(poll(&mut next).is_some());
    assert_eq!(taken(&slots), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn z17_a_wait_has_its_own_end() {
    let slots = Arc::new(Slots::new(&config::Concurrency {
        max_concurrency: 1,
        max_wait: Some(Duration::from_secs(2)),
        ..config::Concurrency::default()
    }));
    let who = Arc::from("a");
    let held = slots.take(&who, None).await.unwrap();
    let begun = Instant::now();
    assert_eq!(slots.take(&who, None).await.unwrap_err(), Full::InVain);
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    let soon = Some(Instant::now() + Duration::from_secs(1));
    assert_eq!(
        slots.take(&who, soon).await.unwrap_err(),
        Full::InVain,
        "case 17"
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!(taken(&slots), (1, 0));
    drop(held);
    assert!(slots.take(&who, None).await.is_ok());
}

#[test]
fn z17_there_is_a_way_to_say_no_queue() {
    for (no_queue, size, room) in [(true, 0, 0), (false, 0, 1_000), (false, 7, 7)] {
        let slots = Slots::new(&config::Concurrency {
            max_concurrency: 1,
            queue_size: size,
            no_queue,
            ..config::Concurrency::default()
        });
        assert_eq!(slots.room, room);
    }
}

#[test]
fn z17_an_adaptive_bound_falls_when_pushed_and_climbs_back() {
    let slots = Slots::new(&config::Concurrency {
        max_concurrency: 100,
        adaptive: true,
        ..config::Concurrency::default()
    });
    let at = |seconds: u64| Moment::of_micros(seconds * 1_000_000);
    let limit = || slots.load().limit;
    assert_eq!(limit(), 100);
    for _ in 0..10 {
        slots.feel(at(1), Felt::Pushed);
    }
    assert_eq!(limit(), 70, "once for all the calls of one moment");
    slots.feel(at(3), Felt::Slow);
    assert_eq!(limit(), 63);
    slots.feel(at(3), Felt::Well);
    assert_eq!(limit(), 63, "an idle target proves nothing");
    for _ in 0..50 {
        assert!(slots.count.take(u64::MAX));
    }
    for _ in 0..10_000 {
        slots.feel(at(4), Felt::Well);
    }
    assert_eq!(limit(), 100, "and never over what the operator allows");
    for second in 10..100 {
        slots.feel(at(second * 2), Felt::Pushed);
    }
    assert_eq!(limit(), 1);
}

#[tokio::test]
async fn many_tasks_at_once_never_pass_the_bound_and_all_come_through() {
    let slots = slots(3, 1_000);
    let most = std::cell::Cell::new(0);
    let calls = (0..200).map(|number| {
        let (slots, most) = (&slots, &most);
        async move {
            let principal = Arc::from(format!("p{}", number % 7));
            let slot = slots.take(&principal, None).await.unwrap();
            most.set(most.get().max(slots.load().taken));
            tokio::task::yield_now().await;
            drop(slot);
        }
    });
    pin!(futures_util::future::join_all(calls)).await;
    assert_eq!((most.get(), taken(&slots)), (3, (0, 0)));
}
