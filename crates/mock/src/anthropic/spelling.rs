//! JSON as Anthropic spells it: what a thing is stands first, then its place.

use std::fmt::Write as _;

use serde_json::Value;

/// Members that stand before all others.
const FIRST: [&str; 2] = ["type", "index"];

/// The event `name` with these members.
pub(crate) fn event(name: &str, members: &Value) -> String {
    let mut members = members.clone();
    members["type"] = name.into();
    let mut out = String::new();
    spell(&members, &mut out);
    out
}

fn spell(value: &Value, out: &mut String) {
    // Writing into a string does not fail.
    match value {
        Value::Object(members) => {
            let before = FIRST.iter().filter_map(|name| members.get_key_value(*name));
            let behind = members
                .iter()
                .filter(|(name, _)| !FIRST.contains(&name.as_str()));
            out.push('{');
            for (at, (name, value)) in before.chain(behind).enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(out, "{comma}{}:", Value::from(name.as_str()));
                spell(value, out);
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_piece_of_text_is_spelt_as_the_vendor_spells_it() {
        let delta = json!({"index": 0, "delta": {"text": "a\"", "type": "text_delta"}});
        assert_eq!(
            event("content_block_delta", &delta),
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\""}}"#
        );
        assert_eq!(event("ping", &json!({})), r#"{"type":"ping"}"#);
    }
}
