//! What vendors answered to the calls of one question that is no chat, and what a client is told.

use std::borrow::Cow;

use super::plan::{Dropped, Plan, Refusal};
use crate::json::Node;
use crate::usage::Usage;

/// Members that a client wrote beside those that are known, of which it is told.
const STRANGERS_MAX: usize = 16;

/// An answer with a good status.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received<'a> {
    /// The body.
    pub body: &'a [u8],
    /// Its media type, where the head says one.
    pub media_type: Option<&'a str>,
    /// Tokens read, where the head says how many.
    pub input_tokens: Option<u64>,
}

/// The answer to a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The body.
    pub body: Vec<u8>,
    /// What the vendor counted.
    pub usage: Option<Usage>,
    /// Pictures made.
    pub pictures: u64,
}

/// Notes the members of a request that the vendor has no word for.
pub(crate) fn note_strangers(body: Node<'_>, known: &[&str], dropped: &mut Dropped) {
    let said = body
        .members()
        .into_iter()
        .filter(|(_, value)| !value.is_null());
    let strange = said
        .map(|(name, _)| name)
        .filter(|name| !known.contains(&&**name));
    for name in strange.take(STRANGERS_MAX) {
        dropped.note(name.into_owned());
    }
}

/// A member that must be a text if it is there.
pub(crate) fn word<'a>(
    node: Option<Node<'a>>,
    name: &str,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    let Some(node) = node else {
        return Ok(None);
    };
    let text = node.text().ok_or_else(|| wrong(name, node, "a text"))?;
    Ok(Some(text))
}

/// A member that must be a whole number above 0 if it is there.
pub(crate) fn count(node: Option<Node<'_>>, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(node) = node else {
        return Ok(None);
    };
    let count = node.uint().filter(|count| *count > 0);
    let count = count.ok_or_else(|| wrong(name, node, "a whole number above 0"))?;
    Ok(Some(count))
}

/// A member that is something else than what would be accepted.
pub(crate) fn wrong(name: &str, node: Node<'_>, expected: &str) -> Refusal {
    const SHOWN: usize = 40;
    let shown: String = node.raw().chars().take(SHOWN).collect();
    Refusal::new(name, format!("{name} is {shown}; expected {expected}"))
}

/// Something that a provider cannot be asked for.
pub(crate) fn unsayable(plan: &Plan<'_>, name: &str, why: &str) -> Refusal {
    Refusal::new(name, format!("{name}: {} {why}", plan.provider))
}
