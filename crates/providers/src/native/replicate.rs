//! A call to Replicate is several: a prediction is created, and then waited for or read as a
//! stream. What to ask next follows from what was answered; nothing is asked here.
//!
//! 1. [`Course::begin`], and the call that [`super::encode`] gave is sent
//! 2. [`Course::answered`] with every answer but a stream's gives the next [`Step`]
//! 3. whoever gives up before [`Step::Answer`] sends [`Course::cancel`]
//!
//! For a client's stream, every prediction that comes back is put into the translation with
//! [`wire::replicate::prediction_event`]: the created one before the stream's first byte, the
//! finished one, with its counters, behind its last.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use wire::fault::{self, Fault, Kind, Whose};
use wire::ir::Refusal;
use wire::json::Node;
use wire::replicate::{Prediction, Status};
use wire::vendor_error;

use crate::percent;

/// The longest that the vendor waits before it answers with an unfinished prediction.
const WAIT: &str = "wait=60";
/// The pauses between two looks at a prediction.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The most bytes of an id that is put into a path.
const ID_MAX: usize = 128;

/// The path at which a prediction of a model is created. A refusal when the name is none of
/// `owner/name` and `owner/name:version`.
pub fn path(model: &str) -> Result<String, Refusal> {
    let name = ModelName::of(model)?;
    Ok(match name.version {
        Some(_) => "/predictions".to_owned(),
        None => format!("{}/predictions", name.path()),
    })
}

/// The headers of the call that creates a prediction. Nobody waits for a stream.
pub fn headers(streaming: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !streaming {
        let prefer = HeaderName::from_static("prefer");
        headers.insert(prefer, HeaderValue::from_static(WAIT));
    }
    headers
}

struct ModelName<'a> {
    owner: &'a str,
    name: &'a str,
    version: Option<&'a str>,
}

impl<'a> ModelName<'a> {
    fn of(model: &'a str) -> Result<ModelName<'a>, Refusal> {
        let (full, version) = match model.split_once(':') {
            Some((full, version)) => (full, Some(version)),
            None => (model, None),
        };
        let parts = full
            .split_once('/')
            .filter(|(owner, name)| [owner, name].into_iter().all(|part| is_segment(part)))
            .filter(|_| version.is_none_or(is_segment));
        let (owner, name) = parts.ok_or_else(|| {
            let what = format!("model is {model:?}; expected owner/name or owner/name:version");
            Refusal::new("model", what)
        })?;
        Ok(ModelName {
            owner,
            name,
            version,
        })
    }

    fn path(&self) -> String {
        let mut path = "/models/".to_owned();
        percent::segment(self.owner, &mut path);
        path.push('/');
        percent::segment(self.name, &mut path);
        path
    }
}

/// Whether a part of a name can stand in a path as it is.
fn is_segment(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
}

/// What to ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the answer that just came is the whole one.
    Answer,
    /// The same prediction, after a pause.
    Poll {
        /// Below the API root.
        path: String,
        /// The pause.
        after: Duration,
    },
    /// The prediction's stream; behind its end, the prediction once more at `then`.
    Stream {
        /// Where it is.
        url: String,
        /// Whether the credential may go there.
        trusted: bool,
        /// Below the API root.
        then: String,
    },
    /// What versions the model has: one that is not the vendor's own has no path of its own.
    Describe {
        /// Below the API root.
        path: String,
    },
    /// The prediction again, of a version: the body gets a `version` of this.
    Create {
        /// Below the API root.
        path: String,
        /// The version.
        version: String,
    },
}

/// How far a call has come.
#[derive(Clone, Debug)]
pub struct Course {
    streaming: bool,
    model_path: String,
    versioned: bool,
    at: At,
    id: Option<String>,
    pause: Duration,
}

/// What was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Creating,
    Describing,
    Waiting,
    Over,
}

impl Course {
    /// A call that is about to be made.
    pub fn begin(model: &str, streaming: bool) -> Result<Course, Refusal> {
        let name = ModelName::of(model)?;
        Ok(Course {
            streaming,
            model_path: name.path(),
            versioned: name.version.is_some(),
            at: At::Creating,
            id: None,
            pause: FIRST_PAUSE,
        })
    }

