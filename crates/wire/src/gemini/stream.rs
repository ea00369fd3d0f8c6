//! The two forms in which a stream comes: an event stream, and where something went wrong before
//! its first event, a JSON array.

use bytes::Bytes;

use super::event_reader::EventReader;
use crate::ir::{Break, EventStream, Events, Reader, Recall, Sink};
use crate::json::Node;

/// A reader of `streamGenerateContent` streams; `recall` is what the request left behind,
/// `max_event` bounds one event.
pub fn reader(recall: Recall, max_event: usize) -> StreamReader {
    StreamReader {
        form: Form::Unknown(EventReader::new(recall)),
        max_event,
    }
}

/// Reads a stream in whichever form it comes.
#[derive(Debug)]
pub struct StreamReader {
    form: Form,
    max_event: usize,
}

#[derive(Debug)]
enum Form {
    /// Nothing but blanks came.
    Unknown(EventReader),
    Events(EventStream<EventReader>),
    /// The array so far.
    Array(EventReader, Vec<u8>),
}

impl StreamReader {
    /// Takes the first byte that is no blank for what it says of the form. Blanks before it belong
    /// to neither: they may come in a piece of their own.
    fn settle(&mut self, chunk: &mut Bytes) {
        if let Form::Unknown(events) = &mut self.form {
            let blanks = chunk.len() - chunk.trim_ascii_start().len();
            let _ = chunk.split_to(blanks);
            let Some(first) = chunk.first() else {
                return;
            };
            let events = std::mem::take(events);
            self.form = if b"[{".contains(first) {
                Form::Array(events, Vec::new())
            } else {
                Form::Events(EventStream::new(events, self.max_event))
            };
        }
    }
}

impl Reader for StreamReader {
    fn push(&mut self, mut chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break> {
        self.settle(&mut chunk);
        match &mut self.form {
            Form::Unknown(_) => Ok(()),
            Form::Events(events) => events.push(chunk, sink),
            Form::Array(_, kept) => {
                if kept.len() + chunk.len() > self.max_event {
                    return Err(Break::Malformed(format!(
                        "an array has more than {} bytes",
                        self.max_event
                    )));
                }
                kept.extend_from_slice(&chunk);
                Ok(())
            }
        }
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        match &mut self.form {
            Form::Unknown(_) => Err(Break::Cut),
            Form::Events(events) => events.end(sink),
            Form::Array(events, kept) => {
                let node = Node::parse(kept)?;
                let answers = if node.is_array() {
                    node.elements()
                } else {
                    vec![node]
                };
                for answer in answers {
                    events.answer(answer, sink)?;
                }
                events.end(sink)
            }
        }
    }
}
