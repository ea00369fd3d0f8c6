//! Calls whose client and vendor speak different dialects.
//!
//! The seam for the engine, the same for every dialect. A call is encoded once for each target that
//! is tried; what the answer needs to know of its request stays in the [`Session`]:
//!
//! 1. [`encode`]: the client's body to the vendor's, with headers and what was lost
//! 2. [`Session::whole`] for a whole answer, or [`Session::stream`] for a stream
//! 3. [`Session::error`] for an answer with an error status
//!
//! The translation is `wire`'s; here is what a row adds to it. A dialect is a module here, a
//! variant of [`Dialect`], and its arms in this file. Where client and vendor speak the same
//! dialect, none of this is used: there bytes are kept.
//!
//! What is no chat goes through [`question`], in [`embeddings`], [`images`] and [`rerank`].

use std::sync::Arc;

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use wire::fault::{self, Fault, Kind, Whose};
use wire::ir::files::{Files, Need, UrlFields, inline};
use wire::ir::{
    self, Block, Face, Finish, NotAReply, Plan, Reader, Recall, Refusal, Translation, Writer,
};
use wire::usage::Usage;
use wire::vendor_error::{self, VendorError};
use wire::{
    Envelope, anthropic as messages, cohere, converse, ollama, openai, replicate as predictions,
};

use crate::encode::{ChatPlan, Encoded, encode_chat};
use crate::family::Family;
use crate::headers::fixed;
use crate::provider::{Dialect, Provider};
use crate::rules::OnUnsupported;

mod anthropic;
pub mod bedrock;
pub mod embeddings;
mod gemini;
pub mod images;
pub mod question;
pub mod replicate;
pub mod rerank;

pub use replicate::{Course, Description, Step, with_version};
pub use wire::replicate::prediction_event as stage_event;

/// The dialect of the door that a client came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// OpenAI's chat.
    OpenAi,
    /// Anthropic's Messages.
    Messages,
}

/// What is known of a call besides its body.
#[derive(Clone, Copy, Debug)]
pub struct NativePlan<'a> {
    /// The door.
    pub door: Door,
    /// The target's own name of the model.
    pub model: &'a str,
    /// The model that it is, where that name is only the operator's: a deployment, an opaque ARN.
    pub family: Option<&'a str>,
    /// What happens to fields that the vendor has no word for. Nothing can be forwarded in its
    /// name: warning and dropping are the same here.
    pub on_unsupported: OnUnsupported,
    /// Whether this target may have given the earlier answers of the conversation; not after a
    /// fallback.
    pub own_history: bool,
    /// The client's headers, for what they ask of the vendor.
    pub headers: &'a HeaderMap,
}

impl NativePlan<'_> {
    /// The name that says what the model is.
    fn known_as(&self) -> &str {
        self.family.unwrap_or(self.model)
    }
}

/// A call in a vendor's dialect.
#[derive(Debug)]
pub struct NativeCall {
    /// The body.
    pub body: Bytes,
    /// Below the API root, where it is not the surface's own path.
    pub path: Option<String>,
    /// An ending to be taken off the API root before the path.
    pub strip: Option<Cow<'static, str>>,
    /// The region that the call must go to and be signed for, where the model's name says one.
    pub region: Option<String>,
    /// Headers besides the target's own.
    pub headers: HeaderMap,
    /// Parameters that did not reach the vendor as the client wrote them.
    pub dropped: Vec<String>,
    /// How the call goes on, where it takes several exchanges.
    pub course: Option<Course>,
    /// What the answer needs to know.
    pub session: Session,
}

/// What an answer needs to know of its request.
#[derive(Clone, Debug)]
pub struct Session {
    /// The dialect that the model is spoken to in.
    dialect: Dialect,
    /// Whether the vendor's own errors may come in the place of the model's.
    at_vertex: bool,
    door: Door,
    recall: Recall,
    /// Whether the client wants a stream.
    pub streaming: bool,
    /// Whether the client wants a stream to end with its usage.
    pub include_usage: bool,
}

/// A whole answer in the door's dialect.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The body.
    pub body: Bytes,
    /// What the vendor counted.
    pub usage: Option<Usage>,
    /// The model that the vendor says it used.
    pub model: Option<String>,
    /// Why the first choice ended.
    pub finish: Finish<'static>,
}

