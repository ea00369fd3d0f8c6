//! Reading requests as OpenAI would, but only the members that shape the
//! answer: everything else is skipped, not built.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    refusal::Refusal,
    sample::{self, sample},
};

/// Choices one request may ask for.
const MOST_CHOICES: u32 = 128;
/// Inputs one request may have embedded.
const MOST_INPUTS: usize = 2048;
/// Numbers all embeddings of one request may have together.
const MOST_NUMBERS: usize = 4 << 20;

/// What a chat request asks for, as far as the answer depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Chat {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) choices: u32,
    /// Asked for, with so many alternatives to each token.
    pub(crate) logprobs: Option<u8>,
    pub(crate) reasons: bool,
    /// The function to call instead of answering.
    pub(crate) call: Option<Call>,
    /// The JSON the content has to be.
    pub(crate) json: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// What an embeddings request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    /// One text per vector; tokens stand as their JSON.
    pub(crate) inputs: Vec<String>,
    pub(crate) dimensions: Option<u32>,
    pub(crate) base64: bool,
}

type Raw<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
struct ChatMembers<'a> {
    #[serde(borrow)]
    model: Raw<'a>,
    messages: Raw<'a>,
    stream: Raw<'a>,
    stream_options: Raw<'a>,
    n: Raw<'a>,
    tools: Raw<'a>,
    tool_choice: Raw<'a>,
    response_format: Raw<'a>,
    reasoning_effort: Raw<'a>,
    logprobs: Raw<'a>,
    top_logprobs: Raw<'a>,
}

#[derive(Deserialize)]
struct EmbeddingsMembers<'a> {
    #[serde(borrow)]
    model: Raw<'a>,
    input: Raw<'a>,
    dimensions: Raw<'a>,
    encoding_format: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Tool {
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(default)]
    content: Value,
}

impl Chat {
    pub(crate) fn read(path: &str, body: &Bytes) -> Result<Chat, Refusal> {
        let members: ChatMembers<'_> =
            serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
        let model = model(members.model, path)?;
        let messages = messages(members.messages)?;
        let options: StreamOptions =
            optional("stream_options", members.stream_options)?.unwrap_or_default();
        let choices = optional("n", members.n)?.unwrap_or(1);
        if !(1..=MOST_CHOICES).contains(&choices) {
            return Err(Refusal::invalid("n", "expected a number from 1 to 128"));
        }
        Ok(Chat {
            stream: optional("stream", members.stream)?.unwrap_or(false),
            include_usage: options.include_usage,
            choices,
            logprobs: logprobs(&members)?,
            reasons: members.reasoning_effort.is_some() && model.contains("reason"),
            call: call(&members, messages)?,
            json: json_content(members.response_format)?,
            model,
        })
    }

    /// Bytes of text it holds besides the model's name.
    pub(crate) fn weight(&self) -> usize {
        let call = self.call.as_ref();
        self.json.as_ref().map_or(0, String::len)
            + call.map_or(0, |call| call.name.len() + call.arguments.len())
    }
}

impl Embeddings {
    pub(crate) fn read(path: &str, body: &Bytes) -> Result<Embeddings, Refusal> {
        let members: EmbeddingsMembers<'_> =
            serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
        let format: Option<String> = optional("encoding_format", members.encoding_format)?;
        let input = members.input.ok_or_else(|| Refusal::missing("input"))?;
        Embeddings {
            model: model(members.model, path)?,
            inputs: inputs(required("input", input)?)?,
            dimensions: optional("dimensions", members.dimensions)?,
            base64: format.as_deref() == Some("base64"),
        }
        .checked()
    }

    /// The same, unless its answer would be too large.
    pub(crate) fn checked(self) -> Result<Embeddings, Refusal> {
        let length = self.dimensions.unwrap_or(1) as usize;
        if length == 0 || length.saturating_mul(self.inputs.len()) > MOST_NUMBERS {
            return Err(Refusal::invalid("dimensions", "out of range"));
        }
        Ok(self)
    }
}

