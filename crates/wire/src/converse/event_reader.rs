//! A stream of Converse's into events.

use std::borrow::Cow;

use bytes::Bytes;

use super::block_reader::{invented, is_server, picture, read_citation};
use super::error::read_error;
use super::kept::{Blob, ToolResult, redacted, server};
use super::reply_reader::{metadata, read_finish};
use super::usage;
use crate::eventstream::{Decoder, Frame, FrameError};
use crate::ir::{
    Block, Break, Delta, Event, Finish, Opening, Raw, Reader, Recall, Sink, Start, keep,
};
use crate::json::Node;
use crate::vendor_error::VendorError;

/// Blocks that may be open at once.
const OPEN_MAX: usize = 256;

/// Reads the frames of a Converse stream.
#[derive(Debug)]
pub struct EventReader {
    frames: Decoder,
    state: State,
}

/// A reader of Converse streams; `recall` is what the request left behind, `max_event` bounds one
/// frame's payload.
pub fn reader(recall: Recall, max_event: usize) -> EventReader {
    EventReader {
        frames: Decoder::new(max_event),
        state: State {
            recall,
            ..State::default()
        },
    }
}

#[derive(Debug, Default)]
struct State {
    recall: Recall,
    started: bool,
    open: Vec<Open>,
    /// Blocks told so far.
    blocks: u32,
    /// A tool of the client's was called.
    called: bool,
    /// Why it ended; told once the counters are known, which come behind it.
    finish: Option<Finish<'static>>,
    /// What the end said of the model's own fields.
    fields: Option<String>,
    done: bool,
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
    /// A tool that the vendor runs: its beginning, and its input.
    Server(String, String),
    /// What such a tool gave.
    Result(ToolResult),
    /// Hidden reasoning.
    Redacted(Blob),
    /// A picture: its format, and its bytes.
    Picture(String, Blob),
}

impl Reader for EventReader {
    fn push(&mut self, chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break> {
        let state = &mut self.state;
        self.frames
            .push::<Broken>(chunk, |frame| Ok(state.frame(&frame, sink)?))
            .map_err(|Broken(why)| why)
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.state.done {
            return Ok(());
        }
        if !self.frames.is_empty() || self.state.finish.is_none() {
            return Err(Break::Cut);
        }
        self.state.finish(sink);
        Ok(())
    }
}

/// Why a stream breaks off, for frames and what is in them.
struct Broken(Break);

impl From<Break> for Broken {
    fn from(why: Break) -> Broken {
        Broken(why)
    }
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Broken {
        Broken(Break::Malformed(error.to_string()))
    }
}

impl State {
    fn frame(&mut self, frame: &Frame, sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.done {
            return Ok(());
        }
        let payload = frame.payload();
        match frame.text(":message-type") {
            Some("exception") => {
                return Err(Break::Vendor(exception(
                    frame.text(":exception-type"),
                    payload,
                )));
            }
            Some("error") => {
                let mut error = exception(frame.text(":error-code"), b"");
                error.message = frame.text(":error-message").map(str::to_owned);
                return Err(Break::Vendor(error));
            }
            _ => {}
        }
        let name = frame.text(":event-type").unwrap_or_default();
        let data = if payload.is_empty() {
            Node::of("{}")
        } else {
            Node::parse(payload)?
        };
        self.event(name, data, sink)
    }

    fn event(&mut self, name: &str, data: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let index = || {
            let index = data.get("contentBlockIndex");
            index.and_then(Node::uint).unwrap_or(0)
        };
        match name {
            "messageStart" => self.start(sink),
            "contentBlockStart" => self.start_block(index(), data, sink)?,
            "contentBlockDelta" => self.more(index(), data, sink)?,
            "contentBlockStop" => self.close(index(), sink),
            "messageStop" => self.stop(data, sink),
            "metadata" => self.count(data, sink),
            // What was invented later.
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, sink: &mut Sink<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            sink(Event::Start(Start::default()));
        }
    }