/// Where a vendor describes a model, below the API root, if a call of it wants to know that first.
pub fn described_at(provider: &Provider, model: &str) -> Option<String> {
    match provider.dialect {
        Dialect::Replicate => replicate::described_at(provider.bare_model(model)),
        _ => None,
    }
}

/// Puts a call into the vendor's dialect. A refusal names the field and is the client's to mend.
pub fn encode(
    provider: &Provider,
    body: &Envelope,
    plan: &NativePlan<'_>,
) -> Result<NativeCall, Refusal> {
    encode_with(provider, body, plan, None, &Files::default())
}

/// The same for a model of which the vendor has told this, with files that were fetched. A refusal
/// says which others would mend it.
pub fn encode_with(
    provider: &Provider,
    body: &Envelope,
    plan: &NativePlan<'_>,
    described: Option<&Arc<Description>>,
    files: &Files,
) -> Result<NativeCall, Refusal> {
    let fields = match plan.door {
        Door::OpenAi => openai::URL_FIELDS,
        Door::Messages => messages::URL_FIELDS,
    };
    encode_placed(provider, body, plan, described, files, &fields)
        .map_err(|refusal| fields.placed(refusal))
}

fn encode_placed(
    provider: &Provider,
    body: &Envelope,
    plan: &NativePlan<'_>,
    described: Option<&Arc<Description>>,
    files: &Files,
    fields: &UrlFields,
) -> Result<NativeCall, Refusal> {
    let mut request = match plan.door {
        Door::OpenAi => openai::read_request(body.node()),
        Door::Messages => messages::read_request(body.node()),
    }?;
    let (streaming, include_usage) = (request.stream, request.include_usage);
    let family = provider.family(plan.known_as());
    let dialect = family.map_or_else(|| dialect_of(provider, &request), |family| family.dialect);
    let need = |block: &Block<'_>| need(dialect, plan, block);
    inline(&mut request, files, fields, need).map_err(Refusal::without)?;
    let written = Plan {
        provider: &provider.id,
        model: provider.bare_model(plan.model),
        family: plan.family,
        reject: plan.on_unsupported == OnUnsupported::Reject,
        streaming,
        own_history: plan.own_history,
    };
    let (mut path, mut region, mut course) = (None, None, None);
    let (encoded, mut headers) = match dialect {
        Dialect::OpenAi => {
            let encoded = openai::write_request(request, &written)?;
            (
                with_rules(provider, encoded, plan, streaming)?,
                HeaderMap::new(),
            )
        }
        Dialect::Anthropic => {
            let encoded = messages::write_request(request, &written)?;
            let headers = anthropic::headers(plan.headers, &encoded.betas);
            (encoded, headers)
        }
        Dialect::Cohere => (cohere::write_request(request, &written)?, HeaderMap::new()),
        Dialect::Ollama => {
            path = Some("/api/chat".to_owned());
            (ollama::write_request(request, &written)?, HeaderMap::new())
        }
        Dialect::Replicate => {
            let creation = replicate::create(request, &written, described)?;
            (path, course) = (Some(creation.path), Some(creation.course));
            (creation.encoded, HeaderMap::new())
        }
        Dialect::Converse => {
            let mut encoded = converse::write_request(request, &written)?;
            let call = bedrock::addressed(std::mem::take(&mut encoded.body), plan, streaming)?;
            encoded.body = call.body.into();
            (path, region) = (Some(call.path), call.region);
            (encoded, HeaderMap::new())
        }
        Dialect::Gemini => {
            let home = wire::gemini::Home::Developer;
            path = Some(gemini::path(dialect, plan.model, streaming)?);
            (
                wire::gemini::write_request(request, &written, home)?,
                HeaderMap::new(),
            )
        }
        Dialect::Vertex => {
            path = Some(gemini::path(dialect, plan.model, streaming)?);
            gemini::write_at_vertex(request, &written, plan.headers)?
        }
    };
    let mut strip = (dialect == Dialect::Ollama).then_some(Cow::Borrowed("/v1"));
    if let Some(family) = family {
        path = Some(family.chat.clone());
        strip = family.strip.clone().map(Cow::Owned);
        headers.extend(of_family(family)?);
    }
    Ok(NativeCall {
        body: encoded.body.into(),
        path,
        strip,
        region,
        headers,
        dropped: encoded.dropped,
        course,
        session: Session {
            dialect: gemini::spoken(dialect, plan.model),
            at_vertex: dialect == Dialect::Vertex,
            door: plan.door,
            recall: encoded.recall,
            streaming,
            include_usage,
        },
    })
}

