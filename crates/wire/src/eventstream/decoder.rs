//! Bytes, cut anywhere, into frames.

use bytes::Bytes;

use super::crc::crc32;
use super::frame::Frame;
use super::{AROUND, HEADERS_MAX, PAYLOAD_MAX, PRELUDE};

/// Why bytes are no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The checksum over a frame's lengths is another.
    #[error("the lengths of a frame do not match their checksum")]
    Prelude,
    /// The checksum over a frame is another.
    #[error("a frame does not match its checksum")]
    Checksum,
    /// A length that no frame can have.
    #[error(
        "a frame of {total} bytes with {headers} bytes of headers is not possible; a payload has at most {limit}"
    )]
    Length {
        /// What the frame says of itself.
        total: u32,
        /// What it says of its headers.
        headers: u32,
        /// The most bytes of a payload.
        limit: usize,
    },
    /// The headers end in the middle of one, or hold a value of an unknown type.
    #[error("the headers of a frame are malformed")]
    Headers,
}

/// Cuts a byte stream into frames. Holds at most one frame that is not complete.
#[derive(Debug)]
pub struct Decoder {
    payload_max: usize,
    /// The beginning of a frame whose end has not come yet.
    carry: Vec<u8>,
}

/// The lengths that a frame begins with.
#[derive(Clone, Copy)]
struct Prelude {
    total: usize,
    headers: usize,
}

impl Decoder {
    /// A stream of which nothing has come; `payload_max` bounds one payload, and no more than
    /// [`PAYLOAD_MAX`].
    pub fn new(payload_max: usize) -> Decoder {
        Decoder {
            payload_max: payload_max.min(PAYLOAD_MAX),
            carry: Vec::new(),
        }
    }

    /// Takes what was read and gives the frames that are complete. After an error the stream is lost.
    pub fn push<E: From<FrameError>>(
        &mut self,
        mut chunk: Bytes,
        mut each: impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let next = if self.carry.is_empty() {
                self.next_of_chunk(&mut chunk)?
            } else {
                self.next_begun(&mut chunk)?
            };
            match next {
                Some(frame) => each(frame)?,
                None => return Ok(()),
            }
        }
    }

    /// Whether the stream stands between two frames.
    pub fn is_empty(&self) -> bool {
        self.carry.is_empty()
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn carry_len(&self) -> usize {
        self.carry.len()
    }

    /// The next frame, whose bytes are all in the chunk; else its beginning is kept.
    fn next_of_chunk(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        if let Some(prelude) = self.prelude(chunk)?
            && prelude.total <= chunk.len()
        {
            return whole(prelude, &chunk.split_to(prelude.total)).map(Some);
        }
        self.carry.extend_from_slice(chunk);
        chunk.clear();
        Ok(None)
    }

    /// The next frame, which began in an earlier chunk. No more is taken than belongs to it.
    fn next_begun(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        self.fill(chunk, PRELUDE);
        let Some(prelude) = self.prelude(&self.carry)? else {
            return Ok(None);
        };
        self.fill(chunk, prelude.total);
        if self.carry.len() < prelude.total {
            return Ok(None);
        }
        whole(prelude, &std::mem::take(&mut self.carry).into()).map(Some)
    }

    fn fill(&mut self, chunk: &mut Bytes, up_to: usize) {
        let wanted = up_to.saturating_sub(self.carry.len()).min(chunk.len());
        self.carry.extend_from_slice(&chunk.split_to(wanted));
    }

    /// The lengths, once they have come.
    fn prelude(&self, bytes: &[u8]) -> Result<Option<Prelude>, FrameError> {
        let Some((total, rest)) = number(bytes) else {
            return Ok(None);
        };
        let Some((headers, rest)) = number(rest) else {
            return Ok(None);
        };
        let Some((checksum, _)) = number(rest) else {
            return Ok(None);
        };
        let lengths = bytes.get(..8).unwrap_or_default();
        if crc32(lengths) != checksum {
            return Err(FrameError::Prelude);
        }
        let impossible = FrameError::Length {
            total,
            headers,
            limit: self.payload_max,
        };
        let (Ok(total), Ok(headers)) = (usize::try_from(total), usize::try_from(headers)) else {
            return Err(impossible);
        };
        let fits = headers <= HEADERS_MAX
            && total >= headers.saturating_add(AROUND)
            && total <= headers.saturating_add(AROUND + self.payload_max);
        if fits {
            Ok(Some(Prelude { total, headers }))
        } else {
            Err(impossible)
        }
    }
}

/// The first number of some bytes, and what comes behind it.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (raw, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*raw), rest))
}

/// The frame of exactly these bytes, whose lengths were looked at.
fn whole(prelude: Prelude, frame: &Bytes) -> Result<Frame, FrameError> {
    let (checked, checksum) = frame.split_last_chunk::<4>().ok_or(FrameError::Checksum)?;
    if crc32(checked) != u32::from_be_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    let behind = PRELUDE + prelude.headers;
    let headers = frame.slice(PRELUDE..behind);
    let payload = frame.slice(behind..checked.len());
    Frame::new(headers, payload).ok_or(FrameError::Headers)
}
