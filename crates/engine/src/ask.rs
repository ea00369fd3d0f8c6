//! What a call asks for, as far as routing may want to know it. Whatever costs a look at the
//! messages is looked at only when a rule asks, and then once.

mod text;

use std::time::SystemTime;

use http::HeaderMap;

use crate::directory::Candidate;
use crate::principal::Principal;
pub use text::{Message, Text};

/// An answer that nobody bounds is taken to be this long.
pub const USUAL_OUTPUT: u64 = 512;

/// What routing may know of one call for one model.
pub struct Ask<'a> {
    /// The model as the client named it.
    pub asked: &'a str,
    /// The model that means.
    pub model: &'a str,
    /// Whether the client named the target or the provider as well.
    pub addressed: bool,
    /// The kind of call.
    pub surface: &'static str,
    /// Whether the answer is to be a stream.
    pub streamed: bool,
    /// Who pays.
    pub principal: &'a Principal,
    /// The client's headers.
    pub headers: &'a HeaderMap,
    /// The time; only there when a route asks for it.
    pub now: Option<SystemTime>,
    /// What the body says.
    pub text: &'a Text<'a>,
}

impl Ask<'_> {
    /// What the call will probably cost there, in pico-dollars; nothing when nobody knows the price.
    pub fn price(&self, candidate: &Candidate) -> Option<u128> {
        let price = candidate.price.as_ref()?;
        let offer = candidate.target.models.offer(&candidate.model);
        let longest = offer.and_then(|offer| offer.max_output_tokens);
        let answer = self.text.expected_output();
        let answer = longest.map_or(answer, |longest| answer.min(longest));
        let answers = answer.saturating_mul(self.text.choices());
        let cost = price.expected(self.text.prompt_tokens(), 0, answers)?;
        Some(cost.pico().into())
    }
}