/// The dialect in which a request is put to a provider: the row's, or its second one where the
/// request says what only that one can.
fn dialect_of(provider: &Provider, request: &ir::Request<'_>) -> Dialect {
    match provider.second_dialect {
        Some(Dialect::Ollama) if ollama::is_wanted(request, &provider.id) => Dialect::Ollama,
        _ => provider.dialect,
    }
}

/// The headers of a family's calls.
fn of_family(family: &Family) -> Result<HeaderMap, Refusal> {
    // A row is checked before it is used.
    fixed(&family.headers).map_err(|error| Refusal::new("model", error.to_string()))
}

/// Whether a call from OpenAI's door cannot be forwarded as it came: the vendor speaks another
/// dialect, to all or to the family of the model, or the request says what only its second one can.
/// The model is named so that it says what it is.
pub fn is_needed(provider: &Provider, body: &Envelope, model: &str) -> bool {
    if let Some(family) = provider.family(model) {
        return family.dialect != Dialect::OpenAi;
    }
    if provider.second_dialect.is_none() {
        return provider.dialect != Dialect::OpenAi;
    }
    // What cannot be read is the vendor's to refuse.
    let dialect = openai::read_request(body.node())
        .map_or(provider.dialect, |request| dialect_of(provider, &request));
    dialect != Dialect::OpenAi
}

/// Whether a vendor needs the bytes of a block that the client gives the address of.
fn need(dialect: Dialect, plan: &NativePlan<'_>, block: &Block<'_>) -> Option<Need> {
    match dialect {
        Dialect::Converse => converse::need(block, plan.family.unwrap_or(plan.model)),
        Dialect::Ollama => ollama::need(block),
        Dialect::Gemini => wire::gemini::need(block),
        Dialect::Vertex => gemini::need_at_vertex(block, plan.model),
        Dialect::OpenAi | Dialect::Anthropic | Dialect::Cohere | Dialect::Replicate => None,
    }
}

/// A vendor of OpenAI's dialect has its row's rules, whoever wrote the body.
fn with_rules(
    provider: &Provider,
    mut encoded: ir::Encoded,
    plan: &NativePlan<'_>,
    streaming: bool,
) -> Result<ir::Encoded, Refusal> {
    let envelope = Envelope::parse(encoded.body.into(), wire::Limits::default())
        .map_err(|error| Refusal::new("messages", error.to_string()))?;
    let chat = ChatPlan {
        model: plan.model,
        family: plan.family,
        include_usage: streaming,
        on_unsupported: plan.on_unsupported,
        streaming,
    };
    let Encoded { body, dropped, .. } =
        encode_chat(provider, &envelope, &chat).map_err(|refused| Refusal {
            param: refused.params.first().cloned().unwrap_or_default(),
            message: refused.to_string(),
            by_policy: true,
            files: Vec::new(),
        })?;
    encoded.body = body.into();
    encoded.dropped.extend(dropped);
    Ok(encoded)
}

