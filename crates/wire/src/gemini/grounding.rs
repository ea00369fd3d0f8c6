//! Where an answer's words come from.

use crate::ir::Citation;
use crate::json::Node;

/// Citations of one answer at most.
const CITATIONS_MAX: usize = 1024;
/// Bytes of an answer that are kept to count the characters in them.
const SAID_MAX: usize = 1024 * 1024;

/// What an answer said, as far as citations point into it.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: String,
    /// Where each part begins.
    starts: Vec<usize>,
}

impl Said {
    /// The next part begins.
    pub(super) fn part(&mut self) {
        self.starts.push(self.text.len());
    }

    /// More words.
    pub(super) fn push(&mut self, words: &str) {
        if self.text.len() + words.len() <= SAID_MAX {
            self.text.push_str(words);
        }
    }

    /// Characters before a place: the vendor counts bytes, and clients count characters.
    fn chars(&self, byte: usize) -> u64 {
        let mut end = byte.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(..end).unwrap_or_default();
        before.chars().count() as u64
    }
}

/// The pages under an answer's words.
pub(super) fn citations<'a>(metadata: Node<'a>, said: &Said) -> Vec<Citation<'a>> {
    let [chunks, supports] = metadata.pick(["groundingChunks", "groundingSupports"]);
    let pages: Vec<_> = elements(chunks).into_iter().map(page).collect();
    let mut found = Vec::new();
    for support in elements(supports) {
        let [segment, indices] = support.pick(["segment", "groundingChunkIndices"]);
        let range = segment.map(|segment| range(segment, said));
        for index in elements(indices) {
            let index = index.uint().and_then(|index| usize::try_from(index).ok());
            let Some(Some(page)) = index.and_then(|index| pages.get(index)) else {
                continue;
            };
            if found.len() < CITATIONS_MAX {
                found.push(Citation {
                    range,
                    ..page.clone()
                });
            }
        }
    }
    found
}

fn elements(node: Option<Node<'_>>) -> Vec<Node<'_>> {
    node.map(Node::elements).unwrap_or_default()
}

fn page(chunk: Node<'_>) -> Option<Citation<'_>> {
    let [web, context, maps] = chunk.pick(["web", "retrievedContext", "maps"]);
    let [uri, title] = web.or(context).or(maps)?.pick(["uri", "title"]);
    Some(Citation {
        url: Some(uri?.text()?),
        title: title.and_then(Node::text),
        ..Citation::default()
    })
}

fn range(segment: Node<'_>, said: &Said) -> (u64, u64) {
    let [part, start, end] = segment
        .pick(["partIndex", "startIndex", "endIndex"])
        .map(|node| node.and_then(Node::uint).unwrap_or(0))
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let base = said.starts.get(part).copied().unwrap_or(0);
    let at = |byte: usize| said.chars(base.saturating_add(byte));
    (at(start), at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_wherever_they_point() {
        let mut said = Said::default();
        said.part();
        said.push("é€");
        said.part();
        said.push("xyz");
        for (segment, range) in [
            (r#"{"startIndex":2,"endIndex":5}"#, (1, 2)),
            (r#"{"startIndex":1,"endIndex":4}"#, (0, 1)),
            (r#"{"partIndex":1,"startIndex":1,"endIndex":3}"#, (3, 5)),
            (r#"{"endIndex":99999}"#, (0, 5)),
            (r#"{"partIndex":-1,"endIndex":"x"}"#, (0, 0)),
        ] {
            assert_eq!(super::range(Node::of(segment), &said), range, "{segment}");
        }
    }
}
