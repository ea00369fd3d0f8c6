//! One line of output, encoded field by field straight into a buffer.
//!
//! JSON for machines, `key=value` for people. Allocates nothing per field. A
//! value can never break out of its line: control characters are escaped in
//! both formats, and long values are cut.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use tracing::Level;

use crate::rfc3339;

/// Bytes of one value that are kept.
const MAX_VALUE: usize = 16 * 1024;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// `time LEVEL message key=value ...`.
    Text,
}

/// A line being written. Begin with [`Line::head`]; every field is written at once.
#[derive(Debug)]
pub struct Line<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    format: Format,
    color: bool,
    complete: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn open(out: &'a mut Vec<u8>, format: Format) -> Line<'a> {
        let start = out.len();
        if format == Format::Json {
            out.push(b'{');
        }
        Line {
            out,
            start,
            format,
            color: false,
            complete: false,
        }
    }

    pub(crate) fn colored(mut self, color: bool) -> Line<'a> {
        self.color = color;
        self
    }

    pub(crate) fn close(mut self) {
        if self.format == Format::Json {
            self.out.push(b'}');
        }
        self.out.push(b'\n');
        self.complete = true;
    }

    /// The fields that every line begins with: `time`, `level`, `msg`.
    pub fn head(&mut self, time: SystemTime, level: Level, msg: &str) -> &mut Self {
        match self.format {
            Format::Json => {
                self.time("time", time);
                self.str("level", level.as_str()).str("msg", msg)
            }
            Format::Text => self.text_head(time, level, msg),
        }
    }

    fn text_head(&mut self, time: SystemTime, level: Level, msg: &str) -> &mut Self {
        let (color, reset) = match (self.color, level) {
            (false, _) => ("", ""),
            (true, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
            (true, Level::INFO) => ("\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[0m"),
        };
        rfc3339::write(self.out, time);
        // Writing to a `Vec` cannot fail.
        let _ = write!(self.out, " {color}{:5}{reset} ", level.as_str());
        escape(self.out, cut(msg), false);
        self
    }

    /// A text.
    pub fn str(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        let value = cut(value);
        if self.format == Format::Text && is_plain(value) {
            self.out.extend_from_slice(value.as_bytes());
        } else {
            self.out.push(b'"');
            escape(self.out, value, true);
            self.out.push(b'"');
        }
        self
    }

    /// The address of somebody.
    pub fn ip(&mut self, key: &str, value: IpAddr) -> &mut Self {
        let IpAddr::V4(address) = value else {
            return self.str(key, &value.to_string());
        };
        self.key(key);
        let quote: &[u8] = if self.format == Format::Json {
            b"\""
        } else {
            b""
        };
        self.out.extend_from_slice(quote);
        for (place, byte) in address.octets().into_iter().enumerate() {
            if place > 0 {
                self.out.push(b'.');
            }
            padded(self.out, byte.into(), 1);
        }
        self.out.extend_from_slice(quote);
        self
    }

    /// A whole number.
    pub fn u64(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        padded(self.out, value, 1);
        self
    }

    /// A whole number that may be negative.
    pub fn i64(&mut self, key: &str, value: i64) -> &mut Self {
        self.key(key);
        if value < 0 {
            self.out.push(b'-');
        }
        padded(self.out, value.unsigned_abs(), 1);
        self
    }

    /// A number; `null` when it is none.
    pub fn f64(&mut self, key: &str, value: f64) -> &mut Self {
        self.key(key);
        // Writing to a `Vec` cannot fail.
        let _ = if value.is_finite() {
            write!(self.out, "{value:?}")
        } else {
            write!(self.out, "null")
        };
        self
    }

    /// A number that is decimal text already, and would lose places as a float; `null` when it is
    /// no such text.
    pub fn decimal(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        let digits = value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let plain = digits && value.starts_with(|first: char| first.is_ascii_digit());
        let text = if plain { value } else { "null" };
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    /// True or false.
    pub fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key);
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(text);
        self
    }

    /// A duration in milliseconds with three decimals.
    pub fn f64_millis(&mut self, key: &str, value: Duration) -> &mut Self {
        self.key(key);
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        padded(self.out, micros / 1_000, 1);
        self.out.push(b'.');
        padded(self.out, micros % 1_000, 3);
        self
    }

    /// An instant, RFC 3339 in UTC with nanoseconds.
    pub fn time(&mut self, key: &str, value: SystemTime) -> &mut Self {
        self.key(key);
        let quote: &[u8] = if self.format == Format::Json {
            b"\""
        } else {
            b""
        };
        self.out.extend_from_slice(quote);
        rfc3339::write(self.out, value);
        self.out.extend_from_slice(quote);
        self
    }

    fn key(&mut self, key: &str) {
        match self.format {
            Format::Json => {
                let before: &[u8] = if self.out.len() > self.start + 1 {
                    b",\""
                } else {
                    b"\""
                };
                self.out.extend_from_slice(before);
                escape(self.out, key, true);
                self.out.extend_from_slice(b"\":");
            }
            Format::Text => {
                if self.out.len() > self.start {
                    self.out.push(b' ');
                }
                escape(self.out, key, true);
                self.out.push(b'=');
            }
        }
    }
}

