//! Byte identity: whatever vendor's row a call goes through, the vendor receives the client's own
//! bytes but for the spans that the row names.
//!
//! What "but for" means is worked out here a second time, from the row's data alone, without the
//! code that the gateway uses for it.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use ferrogw_tests::config::{MODEL, Setup, VENDOR_KEY};
use ferrogw_tests::envelope::{members, value, with_value};
use ferrogw_tests::{Call, Gateway, Vendor, keys};
use mock::Recorded;
use providers::{
    Auth, ChatRules, Dialect, KeyNeed, LogprobsForm, Provider, StreamOptions, Surface, Wins,
};
use serde_json::Value;
use wire::Envelope;
use wire::envelope::Limits;

const OWN_MODEL: &str = "the-targets/own \"name\"";
const STREAM_OPTIONS: &str = "stream_options";

/// Requests as clients really spell them, and as they may.
fn shapes() -> Vec<(String, String)> {
    let own = [
        (
            "plain",
            r#"{"model":"M","messages":[{"role":"user","content":"hello"}]}"#,
        ),
        (
            "spaced",
            "\n{ \"messages\" : [ { \"role\" : \"user\" , \"content\" : \"hello\" } ] ,\r\n\t\"model\" : \"M\" }\n ",
        ),
        (
            "numbers",
            r#"{"model":"M","messages":[{"role":"user","content":"1"}],"temperature":1e0,"top_p":1.0,"seed":12345678901234567890,"n":1,"x":-0.0,"y":1E+2,"presence_penalty":0.10000000000000000001}"#,
        ),
        (
            "escapes",
            r#"{"model":"M","messages":[{"role":"user","content":"\u00e4\ud83e\udd80\/\"\\\b\u0000 ä🦀 \u2028"}],"user":"\u0061"}"#,
        ),
        (
            "escaped model",
            r#"{"messages":[{"role":"user","content":"hi"}],"mod\u0065l":"\u004d"}"#,
        ),
        (
            "everything null",
            r#"{"model":"M","messages":[{"role":"user","content":null}],"tools":null,"stop":null,"user":null,"logprobs":null,"logit_bias":null,"max_tokens":null,"stream_options":null}"#,
        ),
        (
            "empties",
            r#"{"model":"M","messages":[{"role":"user","content":""}],"tools":[],"stop":[],"logit_bias":{},"user":"","metadata":{}}"#,
        ),
        (
            "ceilings",
            r#"{"model":"M","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            "new ceiling",
            r#"{"model":"M","max_completion_tokens":16,"messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            "both ceilings",
            r#"{"model":"M","max_tokens":16,"max_completion_tokens":32,"messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            "hot",
            r#"{"temperature":2,"model":"M","messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            "logprobs",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"logprobs":true,"top_logprobs":3}"#,
        ),
        (
            "no logprobs",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"logprobs":false,"top_logprobs":0}"#,
        ),
        (
            "refused by some",
            r#"{"model":"M","user":"u-1","n":2,"logit_bias":{"50256":-100},"messages":[{"role":"user","name":"bob","content":"hi"}],"store":true,"verbosity":"low","tool_choice":"none","presence_penalty":0.5,"frequency_penalty":-0.5,"safety_identifier":"s"}"#,
        ),
        (
            "unknown",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"top_k":40,"thinking":{"type":"enabled","budget_tokens":1e3},"functions":[{"name":"f"}],"":{"":[[[]]]},"naïve":true}"#,
        ),
        (
            "tools",
            r#"{"model":"M","messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"w","arguments":"{\"a\": 1 }"}}],"refusal":null},{"role":"tool","tool_call_id":"c1","content":"sun"}],"tools":[{"type":"function","function":{"name":"w","strict":true,"parameters":{"type":"object","properties":{"model":{"type":"string"},"stream":{"const":true}},"required":["model"]}}}],"parallel_tool_calls":false}"#,
        ),
        (
            "parts",
            r#"{"model":"M","messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}},{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]}"#,
        ),
        (
            "schema",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"f","strict":true,"schema":{"type":"object","properties":{"a":{"type":"integer"}}}}}}"#,
        ),
        (
            "usage wanted",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"stream_options":{ "include_usage" : true }}"#,
        ),
        (
            "usage not wanted",
            r#"{"model":"M","messages":[{"role":"user","content":"hi"}],"stream_options":{"x":[1], "include_usage":false}}"#,
        ),
    ];
    let mut shapes: Vec<_> = own
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    shapes.extend(corpus());
    shapes
}

