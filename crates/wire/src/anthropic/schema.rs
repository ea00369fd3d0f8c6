//! JSON Schemas as Anthropic accepts them where it holds the model to them.

use std::borrow::Cow;

use crate::json::write::{self, Object};
use crate::json::{MAX_DEPTH, Node};

/// What is said in words because the grammar cannot hold it.
const TOLD: [&str; 11] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Members whose value is one schema.
const ONE: [&str; 2] = ["items", "not"];
/// Members whose value is a list of schemas.
const MANY: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
/// Members whose value is an object of schemas.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];

/// The schema with `additionalProperties: false` on every object and what is not supported told in
/// descriptions. None when it cannot be: its root is no object, or it contains itself.
pub fn adapt(schema: Node<'_>) -> Option<String> {
    let [kind, properties] = schema.pick(["type", "properties"]);
    let is_object = kind.map_or(properties.is_some(), |kind| {
        kind.text().as_deref() == Some("object")
    });
    if !is_object || recursive(schema) {
        return None;
    }
    let mut out = Vec::with_capacity(schema.raw().len() + 64);
    write_schema(&mut out, schema, MAX_DEPTH);
    String::from_utf8(out).ok()
}

fn write_schema(out: &mut Vec<u8>, schema: Node<'_>, room: usize) {
    // `true` and `false` are schemas as well.
    let Some(room) = room.checked_sub(1).filter(|_| schema.is_object()) else {
        out.extend_from_slice(schema.raw().as_bytes());
        return;
    };
    let members = schema.members();
    if let Some(only) = only_of_all(&members) {
        return write_schema(out, only, room);
    }
    write::object(out, |o| write_members(o, &members, room));
}

/// An `allOf` of one is that one, if nothing else stands beside it.
fn only_of_all<'a>(members: &[(Cow<'a, str>, Node<'a>)]) -> Option<Node<'a>> {
    let [(name, list)] = members else {
        return None;
    };
    match (&**name, &list.elements()[..]) {
        ("allOf", [only]) => Some(*only),
        _ => None,
    }
}

fn write_members(o: &mut Object<'_>, members: &[(Cow<'_, str>, Node<'_>)], room: usize) {
    let mut told = Vec::new();
    let mut description = None;
    let mut is_object = false;
    for (name, value) in members {
        match &**name {
            "description" => description = value.text(),
            "additionalProperties" => {}
            name if is_told(name, *value) => told.push(format!("({name}: {})", value.raw())),
            name if NAMED.contains(&name) => {
                is_object |= name == "properties";
                write_named(o, name, *value, room);
            }
            name if ONE.contains(&name) => write_schema(o.name(name), *value, room),
            name if MANY.contains(&name) => o.array(name, |a| {
                for element in value.elements() {
                    write_schema(a.slot(), element, room);
                }
            }),
            name => {
                is_object |= name == "type" && says_object(*value);
                o.raw(name, value.raw());
            }
        }
    }
    let words: Vec<_> = description
        .iter()
        .map(|text| &**text)
        .chain(told.iter().map(|text| &**text))
        .collect();
    if !words.is_empty() {
        o.text("description", &words.join(" "));
    }
    if is_object {
        o.flag("additionalProperties", false);
    }
}

fn write_named(o: &mut Object<'_>, name: &str, value: Node<'_>, room: usize) {
    o.object(name, |o| {
        for (name, schema) in value.members() {
            write_schema(o.name(&name), schema, room);
        }
    });
}

fn is_told(name: &str, value: Node<'_>) -> bool {
    match name {
        "minItems" => value.uint().is_none_or(|count| count > 1),
        // Looking around is more than the grammar can.
        "pattern" => value.text().is_none_or(|pattern| pattern.contains("(?")),
        "default" => true,
        name => TOLD.contains(&name),
    }
}

fn says_object(kind: Node<'_>) -> bool {
    let is = |node: Node<'_>| node.text().as_deref() == Some("object");
    is(kind) || kind.elements().into_iter().any(is)
}

