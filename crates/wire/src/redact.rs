//! Credentials in texts, found by what they look like and replaced by what they are.
//!
//! One pass over the text; each rule looks ahead only over what it then replaces or what no other
//! rule will look at again, so the cost is linear. Secrets that were encoded or cut are not found.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

/// A credential that is known by how it begins.
struct Known {
    prefix: &'static str,
    label: &'static str,
    /// Characters behind the prefix, at least.
    least: usize,
    part: fn(u8) -> bool,
    /// Prefixes that are also words need more than letters behind them.
    needs_digit: bool,
}

const fn known(
    prefix: &'static str,
    least: usize,
    part: fn(u8) -> bool,
    label: &'static str,
) -> Known {
    Known {
        prefix,
        label,
        least,
        part,
        needs_digit: false,
    }
}

/// The first that fits is taken: longer prefixes stand before shorter ones.
static KNOWN: [Known; 17] = [
    known("AKIA", 16, is_upper, "[REDACTED_AWS_KEY]"),
    known("ASIA", 16, is_upper, "[REDACTED_AWS_KEY]"),
    known("AIza", 35, is_part, "[REDACTED_GOOGLE_KEY]"),
    known("sk-ant-", 8, is_part, "[REDACTED_ANTHROPIC_KEY]"),
    known("sk-proj-", 8, is_part, "[REDACTED_OPENAI_KEY]"),
    known("sk-svcacct-", 8, is_part, "[REDACTED_OPENAI_KEY]"),
    known("sk-admin-", 8, is_part, "[REDACTED_OPENAI_KEY]"),
    known("sk-ws-", 8, is_part, "[REDACTED_QWEN_KEY]"),
    Known {
        needs_digit: true,
        ..known("sk-", 20, is_part, "[REDACTED_OPENAI_KEY]")
    },
    known("pplx-", 20, is_part, "[REDACTED_PERPLEXITY_KEY]"),
    known("gsk_", 16, is_part, "[REDACTED_GROQ_KEY]"),
    known("fgw_", 32, is_hex, "[REDACTED_GATEWAY_KEY]"),
    known("fgws_", 32, is_hex, "[REDACTED_GATEWAY_KEY]"),
    known("xai-", 20, is_part, "[REDACTED_XAI_KEY]"),
    known("nvapi-", 20, is_part, "[REDACTED_NVIDIA_KEY]"),
    known("hf_", 20, is_part, "[REDACTED_HUGGING_FACE_KEY]"),
    known("csk-", 20, is_part, "[REDACTED_CEREBRAS_KEY]"),
];

const EMAIL: &str = "[REDACTED_EMAIL]";
const BEARER: &str = "[REDACTED_BEARER_TOKEN]";
const JWT: &str = "[REDACTED_JWT]";
const PASSWORD: &str = "[REDACTED_PASSWORD]";
const PEM: &str = "[REDACTED_PRIVATE_KEY]";
const SECRET: &str = "[REDACTED_SECRET]";

/// An e-mail address's part before the `@` is no longer (RFC 5321).
const LOCAL_MAX: usize = 64;
/// A parameter's or a key's name is no longer.
const NAME_MAX: usize = 64;
/// An assigned value that is shorter is taken for a word.
const ASSIGNED_MIN: usize = 24;

/// The text without what looks like a credential or an e-mail address.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        let Some((range, label)) = secret_at(bytes, at, kept) else {
            at += 1;
            continue;
        };
        // Secrets begin and end with ASCII, so these slices are whole characters.
        out.push_str(text.get(kept..range.start).unwrap_or_default());
        out.push_str(label);
        kept = range.end;
        at = range.end;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// A secret that shows itself at this byte, and what stands for it. Nothing before `free` may be part of it.
fn secret_at(text: &[u8], at: usize, free: usize) -> Option<(Range<usize>, &'static str)> {
    match text[at] {
        b'@' => email(text, at, free).map(|range| (range, EMAIL)),
        b':' => userinfo(text, at)
            .map(|range| (range, PASSWORD))
            .or_else(|| assignment(text, at, free)),
        b'=' => assignment(text, at, free),
        b'?' | b'&' => query(text, at).map(|range| (range, SECRET)),
        b'-' => private_key(text, at).map(|range| (range, PEM)),
        byte if byte.is_ascii_alphabetic() && begins_word(text, at) => word(text, at),
        _ => None,
    }
}

fn word(text: &[u8], at: usize) -> Option<(Range<usize>, &'static str)> {
    bearer(text, at)
        .map(|range| (range, BEARER))
        .or_else(|| jwt(text, at).map(|range| (range, JWT)))
        .or_else(|| known_key(text, at))
}

fn known_key(text: &[u8], at: usize) -> Option<(Range<usize>, &'static str)> {
    let rest = &text[at..];
    KNOWN.iter().find_map(|known| {
        let body = rest.strip_prefix(known.prefix.as_bytes())?;
        let length = run(body, known.part);
        let fits = length >= known.least && (!known.needs_digit || has_digit(&body[..length]));
        fits.then(|| (at..at + known.prefix.len() + length, known.label))
    })
}

