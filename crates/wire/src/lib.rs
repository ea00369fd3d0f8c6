//! Bytes and their meaning: JSON bodies, event streams, usage, vendors' errors.
//!
//! Everything here is a function of its input: no I/O, no clock, no randomness, no async.
//! What a client or a vendor sent is kept as it came; it is read at the side and changed only in
//! named places.
//!
//! - [`envelope`]: a request body, indexed by its top-level members
//! - [`json`]: the scanner under it, and walks over raw JSON text
//! - [`sse`]: event streams, cut into blocks
//! - [`ndjson`]: streams of JSON lines, cut into lines
//! - [`eventstream`]: AWS's binary event streams
//! - [`chat`]: OpenAI chat answers and streams, read at the side
//! - [`usage`]: what was used
//! - [`vendor_error`]: vendors' error bodies
//! - [`redact`]: credentials in texts
//! - [`fault`]: the one error of a call
//! - [`ir`]: the form between dialects
//! - [`openai`], [`anthropic`], [`converse`], [`gemini`]: dialects, to it and from it
//! - [`cohere`], [`ollama`], [`replicate`]: vendors' dialects, to it and from it
//! - [`embeddings`], [`images`], [`rerank`]: what is asked beside chats, in every vendor's form

pub mod anthropic;
pub mod chat;
pub mod cohere;
pub mod converse;
pub mod embeddings;
pub mod envelope;
pub mod eventstream;
pub mod fault;
pub mod gemini;
pub mod images;
pub mod ir;
pub mod json;
pub mod ndjson;
pub mod ollama;
pub mod openai;
pub mod redact;
pub mod replicate;
pub mod rerank;
pub mod sse;
pub mod usage;
pub mod vendor_error;

pub use envelope::{Edit, Envelope, EnvelopeError, Limits};

#[cfg(test)]
mod testing;
