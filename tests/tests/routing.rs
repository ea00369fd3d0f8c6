//! Spec 01 §7, §14, §22.1: which target answers under each strategy, seen from outside.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Answer, Call, Gateway, Vendor, chat_body, keys, stream_body};
use serde_json::Value;

/// Targets at one vendor, told apart by their paths; the first is called `openai`.
fn targets(vendor: &Vendor, strategy: &str, first: &str, further: &[(&str, &str)]) -> Setup {
    let root = format!("http://{}", vendor.addr());
    let mut setup =
        Setup::at(&format!("{root}/openai/v1")).section(&format!("strategy: {{{strategy}}}"));
    if !first.is_empty() {
        setup = setup.target(first);
    }
    for (name, lines) in further {
        let lines = lines.replace('\n', "\n  ");
        setup = setup.further_target(&format!(
            "- virtual_key: {name}\n  provider: openai-compatible\n  base_url: {root}/{name}/v1\n  {lines}"
        ));
    }
    setup
}

fn called(vendor: &Vendor) -> Vec<String> {
    let paths = vendor.received().into_iter().map(|request| request.path);
    paths
        .map(|path| path.split('/').nth(1).unwrap_or_default().to_owned())
        .collect()
}

fn served(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer
        .header("x-gateway-target")
        .expect("a target")
        .to_owned()
}

/// How often each target answers.
fn shares(gateway: &Gateway, calls: usize, body: &str) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..calls {
        *shares.entry(served(&gateway.chat(body))).or_insert(0) += 1;
    }
    shares
}

fn explained(gateway: &Gateway, body: impl Into<Vec<u8>>) -> Value {
    let answer = gateway.ask(Call::post("/v1/explain", body));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

const SERVES: &str = "models: [gpt-test]";

#[test]
fn r7_weights_are_shares_and_weight_0_is_never_called_on_whole_answers_and_streams() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: loadbalance",
        "weight: 3",
        &[
            ("light", "weight: 1\nmodels: [gpt-test]"),
            ("drained", "weight: 0\nmodels: [gpt-test, only-there]"),
        ],
    ));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let shares = shares(&gateway, 80, &body);
        assert!(shares["openai"] > 40 && shares["light"] > 5, "{shares:?}");
        assert_eq!(shares.get("drained"), None);
    }
    vendor.forget();
    vendor.next_times(2, "status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    let mut tried = called(&vendor);
    tried.sort();
    assert_eq!(
        tried,
        ["light", "openai"],
        "not when all others have failed either"
    );
    assert_eq!(gateway.chat(chat_body("only-there")).status(), 404);
}

#[test]
fn r7_a_standby_answers_when_the_others_have_failed() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: loadbalance",
        "weight: 1",
        &[("spare", "standby: true\nmodels: [gpt-test]")],
    ));
    assert_eq!(shares(&gateway, 20, &chat_body(MODEL))["openai"], 20);
    vendor.next("status=503");
    assert_eq!(served(&gateway.chat(chat_body(MODEL))), "spare");
}

/// Spec 01 §21, 10.
#[test]
fn case_10_a_rules_choice_is_the_answer_also_when_it_fails() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: conditional, conditions: [{key: model_prefix, value: gpt-, target_key: second}]",
        "",
        &[("second", "models: [gpt-test, other]")],
    ));
    assert_eq!(served(&gateway.chat(chat_body(MODEL))), "second");
    vendor.forget();
    vendor.next("status=500");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    assert_eq!(called(&vendor), ["second"]);
    let unserved = gateway.chat(chat_body("other"));
    assert_eq!(
        (unserved.status(), unserved.error().1.as_str()),
        (404, "model_not_found"),
        "no rule matches, and the first target does not serve it"
    );
}

