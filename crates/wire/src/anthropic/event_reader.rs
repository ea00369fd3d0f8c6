//! A stream of Anthropic's into events.

use std::borrow::Cow;

use super::block_reader::{Kind, kind_of, read_citation};
use super::error::error_of;
use super::reply_reader::{no_longer_a_call, read_finish, refusal};
use super::text_piece;
use super::usage::Counts;
use crate::ir::{
    Block, Break, Delta, Event, EventStream, Events, Opaque, OpaqueKind, Opening, Raw, Recall,
    Server, Sink, Start, Thinking, Unread, keep,
};
use crate::json::Node;
use crate::json::write;

/// Blocks that may be open at once.
const OPEN_MAX: usize = 256;

/// Reads the events of a Messages stream.
#[derive(Debug, Default)]
pub struct EventReader {
    recall: Recall,
    counts: Counts,
    open: Vec<Open>,
    /// Blocks told so far.
    blocks: u32,
    /// A tool of the client's was called.
    called: bool,
    /// What was given to the model of the answer still has to be told.
    prefilled: Option<&'static str>,
    /// Why it ended was told, which closed all blocks.
    finished: bool,
    done: bool,
}

/// A reader of Messages streams; `recall` is what the request left behind, `max_event` bounds one event.
pub fn reader(recall: Recall, max_event: usize) -> EventStream<EventReader> {
    EventStream::new(EventReader::new(recall), max_event)
}

/// A block that is open at the vendor's.
#[derive(Debug)]
struct Open {
    /// The vendor's number.
    index: u64,
    /// Ours.
    block: u32,
    what: What,
}

/// What a block is to the client.
#[derive(Debug)]
enum What {
    Text,
    Thinking,
    Call,
    /// A call that carries the answer itself.
    Answer,
    /// A tool for free text: its object is told as the text in it.
    Custom(String),
    /// A tool that the vendor runs, or what was invented later: its beginning, its input, and
    /// what else came of it.
    Server(String, String, String),
    /// Nothing.
    Nothing,
}

impl EventReader {
    /// A stream of which nothing has come.
    pub fn new(recall: Recall) -> EventReader {
        EventReader {
            prefilled: recall.prefilled,
            recall,
            ..EventReader::default()
        }
    }

    fn start(&mut self, message: Option<Node<'_>>, sink: &mut Sink<'_>) {
        let [id, model, usage] = message
            .map(|message| message.pick(["id", "model", "usage"]))
            .unwrap_or_default();
        if let Some(usage) = usage {
            self.counts.take(usage);
        }
        sink(Event::Start(Start {
            id: id.and_then(Node::text).unwrap_or_default(),
            model: model.and_then(Node::text).unwrap_or_default(),
            created: None,
            usage: usage.map(|_| self.counts.usage()),
        }));
    }

    fn open_block(
        &mut self,
        index: u64,
        content: Node<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        if self.open.len() >= OPEN_MAX {
            return Err(Break::Malformed(format!(
                "more than {OPEN_MAX} blocks are open at once"
            )));
        }
        // One that was never closed is complete when another takes its number.
        self.close(index, sink);
        let [word, text, thinking, data] = content.pick(["type", "text", "thinking", "data"]);
        let word = word.and_then(Node::text).unwrap_or_default();
        let block = self.blocks;
        let what = match kind_of(&word) {
            Some(Kind::Text) => {
                self.tell(block, Opening::Text, sink);
                self.begin_text(block, text.and_then(Node::text).unwrap_or_default(), sink);
                What::Text
            }
            Some(Kind::Thinking) => {
                self.tell(block, Opening::Thinking, sink);
                delta(
                    block,
                    Delta::Thinking(thinking.and_then(Node::text).unwrap_or_default()),
                    sink,
                );
                What::Thinking
            }
            Some(Kind::Redacted) => {
                self.whole(
                    redacted(data.and_then(Node::text).unwrap_or_default()),
                    sink,
                );
                What::Nothing
            }
            Some(Kind::ToolUse) => self.open_call(block, content, sink),
            // What was invented later is told as the vendor's own.
            _ => What::Server(content.raw().to_owned(), String::new(), String::new()),
        };
        self.open.push(Open { index, block, what });
        Ok(())
    }

    fn open_call(&mut self, block: u32, content: Node<'_>, sink: &mut Sink<'_>) -> What {
        let [id, name, input] = content.pick(["id", "name", "input"]);
        let name = name.and_then(Node::text).unwrap_or_default();
        if self.recall.json_tool == Some(&*name) {
            self.tell(block, Opening::Text, sink);
            return What::Answer;
        }
        self.called = true;
        let custom = self.recall.custom.iter().any(|custom| *custom == *name);
        let kind = Opening::ToolCall {
            id: id.and_then(Node::text).unwrap_or_default(),
            name: self.recall.names.restored(name),
            signature: None,
            custom,
        };
        self.tell(block, kind, sink);
        if custom {
            return What::Custom(String::new());
        }
        // Usually empty, and told in pieces; some give it whole.
        if let Some(input) = input.filter(|input| !input.members().is_empty()) {
            delta(block, Delta::Arguments(input.compact()), sink);
        }
        What::Call
    }

