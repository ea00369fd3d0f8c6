//! A call to Replicate is several: a prediction is created, and then waited for or read as a
//! stream. What to ask next follows from what was answered; nothing is asked here.
//!
//! 1. [`described_at`] says where the model tells what it takes, and [`Description::read`] reads it
//! 2. [`super::encode_with`] gives the first call and its [`Course`]
//! 3. [`Course::answered`] with every answer that it [`expects`](Course::expects), but a stream's,
//!    gives the next [`Step`]
//! 4. whoever gives up before [`Step::Answer`] sends [`Course::cancel`]
//!
//! For a client's stream, every prediction that comes back is put into the translation with
//! [`wire::replicate::prediction_event`]: the created one before the stream's first byte, the
//! finished one, with its counters, behind its last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use wire::fault::{Fault, Kind};
use wire::ir::{Encoded, Plan, Refusal, Request};
use wire::json::Node;
use wire::replicate::{self as predictions, Inputs, Prediction, Status};

use crate::percent;

/// The longest that the vendor waits before it answers with an unfinished prediction, in seconds.
const WAIT_MAX: u64 = 60;
/// What an answer needs to arrive behind that wait.
const MARGIN: u64 = 5;
/// The shortest deadline that the vendor takes, in seconds.
const DEADLINE_MIN: u64 = 5;
/// The pauses between two looks at a prediction.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// Looks in a row that may fail.
const MISSES_MAX: u32 = 3;
/// The most bytes of an id that is put into a path.
const ID_MAX: usize = 128;
/// Where a prediction of a version is created.
const PREDICTIONS: &str = "/predictions";

/// What the vendor tells of a model.
#[derive(Debug)]
pub struct Description {
    inputs: Option<Inputs>,
    version: Option<String>,
    /// The model has no path of its own: it is asked for by its version.
    by_version: AtomicBool,
}

impl Description {
    /// Reads a description of a model or of one of its versions; None when it is none.
    pub fn read(body: &[u8]) -> Option<Description> {
        let node = Node::parse(body).ok()?;
        let inputs = Inputs::read(node);
        let version = node
            .get("latest_version")
            .and_then(|latest| latest.get("id")?.text())
            .filter(|version| is_segment(version))
            .map(|version| version.into_owned());
        (inputs.is_some() || version.is_some()).then(|| Description {
            inputs,
            version,
            by_version: AtomicBool::new(false),
        })
    }

    /// The version by which the model has to be asked for, if that is known.
    fn needed_version(&self) -> Option<&str> {
        let needed = self.by_version.load(Ordering::Relaxed);
        self.version.as_deref().filter(|_| needed)
    }
}

/// Where the vendor describes a model, below the API root. None for a name that is none.
pub(super) fn described_at(model: &str) -> Option<String> {
    let name = ModelName::of(model).ok()?;
    Some(match name.version {
        Some(version) => format!("{}/versions/{version}", name.path()),
        None => name.path(),
    })
}

/// The call that creates a prediction.
pub(super) struct Creation {
    pub(super) path: String,
    pub(super) encoded: Encoded,
    pub(super) course: Course,
}

/// Writes the call that creates a prediction, for a model of which this is known.
pub(super) fn create(
    request: Request<'_>,
    plan: &Plan<'_>,
    described: Option<&Arc<Description>>,
) -> Result<Creation, Refusal> {
    let mut course = Course::begin(plan.model, plan.streaming, described.cloned())?;
    let inputs = described.and_then(|described| described.inputs.as_ref());
    let mut encoded = predictions::write_request_for(request, plan, inputs)?;
    let known = described.and_then(|described| described.needed_version());
    if let Some(version) = known.filter(|_| !course.versioned) {
        encoded.body = with_version(&encoded.body, version);
        course.versioned = true;
    }
    let path = if course.versioned {
        PREDICTIONS.to_owned()
    } else {
        format!("{}{PREDICTIONS}", course.model_path)
    };
    Ok(Creation {
        path,
        encoded,
        course,
    })
}

/// The body of a call that creates a prediction, with the version that it is of.
pub fn with_version(body: &[u8], version: &str) -> Vec<u8> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    match text.split_once('{') {
        // What the client wrote for this vendor alone has the last word.
        Some((_, rest)) if Node::of(text).get("version").is_none() => {
            format!("{{\"version\":\"{version}\",{rest}").into()
        }
        _ => body.to_vec(),
    }
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

