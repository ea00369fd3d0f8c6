use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The tree as a value, read the way `serde_json` reads numbers.
fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.sort == Sort::Text => scalar.text.clone().into(),
        Kind::Scalar(scalar) => serde_json::from_str(&scalar.text).unwrap(),
        Kind::List(items) => items.iter().map(value).collect(),
        Kind::Map(members) => members
            .iter()
            .map(|member| (member.key.clone(), value(&member.value)))
            .collect(),
    }
}

#[test]
fn every_corner_of_json_is_read() {
    for text in [
        "null",
        " \t\r\n true ",
        "{}",
        "[ ]",
        "{\n\t\"a\":\t[1,\t2]\n}",
        r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
        r#""é😀 \u0000""#,
        "\"\u{7f}\"",
        "-0",
        "-0.0e-0",
        "12345678901234567890123",
        "1e400",
        "1E+2",
        r#"{"":{"a.b":[[],{}]}}"#,
    ] {
        let Ok(expected) = serde_json::from_str::<Value>(text) else {
            assert_eq!(text, "1e400", "only its size keeps it from being read");
            assert!(read(text).is_ok());
            continue;
        };
        assert_eq!(value(&read(text).unwrap().root), expected, "{text}");
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (text, line, column, message) in [
        ("", 1, 1, "the document is empty"),
        (" \n", 1, 1, "the document is empty"),
        (
            "{\n  \"a\": 1,\n}",
            3,
            1,
            "expected a key in double quotes, found `}`",
        ),
        ("[1,]", 1, 4, "expected a value, found `]`"),
        ("[1 2]", 1, 4, "expected `,` or `]`, found `2`"),
        (
            "{'a': 1}",
            1,
            2,
            "expected a key in double quotes, found `'`",
        ),
        ("{\"a\" 1}", 1, 6, "expected `:`"),
        ("// x", 1, 1, "JSON has no comments"),
        ("{} {}", 1, 4, "expected the end of the document, found `{`"),
        ("nul", 1, 1, "expected a value"),
        (
            "\"abc",
            1,
            5,
            "expected the `\"` that ends this text, found the end of the text",
        ),
        ("\"a\nb\"", 1, 3, "expected the `\"` that ends this text"),
        (r#""\x""#, 1, 3, "after `\\`"),
        (r#""\u12g4""#, 1, 6, "expected a hexadecimal digit"),
        (r#""\ud83d""#, 1, 3, "half of a surrogate pair"),
        (r#""\ude00\ud83d""#, 1, 3, "half of a surrogate pair"),
        (r#""\ud83d\n""#, 1, 9, "the other half of a surrogate pair"),
        ("01", 1, 2, "expected the end of the document"),
        ("-", 1, 2, "expected a digit"),
        ("1.", 1, 3, "expected a digit"),
        ("1e", 1, 3, "expected a digit"),
    ] {
        let problem = read(text).unwrap_err();
        assert_eq!(
            (problem.line, problem.column),
            (line, column),
            "{text}: {problem}"
        );
        assert!(problem.message.contains(message), "{text}: {problem}");
    }
}

#[test]
fn a_key_that_comes_twice_is_told() {
    let tree = read("{\"a\": {\"b\": 1,\n\"\\u0062\": 2}}").unwrap();
    assert_eq!(tree.problems.len(), 1);
    let problem = &tree.problems[0];
    assert_eq!(
        (problem.path.as_str(), problem.line, problem.column),
        ("a.b", 2, 1)
    );
}

#[test]
fn depth_is_bounded() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(read(&deep(MAX_DEPTH)).is_ok());
    let problem = read(&deep(1_000_000)).unwrap_err();
    assert_eq!(problem.message, "nested deeper than 64 levels");
    assert_eq!(problem.column, MAX_DEPTH + 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_the_same(expected in any_json()) {
        for text in [expected.to_string(), serde_json::to_string_pretty(&expected).unwrap()] {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(value(&read(&text).unwrap().root), theirs);
        }
    }

    #[test]
    fn a_text_is_accepted_if_serde_json_accepts_it(text in r#"[\[\]{}:, "\\/uab0-3.eE\-tn]{0,24}"#) {
        let theirs = serde_json::from_str::<Value>(&text);
        match read(&text) {
            Ok(_) => prop_assert!(theirs.is_ok() || theirs.unwrap_err().to_string().contains("out of range")),
            Err(problem) => prop_assert!(theirs.is_err(), "{} {}", text, problem),
        }
    }
}
