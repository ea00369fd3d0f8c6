//! The inside of JSON strings: how far they are plain, and what their escapes stand for.

use memchr::memchr;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const WORD: usize = size_of::<u64>();
/// Bytes looked at word by word before the wide loop starts: most strings end within them.
const NEAR: usize = 4 * WORD;
/// Wide enough for every vector unit, small enough to end soon behind the string.
const WIDE: usize = 64;

/// How many bytes come before the next quote, backslash or control character, and whether there
/// may be non-ASCII among them (never wrong in saying that there is none).
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    let mut high = 0;
    while let Some(pair) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * WORD }>) {
        let (stops, seen) = pair_stops(pair);
        high |= seen;
        if let Some(stop) = stops {
            return (at + stop, high & HIGHS != 0);
        }
        at += 2 * WORD;
        if at == NEAR {
            return plain_far(bytes, high);
        }
    }
    plain_tail(bytes, at, high)
}

/// Two words at once: where most strings end is a matter of arithmetic and not of a branch to be guessed.
#[inline]
fn pair_stops(pair: &[u8; 2 * WORD]) -> (Option<usize>, u64) {
    let both = u128::from_le_bytes(*pair);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of it")]
    let (low, high) = (both as u64, (both >> 64) as u64);
    let (low_stops, high_stops) = (stops(low), stops(high));
    let first = if low_stops == 0 { 64 + high_stops.trailing_zeros() } else { low_stops.trailing_zeros() };
    (((low_stops | high_stops) != 0).then_some(first as usize / 8), low | high)
}

#[inline(never)]
fn plain_far(bytes: &[u8], mut high: u64) -> (usize, bool) {
    let far = NEAR + plain_blocks(&bytes[NEAR..], &mut high);
    let (words, _) = bytes[far..].as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        high |= word;
        let stops = stops(word);
        if stops != 0 {
            return (far + index * WORD + stops.trailing_zeros() as usize / 8, high & HIGHS != 0);
        }
    }
    plain_tail(bytes, far + words.len() * WORD, high)
}

/// The last bytes of the document.
#[inline(never)]
fn plain_tail(bytes: &[u8], start: usize, mut high: u64) -> (usize, bool) {
    let rest = &bytes[start..];
    let plain = rest.iter().take_while(|byte| stop(**byte) == 0).inspect(|byte| high |= u64::from(**byte)).count();
    (start + plain, high & HIGHS != 0)
}

/// The high bit of each byte that ends a plain run. Bytes above the lowest such byte may be marked
/// without cause (subtraction borrows from them), the lowest never is.
fn stops(word: u64) -> u64 {
    let equals = |byte: u8| {
        let zeroed = word ^ (ONES * u64::from(byte));
        zeroed.wrapping_sub(ONES) & !zeroed
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (equals(b'"') | equals(b'\\') | control) & HIGHS
}

fn plain_blocks(bytes: &[u8], high: &mut u64) -> usize {
    let (blocks, _) = bytes.as_chunks::<WIDE>();
    let mut union = 0;
    let plain = blocks.iter().take_while(|block| {
        let mut stops = 0;
        let mut seen = 0;
        // Without a branch inside, this compiles to vector instructions on every target.
        for &byte in *block {
            stops |= stop(byte);
            seen |= byte;
        }
        union |= seen;
        stops == 0
    });
    let plain = plain.count() * WIDE;
    *high |= u64::from(union);
    plain
}

/// Not zero for what ends a plain run; arithmetic, so that it vectorises.
fn stop(byte: u8) -> u8 {
    u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < 0x20)
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
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The number in `\uXXXX` at the start.
fn hex4(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}
