//! Blocks of a stream that are kept until they are whole, for they mean nothing in pieces.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Block, Break, Opaque, OpaqueKind, Raw, Server, Thinking, check_kept, keep};
use crate::json::Node;
use crate::json::write;

/// Bytes that come as base64, in pieces that may each have been encoded by themselves.
#[derive(Debug, Default)]
pub(super) struct Blob {
    /// What came while it could be one text.
    text: String,
    /// What came, once more was behind an end of base64.
    bytes: Vec<u8>,
}

impl Blob {
    /// Keeps more of it.
    pub(super) fn keep(&mut self, more: &str) -> Result<(), Break> {
        if self.bytes.is_empty() && !self.text.ends_with('=') {
            return keep(&mut self.text, more);
        }
        check_kept(self.text.len() + self.bytes.len() + more.len())?;
        let text = std::mem::take(&mut self.text);
        for piece in [&text, more] {
            STANDARD.decode_vec(piece, &mut self.bytes).map_err(|why| {
                Break::Malformed(format!("a piece of a block's data is no base64: {why}"))
            })?;
        }
        Ok(())
    }

    /// All of it as one text of base64.
    pub(super) fn whole(self) -> String {
        if self.bytes.is_empty() {
            self.text
        } else {
            STANDARD.encode(self.bytes)
        }
    }
}

/// Reasoning that its maker hides.
pub(super) fn redacted(data: Blob) -> Block<'static> {
    Block::Thinking(Thinking {
        text: Cow::Borrowed(""),
        state: Some(Opaque {
            kind: OpaqueKind::Redacted,
            data: Cow::Owned(data.whole()),
        }),
    })
}

/// A call of the vendor's own as a whole answer would have it.
pub(super) fn server(start: &str, input: &str) -> Block<'static> {
    let input = Node::parse(input.as_bytes()).ok();
    let mut out = Vec::with_capacity(start.len() + input.map_or(0, |input| input.raw().len()) + 16);
    write::object(&mut out, |o| {
        for (name, value) in Node::of(start).members() {
            if name != "input" || input.is_none() {
                o.raw(&name, value.raw());
            }
        }
        o.raw_if("input", input.map(Node::raw));
    });
    block("server_tool_use", out)
}

/// What a tool of the vendor's own gave, as it comes.
#[derive(Debug)]
pub(super) struct ToolResult {
    /// How it was announced.
    start: String,
    /// Its pieces, each a list, with commas between them.
    pieces: String,
}

impl ToolResult {
    pub(super) fn new(start: Node<'_>) -> ToolResult {
        ToolResult {
            start: start.raw().to_owned(),
            pieces: String::new(),
        }
    }

    /// Keeps more of it.
    pub(super) fn keep(&mut self, piece: Node<'_>) -> Result<(), Break> {
        if !self.pieces.is_empty() {
            self.pieces.push(',');
        }
        keep(&mut self.pieces, piece.raw())
    }

    /// It as a whole answer would have it.
    pub(super) fn whole(&self) -> Block<'static> {
        let mut out = Vec::with_capacity(self.start.len() + self.pieces.len() + 64);
        write::object(&mut out, |o| {
            o.object("toolResult", |o| {
                for (name, value) in Node::of(&self.start).members() {
                    if name != "content" {
                        o.raw(&name, value.raw());
                    }
                }
                o.array("content", |list| {
                    let start = Node::of(&self.start).get("content");
                    for part in start.map(Node::elements).unwrap_or_default() {
                        list.raw(part.raw());
                    }
                    self.content(list);
                });
            });
        });
        block("tool_result", out)
    }

    /// The pieces. Text goes on in the next one, as all text of a stream does.
    fn content(&self, list: &mut write::Array<'_>) {
        let pieces = format!("[{}]", self.pieces);
        let mut words: Option<String> = None;
        for piece in Node::of(&pieces).elements() {
            let parts = if piece.is_array() {
                piece.elements()
            } else {
                vec![piece]
            };
            for (nth, part) in parts.into_iter().enumerate() {
                let more = only_text(part);
                if let (Some(words), Some(more), 0) = (&mut words, &more, nth) {
                    words.push_str(more);
                    continue;
                }
                said(words.take(), list);
                match more {
                    Some(more) => words = Some(more.into_owned()),
                    None => list.raw(part.raw()),
                }
            }
        }
        said(words, list);
    }
}

fn said(words: Option<String>, list: &mut write::Array<'_>) {
    if let Some(words) = words {
        list.object(|o| o.text("text", &words));
    }
}

/// The text of a part that is nothing else.
fn only_text(part: Node<'_>) -> Option<Cow<'_, str>> {
    match part.members().as_slice() {
        [(name, value)] if name == "text" => value.text(),
        _ => None,
    }
}

fn block(kind: &'static str, json: Vec<u8>) -> Block<'static> {
    Block::Server(Server {
        kind: Cow::Borrowed(kind),
        // What was made of text is text.
        raw: Raw::from(String::from_utf8(json).unwrap_or_else(|_| "{}".to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_joined_whether_its_pieces_end_or_not() {
        for (pieces, expected) in [
            (&["aGk="][..], Ok("aGk=")),
            (&["aGVs", "bG8="], Ok("aGVsbG8=")),
            // Cut anywhere, as one text.
            (&["aG", "k="], Ok("aGk=")),
            (&["aGk=", "aGk="], Ok("aGloaQ==")),
            (&["aA==", "aGVs", "", "bG8="], Ok("aGhlbGxv")),
            // What is of one piece is nobody's business.
            (&["opaque!"], Ok("opaque!")),
            (&["aGk=", "opaque!"], Err(())),
            (&["opaque=", "aGk="], Err(())),
        ] {
            let mut blob = Blob::default();
            let kept = pieces.iter().try_for_each(|piece| blob.keep(piece));
            match expected {
                Ok(expected) => assert_eq!((kept, &*blob.whole()), (Ok(()), expected)),
                Err(()) => assert!(matches!(kept, Err(Break::Malformed(_))), "{pieces:?}"),
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let piece = format!("{}aA==", "aGVs".repeat(1 << 18));
        let text = format!("[{{\"text\":\"{piece}\"}}]");
        let mut blob = Blob::default();
        let mut result = ToolResult::new(Node::of("{}"));
        for _ in 0..15 {
            assert_eq!(blob.keep(&piece), Ok(()));
            assert_eq!(result.keep(Node::of(&text)), Ok(()));
        }
        let kept = (0..16).try_for_each(|_| blob.keep(&piece));
        assert!(matches!(kept, Err(Break::Malformed(_))));
        let kept = result.keep(Node::of(&text));
        assert!(matches!(kept, Err(Break::Malformed(_))));
    }
}
