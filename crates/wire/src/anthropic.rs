//! Anthropic's Messages dialect, to the form between and from it.
//!
//! What single models take is a table in [`Claude`]; other vendors that serve these models have
//! the same needs.

mod block_reader;
mod block_writer;
mod claude;
mod error;
mod event_reader;
mod event_writer;
mod reply_reader;
mod reply_writer;
mod request_reader;
mod request_writer;
mod sampling;
mod schema;
mod text_piece;
mod thinking;
mod tool;
mod usage;

use crate::ir::files::UrlFields;
pub use claude::{Claude, Forced, Off, Sampling, Thinking};
pub use error::{Overflow, overflow, read_error, status_of};
pub use event_reader::{EventReader, reader};
pub use event_writer::MessageWriter;
pub use reply_reader::read_reply;
pub use reply_writer::write_reply;
pub use request_reader::read_request;
pub use request_writer::write_request;
pub use schema::adapt as adapt_schema;
pub use thinking::{Thought, ThoughtPlan};

pub(crate) use block_writer::{replayable, write_input};
pub(crate) use sampling::Chosen as ChosenSampling;
pub(crate) use tool::{Choice, Chosen, FREE_TEXT, NO_ARGUMENTS};

/// What fields with URLs are called.
pub const URL_FIELDS: UrlFields = UrlFields {
    image: ".source.url",
    video: ".source.url",
    file: ".source.url",
    results_are_parts: true,
};

/// The tool through which a model without structured output is made to answer in JSON.
pub const JSON_TOOL: &str = "json_output";
