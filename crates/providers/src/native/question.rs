//! What is asked beside chats: embeddings, pictures, documents in order.
//!
//! The seam for the engine, the same for every such surface and every vendor, those of OpenAI's
//! form included:
//!
//! 1. [`encode`]: the client's body to the calls that it takes, of which [`AT_ONCE`] may be under
//!    way; none where the answer is known
//! 2. [`Session::read`] with all answers, in the order of the calls. What it may want fetched is no
//!    vendor's API, and goes by the operator's rule for such things
//! 3. [`Session::refused`] for an answer with an error status
//!
//! Replicate's call makes a prediction, and [`super::replicate::Course`] leads to the finished one,
//! which is the answer here.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use wire::fault::{Fault, Kind};
use wire::images::Drawn;
use wire::ir::{self, Face, NotAReply, Refusal};
use wire::usage::Usage;
use wire::vendor_error::{self, VendorError};
use wire::{Envelope, cohere, converse, gemini};

use super::{bedrock, embeddings, fault_of, images, rerank};
use crate::base_url::BaseUrl;
use crate::endpoint::endpoint;
use crate::form::Form;
use crate::provider::{Dialect, Provider, Vars};
use crate::rules::OnUnsupported;
use crate::surface::Surface;

/// Calls of one question that may be under way together.
pub const AT_ONCE: usize = 4;
/// The header in which Bedrock counts tokens of models that do not.
const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// What is known of a question besides its body.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The target's own name of the model.
    pub model: &'a str,
    /// The model that it is, where that name is only the operator's.
    pub family: Option<&'a str>,
    /// What happens to fields that the vendor has no word for.
    pub on_unsupported: OnUnsupported,
    /// The target's API root.
    pub base: &'a BaseUrl,
    /// The target's values for the places of its row.
    pub vars: &'a Vars,
}

/// One call: a POST of JSON.
#[derive(Clone, Debug)]
pub struct Call {
    /// The whole URL, without the target's own query.
    pub url: String,
    /// The region that the call must go to and be signed for, where the model's name says one.
    pub region: Option<String>,
    /// Headers besides the target's own.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A question in a vendor's form.
#[derive(Debug)]
pub struct Asked {
    /// Its calls.
    pub calls: Vec<Call>,
    /// Parameters that did not reach the vendor as the client wrote them.
    pub dropped: Vec<String>,
    /// What the answers need to know.
    pub session: Session,
}

/// An answer with a good status.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The client's answer.
    Whole(Whole),
    /// Pictures are to be fetched from these addresses, without any credential, and given to
    /// [`Session::read`] in this order.
    Fetch(Vec<String>),
}

/// The answer in the common form.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The body.
    pub body: Bytes,
    /// What the vendor counted.
    pub usage: Option<Usage>,
    /// Pictures made.
    pub pictures: u64,
}

/// What the answers need to know of their question.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) form: Option<Form>,
    pub(super) recall: Recall,
}

#[derive(Clone, Debug)]
pub(super) enum Recall {
    Embeddings(wire::embeddings::Recall),
    Images(wire::images::Recall),
    PlainImages,
    Rerank(wire::rerank::Recall),
    PlainRerank,
}

/// Puts a question into the vendor's form. A refusal names the field and is the client's to mend.
pub fn encode(
    provider: &Provider,
    surface: Surface,
    body: &Envelope,
    plan: &Plan<'_>,
) -> Result<Asked, Refusal> {
    match surface {
        Surface::Embeddings => embeddings::encode(provider, body, plan),
        Surface::Images => images::encode(provider, body, plan),
        Surface::Rerank => rerank::encode(provider, body, plan),
        _ => Err(not_served(provider, surface)),
    }
}

pub(super) fn not_served(provider: &Provider, surface: Surface) -> Refusal {
    let what = format!("{} does not serve {}", provider.id, surface.label());
    Refusal::new("model", what)
}

/// A model of which it is not known how it is asked for this.
pub(super) fn unknown(provider: &Provider, plan: &Plan<'_>, surface: Surface) -> Refusal {
    let (model, label) = (plan.family.unwrap_or(plan.model), surface.label());
    let what = format!(
        "model `{model}` is not known to serve {label} at {}",
        provider.id
    );
    Refusal::new("model", what)
}

