//! What of a request means nothing beside the rest of it, so that its loss is none. Each is true of
//! the dialect itself, not of how it is translated.

use serde_json::{Value, json};

use super::vendors::Vendor;

/// Whether it could as well be missing.
pub(crate) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.iter().all(says_nothing),
        // Of other things the type alone says something: a form, a mark, a tool of the vendor's.
        Value::Object(members) => members
            .iter()
            .filter(|(name, value)| *name != "role" && (*name != "type" || *value != "text"))
            .all(|(_, value)| says_nothing(value)),
        _ => false,
    }
}

/// Whether a choice names a tool.
fn is_chosen(choice: &Value, tool: &Value) -> bool {
    let name = |tool: &Value| tool["function"]["name"].as_str().map(str::to_owned);
    let allowed = choice["allowed_tools"]["tools"].as_array();
    let mut names = allowed
        .into_iter()
        .flatten()
        .chain([choice])
        .filter_map(name);
    names.any(|one| name(tool) == Some(one))
}

/// Where the last thing stands that is said, for marks of the whole.
fn is_at_the_end(body: &Value, steps: &[&str]) -> bool {
    let messages = body["messages"].as_array().map_or(&[][..], |list| list);
    let results = messages
        .iter()
        .rev()
        .take_while(|message| message["role"] == "tool");
    let from = messages.len().saturating_sub(results.count().max(1));
    let at = steps.get(1).and_then(|at| at.parse::<usize>().ok());
    steps[0] == "messages" && at.is_some_and(|at| at >= from)
}

/// Whether a place means nothing beside the rest of its request, to this vendor or to any.
pub(crate) fn is_idle(vendor: &Vendor, body: &Value, place: &str) -> bool {
    let steps: Vec<&str> = place.split('/').skip(1).collect();
    let last = *steps.last().unwrap_or(&"");
    let choice = &body["tool_choice"];
    let tools = || body["tools"].as_array().into_iter().flatten();
    let is_function = |tool: &Value| tool["type"] == "function" || tool["type"] == "custom";
    let functions = tools().filter(|tool| is_function(tool)).count();
    let tool = steps.get(1).and_then(|at| at.parse::<usize>().ok());
    let tool = tool.map_or(&Value::Null, |at| &body["tools"][at]);
    let wishes = ["reasoning_effort", "reasoning", "thinking"];
    match (steps[0], last) {
        // What may not be called need not be known.
        ("tools", _) if choice == "none" || choice.is_object() && !is_chosen(choice, tool) => true,
        // Shown by what stands beside it; of a schema's members it is what they are.
        (_, "type") => !steps.contains(&"properties"),
        // They add closedness to what is held to a schema themselves.
        ("model", _) | (_, "additionalProperties") => true,
        // What caches do by themselves.
        (_, "ttl") => body.pointer(place) == Some(&json!("5m")),
        // One mark is as good as two at one place.
        ("cache_control", _) => {
            let messages = body["messages"].as_array().map_or(0, Vec::len);
            let mut ends = (0..messages).map(|at| ("messages", at.to_string()));
            ends.any(|(name, at)| {
                let message = &body[name][at.parse::<usize>().unwrap_or_default()];
                is_at_the_end(body, &[name, &at]) && message.to_string().contains("cache_control")
            })
        }
        (_, "cache_control") if body["cache_control"].is_object() => is_at_the_end(body, &steps),
        // Of several wishes one counts.
        ("reasoning_effort" | "reasoning" | "thinking", _) => {
            wishes.iter().filter(|wish| !body[**wish].is_null()).count() > 1
        }
        // A label that is nowhere shown.
        ("response_format", "name") => steps.len() == 3,
        // A vendor's own tool is there or not, however often it is named.
        ("tools", _) if !is_function(tool) => tools().count() - functions > 1,
        ("web_search_options", _) => choice == "none" || choice.is_object(),
        ("tool_choice", _) if choice == "auto" => true,
        ("parallel_tool_calls", _) if choice == "none" => true,
        ("messages", "id") => !vendor.ids && steps.contains(&"tool_calls"),
        // Without tools that everybody knows there is no choice, nor with one.
        ("tool_choice" | "parallel_tool_calls", _) if functions == 0 => true,
        ("tool_choice", "name") => functions == 1,
        ("top_logprobs", _) => body["logprobs"] != true,
        _ => false,
    }
}