/// Requests taken from clients, kept beside the code that encodes them. One without messages is refused at
/// the door, so no vendor sees it.
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/providers/tests/corpus");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let json = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let texts = json.filter_map(|path| {
        Some((
            path.file_stem()?.to_str()?.to_owned(),
            std::fs::read_to_string(&path).ok()?,
        ))
    });
    texts
        .filter(|(_, text)| value(text, "messages").is_some_and(|messages| messages != "[]"))
        .collect()
}

fn asking(shape: &str, model: &str, streamed: bool) -> String {
    let named = with_value(
        shape,
        "model",
        &serde_json::to_string(model).expect("a string"),
    );
    let has = |name| members(&named).iter().any(|member| member.name == name);
    match (has("stream"), streamed) {
        (true, _) => with_value(&named, "stream", if streamed { "true" } else { "false" }),
        (false, true) => {
            let end = named.rfind('}').expect("an object");
            format!(
                "{},\"stream\": true{}",
                named[..end].trim_end(),
                &named[end..]
            )
        }
        (false, false) => named,
    }
}

/// A body as members in order, for working out what should have been sent.
#[derive(Clone, Debug)]
struct Expected {
    members: Vec<(String, String)>,
    /// Names whose place in the body may be any.
    moved: HashSet<String>,
    /// Whether everything outside the values is as the client wrote it.
    same_frame: bool,
}

impl Expected {
    fn of(text: &str) -> Expected {
        let members = members(text)
            .into_iter()
            .map(|member| (member.name, text[member.value].to_owned()))
            .collect();
        Expected {
            members,
            moved: HashSet::new(),
            same_frame: true,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: &str) {
        match self.members.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => {
                self.members.push((name.to_owned(), value.to_owned()));
                self.moved.insert(name.to_owned());
                self.same_frame = false;
            }
        }
    }

    fn remove(&mut self, name: &str) {
        let before = self.members.len();
        self.members.retain(|(known, _)| known != name);
        self.same_frame &= self.members.len() == before;
    }

    fn says_something(&self, name: &str) -> bool {
        let nothing = ["null", "\"\"", "[]", "{}"];
        self.get(name).is_some_and(|value| {
            !nothing.contains(&value) && (name, value) != ("logprobs", "false")
        })
    }
}

/// What the row's rules make of a body; also whether the client must be told of something dropped.
fn expected(row: &Provider, text: &str, streamed: bool) -> (Expected, bool) {
    let ChatRules {
        rename,
        drop,
        drop_in_messages,
        clamp,
        presets,
        unsupported: _,
        stream_options,
        logprobs,
    } = &row.chat;
    let mut body = Expected::of(text);
    let mut told = false;
    body.set(
        "model",
        &serde_json::to_string(OWN_MODEL).expect("a string"),
    );
    for rule in rename {
        let Some(from) = body.get(&rule.from).map(str::to_owned) else {
            continue;
        };
        let to = body.get(&rule.to).map(str::to_owned);
        let from_counts = to
            .as_deref()
            .is_none_or(|to| to == "null" || (rule.wins == Wins::From && from != "null"));
        body.remove(&rule.from);
        if from_counts {
            body.set(&rule.to, &from);
        }
        body.moved.insert(rule.to.clone());
    }
    for field in drop {
        told |= body.says_something(field);
        body.remove(field);
    }
    for rule in clamp {
        let Some(value) = body
            .get(&rule.field)
            .and_then(|raw| raw.parse::<f64>().ok())
        else {
            continue;
        };
        let low = rule.min.filter(|min| value < *min);
        if let Some(bound) = low.or(rule.max.filter(|max| value > *max)) {
            body.set(&rule.field, &bound.to_string());
            told = true;
        }
    }
    if *logprobs == LogprobsForm::Count {
        let count = body
            .get("top_logprobs")
            .filter(|raw| !["null", "0"].contains(raw))
            .unwrap_or("1")
            .to_owned();
        match body.get("logprobs") {
            Some("true") => body.set("logprobs", &count),
            Some("false") => body.remove("logprobs"),
            _ => told |= body.says_something("top_logprobs"),
        }
        body.remove("top_logprobs");
    }
    let client = Expected::of(text);
    for rule in presets {
        let said = |name: &String| client.get(name).is_some_and(|value| value != "null");
        if !std::iter::once(&rule.field).chain(&rule.unless).any(said) {
            body.set(&rule.field, &rule.value.to_string());
        }
    }
    if !drop_in_messages.is_empty() {
        told |= without_in_messages(&mut body, drop_in_messages);
    }
    match (stream_options, body.get(STREAM_OPTIONS).map(str::to_owned)) {
        (StreamOptions::None, _) => body.remove(STREAM_OPTIONS),
        (StreamOptions::OpenAi, None) if streamed => {
            body.set(STREAM_OPTIONS, r#"{"include_usage":true}"#);
        }
        (StreamOptions::OpenAi, Some(options)) if streamed => {
            let mut options: Value = serde_json::from_str(&options).expect("JSON");
            if options["include_usage"] != true {
                options["include_usage"] = true.into();
                body.set(STREAM_OPTIONS, &options.to_string());
            }
        }
        _ => {}
    }
    (body, told)
}

/// Members of each message that the row refuses are gone; what is left is compared by its meaning.
fn without_in_messages(body: &mut Expected, names: &[String]) -> bool {
    let mut messages: Vec<Value> =
        serde_json::from_str(body.get("messages").expect("messages")).expect("JSON");
    let mut gone = Vec::new();
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        gone.extend(names.iter().filter_map(|name| message.remove(name)));
    }
    if !gone.is_empty() {
        body.set("messages", &Value::Array(messages).to_string());
    }
    let nothing = [
        Value::Null,
        Value::from(""),
        Value::Array(Vec::new()),
        Value::Object(serde_json::Map::new()),
    ];
    gone.iter().any(|value| !nothing.contains(value))
}

