//! Spec 02 §9.10 and §9.11, spec 01 §14: which models there are, and what providers take.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use ferrogw_tests::config::MODEL;
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, eventually, keys};
use serde_json::Value;

fn started(vendor: &Vendor) -> Gateway {
    let setup = Gateway::before(vendor)
        .model("vendor/with-slash", "x")
        .section("strategy:\n  mode: fallback\naliases:\n  nickname: gpt-test")
        .further_target("- virtual_key: other\n  provider: openai-compatible\n  base_url: http://127.0.0.1:1/v1\n  models: [gpt-test, only-there]")
        .further_target("- virtual_key: groq\n  models: [keyless]");
    Gateway::start(&setup)
}

fn listed(gateway: &Gateway) -> Vec<Value> {
    let answer = gateway.ask(Call::get("/v1/models"));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["object"], "list");
    body["data"].as_array().expect("a list").clone()
}

#[test]
fn the_list_names_what_can_be_called_once_each() {
    let vendor = Vendor::start();
    let gateway = started(&vendor);
    let models = listed(&gateway);
    let ids: Vec<&str> = models
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    for id in [MODEL, "vendor/with-slash", "only-there"] {
        assert_eq!(
            ids.iter().filter(|known| **known == id).count(),
            1,
            "{id} in {ids:?}"
        );
    }
    assert!(
        !ids.contains(&"keyless"),
        "a target that cannot be called lists nothing: {ids:?}"
    );
    for model in &models {
        assert_eq!(model["object"], "model");
        assert!(
            model["created"].is_i64() && model["owned_by"].is_string(),
            "{model}"
        );
    }
    let owner = |id: &str| {
        models
            .iter()
            .find(|model| model["id"] == id)
            .expect("listed")["owned_by"]
            .clone()
    };
    assert_eq!(owner(MODEL), "openai", "the first target wins");
    for id in ids.iter().filter(|id| **id != "only-there") {
        assert_eq!(
            gateway.chat(chat_body(id)).status(),
            200,
            "{id} is listed, so it can be called"
        );
    }
}

