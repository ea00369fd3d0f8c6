//! A stream of Cohere's into events.

use std::borrow::Cow;

use super::citation::pages;
use super::error::{failed, failure};
use super::tool::{free_text, is_custom, read_call};
use super::{logprobs, usage};
use crate::ir::{
    Break, Delta, Event, EventStream, Events, Finish, Opening, Raw, Recall, Sink, Start, Unread,
};
use crate::json::Node;

/// Calls that may be open at once.
const OPEN_MAX: usize = 256;
/// Bytes of citations, or of one call, that have to be kept until they are whole.
const KEPT_MAX: usize = 16 * 1024 * 1024;

/// Reads the events of a chat stream.
#[derive(Debug, Default)]
pub struct EventReader {
    recall: Recall,
    /// Blocks told so far.
    blocks: u32,
    prose: Option<Prose>,
    calls: Vec<Call>,
    /// Characters of text told so far.
    chars: u64,
    citations: Vec<String>,
    kept: usize,
    done: bool,
}

/// A reader of chat streams; `recall` is what the request left behind, `max_event` bounds one event.
pub fn reader(recall: Recall, max_event: usize) -> EventStream<EventReader> {
    EventStream::new(EventReader::new(recall), max_event)
}

/// Words that are being said or thought. They stay open until something else begins: what they cite
/// may come behind their end.
#[derive(Debug)]
struct Prose {
    block: u32,
    thought: bool,
    /// Characters of text before it.
    before: u64,
}

/// A call that is open.
#[derive(Debug)]
struct Call {
    /// The vendor's number.
    index: u64,
    block: u32,
    /// Free text is told once its object is whole.
    custom: Option<String>,
}

impl EventReader {
    /// A stream of which nothing has come.
    pub fn new(recall: Recall) -> EventReader {
        EventReader {
            recall,
            ..EventReader::default()
        }
    }

    fn open(&mut self, kind: Opening<'_>, sink: &mut Sink<'_>) -> u32 {
        let block = self.blocks;
        self.blocks += 1;
        sink(Event::Open {
            choice: 0,
            block,
            kind,
        });
        block
    }

    fn close_prose(&mut self, sink: &mut Sink<'_>) {
        if let Some(Prose { block, .. }) = self.prose.take() {
            sink(Event::Close { choice: 0, block });
        }
    }

    /// Says or thinks more.
    fn say(&mut self, thought: bool, text: Option<Node<'_>>, sink: &mut Sink<'_>) {
        let Some(text) = text.and_then(Node::text).filter(|text| !text.is_empty()) else {
            return;
        };
        let block = match &self.prose {
            Some(prose) if prose.thought == thought => prose.block,
            _ => self.begin(thought, sink),
        };
        if !thought {
            self.chars += text.chars().count() as u64;
        }
        let delta = if thought {
            Delta::Thinking(text)
        } else {
            Delta::Text(text)
        };
        sink(Event::Delta {
            choice: 0,
            block,
            delta,
        });
    }

    fn begin(&mut self, thought: bool, sink: &mut Sink<'_>) -> u32 {
        self.close_prose(sink);
        let kind = if thought {
            Opening::Thinking
        } else {
            Opening::Text
        };
        let block = self.open(kind, sink);
        self.prose = Some(Prose {
            block,
            thought,
            before: self.chars,
        });
        block
    }

    fn content(&mut self, begins: bool, content: Node<'_>, sink: &mut Sink<'_>) {
        let [kind, text, thinking] = content.pick(["type", "text", "thinking"]);
        if begins {
            self.begin(
                kind.and_then(Node::text).as_deref() == Some("thinking"),
                sink,
            );
        }
        self.say(true, thinking, sink);
        self.say(false, text, sink);
    }

    fn call(&mut self, index: u64, calls: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let node = one(calls);
        let Some((id, name, arguments)) = read_call(node, &self.recall) else {
            return Ok(());
        };
        if self.calls.len() >= OPEN_MAX {
            return Err(Break::Malformed(format!(
                "more than {OPEN_MAX} calls are open at once"
            )));
        }
        self.end_call(index, sink);
        self.close_prose(sink);
        let custom = is_custom(node, &self.recall);
        let kind = Opening::ToolCall {
            id,
            name,
            signature: None,
            custom,
        };
        let block = self.open(kind, sink);
        self.calls.push(Call {
            index,
            block,
            custom: custom.then(String::new),
        });
        self.arguments(index, arguments, sink)
    }

