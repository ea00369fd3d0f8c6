use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gateway::Call;
use crate::route;
use crate::testing::{call, chat, facts, order, snapshot};

const TARGETS: &str = "targets:
  - {virtual_key: a, provider: plain, models: [m, n]}
  - {virtual_key: b, provider: plain, models: [m, n]}
  - {virtual_key: c, provider: plain, models: [m, n]}
keys:
  - {name: search, sha256: '0000000000000000000000000000000000000000000000000000000000000000'}
";

fn to(routes: &str) -> Arc<crate::snapshot::Snapshot> {
    snapshot(&format!("{TARGETS}routes:\n{routes}"))
}

fn first(call: &Call) -> String {
    order(call, 0).remove(0)
}

/// R16: each matcher by itself, and all that are written together.
#[test]
fn r16_the_first_route_that_matches_decides() {
    let snapshot = to(
        "  - {match: {model: 'n*', headers: {x-tier: 'gold*'}}, strategy: {mode: single}, targets: [c]}
  - {match: {headers: {x-tier: '*'}}, strategy: {mode: single}, targets: [b]}
  - {match: {keys: [search]}, strategy: {mode: single}, targets: [c]}
  - {match: {metadata: {team: 're*'}}, strategy: {mode: single}, targets: [b]}
  - {match: {prompt_tokens: {min: 100}, surface: [chat]}, strategy: {mode: single}, targets: [c]}",
    );
    let with = |model: &str, change: &dyn Fn(&mut Call)| {
        let mut call = chat(&snapshot, model);
        change(&mut call);
        first(&call)
    };
    let tier = |tier: &'static str| {
        move |call: &mut Call| {
            call.headers.insert("x-tier", tier.parse().unwrap());
        }
    };
    assert_eq!(with("m", &|_| {}), "a:m");
    assert_eq!(with("n", &tier("golden")), "c:n");
    assert_eq!(with("m", &tier("golden")), "b:m");
    assert_eq!(with("n", &tier("silver")), "b:n");
    assert_eq!(
        with("m", &|call| call.principal.id = "search".into()),
        "c:m"
    );
    let team = |team: &'static str| {
        move |call: &mut Call| {
            let known = BTreeMap::from([("team".to_owned(), team.to_owned())]);
            call.principal.metadata = Some(Arc::new(known));
        }
    };
    assert_eq!(with("m", &team("research")), "b:m");
    assert_eq!(with("m", &team("sales")), "a:m");
    let long = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "word ".repeat(100)
    );
    assert_eq!(first(&call(&snapshot, &long)), "c:m");
}

#[test]
fn an_alias_matches_by_its_name_and_by_what_it_means() {
    let snapshot = snapshot(&format!(
        "{TARGETS}aliases: {{nick: m}}\nroutes:\n  - {{match: {{model: nick}}, strategy: {{mode: single}}, targets: [b]}}\n  - {{match: {{model: n}}, strategy: {{mode: single}}, targets: [c]}}"
    ));
    assert_eq!(first(&chat(&snapshot, "nick")), "b:m");
    assert_eq!(first(&chat(&snapshot, "n")), "c:n");
    assert_eq!(first(&chat(&snapshot, "m")), "a:m");
}

#[test]
fn a_balance_inside_a_fallback_comes_whole_before_what_follows() {
    let snapshot = to(
        "  - {strategy: {mode: fallback}, targets: [{strategy: {mode: loadbalance}, targets: [{target: a, weight: 1}, {target: b, weight: 1}]}, c]}",
    );
    let mut heads = BTreeMap::new();
    for seed in 0..200 {
        let order = order(&chat(&snapshot, "m"), seed);
        assert_eq!(order[2], "c:m");
        *heads.entry(order[0].clone()).or_insert(0) += 1;
    }
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads.values().all(|count| *count > 60), "{heads:?}");
}

#[test]
fn a_rule_may_choose_a_group_and_stays_within_it() {
    let snapshot = to(
        "  - {strategy: {mode: conditional, conditions: [{key: model, value: m, target_key: pair}]}, targets: [a, {name: pair, strategy: {mode: fallback}, targets: [c, b]}]}",
    );
    assert_eq!(order(&chat(&snapshot, "m"), 0), ["c:m", "b:m"]);
    assert_eq!(order(&chat(&snapshot, "n"), 0), ["a:n"]);
    let fallback_over_a_rule = to(
        "  - {strategy: {mode: fallback}, targets: [{strategy: {mode: single}, targets: [b, a]}, c]}",
    );
    assert_eq!(order(&chat(&fallback_over_a_rule, "m"), 0), ["b:m", "c:m"]);
}

#[test]
fn an_alias_for_several_models_tries_them_in_order() {
    let snapshot = snapshot(
        "strategy: {mode: fallback}\ntargets:\n  - {virtual_key: a, provider: plain, models: [x]}\n  - {virtual_key: b, provider: plain, models: [y, x]}\naliases: {best: [y, nobody, x]}",
    );
    let call = chat(&snapshot, "best");
    assert_eq!(order(&call, 0), ["b:y", "a:x", "b:x"]);
    let mut narrow = chat(&snapshot, "best");
    narrow.principal.models = Some(["x".into()].into());
    assert_eq!(
        order(&narrow, 0),
        ["a:x", "b:x"],
        "of an alias, what the key may use"
    );
    narrow.principal.models = Some(["best".into()].into());
    assert_eq!(order(&narrow, 0).len(), 3);
    narrow.principal.models = Some(["z".into()].into());
    let fault = route::plan(&narrow, &facts(&narrow), 0).err().unwrap();
    assert_eq!(fault.status(), 403);
}

#[test]
fn a_config_without_routes_means_what_it_always_meant() {
    let single = snapshot(TARGETS);
    assert_eq!(order(&chat(&single, "m"), 3), ["a:m"]);
    let fallback = snapshot(&format!("strategy: {{mode: fallback}}\n{TARGETS}"));
    assert_eq!(order(&chat(&fallback, "m"), 3), ["a:m", "b:m", "c:m"]);
}