#[test]
fn a_text_chooses_its_target_whatever_form_it_has() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: content-based, content_conditions: [{type: prompt_regex, value: '(?i)\\bsql\\b', target_key: coder}]",
        "",
        &[("coder", SERVES)],
    ));
    for (content, target) in [
        (r#""write SQL""#, "coder"),
        (r#""nosqlhere""#, "openai"),
        (
            r#"[{"type":"text","text":"some s"},{"type":"text","text":"ql"}]"#,
            "coder",
        ),
        (r#""\u0053QL \ud800""#, "coder"),
    ] {
        let body =
            format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":{content}}}]}}"#);
        assert_eq!(served(&gateway.chat(body)), target, "{content}");
    }
}

#[test]
fn the_cheapest_answers_and_an_unpriced_one_only_where_it_may() {
    let vendor = Vendor::start();
    let priced = |input: &str, output: &str| {
        format!(
            "models:\n  gpt-test: {{id: gpt-test, input_price: {input}, output_price: '{output}'}}"
        )
    };
    let (dear, cheap) = (priced("1", "40"), priced("3.5", "9.25"));
    let further = [("dear", dear.as_str()), ("cheap", cheap.as_str())];
    let gateway = Gateway::start(&targets(&vendor, "mode: cost-optimized", "", &further));
    assert_eq!(served(&gateway.chat(chat_body(MODEL))), "cheap");
    vendor.next_times(2, "status=500");
    assert_eq!(served(&gateway.chat(chat_body(MODEL))), "openai");
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: cost-optimized, unpriced_strategy: skip",
        "",
        &further,
    ));
    vendor.next_times(2, "status=500");
    assert_eq!(
        gateway.chat(chat_body(MODEL)).status(),
        502,
        "R9: skipped is skipped"
    );
}

#[test]
fn a_cold_start_is_spread_over_the_pool() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        // Half of the calls: with fewer, chance alone might leave one untried.
        "mode: least-latency, explore: 0.5",
        "",
        &[("second", SERVES)],
    ));
    let shares = shares(&gateway, 60, &chat_body(MODEL));
    assert_eq!(shares.len(), 2, "{shares:?}");
}

/// R15: the assignment stands in the answer, the access line and the metrics, and a failover is marked.
#[test]
fn r15_an_experiment_says_who_is_on_which_side() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&targets(
        &vendor,
        "mode: ab-test, ab_variants: [{target_key: openai, weight: 1, label: old}, {target_key: second, weight: 1, label: new}]",
        "",
        &[("second", SERVES)],
    ));
    let body = |user: usize| {
        format!(
            r#"{{"model":"{MODEL}","user":"u{user}","messages":[{{"role":"user","content":"x"}}]}}"#
        )
    };
    let mut sides = BTreeMap::new();
    for user in 0..30 {
        let answer = gateway.chat(body(user));
        let side = answer
            .header("x-gateway-variant")
            .expect("a variant")
            .to_owned();
        assert_eq!(
            served(&answer),
            if side == "old" { "openai" } else { "second" }
        );
        assert_eq!(
            gateway.chat(body(user)).header("x-gateway-variant"),
            Some(&*side),
            "the same user, the same side"
        );
        let line = gateway.access(&answer);
        assert_eq!(
            (&line["variant"], &line["variant_failover"]),
            (&side.clone().into(), &false.into())
        );
        *sides.entry(side).or_insert(0) += 1;
    }
    assert!(
        sides.len() == 2 && sides.values().all(|count| *count > 4),
        "{sides:?}"
    );
    vendor.next("status=503");
    let answer = gateway.chat(body(0));
    let marked = answer
        .header("x-gateway-variant")
        .expect("a variant")
        .to_owned();
    assert!(
        ["old; failover=new", "new; failover=old"].contains(&marked.as_str()),
        "{marked}"
    );
    assert_eq!(gateway.access(&answer)["variant_failover"], true);
    vendor.next_times(2, "status=503");
    let failed = gateway.chat(body(0));
    assert!(failed.status() >= 500 && failed.header("x-gateway-variant").is_some());
    let samples = gateway.metrics();
    let count = |outcome| samples.count("gateway_variant_requests_total", &[("outcome", outcome)]);
    assert_eq!(
        (count("success"), count("failover"), count("error")),
        (60, 1, 1)
    );
}

