use super::rules::Shares;
use super::*;
use proptest::prelude::*;

fn rules() -> Rules {
    Rules {
        in_a_row: Some(3),
        shares: None,
        successes: 1,
        probes: 1,
        open: Duration::from_secs(30),
        open_most: Duration::from_mins(5),
    }
}

fn shares() -> Rules {
    Rules {
        in_a_row: None,
        shares: Some(Shares {
            window: Duration::from_secs(10),
            least: 10,
            failed: 0.5,
            slow_call: Some(Duration::from_secs(5)),
            slow: 0.8,
        }),
        ..rules()
    }
}

fn at(seconds: u64) -> Moment {
    Moment::of_micros(1 + seconds * 1_000_000)
}

fn call(breaker: &Breaker, verdict: Verdict, now: Moment) -> Option<Change> {
    let pass = breaker.admit(now).unwrap();
    breaker.settle(pass, verdict, now)
}

fn opened(rules: Rules) -> Breaker {
    let breaker = Breaker::new(rules);
    for _ in 0..3 {
        call(&breaker, Verdict::Failure, at(0));
    }
    assert_eq!(breaker.state(at(0)), State::Open);
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_success_between_starts_anew() {
    use Verdict::{Failure, Neutral, Success};
    for (verdicts, opens) in [
        (&[Failure, Failure, Failure][..], true),
        (&[Failure, Failure, Success, Failure, Failure], false),
        (&[Failure, Failure, Neutral, Failure], true),
        (&[Neutral, Neutral, Neutral, Neutral], false),
    ] {
        let breaker = Breaker::new(rules());
        for verdict in verdicts {
            call(&breaker, *verdict, at(0));
        }
        let open = breaker.state(at(0)) == State::Open;
        assert_eq!(open, opens, "{verdicts:?}");
    }
}

#[test]
fn z3_four_failures_in_five_open_it_though_they_never_come_in_a_row() {
    let breaker = Breaker::new(shares());
    let mut calls = 0;
    while breaker.state(at(0)) == State::Closed {
        let verdict = match calls % 5 {
            4 => Verdict::Success,
            _ => Verdict::Failure,
        };
        call(&breaker, verdict, at(0));
        calls += 1;
        assert!(calls < 20);
    }
    assert_eq!(
        calls, 11,
        "at the first failure after enough calls to judge by"
    );
}

#[test]
fn z3_few_calls_and_old_calls_are_no_reason() {
    let breaker = Breaker::new(shares());
    for second in 0..100 {
        call(&breaker, Verdict::Failure, at(second * 2));
    }
    assert_eq!(breaker.state(at(200)), State::Closed);
}

#[test]
fn z3_slow_answers_open_it_too() {
    let breaker = Breaker::new(shares());
    assert!(breaker.is_slow(Duration::from_secs(6)) && !breaker.is_slow(Duration::from_secs(5)));
    for _ in 0..2 {
        call(&breaker, Verdict::Success, at(0));
    }
    for _ in 0..7 {
        call(&breaker, Verdict::Slow, at(0));
        assert_eq!(breaker.state(at(0)), State::Closed);
    }
    call(&breaker, Verdict::Slow, at(0));
    assert_eq!(breaker.state(at(0)), State::Open);
}

#[test]
fn z3_each_time_a_probe_fails_it_stays_open_for_longer() {
    let breaker = opened(rules());
    let (mut now, mut waits) = (at(0), Vec::new());
    for _ in 0..6 {
        let Err(Shut::Open(until)) = breaker.look(now) else {
            panic!("it is open");
        };
        waits.push(now.until(until).as_secs());
        now = until.after(Duration::from_micros(1));
        call(&breaker, Verdict::Failure, now);
    }
    for (wait, least) in waits.iter().zip([30, 60, 120, 240, 300, 300]) {
        assert!((least..=least * 11 / 10).contains(wait), "{waits:?}");
    }
    let Err(Shut::Open(until)) = breaker.look(now) else {
        panic!("it is open");
    };
    let now = until.after(Duration::from_micros(1));
    assert_eq!(call(&breaker, Verdict::Success, now), Some(Change::Closed));
    for _ in 0..2 {
        call(&breaker, Verdict::Failure, now);
    }
    let Some(Change::Opened(wait)) = call(&breaker, Verdict::Failure, now) else {
        panic!("it opened");
    };
    assert!(
        wait < Duration::from_secs(34),
        "closed in between: {wait:?}"
    );
}

/// Case 15.
#[test]
fn case_15_while_a_probe_is_out_no_other_call_goes_through() {
    let breaker = opened(rules());
    let now = at(40);
    assert_eq!(breaker.state(now), State::HalfOpen);
    assert_eq!(
        breaker.look(now),
        Ok(()),
        "selection knows that a probe is free"
    );
    let probe = breaker.admit(now).unwrap();
    assert_eq!(breaker.look(now), Err(Shut::Probing), "and that none is");
    assert_eq!(breaker.admit(now), Err(Shut::Probing));
    breaker.settle(probe, Verdict::Success, now);
    assert_eq!(breaker.state(now), State::Closed);
    assert!(breaker.admit(now).is_ok());
}

/// Case 16: a probe that says nothing, or whose call was given up, comes back.
#[test]
fn case_16_a_neutral_probe_is_given_back() {
    let breaker = opened(rules());
    let now = at(40);
    for _ in 0..3 {
        let probe = breaker.admit(now).unwrap();
        assert_eq!(breaker.settle(probe, Verdict::Neutral, now), None);
    }
    assert_eq!(breaker.state(now), State::HalfOpen);
}

#[test]
fn z2_late_outcomes_change_nothing() {
    let breaker = Breaker::new(rules());
    let stale = breaker.admit(at(0)).unwrap();
    for _ in 0..3 {
        call(&breaker, Verdict::Failure, at(0));
    }
    breaker.settle(stale, Verdict::Success, at(1));
    assert_eq!(breaker.state(at(1)), State::Open);

    let now = at(40);
    let probe = breaker.admit(now).unwrap();
    for verdict in [Verdict::Success, Verdict::Neutral, Verdict::Failure] {
        breaker.settle(stale, verdict, now);
        assert_eq!(breaker.admit(now), Err(Shut::Probing), "{verdict:?}");
        assert_eq!(breaker.state(now), State::HalfOpen, "{verdict:?}");
    }
    breaker.settle(probe, Verdict::Success, now);
    for _ in 0..3 {
        breaker.settle(stale, Verdict::Failure, now);
        breaker.settle(probe, Verdict::Failure, now);
    }
    assert_eq!(breaker.state(now), State::Closed);
}

#[test]
fn as_many_probes_as_the_operator_allows_must_succeed() {
    let breaker = opened(Rules {
        successes: 2,
        probes: 2,
        ..rules()
    });
    let now = at(40);
    let (first, second) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
    assert_eq!(breaker.admit(now), Err(Shut::Probing));
    breaker.settle(first, Verdict::Success, now);
    assert_eq!(breaker.state(now), State::HalfOpen);
    breaker.settle(second, Verdict::Success, now);
    assert_eq!(breaker.state(now), State::Closed);
}

#[test]
fn what_opened_it_does_not_open_it_again_once_closed() {
    let breaker = Breaker::new(shares());
    for _ in 0..10 {
        call(&breaker, Verdict::Failure, at(0));
    }
    assert_eq!(breaker.state(at(1)), State::Open);
    let now = at(40);
    call(&breaker, Verdict::Success, now);
    call(&breaker, Verdict::Failure, now);
    assert_eq!(breaker.state(now), State::Closed);
}

#[test]
fn an_operators_block_means_what_it_always_meant() {
    let written = config::CircuitBreaker {
        failure_threshold: 0,
        success_threshold: 0,
        max_half_threshold: 0,
        timeout: Duration::ZERO,
        ..config::CircuitBreaker::default()
    };
    let rules = Rules::of(Some(&written)).unwrap();
    assert_eq!(
        (rules.in_a_row, rules.successes, rules.probes),
        (Some(5), 1, 1)
    );
    assert_eq!(rules.open, Duration::from_secs(30));
    let unwritten = Rules::of(None).unwrap();
    assert_eq!(
        unwritten.in_a_row, None,
        "by default a few failures are no reason"
    );
    assert_eq!(unwritten.of_the_whole().in_a_row, Some(20));
    let off = config::CircuitBreaker {
        enabled: false,
        ..config::CircuitBreaker::default()
    };
    assert_eq!(Rules::of(Some(&off)), None);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Admit,
    Settle(usize, Verdict),
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        Just(Verdict::Success),
        Just(Verdict::Slow),
        Just(Verdict::Failure),
        Just(Verdict::Neutral),
    ];
    prop_oneof![
        (0_u64..50).prop_map(Step::Pass),
        Just(Step::Admit),
        (0_usize..8, verdict).prop_map(|(which, verdict)| Step::Settle(which, verdict)),
    ]
}

