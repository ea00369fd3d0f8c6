//! JSON Schemas as older models accept them: a part of `OpenAPI`, without references.

use std::borrow::Cow;

use crate::json::write::{self, Object};
use crate::json::{MAX_DEPTH, Node};

/// Members that are sent as they stand.
const KEPT: [&str; 11] = [
    "description",
    "title",
    "default",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "propertyOrdering",
];
/// What is said of a value of which nothing can be said.
const ANYTHING: &str = r#"{"type":"object"}"#;
/// Schemas written at most: references to references multiply.
const SCHEMAS_MAX: usize = 4096;

/// The schema without references and without what the vendor refuses.
pub fn sanitise(schema: Node<'_>) -> String {
    let [defs, definitions] = schema.pick(["$defs", "definitions"]);
    let mut named = Vec::new();
    for (prefix, node) in [("#/$defs/", defs), ("#/definitions/", definitions)] {
        for (name, schema) in node.map(Node::members).unwrap_or_default() {
            named.push((format!("{prefix}{name}"), schema));
        }
    }
    let mut out = Vec::with_capacity(schema.raw().len());
    Sanitiser {
        named,
        left: SCHEMAS_MAX,
    }
    .schema(&mut out, schema, &mut Vec::new(), MAX_DEPTH);
    String::from_utf8(out).unwrap_or_else(|_| ANYTHING.to_owned())
}

/// The older form as JSON Schema, for vendors that know nothing else.
pub(super) fn to_json_schema(schema: Node<'_>) -> String {
    let mut out = Vec::with_capacity(schema.raw().len());
    write_json_schema(&mut out, schema, MAX_DEPTH);
    String::from_utf8(out).unwrap_or_else(|_| ANYTHING.to_owned())
}

fn write_json_schema(out: &mut Vec<u8>, schema: Node<'_>, room: usize) {
    let Some(room) = room.checked_sub(1).filter(|_| schema.is_object()) else {
        out.extend_from_slice(schema.raw().as_bytes());
        return;
    };
    let nullable = schema.get("nullable").and_then(Node::flag) == Some(true);
    write::object(out, |o| {
        for (name, value) in schema.members() {
            match &*name {
                "type" => write_kind(o, value, nullable),
                "nullable" | "propertyOrdering" | "property_ordering" => {}
                "properties" => o.object("properties", |o| {
                    for (name, schema) in value.members() {
                        write_json_schema(o.name(&name), schema, room);
                    }
                }),
                "items" => write_json_schema(o.name("items"), value, room),
                "anyOf" | "any_of" => o.array("anyOf", |a| {
                    for choice in value.elements() {
                        write_json_schema(a.slot(), choice, room);
                    }
                }),
                // Whole numbers are written as texts there.
                name => match value.text().and_then(|text| text.parse::<i64>().ok()) {
                    Some(number) if is_bound(name) => o.raw(name, &number.to_string()),
                    _ => o.raw(name, value.raw()),
                },
            }
        }
    });
}

fn write_kind(o: &mut Object<'_>, kind: Node<'_>, nullable: bool) {
    let Some(word) = kind.text() else {
        return o.raw("type", kind.raw());
    };
    let word = word.to_ascii_lowercase();
    if nullable {
        o.array("type", |a| {
            a.text(&word);
            a.text("null");
        });
    } else {
        o.text("type", &word);
    }
}

fn is_bound(name: &str) -> bool {
    name.starts_with("min") || name.starts_with("max")
}

struct Sanitiser<'a> {
    named: Vec<(String, Node<'a>)>,
    left: usize,
}

/// A schema with its references and conjunctions laid into one.
#[derive(Default)]
struct Flat<'a> {
    kept: Vec<(String, Node<'a>)>,
    kinds: Vec<Cow<'a, str>>,
    nullable: bool,
    format: Option<Node<'a>>,
    values: Option<Vec<Node<'a>>>,
    items: Option<Node<'a>>,
    properties: Option<Vec<(Cow<'a, str>, Node<'a>)>>,
    required: Vec<Cow<'a, str>>,
    any_of: Vec<Node<'a>>,
}

impl<'a> Sanitiser<'a> {
    /// Writes one schema; `within` are the references that led to it.
    fn schema(&mut self, out: &mut Vec<u8>, node: Node<'a>, within: &mut Vec<String>, room: usize) {
        let left = self.left.checked_sub(1);
        let Some(room) = room.checked_sub(1).filter(|_| left.is_some()) else {
            out.extend_from_slice(ANYTHING.as_bytes());
            return;
        };
        self.left = left.unwrap_or(0);
        let depth = within.len();
        let mut flat = Flat::default();
        self.gather(node, &mut flat, within, room);
        self.only_choice(&mut flat, within, room);
        write::object(out, |o| self.write(o, &flat, within, room));
        within.truncate(depth);
    }