/// R4, and what the headline promises: one question, other models elsewhere.
#[test]
fn r4_a_call_falls_from_model_to_model_and_says_which_answered() {
    let vendor = Vendor::start();
    let setup = targets(
        &vendor,
        "mode: fallback",
        "",
        &[
            ("router", "models:\n  'gpt-*': 'vendor/gpt-*'"),
            ("last", "models:\n  gpt-4o: claude-sonnet-4-5\n  x: y"),
        ],
    )
    .model("gpt-4o", "my-deployment");
    let gateway = Gateway::start(&setup);
    for (failures, target, model) in [
        (0, "openai", "my-deployment"),
        (1, "router", "vendor/gpt-4o"),
        (2, "last", "claude-sonnet-4-5"),
    ] {
        for body in [chat_body("gpt-4o"), stream_body("gpt-4o")] {
            vendor.next_times(failures, "status=503");
            let answer = gateway.chat(body);
            assert_eq!(served(&answer), target);
            assert_eq!(answer.header("x-gateway-model"), Some(model));
            assert_eq!(vendor.last().json().expect("JSON")["model"], model);
            let line = gateway.access(&answer);
            assert_eq!(
                (&line["asked"], &line["model"]),
                (&"gpt-4o".into(), &model.into())
            );
        }
    }
    // C12: the target, or its provider, may be named.
    for (asked, target, model) in [
        ("last/x", "last", "y"),
        ("last/brand-new", "last", "brand-new"),
        ("openai-compatible/brand-new", "router", "brand-new"),
        ("openai/gpt-4o", "openai", "my-deployment"),
    ] {
        let answer = gateway.chat(chat_body(asked));
        assert_eq!(
            (served(&answer).as_str(), answer.header("x-gateway-model")),
            (target, Some(model)),
            "{asked}"
        );
    }
}

#[test]
fn an_alias_may_mean_several_models_in_order() {
    let vendor = Vendor::start();
    let setup = targets(
        &vendor,
        "mode: fallback",
        "",
        &[("second", "models: [gpt-test, better]")],
    )
    .section("aliases:\n  best: [better, gpt-test]");
    let gateway = Gateway::start(&setup);
    vendor.next_times(2, "status=500");
    let answer = gateway.chat(chat_body("best"));
    assert_eq!(served(&answer), "second");
    assert_eq!(called(&vendor), ["second", "openai", "second"]);
    assert_eq!(answer.header("x-gateway-model"), Some(MODEL));
    let one = gateway.ask(Call::get("/v1/models/best")).json();
    assert_eq!(one["id"], "better");
}

/// R16.
#[test]
fn r16_routes_choose_strategies_and_groups_nest() {
    let vendor = Vendor::start();
    let routes = "routes:
  - name: gold
    match: {headers: {x-tier: 'gold*'}}
    strategy: {mode: fallback}
    targets:
      - {strategy: {mode: loadbalance}, targets: [{target: b, weight: 1}, {target: c, weight: 1}]}
      - openai
  - name: team
    match: {metadata: {team: search}, model: 'gpt-*'}
    strategy: {mode: single}
    targets: [c]";
    let setup = targets(&vendor, "mode: single", "", &[("b", SERVES), ("c", SERVES)])
        .section(routes)
        .key(keys::BARE, "metadata: {team: search}");
    let gateway = Gateway::start(&setup);
    assert_eq!(served(&gateway.chat(chat_body(MODEL))), "openai");
    let search = Call::chat(chat_body(MODEL)).bearer(keys::BARE.token);
    let answer = gateway.send(&search);
    assert_eq!(served(&answer), "c");
    assert_eq!(gateway.access(&answer)["route"], "team");
    let gold = || Call::chat(chat_body(MODEL)).header("x-tier", "golden");
    let mut heads = BTreeMap::new();
    for _ in 0..40 {
        *heads.entry(served(&gateway.ask(gold()))).or_insert(0) += 1;
    }
    assert!(
        heads.len() == 2 && !heads.contains_key("openai"),
        "{heads:?}"
    );
    vendor.next_times(2, "status=500");
    assert_eq!(
        served(&gateway.ask(gold())),
        "openai",
        "after both of the balance"
    );
}

#[test]
fn an_unknown_model_is_answered_with_names_that_the_key_may_use() {
    let vendor = Vendor::start();
    let setup = targets(&vendor, "mode: single", "", &[])
        .model("house-large", "x")
        .model("house-large-secret", "x")
        .key(keys::NARROW, "models: [house-large, huose-large]");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(chat_body("huose-large"));
    assert_eq!(
        (answer.status(), answer.error().1.as_str()),
        (404, "model_not_found")
    );
    assert!(
        answer.text().contains("did you mean `house-large`"),
        "{}",
        answer.text()
    );
    let narrow = gateway.send(&Call::chat(chat_body("huose-large")).bearer(keys::NARROW.token));
    assert!(
        narrow.text().contains("`house-large`") && !narrow.text().contains("secret"),
        "{}",
        narrow.text()
    );
    assert!(vendor.received().is_empty());
}

