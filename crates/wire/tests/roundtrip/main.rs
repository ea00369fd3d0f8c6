//! A conversation that goes from OpenAI's dialect to another and back keeps everything that
//! both can say, and what one cannot is told.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::gemini::{self, Home};
use wire::ir::{Block, Encoded, Plan, Request, Role, Shape, Turn, names, shape};
use wire::json::Node;
use wire::{anthropic, converse, openai};

use conversation::plain;
use vendors::PLAN;

mod answers;
mod conversation;
mod dice;
mod idle;
mod losses;
mod said;
mod specimens;
mod vendors;
mod voices;

const SHAPE: Shape = Shape {
    ids: names::Rule::USUAL,
    names: names::Rule::USUAL,
    every_call_answered: true,
};

/// What Anthropic makes of a conversation without changing what is said: one place for
/// instructions, roles in turn, results behind their calls.
fn shaped(mut request: Request<'_>) -> Request<'_> {
    let system = request.take_system();
    shape(&mut request, &SHAPE);
    if !system.is_empty() {
        request.turns.insert(0, Turn::new(Role::System, system));
    }
    request
}

fn thoughts(request: &Request<'_>) -> Vec<String> {
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let thoughts = blocks.filter(|block| matches!(block, Block::Thinking(_)));
    thoughts.map(|block| format!("{block:?}")).collect()
}

/// What is said, called and answered, in its order, without what vendors keep for themselves.
fn said(request: &Request<'_>) -> Vec<String> {
    let blocks = request
        .turns
        .iter()
        .filter(|turn| !turn.role.is_system())
        .flat_map(|turn| &turn.blocks);
    let told = blocks.filter_map(|block| match block {
        // A blank stands in for a conversation that is empty.
        Block::Text(text) => Some(text.text.to_string()).filter(|text| text != " "),
        Block::ToolCall(call) => Some(format!("{} {}", call.id, call.name)),
        Block::ToolResult(result) => Some(format!("{} {}", result.id, result.is_error)),
        Block::Image(_) | Block::File(_) => Some(block.kind().to_owned()),
        _ => None,
    });
    told.collect()
}

fn sent(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.body).unwrap()
}

