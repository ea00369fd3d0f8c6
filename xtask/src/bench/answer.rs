//! Reads one HTTP/1.1 answer as it arrives, and checks it: a status of 200, a
//! whole body, and for a stream every event and the end mark.
//!
//! It does just this much, because what the generator spends is taken from the
//! machine that is being measured.

use anyhow::{Context as _, Result, bail, ensure};
use memchr::{memchr, memmem};

const LONGEST_HEAD: usize = 16 * 1024;
const DONE: &[u8] = b"data: [DONE]";
/// The same in Anthropic's dialect.
const STOP: &[u8] = b"event: message_stop";

/// What counts as a right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// A JSON object of at least so many bytes.
    Object { at_least: usize },
    /// A stream of exactly so many events, `[DONE]` not counted.
    Events(u64),
    /// A stream of so many events or more.
    EventsAtLeast(u64),
}

impl Expect {
    /// The same with the number of events that was seen once.
    pub(crate) fn exactly(self, events: u64) -> Self {
        match self {
            Self::EventsAtLeast(_) => Self::Events(events),
            other => other,
        }
    }
}

enum Part {
    Head,
    /// A body of known length; so many bytes are missing.
    Rest(usize),
    ChunkSize,
    Chunk(usize),
    /// The line end after a chunk, or the empty line after the last one.
    ChunkEnd {
        last: bool,
    },
    Done,
}

pub(crate) struct Answer {
    part: Part,
    /// Bytes of a head or of a chunk's size that is not complete yet.
    held: Vec<u8>,
    body: usize,
    last_byte: u8,
    events: Events,
    reusable: bool,
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Head,
            held: Vec::new(),
            body: 0,
            last_byte: 0,
            events: Events::default(),
            reusable: true,
        }
    }

    /// Takes what was read; true once the answer is complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<bool> {
        while !bytes.is_empty() {
            bytes = match self.part {
                Part::Head => self.head(bytes)?,
                Part::Rest(missing) => {
                    let (body, rest) = bytes.split_at(missing.min(bytes.len()));
                    self.take(body);
                    self.part = match missing - body.len() {
                        0 => Part::Done,
                        missing => Part::Rest(missing),
                    };
                    rest
                }
                Part::ChunkSize => self.chunk_size(bytes)?,
                Part::Chunk(missing) => {
                    let (body, rest) = bytes.split_at(missing.min(bytes.len()));
                    self.take(body);
                    self.part = match missing - body.len() {
                        0 => Part::ChunkEnd { last: false },
                        missing => Part::Chunk(missing),
                    };
                    rest
                }
                Part::ChunkEnd { last } => self.chunk_end(bytes, last)?,
                Part::Done => bail!("{} bytes follow the answer", bytes.len()),
            };
        }
        Ok(matches!(self.part, Part::Done))
    }

    /// Events seen so far, `[DONE]` not counted.
    pub(crate) fn events(&self) -> u64 {
        self.events.count
    }

    /// Whether the connection may carry another call.
    pub(crate) fn reusable(&self) -> bool {
        self.reusable
    }

    /// Whether the complete answer is the right one.
    pub(crate) fn check(&self, expect: Expect) -> Result<()> {
        match expect {
            Expect::Object { at_least } => {
                ensure!(self.body >= at_least, "a body of {} bytes", self.body);
                ensure!(self.last_byte == b'}', "the body does not end an object");
            }
            Expect::Events(count) => {
                ensure!(self.events.count == count, "{} events", self.events.count);
                ensure!(self.events.done, "a stream without its end mark");
            }
            Expect::EventsAtLeast(count) => {
                ensure!(self.events.count >= count, "{} events", self.events.count);
                ensure!(self.events.done, "a stream without its end mark");
            }
        }
        Ok(())
    }

    fn take(&mut self, body: &[u8]) {
        self.body += body.len();
        if let Some(byte) = body.iter().rev().find(|byte| !byte.is_ascii_whitespace()) {
            self.last_byte = *byte;
        }
        self.events.read(body);
    }

    fn head<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.held, b"\r\n\r\n") else {
            ensure!(self.held.len() <= LONGEST_HEAD, "a head without an end");
            return Ok(&[]);
        };
        let head = Head::read(&self.held[..end])?;
        self.reusable = head.reusable;
        self.part = match head.length {
            None => Part::ChunkSize,
            Some(0) => Part::Done,
            Some(length) => Part::Rest(length),
        };
        self.held.clear();
        Ok(&bytes[end + 4 - before..])
    }

    fn chunk_size<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.held.extend_from_slice(bytes);
            ensure!(self.held.len() <= 64, "a chunk without a size");
            return Ok(&[]);
        };
        self.held.extend_from_slice(&bytes[..end]);
        let text = std::str::from_utf8(&self.held)?;
        let digits = text.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16)
            .with_context(|| format!("`{digits}` as the size of a chunk"))?;
        self.held.clear();
        self.part = match size {
            0 => Part::ChunkEnd { last: true },
            size => Part::Chunk(size),
        };
        Ok(&bytes[end + 1..])
    }

    fn chunk_end<'b>(&mut self, bytes: &'b [u8], last: bool) -> Result<&'b [u8]> {
        match bytes[0] {
            b'\r' => {}
            b'\n' if last => self.part = Part::Done,
            b'\n' => self.part = Part::ChunkSize,
            _ => bail!("a chunk that goes on after its size"),
        }
        Ok(&bytes[1..])
    }
}

