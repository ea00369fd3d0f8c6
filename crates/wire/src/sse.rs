//! Event streams: cut into blocks, read, written.
//!
//! A block is what stands between two blank lines. Blocks are kept as the bytes they came in, so
//! that they can be relayed as they are; nothing here looks into their data.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr2, memrchr2};

/// A comment that keeps a silent connection open.
pub const HEARTBEAT: &[u8] = b": keep-alive\n\n";
/// The last event of an OpenAI stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

const BOM: &[u8] = b"\xef\xbb\xbf";

/// An event is larger than the stream's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than the limit of {limit} bytes")]
pub struct FrameTooLong {
    /// The bound.
    pub limit: usize,
}

/// Cuts a byte stream into event blocks and gives back whole runs of them.
///
/// A byte order mark at the start of the stream is dropped; every other byte is given back.
#[derive(Debug)]
pub struct Framer {
    max_event: usize,
    /// The beginning of a block whose end has not come yet.
    carry: Vec<u8>,
    begun: bool,
}

impl Framer {
    /// A stream of which nothing has come; `max_event` bounds one block, its blank line included.
    pub fn new(max_event: usize) -> Framer {
        Framer {
            max_event,
            carry: Vec::new(),
            begun: false,
        }
    }

    /// Takes what was read; returns the run of complete blocks that is now available, as one
    /// contiguous piece (a slice of `chunk` when nothing was carried over). May be empty.
    ///
    /// After an error the stream is lost.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<Bytes, FrameTooLong> {
        let carried = self.carry.len();
        let run = if carried == 0 {
            let run = chunk.split_to(end_of_blocks(&chunk, 0));
            self.carry.extend_from_slice(&chunk);
            run
        } else {
            self.carry.extend_from_slice(&chunk);
            match end_of_blocks(&self.carry, carried) {
                0 => Bytes::new(),
                end => {
                    let tail = self.carry[end..].to_vec();
                    let mut run = std::mem::replace(&mut self.carry, tail);
                    run.truncate(end);
                    run.into()
                }
            }
        };
        self.check_bound(&run)?;
        Ok(self.without_bom(run))
    }

    /// Bytes of a block whose end has not come yet.
    pub fn pending(&self) -> usize {
        self.carry.len()
    }

    /// The last block of a peer that closed without a blank line (terminated for it), if any.
    pub fn finish(&mut self) -> Option<Bytes> {
        let mut last = std::mem::take(&mut self.carry);
        if end_of_blocks_at_end(&last) != last.len() {
            let line_is_open = last.last() != Some(&b'\n');
            last.extend_from_slice(if line_is_open { b"\n\n" } else { b"\n" });
        }
        let last = self.without_bom(last.into());
        let any = blocks(&last).next().is_some();
        any.then_some(last)
    }

    fn check_bound(&self, run: &[u8]) -> Result<(), FrameTooLong> {
        let limit = self.max_event;
        let too_long = self.carry.len() > limit
            || run.len() > limit && blocks(run).any(|block| block.raw.len() > limit);
        if too_long {
            Err(FrameTooLong { limit })
        } else {
            Ok(())
        }
    }

    fn without_bom(&mut self, run: Bytes) -> Bytes {
        let first = !self.begun && !run.is_empty();
        self.begun |= first;
        if first && run.starts_with(BOM) {
            run.slice(BOM.len()..)
        } else {
            run
        }
    }
}

/// Where the last complete block ends; 0 when there is none. The bytes before `fresh` hold no end
/// that has been given out before.
fn end_of_blocks(text: &[u8], fresh: usize) -> usize {
    let mut end = text.len();
    // A line feed that comes next would belong to this carriage return. Behind another carriage
    // return it would be a line of its own kind, which no one writes: waiting for it would only
    // delay the events of streams that use nothing but carriage returns.
    if text.ends_with(b"\n\r") {
        end -= 1;
    }
    end_of_blocks_before(text, fresh, end)
}

/// The same when nothing more will come.
fn end_of_blocks_at_end(text: &[u8]) -> usize {
    end_of_blocks_before(text, 0, text.len())
}

