//! Every row against chat requests as clients send them: what no rule names keeps its bytes.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use providers::{
    ChatPlan, Encoded, LogprobsForm, OnUnsupported, Provider, StreamOptions, builtin, encode_chat,
};
use serde_json::Value;
use wire::{Envelope, Limits, json};

struct Case {
    name: String,
    body: Envelope,
}

fn corpus() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let bytes = Bytes::from(std::fs::read(&path).unwrap());
            let body = Envelope::parse(bytes, Limits::default()).unwrap();
            Case {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                body,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        cases.len() >= 20,
        "the corpus is incomplete: {}",
        cases.len()
    );
    cases
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Calls `check` for every row and case, with the client's own model and the encoded request.
fn for_all(include_usage: bool, mut check: impl FnMut(&Provider, &Case, &str, Encoded)) {
    let cases = corpus();
    for provider in builtin() {
        for case in &cases {
            let model = case.body.text("model").unwrap().into_owned();
            let plan = ChatPlan {
                family: None,
                model: &model,
                include_usage,
                on_unsupported: OnUnsupported::Warn,
                streaming: case.body.flag("stream") == Some(true),
            };
            check(
                provider,
                case,
                &model,
                encode_chat(provider, &case.body, &plan).unwrap(),
            );
        }
    }
}

/// Whether a rule of the row may change the top-level field.
fn is_named(provider: &Provider, field: &str) -> bool {
    let rules = &provider.chat;
    let counted =
        rules.logprobs == LogprobsForm::Count && matches!(field, "logprobs" | "top_logprobs");
    let kept = rules.stream_options == StreamOptions::OpenAi;
    counted
        || rules
            .rename
            .iter()
            .any(|rename| rename.from == field || rename.to == field)
        || rules.drop.iter().any(|name| name == field)
        || rules.clamp.iter().any(|clamp| clamp.field == field)
        || rules.presets.iter().any(|preset| preset.field == field)
        || (field == "messages" && !rules.drop_in_messages.is_empty())
        || (field == "stream_options" && !kept)
}

#[test]
fn a19_a_request_that_no_rule_names_goes_out_as_the_very_same_bytes() {
    let mut untouched = 0;
    for_all(false, |provider, case, _, encoded| {
        let preset = !provider.chat.presets.is_empty();
        if preset || case.body.names().any(|name| is_named(provider, &name)) {
            return;
        }
        untouched += 1;
        assert_eq!(
            encoded.body,
            case.body.bytes(),
            "{} {}",
            provider.id,
            case.name
        );
        assert_eq!(
            encoded.body.as_ptr(),
            case.body.bytes().as_ptr(),
            "{} {}: copied",
            provider.id,
            case.name
        );
        assert!(
            encoded.dropped.is_empty() && !encoded.asked_usage,
            "{} {}",
            provider.id,
            case.name
        );
    });
    assert!(
        untouched > 1500,
        "only {untouched} pairs were forwarded as they came"
    );
}

#[test]
fn every_field_that_no_rule_names_keeps_its_place_and_its_bytes() {
    for_all(false, |provider, case, _, encoded| {
        let kept = |object: &str| -> Vec<(String, String)> {
            let members = json::members(object.trim()).unwrap();
            let owned = members
                .into_iter()
                .map(|(name, raw)| (name.into_owned(), raw.to_owned()));
            owned
                .filter(|(name, _)| !is_named(provider, name))
                .collect()
        };
        assert_eq!(
            kept(text(&encoded.body)),
            kept(text(case.body.bytes())),
            "{} {}",
            provider.id,
            case.name
        );
        // One document, and no name twice.
        Envelope::parse(encoded.body, Limits::default()).unwrap();
    });
}

#[test]
fn another_model_changes_the_model_and_nothing_else() {
    let cases = corpus();
    for_all(true, |provider, case, model, own| {
        let case = cases.iter().find(|other| other.name == case.name).unwrap();
        let plan = ChatPlan {
            family: None,
            model: "another/модель \"x\"",
            include_usage: true,
            on_unsupported: OnUnsupported::Warn,
            streaming: case.body.flag("stream") == Some(true),
        };
        // Some names are another maker's, and so are the fields that go with them.
        let renames = &provider.chat.rename;
        if renames
            .iter()
            .any(|rename| rename.is_for(model) != rename.is_for(plan.model))
        {
            return;
        }
        let other = encode_chat(provider, &case.body, &plan).unwrap();
        let other = Envelope::parse(other.body, Limits::default()).unwrap();
        assert_eq!(other.text("model").as_deref(), Some(plan.model));
        // Undone, it is what went out under the client's own name.
        let mut undo = other.edit();
        undo.set_raw("model", case.body.raw("model").unwrap());
        assert_eq!(
            text(&undo.finish()),
            text(&own.body),
            "{} {} {model}",
            provider.id,
            case.name
        );
    });
}

#[test]
fn messages_lose_the_named_members_and_nothing_else() {
    for_all(false, |provider, case, _, encoded| {
        let read = |object: &str| -> Value {
            let members = json::members(object.trim()).unwrap();
            let raw = members
                .iter()
                .find(|(name, _)| name == "messages")
                .unwrap()
                .1;
            // An escape that names half a character is the client's business, not this reader's.
            serde_json::from_str(&raw.replace(r"\ud800", "")).unwrap()
        };
        let mut expected = read(text(case.body.bytes()));
        for message in expected.as_array_mut().unwrap() {
            for member in &provider.chat.drop_in_messages {
                message.as_object_mut().unwrap().remove(member);
            }
        }
        assert_eq!(
            read(text(&encoded.body)),
            expected,
            "{} {}",
            provider.id,
            case.name
        );
    });
}

#[test]
fn a_stream_asks_for_usage_and_keeps_the_clients_other_options() {
    let mut asked = 0;
    for_all(true, |provider, case, _, encoded| {
        let streaming = case.body.flag("stream") == Some(true);
        let wants = provider.chat.stream_options == StreamOptions::OpenAi;
        let sent = Envelope::parse(encoded.body.clone(), Limits::default()).unwrap();
        let option = |body: &Envelope, name: &str| -> Option<String> {
            let members = json::members(body.raw("stream_options")?).ok()?;
            members
                .iter()
                .find(|(found, _)| found == name)
                .map(|(_, raw)| (*raw).to_owned())
        };
        let own = option(&case.body, "include_usage").as_deref() == Some("true");
        assert_eq!(
            encoded.asked_usage,
            streaming && wants && !own,
            "{} {}",
            provider.id,
            case.name
        );
        if streaming && wants {
            assert_eq!(option(&sent, "include_usage").as_deref(), Some("true"));
            assert_eq!(
                option(&sent, "include_obfuscation"),
                option(&case.body, "include_obfuscation")
            );
            asked += 1;
        }
        if !wants {
            assert!(!sent.contains("stream_options"));
        }
    });
    assert!(asked > 200, "only {asked} streams asked for usage");
}

#[test]
fn what_a_row_drops_is_told() {
    for_all(false, |provider, case, _, encoded| {
        let sent = Envelope::parse(encoded.body.clone(), Limits::default()).unwrap();
        for field in &provider.chat.drop {
            assert!(
                !sent.contains(field),
                "{} {} {field}",
                provider.id,
                case.name
            );
            let raw = case.body.raw(field).unwrap_or("null");
            let said = !matches!(raw, "null" | "{}" | "[]" | "\"\"" | "false")
                || (raw == "false" && field != "logprobs");
            assert_eq!(
                encoded.dropped.contains(field),
                said,
                "{} {} {field} {raw}",
                provider.id,
                case.name
            );
        }
    });
}
