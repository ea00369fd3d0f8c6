//! A stream of chat chunks into events.

use std::borrow::Cow;

use super::message::read_thinking;
use super::part::{read_annotations, read_listed};
use super::reply_reader::{read_finish, read_image};
use crate::ir::{
    Block, Break, Citation, Delta, Event, EventStream, Events, Finish, OpaqueKind, Opening, Raw,
    Sink, Start, Thinking, Unread,
};
use crate::json::Node;
use crate::{usage, vendor_error};

/// Choices and calls beyond these are not followed: no vendor gives so many, and state is bounded.
const CHOICES_MAX: usize = 128;
const CALLS_MAX: usize = 1024;

/// Reads the events of a chat stream.
#[derive(Debug, Default)]
pub struct ChunkReader {
    started: bool,
    choices: Vec<Choice>,
    done: bool,
}

/// A reader of chat streams; `max_event` bounds one event.
pub fn reader(max_event: usize) -> EventStream<ChunkReader> {
    EventStream::new(ChunkReader::default(), max_event)
}

/// What is open in one choice.
#[derive(Debug, Default)]
struct Choice {
    /// Blocks so far.
    blocks: u32,
    /// The words or thoughts that go on, and their block.
    open: Option<(Kind, u32)>,
    /// Calls by the vendor's number.
    calls: Vec<(u64, Call)>,
    finished: bool,
}

/// A call that begins; it is told once its name is known.
#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    custom: bool,
    signature: Option<String>,
    /// Arguments that came before the name.
    early: String,
    block: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Refusal,
}

impl Kind {
    fn opening(self) -> Opening<'static> {
        match self {
            Kind::Text => Opening::Text,
            Kind::Thinking => Opening::Thinking,
            Kind::Refusal => Opening::Refusal,
        }
    }

    fn delta(self, text: Cow<'_, str>) -> Delta<'_> {
        match self {
            Kind::Text => Delta::Text(text),
            Kind::Thinking => Delta::Thinking(text),
            Kind::Refusal => Delta::Refusal(text),
        }
    }
}

impl Events for ChunkReader {
    fn event(
        &mut self,
        _name: Option<&[u8]>,
        chunk: Unread<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let [id, model, created, choices, usage, error, metadata] = chunk.pick([
            "id",
            "model",
            "created",
            "choices",
            "usage",
            "error",
            "provider_metadata",
        ])?;
        if let Some(error) = error.and_then(|error| vendor_error::of_error(error.raw().as_bytes()))
        {
            return Err(Break::Vendor(error));
        }
        if !std::mem::replace(&mut self.started, true) {
            sink(Event::Start(Start {
                id: id.and_then(Node::text).unwrap_or_default(),
                model: model.and_then(Node::text).unwrap_or_default(),
                created: created.and_then(Node::uint),
                usage: None,
            }));
        }
        for (name, value) in metadata.map(Node::members).unwrap_or_default() {
            let value = Raw::from(value);
            sink(Event::Metadata { name, value });
        }
        // Usage comes with the last choice or behind it: told first, it is there when that ends.
        if let Some(usage) = usage.and_then(|usage| usage::Usage::read(usage.raw())) {
            sink(Event::Usage(usage.into()));
        }
        for (at, choice) in choices
            .map(Node::elements)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let index = choice.get("index").and_then(Node::uint);
            let index = index
                .and_then(|index| usize::try_from(index).ok())
                .unwrap_or(at);
            if index >= CHOICES_MAX {
                return Err(Break::Malformed(format!("there is a choice {index}")));
            }
            self.choice(index).read(as_number(index), choice, sink)?;
        }
        Ok(())
    }

    fn done(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(());
        }
        for (index, choice) in self.choices.iter_mut().enumerate() {
            choice.finish(as_number(index), None, sink)?;
        }
        sink(Event::Done);
        Ok(())
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        // Some vendors leave the last word out.
        if self.choices.iter().any(|choice| choice.finished) {
            return self.done(sink);
        }
        Err(Break::Cut)
    }
}

