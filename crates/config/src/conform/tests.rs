use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::node;

/// Words that only speak to people and editors.
const SAID: [&str; 8] = [
    "$schema",
    "title",
    "description",
    "default",
    "examples",
    "pattern",
    "format",
    "deprecated",
];
/// Words whose rules are kept here.
const KEPT: [&str; 19] = [
    "$ref",
    "$defs",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "writeOnly",
    "x-later",
];

fn words(schema: &Value, found: &mut BTreeSet<String>) {
    let Some(object) = schema.as_object() else {
        return;
    };
    for (word, value) in object {
        found.insert(word.clone());
        match (word.as_str(), value) {
            ("properties" | "$defs", Value::Object(named)) => {
                named.values().for_each(|schema| words(schema, found));
            }
            ("anyOf" | "oneOf", Value::Array(branches)) => {
                for schema in branches {
                    words(schema, found);
                }
            }
            ("items" | "additionalProperties", schema) => words(schema, found),
            _ => {}
        }
    }
}

#[test]
fn every_word_of_the_schema_is_one_that_is_kept() {
    let mut found = BTreeSet::new();
    words(&crate::schema(), &mut found);
    let known: Vec<&str> = SAID
        .into_iter()
        .chain(KEPT)
        .chain(["x-minimum", "x-maximum"])
        .collect();
    let unknown: Vec<&String> = found
        .iter()
        .filter(|word| !known.contains(&word.as_str()))
        .collect();
    assert!(unknown.is_empty(), "not kept: {unknown:?}");
}

fn conformed(schema: &Value, text: &str, format: Format) -> (Option<Value>, Vec<String>) {
    let tree = node::read(text, format).unwrap();
    let Conformed {
        value, problems, ..
    } = conform(schema, &tree.root, format);
    (value, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_fits_comes_out_and_what_does_not_is_left_out() {
    let item = json!({
        "type": "object", "additionalProperties": false,
        "properties": {"n": {"type": ["integer", "null"]}, "s": {"type": "string"}},
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "maps": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "texts": {"type": "array", "items": {"type": "string"}},
            "free": true,
        },
        "additionalProperties": {"type": "boolean"},
        "$defs": {"Item": item},
    });
    for (text, expected, problems) in [
        (
            "maps: [{n: 1}, 5, {n: x, s: 7}]",
            json!({"maps": [{"n": 1}, {}, {"s": "7"}]}),
            2,
        ),
        ("texts: [a, [b]]", json!({}), 1),
        (
            "free: {a: [1, x, true, null, 1.5]}",
            json!({"free": {"a": [1, "x", true, null, 1.5]}}),
            0,
        ),
        ("other: on", json!({"other": true}), 0),
        ("other: 5", json!({}), 1),
        ("", json!({}), 0),
    ] {
        let (value, told) = conformed(&schema, text, Format::Yaml);
        assert_eq!(
            (value, told.len()),
            (Some(expected), problems),
            "{text}\n{told:?}"
        );
    }
}

#[test]
fn the_branch_that_fits_best_is_the_one_that_is_judged() {
    let schema = json!({
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "integer"}},
            {
                "type": "object", "required": ["kind"], "additionalProperties": false,
                "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
            },
            {
                "type": "object", "required": ["kind"], "additionalProperties": false,
                "properties": {"kind": {"const": "b"}, "name": {"type": "string"}},
            },
            {"type": "null"},
        ],
    });
    for (text, expected) in [
        ("text", Ok(json!("text"))),
        ("[1, 2]", Ok(json!([1, 2]))),
        ("[1, x]", Err("[1]: expected a whole number, found text")),
        ("{kind: b, name: n}", Ok(json!({"kind": "b", "name": "n"}))),
        (
            "{kind: a, size: n}",
            Err("size: expected a whole number, found text"),
        ),
    ] {
        let (value, problems) = conformed(&schema, text, Format::Yaml);
        match expected {
            Ok(expected) => assert_eq!((value, problems), (Some(expected), vec![]), "{text}"),
            Err(message) => assert!(problems.concat().contains(message), "{text}\n{problems:?}"),
        }
    }
    let (_, problems) = conformed(&schema, "true", Format::Json);
    assert!(
        problems
            .concat()
            .contains("expected text or a list or a mapping or a mapping"),
        "{problems:?}"
    );
}

#[test]
fn a_schema_that_refers_to_itself_comes_to_an_end() {
    let schema = json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}});
    assert_eq!(
        conformed(&schema, "5", Format::Yaml),
        (Some(json!(5)), vec![])
    );
}
