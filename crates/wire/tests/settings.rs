//! Every setting of a request changes what the vendor is sent, or is told as lost: for every dialect
//! and any mixture of settings.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};
use wire::gemini::{self, Home};
use wire::ir::{Encoded, Plan, Refusal, Request};
use wire::json::Node;
use wire::{anthropic, cohere, converse, ollama, openai};

type Write = fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>;

const VENDORS: [(&str, Write); 8] = [
    ("claude-3-5-haiku-latest", anthropic::write_request),
    ("claude-sonnet-4-5", anthropic::write_request),
    ("claude-opus-4-7", anthropic::write_request),
    ("gemini-3-flash", |request, plan| {
        gemini::write_request(request, plan, Home::Developer)
    }),
    (
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        |request, plan| converse::write_request(request, plan),
    ),
    ("amazon.nova-lite-v1:0", converse::write_request),
    ("command-a-03-2025", cohere::write_request),
    ("qwen3", ollama::write_request),
];

/// Settings that say something, each with the name under which its loss is told.
fn settings() -> Vec<(&'static str, Value)> {
    let tool = json!({"type": "function", "function": {"name": "look", "parameters":
        {"type": "object", "properties": {"q": {"type": "string"}}}}});
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    vec![
        ("temperature", json!(0.25)),
        ("top_p", json!(0.75)),
        ("n", json!(2)),
        ("seed", json!(7)),
        ("max_completion_tokens", json!(1234)),
        ("presence_penalty", json!(0.5)),
        ("frequency_penalty", json!(0.5)),
        ("stop", json!(["END"])),
        ("tools", json!([tool])),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}),
        ),
        ("logprobs", json!(true)),
        ("user", json!("u-7")),
        ("logit_bias", json!({"5": 1})),
        ("metadata", json!({"team": "a"})),
        ("verbosity", json!("low")),
        ("prompt_cache_key", json!("k")),
        ("service_tier", json!("flex")),
        ("modalities", json!(["text", "audio"])),
        ("brand_new_setting", json!({"x": 1})),
    ]
}

/// Settings that say something only beside others.
fn of_tools() -> Vec<(&'static str, Value)> {
    vec![
        ("tool_choice", json!("required")),
        ("parallel_tool_calls", json!(false)),
    ]
}

fn asking(settings: &[(&str, Value)]) -> Value {
    let mut body = json!({"model": "m", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"}]});
    for (name, value) in settings {
        body[*name] = value.clone();
    }
    body
}

fn written(write: Write, model: &str, body: &Value, reject: bool) -> Result<Encoded, Refusal> {
    let text = body.to_string();
    let plan = Plan {
        provider: "acme",
        model,
        family: None,
        reject,
        streaming: false,
        own_history: true,
    };
    let request = openai::read_request(Node::parse(text.as_bytes()).unwrap()).unwrap();
    write(request, &plan)
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// Each setting changes the body, or is told.
fn assert_told(chosen: &[(&str, Value)]) -> Result<(), TestCaseError> {
    let whole = asking(chosen);
    for (model, write) in VENDORS {
        let with = written(write, model, &whole, false).unwrap();
        for (name, _) in chosen {
            if *name == "tools" && chosen.iter().any(|(other, _)| *other == "tool_choice") {
                continue;
            }
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(*name);
            let without = written(write, model, &less, false).unwrap();
            let told = with.dropped.iter().any(|dropped| dropped == name);
            prop_assert!(
                told || read(&with.body) != read(&without.body),
                "{model}: {name} is lost in silence: {whole}"
            );
        }
    }
    Ok(())
}

#[test]
fn a21_every_setting_alone_reaches_the_vendor_or_is_told() {
    for setting in settings() {
        assert_told(&[setting]).unwrap();
    }
    for setting in of_tools() {
        let tools = settings().into_iter().find(|(name, _)| *name == "tools");
        assert_told(&[tools.unwrap(), setting]).unwrap();
    }
}

proptest! {
    #[test]
    fn a21_any_mixture_of_settings_reaches_the_vendor_or_is_told(
        chosen in subsequence(settings(), 0..=settings().len()),
        beside in subsequence(of_tools(), 0..=of_tools().len()),
    ) {
        let mut chosen = chosen;
        if chosen.iter().any(|(name, _)| *name == "tools") {
            chosen.extend(beside);
        }
        assert_told(&chosen)?;
    }

    #[test]
    fn a21_what_is_told_of_is_what_is_refused_where_that_is_wanted(
        chosen in subsequence(settings(), 0..=settings().len()),
    ) {
        const HINTS: [&str; 6] = ["metadata", "verbosity", "prompt_cache_key", "service_tier", "modalities", "brand_new_setting"];
        let body = asking(&chosen);
        for (model, write) in VENDORS {
            let told = written(write, model, &body, false).unwrap().dropped;
            let graver: Vec<_> = told.iter().filter(|name| !HINTS.contains(&name.as_str())).collect();
            match written(write, model, &body, true) {
                Ok(_) => prop_assert!(graver.is_empty(), "{model}: {graver:?}"),
                Err(refusal) => {
                    prop_assert!(refusal.by_policy);
                    prop_assert_eq!(&refusal.param, graver[0]);
                    for name in graver {
                        prop_assert!(refusal.message.contains(name.as_str()), "{}", refusal.message);
                    }
                }
            }
        }
    }
}
