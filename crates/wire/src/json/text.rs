//! The inside of JSON strings: how far they are plain, and what their escapes stand for.

use memchr::memchr;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const WORD: usize = size_of::<u64>();
/// Bytes looked at word by word before the wide loop starts: most strings end within them.
const NEAR: usize = 4 * WORD;
/// Moves the quote to 0x20, where the control characters end, and the space and what is beside it above.
const QUOTE_FLIP: u8 = 0x02;
/// Wide enough for every vector unit, small enough to end soon behind the string.
const WIDE: usize = 64;

/// How many bytes come before the next quote, backslash or control character, and whether there
/// may be non-ASCII among them (never wrong in saying that there is none).
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> (usize, bool) {
    let mut high = 0;
    match plain_words(bytes, 0, NEAR, &mut high) {
        Some(stop) => (stop, high & HIGHS != 0),
        None => plain_far(bytes, high & HIGHS != 0),
    }
}

/// How many bytes come before the first that a string cannot hold as it is.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    plain_prefix(bytes).0
}

/// The text up to the closing quote, if there is nothing in it but plain ASCII.
#[inline]
pub(crate) fn plain_ascii(bytes: &[u8]) -> Option<&[u8]> {
    let (length, non_ascii) = plain_prefix(bytes);
    let ends = bytes.get(length) == Some(&b'"');
    (ends && !non_ascii).then(|| &bytes[..length])
}

/// Where the first stop is, from `at` on; None when it is not before `until`. The end is a stop.
#[inline]
fn plain_words(bytes: &[u8], mut at: usize, until: usize, high: &mut u64) -> Option<usize> {
    while at < until {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return Some(plain_tail(bytes, at, high));
        };
        let word = u64::from_le_bytes(*word);
        *high |= word;
        let stops = stops(word);
        if stops != 0 {
            return Some(at + stops.trailing_zeros() as usize / 8);
        }
        at += WORD;
    }
    None
}

/// The last bytes of the document.
#[inline(never)]
fn plain_tail(bytes: &[u8], start: usize, high: &mut u64) -> usize {
    let rest = &bytes[start..];
    start
        + rest
            .iter()
            .take_while(|byte| stop(**byte) == 0)
            .inspect(|byte| *high |= u64::from(**byte))
            .count()
}

/// A long string, of which the beginning is plain.
#[inline(never)]
fn plain_far(bytes: &[u8], mut non_ascii: bool) -> (usize, bool) {
    let mut high = 0;
    let far = NEAR + plain_blocks(&bytes[NEAR..], &mut non_ascii);
    let stop = plain_words(bytes, far, usize::MAX, &mut high).unwrap_or(bytes.len());
    (stop, non_ascii || high & HIGHS != 0)
}

/// The high bit of each byte that ends a plain run. Bytes above the lowest such byte may be marked
/// without cause (subtraction borrows from them), the lowest never is.
fn stops(word: u64) -> u64 {
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quote_or_control = below(word ^ (ONES * u64::from(QUOTE_FLIP)), 0x21);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quote_or_control | backslash) & HIGHS
}

/// The length of the plain blocks at the start.
fn plain_blocks(bytes: &[u8], non_ascii: &mut bool) -> usize {
    let (blocks, _) = bytes.as_chunks::<WIDE>();
    let plain = blocks.iter().take_while(|block| {
        // Without a branch inside, a fold compiles to vector instructions on every target.
        if block
            .iter()
            .fold(0, |marks, byte| marks | stop_or_non_ascii(*byte))
            == 0
        {
            return true;
        }
        let plain = block.iter().fold(0, |marks, byte| marks | stop(*byte)) == 0;
        *non_ascii |= plain;
        plain
    });
    plain.count() * WIDE
}

/// Not zero for what ends a plain run.
fn stop(byte: u8) -> u8 {
    u8::from(byte ^ QUOTE_FLIP <= 0x20) | u8::from(byte == b'\\')
}

/// The same, and not zero for non-ASCII: as signed numbers these are the lowest, so one comparison finds all.
fn stop_or_non_ascii(byte: u8) -> u8 {
    u8::from((byte ^ QUOTE_FLIP).cast_signed() <= 0x20) | u8::from(byte == b'\\')
}

/// What valid string content stands for. A surrogate without its partner becomes U+FFFD.
pub(super) fn unescape(inner: &[u8]) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(b'\\', rest) {
        out.push_str(&String::from_utf8_lossy(&rest[..at]));
        let (character, length) = escape(&rest[at..]);
        out.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(rest));
    out
}

/// The character of the escape at the start, and the length of its spelling.
fn escape(bytes: &[u8]) -> (char, usize) {
    let plain = match bytes.get(1) {
        Some(b'u') => return unicode_escape(bytes),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (plain, 2)
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let first = hex4(bytes);
    if let Some(character) = first.and_then(char::from_u32) {
        return (character, 6);
    }
    let second = bytes.get(6..).and_then(hex4);
    match (first, second) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The number in `\uXXXX` at the start.
fn hex4(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum * 16 + char::from(*digit).to_digit(16)?)
    })
}
