//! The id of a call: one 32-digit trace id, the client's own where it sent a usable one.
//!
//! Precedence: a valid `traceparent`, an `X-Request-ID` of 32 hexadecimal digits, a fresh random id.
//! An `X-Request-ID` of any other form is kept beside it for the log.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

/// What the log keeps of a foreign request id.
const FOREIGN_ID_MAX: usize = 128;

/// A trace id: 128 bits, never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// The id as 32 lower-case hexadecimal digits.
    pub fn text(self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 32];
        let (places, _) = text.as_chunks_mut();
        for ([high, low], byte) in places.iter_mut().zip(self.0.to_be_bytes()) {
            *high = DIGITS[usize::from(byte >> 4)];
            *low = DIGITS[usize::from(byte & 15)];
        }
        text
    }

    fn parse(text: &[u8]) -> Option<TraceId> {
        if text.len() != 32 || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = std::str::from_utf8(text).ok()?;
        u128::from_str_radix(digits, 16)
            .ok()
            .filter(|id| *id != 0)
            .map(TraceId)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a call is known: its trace id and, if the client named it in its own way, that name.
#[derive(Clone, Debug)]
pub struct CallId {
    /// The id in answers, logs and spans.
    pub trace: TraceId,
    /// The client's own `X-Request-ID` when it is not a trace id.
    pub foreign: Option<Box<str>>,
}

/// A source of ids for one core: fast, unpredictable enough for ids, not for keys.
pub struct IdSource {
    state: AtomicU64,
    salt: u64,
}

impl Default for IdSource {
    fn default() -> IdSource {
        let random = RandomState::new();
        IdSource {
            state: AtomicU64::new(random.hash_one(1)),
            salt: random.hash_one(2),
        }
    }
}

impl IdSource {
    /// A source that gives the numbers of this seed.
    #[cfg(test)]
    pub(crate) fn of(seed: u64) -> IdSource {
        IdSource {
            state: AtomicU64::new(seed),
            salt: 0,
        }
    }

    /// A number that no other caller of this source gets soon.
    pub fn number(&self) -> u64 {
        let step = self
            .state
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut mixed = step ^ self.salt;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The id of a call with these headers.
    pub fn call_id(&self, headers: &HeaderMap) -> CallId {
        let named = headers.get("x-request-id").map(http::HeaderValue::as_bytes);
        let inbound = headers
            .get("traceparent")
            .and_then(|value| of_traceparent(value.as_bytes()))
            .or_else(|| named.and_then(TraceId::parse));
        let foreign = match named {
            Some(name) if TraceId::parse(name).is_none() => readable(name),
            _ => None,
        };
        CallId {
            trace: inbound.unwrap_or_else(|| self.fresh()),
            foreign,
        }
    }

    fn fresh(&self) -> TraceId {
        let id = (u128::from(self.number()) << 64) | u128::from(self.number());
        TraceId(id.max(1))
    }
}

/// `version-traceid-parentid-flags`, as W3C Trace Context has it.
fn of_traceparent(header: &[u8]) -> Option<TraceId> {
    let mut parts = header.split(|byte| *byte == b'-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &[u8], length: usize| {
        part.len() == length
            && part
                .iter()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let well_formed =
        hex(version, 2) && version != b"ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let closed = version != b"00" || parts.next().is_none();
    if !well_formed || !closed || parent.iter().all(|b| *b == b'0') {
        return None;
    }
    TraceId::parse(trace)
}

fn readable(name: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(name).ok()?;
    let printable =
        !text.is_empty() && text.len() <= FOREIGN_ID_MAX && !text.contains(char::is_control);
    printable.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(headers: &[(&'static str, &str)]) -> CallId {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        IdSource::default().call_id(&map)
    }

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn the_clients_own_id_is_taken_where_it_is_usable() {
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let request = "ABCDEF00000000000000000000000001";
        for (headers, expected) in [
            (vec![("traceparent", parent.as_str())], TRACE),
            (
                vec![("traceparent", parent.as_str()), ("x-request-id", request)],
                TRACE,
            ),
            (
                vec![("x-request-id", request)],
                "abcdef00000000000000000000000001",
            ),
        ] {
            let id = id_of(&headers).trace;
            assert_eq!(id.to_string(), expected);
            assert_eq!(id.text(), expected.as_bytes());
        }
    }

    #[test]
    fn an_unusable_id_is_replaced_and_kept_beside() {
        for inbound in ["my-request-7", "00000000000000000000000000000000", "0af765"] {
            let id = id_of(&[("x-request-id", inbound)]);
            assert_ne!(id.trace.to_string(), inbound);
            assert_eq!(id.foreign.as_deref(), Some(inbound));
        }
    }

    #[test]
    fn a_malformed_traceparent_is_no_id() {
        for bad in [
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "0af7651916cd43dd8448eb211c80319c",
            "",
        ] {
            assert_eq!(of_traceparent(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn fresh_ids_differ() {
        let source = IdSource::default();
        let ids: std::collections::HashSet<_> = (0..1000)
            .map(|_| source.call_id(&HeaderMap::new()).trace.to_string())
            .collect();
        assert_eq!(ids.len(), 1000);
    }
}