    /// Lays a schema into one. What is there already stays: what stands beside a reference counts.
    fn gather(
        &mut self,
        node: Node<'a>,
        flat: &mut Flat<'a>,
        within: &mut Vec<String>,
        room: usize,
    ) {
        let Some(room) = room.checked_sub(1) else {
            return;
        };
        let members = node.members();
        for (name, value) in &members {
            flat.take(name, *value);
        }
        for (name, value) in members {
            match &*name {
                "$ref" => self.refer(value, flat, within, room),
                "allOf" => {
                    for part in value.elements() {
                        self.gather(part, flat, within, room);
                    }
                }
                _ => {}
            }
        }
    }

    fn refer(
        &mut self,
        name: Node<'a>,
        flat: &mut Flat<'a>,
        within: &mut Vec<String>,
        room: usize,
    ) {
        let Some(name) = name.text() else {
            return;
        };
        // A schema within itself ends here.
        if within.iter().any(|outer| *outer == *name) {
            return;
        }
        let found = self.named.iter().find(|(known, _)| *known == *name);
        if let Some((name, target)) = found.map(|(name, target)| (name.clone(), *target)) {
            within.push(name);
            self.gather(target, flat, within, room);
        }
    }

    /// Null as a choice is a property here, and a choice of one is none.
    fn only_choice(&mut self, flat: &mut Flat<'a>, within: &mut Vec<String>, room: usize) {
        let before = flat.any_of.len();
        flat.any_of
            .retain(|choice| choice.get("type").and_then(Node::text).as_deref() != Some("null"));
        flat.nullable |= flat.any_of.len() < before;
        if let [only] = flat.any_of[..] {
            flat.any_of.clear();
            self.gather(only, flat, within, room);
        }
    }

    fn write(
        &mut self,
        o: &mut Object<'_>,
        flat: &Flat<'a>,
        within: &mut Vec<String>,
        room: usize,
    ) {
        let kind = flat.kind();
        o.text_if("type", kind);
        for (name, value) in &flat.kept {
            o.raw(name, value.raw());
        }
        if flat.nullable {
            o.flag("nullable", true);
        }
        if let Some(format) = flat.format.filter(|_| kind == Some("string")) {
            o.raw("format", format.raw());
        }
        if let Some(values) = flat.texts().filter(|_| kind == Some("string")) {
            o.array("enum", |a| {
                for value in values {
                    a.raw(value.raw());
                }
            });
        }
        if kind == Some("array") {
            let items = flat.items.unwrap_or(Node::of(ANYTHING));
            self.schema(o.name("items"), items, within, room);
        }
        if let Some(properties) = &flat.properties {
            o.object("properties", |o| {
                for (name, schema) in properties {
                    self.schema(o.name(name), *schema, within, room);
                }
            });
        }
        let mut required = flat.known_required().peekable();
        if required.peek().is_some() {
            o.array("required", |a| required.for_each(|name| a.text(name)));
        }
        self.write_choices(o, flat, within, room);
    }

    fn write_choices(
        &mut self,
        o: &mut Object<'_>,
        flat: &Flat<'a>,
        within: &mut Vec<String>,
        room: usize,
    ) {
        if !flat.any_of.is_empty() {
            o.array("anyOf", |a| {
                for choice in &flat.any_of {
                    self.schema(a.slot(), *choice, within, room);
                }
            });
        } else if flat.kinds.len() > 1 {
            o.array("anyOf", |a| {
                for kind in &flat.kinds {
                    a.object(|o| o.text("type", kind));
                }
            });
        }
    }
}

impl<'a> Flat<'a> {
    fn take(&mut self, name: &str, value: Node<'a>) {
        match name {
            "type" if self.kinds.is_empty() => self.take_kinds(value),
            "nullable" => self.nullable |= value.flag() == Some(true),
            "const" => {
                self.values.get_or_insert_with(|| vec![value]);
            }
            "enum" => {
                self.values.get_or_insert_with(|| value.elements());
            }
            "format" => {
                let word = value.text();
                if matches!(word.as_deref(), Some("enum" | "date-time")) {
                    self.format.get_or_insert(value);
                }
            }
            "items" => {
                let first = value.elements().first().copied();
                self.items.get_or_insert(first.unwrap_or(value));
            }
            "properties" => {
                let properties = self.properties.get_or_insert_default();
                for (name, schema) in value.members() {
                    if properties.iter().all(|(known, _)| *known != name) {
                        properties.push((name, schema));
                    }
                }
            }
            "required" => {
                for name in value.elements().into_iter().filter_map(Node::text) {
                    if !self.required.contains(&name) {
                        self.required.push(name);
                    }
                }
            }
            "anyOf" | "oneOf" => self.any_of.extend(value.elements()),
            kept if KEPT.contains(&kept) && self.kept.iter().all(|(known, _)| known != name) => {
                self.kept.push((name.to_owned(), value));
            }
            _ => {}
        }
    }

    fn take_kinds(&mut self, value: Node<'a>) {
        let several = value.elements().into_iter().filter_map(Node::text);
        for kind in value.text().into_iter().chain(several) {
            if kind == "null" {
                self.nullable = true;
            } else {
                self.kinds.push(kind);
            }
        }
    }

