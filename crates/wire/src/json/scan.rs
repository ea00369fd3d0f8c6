//! A validating walk over JSON bytes: one pass, no recursion, no allocation per value.
//!
//! It accepts what RFC 8259 calls JSON, and thereby every document that `serde_json` accepts as
//! raw JSON. It must never decode or copy: what it hands out are ranges of the input.

use std::borrow::Cow;

use super::{JsonError, Walk, text};

/// A position in a document that has been found valid up to there.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Containers that may still be opened inside the current one.
    room: usize,
    limit: usize,
}

/// The text of a string between its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Literal<'a> {
    pub(crate) inner: &'a [u8],
    /// Where the text begins in what was walked.
    pub(crate) start: usize,
    pub(crate) escaped: bool,
}

impl<'a> Literal<'a> {
    /// The text it stands for.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(text::unescape(self.inner))
        } else {
            String::from_utf8_lossy(self.inner)
        }
    }

    /// Whether it stands for `text`.
    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped {
            // No escape stands for less than a sixth of its length: what is longer need not be decoded.
            self.inner.len() <= 6 * text.len() && text::unescape(self.inner) == text
        } else {
            self.inner == text.as_bytes()
        }
    }
}

/// Open containers of one walk, one bit each: set for an object.
#[derive(Default)]
struct Nesting {
    top: u64,
    below: Vec<u64>,
    depth: usize,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or_default();
        }
    }

    fn in_object(&self) -> bool {
        self.top & 1 == 1
    }
}

impl<'a> Scanner<'a> {
    /// A walk from the start, into at most `limit` containers within each other.
    pub(crate) fn new(bytes: &'a [u8], limit: usize) -> Scanner<'a> {
        Scanner {
            bytes,
            at: 0,
            room: limit,
            limit,
        }
    }

    /// Where the walk is.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The first byte of what comes next, whitespace left out.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.here()
    }

