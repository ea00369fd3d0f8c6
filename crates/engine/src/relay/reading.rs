//! How the bytes of a vendor's stream become the client's.
//!
//! Where both speak the same dialect they are the same bytes, and what matters for the receipt is
//! read at the side; where they do not, every event is translated.

use std::collections::VecDeque;

use bytes::Bytes;
use telemetry::Redactor;
use wire::chat::{Mender, Oddities, StreamFault, Tap};
use wire::fault::{Fault, Kind};
use wire::ir::{Break, Translation};
use wire::sse::{self, Framer};
use wire::usage::Usage;

use super::StreamRules;
use crate::vendor;

/// One stream as it is read.
pub(crate) enum Reading {
    /// The vendor speaks the client's dialect.
    Same(Box<Same>),
    /// It speaks another.
    Other(Box<Translation>),
}

/// A stream whose bytes are kept.
pub(crate) struct Same {
    framer: Framer,
    tap: Tap,
    /// Where the vendor is odd: then not all bytes are.
    mender: Option<Mender>,
    /// The count of tokens has come, behind which this vendor says nothing.
    closes: bool,
}

/// What reading has shown.
#[derive(Default)]
pub(super) struct Taken {
    /// Content was among it.
    pub(super) content: bool,
    /// The vendor has said its last word.
    pub(super) done: bool,
    /// What is wrong with it.
    pub(super) fault: Option<Fault>,
}

impl Reading {
    /// A stream in the client's own dialect; `max_event` bounds one event.
    pub(crate) fn same(max_event: usize, odd: Option<Oddities>) -> Reading {
        Reading::Same(Box::new(Same {
            framer: Framer::new(max_event),
            tap: Tap::new(),
            mender: odd.map(Mender::new),
            closes: false,
        }))
    }

    /// Takes what has come; what the client gets of it is put at the end of `ready`.
    pub(super) fn take(
        &mut self,
        chunk: Bytes,
        rules: &StreamRules,
        ready: &mut VecDeque<Bytes>,
    ) -> Taken {
        match self {
            Reading::Same(same) => match same.framer.push(chunk) {
                Ok(run) if run.is_empty() => Taken::default(),
                Ok(run) => same.take_run(&run, rules, ready),
                Err(error) => Taken {
                    fault: Some(Fault::new(Kind::UpstreamInvalid).because(error.to_string())),
                    ..Taken::default()
                },
            },
            Reading::Other(translation) => {
                let room = chunk.len();
                translated(translation, rules, ready, room, |it, out| {
                    it.push(chunk, out)
                })
            }
        }
    }

    /// The vendor has closed its stream, in order or not.
    pub(super) fn end(
        &mut self,
        cause: Option<&str>,
        rules: &StreamRules,
        ready: &mut VecDeque<Bytes>,
    ) -> Taken {
        match self {
            Reading::Same(same) => same.end(cause, rules, ready),
            Reading::Other(translation) => {
                let mut taken = translated(translation, rules, ready, 0, Translation::end);
                if let (Some(fault), Some(cause)) = (&mut taken.fault, cause) {
                    // Whatever is wrong with the last piece is so because the stream was cut.
                    *fault = Fault::new(Kind::UpstreamCut).because(cause);
                }
                taken
            }
        }
    }

    /// Tells the client, in its dialect, that the stream failed.
    pub(super) fn tell(&mut self, fault: &Fault, ready: &mut VecDeque<Bytes>) {
        let mut event = Vec::new();
        match self {
            Reading::Same(_) => sse::encode_data(&mut event, &fault.event()),
            Reading::Other(translation) => translation.fail(fault, &mut event),
        }
        ready.push_back(event.into());
    }

    /// Whether content was seen.
    pub(super) fn started(&self) -> bool {
        match self {
            Reading::Same(same) => same.tap.started(),
            Reading::Other(translation) => translation.seen().started,
        }
    }

    /// Events with content so far.
    pub(super) fn events(&self) -> u64 {
        match self {
            Reading::Same(same) => same.tap.events(),
            Reading::Other(translation) => translation.seen().events,
        }
    }

    /// Bytes of content so far.
    pub(super) fn content_bytes(&self) -> u64 {
        match self {
            Reading::Same(same) => same.tap.content_bytes(),
            Reading::Other(translation) => translation.seen().content_bytes,
        }
    }

