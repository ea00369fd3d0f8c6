//! An answer whose body is read as it comes, event by event.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use crate::event::{Event, first_block};
use crate::http::{End, Framing, Head, read_chunk};

/// An answer that is still coming. Dropping it hangs up.
pub struct Live {
    /// Status and headers.
    pub head: Head,
    framing: Framing,
    connection: BufReader<TcpStream>,
    buffer: Vec<u8>,
    end: Option<End>,
}

impl Live {
    pub(crate) fn new(head: Head, framing: Framing, connection: BufReader<TcpStream>) -> Live {
        Live {
            head,
            framing,
            connection,
            buffer: Vec::new(),
            end: None,
        }
    }

    /// Every event that is still to come, and how the body ended.
    pub fn rest(mut self) -> (Vec<Event>, End) {
        let events = self.by_ref().collect();
        (events, self.end.unwrap_or(End::Cut))
    }

    fn read_some(&mut self) {
        let read = match self.framing {
            Framing::Chunked => read_chunk(&mut self.connection, &mut self.buffer),
            Framing::Length(0) => Ok(false),
            Framing::Length(left) => self.read_up_to(left).map(|read| {
                self.framing = Framing::Length(left - read);
                true
            }),
            Framing::ToEnd => self.read_up_to(usize::MAX).map(|read| read > 0),
        };
        match read {
            Ok(true) => {}
            Ok(false) => self.end = Some(End::Whole),
            Err(_) => self.end = Some(End::Cut),
        }
    }

    fn read_up_to(&mut self, most: usize) -> std::io::Result<usize> {
        let ready = self.connection.fill_buf()?;
        let length = ready.len().min(most);
        self.buffer.extend_from_slice(&ready[..length]);
        self.connection.consume(length);
        if length == 0 && most != usize::MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(length)
    }
}

/// The events as they come; none when the body has ended.
impl Iterator for Live {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(length) = first_block(&self.buffer) {
                let block: Vec<u8> = self.buffer.drain(..length).collect();
                if let Some(event) = Event::of(&block) {
                    return Some(event);
                }
            } else if self.end.is_some() {
                return Event::of(&std::mem::take(&mut self.buffer));
            } else {
                self.read_some();
            }
        }
    }
}
