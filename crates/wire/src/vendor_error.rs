//! Vendors' error bodies, in every envelope that is known.
//!
//! Only the members named here are ever read: a body that is in no known envelope says nothing,
//! and its bytes reach nobody.

use std::time::Duration;

use crate::json::{MAX_DEPTH, Scanner, literal, pick};
use crate::redact::scrub;

/// Code points of a message that a client reads.
const MESSAGE_MAX: usize = 2048;
/// Bytes collected of a message that is given in pieces.
const PIECES_MAX: usize = 4 * MESSAGE_MAX;
/// Containers around a message that are looked into.
const WRAPPERS_MAX: usize = 4;

/// What a vendor says went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorError {
    /// Its text, as the vendor wrote it: not for a client before [`public_message`].
    pub message: Option<String>,
    /// Its `type`.
    pub kind: Option<String>,
    /// Its code, a number or a word.
    pub code: Option<String>,
    /// The request's field that it names.
    pub param: Option<String>,
    /// A number of it that looks like an HTTP status.
    pub status: Option<u16>,
    /// How long it wants not to be asked again.
    pub retry_after: Option<Duration>,
}

/// Reads an error body: `error` as text or object, `detail`, `message` (AWS also writes `Message`),
/// `errors[]`, a list of one. Beside an error, Hugging Face says in `estimated_time` how many seconds
/// a model still takes to load.
///
/// None when it is not an error envelope.
pub fn read(body: &[u8]) -> Option<VendorError> {
    let object = first_of_list(body);
    let [error, detail, message, capital, errors, rest @ ..] = pick(
        object,
        [
            "error",
            "detail",
            "message",
            "Message",
            "errors",
            "type",
            "code",
            "error_code",
            "param",
            "status",
            "status_code",
            "raw_status_code",
        ],
    )?;
    let [
        kind,
        code,
        error_code,
        param,
        status,
        status_code,
        raw_status_code,
    ] = rest;
    let message = message.or(capital);
    let outer = VendorError {
        message: None,
        kind: kind.and_then(word),
        code: code.or(error_code).and_then(word),
        param: param.and_then(word),
        status: [status, status_code, raw_status_code, code, error_code]
            .into_iter()
            .flatten()
            .find_map(http_status),
        retry_after: None,
    };
    let loading = pick(object, ["estimated_time"]).and_then(|[seconds]| duration(seconds?));
    let unsuccessful = pick(object, ["success"]).is_some_and(|[flag]| flag == Some(b"false"));
    let cloudflare = errors
        .filter(|_| unsuccessful)
        .map(first_of_list)
        .and_then(|first| word(pick(first, ["code"])?[0]?))
        .and_then(|code| status_of_code(&code));
    let inner = error
        .and_then(of_error)
        .or_else(|| error.and_then(words).map(saying))
        .or_else(|| detail.and_then(words).map(saying))
        .or_else(|| message.and_then(words).map(saying))
        .or_else(|| errors.map(first_of_list).and_then(of_error))?;
    Some(VendorError {
        message: inner.message.or_else(|| message.and_then(words)),
        kind: inner.kind.or(outer.kind),
        code: inner.code.or(outer.code),
        param: inner.param.or(outer.param),
        status: cloudflare.or(inner.status).or(outer.status),
        retry_after: loading,
    })
}

/// Cloudflare's codes of `errors[]`, which say more than the status that they come with.
static CODES: [(&str, u16); 17] = [
    ("3003", 400),
    ("3006", 413),
    ("3007", 504),
    ("3008", 504),
    ("3023", 403),
    ("3036", 429),
    ("3040", 429),
    ("3041", 403),
    ("3042", 404),
    ("5004", 400),
    ("5006", 400),
    ("5007", 404),
    ("5016", 403),
    ("5018", 403),
    ("7003", 404),
    ("9109", 401),
    ("10000", 401),
];

fn status_of_code(code: &str) -> Option<u16> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, status)| *status)
}

