//! A stream of Gemini's into events: each of its own is an answer with what is new in it.

use std::borrow::Cow;

use super::answer::{
    METADATA, Part, fresh_id, read_block, read_call, read_finish, read_part, signature_block,
    tool_call,
};
use super::error::read_error;
use super::grounding::{Said, citations};
use super::logprobs::read_logprobs;
use super::partial::Partial;
use super::reply_reader::{index_of, name_of, stem};
use super::usage::read_usage;
use crate::ir::{
    Block, Break, Delta, Event, Events, Opening, Recall, Sink, Start, ToolCall, Unread,
};
use crate::json::Node;

/// Candidates that a stream may have.
const CANDIDATES_MAX: u32 = 128;

/// Reads the events of a `streamGenerateContent` stream.
#[derive(Debug, Default)]
pub struct EventReader {
    recall: Recall,
    started: bool,
    /// What the ids of calls begin with.
    stem: String,
    candidates: Vec<Candidate>,
    /// The question was not let through.
    blocked: bool,
}

/// What was read of one candidate.
#[derive(Debug, Default)]
struct Candidate {
    number: u32,
    /// The block that goes on, and whether it holds thoughts.
    open: Option<(u32, bool)>,
    blocks: u32,
    calls: u32,
    said: Said,
    partial: Option<Partial>,
    /// Why it ends, in the vendor's word: older models say so with every piece.
    reason: Option<String>,
}

impl EventReader {
    /// A stream of which nothing has come; `recall` is what the request left behind.
    pub fn new(recall: Recall) -> EventReader {
        EventReader {
            recall,
            ..EventReader::default()
        }
    }

    /// Takes one answer of the stream.
    pub(super) fn answer(&mut self, data: Node<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let [id, version, candidates, feedback, usage, error] = data.pick([
            "responseId",
            "modelVersion",
            "candidates",
            "promptFeedback",
            "usageMetadata",
            "error",
        ]);
        if error.is_some() {
            let error = read_error(data.raw().as_bytes()).unwrap_or_default();
            return Err(Break::Vendor(error));
        }
        if !std::mem::replace(&mut self.started, true) {
            let id = id.and_then(Node::text).unwrap_or_default();
            self.stem = stem(&id, data);
            sink(Event::Start(Start {
                id,
                ..Start::default()
            }));
        }
        if let Some(usage) = usage {
            sink(Event::Usage(read_usage(usage)));
        }
        let candidates = candidates.map(Node::elements).unwrap_or_default();
        for (at, candidate) in (0..).zip(candidates) {
            let number = index_of(candidate).unwrap_or(at);
            if number >= CANDIDATES_MAX {
                return Err(Break::Malformed(format!("there is a candidate {number}")));
            }
            self.candidate(number, candidate, version, sink)?;
        }
        if self.candidates.is_empty()
            && !self.blocked
            && let Some((finish, words)) = read_block(feedback)
        {
            self.blocked = true;
            refuse(words, sink);
            sink(Event::Finish { choice: 0, finish });
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        number: u32,
        node: Node<'_>,
        version: Option<Node<'_>>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let known = self
            .candidates
            .iter()
            .position(|candidate| candidate.number == number);
        let at = known.unwrap_or(self.candidates.len());
        if known.is_none() {
            self.candidates.push(Candidate {
                number,
                ..Candidate::default()
            });
        }
        match self.candidates.get_mut(at) {
            Some(candidate) => candidate.read(node, version, (&self.stem, &self.recall), sink),
            None => Ok(()),
        }
    }
}

fn nameless() -> Break {
    Break::Malformed("a call names no tool".to_owned())
}

/// An answer of which nothing came but why not.
fn refuse(words: Cow<'_, str>, sink: &mut Sink<'_>) {
    let (choice, block) = (0, 0);
    sink(Event::Open {
        choice,
        block,
        kind: Opening::Refusal,
    });
    sink(Event::Delta {
        choice,
        block,
        delta: Delta::Refusal(words),
    });
    sink(Event::Close { choice, block });
}

impl Candidate {
    fn read(
        &mut self,
        node: Node<'_>,
        version: Option<Node<'_>>,
        of: (&str, &Recall),
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let [content, reason, logprobs] = node.pick(["content", "finishReason", "logprobsResult"]);
        let parts = content.and_then(|content| content.get("parts"));
        for part in parts.map(Node::elements).unwrap_or_default() {
            self.part(part, of, sink)?;
        }
        if let Some(logprobs) = logprobs.and_then(read_logprobs) {
            sink(Event::Logprobs {
                choice: self.number,
                logprobs,
            });
        }
        if reason.is_some() {
            self.finish_partial(of, sink)?;
        }
        self.metadata(node, version, sink);
        if let Some(reason) = reason {
            self.reason = Some(reason.text().unwrap_or_default().into_owned());
        }
        Ok(())
    }

    /// Tells its end, if the vendor did.
    fn finish(&mut self, sink: &mut Sink<'_>) -> bool {
        let Some(reason) = self.reason.take() else {
            return false;
        };
        self.close(sink);
        sink(Event::Finish {
            choice: self.number,
            finish: read_finish(reason.into(), self.calls > 0).into_owned(),
        });
        true
    }

