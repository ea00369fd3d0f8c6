//! Google's dialect: reading requests, and answers as Gemini writes them. What
//! is said is decided where OpenAI's answers are.

mod object;
mod request;
mod stream;
mod whole;

pub(crate) use request::read;

use http::StatusCode;
use serde_json::json;

use crate::{
    answer::Answer,
    anthropic::Form,
    behaviour::Behaviour,
    openai::{Chat, Refusal},
};

/// What is asked of a model, behind its name in the path.
const ASKS: [(&str, bool); 2] = [
    (":generateContent", false),
    (":streamGenerateContent", true),
];

/// The model in a path of this dialect, and whether a stream is wanted.
pub(crate) fn asked(path: &str) -> Option<(String, bool)> {
    let (ask, stream) = ASKS.into_iter().find(|(ask, _)| path.ends_with(ask))?;
    let (_, model) = path.strip_suffix(ask)?.rsplit_once('/')?;
    Some((unescaped(model), stream))
}

/// What a segment of a path stands for.
pub(crate) fn unescaped(segment: &str) -> String {
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(chat: &Chat, behaviour: &Behaviour) -> Answer {
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Gemini)
            .answer();
    }
    if chat.stream {
        Answer::Stream(stream::events(chat, behaviour))
    } else {
        Answer::Whole(StatusCode::OK, whole::body(chat, behaviour))
    }
}

/// An error's body.
pub(crate) fn error(status: StatusCode, message: &str) -> Vec<u8> {
    let word = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        400..=498 => "INVALID_ARGUMENT",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    let error = json!({"code": status.as_u16(), "message": message, "status": word});
    json!({ "error": error }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_stands_in_the_path() {
        for (path, expected) in [
            (
                "/v1beta/models/gemini-3:generateContent",
                Some(("gemini-3", false)),
            ),
            (
                "/v1/publishers/google/models/mock%3Asize=9:streamGenerateContent",
                Some(("mock:size=9", true)),
            ),
            ("/v1beta/models/a%:generateContent", Some(("a%", false))),
            ("/v1beta/models/gemini-3:countTokens", None),
            (":generateContent", None),
        ] {
            let asked = asked(path);
            let asked = asked
                .as_ref()
                .map(|(model, stream)| (model.as_str(), *stream));
            assert_eq!(asked, expected, "{path}");
        }
    }
}
