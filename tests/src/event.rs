//! The blocks of an event stream, cut where any of the line ends allows it.

use serde_json::Value;

/// A block of an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its data lines, joined; none for a block of comments.
    pub data: Option<String>,
    /// Its text without the blank line.
    pub raw: String,
}

impl Event {
    /// All the events of a body.
    pub(crate) fn all(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let (block, rest) = bytes.split_at(first_block(bytes).unwrap_or(bytes.len()));
            events.extend(Event::of(block));
            bytes = rest;
        }
        events
    }

    /// The event of one block; none when the block is nothing but line ends.
    pub(crate) fn of(block: &[u8]) -> Option<Event> {
        let text = String::from_utf8_lossy(block);
        let raw = text.trim_matches(['\r', '\n']);
        let data: Vec<&str> = raw
            .split(['\n', '\r'])
            .filter_map(|line| line.trim_start_matches('\u{feff}').strip_prefix("data:"))
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
            .collect();
        (!raw.is_empty()).then(|| Event {
            data: (!data.is_empty()).then(|| data.join("\n")),
            raw: raw.to_owned(),
        })
    }

    /// Whether this is the last word of a chat stream.
    pub fn is_done(&self) -> bool {
        self.data.as_deref() == Some("[DONE]")
    }

    /// The data as JSON, when it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.data.as_deref()?).ok()
    }
}

/// The length of the first block with its blank line.
pub(crate) fn first_block(bytes: &[u8]) -> Option<usize> {
    let ends: [&[u8]; 3] = [b"\n\n", b"\r\n\r\n", b"\r\r"];
    let line_ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'\n' | b'\r'));
    line_ends.map(|(at, _)| at).find_map(|at| {
        let end = ends.iter().find(|end| bytes[at..].starts_with(end))?;
        Some(at + end.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_at_blank_lines() {
        let body =
            b": hi\n\ndata: {\"a\":1}\n\ndata:x\r\ndata: y\r\n\r\ndata: z\r\rdata: [DONE]".to_vec();
        let events = Event::all(&body);
        let data: Vec<_> = events.iter().map(|event| event.data.as_deref()).collect();
        assert_eq!(
            data,
            [
                None,
                Some("{\"a\":1}"),
                Some("x\ny"),
                Some("z"),
                Some("[DONE]")
            ]
        );
        assert!(events[4].is_done());
    }
}
