//! Replicate's predictions: they are created, looked at, streamed and stopped, each by a request of
//! its own. What is said is decided where OpenAI's answers are.

mod answer;
mod desk;
mod model;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::openai::{Chat, Refusal};

pub(crate) use answer::answer;
pub(crate) use desk::Desk;
pub(crate) use model::described;

/// A request about a prediction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Prediction {
    pub(crate) asked: Asked,
    /// Empty until it is created.
    pub(crate) id: String,
    pub(crate) stage: Stage,
    /// Where this API is, for the addresses in answers.
    pub(crate) root: String,
    /// What it was created with; known to the desk.
    pub(crate) order: Option<Order>,
}

/// What a prediction is created with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) chat: Chat,
    /// The version asked for, unless it is the model's own to choose.
    pub(crate) version: Option<String>,
    pub(crate) input: Value,
}

impl Order {
    /// The model that it is for, as answers name it.
    fn model<'a>(&self, named: &'a str) -> &'a str {
        match (&self.version, named.split_once(':')) {
            (None, _) => named,
            (Some(_), Some((model, _))) if model.contains('/') => model,
            (Some(_), _) => MODEL,
        }
    }
}

/// The model of a version whose model is not told.
const MODEL: &str = "mock/model";

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Create { waits: bool },
    Look,
    Stream,
    Stop,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Starting,
    Processing,
    Finished,
    Stopped,
}

const PREDICTIONS: &str = "/predictions";

/// Whether a path is of this dialect.
pub(crate) fn is_path(path: &str) -> bool {
    path.ends_with(PREDICTIONS) || path.contains("/predictions/")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    version: Option<String>,
    stream: bool,
    input: Value,
}

/// What a request is for; None for a path that has no meaning.
pub(crate) fn read(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<Result<Prediction, Refusal>> {
    let (before, after) = path.rsplit_once(PREDICTIONS)?;
    let root = before
        .split_once("/models/")
        .map_or(before, |(root, _)| root);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let mut prediction = Prediction {
        asked: Asked::Look,
        id: String::new(),
        stage: Stage::Starting,
        root: format!("http://{}{root}", host.unwrap_or_default()),
        order: None,
    };
    let mut parts = after.split('/').skip(1);
    match (method, parts.next(), parts.next()) {
        (&Method::POST, None, _) => return Some(create(prediction, before, headers, body)),
        (&Method::GET, Some(id), None) => id.clone_into(&mut prediction.id),
        (&Method::GET, Some(id), Some("stream")) => {
            prediction.asked = Asked::Stream;
            id.clone_into(&mut prediction.id);
        }
        (&Method::POST, Some(id), Some("cancel")) => {
            prediction.asked = Asked::Stop;
            id.clone_into(&mut prediction.id);
        }
        _ => return None,
    }
    Some(Ok(prediction))
}

fn create(
    mut prediction: Prediction,
    before: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Prediction, Refusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let named = before.split_once("/models/").map(|(_, model)| model);
    let model = named.map(str::to_owned).or(members.version.clone());
    let says = |name: &str| {
        members
            .input
            .get(name)
            .is_some_and(|value| !value.is_null())
    };
    if !says("prompt") && !says("messages") {
        return Err(Refusal::missing("input.prompt"));
    }
    let prefer = headers.get("prefer").and_then(|value| value.to_str().ok());
    let waits = prefer.is_some_and(|prefer| prefer.starts_with("wait"));
    prediction.asked = Asked::Create { waits };
    let chat = Chat {
        model: model.ok_or_else(Refusal::no_model)?,
        stream: members.stream,
        include_usage: true,
        choices: 1,
        logprobs: None,
        reasons: false,
        json: None,
        call: None,
    };
    prediction.order = Some(Order {
        chat,
        version: members.version.filter(|_| named.is_none()),
        input: members.input,
    });
    Ok(prediction)
}

/// An error's body.
pub(crate) fn error(status: http::StatusCode, message: &str) -> Vec<u8> {
    json!({"title": "The request failed", "detail": message, "status": status.as_u16()})
        .to_string()
        .into_bytes()
}

/// A prediction that failed: the error that comes with a good status.
pub(crate) fn failed(message: &str) -> Vec<u8> {
    let prediction = answer::told("p0", MODEL, None);
    let failed = json!({"status": "failed", "output": null, "error": message});
    answer::with(prediction, failed).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &Method, path: &str) -> Option<(Asked, String, String)> {
        let headers = HeaderMap::from_iter([(header::HOST, "h:1".parse().unwrap())]);
        let body = Bytes::from_static(br#"{"input":{"prompt":"hi"},"version":"c0"}"#);
        let read = read(method, path, &headers, &body)?.unwrap();
        Some((read.asked, read.id, read.root))
    }

    #[test]
    fn paths_say_what_is_asked_of_which_prediction() {
        let create = Asked::Create { waits: false };
        for (method, path, expected) in [
            (Method::POST, "/v1/models/a/b/predictions", (create, "")),
            (Method::POST, "/v1/predictions", (create, "")),
            (Method::GET, "/v1/predictions/p1", (Asked::Look, "p1")),
            (
                Method::GET,
                "/v1/predictions/p1/stream",
                (Asked::Stream, "p1"),
            ),
            (
                Method::POST,
                "/v1/predictions/p1/cancel",
                (Asked::Stop, "p1"),
            ),
        ] {
            let expected = (
                expected.0,
                expected.1.to_owned(),
                "http://h:1/v1".to_owned(),
            );
            assert_eq!(asked(&method, path), Some(expected), "{path}");
        }
        assert_eq!(asked(&Method::GET, "/v1/predictions"), None);
        assert_eq!(asked(&Method::POST, "/v1/predictions/p1"), None);
    }
}
