use proptest::prelude::*;
use wire::Limits;

use super::*;

fn row(chat: &str) -> Provider {
    let text = format!("id = 'acme'\nbase_url = 'https://api.acme.test/v1'\n[chat]\n{chat}");
    toml::from_str(&text).unwrap()
}

fn plan(model: &str) -> ChatPlan<'_> {
    ChatPlan {
        family: None,
        model,
        include_usage: false,
        on_unsupported: OnUnsupported::Warn,
        streaming: false,
    }
}

fn parse(body: &str) -> Envelope {
    Envelope::parse(Bytes::copy_from_slice(body.as_bytes()), Limits::default()).unwrap()
}

fn encode(chat: &str, body: &str, plan: &ChatPlan<'_>) -> (String, Vec<String>, Vec<String>) {
    let Encoded {
        body,
        dropped,
        ignored,
        ..
    } = encode_chat(&row(chat), &parse(body), plan).unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), dropped, ignored)
}

/// A body, what becomes of it under the rules, and what the client is told.
#[track_caller]
fn becomes(chat: &str, body: &str, sent: &str, told: &[&str]) {
    let (out, dropped, _) = encode(chat, body, &plan("m"));
    assert_eq!(
        (out.as_str(), dropped),
        (sent, told.iter().map(|&t| t.to_owned()).collect::<Vec<_>>()),
        "{body}"
    );
}

#[test]
fn without_rules_the_very_same_bytes_go_out() {
    let body = parse(
        r#" { "model" : "m", "seed": 12345678901234567890, "temperature":1e0, "x":"\u00e9" } "#,
    );
    let encoded = encode_chat(&row(""), &body, &plan("m")).unwrap();
    assert_eq!(encoded.body.as_ptr(), body.bytes().as_ptr());
    assert_eq!(encoded.body.len(), body.bytes().len());
    assert!(encoded.dropped.is_empty() && encoded.ignored.is_empty() && !encoded.asked_usage);
}

#[test]
fn the_model_is_spliced_only_when_it_differs() {
    let body = r#"{"messages":[], "model" : "gpt-4o","x":1e0}"#;
    let (out, ..) = encode("", body, &plan("my \"deployment\""));
    assert_eq!(
        out,
        r#"{"messages":[], "model" : "my \"deployment\"","x":1e0}"#
    );
    // The same name in other letters is the same name.
    let escaped = r#"{"model":"gpt-\u0034o"}"#;
    assert_eq!(encode("", escaped, &plan("gpt-4o")).0, escaped);
}

#[test]
fn a_renamed_field_keeps_its_value_and_the_rule_says_who_wins() {
    let newer = "rename = [{ from = 'max_tokens', to = 'max_completion_tokens' }]";
    let older = "rename = [{ from = 'max_completion_tokens', to = 'max_tokens', wins = 'from' }]";
    for (chat, body, sent) in [
        (
            newer,
            r#"{"model":"m","max_tokens":1e2}"#,
            r#"{"model":"m","max_completion_tokens":1e2}"#,
        ),
        (
            newer,
            r#"{"max_completion_tokens":7,"model":"m","max_tokens":5}"#,
            r#"{"max_completion_tokens":7,"model":"m"}"#,
        ),
        (
            newer,
            r#"{"max_completion_tokens":null,"model":"m","max_tokens":5}"#,
            r#"{"max_completion_tokens":5,"model":"m"}"#,
        ),
        (
            newer,
            r#"{"model":"m","max_tokens":null,"max_completion_tokens":7}"#,
            r#"{"model":"m","max_completion_tokens":7}"#,
        ),
        (
            older,
            r#"{"model":"m","max_completion_tokens":7}"#,
            r#"{"model":"m","max_tokens":7}"#,
        ),
        (
            older,
            r#"{"model":"m","max_tokens":5,"max_completion_tokens":7}"#,
            r#"{"model":"m","max_tokens":7}"#,
        ),
        (
            older,
            r#"{"model":"m","max_tokens":5,"max_completion_tokens":null}"#,
            r#"{"model":"m","max_tokens":5}"#,
        ),
        (
            older,
            r#"{"model":"m","max_tokens":5}"#,
            r#"{"model":"m","max_tokens":5}"#,
        ),
    ] {
        becomes(chat, body, sent, &[]);
    }
}

