//! OpenAI's chat dialect, to the form between and from it.
//!
//! The extensions that clients and vendors have agreed on are part of it: reasoning and its
//! signatures, cache marks, documents, tools that vendors run.

mod aside;
mod chunk_reader;
mod chunk_writer;
mod message;
mod part;
mod reply_reader;
mod reply_writer;
mod request_reader;
mod request_writer;
mod stray;
mod tool;

use crate::ir::files::UrlFields;
pub use chunk_reader::{ChunkReader, reader};
pub use chunk_writer::ChunkWriter;
pub use reply_reader::read_reply;
pub use reply_writer::write_reply;
pub use request_reader::read_request;
pub use request_writer::write_request;

/// What fields with URLs are called.
pub const URL_FIELDS: UrlFields = UrlFields {
    image: ".image_url.url",
    video: ".video_url.url",
    file: ".file.file_url",
    results_are_parts: false,
};

pub(crate) use part::{cache_mark, thinking_block, write_thinking_blocks};