    /// What to ask next, after an answer with this status and body. A fault ends the call.
    pub fn answered(&mut self, status: u16, body: &[u8]) -> Result<Step, Fault> {
        match (self.at, status) {
            (At::Creating, 404) if !self.versioned => {
                self.at = At::Describing;
                let path = self.model_path.clone();
                Ok(Step::Describe { path })
            }
            (At::Describing, 200) => self.described(body),
            (_, 200..=202) => self.predicted(body),
            _ => {
                self.at = At::Over;
                Err(refused(status, body))
            }
        }
    }

    /// The call that stops the prediction, while it may still be running.
    pub fn cancel(&self) -> Option<String> {
        let id = self.id.as_ref().filter(|_| self.at != At::Over)?;
        Some(format!("/predictions/{id}/cancel"))
    }

    fn described(&mut self, body: &[u8]) -> Result<Step, Fault> {
        let version = Node::parse(body)
            .ok()
            .and_then(|node| node.get("latest_version")?.get("id")?.text())
            .filter(|version| is_segment(version));
        let Some(version) = version else {
            self.at = At::Over;
            return Err(Fault::new(Kind::UpstreamModelNotFound));
        };
        self.versioned = true;
        self.at = At::Creating;
        Ok(Step::Create {
            path: "/predictions".to_owned(),
            version: version.into_owned(),
        })
    }

    fn predicted(&mut self, body: &[u8]) -> Result<Step, Fault> {
        let invalid = |what: &str| Fault::new(Kind::UpstreamInvalid).because(what.to_owned());
        let node = Node::parse(body).map_err(|error| invalid(&error.to_string()))?;
        let prediction =
            Prediction::of(node).ok_or_else(|| invalid("the prediction has no status"))?;
        if prediction.status() != Some(Status::Running) {
            self.at = At::Over;
            return Ok(Step::Answer);
        }
        let id = prediction
            .id()
            .filter(|id| is_segment(id) && id.len() <= ID_MAX)
            .ok_or_else(|| invalid("the prediction has no id"))?;
        let path = format!("/predictions/{id}");
        self.id = Some(id.into_owned());
        let first = std::mem::replace(&mut self.at, At::Waiting) == At::Creating;
        let stream = prediction.stream().filter(|_| first && self.streaming);
        if let Some(url) = stream {
            return Ok(Step::Stream {
                trusted: is_own(&url),
                url: url.into_owned(),
                then: path,
            });
        }
        let after = self.pause;
        self.pause = (after * 2).min(LAST_PAUSE);
        Ok(Step::Poll { path, after })
    }
}

/// The fault of an answer with an error status.
fn refused(status: u16, body: &[u8]) -> Fault {
    let error = vendor_error::read(body).unwrap_or_default();
    // The model is in the path: what is not there is the model.
    let kind = match fault::of_answer(status, &error) {
        Kind::UpstreamNotFound => Kind::UpstreamModelNotFound,
        kind => kind,
    };
    let mut fault = Fault::new(kind);
    fault.upstream_status = Some(status);
    let said = vendor_error::public_message(&error);
    if let (Whose::Client, Some(text)) = (fault.whose(), said.clone()) {
        fault = fault.saying(text);
    }
    fault.because(said.unwrap_or_default())
}

/// Domains of the vendor's own, to which the credential may go.
const OWN: [&str; 2] = ["replicate.com", "replicate.delivery"];

/// Whether a URL leads to the vendor itself, over TLS.
fn is_own(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name before an `@`, or a backslash, would make another host of it somewhere.
    if authority.contains(['@', '\\', '%']) {
        return false;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, "443")) => host,
        Some(_) => return false,
        None => authority,
    };
    let host = host.to_ascii_lowercase();
    OWN.iter().any(|own| {
        host.strip_suffix(own)
            .is_some_and(|before| before.ends_with('.') && before.len() > 1)
    })
}

#[cfg(test)]
mod tests;
