//! Writing events as server-sent events, in the plain manner or in one of the
//! unusual ones that the format allows.

use crate::{
    answer::{Event, Kind},
    fault::{Fault, Faults},
};

pub(crate) struct Style {
    line_end: &'static str,
    colon: &'static str,
    fields: bool,
    comments: bool,
    multi_line: bool,
    frame: Frame,
}

/// What stands around an event's data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Event,
    /// The same and its number, as Replicate has it.
    Numbered,
    /// Nothing: a line is an event.
    Line,
}

impl Style {
    pub(crate) fn new(faults: &Faults) -> Style {
        Style {
            line_end: match () {
                () if faults.has(Fault::Crlf) => "\r\n",
                () if faults.has(Fault::Cr) => "\r",
                () => "\n",
            },
            colon: if faults.has(Fault::NoSpace) {
                ":"
            } else {
                ": "
            },
            fields: faults.has(Fault::Fields),
            comments: faults.has(Fault::Comments),
            multi_line: faults.has(Fault::MultiLine),
            frame: Frame::Event,
        }
    }

    /// The manner of streams that are lines of JSON: no names, no comments.
    pub(crate) fn lines_of_json(faults: &Faults) -> Style {
        Style {
            frame: Frame::Line,
            ..Style::new(faults)
        }
    }

    /// The manner of streams whose events are numbered.
    pub(crate) fn numbered(faults: &Faults) -> Style {
        Style {
            frame: Frame::Numbered,
            ..Style::new(faults)
        }
    }

    /// The event, without the blank line that ends it.
    pub(crate) fn lines(&self, event: &Event, number: usize) -> Vec<u8> {
        if self.frame == Frame::Line {
            return event.data.clone();
        }
        let mut out = Vec::with_capacity(event.data.len() + 16);
        if self.comments {
            self.comment(&mut out);
        }
        if let Some(name) = event.name.or(self.fields.then_some("message")) {
            self.field(&mut out, "event", name.as_bytes());
        }
        if self.frame == Frame::Numbered {
            self.field(&mut out, "id", format!("1767225600:{number}").as_bytes());
        } else if self.fields {
            self.field(&mut out, "id", number.to_string().as_bytes());
        }
        if self.fields {
            self.field(&mut out, "retry", b"1000");
        }
        for line in self.data_lines(event) {
            self.field(&mut out, "data", line);
        }
        out
    }

    pub(crate) fn blank(&self) -> &'static [u8] {
        self.line_end.as_bytes()
    }

    fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b": keep-alive");
        out.extend_from_slice(self.blank());
        out.extend_from_slice(self.blank());
    }

    fn field(&self, out: &mut Vec<u8>, name: &str, value: &[u8]) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(self.colon.as_bytes());
        out.extend_from_slice(value);
        out.extend_from_slice(self.line_end.as_bytes());
    }

    /// A JSON object is cut after its first member, where a line end changes
    /// nothing.
    fn data_lines<'a>(&self, event: &'a Event) -> Vec<&'a [u8]> {
        let data = event.data.as_slice();
        let cut = data.iter().position(|byte| *byte == b',');
        let object = !matches!(event.kind, Kind::Done | Kind::Stray) && data.starts_with(b"{");
        match cut.filter(|_| self.multi_line && object) {
            Some(comma) => {
                let (head, tail) = data.split_at(comma + 1);
                vec![head, tail]
            }
            // JSON has no line ends of its own; text may.
            None => data.split(|byte| *byte == b'\n').collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(settings: &str) -> String {
        let behaviour: crate::Behaviour = settings.parse().unwrap();
        let style = Style::new(&behaviour.faults);
        let event = Event::new(Kind::Content, r#"{"a":1,"b":2}"#);
        let mut out = style.lines(&event, 3);
        out.extend_from_slice(style.blank());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_style_is_written_as_the_format_allows() {
        for (settings, expected) in [
            ("", "data: {\"a\":1,\"b\":2}\n\n"),
            ("crlf", "data: {\"a\":1,\"b\":2}\r\n\r\n"),
            ("cr", "data: {\"a\":1,\"b\":2}\r\r"),
            ("no_space", "data:{\"a\":1,\"b\":2}\n\n"),
            ("comments", ": keep-alive\n\ndata: {\"a\":1,\"b\":2}\n\n"),
            ("multi_line", "data: {\"a\":1,\ndata: \"b\":2}\n\n"),
            (
                "fields",
                "event: message\nid: 3\nretry: 1000\ndata: {\"a\":1,\"b\":2}\n\n",
            ),
        ] {
            assert_eq!(written(settings), expected, "{settings}");
        }
    }
}
