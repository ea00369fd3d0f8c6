//! The Messages dialect: reading requests, and answers as Anthropic writes
//! them. What is said is decided where OpenAI's answers are.

mod object;
mod request;
mod spelling;
mod stream;
mod whole;

pub(crate) use object::SIGNATURE;
pub(crate) use request::{read, read_at_vertex};

use http::StatusCode;
use serde_json::json;

use crate::{
    answer::Answer,
    behaviour::Behaviour,
    gemini,
    openai::{Chat, Refusal},
    vertex,
};

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(chat: &Chat, behaviour: &Behaviour) -> Answer {
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Messages)
            .answer();
    }
    if chat.stream {
        Answer::Stream(stream::events(chat, behaviour))
    } else {
        Answer::Whole(StatusCode::OK, whole::body(chat, behaviour))
    }
}

/// The dialects in which errors are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    OpenAi,
    Messages,
    Cohere,
    Ollama,
    Converse,
    Gemini,
    Replicate,
}

impl Form {
    /// The one of a path.
    pub(crate) fn of(path: &str) -> Form {
        if path.ends_with("/messages") || vertex::asked(path).is_some_and(|asked| asked.claude) {
            Form::Messages
        } else if path.ends_with("/v2/chat")
            || path.ends_with("/v2/embed")
            || path.ends_with("/v2/rerank")
        {
            Form::Cohere
        } else if path.ends_with("/api/chat") || path.ends_with("/api/embed") {
            Form::Ollama
        } else if crate::converse::is_chat(path) || path.ends_with("/invoke") {
            Form::Converse
        } else if crate::replicate::is_path(path) {
            Form::Replicate
        } else if gemini::asked(path).is_some() {
            Form::Gemini
        } else {
            Form::OpenAi
        }
    }
}

/// An error's body.
pub(crate) fn error(status: StatusCode, message: &str) -> Vec<u8> {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_mock",
    })
    .to_string()
    .into_bytes()
}