    fn tell(&mut self, block: u32, kind: Opening<'_>, sink: &mut Sink<'_>) {
        self.blocks += 1;
        sink(Event::Open {
            choice: 0,
            block,
            kind,
        });
    }

    fn whole(&mut self, content: Block<'_>, sink: &mut Sink<'_>) {
        let block = self.blocks;
        self.blocks += 1;
        sink(Event::Whole {
            choice: 0,
            block,
            content,
        });
    }

    fn begin_text(&mut self, block: u32, text: Cow<'_, str>, sink: &mut Sink<'_>) {
        if let Some(start) = self.prefilled.take() {
            delta(block, Delta::Text(Cow::Borrowed(start)), sink);
        }
        delta(block, Delta::Text(text), sink);
    }

    /// Our number of a block whose content is told piece by piece.
    fn told(&self, index: u64) -> Option<u32> {
        let open = self.open.iter().find(|open| open.index == index)?;
        open.what.is_told().then_some(open.block)
    }

    fn more(&mut self, index: u64, delta_node: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        // What comes behind the end comes too late, and belongs to nothing any more.
        if self.finished {
            return Ok(());
        }
        let [text, json, thinking, signature, citation] =
            delta_node.pick(["text", "partial_json", "thinking", "signature", "citation"]);
        let open = self.open.iter_mut().find(|open| open.index == index);
        let (block, what) = match open {
            Some(Open { block, what, .. }) if !matches!(what, What::Nothing) => (*block, what),
            // Only what is lost with it makes a hole in the answer.
            lost => {
                let why = lost.map_or("not open", |_| "hidden");
                if says_something([text, json, thinking], citation) {
                    let what = format!("more of block {index}, which is {why}");
                    return Err(Break::Malformed(what));
                }
                return Ok(());
            }
        };
        if let Some(json) = json.and_then(Node::text) {
            what.input(block, json, sink)?;
        }
        match what {
            What::Server(_, _, rest) if json.is_none() => return keep_one(rest, delta_node.raw()),
            what if !what.is_told() => return Ok(()),
            _ => {}
        }
        if let Some(text) = text.and_then(Node::text) {
            delta(block, Delta::Text(text), sink);
        }
        if let Some(text) = thinking.and_then(Node::text) {
            delta(block, Delta::Thinking(text), sink);
        }
        if let Some(data) = signature.and_then(Node::text) {
            delta(block, Delta::Signature(data), sink);
        }
        if let Some(citation) = citation {
            delta(block, Delta::Citation(read_citation(citation)), sink);
        }
        Ok(())
    }

    fn close(&mut self, index: u64, sink: &mut Sink<'_>) {
        let Some(at) = self.open.iter().position(|open| open.index == index) else {
            return;
        };
        let Open { block, what, .. } = self.open.remove(at);
        match what {
            What::Nothing => return,
            What::Server(start, input, rest) => {
                return self.whole(server(&start, &input, &rest), sink);
            }
            What::Custom(input) => {
                let text = Node::parse(input.as_bytes())
                    .ok()
                    .and_then(|node| node.get("input")?.text());
                delta(
                    block,
                    Delta::Arguments(text.unwrap_or(Cow::Borrowed(&input))),
                    sink,
                );
            }
            What::Text | What::Thinking | What::Call | What::Answer => {}
        }
        sink(Event::Close { choice: 0, block });
    }

    fn finish(
        &mut self,
        delta_node: Option<Node<'_>>,
        usage: Option<Node<'_>>,
        outer: Option<Node<'_>>,
        sink: &mut Sink<'_>,
    ) {
        let [reason, sequence, details] = delta_node
            .map(|delta| delta.pick(["stop_reason", "stop_sequence", "stop_details"]))
            .unwrap_or_default();
        if let Some(usage) = usage {
            self.counts.take(usage);
            sink(Event::Usage(self.counts.usage()));
        }
        if reason.is_none() {
            return;
        }
        for index in self.open.iter().map(|open| open.index).collect::<Vec<_>>() {
            self.close(index, sink);
        }
        self.finished = true;
        let mut finish = read_finish(reason, sequence);
        if let Some(text) = refusal(&finish, details.or(outer)) {
            let block = self.blocks;
            self.tell(block, Opening::Refusal, sink);
            delta(block, Delta::Refusal(text), sink);
            sink(Event::Close { choice: 0, block });
        }
        if self.recall.json_tool.is_some() && !self.called {
            no_longer_a_call(&mut finish);
        }
        sink(Event::Finish { choice: 0, finish });
    }
}