proptest! {
    /// Whatever happens: never more probes out than allowed, no call through while it is open, and
    /// the word in front says what the machine says.
    #[test]
    fn no_history_admits_more_than_the_rules_do(
        steps in proptest::collection::vec(step(), 0..200), probes in 1_u32..4
    ) {
        let breaker = Breaker::new(Rules { probes, ..rules() });
        let (mut seconds, mut out) = (0, Vec::<Pass>::new());
        for step in steps {
            match step {
                Step::Pass(more) => seconds += more,
                Step::Admit => {
                    let (before, looked) = (breaker.state(at(seconds)), breaker.look(at(seconds)));
                    let admitted = breaker.admit(at(seconds));
                    prop_assert_eq!(looked.is_ok(), admitted.is_ok());
                    prop_assert!(before != State::Open || admitted.is_err());
                    out.extend(admitted.ok());
                }
                Step::Settle(which, verdict) if !out.is_empty() => {
                    let pass = out.swap_remove(which % out.len());
                    breaker.settle(pass, verdict, at(seconds));
                }
                Step::Settle(..) => {}
            }
            let generation = locked!(breaker.machine).generation;
            let current = out.iter().filter(|pass| pass.probe && pass.generation == generation);
            prop_assert!(current.count() <= probes as usize);
        }
    }
}