/// Where the sent body differs from the expected one, if it does.
fn difference(row: &Provider, client: &str, expected: &Expected, sent: &str) -> Option<String> {
    let found = Expected::of(sent);
    let order = |body: &Expected| -> Vec<String> {
        let names = body.members.iter().map(|(name, _)| name.clone());
        names
            .filter(|name| !expected.moved.contains(name))
            .collect()
    };
    if order(expected) != order(&found) {
        return Some(format!(
            "members are {:?}, not {:?}",
            order(&found),
            order(expected)
        ));
    }
    let wanted: BTreeMap<_, _> = expected.members.iter().cloned().collect();
    let got: BTreeMap<_, _> = found.members.iter().cloned().collect();
    if wanted.len() != got.len() || got.len() != found.members.len() {
        return Some(format!(
            "members are {:?}, not {:?}",
            got.keys(),
            wanted.keys()
        ));
    }
    for (name, value) in &wanted {
        let sent = got.get(name).map_or("nothing", String::as_str);
        let rewritten = name == STREAM_OPTIONS
            || (name == "messages" && !row.chat.drop_in_messages.is_empty())
            || row.chat.clamp.iter().any(|rule| rule.field == *name);
        let same = sent == value || (rewritten && same_meaning(sent, value));
        if !same {
            return Some(format!("`{name}` is {sent}, not {value}"));
        }
    }
    // Nothing was added or taken out: then the rest of the body is the client's, to the last blank.
    if expected.same_frame {
        let exact = found
            .members
            .iter()
            .fold(client.to_owned(), |text, (name, value)| {
                with_value(&text, name, value)
            });
        if exact != sent {
            return Some("what stands between the values changed".into());
        }
    }
    None
}

fn same_meaning(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() < 1e-9,
        _ => serde_json::from_str::<Value>(a).ok() == serde_json::from_str::<Value>(b).ok(),
    }
}

/// The rows of vendors that speak the clients' dialect.
fn rows() -> Vec<&'static Provider> {
    providers::builtin()
        .iter()
        .filter(|row| row.serves(Surface::Chat) && row.dialect == Dialect::OpenAi)
        .collect()
}

fn asked_model(row: &Provider) -> String {
    format!("{}-model", row.id)
}

