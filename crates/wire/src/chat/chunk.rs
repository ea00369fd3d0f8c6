//! One JSON object of chat, whole or a piece of a stream, in one walk.

use std::borrow::Cow;

use memchr::memchr;

use crate::json::{Literal, MAX_DEPTH, Scanner, Walk};
use crate::usage::{ServiceTier, Usage};
use crate::vendor_error::{self, VendorError};

/// What one object says.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    model: Option<Literal<'a>>,
    pub(super) usage: Option<Usage>,
    service: Option<Literal<'a>>,
    pub(super) choices: usize,
    pub(super) finish: bool,
    pub(super) said: Said<'a>,
    /// A text of random length against listeners who know the sizes of events.
    pub(super) padding: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    /// It calls itself an error.
    is_error: bool,
    unsuccessful: bool,
    errors: Option<&'a [u8]>,
}

/// What was said in messages or pieces of them.
#[derive(Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// Anything at all: text, a call, a picture.
    pub(super) any: bool,
    /// Bytes of text.
    pub(super) bytes: u64,
    /// Texts that are not empty, and the last of them as it is spelt.
    texts: usize,
    last: Option<&'a [u8]>,
}

impl<'a> Chunk<'a> {
    /// Validates and reads an object.
    pub(super) fn read(json: &'a [u8]) -> Walk<Chunk<'a>> {
        let mut chunk = Chunk::default();
        let mut scan = Scanner::new(json, MAX_DEPTH);
        scan.object(|scan, name| chunk.member(scan, name))?;
        scan.end()?;
        if let (Some(usage), Some(word)) = (&mut chunk.usage, chunk.service)
            && usage.service == ServiceTier::Standard
        {
            usage.service = ServiceTier::of(word.inner);
        }
        Ok(chunk)
    }

    pub(super) fn model(&self) -> Option<Cow<'a, str>> {
        self.model
            .map(Literal::decode)
            .filter(|model| !model.is_empty())
    }

    /// The error that `json`, from which this was read, stands for.
    pub(super) fn vendor_error(&self, json: &[u8]) -> Option<VendorError> {
        if self.error.is_none()
            && !self.is_error
            && !(self.unsuccessful && self.errors.is_some_and(is_something))
        {
            return None;
        }
        let error = self.error.and_then(vendor_error::of_error);
        vendor_error::read(json)
            .or(error)
            .or_else(|| Some(VendorError::default()))
    }

    /// Whether nothing in `json`, from which this was read, matters but its model and what is said.
    pub(super) fn only_speaks(&self, json: &[u8]) -> bool {
        !self.finish
            && self.usage.is_none_or(|usage| usage.total() == 0)
            && self.vendor_error(json).is_none()
    }

    fn member(&mut self, scan: &mut Scanner<'a>, name: Literal<'a>) -> Walk {
        match name.inner {
            b"model" => self.model = scan.string_or_skip()?,
            b"usage" => self.take_usage(Usage::next(scan)?),
            b"service_tier" => self.service = scan.string_or_skip()?,
            b"choices" => scan.array_or_skip(|scan| self.choice(scan))?,
            b"x_groq" => scan.object_or_skip(|scan, name| self.groq(scan, name))?,
            b"error" => self.take_error(scan.skip()?),
            b"errors" => self.errors = Some(scan.skip()?),
            b"obfuscation" => self.padding = scan.string_or_skip()?.map(|text| text.inner),
            b"success" => self.unsuccessful = scan.skip()? == b"false",
            b"object" | b"type" => self.is_error |= scan.skip()? == b"\"error\"",
            _ => return scan.skip().map(|_| ()),
        }
        Ok(())
    }

    fn choice(&mut self, scan: &mut Scanner<'a>) -> Walk {
        self.choices += 1;
        scan.object_or_skip(|scan, name| {
            match name.inner {
                b"delta" | b"message" => self.said.message(scan)?,
                b"text" => self.said.text(scan)?,
                b"finish_reason" => self.finish |= is_something(scan.skip()?),
                // Moonshot counts here.
                b"usage" => self.take_usage(Usage::next(scan)?),
                _ => return scan.skip().map(|_| ()),
            }
            Ok(())
        })
    }

    /// Groq's own member: what it counted, and why it stopped early.
    fn groq(&mut self, scan: &mut Scanner<'a>, name: Literal<'a>) -> Walk {
        match name.inner {
            b"usage" => self.take_usage(Usage::next(scan)?),
            b"error" => self.take_error(scan.skip()?),
            _ => return scan.skip().map(|_| ()),
        }
        Ok(())
    }

