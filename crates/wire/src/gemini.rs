//! Google's `generateContent` dialect, to the form between and from it.
//!
//! The Developer API and Vertex AI speak it with small differences, [`Home`]. What single models
//! take is in [`Gemini`].

mod answer;
mod error;
mod event_reader;
mod event_writer;
mod extra;
mod grounding;
mod logprobs;
mod media_writer;
pub(crate) mod member;
mod model;
mod part_reader;
mod part_writer;
mod partial;
mod reply_reader;
mod reply_writer;
mod request_reader;
mod request_writer;
mod schema;
mod stream;
mod thinking;
mod tool;
mod usage;

pub use error::{read_error, write_error};
pub use event_reader::EventReader;
pub use event_writer::EventWriter;
pub use media_writer::need;
pub use model::{Gemini, Home, Reasons};
pub use reply_reader::read_reply;
pub use reply_writer::write_reply;
pub use request_reader::read_request;
pub use request_writer::write_request;
pub use schema::sanitise as sanitise_schema;
pub use stream::{StreamReader, reader};

pub(crate) use usage::read_usage;