pub(super) mod pictures;

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
    /// The prediction's stream, at the vendor's own; behind its end, the prediction once more.
    Stream {
        /// Where it is.
        url: String,
        /// Where the prediction is, below the API root.
        then: String,
    },
    /// What versions the model has: one that is not the vendor's own has no path of its own.
    Describe {
        /// Below the API root.
        path: String,
    },
    /// The prediction again, of a version: see [`with_version`].
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
    described: Option<Arc<Description>>,
    /// Whose streams may be read, besides the vendor's own.
    root: String,
    at: At,
    id: Option<String>,
    pause: Duration,
    misses: u32,
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
    /// A call that is about to be made, for a model of which this is known. A refusal when the name
    /// is none of `owner/name` and `owner/name:version`.
    fn begin(
        model: &str,
        streaming: bool,
        described: Option<Arc<Description>>,
    ) -> Result<Course, Refusal> {
        let name = ModelName::of(model)?;
        Ok(Course {
            streaming,
            model_path: name.path(),
            versioned: name.version.is_some(),
            described,
            root: String::new(),
            at: At::Creating,
            id: None,
            pause: FIRST_PAUSE,
            misses: 0,
        })
    }

    /// The call is made below this API root, whose streams may be read as the vendor's own.
    pub fn below(mut self, root: &str) -> Course {
        root.clone_into(&mut self.root);
        self
    }

    /// The headers of the call that creates the prediction: how long the answer may wait for its
    /// end, given the patience for an answer's first byte, and what is `left` for everything. Nobody
    /// waits for a stream.
    pub fn headers(&self, first_byte: Duration, left: Option<Duration>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if !self.streaming {
            let wait = first_byte.as_secs().saturating_sub(MARGIN);
            add("prefer", format!("wait={}", wait.clamp(1, WAIT_MAX)));
        }
        if let Some(left) = left {
            let left = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            add("cancel-after", format!("{}s", left.max(DEADLINE_MIN)));
        }
        headers
    }

    /// Whether an answer of this status is one to go on from; any other is a refusal.
    pub fn expects(&self, status: u16) -> bool {
        let unknown_path = self.at == At::Creating && !self.versioned && status == 404;
        (200..300).contains(&status) || unknown_path
    }

    /// What to ask next, after an expected answer with this status and body. A fault ends the call.
    pub fn answered(&mut self, status: u16, body: &[u8]) -> Result<Step, Fault> {
        match (self.at, status) {
            (At::Creating, 404) => Ok(self.has_no_path()),
            (At::Describing, _) => self.described(body),
            _ => self.predicted(body),
        }
    }

    /// A look at the prediction failed, in a way that may pass: the next one, unless too many have.
    pub fn missed(&mut self) -> Option<Step> {
        let id = self.id.as_ref().filter(|_| self.at == At::Waiting)?;
        let path = format!("{PREDICTIONS}/{id}");
        self.misses += 1;
        (self.misses <= MISSES_MAX).then(|| self.poll(path))
    }

    /// Whether the answer that is waited for may tell of a prediction that nobody knows of yet.
    pub fn is_creating(&self) -> bool {
        self.at == At::Creating
    }

    /// The call that stops the prediction, while it may still be running.
    pub fn cancel(&self) -> Option<String> {
        let id = self.id.as_ref().filter(|_| self.at != At::Over)?;
        Some(format!("{PREDICTIONS}/{id}/cancel"))
    }

    fn has_no_path(&mut self) -> Step {
        let known = self.described.as_ref();
        if let Some(version) = known.and_then(|known| known.version.clone()) {
            return self.again(version);
        }
        self.at = At::Describing;
        Step::Describe {
            path: self.model_path.clone(),
        }
    }

    fn described(&mut self, body: &[u8]) -> Result<Step, Fault> {
        let described = Description::read(body);
        let Some(version) = described.and_then(|described| described.version) else {
            self.at = At::Over;
            return Err(Fault::new(Kind::UpstreamModelNotFound));
        };
        Ok(self.again(version))
    }

    fn again(&mut self, version: String) -> Step {
        self.versioned = true;
        self.at = At::Creating;
        if let Some(known) = &self.described {
            known.by_version.store(true, Ordering::Relaxed);
        }
        Step::Create {
            path: PREDICTIONS.to_owned(),
            version,
        }
    }

    fn predicted(&mut self, body: &[u8]) -> Result<Step, Fault> {
        let invalid = |what: &str| Fault::new(Kind::UpstreamInvalid).because(what.to_owned());
        let node = Node::parse(body).map_err(|error| invalid(&error.to_string()))?;
        let prediction =
            Prediction::of(node).ok_or_else(|| invalid("the prediction has no status"))?;
        self.misses = 0;
        if prediction.status() != Some(Status::Running) {
            self.at = At::Over;
            return Ok(Step::Answer);
        }
        let id = prediction
            .id()
            .filter(|id| is_segment(id) && id.len() <= ID_MAX)
            .ok_or_else(|| invalid("the prediction has no id"))?;
        let path = format!("{PREDICTIONS}/{id}");
        self.id = Some(id.into_owned());
        let first = std::mem::replace(&mut self.at, At::Waiting) == At::Creating;
        let stream = prediction.stream().filter(|_| first && self.streaming);
        if let Some(url) = stream.filter(|url| is_own(url) || is_beside(url, &self.root)) {
            return Ok(Step::Stream {
                url: url.into_owned(),
                then: path,
            });
        }
        Ok(self.poll(path))
    }

    fn poll(&mut self, path: String) -> Step {
        let after = self.pause;
        self.pause = (after * 2).min(LAST_PAUSE);
        Step::Poll { path, after }
    }
}

/// Domains of the vendor's own, to which the credential may go.
const OWN: [&str; 2] = ["replicate.com", "replicate.delivery"];

/// Whether a URL leads to the vendor itself, over TLS.
fn is_own(url: &str) -> bool {
    let Some(("https", authority)) = origin(url) else {
        return false;
    };
    let host = authority.strip_suffix(":443").unwrap_or(authority);
    let host = host.to_ascii_lowercase();
    OWN.iter().any(|own| {
        host.strip_suffix(own)
            .is_some_and(|before| before.ends_with('.') && before.len() > 1)
    })
}

/// Whether a URL leads where that API root is.
fn is_beside(url: &str, root: &str) -> bool {
    let same = |(scheme, authority): (&str, &str), other: (&str, &str)| {
        scheme == other.0 && authority.eq_ignore_ascii_case(other.1)
    };
    origin(url)
        .zip(origin(root))
        .is_some_and(|(one, other)| same(one, other))
}

/// Scheme and authority. None where a name before an `@`, or a backslash, would make another host
/// of it somewhere.
fn origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = !authority.is_empty() && !authority.contains(['@', '\\', '%']);
    plain.then_some((scheme, authority))
}

#[cfg(test)]
mod tests;
