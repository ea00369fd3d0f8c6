//! What a model takes, as Replicate describes it.

use serde_json::{Value, json};

use super::answer::TIME;

/// The latest version of every model.
const LATEST: &str = "c0ffee";

/// Adds to a model what Replicate tells of one of its own, or of a version, by the id in the path.
pub(crate) fn described(id: &str, mut model: Value) -> Value {
    match id.split('/').collect::<Vec<_>>()[..] {
        [owner, name] => {
            model["url"] = format!("https://replicate.com/{owner}/{name}").into();
            model["owner"] = owner.into();
            model["name"] = name.into();
            model["visibility"] = "public".into();
            model["run_count"] = 1.into();
            model["latest_version"] = version(LATEST);
        }
        [_, _, "versions"] => {
            return json!({"previous": null, "next": null, "results": [version(LATEST)]});
        }
        [_, _, "versions", id] => return version(id),
        _ => {}
    }
    model
}

fn version(id: &str) -> Value {
    let input = |kind: &str| json!({ "type": kind });
    let output = json!({
        "type": "array",
        "items": {"type": "string"},
        "x-cog-array-type": "iterator",
        "x-cog-array-display": "concatenate",
    });
    let inputs = json!({
        "prompt": input("string"),
        "system_prompt": input("string"),
        "max_tokens": input("integer"),
        "temperature": input("number"),
        "top_p": input("number"),
        "seed": input("integer"),
        "stop_sequences": input("string"),
    });
    json!({
        "id": id,
        "created_at": TIME,
        "cog_version": "0.16.0",
        "openapi_schema": {"components": {"schemas": {
            "Input": {"type": "object", "properties": inputs},
            "Output": output,
        }}},
    })
}