proptest! {
    #[test]
    fn there_and_back_says_the_same(body in plain()) {
        let read = |text| openai::read_request(Node::parse(text).unwrap()).unwrap();
        let there = anthropic::write_request(read(body.as_bytes()), &PLAN).unwrap();
        let told: Vec<_> = if body.contains("\"seed\"") { vec!["seed"] } else { vec![] };
        let told_of_tools = read(body.as_bytes()).tools.is_empty();
        if !told_of_tools {
            prop_assert_eq!(&there.dropped, &told);
        }

        let back = anthropic::read_request(Node::parse(&there.body).unwrap()).unwrap();
        let mut expected = shaped(read(body.as_bytes()));
        prop_assert_eq!(thoughts(&back), thoughts(&expected));
        // Where nobody said anything a turn is made up.
        let silent = |turn: &Turn<'_>| turn.role.is_system() || turn.blocks.is_empty();
        if expected.turns.iter().all(silent) {
            let go_on = Block::text("Continue.");
            expected.turns.retain(|turn| turn.role.is_system());
            expected.turns.push(Turn::new(Role::User, vec![go_on]));
        }
        // What was told of as lost does not come back; what makes no sense without tools neither.
        expected.sampling.seed = None;
        if told_of_tools {
            expected.tool_choice = None;
            expected.parallel_tools = None;
        }
        if expected.parallel_tools.is_some() && expected.tool_choice.is_none() {
            expected.tool_choice = back.tool_choice.clone();
        }
        if expected.tool_choice == Some(wire::ir::ToolChoice::None) {
            expected.parallel_tools = None;
        }
        let [expected, found] = [expected, back]
            .map(|request| sent(&openai::write_request(request, &PLAN).unwrap()));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_was_written_is_read_and_written_the_same(body in plain()) {
        let request = openai::read_request(Node::parse(body.as_bytes()).unwrap()).unwrap();
        let once = anthropic::write_request(request, &PLAN).unwrap();
        let request = anthropic::read_request(Node::parse(&once.body).unwrap()).unwrap();
        let twice = anthropic::write_request(request, &PLAN).unwrap();
        prop_assert_eq!(sent(&twice), sent(&once));
    }

    #[test]
    fn there_and_back_through_gemini_says_the_same(body in plain()) {
        let plan = Plan { model: "gemini-3-flash", ..PLAN };
        let read = |text| openai::read_request(Node::parse(text).unwrap()).unwrap();
        let once = gemini::write_request(read(body.as_bytes()), &plan, Home::Developer).unwrap();
        let back = gemini::read_request(Node::parse(&once.body).unwrap()).unwrap();
        let mut expected = read(body.as_bytes());
        for turn in &mut expected.turns {
            // Another vendor's.
            turn.blocks.retain(|block| !matches!(block, Block::Thinking(_)));
        }
        prop_assert_eq!(said(&back), said(&shaped(expected)));
        let twice = gemini::write_request(back, &plan, Home::Developer).unwrap();
        let [once, twice] = [once, twice].map(|encoded| sent(&encoded));
        prop_assert_eq!(&twice["contents"], &once["contents"]);
        for member in ["systemInstruction", "tools", "toolConfig"] {
            prop_assert_eq!(&twice[member], &once[member]);
        }
    }
}

/// What a conversation says to Converse's models: it begins with the user and has no addresses.
fn told_to_converse(body: &str) -> Value {
    let body = body.replace(
        "https://x.example/a.png",
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ==",
    );
    let request = openai::read_request(Node::parse(body.as_bytes()).unwrap()).unwrap();
    sent(&converse::write_request(request, &PLAN).unwrap())
}

proptest! {
    #[test]
    fn converse_is_told_all_that_was_said_and_nothing_else(body in plain()) {
        let shaped = shaped(openai::read_request(Node::parse(body.as_bytes()).unwrap()).unwrap());
        let expected = said::by_client(&shaped);
        prop_assert_eq!(said::to_converse(&told_to_converse(&body)), expected);
    }

    #[test]
    fn converse_gets_conversations_as_it_insists_on_them(body in plain()) {
        let sent = told_to_converse(&body);
        let turns = sent["messages"].as_array().unwrap();
        let roles: Vec<_> = turns.iter().map(|turn| turn["role"].as_str().unwrap()).collect();
        prop_assert_eq!(roles[0], "user");
        prop_assert!(roles.windows(2).all(|pair| pair[0] != pair[1]));
        let mut calls: Vec<Value> = Vec::new();
        for turn in turns {
            let blocks = turn["content"].as_array().unwrap();
            prop_assert!(!blocks.is_empty());
            prop_assert!(blocks.iter().all(|block| block["text"] != ""));
            let results = blocks.iter().map(|block| &block["toolResult"]["toolUseId"]);
            let results: Vec<Value> = results.filter(|id| !id.is_null()).cloned().collect();
            prop_assert_eq!(&results, &calls);
            let ids = blocks.iter().map(|block| block["toolUse"]["toolUseId"].clone());
            calls = ids.filter(|id| !id.is_null()).collect();
        }
        if turns.iter().any(|turn| turn.to_string().contains("toolUseId")) {
            prop_assert!(sent["toolConfig"]["tools"][0]["toolSpec"].is_object());
        }
    }
}

/// Takes out what another vendor has no form for: files, and pictures that only have an address.
fn without_files(body: &str, remote: bool) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    for message in body["messages"].as_array_mut().unwrap() {
        if let Some(parts) = message["content"].as_array_mut() {
            parts.retain(|part| {
                let url = part["image_url"]["url"].as_str().unwrap_or("data:");
                part["type"] != "file" && (remote || url.starts_with("data:"))
            });
            parts.push(json!({"type": "text", "text": "x"}));
        }
    }
    body.to_string()
}

