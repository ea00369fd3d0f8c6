//! Bedrock's Converse dialect, from the form between and to it.
//!
//! One form for the models of many makers; what single ones take is a table in [`Family`]. Claude
//! has its own table and rules, which are those of its maker's dialect.

mod block_reader;
mod block_writer;
mod document;
mod error;
mod event_reader;
mod family;
mod fields;
mod kept;
mod reply_reader;
mod request_writer;
mod thinking;
mod tool;
mod usage;

pub use block_writer::need;
pub use error::{read_error, status_of};
pub use event_reader::{EventReader, reader};
pub(crate) use family::bare as bare_id;
pub use family::{Caches, Family, Reasons, Takes, TopK};
pub use reply_reader::read_reply;
pub use request_writer::write_request;

/// What Converse calls the model's members that only it knows, in requests.
pub const FIELDS: &str = "additionalModelRequestFields";
