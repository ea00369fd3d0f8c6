//! A request body: the client's own bytes and an index of their top level.
//!
//! The body is validated once, completely, and never built. Names are compared decoded and may
//! stand only once, so that what the gateway judges is what the vendor reads. It must never change
//! a byte that no one named.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use crate::json::{Changes, Index, Literal, Node, literal, quote};

pub use crate::json::JsonError as EnvelopeError;

/// A JSON object body: the client's own bytes and an index of its top-level members, made in one
/// validating pass. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Envelope {
    bytes: Bytes,
    index: Arc<Index>,
}

/// How large the structure of a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers within each other, the body itself included.
    pub max_depth: usize,
    /// Members of the body.
    pub max_members: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_depth: 128,
            max_members: 512,
        }
    }
}

/// Characters of a duplicate's name that its error repeats.
const NAME_SHOWN: usize = 64;

impl Envelope {
    /// Validates a body and indexes its members.
    pub fn parse(bytes: Bytes, limits: Limits) -> Result<Envelope, EnvelopeError> {
        let index = Index::of(&bytes, limits.max_depth, limits.max_members)?;
        if let Some(member) = index.duplicate(&bytes) {
            let name = member
                .name(&bytes)
                .decode()
                .chars()
                .take(NAME_SHOWN)
                .collect();
            return Err(EnvelopeError::Duplicate {
                name,
                offset: member.start(),
            });
        }
        Ok(Envelope {
            bytes,
            index: Arc::new(index),
        })
    }

    /// The whole body, as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A look into the whole body.
    pub fn node(&self) -> Node<'_> {
        // It was validated, and a valid body is UTF-8.
        Node::of(std::str::from_utf8(&self.bytes).unwrap_or("{}"))
    }

    /// Whether there is a member of that name, `null` or not.
    pub fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value's own text. Costs a look at each of its bytes.
    pub fn raw(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.value(name)?).ok()
    }

    /// What the value stands for, when it is a string. Half a surrogate pair becomes U+FFFD.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        literal(self.value(name)?).map(Literal::decode)
    }

    /// The value, when it is `true` or `false`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The value, built. What is absent or `null` is None.
    pub fn get<'a, T: Deserialize<'a>>(
        &'a self,
        name: &str,
    ) -> Result<Option<T>, serde_json::Error> {
        self.value(name).map_or(Ok(None), serde_json::from_slice)
    }

    /// The names of the members, decoded, in their order.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.index
            .members
            .iter()
            .map(|member| member.name(&self.bytes).decode())
    }

    /// Begins a set of changes.
    pub fn edit(&self) -> Edit<'_> {
        Edit {
            envelope: self,
            changes: Changes::new(&self.bytes, &self.index),
        }
    }

    /// The value's own bytes.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let member = self.index.find(&self.bytes, name)?;
        Some(&self.bytes[member.value_range()])
    }
}

/// A set of named changes, each seeing what the ones before it did; everything not named keeps its bytes.
pub struct Edit<'a> {
    envelope: &'a Envelope,
    changes: Changes<'a>,
}

impl Edit<'_> {
    /// Replaces the member's value, or appends the member. `json` must be JSON.
    pub fn set_raw(&mut self, name: &str, json: impl Into<String>) -> &mut Self {
        self.changes.set(name, json.into());
        self
    }

    /// Replaces the member's value by a string, or appends the member.
    pub fn set_text(&mut self, name: &str, value: &str) -> &mut Self {
        self.set_raw(name, quote(value))
    }

    /// Removes the member, if there is one.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.changes.remove(name);
        self
    }

    /// Gives a member another name and keeps its value's bytes. Where `to` exists already, `from` is removed.
    pub fn rename(&mut self, from: &str, to: &str) -> &mut Self {
        self.changes.rename(from, to);
        self
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changed body; the very same bytes, not copied, when nothing was changed.
    pub fn finish(self) -> Bytes {
        if self.is_empty() {
            self.envelope.bytes.clone()
        } else {
            self.changes.render().into()
        }
    }
}

#[cfg(test)]
mod tests;
