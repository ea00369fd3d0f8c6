//! One spelling for every path, found before anything is decided by it: a
//! call must not escape its rules by being spelt differently.

use std::borrow::Cow;

/// How often a path may be decoded before it is taken for an attack.
const MAX_DECODINGS: usize = 8;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A `%` without two hexadecimal digits.
    #[error("the path has a malformed percent-escape; write a literal % as %25")]
    Escape,
    /// A segment that means here or one up, however it is written.
    #[error("the path has a . or .. segment, plain or encoded")]
    Traversal,
    /// Escapes within escapes without end.
    #[error("the path is percent-encoded more than {MAX_DECODINGS} times over")]
    Depth,
}

/// The canonical spelling of a path: escapes of unreserved characters decoded
/// once, all others in upper case, no doubled slash, no slash at the end.
/// Borrowed when the path is canonical already. Traversal is refused, never
/// resolved.
pub fn canonical(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    if is_plainly_canonical(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    confine(raw)?;
    let spelt = respell(raw)?;
    Ok(if spelt == raw {
        Cow::Borrowed(raw)
    } else {
        Cow::Owned(spelt)
    })
}

/// True for most paths in one pass; false only means that it takes a closer
/// look.
fn is_plainly_canonical(path: &[u8]) -> bool {
    let mut before = 0;
    for &byte in path {
        match byte {
            b'%' | b'\\' => return false,
            b'/' | b'.' if before == b'/' => return false,
            _ => before = byte,
        }
    }
    before != 0 && (before != b'/' || path.len() == 1)
}

/// Refuses what could mean another place once somebody decodes it.
fn confine(raw: &str) -> Result<(), BadPath> {
    check_escapes(raw.as_bytes())?;
    let mut path = Cow::Borrowed(raw.as_bytes());
    for _ in 0..=MAX_DECODINGS {
        if segments(&path).any(|segment| matches!(segment, b"." | b"..")) {
            return Err(BadPath::Traversal);
        }
        match decode(&path) {
            Some(decoded) => path = Cow::Owned(decoded),
            None => return Ok(()),
        }
    }
    Err(BadPath::Depth)
}

/// Segments without their parameters, for readers that take a backslash for a
/// slash.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .map(|segment| {
            segment
                .split(|&byte| byte == b';')
                .next()
                .unwrap_or(segment)
        })
}

fn check_escapes(path: &[u8]) -> Result<(), BadPath> {
    let well_formed = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| escape_at(path, at).is_some());
    if well_formed {
        Ok(())
    } else {
        Err(BadPath::Escape)
    }
}

/// The byte that the escape at `at` stands for.
fn escape_at(path: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low] = path.get(at..at.checked_add(3)?)? else {
        return None;
    };
    Some(hex(*high)? << 4 | hex(*low)?)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Every well-formed escape decoded once. A `%` that begins none stays, as a
/// lenient reader would have it. None when nothing changed.
fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while at < path.len() {
        if let Some(byte) = escape_at(path, at) {
            out.extend_from_slice(&path[copied..at]);
            out.push(byte);
            at += 3;
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(&path[copied..]);
    Some(out)
}

fn respell(raw: &str) -> Result<String, BadPath> {
    let path = raw.as_bytes();
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'%' => {
                let meant = escape_at(path, at).ok_or(BadPath::Escape)?;
                if is_unreserved(meant) {
                    out.push(meant);
                } else {
                    out.extend(path[at..at + 3].iter().map(u8::to_ascii_uppercase));
                }
                at += 2;
            }
            b'/' if out.last() == Some(&b'/') => {}
            _ => out.push(byte),
        }
        at += 1;
    }
    if out.len() > 1 && out.last() == Some(&b'/') {
        out.pop();
    }
    if out.is_empty() {
        out.push(b'/');
    }
    // Only ASCII was put in and taken out, so this holds for every `str`.
    String::from_utf8(out).map_err(|_| BadPath::Escape)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests;