impl What {
    /// Whether what it holds is told piece by piece.
    fn is_told(&self) -> bool {
        !matches!(self, What::Server(..) | What::Nothing)
    }

    /// More of a call's input.
    fn input(&mut self, block: u32, json: Cow<'_, str>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let kept = match self {
            What::Answer => {
                delta(block, Delta::Text(json), sink);
                return Ok(());
            }
            What::Custom(kept) | What::Server(_, kept, _) => kept,
            // In words they are misplaced, which is found out where the order is kept.
            What::Call | What::Text | What::Thinking => {
                delta(block, Delta::Arguments(json), sink);
                return Ok(());
            }
            What::Nothing => return Ok(()),
        };
        keep(kept, &json)
    }
}

/// Whether one of these holds words, or sources of them.
fn says_something(words: [Option<Node<'_>>; 3], citation: Option<Node<'_>>) -> bool {
    let mut words = words.into_iter().filter_map(|node| node?.text());
    words.any(|words| !words.is_empty())
        || citation.is_some_and(|citation| !citation.members().is_empty())
}

/// Keeps one more of a list.
fn keep_one(list: &mut String, more: &str) -> Result<(), Break> {
    if !list.is_empty() {
        list.push(',');
    }
    keep(list, more)
}

/// Tells more of a block, if there is more.
fn delta(block: u32, delta: Delta<'_>, sink: &mut Sink<'_>) {
    let empty = match &delta {
        Delta::Text(text)
        | Delta::Thinking(text)
        | Delta::Signature(text)
        | Delta::Arguments(text)
        | Delta::Refusal(text) => text.is_empty(),
        Delta::Citation(_) => false,
    };
    if !empty {
        sink(Event::Delta {
            choice: 0,
            block,
            delta,
        });
    }
}

fn redacted(data: Cow<'_, str>) -> Block<'_> {
    Block::Thinking(Thinking {
        text: Cow::Borrowed(""),
        state: Some(Opaque {
            kind: OpaqueKind::Redacted,
            data,
        }),
    })
}

/// A block of the vendor's own tools as a whole answer would have it. Pieces of which nobody knows
/// where they belong stand beside it.
fn server(start: &str, input: &str, rest: &str) -> Block<'static> {
    let node = Node::of(start);
    let kind = node
        .get("type")
        .and_then(Node::text)
        .unwrap_or_default()
        .into_owned();
    let input = Node::parse(input.as_bytes())
        .ok()
        .filter(|_| !input.is_empty());
    let raw = if input.is_none() && rest.is_empty() {
        start.to_owned()
    } else {
        let mut out = Vec::with_capacity(start.len() + rest.len() + 64);
        write::object(&mut out, |o| {
            for (name, value) in node.members() {
                let value = input.filter(|_| name == "input").unwrap_or(value);
                o.raw(&name, value.raw());
            }
            if !rest.is_empty() {
                o.raw("deltas", &format!("[{rest}]"));
            }
        });
        String::from_utf8(out).unwrap_or_else(|_| start.to_owned())
    };
    Block::Server(Server {
        kind: Cow::Owned(kind),
        raw: Raw::from(raw),
    })
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
        if let Some((index, text)) = text_piece::read(data.bytes())
            && let Some(block) = self.told(index)
        {
            delta(block, Delta::Text(text), sink);
            return Ok(());
        }
        // Deltas are what a stream is made of: one walk finds all that they need.
        let [kind, index, delta, message, block, usage, details] = data.pick([
            "type",
            "index",
            "delta",
            "message",
            "content_block",
            "usage",
            "stop_details",
        ])?;
        let kind = kind.and_then(Node::text);
        // The data says it itself; some only name the event.
        let kind = kind
            .as_deref()
            .or_else(|| std::str::from_utf8(name?).ok())
            .unwrap_or_default();
        let index = index.and_then(Node::uint).unwrap_or(0);
        match (kind, delta, block) {
            ("content_block_delta", Some(delta), _) => self.more(index, delta, sink)?,
            ("message_start", ..) => self.start(message, sink),
            ("content_block_start", _, Some(block)) => self.open_block(index, block, sink)?,
            ("content_block_stop", ..) => self.close(index, sink),
            ("message_delta", ..) => self.finish(delta, usage, details, sink),
            ("message_stop", ..) => {
                self.done = true;
                sink(Event::Done);
            }
            ("error", ..) => return Err(Break::Vendor(told(data.node()?))),
            // Pings, and what was invented later.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, _sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.done { Ok(()) } else { Err(Break::Cut) }
    }
}

/// The vendor's error, in words that say whose it is.
fn told(data: Node<'_>) -> crate::vendor_error::VendorError {
    let mut error = error_of(data);
    let kind = error.kind.as_deref().unwrap_or("error");
    let message = error.message.as_deref().unwrap_or("no message");
    error.message = Some(format!("anthropic stream error ({kind}): {message}"));
    error
}
