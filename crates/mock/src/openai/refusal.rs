//! Errors, in OpenAI's form unless the request came in another.

use http::{Method, StatusCode};
use serde::Serialize;

use crate::{
    answer::Answer,
    anthropic::{self, Form},
    cohere, converse, gemini, ollama, replicate,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    form: Form,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl Refusal {
    fn new(
        status: StatusCode,
        message: String,
        param: Option<&'static str>,
        code: Option<&'static str>,
    ) -> Refusal {
        Refusal {
            status,
            message,
            param,
            code,
            form: Form::OpenAi,
        }
    }

    /// The same, told in another dialect.
    pub(crate) fn in_form(mut self, form: Form) -> Refusal {
        self.form = form;
        self
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn bad_json() -> Refusal {
        let message = "We could not parse the JSON body of your request.".to_owned();
        Refusal::new(StatusCode::BAD_REQUEST, message, None, None)
    }

    pub(crate) fn no_model() -> Refusal {
        let message = "you must provide a model parameter".to_owned();
        Refusal::new(StatusCode::BAD_REQUEST, message, Some("model"), None)
    }

    pub(crate) fn missing(param: &'static str) -> Refusal {
        let message = format!("Missing required parameter: '{param}'.");
        let code = Some("missing_required_parameter");
        Refusal::new(StatusCode::BAD_REQUEST, message, Some(param), code)
    }

    pub(crate) fn invalid(param: &'static str, why: &str) -> Refusal {
        let message = format!("Invalid '{param}': {why}.");
        let code = Some("invalid_value");
        Refusal::new(StatusCode::BAD_REQUEST, message, Some(param), code)
    }

    pub(crate) fn bad_setting(error: &crate::SettingError) -> Refusal {
        let code = Some("mock_setting");
        Refusal::new(StatusCode::BAD_REQUEST, error.to_string(), None, code)
    }

    pub(crate) fn unknown_model(model: &str) -> Refusal {
        let message =
            format!("The model `{model}` does not exist or you do not have access to it.");
        let code = Some("model_not_found");
        Refusal::new(StatusCode::NOT_FOUND, message, Some("model"), code)
    }

    pub(crate) fn no_route(method: &Method, path: &str) -> Refusal {
        let message = format!("Invalid URL ({method} {path})");
        Refusal::new(StatusCode::NOT_FOUND, message, None, None)
    }

    pub(crate) fn too_large() -> Refusal {
        let message = "The request body is larger than this server takes.".to_owned();
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, None, None)
    }

    /// Names the key as OpenAI does: its ends, and stars for what is between.
    pub(crate) fn bad_key(key: Option<&str>) -> Refusal {
        let message = match key {
            None => "You didn't provide an API key.".to_owned(),
            Some(key) => format!("Incorrect API key provided: {}.", masked(key)),
        };
        let code = Some("invalid_api_key");
        Refusal::new(StatusCode::UNAUTHORIZED, message, None, code)
    }

    /// What a vendor in that state would say.
    pub(crate) fn of_status(status: StatusCode) -> Refusal {
        let (message, code) = match status.as_u16() {
            401 => ("Incorrect API key provided.", Some("invalid_api_key")),
            403 => ("You are not allowed to use this model.", None),
            404 => ("The model does not exist.", Some("model_not_found")),
            408 | 504 => ("The request timed out.", Some("timeout")),
            429 => (
                "Rate limit reached for requests.",
                Some("rate_limit_exceeded"),
            ),
            400..=499 => ("The request is not valid.", None),
            503 | 529 => ("The engine is currently overloaded.", Some("overloaded")),
            _ => (
                "The server had an error while processing your request.",
                None,
            ),
        };
        Refusal::new(status, message.to_owned(), None, code)
    }

    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 | 403 => "authentication_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        match self.form {
            Form::OpenAi => {}
            Form::Messages => return anthropic::error(self.status, &self.message),
            Form::Cohere => return cohere::error(&self.message),
            Form::Ollama => return ollama::error(&self.message),
            Form::Converse => return converse::error(&self.message),
            Form::Gemini => return gemini::error(self.status, &self.message),
            Form::Replicate => return replicate::error(self.status, &self.message),
        }
        super::json(&Envelope {
            error: Detail {
                message: &self.message,
                kind: self.kind(),
                param: self.param,
                code: self.code,
            },
        })
    }

    /// The data of the event with which a stream fails.
    pub(crate) fn event(&self) -> Vec<u8> {
        match self.form {
            Form::Cohere => cohere::stream_error(&self.message),
            Form::Replicate => self.message.clone().into_bytes(),
            _ => self.body(),
        }
    }

    /// The body that tells of it under a good status.
    pub(crate) fn in_success(&self) -> Vec<u8> {
        match self.form {
            Form::Replicate => replicate::failed(&self.message),
            _ => self.body(),
        }
    }

    pub(crate) fn answer(&self) -> Answer {
        Answer::Whole(self.status, self.body())
    }
}

fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    match characters.as_slice() {
        [head @ .., a, b, c, d] if head.len() > 8 => {
            let start: String = head[..4].iter().collect();
            format!("{start}{}{a}{b}{c}{d}", "*".repeat(head.len() - 4))
        }
        short => "*".repeat(short.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_show_their_ends_only() {
        assert_eq!(masked("sk-1234567890abcd"), "sk-1*********abcd");
        assert_eq!(masked("short"), "*****");
        assert_eq!(masked(""), "");
    }

    #[test]
    fn errors_have_all_four_members() {
        let body: serde_json::Value =
            serde_json::from_slice(&Refusal::missing("messages").body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"error": {
                "message": "Missing required parameter: 'messages'.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "missing_required_parameter",
            }})
        );
    }
}
