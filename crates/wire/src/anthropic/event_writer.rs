//! Events into a stream of this dialect.
//!
//! Its blocks may not interleave: one is open at a time, and what comes for others meanwhile waits.

use std::collections::VecDeque;

use super::error;
use super::reply_writer::{message_id, model, wrapped, write_stop};
use super::usage;
use crate::fault::Fault;
use crate::ir::{
    Block, Delta, Event, Face, Finish, OpaqueKind, Opening, Raw, Start, Usage, Writer,
};
use crate::json::write::{self, Object};

/// Writes an event stream as a client of this dialect reads it. Of several choices it knows the first.
#[derive(Debug)]
pub struct MessageWriter {
    face: Face,
    started: bool,
    usage: Usage,
    finish: Option<Finish<'static>>,
    refusal: Option<String>,
    called: bool,
    next: u64,
    /// Blocks whose end was not written. The first is the client's open one.
    waiting: VecDeque<Waiting>,
}

/// A block that is not over.
#[derive(Debug)]
struct Waiting {
    /// The reader's number.
    block: u32,
    /// The client's number.
    index: u64,
    thinking: bool,
    signed: bool,
    custom: Option<String>,
    /// What could not be written yet.
    held: Vec<u8>,
    closed: bool,
}

impl MessageWriter {
    /// A stream of which nothing was written.
    pub fn new(face: Face) -> MessageWriter {
        MessageWriter {
            face,
            started: false,
            usage: Usage::default(),
            finish: None,
            refusal: None,
            called: false,
            next: 0,
            waiting: VecDeque::new(),
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut Vec<u8>) {
        self.started = true;
        self.usage = start.usage.unwrap_or_default();
        named(out, "message_start", |o| {
            o.object("message", |o| {
                o.text("id", &message_id(&start.id, &self.face));
                o.text("type", "message");
                o.text("role", "assistant");
                o.text("model", model(&start.model, &self.face));
                o.raw("content", "[]");
                o.raw("stop_reason", "null");
                o.raw("stop_sequence", "null");
                usage::write(o, &self.usage);
            });
        });
        named(out, "ping", |_| {});
    }

    fn open(&mut self, block: u32, kind: &Opening<'_>, out: &mut Vec<u8>) {
        let index = self.next;
        self.next += 1;
        let custom = matches!(kind, Opening::ToolCall { custom: true, .. });
        self.called |= matches!(kind, Opening::ToolCall { .. });
        self.waiting.push_back(Waiting {
            block,
            index,
            thinking: *kind == Opening::Thinking,
            signed: false,
            custom: custom.then(String::new),
            held: Vec::new(),
            closed: false,
        });
        self.write(block, out, |out| {
            named(out, "content_block_start", |o| {
                o.uint("index", index);
                o.object("content_block", |o| match kind {
                    Opening::Text | Opening::Refusal => {
                        o.text("type", "text");
                        o.text("text", "");
                    }
                    Opening::Thinking => {
                        o.text("type", "thinking");
                        o.text("thinking", "");
                        o.text("signature", "");
                    }
                    Opening::ToolCall { id, name, .. } => {
                        o.text("type", "tool_use");
                        o.text("id", id);
                        o.text("name", name);
                        o.raw("input", "{}");
                    }
                });
            });
        });
    }

    /// Writes to the client if the block is its open one, else behind what waits for it.
    fn write(&mut self, block: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
        let first = self
            .waiting
            .front()
            .is_some_and(|first| first.block == block);
        match self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.block == block)
        {
            Some(_) if first => fill(out),
            Some(waiting) => fill(&mut waiting.held),
            None => {}
        }
    }