/// What other vendors make of a conversation without changing what is said.
fn in_turn(mut request: Request<'_>) -> Request<'_> {
    let loose = Shape {
        every_call_answered: false,
        ..SHAPE
    };
    shape(&mut request, &loose);
    for turn in &mut request.turns {
        if turn.role.is_system() {
            turn.role = Role::System;
        }
    }
    for block in request.turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        if let Block::ToolResult(result) = block {
            result.is_error = false;
        }
    }
    request
}

/// A Cohere request in OpenAI's words.
fn from_cohere(body: &Value) -> Value {
    let mut body = body.clone();
    for (theirs, ours) in [("p", "top_p"), ("k", "top_k"), ("stop_sequences", "stop")] {
        let value = body.as_object_mut().unwrap().remove(theirs);
        if let Some(value) = value {
            body[ours] = value;
        }
    }
    if let Some(word) = body["tool_choice"].as_str() {
        body["tool_choice"] = word.to_ascii_lowercase().into();
    }
    for message in body["messages"].as_array_mut().unwrap() {
        if message["role"] == "tool" {
            message["content"] = message["content"][0]["document"]["data"].clone();
        }
    }
    body
}

/// What a request says, without what only some vendors know.
fn gist(request: Request<'_>) -> Value {
    let mut body = sent(&openai::write_request(request, &PLAN).unwrap());
    let max = body
        .get("max_completion_tokens")
        .or(body.get("max_tokens"))
        .cloned();
    let body = body.as_object_mut().unwrap();
    for name in [
        "user",
        "service_tier",
        "parallel_tool_calls",
        "max_completion_tokens",
    ] {
        body.remove(name);
    }
    if body.get("tools").is_none() || body.get("tool_choice") == Some(&json!("auto")) {
        body.remove("tool_choice");
    }
    body.insert("max_tokens".into(), max.unwrap_or_default());
    Value::Object(body.clone())
}

proptest! {
    #[test]
    fn cohere_is_told_all_that_it_has_words_for(body in plain()) {
        let body = without_files(&body, true);
        let read = |text| openai::read_request(Node::parse(text).unwrap()).unwrap();
        let there = sent(&wire::cohere::write_request(read(body.as_bytes()), &PLAN).unwrap());
        let back = from_cohere(&there).to_string();
        let mut expected = read(body.as_bytes());
        for turn in &mut expected.turns {
            turn.blocks.retain(|block| !matches!(block, Block::Thinking(_)));
        }
        prop_assert_eq!(gist(read(back.as_bytes())), gist(in_turn(expected)));
    }

    #[test]
    fn ollama_is_told_every_word_and_every_call_in_order(body in plain()) {
        let body = without_files(&body, false);
        let read = |text| openai::read_request(Node::parse(text).unwrap()).unwrap();
        let there = sent(&wire::ollama::write_request(read(body.as_bytes()), &PLAN).unwrap());
        let messages = there["messages"].as_array().unwrap();
        let said: Vec<_> = messages
            .iter()
            .filter_map(|message| message["content"].as_str())
            .filter(|text| !text.is_empty())
            .collect();
        let called: Vec<_> = messages
            .iter()
            .flat_map(|message| message["tool_calls"].as_array().into_iter().flatten())
            .map(|call| call["function"]["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        let mut without_thoughts = read(body.as_bytes());
        for turn in &mut without_thoughts.turns {
            turn.blocks.retain(|block| !matches!(block, Block::Thinking(_)));
        }
        let expected = in_turn(without_thoughts);
        let (mut texts, mut calls) = (Vec::new(), Vec::new());
        for block in expected.turns.iter().flat_map(|turn| &turn.blocks) {
            match block {
                Block::Text(text) => texts.push(text.text.to_string()),
                Block::ToolResult(result) => texts.push(result.text().into_owned()),
                Block::ToolCall(call) => calls.push(call.name.to_string()),
                _ => {}
            }
        }
        prop_assert_eq!(said.join("\n"), texts.join("\n"));
        prop_assert_eq!(called, calls);
    }
}