    fn part(
        &mut self,
        part: Node<'_>,
        of: (&str, &Recall),
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        match read_part(part) {
            Some(Part::Words {
                text,
                thought,
                signature,
            }) => {
                self.words(text, thought, sink);
                if let Some(signature) = signature {
                    self.whole(signature_block(signature), sink);
                }
            }
            Some(Part::Call(call, signature)) => return self.call(call, signature, of, sink),
            Some(Part::Whole(block)) => self.whole(block, sink),
            None => {}
        }
        Ok(())
    }

    fn words(&mut self, text: Cow<'_, str>, thought: bool, sink: &mut Sink<'_>) {
        if text.is_empty() {
            return;
        }
        let choice = self.number;
        let block = match self.open {
            Some((block, kind)) if kind == thought => block,
            _ => {
                self.close(sink);
                let block = self.next_block();
                self.open = Some((block, thought));
                let kind = if thought {
                    Opening::Thinking
                } else {
                    Opening::Text
                };
                sink(Event::Open {
                    choice,
                    block,
                    kind,
                });
                block
            }
        };
        if !thought {
            self.said.push(&text);
        }
        let delta = if thought {
            Delta::Thinking(text)
        } else {
            Delta::Text(text)
        };
        sink(Event::Delta {
            choice,
            block,
            delta,
        });
    }

    fn call(
        &mut self,
        call: Node<'_>,
        signature: Option<Cow<'_, str>>,
        of: (&str, &Recall),
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let begins = call
            .get("name")
            .and_then(Node::text)
            .is_some_and(|name| !name.is_empty());
        if begins {
            self.finish_partial(of, sink)?;
        }
        if self.partial.is_some() || Partial::is_one(call) {
            let partial = self.partial.get_or_insert_default();
            if let Some(signature) = signature {
                partial.signature = Some(signature.into_owned());
            }
            if !partial.take(call)? {
                self.finish_partial(of, sink)?;
            }
            return Ok(());
        }
        let (stem, recall) = of;
        let fresh = || fresh_id(stem, self.number, self.calls);
        match read_call(call, signature, fresh, recall) {
            Some(call) => self.told(call, sink),
            None if call.members().is_empty() => {}
            None => return Err(nameless()),
        }
        Ok(())
    }

    fn finish_partial(
        &mut self,
        (stem, recall): (&str, &Recall),
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        let Some(partial) = self.partial.take().filter(|call| !call.is_nothing()) else {
            return Ok(());
        };
        if partial.name.is_empty() {
            return Err(nameless());
        }
        let args = partial.args();
        let id = if partial.id.is_empty() {
            fresh_id(stem, self.number, self.calls)
        } else {
            partial.id
        };
        let signature = partial.signature.map(Cow::Owned);
        let call = tool_call(
            id.into(),
            partial.name.into(),
            args.into(),
            signature,
            recall,
        );
        self.told(call, sink);
        Ok(())
    }

    fn told(&mut self, call: ToolCall<'_>, sink: &mut Sink<'_>) {
        self.calls += 1;
        self.whole(Block::ToolCall(call), sink);
    }

    fn whole(&mut self, content: Block<'_>, sink: &mut Sink<'_>) {
        self.close(sink);
        let block = self.next_block();
        sink(Event::Whole {
            choice: self.number,
            block,
            content,
        });
    }

    fn metadata(&mut self, node: Node<'_>, version: Option<Node<'_>>, sink: &mut Sink<'_>) {
        let mut any = false;
        for (name, value) in METADATA.into_iter().zip(node.pick(METADATA)) {
            let Some(value) = value else {
                continue;
            };
            any = true;
            if name == "groundingMetadata" {
                self.cite(value, sink);
            }
            sink(Event::Metadata {
                name: name_of(name, self.number),
                value: value.into(),
            });
        }
        if let (true, Some(version)) = (any, version) {
            sink(Event::Metadata {
                name: Cow::Borrowed("modelVersion"),
                value: version.into(),
            });
        }
    }

    fn cite(&mut self, metadata: Node<'_>, sink: &mut Sink<'_>) {
        let Some((block, false)) = self.open else {
            return;
        };
        for citation in citations(metadata, &self.said) {
            sink(Event::Delta {
                choice: self.number,
                block,
                delta: Delta::Citation(citation),
            });
        }
    }

    fn next_block(&mut self) -> u32 {
        let block = self.blocks;
        self.blocks += 1;
        block
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        if let Some((block, _)) = self.open.take() {
            sink(Event::Close {
                choice: self.number,
                block,
            });
        }
    }
}

impl Events for EventReader {
    fn event(
        &mut self,
        _name: Option<&[u8]>,
        data: Unread<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Break> {
        self.answer(data.node()?, sink)
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        let mut complete = self.blocked || !self.candidates.is_empty();
        for candidate in &mut self.candidates {
            complete &= candidate.finish(sink);
        }
        if !complete {
            return Err(Break::Cut);
        }
        sink(Event::Done);
        Ok(())
    }
}