impl Drop for Line<'_> {
    /// A writer that panicked half way leaves nothing behind.
    fn drop(&mut self) {
        if !self.complete {
            self.out.truncate(self.start);
        }
    }
}

/// Appends a number, with zeros in front up to `width` (at most 20) digits.
pub(crate) fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = value;
    while rest > 0 {
        start -= 1;
        digits[start] += (rest % 10) as u8;
        rest /= 10;
    }
    let start = start.min(digits.len().saturating_sub(width));
    out.extend_from_slice(&digits[start..]);
}

fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(MAX_VALUE)]
}

/// Whether a value can stand after `key=` without quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '=')
        })
}

/// Appends text with every control character escaped as in JSON, and quotes and
/// backslashes too when it will stand in quotes.
///
/// Terminals obey C1 controls as well as C0, so those are escaped although JSON
/// would allow them.
fn escape(out: &mut Vec<u8>, text: &str, quoted: bool) {
    let bytes = text.as_bytes();
    if is_all_plain(bytes) {
        return out.extend_from_slice(bytes);
    }
    let (mut written, mut at) = (0, plain(bytes));
    while let Some(byte) = bytes.get(at) {
        let (short, length) = match byte {
            b'"' | b'\\' if quoted => (Some(*byte), 1),
            b'\n' => (Some(b'n'), 1),
            b'\r' => (Some(b'r'), 1),
            b'\t' => (Some(b't'), 1),
            0..0x20 | 0x7f => (None, 1),
            0xc2 if is_c1(text, at) => (None, 2),
            _ => (None, 0),
        };
        if length > 0 {
            out.extend_from_slice(&bytes[written..at]);
            written = at + length;
            match short {
                Some(letter) => out.extend_from_slice(&[b'\\', letter]),
                None => escape_code(out, bytes[written - 1]),
            }
        }
        at += 1;
        at += plain(&bytes[at..]);
    }
    out.extend_from_slice(&bytes[written..]);
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether it is ASCII of which nothing has to be escaped, as nearly every text is: keys, ids, words.
/// The last bytes are looked at in a word that overlaps the one before.
#[inline]
fn is_all_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks::<8>();
        let odd = words.iter().fold(odd(*last), |all, word| all | odd(*word));
        return odd == 0;
    }
    if let (Some([a, b, c, d]), Some([e, f, g, h])) = (bytes.first_chunk(), bytes.last_chunk()) {
        return odd([*a, *b, *c, *d, *e, *f, *g, *h]) == 0;
    }
    bytes.iter().all(|byte| IS_PLAIN[usize::from(*byte)])
}

/// Not zero where a byte is not ASCII or has to be escaped. Which one it is, it does not say: sums
/// and differences run over into the bytes above.
#[inline]
fn odd(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let zero = |word: u64| word.wrapping_sub(ONES);
    let quotes = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
    let (delete, control) = (word.wrapping_add(ONES), word.wrapping_sub(ONES * 0x20));
    (word | quotes | delete | control) & HIGHS
}

/// How many bytes come before the next that may have to be escaped.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let equals = |byte: u8| {
            let zeroed = word ^ (ONES * u64::from(byte));
            zeroed.wrapping_sub(ONES) & !zeroed
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        // Bytes above the lowest mark may be marked without cause, the lowest never is.
        let marks = (control | equals(b'"') | equals(b'\\') | equals(0x7f) | equals(0xc2)) & HIGHS;
        if marks != 0 {
            return number * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let tail = rest.iter().take_while(|byte| IS_PLAIN[usize::from(**byte)]);
    bytes.len() - rest.len() + tail.count()
}

static IS_PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = !matches!(byte, 0..0x20 | 0x22 | 0x5c | 0x7f | 0xc2);
        byte += 1;
    }
    plain
};

/// Whether the two bytes from here are one of U+0080 to U+009F.
fn is_c1(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at + 1), Some(0x80..=0x9f))
}

