//! Bedrock's Converse dialect: reading requests, and answers as Bedrock writes
//! them, streams in binary frames. What is said is decided where OpenAI's
//! answers are.

mod frame;
mod object;
mod request;
mod stream;
mod whole;

pub(crate) use frame::frame;
pub(crate) use request::{is_chat, model, read};

use http::StatusCode;
use serde_json::json;

use crate::{
    answer::Answer,
    anthropic::Form,
    behaviour::Behaviour,
    openai::{Chat, Refusal},
};

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(chat: &Chat, behaviour: &Behaviour) -> Answer {
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Converse)
            .answer();
    }
    if chat.stream {
        Answer::Stream(stream::events(chat, behaviour))
    } else {
        Answer::Whole(StatusCode::OK, whole::body(chat, behaviour))
    }
}

/// The exception that goes with a status within a stream, which knows fewer of them.
pub(crate) fn stream_exception(status: StatusCode) -> &'static str {
    match status.as_u16() {
        408 | 424 => "modelStreamErrorException",
        401 | 403 | 404 => "validationException",
        _ => exception(status),
    }
}

/// The exception that goes with a status, as streams write it.
pub(crate) fn exception(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "accessDeniedException",
        404 => "resourceNotFoundException",
        408 => "modelTimeoutException",
        424 => "modelErrorException",
        429 => "throttlingException",
        400..=499 => "validationException",
        503 => "serviceUnavailableException",
        _ => "internalServerException",
    }
}

/// The same as the head of an answer names it.
pub(crate) fn error_type(status: StatusCode) -> String {
    let name = exception(status);
    let (first, rest) = name.split_at(1);
    format!(
        "{}{rest}:http://internal.amazon.com/coral/com.amazon.bedrock/",
        first.to_uppercase()
    )
}

/// An error's body.
pub(crate) fn error(message: &str) -> Vec<u8> {
    json!({ "message": message }).to_string().into_bytes()
}