#[test]
fn c16_one_model_can_be_asked_for_whatever_its_name() {
    let vendor = Vendor::start();
    let gateway = started(&vendor);
    for (path, id) in [
        ("/v1/models/gpt-test", MODEL),
        ("/v1/models/gpt%2Dtest", MODEL),
        ("/v1/models/vendor/with-slash", "vendor/with-slash"),
        ("/v1/models/vendor%2Fwith-slash", "vendor/with-slash"),
    ] {
        let answer = gateway.ask(Call::get(path));
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        let model = answer.json();
        assert_eq!(
            (model["id"].as_str(), model["object"].as_str()),
            (Some(id), Some("model")),
            "{path}"
        );
        let head = gateway.ask(Call::new("HEAD", path));
        assert_eq!((head.status(), head.body.len()), (200, 0), "{path}");
    }
    for path in [
        "/v1/models/nothing-here",
        "/v1/models/keyless",
        "/v1/models/a/b/c",
    ] {
        let answer = gateway.ask(Call::get(path));
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(
            answer.error(),
            ("invalid_request_error".into(), "model_not_found".into()),
            "{path}"
        );
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn a_key_for_some_models_sees_no_others() {
    let vendor = Vendor::start();
    vendor.lists(u32::MAX, &[MODEL, "found-for-all", "found-for-some"]);
    let setup = Gateway::before(&vendor)
        .model("declared", "x")
        .section("aliases:\n  nickname: gpt-test\n  disguise: declared")
        .key(keys::NARROW, "models: [gpt-test, found-for-some]");
    let gateway = Gateway::start(&setup);
    let ids = |token: &str| {
        let answer = gateway.send(&Call::get("/v1/models").bearer(token));
        assert_eq!(answer.status(), 200);
        let body = answer.json();
        let models = body["data"].as_array().expect("a list").iter();
        models
            .filter_map(|model| model["id"].as_str().map(str::to_owned))
            .collect::<BTreeSet<_>>()
    };
    let all = eventually("what the vendor lists is listed", || {
        Some(ids(keys::APP.token)).filter(|ids| ids.contains("found-for-all"))
    });
    assert_eq!(
        all,
        [MODEL, "declared", "found-for-all", "found-for-some"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(
        ids(keys::NARROW.token),
        [MODEL, "found-for-some"].map(str::to_owned).into()
    );
    let one = |id: &str, token: &str| {
        let path = format!("/v1/models/{id}");
        gateway.send(&Call::get(&path).bearer(token))
    };
    for (id, seen) in [
        (MODEL, true),
        ("found-for-some", true),
        ("nickname", true),
        ("declared", false),
        ("found-for-all", false),
        ("disguise", false),
    ] {
        let answer = one(id, keys::NARROW.token);
        assert_eq!(one(id, keys::APP.token).status(), 200, "{id}");
        assert_eq!(
            answer.status(),
            if seen { 200 } else { 404 },
            "{id}: {}",
            answer.text()
        );
        if !seen {
            let missing = one("nothing-here", keys::NARROW.token);
            assert_eq!(answer.text(), missing.text(), "hidden is not there: {id}");
        }
    }
}

#[test]
fn capabilities_say_of_every_provider_what_it_takes() {
    let vendor = Vendor::start();
    let gateway = started(&vendor);
    let body = gateway.ask(Call::get("/v1/capabilities")).json();
    let providers = body["providers"].as_object().expect("an object");
    assert!(providers.contains_key("openai"), "{providers:?}");
    let keys: BTreeSet<&str> = [
        "temperature",
        "top_p",
        "n",
        "seed",
        "max_tokens",
        "max_completion_tokens",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "tools",
        "tool_choice",
        "response_format",
        "logprobs",
        "top_logprobs",
        "parallel_tool_calls",
        "user",
        "logit_bias",
    ]
    .into();
    for (id, profile) in providers {
        let profile = profile.as_object().expect("an object");
        assert_eq!(
            profile.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            keys,
            "{id}"
        );
        assert!(
            profile
                .values()
                .all(|word| ["forward", "translate", "unsupported"]
                    .iter()
                    .any(|known| word == known)),
            "{profile:?}"
        );
    }
}

#[test]
fn r21_an_alias_is_resolved_once_and_the_vendor_never_sees_it() {
    let vendor = Vendor::start();
    let gateway = started(&vendor);
    let answer = gateway.chat(chat_body("nickname"));
    assert_eq!(answer.status(), 200);
    assert_eq!(vendor.last().json().expect("JSON")["model"], MODEL, "W9");
    assert_eq!(answer.header("x-gateway-model"), Some(MODEL));
}

/// A vendor lists in pages, and says of its models how long prompts and answers may be.
#[test]
fn d10_a_list_in_pages_is_read_to_its_last_page() {
    let vendor = Vendor::start();
    let page = |ids: [&str; 2], rest: &str| {
        let item = |id| {
            format!(
                r#"{{"id":"{id}","created_at":"2026-02-04T00:00:00Z","max_input_tokens":200000,"max_tokens":64000}}"#
            )
        };
        format!(
            r#"body={{"data":[{},{}]{rest}}}"#,
            item(ids[0]),
            item(ids[1])
        )
    };
    let first = page(
        ["claude-a", "claude-b"],
        r#","has_more":true,"last_id":"claude-b""#,
    );
    vendor.when("/list/models", 1, &first);
    let last = page(
        ["claude-c", "claude-d"],
        r#","has_more":false,"last_id":"claude-d""#,
    );
    vendor.when("/list/models", 9, &last);
    let setup = Gateway::before(&vendor).further_target(&format!(
        "- virtual_key: paged\n  provider: anthropic\n  api_key: ${{VENDOR_KEY}}\n  base_url: http://{}/list",
        vendor.addr()
    ));
    let gateway = Gateway::start(&setup.section("strategy:\n  mode: fallback"));
    let models = eventually("the last page is listed", || {
        let models = listed(&gateway);
        models
            .iter()
            .any(|model| model["id"] == "claude-d")
            .then_some(models)
    });
    for id in ["claude-a", "claude-b", "claude-c", "claude-d"] {
        let model = models
            .iter()
            .find(|model| model["id"] == id)
            .expect("listed");
        assert_eq!(model["created"], 1_770_163_200, "{model}");
        assert_eq!(model["context_window"], 200_000, "{model}");
        assert_eq!(model["max_output_tokens"], 64_000, "{model}");
    }
    let asked = vendor.everything().into_iter();
    let asked: Vec<_> = asked
        .map(|request| request.path)
        .filter(|path| path.starts_with("/list/"))
        .collect();
    let pages = ["", "&after_id=claude%2Db"].map(|rest| format!("/list/models?limit=1000{rest}"));
    assert_eq!(asked, pages);
}

/// C2: a list that does not come keeps nobody waiting.
#[test]
fn c2_a_gateway_starts_on_the_list_that_it_has() {
    let vendor = Vendor::start();
    vendor.when("/catalog.json", 100, "stall");
    let url = format!("http://{}/catalog.json", vendor.addr());
    let begun = std::time::Instant::now();
    let gateway = Gateway::start(&Gateway::before(&vendor).section(&format!(
        "catalog:\n  enabled: true\n  url: {url}\n  fetch_timeout: 5m"
    )));
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(8), "{took:?}");
    ferrogw_tests::eventually("the list is asked for", || {
        let asked = vendor.everything();
        asked
            .iter()
            .any(|call| call.path == "/catalog.json")
            .then_some(())
    });
}
