//! Reading requests as Bedrock would, but only the members that shape the
//! answer. The model and whether a stream is wanted stand in the path.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::openai::{Call, Chat, Refusal, sample::sample, wants_a_call};

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Members {
    messages: Value,
    tool_config: Value,
    additional_model_request_fields: Value,
    output_config: Value,
}

/// Whether a path is that of a chat.
pub(crate) fn is_chat(path: &str) -> bool {
    path.ends_with("/converse") || path.ends_with("/converse-stream")
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read(path: &str, body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let model = model(path).ok_or_else(Refusal::no_model)?;
    if members.messages.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::missing("messages"));
    }
    let fields = &members.additional_model_request_fields;
    let thinking = fields.pointer("/thinking/type").and_then(Value::as_str);
    let levels = fields
        .pointer("/reasoningConfig/type")
        .and_then(Value::as_str);
    let schema = members
        .output_config
        .pointer("/textFormat/structure/jsonSchema/schema")
        .and_then(Value::as_str);
    Ok(Chat {
        stream: path.ends_with("-stream"),
        // A stream of this dialect always tells it.
        include_usage: true,
        choices: 1,
        logprobs: None,
        reasons: matches!(thinking.or(levels), Some("enabled" | "adaptive")),
        json: schema.map(|schema| {
            // A schema is a text here.
            sample(&serde_json::from_str(schema).unwrap_or_default()).to_string()
        }),
        call: call(&members)?,
        model,
    })
}

/// The model in a path: one segment, escaped.
pub(crate) fn model(path: &str) -> Option<String> {
    let (_, rest) = path.rsplit_once("/model/")?;
    let (segment, _) = rest.rsplit_once('/')?;
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *byte == b'%');
        let hex = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(*byte));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|model| !model.is_empty())
}

/// Whether a tool is to be called, and which: the named one, else the first.
fn call(members: &Members) -> Result<Option<Call>, Refusal> {
    let tools = members.tool_config["tools"].as_array();
    let specs = tools.into_iter().flatten().map(|tool| &tool["toolSpec"]);
    let mut specs = specs.filter(|spec| spec["name"].is_string());
    let choice = &members.tool_config["toolChoice"];
    let spec = match (choice["tool"]["name"].as_str(), choice["any"].is_object()) {
        (Some(name), _) => Some(
            specs
                .find(|spec| spec["name"] == name)
                .ok_or_else(|| Refusal::invalid("toolChoice", "not found in 'tools'"))?,
        ),
        (None, true) => specs.next(),
        (None, false) => specs.next().filter(|_| asks_for_a_call(&members.messages)),
    };
    Ok(spec.map(|spec| Call {
        name: spec["name"].as_str().unwrap_or_default().to_owned(),
        arguments: sample(&spec["inputSchema"]["json"]).to_string(),
    }))
}

fn asks_for_a_call(messages: &Value) -> bool {
    let last = messages.as_array().and_then(|list| list.last());
    let Some(content) = last
        .filter(|last| last["role"] == "user")
        .map(|last| &last["content"])
    else {
        return false;
    };
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    // A conversation whose last word is a tool's answer wants text.
    let answered = parts.iter().any(|part| part["toolResult"].is_object());
    !answered && wants_a_call(content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_path_says_the_model_and_whether_a_stream_is_wanted() {
        let body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
        let body = Bytes::from(body.to_string());
        for (path, model, stream) in [
            (
                "/model/us.amazon.nova-lite-v1%3A0/converse",
                "us.amazon.nova-lite-v1:0",
                false,
            ),
            (
                "/x/model/mock%3astatus%3D503/converse-stream",
                "mock:status=503",
                true,
            ),
            ("/model/a%2Fb%zz/converse", "a/b%zz", false),
        ] {
            let chat = read(path, &body).unwrap();
            assert_eq!((&*chat.model, chat.stream), (model, stream), "{path}");
        }
        assert!(read("/model//converse", &body).is_err());
        assert!(read("/converse", &body).is_err());
        assert!(read("/model/m/converse", &Bytes::from_static(b"{}")).is_err());
    }

    #[test]
    fn a_tool_is_called_when_it_must_be_or_when_the_user_speaks_of_it() {
        let called = |content: Value, choice: Value| {
            let body = json!({
                "messages": [{"role": "user", "content": content}],
                "toolConfig": {
                    "tools": [
                        {"systemTool": {"name": "nova_grounding"}},
                        {"toolSpec": {"name": "first", "inputSchema": {"json": {}}}},
                        {"toolSpec": {"name": "second", "inputSchema": {"json": {}}}},
                    ],
                    "toolChoice": choice,
                },
            });
            let chat = read("/model/m/converse", &body.to_string().into()).unwrap();
            chat.call.map(|call| call.name)
        };
        let result =
            json!([{"toolResult": {"toolUseId": "t", "content": [{"text": "weather: wet"}]}}]);
        for (content, choice, expected) in [
            (json!([{"text": "hi"}]), json!(null), None),
            (
                json!([{"text": "the weather?"}]),
                json!(null),
                Some("first"),
            ),
            (json!([{"text": "hi"}]), json!({"any": {}}), Some("first")),
            (
                json!([{"text": "hi"}]),
                json!({"tool": {"name": "second"}}),
                Some("second"),
            ),
            (result, json!({"auto": {}}), None),
        ] {
            assert_eq!(called(content, choice).as_deref(), expected);
        }
    }
}