    fn start_block(
        &mut self,
        index: u64,
        data: Node<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        // One that was never closed is complete when another takes its number.
        self.close(index, sink);
        let [call, image, result] = data
            .get("start")
            .map(|start| start.pick(["toolUse", "image", "toolResult"]))
            .unwrap_or_default();
        let text = |node: Node<'_>, name| {
            node.get(name)
                .and_then(Node::text)
                .unwrap_or_default()
                .into_owned()
        };
        let what = match (call, image, result) {
            (Some(call), ..) if is_server(call) => {
                What::Server(call.raw().to_owned(), String::new())
            }
            (Some(call), ..) => self.open_call(call, sink),
            (None, Some(image), _) => What::Picture(text(image, "format"), Blob::default()),
            (None, None, Some(result)) => What::Result(ToolResult::new(result)),
            // What kind of block it is shows in its first piece.
            (None, None, None) => return Ok(()),
        };
        self.open(index, what)
    }

    /// A block is open whose event, if it has one, was told last.
    fn open(&mut self, index: u64, what: What) -> Result<(), Break> {
        if self.open.len() >= OPEN_MAX {
            return Err(Break::Malformed(format!(
                "more than {OPEN_MAX} blocks are open at once"
            )));
        }
        let block = self.blocks.saturating_sub(1);
        self.open.push(Open { index, block, what });
        Ok(())
    }

    fn open_call(&mut self, call: Node<'_>, sink: &mut Sink<'_>) -> What {
        let [id, name] = call.pick(["toolUseId", "name"]);
        let name = name.and_then(Node::text).unwrap_or_default();
        if self.recall.json_tool == Some(&*name) {
            self.tell(Opening::Text, sink);
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
        self.tell(kind, sink);
        if custom {
            What::Custom(String::new())
        } else {
            What::Call
        }
    }

    fn tell(&mut self, kind: Opening<'_>, sink: &mut Sink<'_>) {
        self.start(sink);
        let block = self.blocks;
        self.blocks += 1;
        sink(Event::Open {
            choice: 0,
            block,
            kind,
        });
    }

    fn whole(&mut self, content: Block<'_>, sink: &mut Sink<'_>) {
        self.start(sink);
        let block = self.blocks;
        self.blocks += 1;
        sink(Event::Whole {
            choice: 0,
            block,
            content,
        });
    }

    fn more(&mut self, index: u64, data: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let Some(piece) = data.get("delta") else {
            return Ok(());
        };
        if !self.open.iter().any(|open| open.index == index) {
            self.open_by_piece(index, piece, sink)?;
        }
        match self.open.iter_mut().find(|open| open.index == index) {
            Some(open) => open.more(piece, sink),
            None => Ok(()),
        }
    }

    /// Opens a block that was not announced.
    fn open_by_piece(
        &mut self,
        index: u64,
        piece: Node<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let [text, reasoning, citation, image, call, result] = piece.pick([
            "text",
            "reasoningContent",
            "citation",
            "image",
            "toolUse",
            "toolResult",
        ]);
        let what = if text.or(citation).is_some() {
            self.tell(Opening::Text, sink);
            What::Text
        } else if let Some(reasoning) = reasoning {
            if reasoning.get("redactedContent").is_some() {
                What::Redacted(Blob::default())
            } else {
                self.tell(Opening::Thinking, sink);
                What::Thinking
            }
        } else if image.is_some() {
            What::Picture("png".to_owned(), Blob::default())
        } else if result.is_some() {
            What::Result(ToolResult::new(Node::of("{}")))
        } else if call.is_some() {
            let what = format!("more of block {index}, a tool call that nobody named");
            return Err(Break::Malformed(what));
        } else {
            // What was invented later is told as the vendor's own.
            if let Some(block) = invented(piece) {
                self.whole(block, sink);
            }
            return Ok(());
        };
        self.open(index, what)
    }

    fn close(&mut self, index: u64, sink: &mut Sink<'_>) {
        let Some(at) = self.open.iter().position(|open| open.index == index) else {
            return;
        };
        let Open { block, what, .. } = self.open.remove(at);
        match what {
            What::Server(start, input) => return self.whole(server(&start, &input), sink),
            What::Result(result) => return self.whole(result.whole(), sink),
            What::Redacted(data) => return self.whole(redacted(data), sink),
            What::Picture(format, data) => {
                return self.whole(picture(&format, Cow::Owned(data.whole())), sink);
            }
            What::Custom(input) => {
                let text = Node::parse(input.as_bytes())
                    .ok()
                    .and_then(|node| node.get("input")?.text());
                let text = text.unwrap_or(Cow::Borrowed(&input));
                delta(block, Delta::Arguments(text), sink);
            }
            What::Text | What::Thinking | What::Call | What::Answer => {}
        }
        sink(Event::Close { choice: 0, block });
    }

    fn stop(&mut self, data: Node<'_>, sink: &mut Sink<'_>) {
        self.start(sink);
        for index in self.open.iter().map(|open| open.index).collect::<Vec<_>>() {
            self.close(index, sink);
        }
        let [reason, fields] = data.pick(["stopReason", "additionalModelResponseFields"]);
        self.fields = fields.map(|fields| fields.raw().to_owned());
        self.finish = Some(read_finish(reason, &self.recall, self.called).into_owned());
    }

    fn count(&mut self, data: Node<'_>, sink: &mut Sink<'_>) {
        self.start(sink);
        if let Some(counted) = data.get("usage") {
            sink(Event::Usage(usage::read(counted)));
        }
        for (name, value) in metadata(data) {
            sink(Event::Metadata { name, value });
        }
        if self.finish.is_some() {
            self.finish(sink);
        }
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        if let Some(fields) = self.fields.take() {
            sink(Event::Metadata {
                name: Cow::Borrowed("additionalModelResponseFields"),
                value: Raw::from(fields),
            });
        }
        if let Some(finish) = self.finish.take() {
            sink(Event::Finish { choice: 0, finish });
        }
        self.done = true;
        sink(Event::Done);
    }
}

impl Open {
    fn more(&mut self, piece: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let [text, call, reasoning, citation] =
            piece.pick(["text", "toolUse", "reasoningContent", "citation"]);
        let [thought, signature] = reasoning
            .map(|reasoning| reasoning.pick(["text", "signature"]))
            .unwrap_or_default();
        let [text, thought, signature] =
            [text, thought, signature].map(|node| node.and_then(Node::text).unwrap_or_default());
        let (what, block) = (&mut self.what, self.block);
        if let Some(input) = call.and_then(|call| call.get("input")?.text()) {
            what.input(block, &input, sink)?;
        }
        if !what.is_told() {
            if !text.is_empty() || !thought.is_empty() || citation.is_some() {
                return Err(holds_none("words"));
            }
            return what.keep(piece);
        }
        delta(block, Delta::Text(text), sink);
        if let Some(citation) = citation {
            delta(block, Delta::Citation(read_citation(citation)), sink);
        }
        delta(block, Delta::Thinking(thought), sink);
        delta(block, Delta::Signature(signature), sink);
        Ok(())
    }
}

fn holds_none(what: &str) -> Break {
    Break::Malformed(format!("{what} in a block that holds none"))
}

impl What {
    /// Whether what it holds is told piece by piece.
    fn is_told(&self) -> bool {
        !matches!(
            self,
            What::Server(..) | What::Result(_) | What::Redacted(_) | What::Picture(..)
        )
    }

