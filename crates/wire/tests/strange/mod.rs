//! Documents with a stranger in one place.

use serde_json::{Value, json};

/// What may stand in the place of anything.
pub(crate) fn strangers() -> [Value; 9] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("data:"),
        json!([]),
        json!([null, 7, "x", {}, []]),
        json!({"type": "text"}),
    ]
}

/// Every document that differs from `value` in one place.
pub(crate) fn variants(value: &Value, each: &mut dyn FnMut(&Value)) {
    let mut whole = value.clone();
    for place in 0.. {
        for stranger in strangers() {
            let Some(before) = replace(&mut whole, &mut place.clone(), &stranger) else {
                return;
            };
            each(&whole);
            replace(&mut whole, &mut place.clone(), &before);
        }
    }
}

/// Puts a value into the place of that number, counted depth first; what was there.
fn replace(value: &mut Value, place: &mut usize, with: &Value) -> Option<Value> {
    if *place == 0 {
        return Some(std::mem::replace(value, with.clone()));
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| replace(item, place, with)),
        Value::Object(members) => members
            .values_mut()
            .find_map(|item| replace(item, place, with)),
        _ => None,
    }
}
