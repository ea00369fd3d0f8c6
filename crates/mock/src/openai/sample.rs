//! A value that fits a simple JSON schema.

use serde_json::{Map, Value, json};

/// How deep samples go; recursive schemas end here.
const DEEPEST: usize = 12;
/// How many values a sample has at most.
const MOST: usize = 4096;

/// A value for the schema: the first of an enum, a typical text or number, all
/// properties of an object, one item of an array.
pub(crate) fn sample(schema: &Value) -> Value {
    if schema.is_null() {
        return json!({});
    }
    let mut sampler = Sampler {
        root: schema,
        left: MOST,
    };
    match sampler.value(schema, 0) {
        Value::Null => json!({}),
        value => value,
    }
}

/// What answers `json_object`, where there is no schema.
pub(crate) fn any_object() -> Value {
    json!({"answer": "made up"})
}

struct Sampler<'a> {
    root: &'a Value,
    left: usize,
}

impl<'a> Sampler<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        if depth > DEEPEST || self.left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        if let Some(given) = given(schema) {
            return given.clone();
        }
        if let Some(inner) = self.inner(schema) {
            return self.value(inner, depth + 1);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => text(schema),
            "integer" => json!(schema.get("minimum").and_then(Value::as_i64).unwrap_or(7)),
            "number" => json!(schema.get("minimum").and_then(Value::as_f64).unwrap_or(1.5)),
            "boolean" => json!(true),
            _ => Value::Null,
        }
    }

    /// The schema that stands behind a reference or a choice of schemas.
    fn inner(&self, schema: &'a Value) -> Option<&'a Value> {
        if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(path.strip_prefix('#')?);
        }
        let choices = ["anyOf", "oneOf", "allOf"];
        choices
            .iter()
            .find_map(|name| schema.get(name)?.as_array()?.first())
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let members: Map<String, Value> = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), self.value(schema, depth + 1)))
            .collect();
        Value::Object(members)
    }

    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        let item = schema
            .get("items")
            .map(|items| self.value(items, depth + 1));
        Value::Array(item.into_iter().collect())
    }
}

fn given(schema: &Value) -> Option<&Value> {
    schema
        .get("const")
        .or_else(|| schema.get("enum")?.as_array()?.first())
}

fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn text(schema: &Value) -> Value {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
    json!(match format {
        "date-time" => "2026-01-01T12:00:00Z",
        "date" => "2026-01-01",
        "time" => "12:00:00Z",
        "email" => "someone@example.com",
        "uri" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        _ => "sample",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_the_types_the_schema_asks_for() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 1},
                "exact": {"type": ["null", "boolean"]},
                "tags": {"type": "array", "items": {"type": "number"}},
                "when": {"type": "string", "format": "date"},
                "place": {"$ref": "#/$defs/place"},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            },
            "$defs": {"place": {"properties": {"name": {"const": "here"}}}},
        });
        assert_eq!(
            sample(&schema),
            json!({
                "city": "sample",
                "unit": "celsius",
                "days": 1,
                "exact": true,
                "tags": [1.5],
                "when": "2026-01-01",
                "place": {"name": "here"},
                "either": 7,
            })
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({
            "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        });
        let text = sample(&schema).to_string();
        assert!(text.len() < 200_000, "{}", text.len());
    }

    #[test]
    fn no_schema_makes_an_empty_object() {
        assert_eq!(sample(&Value::Null), json!({}));
        assert_eq!(sample(&json!({"type": "object"})), json!({}));
    }
}
