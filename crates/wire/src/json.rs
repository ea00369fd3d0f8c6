//! JSON text: validated, walked and changed in place, without building it.
//!
//! [`JsonError`] is what is wrong with a text. The functions here are walks over raw values, one
//! level deep; everything they do not name keeps its bytes.
//!
//! A string may hold `\ud800` without its partner: RFC 8259 calls that valid, so it is accepted
//! and its bytes are kept; where it has to be decoded it becomes U+FFFD.

use std::borrow::Cow;

mod index;
mod merge;
mod node;
mod scan;
mod text;
pub mod write;

pub use merge::merge;
pub use node::Node;

pub(crate) use index::{Changes, Index, Splice};
pub(crate) use scan::{Literal, Scanner};
pub(crate) use text::plain_ascii;

/// How deep the walks of this module go.
pub const MAX_DEPTH: usize = 128;

/// What is wrong with a text, ready for a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// It is not JSON.
    #[error("invalid JSON at byte {offset}: {what}")]
    Syntax {
        /// Where.
        offset: usize,
        /// What was found or expected.
        what: &'static str,
    },
    /// It is something other than an object.
    #[error("expected a JSON object")]
    NotAnObject {
        /// Where it starts.
        offset: usize,
    },
    /// Something follows the value.
    #[error("invalid JSON at byte {offset}: only whitespace may follow the value")]
    Trailing {
        /// Where it starts.
        offset: usize,
    },
    /// Two members have one name.
    #[error("invalid JSON at byte {offset}: the member {name:?} is given twice")]
    Duplicate {
        /// The name, decoded; a long one is cut.
        name: String,
        /// Where the second one is.
        offset: usize,
    },
    /// Containers stand too deep within each other.
    #[error("invalid JSON at byte {offset}: nested deeper than the limit of {limit} levels")]
    TooDeep {
        /// The bound.
        limit: usize,
        /// Where it is passed.
        offset: usize,
    },
    /// The object is too wide.
    #[error("the JSON object has more members than the limit of {limit}")]
    TooManyMembers {
        /// The bound.
        limit: usize,
        /// Where it is passed.
        offset: usize,
    },
    /// A string is not UTF-8.
    #[error("invalid JSON at byte {offset}: a string is not UTF-8")]
    NotUtf8 {
        /// The first byte that is wrong.
        offset: usize,
    },
    /// Positions in it do not fit 32 bits.
    #[error("the JSON text is longer than 4 GiB")]
    TooLong {
        /// The bound.
        offset: usize,
    },
}

impl JsonError {
    /// The byte at which the text stops being acceptable.
    pub fn offset(&self) -> usize {
        match self {
            JsonError::Syntax { offset, .. }
            | JsonError::NotAnObject { offset }
            | JsonError::Trailing { offset }
            | JsonError::Duplicate { offset, .. }
            | JsonError::TooDeep { offset, .. }
            | JsonError::TooManyMembers { offset, .. }
            | JsonError::NotUtf8 { offset }
            | JsonError::TooLong { offset } => *offset,
        }
    }
}

/// What a step of a walk gives. The error is boxed so that what is given fits registers.
pub(crate) type Walk<T = ()> = Result<T, Box<JsonError>>;

impl From<Box<JsonError>> for JsonError {
    fn from(boxed: Box<JsonError>) -> JsonError {
        *boxed
    }
}

/// Whether the bytes are one JSON value.
pub fn check(json: &[u8]) -> Result<(), JsonError> {
    let mut scan = Scanner::new(json, MAX_DEPTH);
    scan.skip()?;
    Ok(scan.end()?)
}

/// The members of an object's text, in their order: decoded name and raw value.
///
/// Duplicates are all given.
pub fn members(object: &str) -> Result<Vec<(Cow<'_, str>, &str)>, JsonError> {
    let mut found = Vec::new();
    let mut scan = Scanner::new(object.as_bytes(), MAX_DEPTH);
    scan.object(|scan, name| {
        found.push((name.decode(), skip_str(scan, object)?));
        Ok(())
    })?;
    scan.end()?;
    Ok(found)
}

/// The elements of an array's text, raw.
pub fn elements(array: &str) -> Result<Vec<&str>, JsonError> {
    let mut found = Vec::new();
    let mut scan = Scanner::new(array.as_bytes(), MAX_DEPTH);
    scan.array(|scan| {
        found.push(skip_str(scan, array)?);
        Ok(())
    })?;
    scan.end()?;
    Ok(found)
}

/// The value that is next, as part of the text that is walked.
fn skip_str<'a>(scan: &mut Scanner<'_>, text: &'a str) -> Walk<&'a str> {
    scan.peek();
    let start = scan.at();
    scan.skip()?;
    // A value begins and ends with ASCII, so the range is never refused.
    Ok(text.get(start..scan.at()).unwrap_or_default())
}

/// The raw values of the named members of an object; of duplicates the last.
///
/// None when the text is not an object.
pub(crate) fn pick<'a, const N: usize>(
    object: &'a [u8],
    names: [&str; N],
) -> Option<[Option<&'a [u8]>; N]> {
    let mut found = [None; N];
    let mut scan = Scanner::new(object, MAX_DEPTH);
    let walked = scan.object(|scan, name| {
        let value = scan.skip()?;
        if let Some(slot) = names.iter().position(|wanted| name.is(wanted)) {
            found[slot] = Some(value);
        }
        Ok(())
    });
    walked.and_then(|()| scan.end()).ok().map(|()| found)
}

/// The object's text without a member; None when it has none of that name or is not an object.
pub fn remove_member(object: &str, name: &str) -> Option<String> {
    let index = Index::of(object.as_bytes(), MAX_DEPTH, usize::MAX).ok()?;
    let mut changes = Changes::new(object.as_bytes(), &index);
    changes.remove(name);
    if changes.is_empty() {
        None
    } else {
        String::from_utf8(changes.render()).ok()
    }
}

/// The object's text with a member's value replaced, or with the member appended.
///
/// `raw` must be JSON. A text that is not an object comes back as it is.
pub fn set_member(object: &str, name: &str, raw: &str) -> String {
    let Ok(index) = Index::of(object.as_bytes(), MAX_DEPTH, usize::MAX) else {
        return object.to_owned();
    };
    let mut changes = Changes::new(object.as_bytes(), &index);
    changes.set(name, raw.to_owned());
    String::from_utf8(changes.render()).unwrap_or_else(|_| object.to_owned())
}

/// What a string's text stands for; None when it is not a JSON string.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    Some(literal(raw.as_bytes())?.decode())
}

/// The inside of a text that must be one string.
pub(crate) fn literal(raw: &[u8]) -> Option<Literal<'_>> {
    let mut scan = Scanner::new(raw, MAX_DEPTH);
    let literal = scan.string().ok()?;
    scan.end().ok().map(|()| literal)
}

/// A text as JSON string.
pub fn quote(text: &str) -> String {
    // A string always serialises.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