/// Indices are bounded far below.
fn as_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl ChunkReader {
    fn choice(&mut self, index: usize) -> &mut Choice {
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }
}

impl Choice {
    fn read(&mut self, number: u32, node: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.finished {
            return Ok(());
        }
        let [delta, finish, native, logprobs] =
            node.pick(["delta", "finish_reason", "native_finish_reason", "logprobs"]);
        if let Some(delta) = delta {
            self.delta(number, delta, sink)?;
        }
        if let Some(logprobs) = logprobs {
            sink(Event::Logprobs {
                choice: number,
                logprobs: logprobs.into(),
            });
        }
        if finish.is_some() {
            self.finish(number, Some(read_finish(finish, native)), sink)?;
        }
        Ok(())
    }

    fn delta(&mut self, number: u32, delta: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        for block in read_thinking(delta) {
            self.think(number, block, sink);
        }
        let [content, refusal, calls, annotations, images] =
            delta.pick(["content", "refusal", "tool_calls", "annotations", "images"]);
        if let Some(text) = content.and_then(Node::text) {
            self.words(number, Kind::Text, text, sink);
        }
        for block in content.map(read_listed).unwrap_or_default() {
            match block {
                Block::Text(text) => self.words(number, Kind::Text, text.text, sink),
                thought => self.think(number, thought, sink),
            }
        }
        if let Some(text) = refusal.and_then(Node::text) {
            self.words(number, Kind::Refusal, text, sink);
        }
        for citation in read_annotations(annotations) {
            self.cite(number, citation, sink);
        }
        let images = images.map(Node::elements).unwrap_or_default();
        for image in images.into_iter().filter_map(read_image) {
            self.whole(number, image, sink);
        }
        let calls = calls.map(Node::elements).unwrap_or_default();
        for (at, call) in calls.into_iter().enumerate() {
            self.call(number, at, call, sink)?;
        }
        Ok(())
    }

    /// Says where the words come from: those that go on, or those that were last.
    fn cite(&mut self, choice: u32, citation: Citation<'_>, sink: &mut Sink<'_>) {
        let block = self.open_words(choice, Kind::Text, sink);
        sink(Event::Delta {
            choice,
            block,
            delta: Delta::Citation(citation),
        });
    }

    fn whole(&mut self, choice: u32, content: Block<'_>, sink: &mut Sink<'_>) {
        self.close_words(choice, sink);
        let block = self.next_block();
        sink(Event::Whole {
            choice,
            block,
            content,
        });
    }

    fn think(&mut self, choice: u32, thought: Block<'_>, sink: &mut Sink<'_>) {
        let Block::Thinking(thinking) = thought else {
            return;
        };
        self.words(choice, Kind::Thinking, thinking.text, sink);
        let Some(state) = thinking.state else {
            return;
        };
        match self.open {
            Some((Kind::Thinking, block)) if state.kind == OpaqueKind::Signature => {
                sink(Event::Delta {
                    choice,
                    block,
                    delta: Delta::Signature(state.data),
                });
            }
            // What stands under no words, or is another's.
            _ => {
                let alone = Thinking {
                    text: Cow::Borrowed(""),
                    state: Some(state),
                };
                self.whole(choice, Block::Thinking(alone), sink);
            }
        }
    }

    fn next_block(&mut self) -> u32 {
        self.blocks += 1;
        self.blocks - 1
    }

    fn words(&mut self, choice: u32, kind: Kind, text: Cow<'_, str>, sink: &mut Sink<'_>) {
        if text.is_empty() {
            return;
        }
        let block = self.open_words(choice, kind, sink);
        sink(Event::Delta {
            choice,
            block,
            delta: kind.delta(text),
        });
    }