    fn delta(&mut self, block: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(waiting) = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.block == block)
        else {
            return;
        };
        let index = waiting.index;
        if let (Some(custom), Delta::Arguments(text)) = (&mut waiting.custom, delta) {
            custom.push_str(text);
            return;
        }
        waiting.signed |= matches!(delta, Delta::Signature(_));
        if let Delta::Refusal(text) = delta {
            self.refusal.get_or_insert_default().push_str(text);
        }
        let own = match delta {
            Delta::Citation(citation) => citation.raw.as_ref(),
            _ => None,
        };
        if matches!(delta, Delta::Citation(_)) && own.is_none() {
            return;
        }
        self.write(block, out, |out| {
            more(out, index, |o| match delta {
                Delta::Text(text) | Delta::Refusal(text) => {
                    o.text("type", "text_delta");
                    o.text("text", text);
                }
                Delta::Thinking(text) => {
                    o.text("type", "thinking_delta");
                    o.text("thinking", text);
                }
                Delta::Signature(data) => {
                    o.text("type", "signature_delta");
                    o.text("signature", data);
                }
                Delta::Arguments(text) => {
                    o.text("type", "input_json_delta");
                    o.text("partial_json", text);
                }
                Delta::Citation(_) => {
                    o.text("type", "citations_delta");
                    o.raw_if("citation", own.map(Raw::as_str));
                }
            });
        });
    }

    fn close(&mut self, block: u32, out: &mut Vec<u8>) {
        let Some(waiting) = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.block == block)
        else {
            return;
        };
        waiting.closed = true;
        let (index, unsigned) = (waiting.index, waiting.thinking && !waiting.signed);
        let custom = waiting.custom.take();
        let signature = unsigned.then(|| wrapped(None, &self.face));
        self.write(block, out, |out| {
            if let Some(input) = custom {
                let mut json = Vec::new();
                write::object(&mut json, |o| o.text("input", &input));
                more(out, index, |o| {
                    o.text("type", "input_json_delta");
                    o.text("partial_json", &String::from_utf8_lossy(&json));
                });
            }
            if let Some(signature) = signature {
                more(out, index, |o| {
                    o.text("type", "signature_delta");
                    o.text("signature", &signature);
                });
            }
            named(out, "content_block_stop", |o| o.uint("index", index));
        });
        self.flush(out);
    }

    /// What waited for the open block's end goes out, up to the next block that goes on.
    fn flush(&mut self, out: &mut Vec<u8>) {
        while self.waiting.front().is_some_and(|first| first.closed) {
            self.waiting.pop_front();
            if let Some(next) = self.waiting.front_mut() {
                out.append(&mut next.held);
            }
        }
    }

    fn whole(&mut self, block: u32, content: &Block<'_>, out: &mut Vec<u8>) {
        let raw = match content {
            Block::Server(server) => server.raw.as_str().to_owned(),
            Block::Thinking(thinking) => match &thinking.state {
                Some(state) if state.kind == OpaqueKind::Redacted => {
                    let mut raw = Vec::new();
                    write::object(&mut raw, |o| {
                        o.text("type", "redacted_thinking");
                        o.text("data", &state.data);
                    });
                    String::from_utf8(raw).unwrap_or_default()
                }
                _ => {
                    self.open(block, &Opening::Thinking, out);
                    if !thinking.text.is_empty() {
                        self.delta(block, &Delta::Thinking(thinking.text.clone()), out);
                    }
                    let signature = match &thinking.state {
                        Some(state) if state.kind == OpaqueKind::Signature => state.data.clone(),
                        state => wrapped(state.as_ref(), &self.face).into(),
                    };
                    self.delta(block, &Delta::Signature(signature), out);
                    return self.close(block, out);
                }
            },
            Block::ToolCall(call) => {
                let kind = Opening::ToolCall {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    signature: None,
                    custom: call.custom,
                };
                self.open(block, &kind, out);
                self.delta(block, &Delta::Arguments(call.arguments.clone()), out);
                return self.close(block, out);
            }
            Block::Text(text) => {
                self.open(block, &Opening::Text, out);
                self.delta(block, &Delta::Text(text.text.clone()), out);
                return self.close(block, out);
            }
            _ => return,
        };
        let index = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting {
            block,
            index,
            thinking: false,
            signed: false,
            custom: None,
            held: Vec::new(),
            closed: false,
        });
        self.write(block, out, |out| {
            named(out, "content_block_start", |o| {
                o.uint("index", index);
                o.raw("content_block", &raw);
            });
        });
        self.close(block, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.start(&Start::default(), out);
        }
        for block in self
            .waiting
            .iter()
            .map(|waiting| waiting.block)
            .collect::<Vec<_>>()
        {
            self.close(block, out);
        }
        let finish = self.finish.take().unwrap_or_default();
        named(out, "message_delta", |o| {
            o.object("delta", |o| {
                write_stop(o, &finish, self.called, self.refusal.as_deref());
            });
            usage::write(o, &self.usage);
        });
        named(out, "message_stop", |_| {});
    }
}

/// Writes one event; its name stands in its data as well.
fn named(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let start = out.len();
    write::object(out, |o| {
        o.text("type", name);
        fill(o);
    });
    write::one_line(&mut out[start..]);
    out.extend_from_slice(b"\n\n");
}

fn more(out: &mut Vec<u8>, index: u64, fill: impl FnOnce(&mut Object<'_>)) {
    named(out, "content_block_delta", |o| {
        o.uint("index", index);
        o.object("delta", fill);
    });
}

impl Writer for MessageWriter {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => self.start(start, out),
            Event::Open {
                choice: 0,
                block,
                kind,
            } => self.open(*block, kind, out),
            Event::Delta {
                choice: 0,
                block,
                delta,
            } => self.delta(*block, delta, out),
            Event::Close { choice: 0, block } => self.close(*block, out),
            Event::Whole {
                choice: 0,
                block,
                content,
            } => self.whole(*block, content, out),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone().into_owned()),
            Event::Usage(usage) => self.usage = *usage,
            Event::Done => self.end(out),
            _ => {}
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        named(out, "error", |o| {
            o.object("error", |o| {
                o.text("type", error::kind_of(fault.status()));
                o.text("message", &fault.message);
            });
            if !self.face.request_id.is_empty() {
                o.text("request_id", &self.face.request_id);
            }
        });
    }
}
