//! A stream from one dialect to another: a reader, a writer, and what the receipt wants to know.

use bytes::Bytes;

use super::event::{Break, Event, Reader, Writer};
use super::order::Order;
use super::usage::Usage;
use crate::fault::Fault;

/// One stream on its way between two dialects.
pub struct Translation {
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
    order: Order,
    seen: Seen,
}

/// What a stream has said so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What the vendor counted last.
    pub usage: Option<Usage>,
    /// The model that the vendor says it uses.
    pub model: Option<String>,
    /// Whether content was seen.
    pub started: bool,
    /// Whether all has been said.
    pub done: bool,
    /// Events with content.
    pub events: u64,
    /// Bytes of content.
    pub content_bytes: u64,
}

impl Seen {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => {
                self.usage = start.usage.or(self.usage);
                self.model = Some(start.model.to_string()).filter(|model| !model.is_empty());
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done = true,
            _ => {}
        }
        if event.is_content() {
            self.started = true;
            self.events += 1;
            self.content_bytes += event.content_len() as u64;
        }
    }
}

impl Translation {
    /// A stream of which nothing has come.
    pub fn new(reader: Box<dyn Reader>, writer: Box<dyn Writer>) -> Translation {
        Translation {
            reader,
            writer,
            order: Order::default(),
            seen: Seen::default(),
        }
    }

    /// Takes what the vendor sent and appends what the client gets. What stands in `out` after an
    /// error came before it and is good; [`Translation::fail`] tells the client of the rest.
    ///
    /// After the last event nothing more is read.
    pub fn push(&mut self, chunk: Bytes, out: &mut Vec<u8>) -> Result<(), Break> {
        if self.seen.done {
            return Ok(());
        }
        let (writer, order, seen) = (&mut self.writer, &mut self.order, &mut self.seen);
        let read = self.reader.push(chunk, &mut |event| {
            order.pass(event, &mut |event| {
                seen.note(event);
                writer.event(event, out);
            });
        });
        // What is wrong behind the last event came too late, in whatever piece it came.
        if seen.done {
            return Ok(());
        }
        order.check().and(read)
    }

    /// The vendor has closed its stream, in order or not.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Break> {
        if self.seen.done {
            return Ok(());
        }
        let (writer, order, seen) = (&mut self.writer, &mut self.order, &mut self.seen);
        let read = self.reader.end(&mut |event| {
            order.pass(event, &mut |event| {
                seen.note(event);
                writer.event(event, out);
            });
        });
        if seen.done {
            return Ok(());
        }
        order.check().and(read).and(Err(Break::Cut))
    }

    /// Tells the client, in its dialect, that the stream failed; not when it has ended already.
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.seen.done, true) {
            self.writer.fault(fault, out);
        }
    }

    /// What the stream has said so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl std::fmt::Debug for Translation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translation")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
