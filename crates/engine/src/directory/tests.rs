use crate::route;
use crate::testing::{chat, facts, listing, order, snapshot};

/// A fallback over these targets.
fn fallback(targets: &str) -> std::sync::Arc<crate::snapshot::Snapshot> {
    snapshot(&format!(
        "strategy: {{mode: fallback}}\ntargets:\n{targets}"
    ))
}

#[test]
fn the_closest_word_on_a_model_counts() {
    let snapshot = fallback(
        "  - {virtual_key: plain, models: {'gpt-*': 'any/gpt-*', 'gpt-4*': four, gpt-4o: exact, '*': 'rest/*'}}",
    );
    for (model, own) in [
        ("gpt-4o", "plain:exact"),
        ("gpt-4o-mini", "plain:four"),
        ("gpt-5", "plain:any/gpt-5"),
        ("o3", "plain:rest/o3"),
    ] {
        assert_eq!(order(&chat(&snapshot, model), 0), [own], "{model}");
    }
}

/// R4: the same question may be answered by other models elsewhere.
#[test]
fn r4_a_fallback_crosses_models() {
    let snapshot = fallback(
        "  - {virtual_key: deploy, models: {gpt-4o: my-deployment}}
  - {virtual_key: router, provider: open, models: {'gpt-*': 'openai/gpt-*'}}
  - {virtual_key: plain, models: {gpt-4o: claude-sonnet-4-5}}",
    );
    assert_eq!(
        order(&chat(&snapshot, "gpt-4o"), 0),
        [
            "deploy:my-deployment",
            "router:openai/gpt-4o",
            "plain:claude-sonnet-4-5"
        ]
    );
}

/// R3: what a vendor runs under names of the operator's own, only the operator can name.
#[test]
fn r3_deployments_serve_what_is_declared_and_nothing_else() {
    let snapshot = fallback("  - {virtual_key: deploy, models: {acme-1: mine}}");
    let listed = listing(&snapshot, "deploy", &["acme-2"]);
    for (model, expected) in [
        ("acme-1", &["deploy:mine"][..]),
        ("acme-2", &[]),
        ("deploy/acme-2", &[]),
        ("deploy/acme-1", &["deploy:mine"]),
    ] {
        assert_eq!(order(&chat(&listed, model), 0), expected, "{model}");
    }
}

/// C12: a new model is reached by naming where it is.
#[test]
fn c12_a_target_or_a_provider_may_stand_before_the_model() {
    let snapshot = fallback(
        "  - {virtual_key: first, provider: acme}
  - {virtual_key: second, provider: acme}
  - {virtual_key: open}
  - {virtual_key: plain, models: {acme/listed: own, x: y}}",
    );
    for (model, expected) in [
        ("second/acme-1", &["second:acme-1"][..]),
        ("second/brand-new", &["second:brand-new"]),
        ("acme/brand-new", &["first:brand-new", "second:brand-new"]),
        ("acme/listed", &["plain:own"]),
        ("plain/x", &["plain:y"]),
        ("nobody/x", &["open:nobody/x"]),
        ("/x", &["open:/x"]),
        ("acme/", &["open:acme/"]),
        ("acme-1", &["first:acme-1", "second:acme-1"]),
    ] {
        assert_eq!(order(&chat(&snapshot, model), 0), expected, "{model}");
    }
    let listed = listing(&snapshot, "open", &["acme/brand-new"]);
    assert_eq!(
        order(&chat(&listed, "acme/brand-new"), 0),
        ["open:acme/brand-new"],
        "an id that a vendor lists whole is that id"
    );
}

#[test]
fn a_star_alone_does_not_take_what_is_addressed_elsewhere() {
    let snapshot = fallback(
        "  - {virtual_key: all, provider: plain, models: {'*': '*'}}\n  - {virtual_key: acme}",
    );
    assert_eq!(order(&chat(&snapshot, "acme/new"), 0), ["acme:new"]);
    assert_eq!(
        order(&chat(&snapshot, "acme-1"), 0),
        ["all:acme-1", "acme:acme-1"]
    );
}

#[test]
fn what_cannot_stream_is_no_candidate_for_a_stream() {
    let snapshot =
        fallback("  - {virtual_key: whole, models: [m]}\n  - {virtual_key: plain, models: [m]}");
    assert_eq!(order(&chat(&snapshot, "m"), 0), ["whole:m", "plain:m"]);
    let stream = crate::testing::call(
        &snapshot,
        r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#,
    );
    assert_eq!(order(&stream, 0), ["plain:m"]);
}

#[test]
fn an_unknown_model_is_answered_with_names_the_caller_may_see() {
    let snapshot = snapshot(
        "targets: [{virtual_key: plain, models: [gpt-4o, gpt-4o-secret]}]\naliases: {gpt-4x: gpt-4o}",
    );
    let mut call = chat(&snapshot, "gpt4o");
    let told = |call: &crate::gateway::Call| {
        let fault = route::plan(call, &facts(call), 0).err().unwrap();
        assert_eq!(fault.status(), 404);
        fault.message.into_owned()
    };
    let all = told(&call);
    for name in ["`gpt-4o`", "`gpt-4o-secret`", "`gpt-4x`"] {
        assert!(all.contains(name), "{all}");
    }
    call.principal.models = Some(["gpt4o".into(), "gpt-4o".into()].into());
    let some = told(&call);
    assert!(
        some.contains("`gpt-4o`") && !some.contains("secret"),
        "{some}"
    );
}

