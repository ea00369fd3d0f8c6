//! Cohere's chat dialect (v2), to the form between and from it.

mod citation;
mod error;
mod event_reader;
mod logprobs;
mod message_writer;
mod reply_reader;
mod request_writer;
mod tool;
mod usage;

pub use error::read_error;
pub use event_reader::{EventReader, reader};
pub use reply_reader::read_reply;
pub use request_writer::write_request;
