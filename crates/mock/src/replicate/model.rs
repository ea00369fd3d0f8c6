//! What a model takes, as Replicate describes it.

use serde_json::{Value, json};

/// Adds to a model what Replicate tells of one of its own, or of a version, by the id in the path.
pub(crate) fn described(id: &str, mut model: Value) -> Value {
    match id.split('/').collect::<Vec<_>>()[..] {
        [owner, name] => {
            model["owner"] = owner.into();
            model["name"] = name.into();
            model["latest_version"] = version("c0ffee");
        }
        [_, _, "versions", id] => return version(id),
        _ => {}
    }
    model
}

fn version(id: &str) -> Value {
    let input = |kind: &str| json!({ "type": kind });
    json!({
        "id": id,
        "openapi_schema": {"components": {"schemas": {"Input": {"properties": {
            "prompt": input("string"),
            "system_prompt": input("string"),
            "max_tokens": input("integer"),
            "temperature": input("number"),
            "top_p": input("number"),
            "seed": input("integer"),
            "stop_sequences": input("string"),
        }}}}},
    })
}