fn listed(snapshot: &crate::snapshot::Snapshot) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(&snapshot.directory().list()).unwrap();
    let data = body["data"].as_array().unwrap().iter();
    data.map(|entry| {
        format!(
            "{}@{}",
            entry["id"].as_str().unwrap(),
            entry["owned_by"].as_str().unwrap()
        )
    })
    .collect()
}

/// R17, C16: the list is what calls can be led to, and the strategy is not asked for it per call.
#[test]
fn r17_case_30_the_list_is_the_union_of_what_can_be_reached() {
    let targets = "targets:\n  - {virtual_key: plain, models: [a, shared], weight: 1}\n  - {virtual_key: acme, models: [b, shared], weight: 0}\n  - {virtual_key: open, models: [c], standby: true}\n";
    for (strategy, expected) in [
        ("mode: single", &["a@plain", "shared@plain"][..]),
        (
            "mode: fallback",
            &["a@plain", "shared@plain", "b@acme", "c@open"],
        ),
        (
            "mode: least-latency",
            &["a@plain", "shared@plain", "b@acme", "c@open"],
        ),
        (
            "mode: cost-optimized",
            &["a@plain", "shared@plain", "b@acme", "c@open"],
        ),
        ("mode: loadbalance", &["a@plain", "shared@plain", "c@open"]),
        (
            "mode: content-based, content_conditions: [{type: prompt_not_contains, value: x, target_key: acme}]",
            &["a@plain", "shared@plain", "b@acme"],
        ),
        (
            "mode: conditional, conditions: [{key: model, value: shared, target_key: acme}, {key: model, value: b, target_key: acme}]",
            &["a@plain", "b@acme", "shared@acme"],
        ),
        (
            "mode: ab-test, ab_variants: [{target_key: acme, weight: 1}, {target_key: plain}]",
            &["b@acme", "shared@acme"],
        ),
    ] {
        let snapshot = snapshot(&format!("strategy: {{{strategy}}}\n{targets}"));
        assert_eq!(listed(&snapshot), expected, "{strategy}");
        for id in listed(&snapshot) {
            let model = id.split('@').next().unwrap();
            if !strategy.contains("content-based") {
                assert!(
                    !order(&chat(&snapshot, model), 0).is_empty(),
                    "{strategy}: {model}"
                );
            }
        }
    }
}

#[test]
fn a_route_adds_to_the_list_what_only_it_can_reach() {
    let snapshot = snapshot(
        "targets:\n  - {virtual_key: plain, models: [a]}\n  - {virtual_key: acme, models: [b, c]}\nroutes:\n  - {match: {model: b}, strategy: {mode: fallback}}\n  - {match: {model: a}, strategy: {mode: fallback}, targets: [acme]}",
    );
    assert_eq!(
        listed(&snapshot),
        ["b@acme"],
        "`a` is led away from its only target"
    );
}

/// C14: whoever made a model does not take the place of who serves it, or its facts would be lost.
#[test]
fn c14_who_serves_a_model_and_whose_it_is_are_two_things() {
    let snapshot = snapshot(
        "targets: [{virtual_key: acme}]
catalog:
  models: [{provider: acme, model: found, modes: [chat], context_window: 1000}]",
    );
    let target = &snapshot.targets()[0];
    let listed = crate::discovery::Listed {
        id: "found".into(),
        created: 7,
        owner: Some("system".into()),
        context_window: None,
        max_output_tokens: None,
    };
    let found = crate::discovery::Found::default().with(&target.identity(), [listed].into());
    let entry = snapshot.with_found(&found).model_entry("found").unwrap();
    let entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
    assert_eq!(entry["owned_by"], "acme");
    assert_eq!(entry["upstream_owner"], "system");
    assert_eq!(
        (&entry["context_window"], &entry["created"]),
        (&1000.into(), &7.into())
    );
}

/// C13: what the vendor has ended is told as such, to whoever looks before it is gone.
#[test]
fn c13_a_model_that_ends_says_when() {
    let snapshot = snapshot(
        "targets: [{virtual_key: acme, models: [old, gone, new]}]
catalog:
  models:
    - {provider: acme, model: old, modes: [chat], sunset_date: 2999-01-01}
    - {provider: acme, model: gone, modes: [chat], sunset_date: 2001-01-01}
    - {provider: acme, model: new, modes: [chat]}",
    );
    for (model, status, deprecated) in [
        ("old", "deprecated", true),
        ("gone", "sunset", true),
        ("new", "ga", false),
    ] {
        let entry = snapshot.model_entry(model).unwrap();
        let entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
        assert_eq!(
            entry["deprecated"].as_bool().unwrap_or(false),
            deprecated,
            "{entry}"
        );
        if deprecated {
            assert_eq!(entry["status"], status, "{entry}");
        }
    }
}

/// C15: what the operator says of a model is shown of it.
#[test]
fn c15_a_declared_model_shows_what_was_said_of_it() {
    let snapshot = snapshot(
        "targets: [{virtual_key: plain, models: {m: {id: own, context_window: 8192, max_output_tokens: 100}}}]",
    );
    let entry = snapshot.model_entry("m").unwrap();
    let entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
    assert_eq!(
        (&entry["context_window"], &entry["max_output_tokens"]),
        (&8192.into(), &100.into())
    );
}
