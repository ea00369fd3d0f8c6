use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wire::Envelope;
use wire::envelope::Limits;

use super::*;
use crate::ask::Text;
use crate::directory::Candidate;
use crate::guard::standing::{Bar, Barred};
use crate::principal::Principal;
use crate::snapshot::Snapshot;
use crate::testing::{call, chat, order, snapshot};

const BODY: &str = r#"{"messages":[{"role":"system","content":"Be BRIEF"},{"role":"user","content":"Select * FROM t"}]}"#;

/// What is different about a candidate.
type Change = Box<dyn Fn(&mut Considered)>;

/// The order of a strategy over candidates that serve the call, by their names.
struct Case {
    strategy: Strategy,
    snapshot: Arc<Snapshot>,
    considered: Vec<(&'static str, Change)>,
    names: Vec<&'static str>,
    body: &'static str,
    user: String,
    addressed: bool,
}

fn case(strategy: &str, names: &[&'static str]) -> Case {
    let spec = snapshot_of_strategy(strategy, names);
    Case {
        strategy: Strategy::build(&spec, names).unwrap(),
        snapshot: pool(names),
        considered: names
            .iter()
            .map(|name| (*name, Box::new(|_: &mut Considered| {}) as _))
            .collect(),
        names: names.to_vec(),
        body: BODY,
        user: "somebody".into(),
        addressed: false,
    }
}

fn snapshot_of_strategy(strategy: &str, names: &[&str]) -> config::Strategy {
    let targets: Vec<String> = names
        .iter()
        .map(|name| format!("  - {{virtual_key: {name}, provider: plain, models: [m], weight: 1}}"))
        .collect();
    let text = format!("strategy: {{{strategy}}}\ntargets:\n{}", targets.join("\n"));
    snapshot(&text).config.strategy.clone()
}

impl Case {
    /// One of them is different.
    fn but(mut self, name: &str, change: impl Fn(&mut Considered) + 'static) -> Case {
        for (known, slot) in &mut self.considered {
            if *known == name {
                *slot = Box::new(change);
                return self;
            }
        }
        panic!("no {name}");
    }

    /// One of them does not serve the call.
    fn without(mut self, name: &str) -> Case {
        self.considered.retain(|(known, _)| *known != name);
        self
    }

    fn asked(self, body: &'static str) -> Case {
        Case { body, ..self }
    }

    fn order(&self, seed: u64) -> Order {
        let body = Envelope::parse(self.body.into(), Limits::default()).unwrap();
        let text = Text::of(&body);
        let mut principal = Principal::anonymous();
        principal.id = self.user.as_str().into();
        let headers = http::HeaderMap::new();
        let ask = Ask {
            asked: "m",
            model: "m",
            addressed: self.addressed,
            surface: "chat",
            streamed: false,
            principal: &principal,
            headers: &headers,
            now: None,
            text: &text,
        };
        let considered = self.considered.iter().map(|(name, change)| {
            let place = self.names.iter().position(|known| known == name).unwrap();
            let target = self.snapshot.targets()[place].clone();
            let candidate = Candidate::new(target, "m".into(), true);
            let mut one = Considered::new(candidate, place);
            one.weight = 1.0;
            change(&mut one);
            one
        });
        self.strategy
            .order(&ask, considered.collect(), &mut Dice::new(seed))
    }

    fn names(&self, seed: u64) -> Vec<String> {
        let order = self.order(seed);
        let names = order.candidates.iter();
        names
            .map(|one| one.candidate.target.name.to_string())
            .collect()
    }

    /// How often each order comes up in so many calls.
    fn heads(&self, calls: u64) -> BTreeMap<String, u64> {
        let mut heads = BTreeMap::new();
        for seed in 0..calls {
            let first = self.names(seed).into_iter().next().unwrap_or_default();
            *heads.entry(first).or_insert(0) += 1;
        }
        heads
    }
}

fn pool(names: &[&str]) -> Arc<Snapshot> {
    let targets: Vec<String> = names
        .iter()
        .map(|name| format!("  - {{virtual_key: {name}, provider: plain, models: [m]}}"))
        .collect();
    snapshot(&format!("targets:\n{}", targets.join("\n")))
}

fn barred(one: &mut Considered) {
    one.standing.barred = Some(Barred {
        why: Bar::Open,
        wait: Duration::from_secs(9),
    });
}

fn took(millis: u64) -> impl Fn(&mut Considered) {
    move |one| one.standing.latency = Some(Duration::from_millis(millis))
}

fn weighs(weight: f64) -> impl Fn(&mut Considered) {
    move |one| one.weight = weight
}

/// R1, Z6: who is barred stands behind who is not, among those that can serve the call.
#[test]
fn r1_a_barred_target_stands_behind_its_healthy_siblings() {
    for strategy in [
        "mode: fallback",
        "mode: loadbalance",
        "mode: least-latency, explore: 0",
        "mode: cost-optimized",
        "mode: ab-test, ab_variants: [{target_key: a, weight: 1}]",
    ] {
        let case = case(strategy, &["a", "b", "c"]).but("a", barred);
        for seed in 0..20 {
            let names = case.names(seed);
            assert_eq!((names.len(), names[2].as_str()), (3, "a"), "{strategy}");
        }
    }
}

/// R1: everybody barred is no reason for "no such model".
#[test]
fn r1_when_all_are_barred_they_are_all_still_there() {
    let case = case("mode: fallback", &["a", "b"])
        .but("a", barred)
        .but("b", barred);
    assert_eq!(case.names(0), ["a", "b"]);
}

/// R2: the place of a barred choice is taken by one that serves the call.
#[test]
fn r2_a_rules_choice_that_is_barred_gives_way_to_one_that_serves_the_call() {
    for strategy in [
        "mode: conditional, conditions: [{key: model_prefix, value: m, target_key: b}]",
        "mode: content-based, content_conditions: [{type: prompt_contains, value: SELECT, target_key: b}]",
    ] {
        let healthy = case(strategy, &["a", "b", "c"]).order(0);
        assert!(!healthy.advance, "a rule's choice that fails is the answer");
        assert_eq!(&*healthy.candidates[0].candidate.target.name, "b");
        assert_eq!(healthy.candidates[0].why, Why::Rule(0));
        // `a`, which is written first, does not serve this call.
        let barred = case(strategy, &["a", "b", "c"])
            .but("b", barred)
            .without("a");
        assert_eq!(barred.names(0), ["c", "b"], "{strategy}");
        let lacking = case(strategy, &["a", "b", "c"]).without("b").order(0);
        assert!(lacking.candidates.is_empty() && lacking.lacking.is_some());
    }
}

#[test]
fn without_a_rule_that_matches_the_first_is_chosen() {
    let case = case(
        "mode: conditional, conditions: [{key: model, value: n, target_key: b}]",
        &["a", "b"],
    );
    let order = case.order(0);
    assert_eq!(&*order.candidates[0].candidate.target.name, "a");
    assert_eq!(order.candidates[0].why, Why::NoRule);
}

#[test]
fn case_6_shares_are_drawn_as_they_are_written() {
    let case = case("mode: loadbalance", &["a", "b"])
        .but("a", weighs(90.0))
        .but("b", weighs(10.0));
    let heads = case.heads(10_000);
    assert!((8_700..=9_300).contains(&heads["a"]), "{heads:?}");
}

/// R7: no weight, no calls: neither first nor as somebody's replacement.
#[test]
fn r7_weight_zero_is_never_called() {
    let drained = case("mode: loadbalance", &["a", "b", "c"]).but("b", weighs(0.0));
    let variants = case(
        "mode: ab-test, ab_variants: [{target_key: a, weight: 1}, {target_key: b, weight: 0}]",
        &["a", "b", "c"],
    );
    for seed in 0..200 {
        assert!(!drained.names(seed).contains(&"b".to_owned()));
        assert_eq!(variants.names(seed), ["a", "c"]);
    }
}

/// R7: the last resort is said to be one.
#[test]
fn r7_a_standby_is_called_when_all_others_have_failed() {
    for strategy in [
        "mode: loadbalance",
        "mode: fallback",
        "mode: least-latency",
        "mode: cost-optimized, unpriced_strategy: allow",
    ] {
        let standby = |one: &mut Considered| {
            (one.standby, one.weight, one.price) = (true, 0.0, Some(0));
            one.standing.latency = Some(Duration::ZERO);
        };
        let case = case(strategy, &["a", "b", "c"]).but("a", standby);
        for seed in 0..50 {
            assert_eq!(case.names(seed)[2], "a", "{strategy}");
        }
    }
    let standby_instead = case("mode: loadbalance", &["a", "b"])
        .but("a", |one| one.standby = true)
        .but("b", barred);
    assert_eq!(standby_instead.names(0), ["a", "b"]);
}

/// R8: the share of one that is down goes to all others by their weights, not to its neighbour.
#[test]
fn r8_the_share_of_a_dead_neighbour_is_drawn_anew() {
    let case = case("mode: loadbalance", &["a", "b", "c"])
        .but("a", weighs(6.0))
        .but("b", weighs(1.0))
        .but("c", weighs(3.0));
    let mut second = BTreeMap::new();
    for seed in 0..10_000 {
        let names = case.names(seed);
        if names[0] == "a" {
            *second.entry(names[1].clone()).or_insert(0) += 1;
        }
    }
    let (b, c) = (f64::from(second["b"]), f64::from(second["c"]));
    assert!((2.6..3.5).contains(&(c / b)), "{second:?}");
}

/// R19: shares are drawn among those that can stream what is to be streamed.
#[test]
fn r19_case_7_what_cannot_stream_takes_no_share_of_streams() {
    let snapshot = snapshot(
        "strategy: {mode: loadbalance}\ntargets:\n  - {virtual_key: whole, models: [m], weight: 1000000000}\n  - {virtual_key: a, provider: plain, models: [m], weight: 1}\n  - {virtual_key: b, provider: plain, models: [m], weight: 1}",
    );
    let stream = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#;
    let mut heads = BTreeMap::new();
    for seed in 0..400 {
        let order = order(&call(&snapshot, stream), seed);
        assert_eq!(order.len(), 2);
        *heads.entry(order[0].clone()).or_insert(0) += 1;
    }
    assert!(heads["a:m"] > 130 && heads["b:m"] > 130, "{heads:?}");
    assert_eq!(order(&chat(&snapshot, "m"), 1)[0], "whole:m");
}

#[test]
fn the_fastest_of_late_comes_first() {
    let case = case("mode: least-latency, explore: 0", &["a", "b", "c"])
        .but("a", took(300))
        .but("b", took(20))
        .but("c", took(90));
    assert_eq!(case.names(0), ["b", "c", "a"]);
}

/// R13: a target that nobody has timed is tried now and then, not first for ever.
#[test]
fn r13_an_untimed_target_is_tried_within_bounds() {
    let case = case("mode: least-latency", &["a", "b", "c"]).but("b", took(20));
    let heads = case.heads(4_000);
    let tried = heads["a"] + heads["c"];
    assert!((120..280).contains(&tried), "{heads:?}");
    assert!(heads["a"] > 40 && heads["c"] > 40, "{heads:?}");
}

/// R14: a target that was slow once is looked at again; at a cold start calls are spread.
#[test]
fn r14_a_slow_target_is_looked_at_again_and_a_cold_start_is_spread() {
    let slow = case("mode: least-latency, explore: 0.1", &["a", "b"])
        .but("a", took(20))
        .but("b", took(900));
    let heads = slow.heads(4_000);
    assert!((300..500).contains(&heads["b"]), "{heads:?}");
    let cold = case("mode: least-latency", &["a", "b"]).heads(1_000);
    assert!(cold["a"] > 400 && cold["b"] > 400, "{cold:?}");
    let gone = case("mode: least-latency, explore: 0.5", &["a", "b"])
        .but("a", took(20))
        .but("b", barred);
    assert_eq!(gone.heads(100).len(), 1, "nobody explores what is barred");
}

fn costs(pico: u128) -> impl Fn(&mut Considered) {
    move |one| one.price = Some(pico)
}

/// R9: what has no price is treated alike, wherever in the order.
#[test]
fn r9_without_a_price_is_behind_in_front_or_out() {
    let priced = |unpriced: &str| {
        case(
            &format!("mode: cost-optimized, unpriced_strategy: {unpriced}"),
            &["a", "b", "c", "d"],
        )
        .but("b", costs(70))
        .but("d", costs(7))
    };
    assert_eq!(priced("fallback").names(0), ["d", "b", "a", "c"]);
    assert_eq!(priced("skip").names(0), ["d", "b"]);
    assert_eq!(priced("allow").names(0), ["a", "c", "d", "b"]);
    let none = case("mode: cost-optimized, unpriced_strategy: skip", &["a"]).order(0);
    assert!(none.candidates.is_empty() && none.lacking.is_some());
}

/// R10: a cheap prompt does not make up for a dear answer.
#[test]
fn r10_the_price_is_that_of_prompt_and_answer() {
    let snapshot = snapshot(
        "strategy: {mode: cost-optimized}\ntargets:
  - {virtual_key: a, provider: plain, models: {m: {id: m, input_price: 1, output_price: 100}}}
  - {virtual_key: b, provider: plain, models: {m: {id: m, input_price: 3, output_price: 10}}}",
    );
    let body = |max: u64, n: u64| {
        format!(
            r#"{{"model":"m","max_tokens":{max},"n":{n},"messages":[{{"role":"user","content":"{}"}}]}}"#,
            "word ".repeat(1_000)
        )
    };
    assert_eq!(order(&call(&snapshot, &body(1_000, 1)), 0)[0], "b:m");
    assert_eq!(order(&call(&snapshot, &body(1, 1)), 0)[0], "a:m");
    assert_eq!(
        order(&call(&snapshot, &body(1, 128)), 0)[0],
        "b:m",
        "as many answers as are asked for"
    );
    let explained = crate::explain::explain(&call(&snapshot, &body(1_000, 1)), 0).unwrap();
    // 1,254 tokens at 3 and 1,000 at 10 dollars for a million.
    assert_eq!(
        explained.candidates[0].price_usd.as_deref(),
        Some("0.013762")
    );
}

/// R10: nobody has to write prices down that the catalog knows; the operator's own count before it.
#[test]
fn r10_the_catalogs_prices_count_where_the_operator_names_none() {
    let snapshot = snapshot(
        "strategy: {mode: cost-optimized}
targets:
  - {virtual_key: dear, provider: acme, models: [m]}
  - {virtual_key: cheap, provider: open, models: [m]}
  - {virtual_key: own, provider: acme, models: {m: {id: m, output_price: 1}}}
catalog:
  models:
    - {provider: acme, model: m, price: {input: 4, output: 20}}
    - {provider: open, model: m, price: {input: 1, output: 10}}",
    );
    let body = r#"{"model":"m","max_tokens":1000,"messages":[{"role":"user","content":"hello"}]}"#;
    let call = call(&snapshot, body);
    assert_eq!(order(&call, 0), ["own:m", "cheap:m", "dear:m"]);
    let explained = crate::explain::explain(&call, 0).unwrap();
    let prices = explained.candidates.iter();
    let prices: Vec<_> = prices
        .map(|one| one.price_usd.as_deref().unwrap())
        .collect();
    // Six tokens of prompt and a thousand of answer.
    assert_eq!(prices, ["0.001024", "0.010006", "0.020024"]);
}

#[test]
fn the_text_of_whoever_a_rule_reads_chooses() {
    let rule = |kind: &str, value: &str, more: &str| {
        case(
            &format!(
                "mode: content-based, content_conditions: [{{type: {kind}, value: '{value}', target_key: b{more}}}]"
            ),
            &["a", "b"],
        )
    };
    for (kind, value, more, chosen) in [
        ("prompt_contains", "select", "", "b"),
        ("prompt_contains", "brief", "", "a"),
        ("prompt_contains", "brief", ", roles: [system]", "b"),
        ("prompt_not_contains", "delete", "", "b"),
        ("prompt_not_contains", "FROM", "", "a"),
        ("prompt_regex", "^select", "", "a"),
        ("prompt_regex", "(?i)^select .* from", "", "b"),
    ] {
        assert_eq!(
            rule(kind, value, more).names(0)[0],
            chosen,
            "{kind} {value}{more}"
        );
    }
    // R17: where there is nothing to read, a rule says nothing.
    let silent = rule("prompt_not_contains", "x", "")
        .asked(r#"{"messages":[{"role":"system","content":"y"}]}"#);
    assert_eq!(silent.names(0)[0], "a");
}

/// R15: the same caller is always on the same side, whatever the dice say; sides have their shares,
/// and a change of shares moves only those who have to move.
#[test]
fn r15_a_caller_stays_on_its_side_of_an_experiment() {
    let test = |share: u32| {
        let strategy = format!(
            "mode: ab-test, salt: s, ab_variants: [{{target_key: a, weight: 3, label: old}}, {{target_key: b, weight: {share}, label: new}}]"
        );
        case(&strategy, &["a", "b", "c"])
    };
    let (mut small, mut large) = (test(1), test(3));
    let side = |case: &mut Case, user: &str, seed| {
        case.user = user.into();
        case.order(seed).variant.unwrap()
    };
    let (mut new, mut moved) = (0, 0);
    for number in 0..2_000 {
        let user = format!("key-{number}");
        let before = side(&mut small, &user, number);
        assert_eq!(before, side(&mut small, &user, number + 1));
        let after = side(&mut large, &user, number);
        assert!(
            *before != *"new" || *after == *"new",
            "a larger share takes nobody away"
        );
        new += u32::from(*before == *"new");
        moved += u32::from(before != after);
    }
    assert!((430..570).contains(&new), "a quarter: {new}");
    assert!((430..570).contains(&moved), "up to a half: {moved}");
}

/// R15: what serves instead of the caller's side can be told from it.
#[test]
fn r15_a_failover_inside_an_experiment_is_marked() {
    let strategy = "mode: ab-test, ab_variants: [{target_key: a, weight: 1, label: old}, {target_key: b, weight: 1, label: new}]";
    let mut case = case(strategy, &["a", "b", "c"]);
    case.user = "one-key".into();
    let order = case.order(0);
    let assigned = order.variant.unwrap();
    let sides: Vec<_> = order
        .candidates
        .iter()
        .map(|one| one.variant.as_deref())
        .collect();
    assert_eq!(sides[0], Some(&*assigned));
    assert!(
        sides[1].is_some_and(|other| *other != *assigned) && sides[2].is_none(),
        "{sides:?}"
    );
    let down = &*order.candidates[0].candidate.target.name;
    let order = case.but(down, barred).order(0);
    assert_eq!(order.variant.unwrap(), assigned, "the assignment stays");
    assert_ne!(order.candidates[0].variant.as_deref(), Some(&*assigned));
}

#[test]
fn an_experiment_holds_on_to_what_it_is_told_to() {
    let told = |sticky: &str| {
        let strategy = format!(
            "mode: ab-test{sticky}, ab_variants: [{{target_key: a, weight: 1}}, {{target_key: b, weight: 1}}]"
        );
        case(&strategy, &["a", "b"])
    };
    let sides = |mut case: Case, users: &[&str]| {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..40 {
            for user in users {
                case.user = (*user).into();
                seen.insert(case.order(seed).variant.unwrap());
            }
        }
        seen.len()
    };
    let with_user = r#"{"user":"u-1","messages":[{"role":"user","content":"x"}]}"#;
    let many: Vec<String> = (0..20).map(|number| format!("key-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        sides(told("").asked(with_user), &many),
        1,
        "the user, whatever the key"
    );
    assert_eq!(sides(told(", sticky: key").asked(with_user), &many), 2);
    assert_eq!(sides(told(", sticky: key"), &many[..1]), 1);
    assert_eq!(
        sides(told(", sticky: 'header:x-session'"), &many[..1]),
        1,
        "without it, the key"
    );
    assert_eq!(sides(told(", sticky: none"), &many[..1]), 2);
    assert_eq!(
        sides(told(""), &["anonymous"]),
        2,
        "just anybody is nobody in particular"
    );
}

/// Spec 01 §21, 5: where one side alone serves the model, it has all of its calls.
#[test]
fn case_5_an_experiment_of_which_one_side_serves_the_model_is_that_side() {
    let strategy =
        "mode: ab-test, ab_variants: [{target_key: a, weight: 1}, {target_key: b, weight: 9}]";
    let one = case(strategy, &["a", "b"]).without("b");
    assert_eq!(one.heads(50).len(), 1);
    let none = case(strategy, &["a", "b", "c"])
        .without("a")
        .without("b")
        .order(0);
    assert!(none.candidates.is_empty() && none.lacking.is_some());
}

/// Who names a target needs no rule to choose another.
#[test]
fn a_named_target_is_not_moved_by_rules() {
    for strategy in [
        "mode: conditional, conditions: [{key: model, value: m, target_key: b}]",
        "mode: content-based, content_conditions: [{type: prompt_contains, value: select, target_key: b}]",
        "mode: ab-test, ab_variants: [{target_key: b, weight: 1}]",
    ] {
        let mut case = case(strategy, &["a", "b"]).without("b");
        case.addressed = true;
        assert_eq!(case.names(0), ["a"], "{strategy}");
    }
}

/// Spec 01 §8: what is barred is told with the soonest time at which another try makes sense.
#[test]
fn r1_case_11_all_barred_is_503_with_the_soonest_wait_and_unknown_is_404() {
    let snapshot = pool(&["a", "b"]);
    let call = chat(&snapshot, "m");
    let facts = crate::testing::facts(&call);
    let mut plan = crate::route::decide(&call, &facts, 0, |_| {}).unwrap();
    assert!(plan.refusal(&call, &facts).is_none());
    for one in &mut plan.candidates {
        barred(one);
    }
    let fault = plan.refusal(&call, &facts).unwrap();
    assert_eq!(
        (fault.status(), fault.kind.row().code),
        (503, "upstream_unavailable")
    );
    assert_eq!(fault.retry_after_seconds(), Some(9));
}

/// R18: what is written of the modes is what they do after a failure.
#[test]
fn r18_the_modes_that_move_on_are_those_that_the_documentation_names() {
    const WRITTEN: &str = include_str!("../../../../docs/configuration.md");
    let table = WRITTEN.split("## `strategy`").nth(1).unwrap();
    let mut modes = 0;
    let rows = table.lines().filter(|row| row.starts_with("| `"));
    // Below the head of the table.
    for row in rows.skip(1).take(8) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let mode = cells[1].trim_matches('`');
        let rest = match mode {
            "conditional" => ", conditions: [{key: model, value: m, target_key: a}]",
            "content-based" => {
                ", content_conditions: [{type: prompt_contains, value: select, target_key: a}]"
            }
            "ab-test" => ", ab_variants: [{target_key: a, weight: 1}]",
            _ => "",
        };
        let order = case(&format!("mode: {mode}{rest}"), &["a", "b"]).order(0);
        let goes_on = order.advance && order.candidates.len() > 1;
        assert_eq!(goes_on, cells[3] != "the answer", "{row}");
        modes += 1;
    }
    assert_eq!(modes, 8);
}