    /// The type; None where choices say it.
    fn kind(&self) -> Option<&str> {
        match &self.kinds[..] {
            [only] => return Some(only),
            [_, _, ..] => return None,
            [] => {}
        }
        if !self.any_of.is_empty() {
            return None;
        }
        Some(match self.values.as_deref().and_then(<[_]>::first) {
            _ if self.properties.is_some() => "object",
            _ if self.items.is_some() => "array",
            Some(value) if value.text().is_some() => "string",
            Some(value) if value.flag().is_some() => "boolean",
            Some(value) if value.int().is_some() => "integer",
            Some(value) if value.number().is_some() => "number",
            _ => "object",
        })
    }

    /// The values, if they are texts: no others can be listed here.
    fn texts(&self) -> Option<Vec<Node<'a>>> {
        let values = self.values.as_ref()?;
        let texts: Vec<_> = values
            .iter()
            .filter(|value| value.text().is_some())
            .copied()
            .collect();
        (!texts.is_empty()).then_some(texts)
    }

    /// A name that is no property is refused.
    fn known_required(&self) -> impl Iterator<Item = &str> {
        let properties = self.properties.as_deref().unwrap_or_default();
        self.required
            .iter()
            .filter(|name| properties.iter().any(|(known, _)| known == *name))
            .map(|name| &**name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sanitised(schema: &Value) -> Value {
        let text = schema.to_string();
        serde_json::from_str(&sanitise(Node::of(&text))).unwrap()
    }

    #[test]
    fn d12_a10_properties_named_like_keywords_stay_and_references_are_resolved() {
        let schema = json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "$defs": {"unit": {"type": "string", "enum": ["c", "f"], "description": "a unit"}},
            "definitions": {"tree": {"type": "object", "properties": {
                "next": {"$ref": "#/definitions/tree"}, "$id": {"type": "integer", "format": "int32"}}}},
            "properties": {
                "definitions": {"type": "string", "maxLength": 3},
                "$ref": {"type": ["string", "null"]},
                "unit": {"$ref": "#/$defs/unit", "description": "which"},
                "tree": {"$ref": "#/definitions/tree"},
                "opt": {"anyOf": [{"type": "number", "minimum": 1, "exclusiveMaximum": 9}, {"type": "null"}]},
                "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
                "one": {"const": "x"}, "yes": {"const": true}, "list": {"type": "array"},
                "both": {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"properties": {"b": {}}, "required": ["b", "gone"]}]},
                "when": {"type": "string", "format": "date-time"}, "mail": {"type": "string", "format": "email"},
                "mixed": {"type": ["string", "integer"]}, "n": {"type": "integer", "enum": [1, 2]}
            },
            "required": ["unit", "absent"]
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "definitions": {"type": "string", "maxLength": 3},
                "$ref": {"type": "string", "nullable": true},
                "unit": {"type": "string", "enum": ["c", "f"], "description": "which"},
                "tree": {"type": "object", "properties": {
                    "next": {"type": "object"}, "$id": {"type": "integer"}}},
                "opt": {"type": "number", "minimum": 1, "nullable": true},
                "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "one": {"type": "string", "enum": ["x"]}, "yes": {"type": "boolean"},
                "list": {"type": "array", "items": {"type": "object"}},
                "both": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "object"}},
                    "required": ["a", "b"]},
                "when": {"type": "string", "format": "date-time"}, "mail": {"type": "string"},
                "mixed": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "n": {"type": "integer"}
            },
            "required": ["unit"]
        });
        assert_eq!(sanitised(&schema), expected);
    }

    #[test]
    fn a10_the_older_form_becomes_json_schema() {
        let older = r#"{"type":"OBJECT","propertyOrdering":["a"],"properties":{"type":{"type":"STRING","nullable":true,"minLength":"2"},
            "a":{"type":"ARRAY","items":{"type":"INTEGER","format":"int64"}},"b":{"anyOf":[{"type":"NUMBER"}]}}}"#;
        let expected = json!({"type": "object", "properties": {"type": {"type": ["string", "null"], "minLength": 2},
            "a": {"type": "array", "items": {"type": "integer", "format": "int64"}}, "b": {"anyOf": [{"type": "number"}]}}});
        let found: Value = serde_json::from_str(&to_json_schema(Node::of(older))).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn a10_references_that_multiply_end() {
        let mut defs = serde_json::Map::new();
        for at in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
            defs.insert(
                format!("d{at}"),
                json!({"type": "object", "properties": {"a": next, "b": next}}),
            );
        }
        let schema = json!({"$defs": defs, "$ref": "#/$defs/d0"});
        let text = schema.to_string();
        assert!(sanitise(Node::of(&text)).len() < 1 << 20);
        for odd in [
            json!(true),
            json!([]),
            json!({"items": [true]}),
            json!({"type": 7, "enum": {}}),
        ] {
            assert!(sanitised(&odd).is_object(), "{odd}");
        }
    }
}
