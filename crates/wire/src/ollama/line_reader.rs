//! A stream of Ollama's, line by line, into events.

use std::borrow::Cow;

use bytes::Bytes;

use super::answer::Answer;
use crate::ir::{Break, Delta, Event, Opening, Reader, Recall, Sink, Start};
use crate::json::Node;
use crate::ndjson::{Framer, lines};
use crate::vendor_error;

/// Reads the lines of a chat stream.
#[derive(Debug)]
pub struct LineReader {
    framer: Framer,
    recall: Recall,
    begun: bool,
    /// Blocks told so far.
    blocks: u32,
    /// The words that are open, and whether they are thoughts.
    prose: Option<(u32, bool)>,
    /// Calls told so far.
    calls: u32,
    done: bool,
}

/// A reader of chat streams; `recall` is what the request left behind, `max_line` bounds one line.
pub fn reader(recall: Recall, max_line: usize) -> LineReader {
    LineReader {
        framer: Framer::new(max_line),
        recall,
        begun: false,
        blocks: 0,
        prose: None,
        calls: 0,
        done: false,
    }
}

impl LineReader {
    fn run(&mut self, run: &[u8], sink: &mut Sink<'_>) -> Result<(), Break> {
        lines(run).try_for_each(|line| self.line(line, sink))
    }

    fn line(&mut self, line: &[u8], sink: &mut Sink<'_>) -> Result<(), Break> {
        if self.done {
            return Ok(());
        }
        let node = Node::parse(line)?;
        let Some(answer) = Answer::read(node) else {
            return match vendor_error::read(line) {
                Some(error) => Err(Break::Vendor(error)),
                // A line of a kind that was invented later.
                None => Ok(()),
            };
        };
        if !std::mem::replace(&mut self.begun, true) {
            sink(Event::Start(Start {
                model: answer.model.clone(),
                ..Start::default()
            }));
        }
        self.say(true, answer.thinking.clone(), sink);
        self.say(false, answer.content.clone(), sink);
        self.call(&answer, sink)?;
        if let Some(logprobs) = answer.probable() {
            sink(Event::Logprobs {
                choice: 0,
                logprobs,
            });
        }
        if answer.done {
            self.finish(&answer, sink);
        }
        Ok(())
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
        if let Some((block, _)) = self.prose.take() {
            sink(Event::Close { choice: 0, block });
        }
    }

    fn say(&mut self, thought: bool, text: Option<Cow<'_, str>>, sink: &mut Sink<'_>) {
        let Some(text) = text else {
            return;
        };
        let (kind, delta) = if thought {
            (Opening::Thinking, Delta::Thinking(text))
        } else {
            (Opening::Text, Delta::Text(text))
        };
        let block = match self.prose {
            Some((block, same)) if same == thought => block,
            _ => {
                self.close_prose(sink);
                let block = self.open(kind, sink);
                self.prose = Some((block, thought));
                block
            }
        };
        sink(Event::Delta {
            choice: 0,
            block,
            delta,
        });
    }

    /// Calls come whole.
    fn call(&mut self, answer: &Answer<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        for call in &answer.calls {
            let Some(call) = answer.call(*call, self.calls, &self.recall) else {
                return Err(Break::Malformed("a call without a name".to_owned()));
            };
            self.calls += 1;
            self.close_prose(sink);
            let kind = Opening::ToolCall {
                id: call.id,
                name: Cow::Owned(call.name.into_owned()),
                signature: None,
                custom: call.custom,
            };
            let block = self.open(kind, sink);
            sink(Event::Delta {
                choice: 0,
                block,
                delta: Delta::Arguments(call.arguments),
            });
            sink(Event::Close { choice: 0, block });
        }
        Ok(())
    }

    fn finish(&mut self, answer: &Answer<'_>, sink: &mut Sink<'_>) {
        self.close_prose(sink);
        if let Some(usage) = answer.usage() {
            sink(Event::Usage(usage));
        }
        self.done = true;
        sink(Event::Finish {
            choice: 0,
            finish: answer.finish(self.calls > 0),
        });
        sink(Event::Done);
    }
}

impl Reader for LineReader {
    fn push(&mut self, chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break> {
        let run = self
            .framer
            .push(chunk)
            .map_err(|error| Break::Malformed(error.to_string()))?;
        self.run(&run, sink)
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        if let Some(last) = self.framer.finish() {
            // Half a line is no line: the stream was cut within it.
            let cut = Node::parse(last.trim_ascii()).is_err();
            if cut && !self.done {
                return Err(Break::Cut);
            }
            self.run(&last, sink)?;
        }
        if self.done { Ok(()) } else { Err(Break::Cut) }
    }
}