    /// Nothing but whitespace may follow.
    pub(crate) fn end(&mut self) -> Walk {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Box::new(JsonError::Trailing { offset: self.at })),
        }
    }

    /// Steps over one value and gives its own text.
    pub(crate) fn skip(&mut self) -> Walk<&'a [u8]> {
        let next = self.peek();
        let start = self.at;
        // Most values have nothing inside: they need no account of what is open.
        if let Some(b'{' | b'[') = next {
            self.pass_container()?;
        } else {
            self.scalar()?;
        }
        Ok(&self.bytes[start..self.at])
    }

    fn pass_container(&mut self) -> Walk {
        let mut open = Nesting::default();
        while self.value_or_open(&mut open)? || self.next_element(&mut open)? {}
        Ok(())
    }

    /// Walks an object; `each` is called behind every colon and must step over the value.
    pub(crate) fn object(&mut self, mut each: impl FnMut(&mut Self, Literal<'a>) -> Walk) -> Walk {
        self.container(b'{', "expected an object", b'}', |scan| {
            let name = scan.name()?;
            each(scan, name)
        })
    }

    /// Walks an array; `each` is called before every element and must step over it.
    pub(crate) fn array(&mut self, each: impl FnMut(&mut Self) -> Walk) -> Walk {
        self.container(b'[', "expected an array", b']', each)
    }

    /// The same, or a step over what is no object.
    pub(crate) fn object_or_skip(
        &mut self,
        each: impl FnMut(&mut Self, Literal<'a>) -> Walk,
    ) -> Walk {
        if self.peek() == Some(b'{') {
            self.object(each)
        } else {
            self.skip().map(|_| ())
        }
    }

    /// The same, or a step over what is no array.
    pub(crate) fn array_or_skip(&mut self, each: impl FnMut(&mut Self) -> Walk) -> Walk {
        if self.peek() == Some(b'[') {
            self.array(each)
        } else {
            self.skip().map(|_| ())
        }
    }

    /// A string, or a step over what is none.
    pub(crate) fn string_or_skip(&mut self) -> Walk<Option<Literal<'a>>> {
        if self.peek() == Some(b'"') {
            self.string().map(Some)
        } else {
            self.skip().map(|_| None)
        }
    }

    fn container(
        &mut self,
        open: u8,
        expected: &'static str,
        close: u8,
        mut each: impl FnMut(&mut Self) -> Walk,
    ) -> Walk {
        if self.peek() != Some(open) {
            return self.wrong(expected);
        }
        let Some(room) = self.room.checked_sub(1) else {
            return self.too_deep();
        };
        self.room = room;
        self.at += 1;
        if self.peek() != Some(close) {
            loop {
                each(self)?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(byte) if byte == close => break,
                    _ => return self.wrong("expected a comma or the end of the container"),
                }
            }
        }
        self.at += 1;
        self.room += 1;
        Ok(())
    }

    /// A string, from its opening quote to behind its closing one.
    pub(crate) fn string(&mut self) -> Walk<Literal<'a>> {
        if self.peek() != Some(b'"') {
            return self.wrong("expected a string");
        }
        let start = self.at + 1;
        let escaped = self.pass_string()?;
        Ok(self.literal(start, self.at - 1, escaped))
    }

    fn literal(&self, start: usize, end: usize, escaped: bool) -> Literal<'a> {
        Literal {
            inner: &self.bytes[start..end],
            start,
            escaped,
        }
    }

    /// Steps over the string that begins here; whether it has escapes.
    fn pass_string(&mut self) -> Walk<bool> {
        let start = self.at + 1;
        let mut escaped = false;
        let mut non_ascii = false;
        self.at = start;
        loop {
            let (plain, high) = text::plain_prefix(&self.bytes[self.at..]);
            self.at += plain;
            non_ascii |= high;
            if self.here() == Some(b'"') {
                break;
            }
            self.escape()?;
            escaped = true;
        }
        if non_ascii {
            check_utf8(&self.bytes[start..self.at], start)?;
        }
        self.at += 1;
        Ok(escaped)
    }

    /// Steps over the escape that must be here.
    #[inline(never)]
    fn escape(&mut self) -> Walk {
        match self.bytes.get(self.at..).unwrap_or_default() {
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => self.at += 2,
            [b'\\', b'u', a, b, c, d, ..]
                if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) =>
            {
                self.at += 6;
            }
            [b'\\', b'u', ..] => return self.wrong("expected four hexadecimal digits after \\u"),
            [b'\\', ..] => return self.wrong("unknown escape in a string"),
            _ => return self.wrong("control character in a string"),
        }
        Ok(())
    }

    /// A member's name and the colon behind it.
    #[inline]
    fn name(&mut self) -> Walk<Literal<'a>> {
        if self.peek() != Some(b'"') {
            return self.wrong("expected a member name");
        }
        let start = self.at + 1;
        let escaped = self.pass_string()?;
        let end = self.at - 1;
        self.colon()?;
        Ok(self.literal(start, end, escaped))
    }

    /// The same where the name is of no interest.
    #[inline]
    fn pass_name(&mut self) -> Walk {
        if self.peek() != Some(b'"') {
            return self.wrong("expected a member name");
        }
        self.pass_string()?;
        self.colon()
    }

    #[inline]
    fn colon(&mut self) -> Walk {
        if self.peek() != Some(b':') {
            return self.wrong("expected a colon");
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over a value without elements, or into a container that has some: true in that case.
    fn value_or_open(&mut self, open: &mut Nesting) -> Walk<bool> {
        match self.peek() {
            Some(b'{') => self.open(open, true, b'}'),
            Some(b'[') => self.open(open, false, b']'),
            _ => self.scalar().map(|()| false),
        }
    }

    /// Steps over the value that begins here and is no container.
    #[inline]
    fn scalar(&mut self) -> Walk {
        match self.here() {
            Some(b'"') => self.pass_string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => self.wrong("expected a value"),
        }
    }

    fn open(&mut self, open: &mut Nesting, object: bool, close: u8) -> Walk<bool> {
        if open.depth >= self.room {
            return self.too_deep();
        }
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        open.push(object);
        if object {
            self.pass_name()?;
        }
        Ok(true)
    }

    /// Behind a value: steps over what closes there, and to the next element if there is one.
    fn next_element(&mut self, open: &mut Nesting) -> Walk<bool> {
        while open.depth > 0 {
            let object = open.in_object();
            match (self.peek(), object) {
                (Some(b','), _) => {
                    self.at += 1;
                    if object {
                        self.pass_name()?;
                    }
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    open.pop();
                }
                _ => return self.wrong("expected a comma or the end of the container"),
            }
        }
        Ok(false)
    }

    fn word(&mut self, word: &[u8]) -> Walk {
        if !self.bytes[self.at..].starts_with(word) {
            return self.wrong("expected a value");
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Walk {
        if self.here() == Some(b'-') {
            self.at += 1;
        }
        if self.here() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.here() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.here() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Walk {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.here() {
            self.at += 1;
        }
        if self.at == start {
            self.wrong("expected a digit")
        } else {
            Ok(())
        }
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.here() {
            self.at += 1;
        }
    }

    fn here(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn wrong<T>(&self, what: &'static str) -> Walk<T> {
        let what = if self.at >= self.bytes.len() {
            "the text ends too early"
        } else {
            what
        };
        Err(Box::new(JsonError::Syntax {
            offset: self.at,
            what,
        }))
    }

    #[cold]
    fn too_deep<T>(&self) -> Walk<T> {
        Err(Box::new(JsonError::TooDeep {
            limit: self.limit,
            offset: self.at,
        }))
    }
}

#[inline(never)]
fn check_utf8(inner: &[u8], start: usize) -> Walk {
    match std::str::from_utf8(inner) {
        Ok(_) => Ok(()),
        Err(error) => Err(Box::new(JsonError::NotUtf8 {
            offset: start + error.valid_up_to(),
        })),
    }
}
