//! The JSON Schema of a config: what the loader holds a config against, and
//! what an editor can be given.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use crate::top::Config;

/// The JSON Schema (draft 2020-12) of a config, as [`generated`] made it last: making it anew would
/// need the code of every type's schema in the binary, and memory for it as long as that runs.
///
/// Beside the standard words it has three of its own: `x-minimum` and
/// `x-maximum` bound a duration, and `x-later` names what other versions accept.
pub const WRITTEN: &str = include_str!("../../../docs/config.schema.json");

/// [`WRITTEN`] as a value.
///
/// # Panics
///
/// Never: a test reads it.
#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and tested"
)]
pub fn schema() -> Value {
    serde_json::from_str(WRITTEN).expect("docs/config.schema.json is well formed")
}

/// The schema made from the types of this build: what `cargo xtask docs` writes, and
/// `cargo xtask tidy` holds the written one against.
pub fn generated() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(forget_defaults_of_required).transform(&mut schema);
    schema.into()
}

/// Every field decodes from nothing, so that what fits can be checked beside
/// what does not; what is required still has no default to speak of.
fn forget_defaults_of_required(schema: &mut Schema) {
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| {
            names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (_, property) in properties
        .iter_mut()
        .filter(|(name, _)| required.contains(name))
    {
        if let Some(property) = property.as_object_mut() {
            property.remove("default");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema of a property, with its path.
    fn properties<'a>(path: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            found.push((format!("{path}.{name}"), inner));
        }
        for (name, inner) in schema["$defs"].as_object().into_iter().flatten() {
            properties(name, inner, found);
        }
    }

    #[test]
    fn what_is_written_is_what_the_types_say() {
        assert!(
            schema() == generated(),
            "the types have changed: run `cargo xtask docs`"
        );
    }

    #[test]
    fn it_is_a_schema_of_that_draft() {
        let schema = schema();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(schema["title"], "ferrogw configuration");
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        let schema = schema();
        let mut found = Vec::new();
        properties("", &schema, &mut found);
        assert!(found.len() > 50);
        for (path, property) in found {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{path} has no description");
        }
    }

    #[test]
    fn what_is_required_has_no_default() {
        let schema = schema();
        let target = &schema["$defs"]["Target"];
        assert_eq!(target["required"], serde_json::json!(["virtual_key"]));
        assert_eq!(target["properties"]["virtual_key"].get("default"), None);
        assert_eq!(
            schema["properties"]
                .get("targets")
                .and_then(|t| t.get("default")),
            None
        );
        assert_eq!(
            schema["properties"]["max_request_bytes"]["default"],
            10_485_760
        );
    }

    #[test]
    fn the_bounds_of_durations_are_durations_and_hold_the_default() {
        let schema = schema();
        let mut found = Vec::new();
        properties("", &schema, &mut found);
        let bounded = |(_, property): &&(String, &Value)| property.get("x-minimum").is_some();
        let bounded: Vec<_> = found.iter().filter(bounded).collect();
        assert!(bounded.len() > 10);
        for (path, property) in bounded {
            let read = |word: &str| {
                property[word]
                    .as_str()
                    .map(|t| crate::parse_duration(t).unwrap())
            };
            let (least, most) = (read("x-minimum").unwrap(), read("x-maximum").unwrap());
            assert!(least < most, "{path}");
            assert!(
                read("default").is_none_or(|d| (least..=most).contains(&d)),
                "{path}"
            );
        }
    }
}
