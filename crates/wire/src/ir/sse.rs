//! Dialects whose streams are event streams: the cutting, once for all of them.

use bytes::Bytes;

use super::event::{Break, Reader, Sink};
use crate::json::Node;
use crate::sse::{Block, Framer, blocks};

/// Reads whole events of one dialect.
pub trait Events: Send {
    /// Takes one event: its name, if it has one, and its data.
    fn event(
        &mut self,
        name: Option<&[u8]>,
        data: Unread<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break>;

    /// The vendor has closed the stream. An error when it had more to say.
    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break>;

    /// `[DONE]` was read.
    fn done(&mut self, _sink: &mut Sink<'_>) -> Result<(), Break> {
        Ok(())
    }
}

/// An event's data, at which nobody has looked: the first look tells whether it is JSON.
#[derive(Clone, Copy, Debug)]
pub struct Unread<'a>(&'a [u8]);

impl<'a> Unread<'a> {
    /// The named members, as [`Node::pick`] gives them.
    pub fn pick<const N: usize>(self, names: [&str; N]) -> Result<[Option<Node<'a>>; N], Break> {
        Ok(Node::parse_pick(self.0, names)?)
    }

    /// As it was sent.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// All of it.
    pub fn node(self) -> Result<Node<'a>, Break> {
        Ok(Node::parse(self.0)?)
    }
}

/// A reader of an event stream.
#[derive(Debug)]
pub struct EventStream<E> {
    framer: Framer,
    events: E,
}

impl<E: Events> EventStream<E> {
    /// A stream of which nothing has come; `max_event` bounds one event.
    pub fn new(events: E, max_event: usize) -> EventStream<E> {
        EventStream {
            framer: Framer::new(max_event),
            events,
        }
    }

    fn run(&mut self, run: &[u8], sink: &mut Sink<'_>) -> Result<(), Break> {
        blocks(run).try_for_each(|block| self.block(&block, sink))
    }

    fn block(&mut self, block: &Block<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let Some(data) = block.data() else {
            return Ok(());
        };
        if block.is_done() {
            return self.events.done(sink);
        }
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        self.events.event(block.event(), Unread(&data), sink)
    }
}

impl<E: Events> Reader for EventStream<E> {
    fn push(&mut self, chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break> {
        let run = self
            .framer
            .push(chunk)
            .map_err(|error| Break::Malformed(error.to_string()))?;
        self.run(&run, sink)
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        if let Some(last) = self.framer.finish() {
            self.run(&last, sink)?;
        }
        self.events.end(sink)
    }
}
