//! Events into a stream of this dialect: each is an answer with what is new in it, and the last
//! says why it ended and what was used.

use super::error::write_error;
use super::reply_writer::{
    finish_word, write_call, write_content, write_face, write_grounding, write_part, write_usage,
};
use crate::fault::Fault;
use crate::ir::{
    Block, Citation, Delta, Event, Face, Finish, Opening, Thinking, ToolCall, Usage, Writer,
};
use crate::json::write::{self, Array, Object};

/// Writes a stream as a client of this dialect reads it.
#[derive(Debug, Default)]
pub struct EventWriter {
    face: Face,
    id: String,
    model: String,
    /// As a JSON array, for clients that do not ask for an event stream.
    array: bool,
    begun: bool,
    calls: Vec<Call>,
    pages: Vec<(u32, String, Option<String>)>,
    finished: Vec<(u32, Finish<'static>)>,
    usage: Option<Usage>,
}

/// A call whose arguments still come.
#[derive(Debug)]
struct Call {
    choice: u32,
    block: u32,
    so_far: ToolCall<'static>,
}

impl EventWriter {
    /// A stream of which nothing was written.
    pub fn new(face: Face) -> EventWriter {
        EventWriter {
            face,
            ..EventWriter::default()
        }
    }

    /// The same as a JSON array.
    pub fn as_array(mut self) -> EventWriter {
        self.array = true;
        self
    }

    fn send(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        self.begin(out);
        let start = out.len();
        write::object(out, fill);
        write::one_line(&mut out[start..]);
        if !self.array {
            out.extend_from_slice(b"\n\n");
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        let begun = std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(match (self.array, begun) {
            (false, _) => b"data: ",
            (true, false) => b"[",
            (true, true) => b",\n",
        });
    }

    /// One answer with one part.
    fn part(&mut self, choice: u32, out: &mut Vec<u8>, part: impl FnOnce(&mut Array<'_>)) {
        let (id, model, face) = (self.id.clone(), self.model.clone(), self.face.clone());
        self.send(out, |o| {
            o.array("candidates", |a| {
                a.object(|o| {
                    o.uint("index", u64::from(choice));
                    write_content(o, part);
                });
            });
            write_face(o, &id, &model, &face);
        });
    }

    fn block(&mut self, choice: u32, block: &Block<'_>, out: &mut Vec<u8>) {
        let hide = self.face.hide_thoughts;
        let mut part = Vec::new();
        write::array(&mut part, |a| write_part(a, block, hide));
        // Between the brackets: nothing, where the block has no form.
        if let Some(inside) = part.get(1..part.len() - 1).filter(|part| !part.is_empty()) {
            self.part(choice, out, |a| a.slot().extend_from_slice(inside));
        }
    }

    fn open(&mut self, choice: u32, block: u32, kind: &Opening<'_>) {
        if let Opening::ToolCall {
            id,
            name,
            signature,
            custom,
        } = kind
        {
            let so_far = ToolCall {
                id: id.to_string().into(),
                name: name.to_string().into(),
                arguments: String::new().into(),
                signature: signature.as_ref().map(|text| text.to_string().into()),
                custom: *custom,
                cache: None,
            };
            self.calls.push(Call {
                choice,
                block,
                so_far,
            });
        }
    }

    fn delta(&mut self, choice: u32, block: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) => self.block(choice, &Block::text(&**text), out),
            Delta::Refusal(text) => self.block(choice, &Block::Refusal(text.clone()), out),
            Delta::Thinking(text) => {
                let thinking = Thinking {
                    text: text.clone(),
                    state: None,
                };
                self.block(choice, &Block::Thinking(thinking), out);
            }
            Delta::Arguments(text) => {
                let mut calls = self.calls.iter_mut();
                let call = calls.find(|call| call.choice == choice && call.block == block);
                if let Some(call) = call {
                    call.so_far.arguments.to_mut().push_str(text);
                }
            }
            Delta::Citation(citation) => self.cite(choice, citation),
            // A signature of another vendor's: nothing that a client here could use.
            Delta::Signature(_) => {}
        }
    }

    fn cite(&mut self, choice: u32, citation: &Citation<'_>) {
        if let Some(url) = &citation.url {
            let title = citation.title.as_ref().map(ToString::to_string);
            self.pages.push((choice, url.to_string(), title));
        }
    }

    fn close(&mut self, choice: u32, block: u32, out: &mut Vec<u8>) {
        let known = |call: &Call| call.choice == choice && call.block == block;
        if let Some(at) = self.calls.iter().position(known) {
            let call = self.calls.remove(at).so_far;
            self.part(choice, out, |a| write_call(a, &call));
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let (id, model, face) = (self.id.clone(), self.model.clone(), self.face.clone());
        let finished = std::mem::take(&mut self.finished);
        let pages = std::mem::take(&mut self.pages);
        let usage = self.usage;
        self.send(out, |o| {
            o.array("candidates", |a| {
                for (choice, finish) in &finished {
                    let own = pages.iter().filter(|(of, ..)| of == choice);
                    let own: Vec<_> = own
                        .map(|(_, url, title)| (url.as_str(), title.as_deref()))
                        .collect();
                    a.object(|o| {
                        o.uint("index", u64::from(*choice));
                        write_content(o, |a| a.object(|o| o.text("text", "")));
                        o.text("finishReason", finish_word(finish));
                        write_grounding(o, &own);
                    });
                }
            });
            if let Some(usage) = &usage {
                write_usage(o, usage);
            }
            write_face(o, &id, &model, &face);
        });
        self.close_array(out);
    }

    fn close_array(&self, out: &mut Vec<u8>) {
        if self.array {
            out.push(b']');
        }
    }
}

impl Writer for EventWriter {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                self.id = start.id.to_string();
                self.model = start.model.to_string();
                self.usage = start.usage.or(self.usage);
            }
            Event::Open {
                choice,
                block,
                kind,
            } => self.open(*choice, *block, kind),
            Event::Delta {
                choice,
                block,
                delta,
            } => self.delta(*choice, *block, delta, out),
            Event::Close { choice, block } => self.close(*choice, *block, out),
            Event::Whole {
                choice, content, ..
            } => self.block(*choice, content, out),
            Event::Finish { choice, finish } => {
                self.finished.push((*choice, finish.clone().into_owned()));
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Logprobs { .. } | Event::Metadata { .. } => {}
            Event::Done => self.end(out),
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.begin(out);
        write_error(fault, out);
        if self.array {
            self.close_array(out);
        } else {
            out.extend_from_slice(b"\n\n");
        }
    }
}