fn end_of_blocks_before(text: &[u8], fresh: usize, mut end: usize) -> usize {
    // Not further back: a large event comes in many pieces, and each would search all before it. The
    // one byte is a carriage return that might have been half of a line end.
    let from = fresh.saturating_sub(1);
    while let Some(found) = text
        .get(from..end)
        .and_then(|recent| memrchr2(b'\n', b'\r', recent))
    {
        let at = from + found;
        let line_end = if text[..=at].ends_with(b"\r\n") {
            at - 1
        } else {
            at
        };
        if is_blank_line(&text[..line_end]) {
            return at + 1;
        }
        if at < fresh {
            return 0;
        }
        end = line_end;
    }
    0
}

/// Whether the line that ends behind `before` has nothing in it.
fn is_blank_line(before: &[u8]) -> bool {
    before.last().is_none_or(|byte| is_line_end(*byte))
}

pub(crate) fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The blocks of a run: LF, CRLF and CR line ends, comments, multi-line data, one optional space
/// after the colon, a byte order mark at the start of a block.
///
/// Blank lines before a block belong to none. What follows the last blank line is a block too.
pub fn blocks(run: &[u8]) -> impl Iterator<Item = Block<'_>> {
    Blocks { run, at: 0 }
}

/// The first block at or behind a place in a run. No block may go on across that place.
pub(crate) fn block_from(run: &[u8], at: usize) -> Option<Block<'_>> {
    Blocks { run, at }.next()
}

struct Blocks<'a> {
    run: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        while is_line_end(*self.run.get(self.at)?) {
            self.at += 1;
        }
        let mut block = Block::starting(self.at);
        let mut lines = Lines {
            text: self.run,
            at: self.at,
        };
        if self.run[self.at..].starts_with(BOM) {
            lines.at += BOM.len();
        }
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            block.take(line);
        }
        self.at = lines.at;
        block.raw = &self.run[block.start..self.at];
        Some(block)
    }
}

struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        // Every second line of most streams is blank: that is seen without a search.
        let end = if rest.first().is_some_and(|byte| is_line_end(*byte)) {
            0
        } else {
            memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
        };
        let terminator = if rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        self.at = self.text.len().min(self.at + end + terminator);
        Some(&rest[..end])
    }
}

/// One block of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its bytes, the blank line at its end included.
    pub raw: &'a [u8],
    /// Where it begins in its run.
    pub start: usize,
    data: Option<&'a [u8]>,
    more_data: bool,
    event: Option<&'a [u8]>,
    fields: bool,
}

impl<'a> Block<'a> {
    fn starting(start: usize) -> Block<'a> {
        Block {
            raw: &[],
            start,
            data: None,
            more_data: false,
            event: None,
            fields: false,
        }
    }

    fn take(&mut self, line: &'a [u8]) {
        let (name, value) = field(line);
        self.fields |= !name.is_empty();
        match name {
            b"data" if self.data.is_some() => self.more_data = true,
            b"data" => self.data = Some(value),
            b"event" => self.event = Some(value),
            _ => {}
        }
    }

    /// The data: the values of all `data` lines, joined by line feeds. None when there is no such line.
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let first = self.data?;
        if !self.more_data {
            return Some(Cow::Borrowed(first));
        }
        let at = if self.raw.starts_with(BOM) {
            BOM.len()
        } else {
            0
        };
        let lines = Lines { text: self.raw, at };
        let values: Vec<_> = lines
            .map(field)
            .filter(|(name, _)| *name == b"data")
            .map(|(_, value)| value)
            .collect();
        Some(Cow::Owned(values.join(&b'\n')))
    }

    /// The event's name, when it has one.
    pub fn event(&self) -> Option<&'a [u8]> {
        self.event
    }

    /// Whether the block says nothing.
    pub fn is_comment_only(&self) -> bool {
        !self.fields
    }

    /// Whether this is the end of an OpenAI stream.
    pub fn is_done(&self) -> bool {
        !self.more_data && self.data.is_some_and(|data| data.trim_ascii() == b"[DONE]")
    }
}

/// A line's field name and value; a comment has an empty name.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = if line.starts_with(b"data:") {
        Some(4)
    } else {
        memchr::memchr(b':', line)
    };
    match colon {
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, b""),
    }
}

/// Writes one event. Data that has line ends becomes several `data` lines.
pub fn encode_data(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + 8);
    let mut rest = data;
    loop {
        let end = memchr2(b'\n', b'\r', rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        out.push(b'\n');
        let Some(end) = end else { break };
        rest = &rest[end
            + if rest[end..].starts_with(b"\r\n") {
                2
            } else {
                1
            }..];
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
