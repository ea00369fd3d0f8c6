//! A stream, event by event.

use std::borrow::Cow;

use bytes::Bytes;

use super::block::{Block, Citation, Raw};
use super::finish::Finish;
use super::usage::Usage;
use crate::json::JsonError;
use crate::vendor_error::VendorError;

/// One thing that a stream says.
///
/// `block` numbers the blocks of one choice from 0 without gaps, in the order in which they open.
/// Blocks may interleave; each is opened once, and closed before its choice finishes. Writers may
/// rely on it: where a vendor does not keep it, a [`Translation`](super::Translation) does.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The stream begins. Comes first and once.
    Start(Start<'a>),
    /// A block begins whose content comes in deltas.
    Open {
        /// The choice.
        choice: u32,
        /// The block.
        block: u32,
        /// What it will hold.
        kind: Opening<'a>,
    },
    /// More of an open block.
    Delta {
        /// The choice.
        choice: u32,
        /// The block.
        block: u32,
        /// What there is more of.
        delta: Delta<'a>,
    },
    /// An open block is complete.
    Close {
        /// The choice.
        choice: u32,
        /// The block.
        block: u32,
    },
    /// A block that comes whole: a picture, hidden reasoning, a tool that the vendor ran, a call
    /// of one whose arguments do not come in pieces.
    Whole {
        /// The choice.
        choice: u32,
        /// The block.
        block: u32,
        /// The block itself.
        content: Block<'a>,
    },
    /// Probabilities in OpenAI's form.
    Logprobs {
        /// The choice.
        choice: u32,
        /// The `logprobs` object.
        logprobs: Raw<'a>,
    },
    /// A choice is complete.
    Finish {
        /// The choice.
        choice: u32,
        /// Why.
        finish: Finish<'a>,
    },
    /// What was used so far; a later one replaces it.
    Usage(Usage),
    /// What only this vendor says.
    Metadata {
        /// Its name.
        name: Cow<'a, str>,
        /// The value.
        value: Raw<'a>,
    },
    /// Nothing more comes. Comes last and once, unless the stream breaks.
    Done,
}

/// How a stream begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start<'a> {
    /// The vendor's id; empty when it gives none.
    pub id: Cow<'a, str>,
    /// The model that the vendor says it uses; empty when it does not say.
    pub model: Cow<'a, str>,
    /// When it began, in seconds.
    pub created: Option<u64>,
    /// What was used already.
    pub usage: Option<Usage>,
}

/// What a block will hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening<'a> {
    /// Words.
    Text,
    /// Reasoning.
    Thinking,
    /// The model declines.
    Refusal,
    /// A call of a tool. Its id and name are known, or the reader waits for them.
    ToolCall {
        /// The call's id.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// What the vendor wants back with it.
        signature: Option<Cow<'a, str>>,
        /// Whether the tool takes free text: the deltas are pieces of that text.
        custom: bool,
    },
}

/// What there is more of.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta<'a> {
    /// Words.
    Text(Cow<'a, str>),
    /// Reasoning.
    Thinking(Cow<'a, str>),
    /// The signature under the reasoning, or a piece of it.
    Signature(Cow<'a, str>),
    /// A piece of a call's arguments.
    Arguments(Cow<'a, str>),
    /// Where the words come from.
    Citation(Citation<'a>),
    /// Words with which the model declines.
    Refusal(Cow<'a, str>),
}

impl Event<'_> {
    /// Whether a client would see something of the answer in it.
    pub fn is_content(&self) -> bool {
        match self {
            Event::Delta { delta, .. } => delta.len() > 0,
            Event::Open { kind, .. } => matches!(kind, Opening::ToolCall { .. }),
            Event::Whole { .. } | Event::Finish { .. } => true,
            _ => false,
        }
    }

    /// Bytes of the answer in it, for an estimate when usage never comes.
    pub fn content_len(&self) -> usize {
        match self {
            Event::Delta { delta, .. } => delta.len(),
            Event::Open {
                kind: Opening::ToolCall { name, .. },
                ..
            } => name.len(),
            Event::Whole {
                content: Block::ToolCall(call),
                ..
            } => call.name.len() + call.arguments.len(),
            _ => 0,
        }
    }
}

impl Delta<'_> {
    fn len(&self) -> usize {
        match self {
            Delta::Text(text)
            | Delta::Thinking(text)
            | Delta::Arguments(text)
            | Delta::Refusal(text) => text.len(),
            Delta::Signature(_) | Delta::Citation(_) => 0,
        }
    }
}

/// Takes the events that a reader finds.
pub type Sink<'s> = dyn FnMut(Event<'_>) + 's;

/// Why a stream breaks off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Break {
    /// The vendor says that it failed.
    #[error("{}", .0.message.as_deref().unwrap_or("the provider failed"))]
    Vendor(VendorError),
    /// It is not what the dialect prescribes.
    #[error("the provider's stream is not valid: {0}")]
    Malformed(String),
    /// It ended before its last event.
    #[error("upstream closed the stream before completion")]
    Cut,
}

impl From<JsonError> for Break {
    fn from(error: JsonError) -> Break {
        Break::Malformed(error.to_string())
    }
}

/// Reads a vendor's stream. Bytes may be cut anywhere; nothing is kept but what is unfinished.
pub trait Reader: Send {
    /// Takes what was read and tells the events that are complete. After an error the stream is lost.
    fn push(&mut self, chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break>;

    /// The vendor has closed the stream. An error when it had more to say.
    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break>;
}

/// Writes a stream in a door's dialect.
pub trait Writer: Send {
    /// Writes an event; may write nothing, or what it held back.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Writes that the stream failed; nothing may follow.
    fn fault(&mut self, fault: &crate::fault::Fault, out: &mut Vec<u8>);
}
