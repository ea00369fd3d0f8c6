//! Events that repeat an earlier one but for their text.
//!
//! The events of a stream are written from one mould. The bytes of an event around its text are
//! remembered; an event with the same bytes around a text of its own is known to be valid, and to
//! say nothing but that text, without being read.
//!
//! Nothing here may be more than a shortcut: what is heard here would be found the same by reading.

use std::fmt;
use std::ops::Range;

use super::chunk::length;
use crate::json::{self, Literal, Scanner};

/// Bytes that are remembered at most.
const FIXED_MAX: usize = 4096;
/// Repetitions after which learning was worth its cost.
const WORTH: u32 = 16;
/// Other events in a row after which comparing is not worth its cost until the next attempt to learn.
const MISSES_MAX: u32 = 8;
/// Events between two attempts to learn in a stream that does not repeat itself.
const PATIENCE_MAX: u32 = 256;

/// What the events of a stream have in common, as far as it is known.
#[derive(Default)]
pub(super) struct Echo {
    /// An event without its text and its padding.
    fixed: Vec<u8>,
    /// Where in `fixed` the text belongs; 0 when nothing is remembered.
    text_at: usize,
    /// Where the padding belongs; the end when there is none.
    padding_at: usize,
    hits: u32,
    /// Other events since the last repetition or attempt to learn.
    misses: u32,
    /// Misses before the next attempt.
    patience: u32,
}

/// An event that was recognised.
pub(super) struct Heard {
    /// Its length.
    pub(super) event: usize,
    /// Bytes of its text, never none.
    pub(super) bytes: u64,
}

impl Echo {
    /// One that never learns.
    #[cfg(test)]
    pub(super) fn deaf() -> Echo {
        Echo {
            patience: u32::MAX,
            ..Echo::default()
        }
    }

    /// Recognises the event at the start of some complete blocks.
    #[inline]
    pub(super) fn hear(&mut self, blocks: &[u8]) -> Option<Heard> {
        let heard = if self.misses < MISSES_MAX {
            self.compare(blocks)
        } else {
            None
        };
        if heard.is_some() {
            self.hits = self.hits.saturating_add(1);
            self.misses = 0;
        } else {
            self.misses = self.misses.saturating_add(1);
        }
        heard
    }

    /// Whether the last event that was not recognised should be learnt.
    pub(super) fn is_due(&self) -> bool {
        self.misses >= self.patience
    }

    /// Remembers an event, of which a `text` that is part of it is all that matters and `padding`
    /// does not matter at all. Without a text the attempt has failed.
    pub(super) fn learn(&mut self, event: &[u8], text: Option<&[u8]>, padding: Option<&[u8]>) {
        self.patience = if self.hits >= WORTH {
            1
        } else {
            (4 * self.patience).clamp(1, PATIENCE_MAX)
        };
        self.hits = 0;
        self.misses = 0;
        // An event that the stream ended in may not be the whole of a later one.
        if let Some(text) = text.and_then(|text| place(event, text))
            && ends_in_blank_line(event)
        {
            let padding = padding
                .and_then(|padding| place(event, padding))
                .filter(|padding| padding.start > text.end)
                .unwrap_or(event.len()..event.len());
            self.remember(event, &text, &padding);
        }
    }

    /// Recognises nothing until something is learnt.
    pub(super) fn forget(&mut self) {
        self.text_at = 0;
    }

    fn remember(&mut self, event: &[u8], text: &Range<usize>, padding: &Range<usize>) {
        if event.len() - text.len() - padding.len() > FIXED_MAX {
            return;
        }
        self.fixed.clear();
        self.fixed.extend_from_slice(&event[..text.start]);
        self.fixed
            .extend_from_slice(&event[text.end..padding.start]);
        self.fixed.extend_from_slice(&event[padding.end..]);
        self.text_at = text.start;
        self.padding_at = padding.start - text.len();
    }

    fn compare(&self, blocks: &[u8]) -> Option<Heard> {
        if self.text_at == 0 {
            return None;
        }
        let (before, rest) = self.fixed.split_at(self.text_at);
        let (between, behind) = rest.split_at(self.padding_at - self.text_at);
        let mut at = step_over(blocks, 0, before)?;
        // No line ends in a string, so that the event ends where the one that was learnt did.
        let text = string_inside(blocks, at)?;
        at = step_over(blocks, at + text.inner.len(), between)?;
        if !behind.is_empty() {
            let padding = string_inside(blocks, at)?;
            at = step_over(blocks, at + padding.inner.len(), behind)?;
        }
        (!text.inner.is_empty()).then(|| Heard {
            event: at,
            bytes: length(text),
        })
    }
}

/// What it knows is a vendor's answer, which belongs in no log.
impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo")
            .field("text_at", &self.text_at)
            .field("hits", &self.hits)
            .field("misses", &self.misses)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Where `fixed` ends, if it stands at a place.
#[inline]
fn step_over(blocks: &[u8], at: usize, fixed: &[u8]) -> Option<usize> {
    blocks
        .get(at..)?
        .starts_with(fixed)
        .then_some(at + fixed.len())
}

/// The valid string whose opening quote stands right before a place.
#[inline]
fn string_inside(blocks: &[u8], at: usize) -> Option<Literal<'_>> {
    let quoted = blocks.get(at.checked_sub(1)?..)?;
    if let Some(inner) = json::plain_ascii(quoted.get(1..)?) {
        return Some(Literal {
            inner,
            start: 1,
            escaped: false,
        });
    }
    Scanner::new(quoted, 1).string().ok()
}

/// Where a part is that was taken from the whole; None when it was not.
fn place(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    (range.end <= whole.len()).then_some(range)
}

fn ends_in_blank_line(event: &[u8]) -> bool {
    [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"]
        .iter()
        .any(|end| event.ends_with(end))
}

#[cfg(test)]
mod tests;
