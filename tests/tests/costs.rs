//! What calls cost: in a header, on the access line, in the metrics and in the list of models.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, eventually, stream_body};

const HEADER: &str = "x-gateway-cost-usd";

/// A thousand tokens in, five hundred out, at $2 and $8 a million: $0.006.
const PRICED: &str = "mock:prompt_tokens=1000;completion_tokens=500";

fn setup(vendor: &Vendor) -> Setup {
    let mute = "mock:ttft=30s";
    let facts = [PRICED, mute].map(|model| {
        format!(
            "    - provider: openai\n      model: '{model}'\n      context_window: 4096\n      capabilities: {{vision: true}}\n      price: {{input: 2, output: '8', cached: 0.5}}\n"
        )
    });
    Gateway::before(vendor)
        .model("priced", PRICED)
        .model("mute", mute)
        .section(&format!("catalog:\n  models:\n{}", facts.concat()))
}

#[test]
fn a_whole_answer_says_what_it_cost() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    let answer = gateway.chat(chat_body("priced"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header(HEADER), Some("0.006"));
    let line = gateway.access_by_id(answer.header("x-request-id").expect("an id"));
    assert_eq!(line["cost_usd"].to_string(), "0.006", "{line}");
    assert_eq!(line["cost_estimated"], false, "{line}");
    let samples = gateway.metrics();
    let cost = samples.sum("gateway_request_cost_usd_total", &[]);
    assert!((cost - 0.006).abs() < 1e-12, "{cost}");
}

#[test]
fn what_has_no_known_price_has_no_cost_rather_than_none() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!((answer.status(), answer.header(HEADER)), (200, None));
    let line = gateway.access_by_id(answer.header("x-request-id").expect("an id"));
    assert!(line.get("cost_usd").is_none(), "{line}");
}

#[test]
fn c6_a_stream_costs_the_same_and_says_so_on_its_line() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    let answer = gateway.chat(stream_body("priced"));
    // Its head goes out before anybody knows.
    assert_eq!((answer.status(), answer.header(HEADER)), (200, None));
    let line = gateway.access_by_id(answer.header("x-request-id").expect("an id"));
    assert_eq!(line["cost_usd"].to_string(), "0.006", "{line}");
}

#[test]
fn c7_a_client_that_leaves_has_cost_what_was_read_for_it() {
    let vendor = Vendor::start();
    let quiet = setup(&vendor).section("stream:\n  heartbeat: 200ms");
    let gateway = Gateway::start(&quiet);
    let stream = gateway.open_chat(stream_body("mute"));
    let id = stream
        .head
        .header("x-request-id")
        .expect("an id")
        .to_owned();
    drop(stream);
    let line = gateway.access_by_id(&id);
    assert_eq!(line["outcome"], "aborted", "{line}");
    assert!(line["cost_usd"].as_f64() > Some(0.0), "{line}");
    assert_eq!(line["cost_estimated"], true, "{line}");
    let cost = gateway.metrics().sum("gateway_request_cost_usd_total", &[]);
    assert!(cost > 0.0, "{cost}");
}

#[test]
fn c7_a_try_that_another_overtook_costs_what_it_may_have_used() {
    let vendor = Vendor::start();
    let root = format!("http://{}", vendor.addr());
    let setup = Setup::at(&format!("{root}/first/v1"))
        .section("strategy:\n  mode: fallback\ndiscovery:\n  enabled: false")
        .section(&format!(
            "catalog:\n  models:\n    - {{provider: openai, model: '{MODEL}', price: {{input: 2, output: 8}}}}"
        ))
        .target("hedge: {after: 200ms}")
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {root}/second/v1\n  models: [{MODEL}]"
        ));
    let gateway = Gateway::start(&setup);
    let cost = || {
        let answer = gateway.chat(chat_body(MODEL));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access_by_id(answer.header("x-request-id").expect("an id"));
        assert_eq!(
            Some(line["cost_usd"].to_string().as_str()),
            answer.header(HEADER),
            "{line}"
        );
        (line["cost_usd"].as_f64(), line["cost_estimated"].clone())
    };
    let (alone, estimated) = cost();
    assert_eq!(estimated, false);
    vendor.next("latency=20s");
    let (both, estimated) = cost();
    assert!(both > alone, "{both:?} {alone:?}");
    assert_eq!(estimated, true, "nobody counted what the slow one used");
    let sum = gateway.metrics().sum("gateway_request_cost_usd_total", &[]);
    let told = alone.zip(both).map_or(0.0, |(alone, both)| alone + both);
    assert!((sum - told).abs() < 1e-12, "{sum} {told}");
}

#[test]
fn the_list_of_models_tells_prices_limits_and_who_serves_them() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    let model = gateway.ask(Call::get("/v1/models/priced")).json();
    assert_eq!(model["context_window"], 4096, "{model}");
    assert_eq!(
        model["capabilities"],
        serde_json::json!(["vision"]),
        "{model}"
    );
    let pricing = &model["pricing"];
    assert_eq!(pricing["input_per_m_tokens"], 2, "{model}");
    assert_eq!(pricing["cache_read_per_m_tokens"], 0.5, "{model}");
    assert_eq!(
        model["targets"].as_array().map(Vec::len),
        Some(1),
        "{model}"
    );
    let plain = gateway
        .ask(Call::get(&format!("/v1/models/{MODEL}")))
        .json();
    assert!(plain.get("pricing").is_none(), "{plain}");
}

#[test]
fn exact_estimates_count_the_prompt_with_the_models_tokenizer() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("talk", "gpt-4o")
        .section("estimates:\n  tokenizer: exact\nstream:\n  heartbeat: 200ms");
    let gateway = Gateway::start(&setup);
    // The tables come in the background; until they are there the rule holds.
    eventually("the prompt is counted", || {
        vendor.next("ttft=30s");
        let stream = gateway.open_chat(stream_body("talk"));
        let id = stream
            .head
            .header("x-request-id")
            .expect("an id")
            .to_owned();
        drop(stream);
        let line = gateway.access_by_id(&id);
        assert_eq!(line["estimated"], true, "{line}");
        // "user", "hello", three for the message and three for the whole.
        (line["tokens_in"] == 8).then_some(())
    });
}
