//! Members of messages, parts and tools that nobody here knows: they reach no vendor of another
//! dialect, and that has to be told.

use std::borrow::Cow;

use super::part::FILE;
use crate::ir::Raw;
use crate::json::Node;

/// A member by the name under which it is told.
type Stray<'a> = (Cow<'a, str>, Raw<'a>);

/// Such names as are kept of one request: beyond these nobody reads them.
const NAMES_MAX: usize = 32;

/// What messages have.
const MESSAGE: [&str; 15] = [
    "role",
    "content",
    "name",
    "cache_control",
    "tool_calls",
    "tool_call_id",
    "is_error",
    "refusal",
    "audio",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_signature",
    "thinking_blocks",
    "content_blocks",
];
/// What parts have.
const PART: [&str; 27] = [
    "type",
    "text",
    "cache_control",
    "image_url",
    "file_id",
    "input_audio",
    "video_url",
    "file",
    "file_data",
    "filename",
    "file_url",
    "context",
    "citations",
    "refusal",
    "thinking",
    "signature",
    "data",
    "origin",
    "annotations",
    "id",
    "fps",
    "start_offset",
    "end_offset",
    "video_metadata",
    "videoMetadata",
    "mime_type",
    "format",
];
/// What calls have.
const CALL: [&str; 6] = ["id", "index", "type", "function", "custom", "extra_content"];
/// What tools have, and what functions do, which some write without a wrapper.
const TOOL: [&str; 10] = [
    "type",
    "function",
    "custom",
    "name",
    "description",
    "parameters",
    "input_schema",
    "strict",
    "format",
    "cache_control",
];

/// What stands within parts: the member that wraps it, its place and what it has.
const WITHIN: [(&str, &str, &[&str]); 4] = [
    (
        "image_url",
        "messages[].content[].image_url",
        &["url", "detail", "file_id", "mime_type", "format"],
    ),
    (
        "input_audio",
        "messages[].content[].input_audio",
        &["data", "format"],
    ),
    (
        "video_url",
        "messages[].content[].video_url",
        &[
            "url",
            "fps",
            "start_offset",
            "end_offset",
            "video_metadata",
            "mime_type",
            "format",
        ],
    ),
    ("file", "messages[].content[].file", &FILE),
];
/// Kinds of parts that can have a cache mark.
const MARKED: [&str; 6] = [
    "text",
    "input_text",
    "output_text",
    "image_url",
    "file",
    "tool_result",
];

/// Those of `messages`. A conversation may be long: each level is walked once.
pub(super) fn of_messages<'a>(messages: Node<'a>, strays: &mut Vec<Stray<'a>>) {
    for message in messages.elements() {
        let members = message.members();
        note(&members, "messages[]", &MESSAGE, strays);
        for (name, value) in &members {
            match &**name {
                "content" => {
                    let parts = value.elements().into_iter();
                    parts.for_each(|part| of_part(part, strays));
                }
                "tool_calls" => {
                    for call in value.elements() {
                        note(&call.members(), "messages[].tool_calls[]", &CALL, strays);
                    }
                }
                _ => {}
            }
        }
    }
}

fn of_part<'a>(part: Node<'a>, strays: &mut Vec<Stray<'a>>) {
    let members = part.members();
    note(&members, "messages[].content[]", &PART, strays);
    let (mut kind, mut mark) = (None, None);
    for (name, value) in &members {
        match &**name {
            "type" => kind = value.text(),
            "cache_control" if !value.is_null() => mark = Some(*value),
            name => {
                let within = WITHIN.iter().find(|(wrapper, ..)| *wrapper == name);
                if let Some((_, place, known)) = within {
                    note(&value.members(), place, known, strays);
                }
            }
        }
    }
    if let (Some(kind), Some(mark)) = (kind, mark)
        && !MARKED.contains(&&*kind)
    {
        add(Cow::Borrowed("cache_control"), mark, strays);
    }
}

/// Those of `tools` that the client runs; others are carried whole.
pub(super) fn of_tools<'a>(tools: Node<'a>, strays: &mut Vec<Stray<'a>>) {
    for tool in tools.elements() {
        let [kind, function, custom] = tool.pick(["type", "function", "custom"]);
        let kind = kind.and_then(Node::text);
        if !matches!(kind.as_deref(), None | Some("function" | "custom")) {
            continue;
        }
        note(&tool.members(), "tools[]", &TOOL, strays);
        for (inner, place) in [(function, "tools[].function"), (custom, "tools[].custom")] {
            if let Some(inner) = inner {
                note(&inner.members(), place, &TOOL, strays);
            }
        }
    }
}

fn note<'a>(
    members: &[(Cow<'a, str>, Node<'a>)],
    place: &str,
    known: &[&str],
    strays: &mut Vec<Stray<'a>>,
) {
    for (name, value) in members {
        if !known.contains(&&**name) && !says_nothing(*value) {
            add(Cow::Owned(format!("{place}.{name}")), *value, strays);
        }
    }
}

fn add<'a>(name: Cow<'a, str>, value: Node<'a>, strays: &mut Vec<Stray<'a>>) {
    let fresh = strays.iter().all(|(other, _)| *other != name);
    if fresh && strays.len() < NAMES_MAX {
        strays.push((name, value.into()));
    }
}

/// Clients give back what they got, with all its empty members.
fn says_nothing(value: Node<'_>) -> bool {
    value.is_null() || matches!(value.raw(), "[]" | "{}" | "\"\"")
}

#[cfg(test)]
mod tests {
    use super::super::read_request;
    use super::*;

    #[test]
    fn a21_what_nobody_knows_is_told_by_its_place() {
        let body = br#"{"messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "mood": 1},
             {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}, "cache_control": {}}],
             "mood": "calm"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "mood": 1}}]},
            {"role": "assistant", "content": "a", "annotations": [], "images": null, "mood": "glad",
             "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}, "mood": 1}]}],
            "tools": [{"type": "function", "function": {"name": "f", "mood": 1}, "mood": 2},
             {"type": "google_search", "mood": 3}], "mood": 4}"#;
        let request = read_request(Node::parse(body).unwrap()).unwrap();
        let names: Vec<_> = request.unknown.iter().map(|(name, _)| &**name).collect();
        let expected = [
            "messages[].mood",
            "messages[].content[].mood",
            "cache_control",
            "messages[].content[].image_url.mood",
            "messages[].tool_calls[].mood",
            "tools[].mood",
            "tools[].function.mood",
            "mood",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn names_without_end_are_not_kept() {
        let members: Vec<_> = (0..10_000).map(|at| format!(r#""x{at}":1"#)).collect();
        let body = format!(
            r#"{{"messages": [{{"role": "user", "content": "", {}}}]}}"#,
            members.join(",")
        );
        let request = read_request(Node::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(request.unknown.len(), NAMES_MAX);
    }
}