    fn arguments(
        &mut self,
        index: u64,
        more: Cow<'_, str>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        if more.is_empty() {
            return Ok(());
        }
        let Some(call) = self.calls.iter_mut().find(|call| call.index == index) else {
            let what = format!("arguments of call {index}, which did not begin");
            return Err(Break::Malformed(what));
        };
        match &mut call.custom {
            Some(kept) if kept.len() + more.len() > KEPT_MAX => return Err(too_much()),
            Some(kept) => kept.push_str(&more),
            None => sink(Event::Delta {
                choice: 0,
                block: call.block,
                delta: Delta::Arguments(more),
            }),
        }
        Ok(())
    }

    fn end_call(&mut self, index: u64, sink: &mut Sink<'_>) {
        let Some(at) = self.calls.iter().position(|call| call.index == index) else {
            return;
        };
        let Call { block, custom, .. } = self.calls.remove(at);
        if let Some(kept) = custom {
            let delta = Delta::Arguments(free_text(&kept));
            sink(Event::Delta {
                choice: 0,
                block,
                delta,
            });
        }
        sink(Event::Close { choice: 0, block });
    }

    fn cite(&mut self, citations: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let citation = one(citations);
        self.kept += citation.raw().len();
        if self.kept > KEPT_MAX {
            return Err(too_much());
        }
        self.citations.push(citation.raw().to_owned());
        if let Some(Prose {
            block,
            thought: false,
            before,
        }) = self.prose
        {
            for page in pages(citation, before) {
                sink(Event::Delta {
                    choice: 0,
                    block,
                    delta: Delta::Citation(page),
                });
            }
        }
        Ok(())
    }

    fn finish(&mut self, delta: Option<Node<'_>>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let [reason, error, counted] = delta
            .map(|delta| delta.pick(["finish_reason", "error", "usage"]))
            .unwrap_or_default();
        let reason = reason.and_then(Node::text).unwrap_or_default();
        let error = error
            .and_then(Node::text)
            .filter(|error| !error.trim().is_empty());
        if let Some(failure) = failure(&reason, error.as_deref()) {
            return Err(Break::Vendor(failure));
        }
        if let Some(error) = error {
            return Err(Break::Vendor(failed(502, Some(&error))));
        }
        self.close_prose(sink);
        while let Some(index) = self.calls.first().map(|call| call.index) {
            self.end_call(index, sink);
        }
        if !self.citations.is_empty() {
            let list = std::mem::take(&mut self.citations).join(",");
            tell("citations", Raw::from(format!("[{list}]")), sink);
        }
        if let Some(bill) = counted.and_then(usage::bill) {
            tell("billed_units", bill, sink);
        }
        if let Some(counted) = counted {
            sink(Event::Usage(usage::read(counted)));
        }
        self.done = true;
        sink(Event::Finish {
            choice: 0,
            finish: Finish::of(reason),
        });
        sink(Event::Done);
        Ok(())
    }
}

fn tell(name: &'static str, value: Raw<'_>, sink: &mut Sink<'_>) {
    sink(Event::Metadata {
        name: Cow::Borrowed(name),
        value,
    });
}

fn too_much() -> Break {
    Break::Malformed(format!(
        "more than {KEPT_MAX} bytes have to be kept of the answer"
    ))
}

/// An object, or a list of the one.
fn one(node: Node<'_>) -> Node<'_> {
    node.elements().into_iter().next().unwrap_or(node)
}

impl Events for EventReader {
    fn event(
        &mut self,
        name: Option<&[u8]>,
        data: Unread<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        if self.done {
            return Ok(());
        }
        let [kind, index, delta, id, probable] =
            data.pick(["type", "index", "delta", "id", "logprobs"])?;
        let kind = kind.and_then(Node::text);
        // The data says it itself; some only name the event.
        let kind = kind
            .as_deref()
            .or_else(|| std::str::from_utf8(name?).ok())
            .unwrap_or_default();
        let index = index.and_then(Node::uint).unwrap_or(0);
        let [content, plan, calls, citations] = delta
            .and_then(|delta| delta.get("message"))
            .map(|message| message.pick(["content", "tool_plan", "tool_calls", "citations"]))
            .unwrap_or_default();
        match (kind, content, calls, citations) {
            ("message-start", ..) => sink(Event::Start(Start {
                id: id.and_then(Node::text).unwrap_or_default(),
                ..Start::default()
            })),
            ("content-start", Some(content), ..) => self.content(true, content, sink),
            ("content-delta", Some(content), ..) => self.content(false, content, sink),
            ("tool-plan-delta", ..) => self.say(true, plan, sink),
            ("tool-call-start", _, Some(calls), _) => self.call(index, calls, sink)?,
            ("tool-call-delta", _, Some(calls), _) => {
                let more = one(calls)
                    .get("function")
                    .and_then(|call| call.get("arguments"));
                let more = more.and_then(Node::text).unwrap_or_default();
                self.arguments(index, more, sink)?;
            }
            ("tool-call-end", ..) => self.end_call(index, sink),
            ("citation-start", _, _, Some(citations)) => self.cite(citations, sink)?,
            ("message-end", ..) => return self.finish(delta, sink),
            // Ends of what ends by itself, and what was invented later.
            _ => {}
        }
        if let Some(logprobs) = probable.and_then(logprobs::read) {
            sink(Event::Logprobs {
                choice: 0,
                logprobs,
            });
        }
        Ok(())
    }

    fn end(&mut self, _sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.done { Ok(()) } else { Err(Break::Cut) }
    }
}