fn escape_code(out: &mut Vec<u8>, code: u8) {
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "\\u{code:04x}");
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn line(format: Format, write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut out = Vec::new();
        let mut line = Line::open(&mut out, format);
        write(&mut line);
        line.close();
        String::from_utf8(out).unwrap()
    }

    fn sample(line: &mut Line<'_>) {
        let time = UNIX_EPOCH + Duration::new(1_785_587_696, 5);
        line.head(time, Level::WARN, "request")
            .str("path", "/v1/chat completions")
            .str("plain", "a/b:c")
            .u64("status", 404)
            .i64("delta", -7)
            .bool("stream", false)
            .f64("ratio", 0.25)
            .f64("none", f64::NAN)
            .decimal("cost_usd", "0.000000000001")
            .decimal("odd", "1e-7")
            .f64_millis("duration_ms", Duration::from_micros(12_045))
            .time("at", UNIX_EPOCH);
    }

    #[test]
    fn a_json_line_has_its_fields_in_order() {
        assert_eq!(
            line(Format::Json, sample),
            concat!(
                r#"{"time":"2026-08-01T12:34:56.000000005Z","level":"WARN","msg":"request","#,
                r#""path":"/v1/chat completions","plain":"a/b:c","status":404,"delta":-7,"#,
                r#""stream":false,"ratio":0.25,"none":null,"cost_usd":0.000000000001,"odd":null,"duration_ms":12.045,"#,
                r#""at":"1970-01-01T00:00:00.000000000Z"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_text_line_quotes_only_what_needs_it() {
        assert_eq!(
            line(Format::Text, sample),
            concat!(
                "2026-08-01T12:34:56.000000005Z WARN  request ",
                r#"path="/v1/chat completions" plain=a/b:c status=404 delta=-7 "#,
                "stream=false ratio=0.25 none=null cost_usd=0.000000000001 odd=null duration_ms=12.045 ",
                "at=1970-01-01T00:00:00.000000000Z\n"
            )
        );
    }

    #[test]
    fn an_abandoned_line_leaves_nothing_behind() {
        let mut out = b"before\n".to_vec();
        let mut half = Line::open(&mut out, Format::Json);
        half.str("a", "b");
        drop(half);
        assert_eq!(out, b"before\n");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let value = format!("{}é", "x".repeat(MAX_VALUE - 1));
        let text = line(Format::Json, |l| {
            l.str("v", &value);
        });
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["v"], "x".repeat(MAX_VALUE - 1));
    }

    #[test]
    fn numbers_are_padded_and_never_cut() {
        for (value, width, expected) in [
            (0, 1, "0"),
            (0, 3, "000"),
            (7, 3, "007"),
            (1_234, 2, "1234"),
            (u64::MAX, 1, "18446744073709551615"),
        ] {
            let mut out = Vec::new();
            padded(&mut out, value, width);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn color_marks_the_level_only_in_text() {
        let mut out = Vec::new();
        let mut colored = Line::open(&mut out, Format::Text).colored(true);
        colored.head(UNIX_EPOCH, Level::ERROR, "no");
        colored.close();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "1970-01-01T00:00:00.000000000Z \u{1b}[31mERROR\u{1b}[0m no\n"
        );
    }

    #[test]
    fn an_address_reads_as_its_text() {
        for address in ["0.0.0.0", "127.0.0.1", "255.10.100.9", "::1", "2001:db8::7"] {
            let as_text = |format| {
                line(format, |line| {
                    line.str("a", address);
                })
            };
            for format in [Format::Json, Format::Text] {
                let written = line(format, |line| {
                    line.ip("a", address.parse().unwrap());
                });
                assert_eq!(written, as_text(format));
            }
        }
    }

    proptest! {
        #[test]
        fn a_json_reader_gets_back_what_was_written(
            key in "\\PC{1,8}|.{1,8}",
            value in any::<String>(),
            number in any::<u64>(),
            signed in any::<i64>(),
        ) {
            prop_assume!(!["u", "i"].contains(&key.as_str()));
            let text = line(Format::Json, |line| {
                line.str(&key, &value).u64("u", number).i64("i", signed);
            });
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, json!({key: value, "u": number, "i": signed}));
        }

        #[test]
        fn a_fraction_is_json_and_loses_no_digit(fraction in any::<f64>()) {
            let text = line(Format::Json, |line| {
                line.f64("f", fraction);
            });
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
            let digits = text.strip_prefix("{\"f\":").and_then(|t| t.strip_suffix("}\n"));
            let expected = if fraction.is_finite() { Ok(fraction) } else { Err("null") };
            prop_assert_eq!(digits.map(|d| d.parse().map_err(|_| d)), Some(expected));
        }

        #[test]
        fn no_value_breaks_out_of_its_line(msg in any::<String>(), value in "[\\x00-\\xff]{0,40}") {
            for format in [Format::Json, Format::Text] {
                let text = line(format, |line| {
                    line.head(UNIX_EPOCH, Level::INFO, &msg).str("v", &value);
                });
                let body = text.strip_suffix('\n').unwrap();
                prop_assert!(!body.contains(char::is_control), "{body:?}");
            }
        }
    }
}