/// Whether a definition leads back to itself, or a reference leads out of the document.
fn recursive(schema: Node<'_>) -> bool {
    let [defs, definitions] = schema.pick(["$defs", "definitions"]);
    let mut named: Vec<(String, Node<'_>)> = Vec::new();
    for (prefix, node) in [("#/$defs/", defs), ("#/definitions/", definitions)] {
        for (name, schema) in node.map(Node::members).unwrap_or_default() {
            named.push((format!("{prefix}{name}"), schema));
        }
    }
    let edges: Vec<Vec<String>> = named
        .iter()
        .map(|(_, schema)| references(*schema))
        .collect();
    let known = |name: &String| named.iter().position(|(other, _)| other == name);
    if references(schema).iter().any(|name| known(name).is_none()) {
        return true;
    }
    let mut state = vec![Visit::New; named.len()];
    (0..named.len()).any(|start| loops(start, &edges, &known, &mut state))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Depth first, without recursion: definitions may be many.
fn loops(
    start: usize,
    edges: &[Vec<String>],
    known: &impl Fn(&String) -> Option<usize>,
    state: &mut [Visit],
) -> bool {
    let mut path = vec![(start, 0)];
    while let Some((node, next)) = path.pop() {
        if next == 0 {
            if state[node] != Visit::New {
                continue;
            }
            state[node] = Visit::Open;
        }
        let Some(name) = edges[node].get(next) else {
            state[node] = Visit::Done;
            continue;
        };
        path.push((node, next + 1));
        match known(name) {
            Some(to) if state[to] == Visit::Open => return true,
            Some(to) if state[to] == Visit::New => path.push((to, 0)),
            _ => {}
        }
    }
    false
}

/// The references in a schema, wherever they stand.
fn references(schema: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![schema];
    while let Some(node) = open.pop() {
        open.extend(node.elements());
        for (name, value) in node.members() {
            match value.text() {
                Some(text) if name == "$ref" => found.push(text.into_owned()),
                _ => open.push(value),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(schema: &str) -> Option<serde_json::Value> {
        Some(serde_json::from_str(&adapt(Node::of(schema))?).unwrap())
    }

    #[test]
    fn a10_bounds_are_told_objects_are_closed_and_names_are_left_alone() {
        let schema = r##"{"type":"object","$defs":{"n":{"type":"integer","minimum":1,"description":"a count"}},
            "properties":{"definitions":{"type":"string","maxLength":3},"n":{"$ref":"#/$defs/n"},
            "o":{"anyOf":[{"type":"object","properties":{}},{"type":"null"}]},
            "minimum":{"allOf":[{"type":"boolean"}]},
            "list":{"type":"array","items":{"type":"string"},"minItems":2}},"required":["n"]}"##;
        let expected = serde_json::json!({
            "type": "object",
            "$defs": {"n": {"type": "integer", "description": "a count (minimum: 1)"}},
            "properties": {
                "definitions": {"type": "string", "description": "(maxLength: 3)"},
                "n": {"$ref": "#/$defs/n"},
                "o": {"anyOf": [
                    {"type": "object", "properties": {}, "additionalProperties": false},
                    {"type": "null"},
                ]},
                "minimum": {"type": "boolean"},
                "list": {"type": "array", "items": {"type": "string"}, "description": "(minItems: 2)"},
            },
            "required": ["n"],
            "additionalProperties": false,
        });
        assert_eq!(adapted(schema), Some(expected));
    }

    #[test]
    fn a10_what_contains_itself_or_is_no_object_cannot_be_adapted() {
        for schema in [
            r##"{"type":"object","properties":{"x":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"object","properties":{"t":{"$ref":"#/$defs/t"}}}}}"##,
            r##"{"type":"object","properties":{"x":{"$ref":"#"}}}"##,
            r#"{"type":"object","properties":{"x":{"$ref":"https://x.example/s"}}}"#,
            r#"{"type":"array","items":{}}"#,
            r#"{"anyOf":[{"type":"object"}]}"#,
            "{}",
            "true",
        ] {
            assert_eq!(adapted(schema), None, "{schema}");
        }
    }
}
