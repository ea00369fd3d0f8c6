use std::time::Duration;

use tokio::time::Instant;
use wire::fault::{Fault, Kind};

use super::super::standing::Bar;
use super::super::vital::Answer;
use super::*;

fn spec(failures: u32) -> GuardSpec {
    GuardSpec {
        target: "lab".into(),
        provider: "acme".into(),
        breaker: Some(config::CircuitBreaker {
            failure_threshold: failures,
            ..config::CircuitBreaker::default()
        }),
        ..GuardSpec::default()
    }
}

fn who() -> Arc<str> {
    Arc::from("app")
}

async fn fail(guard: &Guard, model: &str, kind: Kind) {
    let admission = guard.vital(model, true).admit(&who(), None).await.unwrap();
    let mut fault = Fault::new(kind);
    // Without a vendor's word it is a credential that could not be had.
    fault.upstream_status = Some(401).filter(|_| kind == Kind::UpstreamAuth);
    admission.fail(&fault, Answer::Whole, Duration::from_millis(1));
}

async fn succeed(guard: &Guard, model: &str) {
    let mut admission = guard.vital(model, true).admit(&who(), None).await.unwrap();
    admission.answered(Answer::Whole, Duration::from_millis(80));
    admission.succeed();
}

fn bar(guard: &Guard, model: &str) -> Option<Bar> {
    let standing = guard
        .vital(model, true)
        .standing(guard.clock().now(), Answer::Whole);
    standing.barred.map(|barred| barred.why)
}

#[tokio::test(start_paused = true)]
async fn z5_one_bad_model_closes_only_itself() {
    let guard = Guards::default().of("lab", &spec(3));
    for _ in 0..3 {
        fail(&guard, "bad", Kind::UpstreamError).await;
    }
    assert_eq!(bar(&guard, "bad"), Some(Bar::Open));
    assert_eq!(bar(&guard, "good"), None);
    assert_eq!(guard.state(), State::Open, "people hear of it all the same");
}

#[tokio::test(start_paused = true)]
async fn z5_a_target_that_fails_with_every_model_is_closed_as_a_whole() {
    let guard = Guards::default().of("lab", &spec(3));
    for model in ["a", "b", "c", "d"] {
        assert_eq!(bar(&guard, model), None, "{model}");
        fail(&guard, model, Kind::UpstreamError).await;
    }
    assert_eq!(bar(&guard, "never tried"), Some(Bar::Open));
}

#[tokio::test(start_paused = true)]
async fn z5_what_cannot_be_reached_is_the_target_whatever_the_model() {
    let guard = Guards::default().of("lab", &spec(3));
    for _ in 0..3 {
        fail(&guard, "a", Kind::UpstreamUnreachable).await;
    }
    assert_eq!(bar(&guard, "b"), Some(Bar::Open));
}

#[tokio::test(start_paused = true)]
async fn z5_models_that_work_in_between_keep_the_target_open() {
    let guard = Guards::default().of("lab", &spec(3));
    for round in 0..10 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        fail(&guard, &a, Kind::UpstreamError).await;
        fail(&guard, &b, Kind::UpstreamError).await;
        succeed(&guard, "good").await;
    }
    assert_eq!(bar(&guard, "good"), None);
}