fn required<T: DeserializeOwned>(name: &'static str, raw: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(raw.get()).map_err(|error| Refusal::invalid(name, &error.to_string()))
}

fn optional<T: DeserializeOwned>(name: &'static str, raw: Raw<'_>) -> Result<Option<T>, Refusal> {
    raw.map(|raw| required(name, raw)).transpose()
}

/// The model of the body, else the deployment of an Azure path.
fn model(raw: Raw<'_>, path: &str) -> Result<String, Refusal> {
    if let Some(model) = optional("model", raw)? {
        return Ok(model);
    }
    path.split_once("/deployments/")
        .and_then(|(_, rest)| rest.split('/').next())
        .map(ToOwned::to_owned)
        .ok_or_else(Refusal::no_model)
}

fn messages(raw: Raw<'_>) -> Result<&str, Refusal> {
    let text = raw.ok_or_else(|| Refusal::missing("messages"))?.get();
    match text.strip_prefix('[').map(str::trim_start) {
        Some("]") => Err(Refusal::invalid("messages", "empty array")),
        Some(_) => Ok(text),
        None => Err(Refusal::invalid("messages", "expected an array")),
    }
}

fn logprobs(members: &ChatMembers<'_>) -> Result<Option<u8>, Refusal> {
    let asked = optional("logprobs", members.logprobs)?.unwrap_or(false);
    let alternatives = optional("top_logprobs", members.top_logprobs)?.unwrap_or(0);
    if alternatives > 20 {
        return Err(Refusal::invalid("top_logprobs", "expected at most 20"));
    }
    Ok(asked.then_some(alternatives))
}

/// Whether a tool is to be called, and which: the named one, else the first.
fn call(members: &ChatMembers<'_>, messages: &str) -> Result<Option<Call>, Refusal> {
    let tools: Vec<Tool> = optional("tools", members.tools)?.unwrap_or_default();
    let mut functions = tools.into_iter().filter_map(|tool| tool.function);
    let choice: Value = optional("tool_choice", members.tool_choice)?.unwrap_or_default();
    let function = match choice.as_str() {
        Some("none") => None,
        Some("required") => functions.next(),
        _ => match choice.pointer("/function/name").and_then(Value::as_str) {
            Some(name) => Some(
                functions
                    .find(|function| function.name == name)
                    .ok_or_else(|| Refusal::invalid("tool_choice", "not found in 'tools'"))?,
            ),
            None => match functions.next() {
                Some(function) if asks_for_a_call(messages)? => Some(function),
                _ => None,
            },
        },
    };
    Ok(function.map(|function| Call {
        arguments: sample(&function.parameters).to_string(),
        name: function.name,
    }))
}

/// A user who speaks of weather or calls wants a tool; a conversation whose
/// last word is a tool's answer wants text.
fn asks_for_a_call(messages: &str) -> Result<bool, Refusal> {
    let messages: Vec<Message<'_>> = serde_json::from_str(messages)
        .map_err(|error| Refusal::invalid("messages", &error.to_string()))?;
    let Some(last) = messages.last().filter(|last| last.role == "user") else {
        return Ok(false);
    };
    Ok(wants_a_call(&last.content))
}

/// Whether the text of a content speaks of weather or calls.
pub(crate) fn wants_a_call(content: &Value) -> bool {
    let wanted = |text: &str| {
        let text = text.to_lowercase();
        text.contains("weather") || text.contains("call")
    };
    match content {
        Value::String(text) => wanted(text),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .any(wanted),
        _ => false,
    }
}

fn json_content(raw: Raw<'_>) -> Result<Option<String>, Refusal> {
    let format: Value = optional("response_format", raw)?.unwrap_or_default();
    let content = match format.get("type").and_then(Value::as_str) {
        Some("json_object") => Some(sample::any_object()),
        Some("json_schema") => match format.pointer("/json_schema/schema") {
            Some(schema) => Some(sample(schema)),
            None => return Err(Refusal::missing("response_format.json_schema")),
        },
        _ => None,
    };
    Ok(content.map(|content| content.to_string()))
}

