//! What a dialect makes of a request, before faults and transport: a whole
//! body, or the events of a stream.

use http::StatusCode;

pub(crate) enum Answer {
    Whole(StatusCode, Vec<u8>),
    Stream(Vec<Event>),
}

/// One event of a stream: its data and its part in the play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// What its dialect calls it, if it names events.
    pub(crate) name: Option<&'static str>,
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What comes before the content: the role.
    Opening,
    Content,
    Finish,
    Usage,
    Done,
    /// What no proper stream has.
    Stray,
}

impl Event {
    pub(crate) fn new(kind: Kind, data: impl Into<Vec<u8>>) -> Event {
        Event {
            kind,
            name: None,
            data: data.into(),
        }
    }

    pub(crate) fn named(kind: Kind, name: &'static str, data: impl Into<Vec<u8>>) -> Event {
        Event {
            name: Some(name),
            ..Event::new(kind, data)
        }
    }
}

/// Stands in a rendered answer where a huge content is to go, so that it need
/// not be held in memory.
pub(crate) const HUGE_MARK: &str = "@@huge@@";

/// Where a pattern first stands.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