/// Z1 and case 20: what is nobody's, the caller's or the gateway's own says nothing of the target.
#[tokio::test(start_paused = true)]
async fn z1_only_what_is_the_targets_opens_its_breaker() {
    for (kind, opens) in [
        (Kind::UpstreamError, true),
        (Kind::UpstreamTimeout, true),
        (Kind::UpstreamSilent, true),
        (Kind::UpstreamInvalid, true),
        (Kind::UpstreamCut, true),
        (Kind::UpstreamAuth, true),
        (Kind::GatewayTimeout, true),
        (Kind::UpstreamUnreachable, true),
        (Kind::UpstreamRejected, false),
        (Kind::UpstreamModelNotFound, false),
        (Kind::UpstreamRateLimited, false),
        (Kind::UnsupportedParameter, false),
        (Kind::ProviderSaturated, false),
        (Kind::ClientGone, false),
    ] {
        let guard = Guards::default().of("lab", &spec(2));
        for _ in 0..2 {
            fail(&guard, "m", kind).await;
        }
        assert_eq!(bar(&guard, "m") == Some(Bar::Open), opens, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_16_a_call_that_is_given_up_gives_back_its_probe_and_its_place() {
    let mut spec = spec(1);
    spec.concurrency = Some(config::Concurrency {
        max_concurrency: 1,
        ..config::Concurrency::default()
    });
    let guard = Guards::default().of("lab", &spec);
    fail(&guard, "m", Kind::UpstreamError).await;
    tokio::time::advance(Duration::from_secs(40)).await;
    let vital = guard.vital("m", true);
    let probe = vital.admit(&who(), None).await.unwrap();
    assert_eq!(bar(&guard, "m"), Some(Bar::Probing));
    let refused = vital.admit(&who(), None).await.unwrap_err();
    assert_eq!(refused.kind, Kind::UpstreamUnavailable);
    drop(probe);
    assert_eq!(guard.load().map(|load| load.taken), Some(0));
    let probe = vital.admit(&who(), None).await.unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _probe = probe;
        std::panic::resume_unwind(Box::new("a decoder broke"));
    }));
    assert!(panicked.is_err());
    assert_eq!(bar(&guard, "m"), None, "a probe is free again");
    succeed(&guard, "m").await;
    assert_eq!(guard.state(), State::Closed);
}

/// Z7: whoever is refused learns when the breaker lets calls through again.
#[tokio::test(start_paused = true)]
async fn z7_a_refusal_says_when_to_come_back() {
    let guard = Guards::default().of("lab", &spec(1));
    fail(&guard, "m", Kind::UpstreamError).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let refused = guard
        .vital("m", true)
        .admit(&who(), None)
        .await
        .unwrap_err();
    let wait = refused.retry_after.unwrap();
    assert!((20..=23).contains(&wait.as_secs()), "{wait:?}");
}