/// One target for each row, each at a root of its own, each serving one model.
fn setup(vendor: &Vendor) -> Setup {
    let mut setup = Gateway::before(vendor).section("strategy:\n  mode: fallback");
    for row in rows().into_iter().filter(|row| row.id != "openai") {
        let mut entry = format!(
            "- virtual_key: {}\n  base_url: \"http://{}/{}\"\n",
            row.id,
            vendor.addr(),
            row.id
        );
        if row.key != KeyNeed::None {
            entry.push_str("  api_key: ${VENDOR_KEY}\n");
        }
        let model = serde_json::to_string(OWN_MODEL).expect("a string");
        let _ = writeln!(entry, "  models:\n    {:?}: {model}", asked_model(row));
        let vars: Vec<_> = row
            .env
            .vars
            .iter()
            .filter(|(_, names)| names.required)
            .collect();
        if !vars.is_empty() {
            entry.push_str("  vars:\n");
            for (name, _) in vars {
                let _ = writeln!(entry, "    {name}: x");
            }
        }
        setup = setup.further_target(&entry);
    }
    setup.model("openai-model", OWN_MODEL)
}

fn credential_of(row: &Provider, sent: &Recorded) -> Option<String> {
    let name = match &row.auth {
        Auth::Bearer | Auth::Aws(_) | Auth::Databricks => "authorization",
        Auth::ApiKey | Auth::Entra(_) => "api-key",
        Auth::Google(_) => "x-goog-api-key",
        Auth::Header(name) => name,
    };
    sent.header(&name.to_ascii_lowercase()).map(str::to_owned)
}

/// Whether the vendor has a second dialect, and only that one can say what the client asks for.
fn speaks_otherwise(row: &Provider, client: &str) -> bool {
    let body = Envelope::parse(client.to_owned().into(), Limits::default());
    body.is_ok_and(|body| providers::native::is_needed(row, &body, ""))
}

#[test]
fn c18_a19_every_row_forwards_the_clients_own_bytes() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    let shapes = shapes();
    let mut wrong = Vec::new();
    let mut connection = gateway.connect();
    for row in rows() {
        for (name, shape) in &shapes {
            for streamed in [false, true] {
                let client = asking(shape, &asked_model(row), streamed);
                if speaks_otherwise(row, &client) {
                    continue;
                }
                let case = format!(
                    "{} / {name} / {}",
                    row.id,
                    if streamed { "stream" } else { "whole" }
                );
                vendor.forget();
                let call = Call::chat(client.as_str()).bearer(keys::APP.token);
                connection
                    .write(&call.bytes(gateway.addr()))
                    .expect("the gateway reads");
                let answer = connection.answer(false).expect("the gateway answers");
                let Some(sent) = vendor.received().pop() else {
                    wrong.push(format!("{case}: nothing was sent: {}", answer.text()));
                    continue;
                };
                let (body, told) = expected(row, &client, streamed);
                if let Some(difference) =
                    difference(row, &client, &body, &String::from_utf8_lossy(&sent.body))
                {
                    wrong.push(format!("{case}: {difference}"));
                }
                let header = answer.header("x-gateway-dropped-params");
                if answer.status() == 200 && header.is_some() != told {
                    wrong.push(format!("{case}: dropped parameters told as {header:?}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

#[test]
fn every_row_is_called_at_its_place_with_its_credential_and_headers() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    for row in rows() {
        let answer = gateway.ask(Call::chat(ferrogw_tests::chat_body(&asked_model(row))));
        let sent = vendor.last();
        let id = row.id.as_str();
        assert_eq!(answer.status(), 200, "{id}: {}", answer.text());
        if id != "openai" {
            assert!(
                sent.path.starts_with(&format!("/{id}/")),
                "{id}: {}",
                sent.path
            );
        }
        assert!(
            sent.path
                .split('?')
                .next()
                .is_some_and(|path| path.ends_with("/chat/completions")),
            "{id}: {}",
            sent.path
        );
        let credential = credential_of(row, &sent);
        match row.key {
            KeyNeed::None => assert_eq!(credential, None, "{id}"),
            KeyNeed::Required | KeyNeed::Optional => {
                let expected = if matches!(row.auth, Auth::Bearer | Auth::Aws(_) | Auth::Databricks)
                {
                    format!("Bearer {VENDOR_KEY}")
                } else {
                    VENDOR_KEY.into()
                };
                assert_eq!(credential, Some(expected), "{id}");
            }
        }
        for (name, value) in &row.headers {
            assert_eq!(
                sent.header(&name.to_ascii_lowercase()),
                Some(value.as_str()),
                "{id}: {name}"
            );
        }
        assert_eq!(
            sent.header("content-type"),
            Some("application/json"),
            "{id}"
        );
        assert_eq!(
            sent.header("content-length"),
            Some(sent.body_length.to_string().as_str()),
            "{id}"
        );
        assert_eq!(
            sent.header("host"),
            Some(vendor.addr().to_string().as_str()),
            "{id}"
        );
        assert_eq!(answer.header("x-gateway-provider"), Some(id));
        assert_eq!(gateway.access(&answer)["provider"], id);
    }
}

#[test]
fn a19_every_row_passes_the_vendors_bytes_back() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor));
    // Not the order, the spacing or the members that anybody else would choose.
    let whole = "{ \"choices\" : [ { \"message\" : { \"content\" : \"\\u00e4\\/ü\", \"x\":1e2 }, \"index\" : 0, \"finish_reason\":\"stop\" } ],\n \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7} , \"odd\":[null,{}] }\n";
    let stream = "data: {\"choices\" :[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}], \"odd\":1}\n\ndata:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    for row in rows() {
        let model = asked_model(row);
        vendor.next(&format!(
            "status=200;body={}",
            ferrogw_tests::vendor::escaped(whole)
        ));
        assert_eq!(
            gateway
                .ask(Call::chat(ferrogw_tests::chat_body(&model)))
                .text(),
            whole,
            "{}",
            row.id
        );
        vendor.next(&format!(
            "status=200;content_type=text/event-stream;body={}",
            ferrogw_tests::vendor::escaped(stream)
        ));
        let told = gateway
            .ask(Call::chat(ferrogw_tests::stream_body(&model)))
            .text();
        assert_eq!(told, stream, "{}", row.id);
    }
}

#[test]
fn a_large_body_goes_through_untouched() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let picture = "iVBORw0KGgo".repeat(600_000);
    let body = format!(
        r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}]}}"#
    );
    let answer = gateway.chat(body.as_str());
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        vendor.only().body == body.as_bytes(),
        "not one byte differs"
    );
}