/// A text, texts, tokens, or lists of tokens.
fn inputs(input: Value) -> Result<Vec<String>, Refusal> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        tokens => tokens.to_string(),
    };
    let inputs: Vec<String> = match input {
        Value::Array(items) if items.first().is_some_and(Value::is_number) => {
            vec![Value::Array(items).to_string()]
        }
        Value::Array(items) => items.into_iter().map(text).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    };
    if (1..=MOST_INPUTS).contains(&inputs.len()) {
        Ok(inputs)
    } else {
        Err(Refusal::invalid("input", "expected 1 to 2048 texts"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat(body: &Value) -> Result<Chat, Refusal> {
        Chat::read("/v1/chat/completions", &body.to_string().into())
    }

    fn with_tool(user: &Value, choice: &Value) -> Option<String> {
        let body = json!({
            "model": "m",
            "messages": [{"role": "user", "content": user}],
            "tools": [
                {"type": "function", "function": {"name": "first"}},
                {"type": "function", "function": {"name": "second"}},
            ],
            "tool_choice": choice,
        });
        chat(&body).unwrap().call.map(|call| call.name)
    }

    #[test]
    fn a_tool_is_called_when_it_must_be_or_when_the_user_speaks_of_it() {
        let parts = json!([{"type": "text", "text": "the Weather?"}]);
        let named = json!({"type": "function", "function": {"name": "second"}});
        for (user, choice, expected) in [
            (json!("hi"), json!(null), None),
            (json!("hi"), json!("required"), Some("first")),
            (json!("hi"), named, Some("second")),
            (json!("please call it"), json!("auto"), Some("first")),
            (parts, json!(null), Some("first")),
            (json!("weather"), json!("none"), None),
        ] {
            assert_eq!(
                with_tool(&user, &choice).as_deref(),
                expected,
                "{user} {choice}"
            );
        }
    }

    #[test]
    fn a_tools_answer_is_followed_by_text() {
        let body = json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": "weather"},
                {"role": "assistant", "tool_calls": []},
                {"role": "tool", "content": "sunny"},
            ],
            "tools": [{"type": "function", "function": {"name": "first"}}],
        });
        assert_eq!(chat(&body).unwrap().call, None);
    }

    #[test]
    fn requests_are_refused_with_the_parameter_at_fault() {
        let messages = json!([{"role": "user", "content": "hi"}]);
        for (body, param) in [
            (json!({"messages": messages}), "model"),
            (json!({"model": 3, "messages": messages}), "model"),
            (json!({"model": "m"}), "messages"),
            (json!({"model": "m", "messages": []}), "messages"),
            (json!({"model": "m", "messages": {}}), "messages"),
            (json!({"model": "m", "messages": messages, "n": 0}), "n"),
            (
                json!({"model": "m", "messages": messages, "stream": "yes"}),
                "stream",
            ),
        ] {
            let refusal = chat(&body).unwrap_err();
            let error: Value = serde_json::from_slice(&refusal.body()).unwrap();
            assert_eq!(error["error"]["param"], param, "{body}");
        }
    }

    #[test]
    fn an_azure_path_names_the_model() {
        let body = Bytes::from(r#"{"messages":[{"role":"user","content":"hi"}]}"#);
        let chat = Chat::read("/openai/deployments/d1/chat/completions", &body).unwrap();
        assert_eq!(chat.model, "d1");
    }

    #[test]
    fn inputs_are_counted_in_every_form() {
        for (input, count) in [
            (json!("a"), 1),
            (json!(["a", "b"]), 2),
            (json!([1, 2, 3]), 1),
            (json!([[1, 2], [3]]), 2),
        ] {
            assert_eq!(inputs(input.clone()).unwrap().len(), count, "{input}");
        }
        assert!(inputs(json!([])).is_err());
        assert!(inputs(json!({})).is_err());
    }
}
