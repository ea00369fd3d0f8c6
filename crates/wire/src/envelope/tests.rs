use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use super::*;
use crate::testing::{buildable_json, damage, damaged};

fn parse(text: &str) -> Result<Envelope, EnvelopeError> {
    Envelope::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default())
}

fn edited(text: &str, change: impl FnOnce(&mut Edit<'_>)) -> String {
    let envelope = parse(text).unwrap();
    let mut edit = envelope.edit();
    change(&mut edit);
    String::from_utf8(edit.finish().to_vec()).unwrap()
}

#[test]
fn members_are_read_by_their_decoded_name() {
    let body = parse(r#" {"mod\u0065l":"gpt\u002d4","stream":true,"n":1.50,"nil":null,"s":"\ud83d\ude00","o":{"a":[1]}} "#).unwrap();
    assert_eq!(body.text("model").as_deref(), Some("gpt-4"));
    assert_eq!(body.raw("model"), Some(r#""gpt\u002d4""#));
    assert_eq!(body.flag("stream"), Some(true));
    assert_eq!(body.raw("n"), Some("1.50"));
    assert_eq!(body.text("n"), None);
    assert_eq!(body.flag("model"), None);
    assert_eq!(body.text("s").as_deref(), Some("😀"));
    assert!(body.contains("nil") && !body.contains("a") && !body.contains("mod\\u0065l"));
    assert_eq!(
        body.names().collect::<Vec<_>>(),
        ["model", "stream", "n", "nil", "s", "o"]
    );
    assert_eq!(body.get::<f64>("n").unwrap(), Some(1.5));
    assert_eq!(body.get::<u64>("nil").unwrap(), None);
    assert_eq!(body.get::<u64>("absent").unwrap(), None);
    assert!(body.get::<u64>("stream").is_err());
    assert_eq!(
        body.get::<Value>("o").unwrap(),
        Some(serde_json::json!({"a": [1]}))
    );
}

#[test]
fn a_name_may_stand_once_however_it_is_spelled() {
    for text in [
        r#"{"model":"a","model":"b"}"#,
        r#"{"model":"a","mod\u0065l":"b"}"#,
        r#"{"mod\u0065l":"a","x":1,"\u006dodel":"b"}"#,
    ] {
        let error = parse(text).unwrap_err();
        assert!(
            matches!(&error, EnvelopeError::Duplicate { name, .. } if name == "model"),
            "{text}: {error:?}"
        );
        assert!(error.to_string().contains("\"model\""), "{error}");
    }
    let many: Vec<_> = (0..100).map(|n| format!("\"m{n}\":{n}")).collect();
    assert!(parse(&format!("{{{}}}", many.join(","))).is_ok());
    let error = parse(&format!("{{{},\"\\u006d42\":1}}", many.join(","))).unwrap_err();
    assert!(
        matches!(&error, EnvelopeError::Duplicate { name, .. } if name == "m42"),
        "{error:?}"
    );
    assert!(error.offset() > 800);
    assert!(parse(r#"{"a":{"x":1,"x":2}}"#).is_ok());
}

#[test]
fn what_is_no_object_or_too_large_is_refused_by_name() {
    let limits = Limits {
        max_depth: 3,
        max_members: 2,
    };
    let error =
        |text: &str| Envelope::parse(Bytes::copy_from_slice(text.as_bytes()), limits).unwrap_err();
    assert_eq!(error(""), EnvelopeError::NotAnObject { offset: 0 });
    assert_eq!(error(" [1]"), EnvelopeError::NotAnObject { offset: 1 });
    assert_eq!(error("{} {}"), EnvelopeError::Trailing { offset: 3 });
    assert_eq!(
        error(r#"{"a":1,"b":2,"c":3}"#),
        EnvelopeError::TooManyMembers {
            limit: 2,
            offset: 17
        }
    );
    assert_eq!(
        error(r#"{"a":[[[]]]}"#),
        EnvelopeError::TooDeep {
            limit: 3,
            offset: 7
        }
    );
    assert!(error(r#"{"a":[[[]]]}"#).to_string().contains("limit of 3"));
    assert!(Envelope::parse(r#"{"a":[[]]}"#.into(), limits).is_ok());
    assert_eq!(
        Envelope::parse(Bytes::from_static(b"{\"a\":\"\xff\"}"), limits).unwrap_err(),
        EnvelopeError::NotUtf8 { offset: 6 }
    );
}

#[test]
fn edits_touch_only_what_they_name() {
    let body = "{ \"model\" : \"a\",\n \"n\": 1.50 , \"x\" : {\"y\" : 1} }\n";
    assert_eq!(
        edited(body, |edit| _ = edit.set_text("model", "b\"c")),
        "{ \"model\" : \"b\\\"c\",\n \"n\": 1.50 , \"x\" : {\"y\" : 1} }\n"
    );
    assert_eq!(
        edited(body, |edit| _ = edit.remove("n")),
        "{ \"model\" : \"a\" , \"x\" : {\"y\" : 1} }\n"
    );
    assert_eq!(
        edited(body, |edit| _ = edit.remove("model").remove("n")),
        "{ \"x\" : {\"y\" : 1} }\n"
    );
    assert_eq!(
        edited(body, |edit| _ = edit.remove("x").remove("n")),
        "{ \"model\" : \"a\" }\n"
    );
    assert_eq!(
        edited(body, |edit| _ =
            edit.remove("x").remove("n").remove("model")),
        "{  }\n"
    );
    assert_eq!(
        edited(body, |edit| _ = edit.rename("n", "m").set_raw("new", "[]")),
        "{ \"model\" : \"a\",\n \"m\": 1.50 , \"x\" : {\"y\" : 1},\"new\":[] }\n"
    );
    assert_eq!(
        edited("{}", |edit| _ = edit.set_raw("a", "1").set_raw("b", "2")),
        r#"{"a":1,"b":2}"#
    );
}

#[test]
fn each_change_sees_the_ones_before_it() {
    let body = r#"{"a":1,"b":2}"#;
    assert_eq!(
        edited(body, |edit| _ = edit.set_raw("a", "5").set_raw("a", "1")),
        body
    );
    assert_eq!(
        edited(body, |edit| _ = edit.rename("a", "c").set_raw("c", "9")),
        r#"{"c":9,"b":2}"#
    );
    assert_eq!(
        edited(body, |edit| _ = edit.rename("a", "c").set_raw("a", "9")),
        r#"{"c":1,"b":2,"a":9}"#
    );
    assert_eq!(edited(body, |edit| _ = edit.rename("a", "b")), r#"{"b":2}"#);
    assert_eq!(
        edited(body, |edit| _ = edit.remove("b").rename("a", "b")),
        r#"{"b":1}"#
    );
    assert_eq!(
        edited(body, |edit| _ = edit.set_raw("c", "3").rename("c", "d")),
        r#"{"a":1,"b":2,"d":3}"#
    );
    assert_eq!(
        edited(body, |edit| _ = edit.set_raw("a", "5").remove("a")),
        r#"{"b":2}"#
    );
    assert_eq!(
        edited(body, |edit| _ = edit.remove("a").set_raw("a", "5")),
        r#"{"b":2,"a":5}"#
    );
}

#[test]
fn nothing_changed_is_the_same_allocation() {
    let body = Envelope::parse(
        Bytes::from(r#"{"model":"a","n":1}"#.to_owned()),
        Limits::default(),
    )
    .unwrap();
    let mut edit = body.edit();
    edit.remove("absent")
        .rename("absent", "model")
        .rename("n", "n")
        .set_text("model", "a")
        .set_raw("c", "1")
        .remove("c");
    assert!(edit.is_empty());
    assert_eq!(edit.finish().as_ptr(), body.bytes().as_ptr());
}

#[derive(Clone, Debug)]
enum Op {
    Set(&'static str, String),
    Remove(&'static str),
    Rename(&'static str, &'static str),
}

/// Each name with a second spelling.
const NAMES: [(&str, &str); 6] = [
    ("a", "\\u0061"),
    ("model", "mod\\u0065l"),
    ("x\"y", "x\\\"y"),
    ("é", "\\u00e9"),
    ("b", "b"),
    ("", ""),
];

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let name = || select(&NAMES[..]).prop_map(|(name, _)| name);
    vec(
        prop_oneof![
            (name(), buildable_json()).prop_map(|(name, json)| Op::Set(name, json)),
            name().prop_map(Op::Remove),
            (name(), name()).prop_map(|(from, to)| Op::Rename(from, to)),
        ],
        0..6,
    )
}

/// An object with some of the names, in some order and spelling.
fn body() -> impl Strategy<Value = String> {
    let member = |(name, escaped): (&'static str, &'static str)| {
        let plain = serde_json::to_string(name).unwrap();
        let spelled = select(vec![plain, format!("\"{escaped}\"")]);
        (spelled, select(vec!["", " ", "\n"]), buildable_json())
            .prop_map(|(name, space, value)| format!("{space}{name}{space}:{value}"))
    };
    let members: Vec<_> = NAMES
        .into_iter()
        .map(|name| proptest::option::of(member(name)))
        .collect();
    members.prop_shuffle().prop_map(|members| {
        let members: Vec<_> = members.into_iter().flatten().collect();
        format!(" {{{} }}\n", members.join(","))
    })
}

fn apply(object: &mut Map<String, Value>, op: &Op) {
    match op {
        Op::Set(name, json) => {
            _ = object.insert((*name).to_owned(), serde_json::from_str(json).unwrap());
        }
        Op::Remove(name) => _ = object.remove(*name),
        Op::Rename(from, to) if from != to => {
            if let Some(value) = object.remove(*from) {
                object.entry((*to).to_owned()).or_insert(value);
            }
        }
        Op::Rename(..) => {}
    }
}

fn names_of(op: &Op) -> Vec<&str> {
    match op {
        Op::Set(name, _) | Op::Remove(name) => vec![name],
        Op::Rename(from, to) => vec![from, to],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_edit_is_the_same_change_made_on_the_built_object(text in body(), ops in ops()) {
        let mut expected: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let before = parse(&text).unwrap();
        let mut edit = before.edit();
        for op in &ops {
            apply(&mut expected, op);
            match op {
                Op::Set(name, json) => edit.set_raw(name, json.trim()),
                Op::Remove(name) => edit.remove(name),
                Op::Rename(from, to) => edit.rename(from, to),
            };
        }
        let untouched = edit.is_empty();
        let after = edit.finish();
        prop_assert_eq!(serde_json::from_slice::<Map<String, Value>>(&after).unwrap(), expected);
        prop_assert!(!untouched || after.as_ptr() == before.bytes().as_ptr());

        let after = Envelope::parse(after, Limits::default()).unwrap();
        for name in before.names().filter(|name| !ops.iter().any(|op| names_of(op).contains(&&**name))) {
            prop_assert_eq!(before.raw(&name), after.raw(&name));
        }
    }

    #[test]
    fn removing_any_members_leaves_an_object(count in 1..7_usize, removed in vec(any::<bool>(), 7)) {
        let members: Vec<_> = (0..count).map(|n| format!(" \"m{n}\" : {n} ")).collect();
        let text = format!("{{{}}}", members.join(","));
        let after = edited(&text, |edit| {
            for n in (0..count).filter(|n| removed[*n]) {
                edit.remove(&format!("m{n}"));
            }
        });
        let left: Vec<_> = parse(&after).unwrap().names().map(std::borrow::Cow::into_owned).collect();
        let expected: Vec<_> = (0..count).filter(|n| !removed[*n]).map(|n| format!("m{n}")).collect();
        prop_assert_eq!(left, expected);
    }

    #[test]
    fn bodies_are_objects_that_serde_json_accepts(text in body(), damages in damage()) {
        let bytes = damaged(&text, &damages);
        let oracle = serde_json::from_slice::<std::collections::BTreeMap<String, &serde_json::value::RawValue>>(&bytes);
        match Envelope::parse(bytes.clone().into(), Limits::default()) {
            Ok(envelope) => {
                prop_assert_eq!(envelope.bytes(), &bytes);
                // Names that serde_json cannot decode are the one thing that it refuses and we take.
                let lossy = envelope.names().any(|name| name.contains('\u{fffd}'));
                prop_assert!(lossy || oracle.is_ok());
            }
            Err(EnvelopeError::Duplicate { .. }) => {}
            Err(error) => prop_assert!(oracle.is_err(), "{}", error),
        }
    }
}
