//! What is said in a conversation, as a list of lines that do not depend on the dialect.

use serde_json::{Map, Value};
use wire::ir::{Block, OpaqueKind, Request, Role};

/// Lines that the gateway adds: they are nobody's words.
const ADDED: [&str; 3] = [
    "Continue.",
    "See the attached document.",
    "Do not call tools.",
];

/// What a client says.
pub(crate) fn by_client(request: &Request<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for turn in &request.turns {
        let who = match turn.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        for block in turn.blocks.iter().filter(|block| !block.is_empty()) {
            lines.push(format!("{who} {}", of_block(block)));
        }
    }
    if let Some(max) = request.max_output {
        lines.push(format!("max {}", max.tokens));
    }
    lines.push(format!("temperature {:?}", request.sampling.temperature));
    lines.push(format!("stop {:?}", request.stop));
    lines.push(format!("user {:?}", request.user.as_deref()));
    lines
}

fn of_block(block: &Block<'_>) -> String {
    match block {
        Block::Text(text) => format!("says {}", text.text),
        Block::Image(_) => "shows an image".to_owned(),
        Block::File(_) => "shows a document".to_owned(),
        Block::ToolCall(call) => {
            let arguments =
                serde_json::from_str(&call.arguments).unwrap_or(Value::Object(Map::default()));
            format!("calls {} {} {arguments}", call.id, call.name)
        }
        Block::ToolResult(result) => {
            let text = result.text();
            format!("answers {} {} {text}", result.id, result.is_error)
        }
        Block::Thinking(thinking) => match &thinking.state {
            Some(state) if state.kind == OpaqueKind::Redacted => format!("hides {}", state.data),
            Some(state) => format!("thinks {} {}", thinking.text, state.data),
            None => String::new(),
        },
        other => other.kind().to_owned(),
    }
}

/// What Converse is told.
pub(crate) fn to_converse(body: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for block in list(&body["system"]) {
        lines.push(format!("system says {}", text(&block["text"])));
    }
    for turn in list(&body["messages"]) {
        let who = text(&turn["role"]);
        for block in list(&turn["content"]) {
            lines.push(format!("{who} {}", of_converse(&block)));
        }
    }
    lines.retain(|line| {
        !ADDED
            .iter()
            .any(|added| line.ends_with(&format!(" says {added}")))
    });
    let inference = &body["inferenceConfig"];
    lines.push(format!("max {}", inference["maxTokens"]));
    lines.push(format!(
        "temperature {:?}",
        inference["temperature"].as_f64()
    ));
    let stop: Vec<_> = list(&inference["stopSequences"]).iter().map(text).collect();
    lines.push(format!("stop {stop:?}"));
    let user = &body["additionalModelRequestFields"]["metadata"]["user_id"];
    lines.push(format!("user {:?}", user.as_str()));
    lines
}

fn of_converse(block: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(words) = block["text"].as_str() {
        return format!("says {words}");
    }
    if block["image"].is_object() {
        return "shows an image".to_owned();
    }
    if block["document"].is_object() {
        return "shows a document".to_owned();
    }
    if let Value::Object(_) = block["toolUse"] {
        let call = &block["toolUse"];
        return format!(
            "calls {} {} {}",
            text(&call["toolUseId"]),
            text(&call["name"]),
            call["input"]
        );
    }
    if let Value::Object(_) = block["toolResult"] {
        let result = &block["toolResult"];
        let failed = result["status"] == "error";
        return format!(
            "answers {} {failed} {}",
            text(&result["toolUseId"]),
            text(&result["content"][0]["text"])
        );
    }
    let reasoning = &block["reasoningContent"];
    match reasoning["redactedContent"].as_str() {
        Some(data) => format!("hides {data}"),
        None => {
            let readable = &reasoning["reasoningText"];
            format!(
                "thinks {} {}",
                text(&readable["text"]),
                text(&readable["signature"])
            )
        }
    }
}
