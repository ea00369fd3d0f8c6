//! The order in which a reader may tell a stream's events, and a writer that holds it to that.

use std::collections::BTreeMap;

use wire::fault::Fault;
use wire::ir::{Delta, Event, Opening, Writer};

/// What is known of one choice.
#[derive(Debug, Default)]
struct Choice {
    opened: u32,
    open: BTreeMap<u32, Holds>,
    finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Text,
    Thinking,
    Refusal,
    Arguments,
}

/// Hands every event on, and panics at one that may not come now.
pub(crate) struct Checked {
    writer: Box<dyn Writer>,
    started: bool,
    done: bool,
    choices: BTreeMap<u32, Choice>,
}

impl Checked {
    pub(crate) fn new(writer: Box<dyn Writer>) -> Checked {
        Checked {
            writer,
            started: false,
            done: false,
            choices: BTreeMap::new(),
        }
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        let choice = self.choices.entry(number).or_default();
        assert!(!choice.finished, "choice {number} goes on after its end");
        choice
    }

    fn check(&mut self, event: &Event<'_>) {
        assert!(!self.done, "{event:?} after the end");
        let start = matches!(event, Event::Start(_));
        assert!(
            start != self.started,
            "the start does not come first and once: {event:?}"
        );
        self.started = true;
        match event {
            Event::Open {
                choice,
                block,
                kind,
            } => {
                let choice = self.choice(*choice);
                assert_eq!(
                    *block, choice.opened,
                    "blocks are not numbered in their order"
                );
                choice.opened += 1;
                choice.open.insert(*block, Holds::of(kind));
                assert!(
                    choice.open.len() <= 1024,
                    "more blocks are open than the bound"
                );
            }
            Event::Whole { choice, block, .. } => {
                let choice = self.choice(*choice);
                assert_eq!(
                    *block, choice.opened,
                    "blocks are not numbered in their order"
                );
                choice.opened += 1;
            }
            Event::Delta {
                choice,
                block,
                delta,
            } => {
                let holds = self.choice(*choice).open.get(block).copied();
                assert!(
                    holds.is_some_and(|holds| holds.takes(delta)),
                    "{delta:?} in a block that holds {holds:?}"
                );
            }
            Event::Close { choice, block } => {
                let closed = self.choice(*choice).open.remove(block);
                assert!(closed.is_some(), "block {block} is not open");
            }
            Event::Finish { choice, .. } => {
                let choice = self.choice(*choice);
                assert!(
                    choice.open.is_empty(),
                    "a choice ends with open blocks: {choice:?}"
                );
                choice.finished = true;
            }
            Event::Logprobs { choice, .. } => _ = self.choice(*choice),
            Event::Done => self.done = true,
            _ => {}
        }
    }
}

impl Holds {
    fn of(kind: &Opening<'_>) -> Holds {
        match kind {
            Opening::Text => Holds::Text,
            Opening::Thinking => Holds::Thinking,
            Opening::Refusal => Holds::Refusal,
            Opening::ToolCall { .. } => Holds::Arguments,
        }
    }

    fn takes(self, delta: &Delta<'_>) -> bool {
        match delta {
            Delta::Text(_) | Delta::Citation(_) => self == Holds::Text,
            Delta::Thinking(_) => self == Holds::Thinking,
            Delta::Signature(_) => true,
            Delta::Arguments(_) => self == Holds::Arguments,
            Delta::Refusal(_) => self == Holds::Refusal,
        }
    }
}

impl Writer for Checked {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.check(event);
        self.writer.event(event, out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        assert!(!self.done, "a fault after the end");
        self.done = true;
        self.writer.fault(fault, out);
    }
}
