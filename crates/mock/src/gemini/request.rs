//! Reading requests as Google would, but only the members that shape the
//! answer.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::openai::{Call, Chat, Refusal, sample::sample, wants_a_call};

/// Candidates one request may ask for.
const MOST_CANDIDATES: u64 = 8;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Members {
    contents: Vec<Content>,
    tools: Vec<Tool>,
    #[serde(alias = "tool_config")]
    tool_config: Value,
    #[serde(alias = "generation_config")]
    generation_config: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    role: Option<String>,
    parts: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tool {
    #[serde(alias = "function_declarations")]
    function_declarations: Vec<Function>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    parameters: Option<Value>,
    #[serde(alias = "parameters_json_schema")]
    parameters_json_schema: Option<Value>,
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read((model, stream): (String, bool), body: &Bytes) -> Result<Chat, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    if members.contents.is_empty() {
        return Err(Refusal::missing("contents"));
    }
    if model.starts_with("gemini-3") {
        check_signatures(&members.contents)?;
    }
    let config = |path: &str| either(&members.generation_config, path);
    let schema = config("/responseJsonSchema").or(config("/responseSchema"));
    let any = json!({"type": "object"});
    let form = config("/responseMimeType").is_some_and(|mime| mime == "application/json");
    let choices = config("/candidateCount")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let choices = u32::try_from(choices.clamp(1, MOST_CANDIDATES)).unwrap_or(1);
    Ok(Chat {
        stream,
        // A stream of this dialect always tells it.
        include_usage: true,
        choices,
        logprobs: None,
        reasons: config("/thinkingConfig/includeThoughts").and_then(Value::as_bool) == Some(true),
        json: form.then(|| sample(schema.unwrap_or(&any)).to_string()),
        call: call(&members)?,
        model,
    })
}

/// What stands at a path, in either of the spellings that Google reads; its own SDK writes both.
fn either<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('/').skip(1);
    steps.try_fold(value, |value, name| {
        value.get(name).or_else(|| value.get(snake(name)))
    })
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The first call of each step of the turn that goes on must be signed.
fn check_signatures(contents: &[Content]) -> Result<(), Refusal> {
    let says = |content: &Content| {
        let result = |part: &Value| either(part, "/functionResponse").is_some();
        !content.is_model() && !content.parts.iter().all(result)
    };
    let current = contents.iter().rposition(says).unwrap_or(0);
    let steps = contents
        .iter()
        .skip(current)
        .filter(|content| content.is_model());
    let mut firsts = steps.filter_map(|content| {
        let call = |part: &&Value| either(part, "/functionCall").is_some();
        content.parts.iter().find(call)
    });
    if firsts.all(|part| either(part, "/thoughtSignature").is_some_and(Value::is_string)) {
        return Ok(());
    }
    let why = "function call is missing a thought_signature in functionCall parts";
    Err(Refusal::invalid("contents", why))
}

impl Content {
    fn is_model(&self) -> bool {
        self.role.as_deref() == Some("model")
    }
}

/// Whether a tool is to be called, and which: the allowed one, else the first.
fn call(members: &Members) -> Result<Option<Call>, Refusal> {
    let functions = || {
        members
            .tools
            .iter()
            .flat_map(|tool| &tool.function_declarations)
    };
    let config = |path: &str| either(&members.tool_config, path);
    let mode = config("/functionCallingConfig/mode").and_then(Value::as_str);
    let allowed = config("/functionCallingConfig/allowedFunctionNames");
    let allowed = allowed.and_then(|names| names[0].as_str());
    let function = match (mode, allowed) {
        (Some("NONE"), _) => None,
        (Some("ANY"), Some(name)) => {
            let found = functions().find(|function| function.name == name);
            Some(found.ok_or_else(|| Refusal::invalid("toolConfig", "not found in 'tools'"))?)
        }
        (Some("ANY"), None) => functions().next(),
        _ => functions()
            .next()
            .filter(|_| asks_for_a_call(&members.contents)),
    };
    Ok(function.map(|function| {
        let schema = function.parameters_json_schema.as_ref();
        let schema = schema.or(function.parameters.as_ref());
        Call {
            name: function.name.clone(),
            arguments: sample(schema.unwrap_or(&Value::Null)).to_string(),
        }
    }))
}

fn asks_for_a_call(contents: &[Content]) -> bool {
    let Some(last) = contents.last().filter(|content| !content.is_model()) else {
        return false;
    };
    // A conversation whose last word is a tool's answer wants text.
    let answered = last
        .parts
        .iter()
        .any(|part| either(part, "/functionResponse").is_some());
    let texts = last.parts.iter().filter_map(|part| part["text"].as_str());
    !answered && wants_a_call(&texts.collect::<Vec<_>>().join(" ").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(model: &str, body: &Value) -> Result<Chat, Refusal> {
        read((model.to_owned(), false), &body.to_string().into())
    }

    #[test]
    fn a_tool_is_called_when_it_must_be_or_when_the_user_speaks_of_it() {
        for (text, config, expected) in [
            ("hi", json!({}), None),
            ("the weather?", json!({}), Some("first")),
            ("the weather?", json!({"mode": "NONE"}), None),
            ("hi", json!({"mode": "ANY"}), Some("first")),
            (
                "hi",
                json!({"mode": "ANY", "allowedFunctionNames": ["second"]}),
                Some("second"),
            ),
        ] {
            let body = json!({
                "contents": [{"role": "user", "parts": [{"text": text}]}],
                "tools": [{"functionDeclarations": [{"name": "first"}, {"name": "second", "parameters": {}}]}],
                "toolConfig": {"functionCallingConfig": config},
            });
            let call = chat("m", &body).unwrap().call.map(|call| call.name);
            assert_eq!(call.as_deref(), expected, "{text} {config}");
        }
    }

    #[test]
    fn both_spellings_are_read() {
        for body in [
            json!({
                "generationConfig": {"thinkingConfig": {"includeThoughts": true}, "candidateCount": 2},
                "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"const": 1}}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            }),
            json!({
                "generation_config": {"thinking_config": {"include_thoughts": true}, "candidate_count": 2},
                "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"const": 1}}]}],
                "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
            }),
        ] {
            let mut body = body;
            body["contents"] = json!([{"parts": [{"text": "hi"}]}]);
            let chat = chat("m", &body).unwrap();
            assert!(chat.reasons && chat.choices == 2, "{body}");
            assert_eq!(chat.call.unwrap().arguments, "1", "{body}");
        }
    }

    #[test]
    fn newer_models_insist_on_their_signatures() {
        let body = |signature: &Value| {
            let mut call = json!({"functionCall": {"name": "f"}});
            if !signature.is_null() {
                call["thoughtSignature"] = signature.clone();
            }
            json!({"contents": [{"parts": [{"text": "x"}]}, {"role": "model", "parts": [call]},
                {"parts": [{"functionResponse": {"name": "f"}}]}]})
        };
        assert!(chat("gemini-3-flash", &body(&json!("c2ln"))).is_ok());
        assert!(chat("gemini-3-flash", &body(&Value::Null)).is_err());
        assert!(chat("gemini-2.5-flash", &body(&Value::Null)).is_ok());
        assert!(chat("m", &json!({"contents": []})).is_err());
    }
}
