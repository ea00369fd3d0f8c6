//! Which names a model of genai-prices is meant by.

use serde_json::Value;

/// Whether a clause holds for a name in lower case. A pattern never does: what it would match is
/// found by taking the date off a name.
pub(super) fn holds(clause: &Value, name: &str) -> bool {
    let text = |field: &str| {
        let text = clause
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default();
        text.to_ascii_lowercase()
    };
    let parts = |field: &str| {
        let parts = clause.get(field).and_then(Value::as_array);
        parts.map_or(&[][..], Vec::as_slice).iter()
    };
    match clause.get("is").and_then(Value::as_str).unwrap_or_default() {
        "ClauseEquals" => name == text("equals"),
        "ClauseStartsWith" => name.starts_with(&text("starts_with")),
        "ClauseEndsWith" => name.ends_with(&text("ends_with")),
        "ClauseContains" => name.contains(&text("contains")),
        "ClauseOr" => parts("or_").any(|part| holds(part, name)),
        "ClauseAnd" => parts("and_").all(|part| holds(part, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_clause_holds_for_the_names_it_means() {
        let equals = json!({"is": "ClauseEquals", "equals": "GPT-5"});
        let starts = json!({"is": "ClauseStartsWith", "starts_with": "gpt"});
        let ends = json!({"is": "ClauseEndsWith", "ends_with": "-mini"});
        let contains = json!({"is": "ClauseContains", "contains": "5"});
        let regex = json!({"is": "ClauseRegex", "regex": ".*"});
        let or = json!({"is": "ClauseOr", "or_": [ends, equals]});
        let and = json!({"is": "ClauseAnd", "and_": [starts, ends]});
        for (clause, name, expected) in [
            (&equals, "gpt-5", true),
            (&equals, "gpt-5-mini", false),
            (&contains, "gpt-5", true),
            (&or, "gpt-5", true),
            (&or, "o4-mini", true),
            (&or, "o4", false),
            (&and, "gpt-5-mini", true),
            (&and, "o4-mini", false),
            (&regex, "gpt-5", false),
        ] {
            assert_eq!(holds(clause, name), expected, "{clause} {name}");
        }
    }
}