/// `Bearer` and a token; the range is the token's. Words that follow it in prose are shorter and have no digits.
fn bearer(text: &[u8], at: usize) -> Option<Range<usize>> {
    const WORD: &[u8] = b"bearer";
    let rest = &text[at..];
    if !rest.get(..WORD.len())?.eq_ignore_ascii_case(WORD) {
        return None;
    }
    let gap = run(&rest[WORD.len()..], |byte| {
        matches!(byte, b' ' | b'\t' | b':')
    });
    let start = WORD.len() + gap;
    let length = run(&rest[start..], is_token);
    let token = &rest[start..start + length];
    let fits = gap > 0 && (length >= 20 || length >= 8 && has_digit(token));
    fits.then(|| at + start..at + start + length)
}

/// Three dotted parts, of which the first two are base64 of `{"`.
fn jwt(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    if !rest.starts_with(b"eyJ") {
        return None;
    }
    let header = run(rest, is_part);
    let claims = run(rest[header..].strip_prefix(b".")?, is_part);
    let signed = header + 1 + claims;
    let signature = rest[signed..]
        .strip_prefix(b".")
        .map_or(0, |rest| 1 + run(rest, is_part));
    (header >= 8 && claims >= 8).then(|| at..at + signed + signature)
}

fn email(text: &[u8], at: usize, free: usize) -> Option<Range<usize>> {
    let local = run_back(&text[free..at], is_local, LOCAL_MAX);
    let domain = run(&text[at + 1..], |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
    });
    let domain = &text[at + 1..at + 1 + domain];
    // A sentence may end behind it.
    let domain =
        &domain[..domain.len() - run_back(domain, |byte| matches!(byte, b'.' | b'-'), NAME_MAX)];
    let dot = domain.iter().rposition(|byte| *byte == b'.')?;
    let top = &domain[dot + 1..];
    let fits = local > 0 && dot > 0 && top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    fits.then(|| at - local..at + 1 + domain.len())
}

/// The password in `scheme://user:password@host`, seen at the first colon.
fn userinfo(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text[at..].strip_prefix(b"://")?;
    let start = at + 3;
    let authority = run(rest, |byte| {
        !matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>')
            && !byte.is_ascii_whitespace()
    });
    let authority = &rest[..authority];
    let end = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..end].iter().position(|byte| *byte == b':')?;
    (colon + 1 < end).then(|| start + colon + 1..start + end)
}

/// The value of a parameter whose name says that it is a secret.
fn query(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &text[at + 1..];
    let name = run(&rest[..rest.len().min(NAME_MAX)], |byte| {
        is_part(byte) || byte == b'.'
    });
    let value = rest[name..].strip_prefix(b"=")?;
    let start = at + 1 + name + 1;
    let labelled = value.starts_with(b"[REDACTED") || known_key(text, start).is_some();
    if labelled || !names_secret(&rest[..name]) {
        return None;
    }
    let length = run(value, |byte| {
        !matches!(byte, b'&' | b'#' | b'"' | b'\'' | b')' | b'<' | b'>')
            && !byte.is_ascii_whitespace()
    });
    (length > 0).then(|| start..start + length)
}

fn private_key(text: &[u8], at: usize) -> Option<Range<usize>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const NAME: &[u8] = b"PRIVATE KEY-----";
    let rest = text[at..].strip_prefix(BEGIN)?;
    let label = run(&rest[..rest.len().min(NAME_MAX)], |byte| {
        byte.is_ascii_uppercase() || byte == b' '
    });
    let body = rest
        .get(label.checked_sub(NAME.len() - 5)?..)?
        .strip_prefix(NAME)?;
    let start = text.len() - body.len();
    // One that was cut is a secret up to where it was cut.
    let end = memmem::find(body, b"-----END ")
        .and_then(|end| memmem::find(&body[end..], NAME).map(|name| end + name + NAME.len()));
    Some(at..end.map_or(text.len(), |end| start + end))
}

/// The value in `key = value`, `"secret": "value"` and the like, seen at the sign between them.
fn assignment(text: &[u8], at: usize, free: usize) -> Option<(Range<usize>, &'static str)> {
    let is_gap = |byte: u8| matches!(byte, b' ' | b'"' | b'\'' | b'\\');
    let before = &text[free..at];
    let before = &before[..before.len() - run_back(before, is_gap, 4)];
    let name = run_back(before, is_part, NAME_MAX);
    if !names_secret(&before[before.len() - name..]) {
        return None;
    }
    let behind = &text[at + 1..];
    let gap = run(&behind[..behind.len().min(4)], is_gap);
    let start = at + 1 + gap;
    let value = &text[start..];
    if run(value, is_part) < ASSIGNED_MIN
        || known_key(text, start).is_some()
        || jwt(text, start).is_some()
    {
        return None;
    }
    Some((start..start + run(value, is_token), SECRET))
}

fn names_secret(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 7] = [
        b"key",
        b"keys",
        b"token",
        b"secret",
        b"password",
        b"passwd",
        b"signature",
    ];
    ENDS.iter().any(|end| {
        name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    })
}

fn begins_word(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_none_or(|before| !is_part(text[before]))
}

fn run(text: &[u8], part: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| !part(*byte))
        .unwrap_or(text.len())
}

fn run_back(text: &[u8], part: impl Fn(u8) -> bool, most: usize) -> usize {
    text.iter()
        .rev()
        .take(most)
        .take_while(|byte| part(**byte))
        .count()
}

fn has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Every form of base64, and what a bearer token may be of.
fn is_token(byte: u8) -> bool {
    is_part(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn is_local(byte: u8) -> bool {
    is_part(byte) || matches!(byte, b'.' | b'+' | b'%')
}

#[cfg(test)]
mod tests;