    /// The block of the kind that is open; one begins where there is none.
    fn open_words(&mut self, choice: u32, kind: Kind, sink: &mut Sink<'_>) -> u32 {
        if let Some((open, block)) = self.open
            && open == kind
        {
            return block;
        }
        self.close_words(choice, sink);
        let block = self.next_block();
        self.open = Some((kind, block));
        sink(Event::Open {
            choice,
            block,
            kind: kind.opening(),
        });
        block
    }

    fn close_words(&mut self, choice: u32, sink: &mut Sink<'_>) {
        if let Some((_, block)) = self.open.take() {
            sink(Event::Close { choice, block });
        }
    }

    fn call(
        &mut self,
        choice: u32,
        at: usize,
        node: Node<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let [index, id, function, custom, extra] =
            node.pick(["index", "id", "function", "custom", "extra_content"]);
        let index = index.and_then(Node::uint).unwrap_or(at as u64);
        self.close_words(choice, sink);
        let known = self.calls.iter().position(|(number, _)| *number == index);
        let slot = known.unwrap_or_else(|| {
            self.calls.push((index, Call::default()));
            self.calls.len() - 1
        });
        if slot >= CALLS_MAX {
            let what = format!("more than {CALLS_MAX} calls in one answer");
            return Err(Break::Malformed(what));
        }
        let mut blocks = self.blocks;
        let call = &mut self.calls[slot].1;
        if let Some(id) = id.and_then(Node::text).filter(|_| call.id.is_empty()) {
            call.id = id.into_owned();
        }
        call.custom |= custom.is_some();
        let signature = extra.and_then(|extra| extra.get("google")?.get("thought_signature"));
        call.signature = signature
            .and_then(Node::text)
            .map(Cow::into_owned)
            .or(call.signature.take());
        let [name, arguments, input] = function
            .or(custom)
            .map(|body| body.pick(["name", "arguments", "input"]))
            .unwrap_or_default();
        if let Some(name) = name.and_then(Node::text).filter(|_| call.block.is_none()) {
            call.name.push_str(&name);
        }
        let arguments = arguments.or(input).and_then(Node::text).unwrap_or_default();
        call.go_on(choice, &mut blocks, arguments, sink);
        self.blocks = blocks;
        Ok(())
    }

    fn finish(
        &mut self,
        choice: u32,
        finish: Option<Finish<'_>>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        self.close_words(choice, sink);
        for (_, call) in &mut self.calls {
            match call.block {
                Some(block) => sink(Event::Close { choice, block }),
                None if call.early.is_empty() => {}
                None => return Err(Break::Malformed("a call names no tool".to_owned())),
            }
        }
        let finish = finish.unwrap_or_else(|| Finish::of("stop"));
        sink(Event::Finish { choice, finish });
        Ok(())
    }
}

impl Call {
    /// Tells of the call when it can be told, and of more arguments.
    fn go_on(
        &mut self,
        choice: u32,
        blocks: &mut u32,
        arguments: Cow<'_, str>,
        sink: &mut Sink<'_>,
    ) {
        let block = match self.block {
            Some(block) => block,
            None if self.name.is_empty() => {
                self.early.push_str(&arguments);
                return;
            }
            None => {
                let block = *blocks;
                *blocks += 1;
                self.block = Some(block);
                let kind = Opening::ToolCall {
                    id: Cow::Borrowed(&self.id),
                    name: Cow::Borrowed(&self.name),
                    signature: self.signature.as_deref().map(Cow::Borrowed),
                    custom: self.custom,
                };
                sink(Event::Open {
                    choice,
                    block,
                    kind,
                });
                block
            }
        };
        let early = std::mem::take(&mut self.early);
        for text in [Cow::Owned(early), arguments] {
            if !text.is_empty() {
                let delta = Delta::Arguments(text);
                sink(Event::Delta {
                    choice,
                    block,
                    delta,
                });
            }
        }
    }
}