#[test]
fn a_target_adds_its_own_headers_and_query() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .target("headers:\n  x-team: ${TEAM}\n  x-plain: yes please\nquery:\n  api-version: \"2026-01-01\"")
        .env("TEAM", "blue");
    let gateway = Gateway::start(&setup);
    assert_eq!(gateway.chat(ferrogw_tests::chat_body(MODEL)).status(), 200);
    let sent = vendor.only();
    assert_eq!(sent.header("x-team"), Some("blue"));
    assert_eq!(sent.header("x-plain"), Some("yes please"));
    assert_eq!(sent.path, "/v1/chat/completions?api-version=2026-01-01");
}

#[test]
fn a21_what_a_row_cannot_do_is_dropped_sent_or_refused_as_the_operator_says() {
    let vendor = Vendor::start();
    let row = rows()
        .into_iter()
        .find(|row| !row.chat.unsupported.is_empty())
        .expect("some row honours less");
    let field = row
        .chat
        .unsupported
        .iter()
        .find(|name| name.ends_with("_penalty") || *name == "user")
        .expect("a plain field");
    let value = if field == "user" { "\"u\"" } else { "0.5" };
    let body = asking(
        r#"{"model":"M","messages":[{"role":"user","content":"hi"}]}"#,
        &asked_model(row),
        false,
    )
    .replace("\"messages\"", &format!("\"{field}\":{value},\"messages\""));
    for (word, arrives) in [
        ("warn", Some(true)),
        ("drop", Some(false)),
        ("reject", None),
    ] {
        let gateway = Gateway::start(
            &setup(&vendor).section(&format!("compatibility:\n  on_unsupported_param: {word}")),
        );
        vendor.forget();
        let answer = gateway.chat(body.as_str());
        match arrives {
            Some(arrives) => {
                assert_eq!(answer.status(), 200, "{word}: {}", answer.text());
                assert_eq!(
                    vendor
                        .last()
                        .json()
                        .is_some_and(|sent| sent.get(field).is_some()),
                    arrives,
                    "{word}"
                );
                let told = answer
                    .header("x-gateway-dropped-params")
                    .is_some_and(|names| names.contains(field.as_str()));
                assert_eq!(told, !arrives, "{word}");
            }
            None => {
                assert_eq!(answer.status(), 400);
                assert_eq!(
                    answer.error(),
                    (
                        "invalid_request_error".into(),
                        "unsupported_parameter".into()
                    )
                );
                assert!(answer.text().contains(field.as_str()), "{}", answer.text());
                assert!(vendor.received().is_empty());
            }
        }
    }
}
