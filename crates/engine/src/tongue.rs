//! The dialect in which a vendor answers, as seen from the client's.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use providers::native::{self, Course, Description, Door, NativePlan, Session};
use providers::{ChatPlan, OnUnsupported, Provider, Refused, encode_chat};
use wire::Envelope;
use wire::fault::{Fault, Kind};
use wire::ir::files::{Files, Wanted};
use wire::ir::{Face, Refusal};
use wire::vendor_error::{self, VendorError};

use crate::gateway::Call;
use crate::relay::Reading;

/// How the vendor's answer becomes the client's.
pub(crate) enum Tongue {
    /// It is the client's own dialect: bytes are kept.
    Same {
        /// The usage event of a stream was asked for by the gateway, not by the client.
        hide_usage: bool,
    },
    /// It is another, and translated.
    Other(Box<Session>),
}

/// A call in the vendor's dialect.
pub(crate) struct Spoken {
    /// Body, path and headers.
    pub(crate) body: bytes::Bytes,
    /// Below the API root, where it is not the surface's own.
    pub(crate) path: Option<String>,
    /// An ending taken off the API root before that path.
    pub(crate) strip: Option<Cow<'static, str>>,
    /// The region that the model's name says, where it says one.
    pub(crate) region: Option<String>,
    /// Besides the target's own.
    pub(crate) headers: HeaderMap,
    /// Fields of the client's that it does not carry as they were.
    pub(crate) dropped: Vec<String>,
    /// Fields that the vendor is known not to honour.
    pub(crate) ignored: Vec<String>,
    /// How it goes on, where it takes several exchanges.
    pub(crate) course: Option<Box<Course>>,
    /// How its answer is read.
    pub(crate) tongue: Tongue,
}

/// Why a call cannot be put into the vendor's dialect.
pub(crate) enum Unspoken {
    /// It has no form there.
    Fault(Fault),
    /// The vendor takes only the bytes of files that the call names by URL.
    Wants(Vec<Wanted>),
}

impl From<Fault> for Unspoken {
    fn from(fault: Fault) -> Unspoken {
        Unspoken::Fault(fault)
    }
}

impl From<Refusal> for Unspoken {
    fn from(refusal: Refusal) -> Unspoken {
        if refusal.files.is_empty() {
            Unspoken::Fault(refusal.into())
        } else {
            Unspoken::Wants(refusal.files)
        }
    }
}

/// Whom a call is put into words for, and what is known beforehand.
pub(crate) struct Listener<'a> {
    pub(crate) provider: &'a Provider,
    /// The target's own name of the model.
    pub(crate) model: &'a str,
    /// The model that it is, where the operator says.
    pub(crate) family: Option<&'a str>,
    /// Whether earlier answers of the conversation may be this target's own.
    pub(crate) own_history: bool,
    /// What the vendor tells of the model.
    pub(crate) described: Option<&'a Arc<Description>>,
    /// What has been fetched.
    pub(crate) files: &'a Files,
}

/// Puts a call into the vendor's dialect.
pub(crate) fn speak(call: &Call, streamed: bool, to: &Listener<'_>) -> Result<Spoken, Unspoken> {
    let (provider, model, family) = (to.provider, to.model, to.family);
    let word = on_unsupported(call.snapshot.config.compatibility.on_unsupported_param);
    if !native::is_needed(provider, &call.body, family.unwrap_or(model)) {
        let plan = ChatPlan {
            model,
            family,
            include_usage: streamed,
            on_unsupported: word,
            streaming: streamed,
        };
        return Ok(keep(provider, &call.body, &plan)?);
    }
    let plan = NativePlan {
        door: Door::OpenAi,
        model,
        on_unsupported: word,
        own_history: to.own_history,
        family,
        headers: &call.headers,
    };
    let native = native::encode_with(provider, &call.body, &plan, to.described, to.files)?;
    Ok(Spoken {
        body: native.body,
        path: native.path,
        strip: native.strip,
        region: native.region,
        headers: native.headers,
        dropped: native.dropped,
        ignored: Vec::new(),
        course: native.course.map(Box::new),
        tongue: Tongue::Other(Box::new(native.session)),
    })
}

fn keep(provider: &Provider, body: &Envelope, plan: &ChatPlan<'_>) -> Result<Spoken, Fault> {
    let encoded = encode_chat(provider, body, plan).map_err(|refused: Refused| {
        let mut fault = Fault::new(Kind::UnsupportedParameter).saying(refused.to_string());
        fault.param = refused.params.first().map(|param| param.as_str().into());
        fault
    })?;
    Ok(Spoken {
        body: encoded.body,
        path: None,
        strip: None,
        region: None,
        headers: HeaderMap::new(),
        dropped: encoded.dropped,
        ignored: encoded.ignored,
        course: None,
        tongue: Tongue::Same {
            hide_usage: encoded.asked_usage,
        },
    })
}

impl Tongue {
    /// Reads a stream of the provider's.
    pub(crate) fn reading(
        &self,
        provider: &Provider,
        face: impl FnOnce(&Session) -> Face,
        max_event: usize,
    ) -> Reading {
        match self {
            Tongue::Same { .. } => Reading::same(max_event, provider.oddities()),
            Tongue::Other(session) => {
                Reading::Other(Box::new(session.stream(face(session), max_event)))
            }
        }
    }

    /// Whether the client must not see the usage event.
    pub(crate) fn hides_usage(&self) -> bool {
        matches!(self, Tongue::Same { hide_usage: true })
    }

    /// What an error body says, and the head with it; None when they say nothing.
    pub(crate) fn error(&self, headers: &HeaderMap, body: &[u8]) -> Option<VendorError> {
        match self {
            Tongue::Same { .. } => vendor_error::read(body),
            Tongue::Other(session) => session.refused(headers, body),
        }
    }

    /// The status that an error means: a translated vendor's own word counts more than the one in
    /// the head, which some give in general terms. A word that only says 400 or 500 is the more
    /// general one.
    pub(crate) fn status(&self, head: StatusCode, error: &VendorError) -> StatusCode {
        let said = match self {
            Tongue::Same { .. } => None,
            Tongue::Other(_) => error.status,
        };
        let said = said.and_then(|status| StatusCode::from_u16(status).ok());
        let vague = [StatusCode::BAD_REQUEST, StatusCode::INTERNAL_SERVER_ERROR];
        let general = |status: &StatusCode| {
            status.is_success() || (vague.contains(status) && !head.is_success())
        };
        said.filter(|status| !general(status)).unwrap_or(head)
    }
}

/// How the operator's word on unsupported parameters is said to the provider rules.
fn on_unsupported(word: config::OnUnsupportedParam) -> OnUnsupported {
    match word {
        config::OnUnsupportedParam::Warn => OnUnsupported::Warn,
        config::OnUnsupportedParam::Drop => OnUnsupported::Drop,
        config::OnUnsupportedParam::Reject => OnUnsupported::Reject,
    }
}