    /// More of what is told once it is whole.
    fn keep(&mut self, piece: Node<'_>) -> Result<(), Break> {
        let [reasoning, image, result] = piece.pick(["reasoningContent", "image", "toolResult"]);
        match self {
            What::Redacted(kept) => reasoning
                .and_then(|reasoning| reasoning.get("redactedContent")?.text())
                .map(|data| kept.keep(&data)),
            What::Picture(_, kept) => image
                .and_then(|image| image.get("source")?.get("bytes")?.text())
                .map(|data| kept.keep(&data)),
            What::Result(kept) => result.map(|result| kept.keep(result)),
            _ => None,
        }
        .unwrap_or(Ok(()))
    }

    /// More of a call's input.
    fn input(&mut self, block: u32, json: &str, sink: &mut Sink<'_>) -> Result<(), Break> {
        match self {
            // What holds no arguments is told of them all the same, and breaks the stream.
            What::Call | What::Text | What::Thinking => {
                delta(block, Delta::Arguments(Cow::Borrowed(json)), sink);
            }
            What::Answer => delta(block, Delta::Text(Cow::Borrowed(json)), sink),
            What::Custom(kept) | What::Server(_, kept) => return keep(kept, json),
            What::Result(_) | What::Redacted(_) | What::Picture(..) if !json.is_empty() => {
                return Err(holds_none("arguments"));
            }
            What::Result(_) | What::Redacted(_) | What::Picture(..) => {}
        }
        Ok(())
    }
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

/// What an exception within the stream says.
fn exception(name: Option<&str>, payload: &[u8]) -> VendorError {
    let mut error = read_error(name, payload).unwrap_or_default();
    let name = error.kind.as_deref().unwrap_or("no name");
    error
        .message
        .get_or_insert_with(|| format!("the provider's stream failed ({name})"));
    error
}
