//! A whole answer.

use serde::de::Error as _;

use super::chunk::Chunk;
use crate::usage::Usage;
use crate::vendor_error::VendorError;

/// What matters of a whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The model that the vendor says it used.
    pub model: Option<String>,
    /// What the vendor counted.
    pub usage: Option<Usage>,
    /// Whether a choice has a finish reason.
    pub finish: bool,
    /// How many choices there are.
    pub choices: usize,
    /// The error that the answer is in truth, whatever its status.
    pub error: Option<VendorError>,
}

/// Reads a whole answer without building it. An error when it is not a JSON object at all.
pub fn read_answer(body: &[u8]) -> Result<Answer, serde_json::Error> {
    let chunk = Chunk::read(body).map_err(serde_json::Error::custom)?;
    Ok(Answer {
        model: chunk.model().map(std::borrow::Cow::into_owned),
        usage: chunk.usage,
        finish: chunk.finish,
        choices: chunk.choices,
        error: chunk.vendor_error(body),
    })
}

#[cfg(test)]
mod tests;