impl Session {
    /// Puts a whole answer into the door's dialect. A fault when it is none.
    pub fn whole(&self, body: &[u8], face: &Face) -> Result<Whole, Fault> {
        let invalid = |error: NotAReply| match (&error, self.error(body)) {
            (NotAReply::Vendor(_), _) | (_, None) => fault_of(error),
            // A good status over an error is an error.
            (_, Some(error)) => {
                Fault::new(Kind::UpstreamError).because(error.message.unwrap_or_default())
            }
        };
        let reply = match self.dialect {
            Dialect::OpenAi => openai::read_reply(body),
            Dialect::Anthropic => messages::read_reply(body, &self.recall),
            Dialect::Cohere => cohere::read_reply(body, &self.recall),
            Dialect::Ollama => ollama::read_reply(body, &self.recall),
            Dialect::Replicate => predictions::read_reply(body, &self.recall),
            Dialect::Converse => converse::read_reply(body, &self.recall),
            Dialect::Gemini | Dialect::Vertex => wire::gemini::read_reply(body, &self.recall),
        }
        .map_err(invalid)?;
        let mut out = Vec::with_capacity(body.len() + 512);
        match self.door {
            Door::OpenAi => openai::write_reply(&reply, face, &mut out),
            Door::Messages => messages::write_reply(&reply, face, &mut out),
        }
        let finish = reply
            .choices
            .first()
            .map(|choice| choice.finish.clone().into_owned());
        Ok(Whole {
            body: out.into(),
            usage: reply.usage.map(Usage::from),
            model: Some(reply.model.into_owned()).filter(|model| !model.is_empty()),
            finish: finish.unwrap_or_default(),
        })
    }

    /// Begins a stream from the vendor's dialect to the door's; `max_event` bounds one event of
    /// the vendor's.
    pub fn stream(&self, face: Face, max_event: usize) -> Translation {
        let reader: Box<dyn Reader> = match self.dialect {
            Dialect::OpenAi => Box::new(openai::reader(max_event)),
            Dialect::Anthropic => Box::new(messages::reader(self.recall.clone(), max_event)),
            Dialect::Cohere => Box::new(cohere::reader(self.recall.clone(), max_event)),
            Dialect::Ollama => Box::new(ollama::reader(self.recall.clone(), max_event)),
            Dialect::Replicate => Box::new(predictions::reader(self.recall.clone(), max_event)),
            Dialect::Converse => Box::new(converse::reader(self.recall.clone(), max_event)),
            Dialect::Gemini | Dialect::Vertex => {
                Box::new(wire::gemini::reader(self.recall.clone(), max_event))
            }
        };
        let writer: Box<dyn Writer> = match self.door {
            // Its streams say who speaks before there is something to say.
            Door::OpenAi if self.dialect == Dialect::Converse => {
                Box::new(openai::ChunkWriter::new(face).with_eager_role())
            }
            Door::OpenAi => Box::new(openai::ChunkWriter::new(face)),
            Door::Messages => Box::new(messages::MessageWriter::new(face)),
        };
        Translation::new(reader, writer)
    }

    /// Reads the body of an answer with an error status; None when it says nothing.
    pub fn error(&self, body: &[u8]) -> Option<VendorError> {
        if self.at_vertex {
            return gemini::read_error(self.dialect, body);
        }
        match self.dialect {
            Dialect::OpenAi | Dialect::Ollama | Dialect::Replicate => vendor_error::read(body),
            Dialect::Anthropic => messages::read_error(body),
            Dialect::Cohere => cohere::read_error(body),
            Dialect::Gemini | Dialect::Vertex => wire::gemini::read_error(body),
            Dialect::Converse => converse::read_error(None, body),
        }
    }

    /// The same where the head is at hand: some vendors say there what kind of error it is.
    pub fn refused(&self, headers: &HeaderMap, body: &[u8]) -> Option<VendorError> {
        match self.dialect {
            Dialect::Converse => converse::read_error(bedrock::exception(headers).as_deref(), body),
            _ => self.error(body),
        }
    }

    /// The answer's id, for a [`Face`], where the vendor says it in the head.
    pub fn id(&self, headers: &HeaderMap) -> Option<String> {
        match self.dialect {
            Dialect::Converse => bedrock::id(headers),
            _ => None,
        }
    }
}

/// The fault in an answer that says that there is none.
fn fault_of(error: NotAReply) -> Fault {
    let NotAReply::Vendor(error) = error else {
        return Fault::new(Kind::UpstreamInvalid).because(error.to_string());
    };
    let kind = error.status.map_or(Kind::UpstreamError, |status| {
        fault::of_answer(status, &error)
    });
    let mut fault = Fault::new(kind);
    fault.upstream_status = error.status;
    // Only what is the client's to mend is told in the vendor's words.
    if let (Whose::Client, Some(text)) = (fault.whose(), vendor_error::public_message(&error)) {
        fault = fault.saying(text);
    }
    fault.because(error.message.unwrap_or_default())
}

#[cfg(test)]
mod tests;