/// Z17: who waits for a place holds no probe meanwhile.
#[tokio::test(start_paused = true)]
async fn z17_a_place_is_waited_for_before_a_probe_is_taken() {
    let mut spec = spec(1);
    spec.concurrency = Some(config::Concurrency {
        max_concurrency: 1,
        ..config::Concurrency::default()
    });
    let guard = Guards::default().of("lab", &spec);
    let held = guard
        .vital("other", true)
        .admit(&who(), None)
        .await
        .unwrap();
    let failing = guard.vital("m", true);
    drop(held);
    fail(&guard, "m", Kind::UpstreamError).await;
    tokio::time::advance(Duration::from_secs(40)).await;
    let held = guard
        .vital("other", true)
        .admit(&who(), None)
        .await
        .unwrap();
    let soon = Some(Instant::now() + Duration::from_secs(1));
    let waiting = tokio::spawn({
        let failing = failing.clone();
        async move { failing.admit(&who(), soon).await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert_eq!(guard.load().map(|load| load.waiting), Some(1));
    assert_eq!(bar(&guard, "m"), None, "the probe is still free");
    let full = waiting.await.unwrap().unwrap_err();
    assert_eq!(
        full.kind,
        Kind::ProviderSaturated,
        "case 17: never a timeout"
    );
    assert_eq!(bar(&guard, "m"), None, "case 17: the breaker is untouched");
    drop(held);
}

/// Case 21, and what else a reload keeps.
#[tokio::test(start_paused = true)]
async fn case_21_a_reload_keeps_a_breaker_whose_words_did_not_change() {
    let guards = Guards::default();
    let first = guards.of("lab", &spec(1));
    succeed(&first, "m").await;
    fail(&first, "m", Kind::UpstreamError).await;
    assert!(
        Arc::ptr_eq(&first, &guards.of("lab", &spec(1))),
        "the same words"
    );

    let mut more_places = spec(1);
    more_places.concurrency = Some(config::Concurrency {
        max_concurrency: 9,
        ..config::Concurrency::default()
    });
    let second = guards.of("lab", &more_places);
    assert_eq!(bar(&second, "m"), Some(Bar::Open), "another part changed");

    let third = guards.of("lab", &spec(7));
    assert_eq!(
        bar(&third, "m"),
        None,
        "its own words changed: a fresh one, closed"
    );
    let vital = third.vital("m", true);
    let standing = vital.standing(third.clock().now(), Answer::Whole);
    assert!(
        standing.latency.is_some(),
        "times are kept whatever changes"
    );

    let elsewhere = guards.of("lab at another address", &spec(1));
    assert_eq!(bar(&elsewhere, "m"), None, "another target");
}

#[tokio::test(start_paused = true)]
async fn z2_an_outcome_counts_for_the_breaker_that_admitted_the_call() {
    let guards = Guards::default();
    let before = guards.of("lab", &spec(1));
    let admission = before.vital("m", true).admit(&who(), None).await.unwrap();
    let after = guards.of("lab", &spec(2));
    admission.fail(
        &Fault::new(Kind::UpstreamError),
        Answer::Whole,
        Duration::ZERO,
    );
    assert_eq!(bar(&after, "m"), None);
    assert_eq!(bar(&before, "m"), Some(Bar::Open));
}

/// R13: a target that only fails is not taken for one that nobody knows yet, or for a fast one.
#[tokio::test(start_paused = true)]
async fn r13_failures_count_as_slow() {
    let guard = Guards::default().of("lab", &spec(9));
    fail(&guard, "bad", Kind::UpstreamError).await;
    succeed(&guard, "good").await;
    let latency = |model| {
        let vital = guard.vital(model, true);
        vital
            .standing(guard.clock().now(), Answer::Whole)
            .latency
            .unwrap()
    };
    assert!(latency("bad") > latency("good") * 10);
    fail(&guard, "good", Kind::UpstreamRejected).await;
    assert_eq!(
        latency("good").as_millis(),
        80,
        "the caller's faults say nothing"
    );
}

/// R12: times of streams and of whole answers are not mixed.
#[tokio::test(start_paused = true)]
async fn r12_times_are_kept_by_the_kind_of_answer() {
    let guard = Guards::default().of("lab", &spec(9));
    succeed(&guard, "m").await;
    let (vital, now) = (guard.vital("m", true), guard.clock().now());
    assert!(vital.standing(now, Answer::Whole).latency.is_some());
    assert_eq!(vital.standing(now, Answer::Stream).latency, None);
}

#[test]
fn names_from_outside_find_a_bound() {
    let guard = Guards::default().of("lab", &spec(9));
    for number in 0..2 * MODELS_MAX {
        guard.vital(&format!("made up {number}"), false);
    }
    assert_eq!(guard.models.load().len(), MODELS_MAX);
    let (one, other) = (
        guard.vital("one more", false),
        guard.vital("another", false),
    );
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(
        guard.vital("its own", true).model(),
        "its own",
        "the target's own have room"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_check_fails_takes_no_call() {
    let mut spec = spec(9);
    spec.health = Some(config::HealthCheck {
        unhealthy_after: 1,
        ..config::HealthCheck::default()
    });
    let guard = Guards::default().of("lab", &spec);
    guard.checked(false);
    assert_eq!(bar(&guard, "m"), Some(Bar::Unhealthy));
    assert!(guard.vital("m", true).admit(&who(), None).await.is_err());
    guard.checked(true);
    succeed(&guard, "m").await;
}

/// How long the guard of a target takes on the way of a call that goes well. Run with
/// `cargo test -p ferrogw-engine --release --lib untroubled -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn what_an_untroubled_call_costs() {
    let spec = GuardSpec {
        target: "lab".into(),
        ..GuardSpec::default()
    };
    let guard = Guards::default().of("lab", &spec);
    let (who, calls) = (who(), 200_000);
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        for _ in 0..calls {
            let vital = guard.vital("some-model-of-a-usual-length", true);
            vital.earn_retry();
            let mut admission = vital.admit(&who, None).await.unwrap();
            admission.answered(Answer::Whole, Duration::from_millis(80));
            admission.succeed();
        }
        best = best.min(begun.elapsed() / calls);
    }
    let took = best.as_nanos();
    assert!(took < 1_000, "{took} ns a call");
    std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{took} ns a call\n")).unwrap();
}
