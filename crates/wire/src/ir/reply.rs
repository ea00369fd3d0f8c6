//! A model's whole answer.

use std::borrow::Cow;

use super::block::{Block, Raw};
use super::finish::Finish;
use super::usage::Usage;
use crate::json::JsonError;
use crate::vendor_error::VendorError;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply<'a> {
    /// The vendor's id for it; empty when it gave none.
    pub id: Cow<'a, str>,
    /// The model that the vendor says it used; empty when it does not say.
    pub model: Cow<'a, str>,
    /// When it was made, in seconds; None when the vendor does not say.
    pub created: Option<u64>,
    /// The answers, one for each that was asked for.
    pub choices: Vec<Choice<'a>>,
    /// What was used.
    pub usage: Option<Usage>,
    /// The price class.
    pub service_tier: Option<Cow<'a, str>>,
    /// What only this vendor says, by name.
    pub metadata: Vec<(Cow<'a, str>, Raw<'a>)>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice<'a> {
    /// Its number.
    pub index: u32,
    /// What it says.
    pub blocks: Vec<Block<'a>>,
    /// Why it ended.
    pub finish: Finish<'a>,
    /// Probabilities in OpenAI's form.
    pub logprobs: Option<Raw<'a>>,
}

/// An answer that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAReply {
    /// It is not JSON.
    #[error("the answer is not JSON: {0}")]
    Json(#[from] JsonError),
    /// It is something else.
    #[error("the answer has no {0}")]
    Lacks(&'static str),
    /// It says that there is no answer.
    #[error("{}", .0.message.as_deref().unwrap_or("the provider failed"))]
    Vendor(VendorError),
}
