//! Holds a stream to the order that [`Event`] promises to writers.
//!
//! Readers tell what their vendor says when it says it. A vendor that leaves its beginning out,
//! ends a choice with a block still open or goes on after its end would have writers write what no
//! client can read. One that puts into a block what that does not hold is not understood: its
//! stream is broken, for words left out are an answer that nobody gave.

use std::borrow::Cow;
use std::fmt;

use super::event::{Break, Delta, Event, Opening, Start};

/// Bytes of an id or a model's name: some doors repeat them in every event.
const NAME_MAX: usize = 512;
/// Blocks that may be open at once.
const OPEN_MAX: usize = 1 << 10;

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    begun: bool,
    done: bool,
    open: Vec<Open>,
    finished: Vec<u32>,
    misplaced: Option<String>,
}

/// A block that is not complete.
#[derive(Debug)]
struct Open {
    choice: u32,
    block: u32,
    holds: Holds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Text,
    Thinking,
    Refusal,
    Arguments,
}

impl Order {
    /// Tells an event, and before it what it leaves out. What may not come any more is not told,
    /// and nothing behind what is [misplaced](Order::check).
    pub(super) fn pass(&mut self, event: Event<'_>, tell: &mut dyn FnMut(&Event<'_>)) {
        if self.done || self.misplaced.is_some() {
            return;
        }
        let begun = std::mem::replace(&mut self.begun, true);
        match event {
            Event::Start(start) if !begun => tell(&Event::Start(bounded(start))),
            // What was counted again is worth knowing, who speaks is known.
            Event::Start(start) => {
                if let Some(usage) = start.usage {
                    tell(&Event::Usage(usage));
                }
            }
            event => {
                if !begun {
                    tell(&Event::Start(Start::default()));
                }
                if self.takes(&event, tell) {
                    tell(&event);
                }
            }
        }
    }

    /// An error when content came where it does not belong.
    pub(super) fn check(&self) -> Result<(), Break> {
        match &self.misplaced {
            None => Ok(()),
            Some(what) => Err(Break::Malformed(what.clone())),
        }
    }

    /// Whether the event may come now. Closes what it ends.
    fn takes(&mut self, event: &Event<'_>, tell: &mut dyn FnMut(&Event<'_>)) -> bool {
        match event {
            Event::Open {
                choice,
                block,
                kind,
            } => {
                let open = Open {
                    choice: *choice,
                    block: *block,
                    holds: Holds::of(kind),
                };
                let may = self.goes_on(*choice);
                if may {
                    self.make_room(tell);
                    self.open.push(open);
                }
                may
            }
            Event::Delta {
                choice,
                block,
                delta,
            } => {
                let open = self.find(*choice, *block).map(|at| self.open[at].holds);
                let fits = open.is_some_and(|holds| holds.takes(delta));
                if !fits && self.goes_on(*choice) {
                    self.misplaced = Some(misplaced(delta, open));
                }
                fits
            }
            Event::Close { choice, block } => self
                .find(*choice, *block)
                .map(|at| self.open.remove(at))
                .is_some(),
            Event::Whole { choice, .. } | Event::Logprobs { choice, .. } => self.goes_on(*choice),
            Event::Finish { choice, .. } => {
                let may = self.goes_on(*choice);
                if may {
                    self.close(|open| open.choice == *choice, tell);
                    self.finished.push(*choice);
                }
                may
            }
            Event::Done => {
                self.close(|_| true, tell);
                self.done = true;
                true
            }
            Event::Start(_) | Event::Usage(_) | Event::Metadata { .. } => true,
        }
    }

    fn goes_on(&self, choice: u32) -> bool {
        !self.finished.contains(&choice)
    }

    fn find(&self, choice: u32, block: u32) -> Option<usize> {
        // What is written to was mostly opened last.
        self.open
            .iter()
            .rposition(|open| open.choice == choice && open.block == block)
    }

    /// Closes the oldest block when there are too many.
    fn make_room(&mut self, tell: &mut dyn FnMut(&Event<'_>)) {
        if self.open.len() >= OPEN_MAX {
            let Open { choice, block, .. } = self.open.remove(0);
            tell(&Event::Close { choice, block });
        }
    }

    fn close(&mut self, which: impl Fn(&Open) -> bool, tell: &mut dyn FnMut(&Event<'_>)) {
        self.open.retain(|open| {
            let closes = which(open);
            if closes {
                let (choice, block) = (open.choice, open.block);
                tell(&Event::Close { choice, block });
            }
            !closes
        });
    }
}

fn misplaced(delta: &Delta<'_>, open: Option<Holds>) -> String {
    let what = match delta {
        Delta::Text(_) => "text",
        Delta::Citation(_) => "a citation",
        Delta::Thinking(_) => "reasoning",
        Delta::Signature(_) => "a signature",
        Delta::Arguments(_) => "arguments",
        Delta::Refusal(_) => "a refusal",
    };
    match open {
        Some(holds) => format!("{what} in a block of {holds}"),
        None => format!("{what} of no open block"),
    }
}

fn bounded(start: Start<'_>) -> Start<'_> {
    let cut = |name: &mut Cow<'_, str>| {
        if name.len() > NAME_MAX {
            let end = name.floor_char_boundary(NAME_MAX);
            *name = Cow::Owned(name[..end].to_owned());
        }
    };
    let mut start = start;
    cut(&mut start.id);
    cut(&mut start.model);
    start
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
            Delta::Arguments(_) => self == Holds::Arguments,
            Delta::Refusal(_) => self == Holds::Refusal,
            Delta::Signature(_) => true,
        }
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Holds::Text => "text",
            Holds::Thinking => "reasoning",
            Holds::Refusal => "a refusal",
            Holds::Arguments => "a tool call",
        })
    }
}

#[cfg(test)]
mod tests;