    /// What the vendor counted.
    pub(super) fn usage(&self) -> Option<Usage> {
        match self {
            Reading::Same(same) => same.tap.usage(),
            Reading::Other(translation) => translation.seen().usage.map(Usage::from),
        }
    }

    /// The model that the vendor says it uses.
    pub(super) fn model(&self) -> Option<&str> {
        match self {
            Reading::Same(same) => same.tap.model(),
            Reading::Other(translation) => translation.seen().model.as_deref(),
        }
    }

    /// Bytes that were read and cannot be handed on yet.
    pub(super) fn pending(&self) -> usize {
        match self {
            Reading::Same(same) => same.framer.pending(),
            Reading::Other(_) => 0,
        }
    }
}

impl Same {
    fn take_run(&mut self, run: &Bytes, rules: &StreamRules, ready: &mut VecDeque<Bytes>) -> Taken {
        let before = self.tap.events();
        let seen = self.tap.observe(run);
        let mut taken = Taken {
            content: self.tap.events() > before || seen.first_content,
            ..Taken::default()
        };
        let mut end = run.len();
        if let Some(at) = seen.done_at {
            // What a vendor says after its last word reaches nobody, nor does a second last word.
            end = at
                + sse::blocks(&run[at..])
                    .next()
                    .map_or(0, |block| block.raw.len());
            taken.done = true;
        }
        if let Some((at, _)) = &seen.fault {
            end = end.min(*at);
        }
        let open_end = self.mender.as_ref().is_some_and(Mender::has_open_end);
        self.closes |= open_end && seen.usage_only.is_some();
        match seen.usage_only {
            Some(hidden) if rules.hide_usage && hidden.end <= end => {
                self.queue(run.slice(..hidden.start), ready);
                self.queue(run.slice(hidden.end..end), ready);
            }
            _ => self.queue(run.slice(..end), ready),
        }
        taken.fault = seen
            .fault
            .map(|(_, fault)| of_stream_fault(fault, &rules.redactor));
        taken
    }

    fn queue(&mut self, run: Bytes, ready: &mut VecDeque<Bytes>) {
        let mender = self.mender.as_mut();
        let run = match mender.and_then(|mender| mender.mend(&run)) {
            Some(changed) => changed.into(),
            None => run,
        };
        if !run.is_empty() {
            ready.push_back(run);
        }
    }

    /// After its finish reason an end of any kind is no loss to the client.
    fn end(
        &mut self,
        cause: Option<&str>,
        rules: &StreamRules,
        ready: &mut VecDeque<Bytes>,
    ) -> Taken {
        let last = self.framer.finish().filter(|_| cause.is_none());
        let mut taken = last.map_or_else(Taken::default, |last| self.take_run(&last, rules, ready));
        if taken.done || taken.fault.is_some() {
            return taken;
        }
        if self.tap.finished() || self.closes {
            self.queue(Bytes::from_static(sse::DONE), ready);
            taken.done = true;
        } else {
            let cause = cause.unwrap_or("the stream ended without a finish reason");
            taken.fault = Some(Fault::new(Kind::UpstreamCut).because(cause));
        }
        taken
    }
}

/// One step of a translation; what it writes is about as long as `room`.
fn translated(
    translation: &mut Translation,
    rules: &StreamRules,
    ready: &mut VecDeque<Bytes>,
    room: usize,
    step: impl FnOnce(&mut Translation, &mut Vec<u8>) -> Result<(), Break>,
) -> Taken {
    let before = translation.seen().events;
    let mut out = Vec::with_capacity(room);
    let result = step(translation, &mut out);
    if !out.is_empty() {
        ready.push_back(out.into());
    }
    let seen = translation.seen();
    Taken {
        content: seen.events > before,
        done: seen.done,
        fault: result.err().map(|broken| of_break(broken, &rules.redactor)),
    }
}

fn of_break(broken: Break, redactor: &Redactor) -> Fault {
    match broken {
        Break::Vendor(error) => vendor::fault_of_error(&error, None, redactor),
        Break::Malformed(what) => Fault::new(Kind::UpstreamInvalid).because(what),
        cut => Fault::new(Kind::UpstreamCut).because(cut.to_string()),
    }
}

fn of_stream_fault(fault: StreamFault, redactor: &Redactor) -> Fault {
    match fault {
        StreamFault::Error(error) => vendor::fault_of_error(&error, None, redactor),
        StreamFault::Malformed { .. } => {
            Fault::new(Kind::UpstreamInvalid).because("an event of the stream is not a JSON object")
        }
    }
}