struct Head {
    /// None when the body comes in chunks.
    length: Option<usize>,
    reusable: bool,
}

impl Head {
    fn read(head: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(head)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap_or_default();
        ensure!(status.starts_with("HTTP/1.1 200"), "the answer is {status}");
        let mut length = None;
        let mut chunked = false;
        let mut reusable = true;
        for line in lines {
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                reusable = !value.eq_ignore_ascii_case("close");
            }
        }
        ensure!(chunked || length.is_some(), "an answer of unknown length");
        let length = length.filter(|_| !chunked);
        Ok(Self { length, reusable })
    }
}

/// Counts the data lines of a stream, wherever it is cut.
#[derive(Default)]
struct Events {
    /// The start of the line that is being read, as far as it matters.
    start: [u8; STOP.len()],
    filled: usize,
    count: u64,
    done: bool,
}

impl Events {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            self.hold(&bytes[..end]);
            let line = &self.start[..self.filled];
            if line.starts_with(DONE) || line == STOP {
                self.done = true;
            } else if line.starts_with(b"data:") {
                self.count += 1;
            }
            self.filled = 0;
            bytes = &bytes[end + 1..];
        }
        self.hold(bytes);
    }

    fn hold(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.start.len() - self.filled);
        self.start[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OBJECT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\n{\"a\": \"\\n\"}\n";
    const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        1b\r\ndata: {}\n\n: hm\n\ndata: {}\n\nd\r\n4\r\nata:\r\n14\r\n {}\n\ndata: [DONE]\n\n\n\r\n0\r\n\r\n";

    #[test]
    fn a_stream_in_another_dialect_ends_with_its_own_mark() {
        let stream = |last: &str| {
            let body = format!("event: message_start\ndata: {{}}\n\nevent: {last}\ndata: {{}}\n\n");
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
        };
        let whole = read(&stream("message_stop"), &[]).unwrap();
        whole.check(Expect::Events(2)).unwrap();
        let cut = read(&stream("message_delta"), &[]).unwrap();
        assert!(cut.check(Expect::Events(2)).is_err());
    }

    fn read(text: &str, cuts: &[usize]) -> Result<Answer> {
        let mut answer = Answer::new();
        let mut complete = false;
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (piece, after) = rest.split_at(*cut % (rest.len() + 1));
            complete |= answer.push(piece)?;
            rest = after;
        }
        complete |= answer.push(rest)?;
        ensure!(complete, "not complete");
        Ok(answer)
    }

    #[test]
    fn what_is_not_a_whole_right_answer_is_an_error() {
        for text in [
            "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
        ] {
            assert!(read(text, &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_right_answer_of_the_wrong_kind_fails_the_check() {
        let object = read(OBJECT, &[]).unwrap();
        assert!(object.check(Expect::Object { at_least: 13 }).is_err());
        assert!(object.check(Expect::Events(0)).is_err());
        let stream = read(STREAM, &[]).unwrap();
        assert!(stream.check(Expect::Events(2)).is_err());
        assert!(stream.check(Expect::Object { at_least: 0 }).is_err());
    }

    #[test]
    fn a_connection_that_closes_is_not_used_again() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: close\r\n\r\n";
        assert!(!read(text, &[]).unwrap().reusable());
        assert!(read(OBJECT, &[]).unwrap().reusable());
    }

    proptest! {
        #[test]
        fn any_cuts_give_the_same_answer(cuts in prop::collection::vec(0_usize..40, 0..12)) {
            let object = read(OBJECT, &cuts).unwrap();
            object.check(Expect::Object { at_least: 12 }).unwrap();
            let stream = read(STREAM, &cuts).unwrap();
            stream.check(Expect::Events(3)).unwrap();
        }
    }
}
