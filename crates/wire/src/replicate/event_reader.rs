//! A prediction's stream into events.
//!
//! The stream itself has words and their end; the id and the counters are in the prediction. Who
//! reads both puts the prediction between the events ([`prediction_event`]): the one that was
//! created before the first, and the finished one behind the last. Where there is no stream, the
//! prediction alone, asked for again and again, does as well: what it has more of is told.

use bytes::Bytes;

use super::prediction::{Prediction, Status, failure};
use super::reply_reader::finish;
use crate::ir::{Break, Delta, Event, Opening, Reader, Recall, Sink, Start, Usage};
use crate::json::Node;
use crate::sse::{Block, Framer, blocks};
use crate::vendor_error;

/// Looks at a prediction whose stream is over, until its counters are no longer waited for.
const LATE_MAX: u32 = 3;

/// The name of the event that carries a prediction.
const PREDICTION: &[u8] = b"prediction";

/// Reads a prediction's stream.
#[derive(Debug)]
pub struct PredictionReader {
    framer: Framer,
    recall: Recall,
    stage: Stage,
    /// Bytes of the answer told so far.
    told: usize,
    /// The vendor has said that nothing more comes.
    ended: bool,
    /// Predictions since then that were not finished.
    late: u32,
    usage: Option<Usage>,
    done: bool,
}

/// How much of the answer is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Begun,
    Speaking,
}

/// A reader of streams; `recall` is what the request left behind, `max_event` bounds one event.
pub fn reader(recall: Recall, max_event: usize) -> PredictionReader {
    PredictionReader {
        framer: Framer::new(max_event),
        recall,
        stage: Stage::Before,
        told: 0,
        ended: false,
        late: 0,
        usage: None,
        done: false,
    }
}

/// A prediction as an event of its stream. What is no JSON gives nothing.
pub fn prediction_event(prediction: &[u8]) -> Bytes {
    let Ok(node) = Node::parse(prediction) else {
        return Bytes::new();
    };
    let mut out = b"event: prediction\n".to_vec();
    crate::sse::encode_data(&mut out, node.raw().as_bytes());
    out.into()
}

impl PredictionReader {
    fn run(&mut self, run: &[u8], sink: &mut Sink<'_>) -> Result<(), Break> {
        blocks(run).try_for_each(|block| self.block(&block, sink))
    }

    fn block(&mut self, block: &Block<'_>, sink: &mut Sink<'_>) -> Result<(), Break> {
        let Some(data) = block.data().filter(|_| !self.done) else {
            return Ok(());
        };
        match block.event() {
            Some(b"output") => {
                self.say(&String::from_utf8_lossy(&data), sink);
                Ok(())
            }
            Some(b"error") => Err(Break::Vendor(stream_error(&data))),
            Some(b"done") => {
                self.ended = true;
                ending(&data).map_or(Ok(()), |error| Err(Break::Vendor(error)))
            }
            Some(PREDICTION) => self.prediction(&data, sink),
            // Logs, and what was invented later.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, id: &str, sink: &mut Sink<'_>) {
        if self.stage == Stage::Before {
            self.stage = Stage::Begun;
            sink(Event::Start(Start {
                id: id.into(),
                ..Start::default()
            }));
        }
    }

    fn say(&mut self, text: &str, sink: &mut Sink<'_>) {
        self.begin("", sink);
        if text.is_empty() {
            return;
        }
        if self.stage != Stage::Speaking {
            self.stage = Stage::Speaking;
            sink(Event::Open {
                choice: 0,
                block: 0,
                kind: Opening::Text,
            });
        }
        self.told += text.len();
        sink(Event::Delta {
            choice: 0,
            block: 0,
            delta: Delta::Text(text.into()),
        });
    }

    fn prediction(&mut self, data: &[u8], sink: &mut Sink<'_>) -> Result<(), Break> {
        let node = Node::parse(data)?;
        let Some(prediction) = Prediction::of(node) else {
            return Ok(());
        };
        self.begin(&prediction.id().unwrap_or_default(), sink);
        if let Some(error) = prediction.failure() {
            return Err(Break::Vendor(error));
        }
        let text = prediction.text();
        // A prediction may lag behind its stream, never say something else.
        if let Some(more) = text.get(self.told..) {
            self.say(more, sink);
        }
        self.usage = prediction.usage().or(self.usage);
        self.late += u32::from(self.ended);
        if prediction.status() == Some(Status::Succeeded) || self.late == LATE_MAX {
            self.finish(sink);
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        self.begin("", sink);
        if self.stage == Stage::Speaking {
            sink(Event::Close {
                choice: 0,
                block: 0,
            });
        }
        if let Some(usage) = self.usage {
            sink(Event::Usage(usage));
        }
        self.done = true;
        sink(Event::Finish {
            choice: 0,
            finish: finish(self.usage, &self.recall),
        });
        sink(Event::Done);
    }
}

/// The text of an `error` event: words, or an error envelope.
fn stream_error(data: &[u8]) -> vendor_error::VendorError {
    let told = vendor_error::read(data).and_then(|error| error.message);
    let words = std::str::from_utf8(data)
        .ok()
        .filter(|text| !text.trim_start().starts_with('<'));
    let told = told.as_deref().or(words);
    failure(Status::Failed, told).unwrap_or_default()
}

/// The failure in a `done` event, if it is one.
fn ending(data: &[u8]) -> Option<vendor_error::VendorError> {
    let node = Node::parse(data).ok()?;
    let status = match &*node.get("reason")?.text()? {
        "error" => Status::Failed,
        "canceled" | "cancelled" => Status::Canceled,
        _ => return None,
    };
    failure(status, None)
}

impl Reader for PredictionReader {
    fn push(&mut self, chunk: Bytes, sink: &mut Sink<'_>) -> Result<(), Break> {
        let run = self
            .framer
            .push(chunk)
            .map_err(|error| Break::Malformed(error.to_string()))?;
        self.run(&run, sink)
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Break> {
        if let Some(last) = self.framer.finish() {
            self.run(&last, sink)?;
        }
        if self.ended && !self.done {
            // Nobody asked for the counters, or they never came.
            self.finish(sink);
        }
        if self.done { Ok(()) } else { Err(Break::Cut) }
    }
}
