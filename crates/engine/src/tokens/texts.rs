//! The texts of a chat request that a model reads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What there is to count.
#[derive(Default)]
pub(super) struct Texts<'a> {
    pub(super) messages: u64,
    pub(super) texts: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
}

/// The texts of a request; None when it is not one of chat.
pub(super) fn read(body: &[u8]) -> Option<Texts<'_>> {
    let request: Request<'_> = serde_json::from_slice(body).ok()?;
    let mut found = Texts {
        messages: request.messages.len() as u64,
        ..Texts::default()
    };
    let tools = request.tools.map(|tools| Cow::Borrowed(tools.get()));
    found.texts.extend(tools);
    for message in request.messages {
        found.texts.extend(message.role);
        found.texts.extend(message.name);
        match message.content {
            Some(Content::Text(text)) => found.texts.push(text),
            Some(Content::Parts(parts)) => {
                found
                    .texts
                    .extend(parts.into_iter().filter_map(|part| part.text));
            }
            None => {}
        }
        let calls = message.tool_calls.into_iter().flatten();
        for function in calls.filter_map(|call| call.function) {
            found.texts.extend(function.name);
            found.texts.extend(function.arguments);
        }
    }
    Some(found)
}
