//! AWS event streams (`application/vnd.amazon.eventstream`): binary frames, read and written.
//!
//! A frame is its length, the length of its headers and their checksum; the headers; the payload;
//! and a checksum over all of it, numbers being big endian. Nothing here knows what a frame means.

mod crc;
mod decoder;
mod encode;
mod frame;

pub use decoder::{Decoder, FrameError};
pub use encode::encode;
pub use frame::{Frame, Value};

/// What such a stream is called in `content-type`.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The most bytes of one frame's headers.
pub const HEADERS_MAX: usize = 128 * 1024;
/// The most bytes of one frame's payload.
pub const PAYLOAD_MAX: usize = 16 * 1024 * 1024;

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
/// The prelude, and the checksum at the end.
const AROUND: usize = PRELUDE + 4;

#[cfg(test)]
mod tests;