    fn take_usage(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        if self.usage.is_none() || usage.total() > 0 {
            self.usage = Some(usage);
        }
    }

    fn take_error(&mut self, raw: &'a [u8]) {
        if is_something(raw) {
            self.error = Some(raw);
        }
    }
}

impl<'a> Said<'a> {
    /// The text as it is spelt, if there is exactly one that is not empty.
    pub(super) fn only_text(&self) -> Option<&'a [u8]> {
        self.last.filter(|_| self.texts == 1)
    }

    /// Takes in the message or delta that comes next.
    pub(super) fn message(&mut self, scan: &mut Scanner<'a>) -> Walk {
        // Some vendors send their reasoning under two names.
        let mut reasoning = Said::default();
        scan.object_or_skip(|scan, name| {
            match name.inner {
                b"content" => self.content(scan)?,
                b"refusal" => self.text(scan)?,
                b"reasoning" | b"reasoning_content" => {
                    let before = std::mem::take(&mut reasoning.bytes);
                    reasoning.text(scan)?;
                    reasoning.bytes = reasoning.bytes.max(before);
                }
                b"tool_calls" => scan.array_or_skip(|scan| self.tool_call(scan))?,
                b"function_call" => self.function(scan)?,
                b"audio" | b"images" | b"reasoning_details" => {
                    self.any |= is_something(scan.skip()?);
                }
                _ => return scan.skip().map(|_| ()),
            }
            Ok(())
        })?;
        self.any |= reasoning.any;
        self.bytes += reasoning.bytes;
        self.texts += reasoning.texts;
        self.last = reasoning.last.or(self.last);
        Ok(())
    }

    /// Takes in the text that comes next, if it is one.
    pub(super) fn text(&mut self, scan: &mut Scanner<'a>) -> Walk {
        if let Some(text) = scan.string_or_skip()?
            && !text.inner.is_empty()
        {
            self.any = true;
            self.bytes += length(text);
            self.texts += 1;
            self.last = Some(text.inner);
        }
        Ok(())
    }

    fn content(&mut self, scan: &mut Scanner<'a>) -> Walk {
        if scan.peek() == Some(b'[') {
            return scan.array(|scan| self.block(scan));
        }
        self.text(scan)
    }

    /// A block of Mistral's content: text, or thinking around texts.
    fn block(&mut self, scan: &mut Scanner<'a>) -> Walk {
        self.any = true;
        scan.object_or_skip(|scan, name| match name.inner {
            b"text" => self.text(scan),
            b"thinking" => self.content(scan),
            _ => scan.skip().map(|_| ()),
        })
    }

    fn tool_call(&mut self, scan: &mut Scanner<'a>) -> Walk {
        self.any = true;
        scan.object_or_skip(|scan, name| match name.inner {
            b"function" | b"custom" => self.function(scan),
            _ => scan.skip().map(|_| ()),
        })
    }

    fn function(&mut self, scan: &mut Scanner<'a>) -> Walk {
        self.any |= scan.peek() == Some(b'{');
        scan.object_or_skip(|scan, name| match name.inner {
            b"name" | b"arguments" | b"input" => self.text(scan),
            _ => scan.skip().map(|_| ()),
        })
    }
}

/// How many bytes a text stands for.
pub(super) fn length(text: Literal<'_>) -> u64 {
    if !text.escaped {
        return text.inner.len() as u64;
    }
    let mut length = 0;
    let mut rest = text.inner;
    while let Some(at) = memchr(b'\\', rest) {
        let (spelling, meaning) = escape(&rest[at..]);
        length += at + meaning;
        rest = rest.get(at + spelling..).unwrap_or_default();
    }
    (length + rest.len()) as u64
}

/// How long the escape at the start is, and how many bytes it stands for. Half a surrogate pair
/// stands for U+FFFD.
fn escape(bytes: &[u8]) -> (usize, usize) {
    match (code_unit(bytes), bytes.get(6..).and_then(code_unit)) {
        (None, _) => (2, 1),
        (Some(0..0x80), _) => (6, 1),
        (Some(0x80..0x800), _) => (6, 2),
        (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, 4),
        _ => (6, 3),
    }
}

/// The number in `\uXXXX` at the start.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// Whether a value is more than the absence of one.
fn is_something(raw: &[u8]) -> bool {
    match raw {
        b"null" | b"false" | b"0" | b"\"\"" => false,
        [b'[' | b'{', inside @ .., _] => !inside.trim_ascii().is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
