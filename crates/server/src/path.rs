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

/// What the most lenient reader could take a canonical path for: decoded to
/// the end, parameters cut, backslashes and case ignored. Two paths that fold
/// alike may reach the same place somewhere, so a list of refused paths is
/// compared folded.
pub fn folded(canonical: &str) -> String {
    let mut bytes = canonical.as_bytes().to_vec();
    for _ in 0..MAX_DECODINGS {
        match decode(&bytes) {
            Some(decoded) => bytes = decoded,
            None => break,
        }
    }
    let mut out = String::with_capacity(bytes.len());
    for segment in segments(&bytes).filter(|segment| !segment.is_empty()) {
        out.push('/');
        out.push_str(&String::from_utf8_lossy(segment).to_ascii_lowercase());
    }
    if out.is_empty() {
        out.push('/');
    }
    out
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHAT: &str = "/v1/chat/completions";

    #[test]
    fn a_canonical_path_is_borrowed() {
        for path in [
            "/",
            CHAT,
            "/v1/files/file..name",
            "/v1/100%25-ready",
            "/v1/a%3Ab;rev=1",
            "/.well-known/x",
            "/v1/models/meta%2Fllama",
            "*",
        ] {
            assert!(
                matches!(canonical(path), Ok(Cow::Borrowed(same)) if same == path),
                "{path}"
            );
        }
    }

    #[test]
    fn spellings_of_one_path_are_one_path() {
        for spelling in [
            "/v1/chat/completion%73",
            "/v1/chat/completions/",
            "/v1/chat/completions//",
            "/v1//chat/completions",
            "//v1/chat/completions",
            "/v1/ch%61t///completions",
            "/%76%31/%63hat/completions/",
        ] {
            assert_eq!(canonical(spelling).as_deref(), Ok(CHAT), "{spelling}");
        }
        assert_eq!(canonical("").as_deref(), Ok("/"));
        assert_eq!(canonical("///").as_deref(), Ok("/"));
        assert_eq!(canonical("/a%2fb").as_deref(), Ok("/a%2Fb"));
        assert_eq!(canonical("/v1/h\u{e9}/").as_deref(), Ok("/v1/h\u{e9}"));
    }

    #[test]
    fn traversal_is_refused_in_every_disguise() {
        for path in [
            "/v1/../admin",
            "/v1/./x",
            "/v1/..",
            "/v1/%2e%2e/admin",
            "/v1/%2E./admin",
            "/v1/%252e%252e/admin",
            "/v1/..%5cadmin",
            "/v1/..%2fadmin",
            "/v1/..\\admin",
            "/v1\\..\\admin",
            "/v1/..;x=1/admin",
            "/v1/..%3bx=1/admin",
            "/v1/%25252525252e%2e/admin",
            "/v1/%252e%252e/100%25-ready",
        ] {
            assert_eq!(canonical(path), Err(BadPath::Traversal), "{path}");
        }
    }

    #[test]
    fn broken_and_bottomless_escapes_are_refused() {
        for path in ["/v1/100%-ready", "/v1/%", "/v1/%2", "/v1/%zz", "/v1/%+1"] {
            assert_eq!(canonical(path), Err(BadPath::Escape), "{path}");
        }
        let nested = |depth: usize| format!("/v1/%{}41", "25".repeat(depth));
        assert!(canonical(&nested(7)).is_ok());
        assert_eq!(canonical(&nested(8)), Err(BadPath::Depth));
    }

    #[test]
    fn lenient_readings_fold_alike() {
        for path in [
            CHAT,
            "/V1/Chat/Completions",
            "/v1/chat%2Fcompletions",
            "/v1\\chat\\completions",
            "/v1/chat%5Ccompletions;x=1",
            "/v1/chat/completion%2573",
        ] {
            let spelt = canonical(path).unwrap();
            assert_eq!(folded(&spelt), CHAT, "{path}");
        }
        assert_ne!(folded("/v1/chat/completions2"), CHAT);
        assert_eq!(folded("/"), "/");
    }

    proptest! {
        #[test]
        fn canonical_is_stable(path in "/([a-c.%/;\\\\2eEfF5]|%2[0-9a-fA-F]|%[4-7][0-9a-f]){0,24}") {
            if let Ok(once) = canonical(&path) {
                prop_assert_eq!(canonical(&once).as_deref(), Ok(once.as_ref()));
            }
        }

        #[test]
        fn nothing_canonical_climbs(path in "/([a-c.%/;\\\\2eEfF5]|%2[eEfF5]|%5[cC]){0,24}") {
            if let Ok(spelt) = canonical(&path) {
                let mut bytes = spelt.as_bytes().to_vec();
                loop {
                    prop_assert!(!segments(&bytes).any(|s| s == b"." || s == b".."));
                    match decode(&bytes) {
                        Some(next) => bytes = next,
                        None => break,
                    }
                }
            }
        }

        #[test]
        fn anything_at_all_is_answered(path in "\\PC{0,64}") {
            let _ = canonical(&path);
            let _ = folded(&path);
        }

        #[test]
        fn escaping_any_letters_changes_nothing(mask in proptest::collection::vec(any::<bool>(), CHAT.len())) {
            let spelt: String = CHAT
                .bytes()
                .zip(mask)
                .map(|(byte, escape)| if escape && byte != b'/' {
                    format!("%{byte:02x}")
                } else {
                    char::from(byte).to_string()
                })
                .collect();
            prop_assert_eq!(canonical(&spelt).as_deref(), Ok(CHAT));
        }
    }
}
