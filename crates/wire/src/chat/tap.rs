//! A stream, followed while it passes.
//!
//! Before the first content every event is read. After it most events are pieces of text that
//! differ in nothing else: they are compared with the one before and measured. Of the others, only
//! those are read in full that can hold more than text. None of this may change what is found.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::chunk::{Chunk, Said};
use super::echo::Echo;
use crate::json::{self, MAX_DEPTH, Scanner};
use crate::sse::{Block, block_from, is_line_end};
use crate::usage::Usage;
use crate::vendor_error::{self, VendorError};

/// Bytes of a bad event that are worth keeping.
const EXCERPT_MAX: usize = 200;

static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"delta\""));
static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"text\""));

/// Follows a stream run by run (a run is some complete blocks) and notes what matters.
#[derive(Debug, Default)]
pub struct Tap {
    usage: Option<Usage>,
    model: Option<String>,
    finished: bool,
    done: bool,
    started: bool,
    events: u64,
    content_bytes: u64,
    echo: Echo,
}

/// Where something noteworthy happened in a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// Content appeared for the first time.
    pub first_content: bool,
    /// Where the first bad block begins, and what is wrong. Nothing behind it was looked at.
    pub fault: Option<(usize, StreamFault)>,
    /// Where the block `[DONE]` begins. Nothing behind it was looked at.
    pub done_at: Option<usize>,
    /// The last block that carries usage and has no choices.
    pub usage_only: Option<Range<usize>>,
}

/// Why a stream is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// The vendor says that it failed.
    Error(VendorError),
    /// The data of an event is not JSON.
    Malformed {
        /// How many bytes of the data are worth keeping.
        excerpt_len: usize,
    },
}

impl Tap {
    /// A stream of which nothing was seen.
    pub fn new() -> Tap {
        Tap::default()
    }

    /// One that compares no events.
    #[cfg(test)]
    fn without_echo() -> Tap {
        Tap {
            echo: Echo::deaf(),
            ..Tap::default()
        }
    }

    /// Reads a run. After `[DONE]` nothing more is read.
    pub fn observe(&mut self, run: &[u8]) -> Seen {
        let mut seen = Seen::default();
        if self.done {
            return seen;
        }
        let mut hints = Hints::of(run);
        let mut at = self.pass_echoes(run, 0);
        while let Some(block) = block_from(run, at) {
            if let Err(fault) = self.block(&block, &mut hints, &mut seen) {
                seen.fault = Some((block.start, fault));
                break;
            }
            if self.done {
                seen.done_at = Some(block.start);
                break;
            }
            at = self.pass_echoes(run, block.start + block.raw.len());
        }
        seen
    }

    /// What the vendor counted: the last count that was not nothing.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The model that the vendor says it used.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether a finish reason or `[DONE]` was seen.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Whether `[DONE]` was seen.
    pub fn done(&self) -> bool {
        self.done
    }

    /// Whether content was seen: text, reasoning, a call, or a finish reason without any.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Events with content.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Bytes of text, reasoning and calls, for an estimate when usage never comes. Audio and
    /// pictures are not measured, and reasoning that is sent under two names counts once.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Counts the events from `at` on that say nothing new but their text; where they end.
    fn pass_echoes(&mut self, run: &[u8], mut at: usize) -> usize {
        while let Some(next) = run.get(at) {
            if is_line_end(*next) {
                at += 1;
                continue;
            }
            let Some(heard) = self.echo.hear(&run[at..]) else {
                break;
            };
            self.events += 1;
            self.content_bytes += heard.bytes;
            at += heard.event;
        }
        at
    }

    fn block(
        &mut self,
        block: &Block<'_>,
        hints: &mut Hints<'_>,
        seen: &mut Seen,
    ) -> Result<(), StreamFault> {
        let data = block.data();
        let data = data.as_deref().unwrap_or_default().trim_ascii();
        if block.event() == Some(b"error") {
            return Err(StreamFault::Error(
                vendor_error::read(data).unwrap_or_default(),
            ));
        }
        match data {
            [b'{', .., b'}'] => {}
            b"[DONE]" => {
                self.done = true;
                self.finished = true;
                return Ok(());
            }
            // Nothing, or a value that says nothing.
            _ if data.is_empty() || json::check(data).is_ok() => return Ok(()),
            _ => return Err(malformed(data)),
        }
        let range = block.start..block.start + block.raw.len();
        if self.started
            && !hints.within(&range)
            && let Some(said) = measure(data)
        {
            self.hear(said, seen);
            if self.echo.is_due()
                && let Ok(chunk) = Chunk::read(data)
            {
                self.learn(block, &chunk, data);
            }
            return Ok(());
        }
        let chunk = Chunk::read(data).map_err(|_| malformed(data))?;
        self.chunk(&chunk, data, seen)?;
        if chunk.choices == 0 && chunk.usage.is_some() {
            seen.usage_only = Some(range);
        }
        if self.started && self.echo.is_due() {
            self.learn(block, &chunk, data);
        }
        Ok(())
    }