#[test]
fn a_dropped_field_is_told_only_when_it_said_something() {
    let chat = "drop = ['logprobs', 'user', 'logit_bias', 'stop']";
    for (field, told) in [
        (r#""logprobs":true"#, &["logprobs"][..]),
        (r#""logprobs":false"#, &[]),
        (r#""logprobs":null"#, &[]),
        (r#""user":"""#, &[]),
        (r#""user":"u1""#, &["user"]),
        (r#""logit_bias":{ }"#, &[]),
        (r#""logit_bias":{"50256":-100}"#, &["logit_bias"]),
        (r#""stop":[]"#, &[]),
        (r#""stop":"END""#, &["stop"]),
    ] {
        becomes(
            chat,
            &format!(r#"{{"model":"m",{field}}}"#),
            r#"{"model":"m"}"#,
            told,
        );
    }
}

#[test]
fn members_of_messages_are_taken_out_and_the_rest_keeps_its_bytes() {
    let chat = "drop_in_messages = ['name', 'refusal']";
    becomes(
        chat,
        r#"{"model":"m","messages":[ {"role":"user","name":"ann","content":"a name"} ,{"content":[{"name":"kept"}],"role":"user"}]}"#,
        r#"{"model":"m","messages":[ {"role":"user","content":"a name"} ,{"content":[{"name":"kept"}],"role":"user"}]}"#,
        &["messages[].name"],
    );
    becomes(
        chat,
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"function":{"name":"f"}}]}]}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f"}}]}]}"#,
        &[],
    );
    becomes(
        chat,
        r#"{"model":"m","messages":[{"name":"b","n\u0061me2":1},{"name":"c","refusal":"no"}]}"#,
        r#"{"model":"m","messages":[{"n\u0061me2":1},{}]}"#,
        &["messages[].name", "messages[].refusal"],
    );
}

#[test]
fn messages_of_another_shape_are_left_to_the_vendor() {
    for messages in [
        r#""text""#,
        "null",
        "[1,\"x\",[{\"name\":1}],null]",
        "{\"name\":1}",
        "[]",
    ] {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        becomes("drop_in_messages = ['name']", &body, &body, &[]);
    }
}

#[test]
fn a_number_beyond_its_range_is_moved_to_the_end_of_it_and_told() {
    let chat = "clamp = [{ field = 'temperature', min = 0.5, max = 1.5 }]";
    for (given, sent, told) in [
        ("2", "1.5", &["temperature"][..]),
        ("1.50001e0", "1.5", &["temperature"]),
        ("0", "0.5", &["temperature"]),
        ("1.5", "1.5", &[]),
        ("1e0", "1e0", &[]),
        ("null", "null", &[]),
        ("\"2\"", "\"2\"", &[]),
    ] {
        let body = |value| format!(r#"{{"model":"m","temperature":{value}}}"#);
        becomes(chat, &body(given), &body(sent), told);
    }
}

#[test]
fn what_happens_to_an_unhonoured_field_is_the_operators_choice() {
    let chat = "drop = ['logprobs']\nunsupported = ['n', 'user']\nclamp = [{ field = 'temperature', max = 1.0 }]";
    let body = r#"{"model":"m","n":2,"user":"","logprobs":true,"temperature":2}"#;
    let with = |on_unsupported| ChatPlan {
        on_unsupported,
        ..plan("m")
    };
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };

    let (out, dropped, ignored) = encode(chat, body, &with(OnUnsupported::Warn));
    assert_eq!(out, r#"{"model":"m","n":2,"user":"","temperature":1}"#);
    assert_eq!(
        (dropped, ignored),
        (names(&["logprobs", "temperature"]), names(&["n"]))
    );

    let (out, dropped, ignored) = encode(chat, body, &with(OnUnsupported::Drop));
    assert_eq!(out, r#"{"model":"m","user":"","temperature":1}"#);
    assert_eq!(
        (dropped, ignored),
        (names(&["logprobs", "temperature", "n"]), names(&[]))
    );

    let refused = encode_chat(&row(chat), &parse(body), &with(OnUnsupported::Reject)).unwrap_err();
    assert_eq!(refused.params, ["logprobs", "n", "temperature"]);
    assert_eq!(
        refused.to_string(),
        "acme does not support logprobs, n, temperature"
    );
    let fine = parse(r#"{"model":"m","n":null,"temperature":1}"#);
    assert!(encode_chat(&row(chat), &fine, &with(OnUnsupported::Reject)).is_ok());
}

#[test]
fn usage_is_asked_for_within_the_clients_own_options() {
    for (options, sent, asked) in [
        ("", r#","stream_options":{"include_usage":true}"#, true),
        (
            r#","stream_options":null"#,
            r#","stream_options":{"include_usage":true}"#,
            true,
        ),
        (
            r#","stream_options":{ "include_obfuscation":false }"#,
            r#","stream_options":{ "include_obfuscation":false,"include_usage":true }"#,
            true,
        ),
        (
            r#","stream_options":{"include_usage":false}"#,
            r#","stream_options":{"include_usage":true}"#,
            true,
        ),
        (
            r#","stream_options":{"include_usage": true}"#,
            r#","stream_options":{"include_usage": true}"#,
            false,
        ),
        (
            r#","stream_options":"yes""#,
            r#","stream_options":"yes""#,
            false,
        ),
    ] {
        let body = parse(&format!(r#"{{"model":"m","stream":true{options}}}"#));
        let plan = ChatPlan {
            include_usage: true,
            streaming: true,
            ..plan("m")
        };
        let encoded = encode_chat(&row(""), &body, &plan).unwrap();
        let expected = format!(r#"{{"model":"m","stream":true{sent}}}"#);
        assert_eq!(std::str::from_utf8(&encoded.body).unwrap(), expected);
        assert_eq!(encoded.asked_usage, asked, "{options}");
    }
}

#[test]
fn usage_is_not_asked_for_when_nobody_wants_it_or_nothing_streams() {
    let body = r#"{"model":"m","stream_options":{"include_usage":false}}"#;
    for (include_usage, streaming) in [(false, true), (true, false)] {
        let plan = ChatPlan {
            include_usage,
            streaming,
            ..plan("m")
        };
        let encoded = encode_chat(&row(""), &parse(body), &plan).unwrap();
        assert_eq!(
            (&encoded.body[..], encoded.asked_usage),
            (body.as_bytes(), false)
        );
    }
}

#[test]
fn a_vendor_that_reports_usage_by_itself_is_sent_no_options() {
    let plan = ChatPlan {
        include_usage: true,
        streaming: true,
        ..plan("m")
    };
    let body = parse(r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#);
    let encoded = encode_chat(&row("stream_options = 'none'"), &body, &plan).unwrap();
    assert_eq!(&encoded.body[..], br#"{"model":"m","stream":true}"#);
    assert_eq!((encoded.asked_usage, encoded.dropped), (false, Vec::new()));
}

#[test]
fn logprobs_become_a_count() {
    let chat = "logprobs = 'count'";
    for (body, sent, told) in [
        (
            r#""logprobs":true,"top_logprobs":5"#,
            r#","logprobs":5"#,
            &[][..],
        ),
        (r#""logprobs":true"#, r#","logprobs":1"#, &[]),
        (
            r#""logprobs":true,"top_logprobs":0"#,
            r#","logprobs":1"#,
            &[],
        ),
        (
            r#""logprobs":true,"top_logprobs":null"#,
            r#","logprobs":1"#,
            &[],
        ),
        (r#""logprobs":false,"top_logprobs":0"#, "", &[]),
        (r#""logprobs":3"#, r#","logprobs":3"#, &[]),
        (r#""top_logprobs":2"#, "", &["top_logprobs"]),
        (r#""n":1"#, r#","n":1"#, &[]),
    ] {
        becomes(
            chat,
            &format!(r#"{{"model":"m",{body}}}"#),
            &format!(r#"{{"model":"m"{sent}}}"#),
            told,
        );
    }
}

proptest! {
    #[test]
    fn what_goes_out_is_json_whatever_came_in(
        fields in proptest::collection::btree_map(
            prop_oneof![Just("max_tokens"), Just("max_completion_tokens"), Just("messages"), Just("user"),
                Just("stream_options"), Just("temperature"), Just("logprobs"), Just("top_logprobs"), Just("x\\u0041")],
            prop_oneof![Just("null"), Just("true"), Just("[]"), Just("{}"), Just("1e400"), Just("-0"), Just("\"\\u00e9\""),
                Just("[{\"name\":\"a\"} , 2]"), Just("{\"include_usage\":0}")],
            0..6),
        streaming: bool,
    ) {
        let members: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
        let body = format!("{{ {} }}", members.join(" , "));
        let chat = "rename = [{ from = 'max_completion_tokens', to = 'max_tokens', wins = 'from' }, { from = 'user', to = 'user_id' }]\n\
            drop = ['user']\ndrop_in_messages = ['name']\nclamp = [{ field = 'temperature', max = 1.0 }]\nlogprobs = 'count'";
        let plan = ChatPlan { include_usage: true, streaming, ..plan("m") };
        let encoded = encode_chat(&row(chat), &parse(&body), &plan).unwrap();
        let again = Envelope::parse(encoded.body, Limits::default()).unwrap();
        prop_assert_eq!(again.raw("model"), Some("\"m\""));
        prop_assert!(!again.contains("max_completion_tokens") && !again.contains("user"));
    }
}