#[test]
fn explain_says_who_would_be_called_and_why_and_calls_nobody() {
    let vendor = Vendor::start();
    let setup = targets(
        &vendor,
        "mode: fallback",
        "",
        &[
            ("priced", "models:\n  gpt-test: {id: own, input_price: 1, output_price: 10}"),
            ("elsewhere", "models: [other]"),
        ],
    )
    .further_target("- virtual_key: groq\n  models: [gpt-test]")
    .section("routes:\n  - {name: turned, match: {model: other}, strategy: {mode: single}, targets: [elsewhere]}\n  - {match: {model: nobodys}, strategy: {mode: single}}");
    let gateway = Gateway::start(&setup);
    let told = explained(&gateway, chat_body(MODEL));
    let order: Vec<_> = told["candidates"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["target"].as_str(),
                one["model"].as_str(),
                one["price_usd"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        order,
        [
            (Some("openai"), Some(MODEL), None),
            // Six tokens in, 512 out.
            (Some("priced"), Some("own"), Some("0.005126")),
        ]
    );
    assert_eq!(
        told["decided"],
        serde_json::json!([{"route": null, "strategy": "fallback"}])
    );
    assert_eq!(
        (&told["plugins"], &told["refusal"]),
        (&serde_json::json!([]), &Value::Null)
    );
    assert_eq!(told["estimate"]["prompt_tokens"], 6);
    let filtered: BTreeMap<_, _> = told["filtered"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["target"].as_str().unwrap_or_default(),
                one["why"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(filtered["elsewhere"], "it does not serve the model");
    assert!(filtered["groq"].contains("GROQ_API_KEY"), "{filtered:?}");

    let turned = explained(&gateway, stream_body("other"));
    assert_eq!(turned["decided"][0]["route"], "turned");
    assert_eq!(turned["candidates"][0]["target"], "elsewhere");
    let unknown = explained(&gateway, chat_body("nobodys"));
    assert_eq!(unknown["refusal"]["status"], 404);
    assert_eq!(unknown["refusal"]["code"], "model_not_found");
    assert_eq!(unknown["candidates"], serde_json::json!([]));

    for (call, status) in [
        (Call::post("/v1/explain", "{}").bearer(keys::APP.token), 400),
        (
            Call::post("/v1/explain", chat_body(MODEL)).bearer(keys::EYES.token),
            403,
        ),
        (Call::post("/v1/explain", chat_body(MODEL)), 401),
        (Call::get("/v1/explain").bearer(keys::APP.token), 405),
    ] {
        assert_eq!(gateway.send(&call).status(), status);
    }
    assert!(vendor.received().is_empty(), "nothing was sent");
    assert_eq!(
        gateway.metrics().count("gateway_requests_total", &[]),
        0,
        "and nothing is a call"
    );
}

/// R5: as many targets of one vendor as there are accounts, regions and addresses.
#[test]
fn r5_two_targets_of_one_provider_have_their_own_key_address_and_models() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let mut setup = Setup::at(&format!("{root}/default/v1"));
    for (name, key) in [("team-a", "KEY_A"), ("team-b", "KEY_B")] {
        setup = setup
            .env(key, &format!("sk-of-{name}-0123456789abcdef"))
            .further_target(&format!(
                "- virtual_key: {name}\n  provider: openai\n  api_key: ${{{key}}}\n  base_url: {root}/{name}/v1\n  models: {{model-of-{name}: own-of-{name}}}\n  headers: {{X-Account: {name}}}"
            ));
    }
    let gateway = Gateway::start(&setup.section("strategy:\n  mode: fallback"));
    for name in ["team-a", "team-b"] {
        let answer = gateway.chat(chat_body(&format!("model-of-{name}")));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.header("x-gateway-target"), Some(name));
        let call = vendor.last();
        assert_eq!(call.path, format!("/{name}/v1/chat/completions"));
        let bearer = format!("Bearer sk-of-{name}-0123456789abcdef");
        assert_eq!(call.header("authorization"), Some(bearer.as_str()));
        assert_eq!(call.header("x-account"), Some(name));
        assert_eq!(
            call.json().expect("JSON")["model"],
            format!("own-of-{name}")
        );
    }
}