    /// Remembers an event if one that differs from it in its only text would mean the same to
    /// every way of reading it.
    #[cold]
    fn learn(&mut self, block: &Block<'_>, chunk: &Chunk<'_>, data: &[u8]) {
        let text = chunk.said.only_text().filter(|text| {
            let measured = measure(data);
            measured.is_none_or(|said| {
                said.only_text()
                    .is_some_and(|measured| std::ptr::eq(measured, *text))
            })
        });
        let same_model = chunk
            .model()
            .is_none_or(|model| self.model() == Some(&*model));
        self.echo.learn(
            block.raw,
            text.filter(|_| same_model && chunk.only_speaks(data)),
            chunk.padding,
        );
    }

    fn chunk(
        &mut self,
        chunk: &Chunk<'_>,
        data: &[u8],
        seen: &mut Seen,
    ) -> Result<(), StreamFault> {
        if let Some(error) = chunk.vendor_error(data) {
            return Err(StreamFault::Error(error));
        }
        if let Some(model) = chunk.model().filter(|model| self.model() != Some(model)) {
            self.model = Some(model.into_owned());
            // What was remembered names the model before.
            self.echo.forget();
        }
        if let Some(usage) = chunk.usage.filter(|usage| usage.total() > 0) {
            self.usage = Some(usage);
        }
        self.finished |= chunk.finish;
        self.hear(chunk.said, seen);
        self.start(chunk.finish, seen);
        Ok(())
    }

    fn hear(&mut self, said: Said<'_>, seen: &mut Seen) {
        self.events += u64::from(said.any);
        self.content_bytes += said.bytes;
        self.start(said.any, seen);
    }

    fn start(&mut self, now: bool, seen: &mut Seen) {
        seen.first_content |= now && !self.started;
        self.started |= now;
    }
}

fn malformed(data: &[u8]) -> StreamFault {
    StreamFault::Malformed {
        excerpt_len: data.len().min(EXCERPT_MAX),
    }
}

/// What the deltas (or the texts of a legacy completion) in an event say, without reading the rest
/// of it. None when it has none or they are not valid.
fn measure(data: &[u8]) -> Option<Said<'_>> {
    let mut said = Said::default();
    let mut rest = data;
    let mut found = false;
    while let Some(behind) = value_of(&DELTA, rest) {
        rest = behind;
        let mut scan = Scanner::new(rest, MAX_DEPTH);
        said.message(&mut scan).ok()?;
        rest = &rest[scan.at()..];
        found = true;
    }
    if !found {
        let text = value_of(&TEXT, data).filter(|text| text.starts_with(b"\""))?;
        said.text(&mut Scanner::new(text, MAX_DEPTH)).ok()?;
    }
    Some(said)
}

/// What comes behind the colon of the first member of that name.
fn value_of<'a>(name: &Finder<'_>, text: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        rest = &rest[name.find(rest)? + name.needle().len()..];
        if let Some(value) = rest.trim_ascii_start().strip_prefix(b":") {
            return Some(value.trim_ascii_start());
        }
    }
}

/// Where a run may hold more than pieces of text. A quoted name inside a text has a backslash
/// before its closing quote, so it is never taken for one.
///
/// A run is searched from the first block on that is asked about.
struct Hints<'a> {
    run: &'a [u8],
    probes: Option<[Probe; 3]>,
}

struct Probe {
    name: &'static Finder<'static>,
    next: Option<usize>,
}

impl<'a> Hints<'a> {
    fn of(run: &'a [u8]) -> Hints<'a> {
        Hints { run, probes: None }
    }

    /// Whether there is one in a block. Every block must lie behind the last one asked about.
    fn within(&mut self, block: &Range<usize>) -> bool {
        let run = self.run;
        self.probes
            .get_or_insert_with(|| {
                [&USAGE, &FINISH, &ERROR].map(|name| Probe::of(name, run, block.start))
            })
            .iter_mut()
            .fold(false, |any, probe| probe.within(run, block) | any)
    }
}

impl Probe {
    fn of(name: &'static Finder<'static>, run: &[u8], start: usize) -> Probe {
        let next = find(name, run, start);
        Probe { name, next }
    }

    fn within(&mut self, run: &[u8], block: &Range<usize>) -> bool {
        if self.next.is_some_and(|at| at < block.start) {
            self.next = find(self.name, run, block.start);
        }
        let mut telling = false;
        while let Some(at) = self.next.filter(|at| *at < block.end) {
            let behind = at + self.name.needle().len();
            telling |= is_telling(&run[behind..]);
            self.next = find(self.name, run, behind);
        }
        telling
    }
}

/// Where a name is first found from a place on.
fn find(name: &Finder<'_>, run: &[u8], from: usize) -> Option<usize> {
    Some(from + name.find(run.get(from..)?)?)
}

/// Whether what follows a name is a colon and a value that says something.
fn is_telling(rest: &[u8]) -> bool {
    let Some(value) = rest.trim_ascii_start().strip_prefix(b":") else {
        return false;
    };
    let value = value.trim_ascii_start();
    !value.starts_with(b"null") && !value.starts_with(b"\"\"")
}

#[cfg(test)]
mod tests;
