//! The JSON Schema of a config: what the loader holds a config against, and
//! what an editor can be given.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use crate::top::Config;

/// The JSON Schema (draft 2020-12) of a config.
///
/// Beside the standard words it has three of its own: `x-minimum` and
/// `x-maximum` bound a duration, and `x-later` names what other versions accept.
pub fn schema() -> Value {
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

    #[test]
    fn print() {
        println!("{}", serde_json::to_string_pretty(&schema()).unwrap());
    }
}