/// The message for a client: at most 2048 code points, without what looks like a credential.
pub fn public_message(error: &VendorError) -> Option<String> {
    let message = scrub(error.message.as_deref()?.trim());
    match message.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => Some(format!("{}…", &message[..end])),
        None => Some(message.into_owned()).filter(|message| !message.is_empty()),
    }
}

fn saying(message: String) -> VendorError {
    VendorError {
        message: Some(message),
        ..VendorError::default()
    }
}

/// The first element of a list, and anything else as it is.
fn first_of_list(raw: &[u8]) -> &[u8] {
    let mut first = None;
    let mut scan = Scanner::new(raw, MAX_DEPTH);
    let walked = scan.array(|scan| {
        let element = scan.skip()?;
        first.get_or_insert(element);
        Ok(())
    });
    walked.ok().and(first).unwrap_or(raw)
}

/// The value of `error`: a text or an object. None for null, `{}`, and what is neither.
pub(crate) fn of_error(raw: &[u8]) -> Option<VendorError> {
    if let Some(message) = text(raw) {
        return Some(saying(message));
    }
    let [message, error, detail, msg, rest @ ..] = pick(
        raw,
        [
            "message",
            "error",
            "detail",
            "msg",
            "type",
            "code",
            "param",
            "status",
            "status_code",
            "http_code",
        ],
    )?;
    let [kind, code, param, status, status_code, http_code] = rest;
    let found = VendorError {
        message: [message, error, detail, msg]
            .into_iter()
            .flatten()
            .find_map(words),
        // Google says in `status` what others say in `type`.
        kind: kind.and_then(word).or_else(|| status.and_then(text)),
        code: code.and_then(word),
        param: param.and_then(word),
        status: [status_code, http_code, status, code]
            .into_iter()
            .flatten()
            .find_map(http_status),
        retry_after: None,
    };
    Some(found).filter(|found| *found != VendorError::default())
}

/// A text that is not empty.
fn text(raw: &[u8]) -> Option<String> {
    Some(literal(raw)?.decode().into_owned()).filter(|text| !text.trim().is_empty())
}

/// A text or a number, as text.
fn word(raw: &[u8]) -> Option<String> {
    match raw.first()? {
        b'"' => text(raw),
        b'-' | b'0'..=b'9' => Some(String::from_utf8_lossy(raw).into_owned()),
        _ => None,
    }
}

/// Seconds, also with a fraction.
fn duration(raw: &[u8]) -> Option<Duration> {
    let seconds: f64 = word(raw)?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn http_status(raw: &[u8]) -> Option<u16> {
    word(raw)?
        .parse()
        .ok()
        .filter(|status| (400..600).contains(status))
}

/// The words of a message that is a text, a list, or an object around one. What the vendor repeats
/// of the request (`input`, `ctx`, `loc`) is not among them.
fn words(raw: &[u8]) -> Option<String> {
    let mut out = String::new();
    collect_words(raw, WRAPPERS_MAX, &mut out);
    Some(out).filter(|out| !out.is_empty())
}

fn collect_words(raw: &[u8], wrappers: usize, out: &mut String) {
    if let Some(text) = text(raw) {
        if out.is_empty() {
            *out = text;
        } else if out.len() < PIECES_MAX {
            out.push_str("; ");
            out.push_str(&text);
        }
        return;
    }
    let Some(wrappers) = wrappers.checked_sub(1) else {
        return;
    };
    if raw.starts_with(b"[") {
        let mut scan = Scanner::new(raw, MAX_DEPTH);
        // What was valid as a whole is valid here.
        let _ = scan.array(|scan| {
            collect_words(scan.skip()?, wrappers, out);
            Ok(())
        });
    } else if let Some(members) = pick(raw, ["message", "msg", "error", "detail"]) {
        let before = out.len();
        for member in members.into_iter().flatten() {
            collect_words(member, wrappers, out);
            if out.len() > before {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