impl<'a> Plan<'a> {
    /// The form in which a provider is asked; None for OpenAI's.
    pub(super) fn form(&self, provider: &Provider, surface: Surface) -> Option<Form> {
        let host = self.host();
        let plain = provider
            .plain_hosts
            .iter()
            .any(|ending| host.ends_with(ending));
        provider.forms.get(&surface).copied().filter(|_| !plain)
    }

    pub(super) fn host(&self) -> &'a str {
        let rest = self
            .base
            .as_str()
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        authority.split(':').next().unwrap_or_default()
    }

    /// What the translation wants to know.
    pub(super) fn written<'p>(&'p self, provider: &'p Provider, model: &'p str) -> ir::Plan<'p> {
        ir::Plan {
            provider: &provider.id,
            model,
            family: self.family,
            reject: self.on_unsupported == OnUnsupported::Reject,
            streaming: false,
            own_history: false,
        }
    }

    /// The URL that the row gives.
    pub(super) fn url(
        &self,
        provider: &Provider,
        surface: Surface,
        model: &str,
    ) -> Result<String, Refusal> {
        let plain = provider.forms.contains_key(&surface) && self.form(provider, surface).is_none();
        if plain {
            return Ok(format!("{}{}", self.base, surface.path()));
        }
        endpoint(provider, surface, self.base, model, self.vars)
            .map_err(|error| Refusal::new("model", error.to_string()))
    }

    /// A URL below the root.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// A call without more than a body.
pub(super) fn call(url: &str, body: impl Into<Bytes>) -> Call {
    Call {
        url: url.to_owned(),
        region: None,
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

impl Session {
    /// Puts the answers into the common form; `fetched` is what was found where [`Outcome::Fetch`]
    /// said, or nothing. A fault when they are no answers.
    pub fn read(
        &self,
        answers: &[Received<'_>],
        fetched: &[&[u8]],
        face: &Face,
    ) -> Result<Outcome, Fault> {
        let received: Vec<_> = answers.iter().map(Received::at_hand).collect();
        let told = match &self.recall {
            Recall::Images(recall) => match recall.read(&received, fetched, face.created) {
                Ok(Drawn::Fetch(urls)) => return Ok(Outcome::Fetch(urls)),
                Ok(Drawn::Told(told)) => Ok(told),
                Err(error) => Err(error),
            },
            Recall::Embeddings(recall) => recall.read(&received, &face.model),
            Recall::Rerank(recall) => recall.read(received.first(), &face.id, &face.model),
            Recall::PlainImages => wire::images::read_openai(body_of(&received)),
            Recall::PlainRerank => wire::rerank::read_common(body_of(&received)),
        };
        let told = told.map_err(|error| self.invalid(error, answers))?;
        Ok(Outcome::Whole(Whole {
            body: told.body.into(),
            usage: told.usage,
            pictures: told.pictures,
        }))
    }

    /// Reads an answer with an error status; None when it says nothing.
    pub fn refused(&self, headers: &HeaderMap, body: &[u8]) -> Option<VendorError> {
        match self.form.map(Form::dialect) {
            Some(Dialect::Converse) => {
                converse::read_error(bedrock::exception(headers).as_deref(), body)
            }
            Some(Dialect::Cohere) => cohere::read_error(body),
            Some(Dialect::Gemini) => gemini::read_error(body),
            _ => vendor_error::read(body),
        }
    }

    /// A good status over an error is an error.
    fn invalid(&self, error: NotAReply, answers: &[Received<'_>]) -> Fault {
        if let NotAReply::Vendor(_) = error {
            return fault_of(error);
        }
        let told = answers
            .iter()
            .find_map(|answer| self.refused(answer.headers, answer.body));
        match told {
            Some(told) => Fault::new(Kind::UpstreamError).because(told.message.unwrap_or_default()),
            None => fault_of(error),
        }
    }
}

impl<'a> Received<'a> {
    fn at_hand(&self) -> ir::Received<'a> {
        let text = |name: &str| self.headers.get(name)?.to_str().ok();
        ir::Received {
            body: self.body,
            media_type: text(CONTENT_TYPE.as_str()),
            input_tokens: text(INPUT_TOKENS).and_then(|count| count.trim().parse().ok()),
        }
    }
}

fn body_of<'a>(answers: &[ir::Received<'a>]) -> &'a [u8] {
    answers.first().map_or(&[], |answer| answer.body)
}

#[cfg(test)]
#[path = "question/tests.rs"]
mod tests;
