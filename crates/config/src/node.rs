//! The tree between text and meaning: scalars, lists and maps, each with the
//! place it was written at.
//!
//! Decoding straight into types stops at the first error and loses places, so
//! both readers build this tree first and everything that judges a config
//! judges the tree.

use std::fmt;

use crate::load::Format;
use crate::path::Path;
use crate::problem::Problem;
use crate::{json, yaml};

/// The longest text that is read at all, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;
/// How deep lists and maps may be nested.
pub(crate) const MAX_DEPTH: usize = 64;
/// The most that a tree may weigh, aliases expanded, in bytes of text; an
/// alias of an alias of an alias otherwise fills any memory.
pub(crate) const MAX_WEIGHT: usize = 64 * 1024 * 1024;
/// What a node weighs besides its text.
const NODE_WEIGHT: usize = 32;

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) const START: Mark = Mark { line: 1, column: 1 };
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A scalar keeps its own text, since only its position decides how it is read:
/// `0123` is a number to a count and an account id to a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) sort: Sort,
    pub(crate) text: String,
}

/// What a scalar is by its own looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Null,
    Bool,
    Number,
    Text,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn scalar(mark: Mark, sort: Sort, text: impl Into<String>) -> Node {
        Node {
            mark,
            kind: Kind::Scalar(Scalar {
                sort,
                text: text.into(),
            }),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(
            &self.kind,
            Kind::Scalar(Scalar {
                sort: Sort::Null,
                ..
            })
        )
    }

    /// How much the tree under this node weighs and how many levels it has.
    pub(crate) fn measure(&self) -> (usize, usize) {
        let sum =
            |(weight, height): (usize, usize), (w, h): (usize, usize)| (weight + w, height.max(h));
        match &self.kind {
            Kind::Scalar(scalar) => (scalar_weight(&scalar.text), 0),
            Kind::List(items) => {
                let (weight, height) = items.iter().map(Node::measure).fold((0, 0), sum);
                (weight + NODE_WEIGHT, height + 1)
            }
            Kind::Map(members) => {
                let measured = members.iter().map(|m| {
                    let (weight, height) = m.value.measure();
                    (weight + scalar_weight(&m.key), height)
                });
                let (weight, height) = measured.fold((0, 0), sum);
                (weight + NODE_WEIGHT, height + 1)
            }
        }
    }
}

pub(crate) fn scalar_weight(text: &str) -> usize {
    NODE_WEIGHT + text.len()
}

/// Names what was found, without its content.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar(scalar) => match scalar.sort {
                Sort::Null => "nothing",
                Sort::Bool => "true or false",
                Sort::Number => "a number",
                Sort::Text => "text",
            },
        })
    }
}

/// A tree, and what is wrong with it although it could be read.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: Node,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a text; the error is what kept it from being read at all.
pub(crate) fn read(text: &str, format: Format) -> Result<Tree, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_unreadable(text)?;
    match format {
        Format::Yaml => yaml::read(text),
        Format::Json => json::read(text),
    }
}

/// Refuses what no config holds: the YAML scanner would take a NUL for the end of the text.
fn refuse_unreadable(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_TEXT {
        let message = format!(
            "the text has {} bytes, must have {MAX_TEXT} at most",
            text.len()
        );
        return Err(fatal(Mark::START, message));
    }
    let control = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}');
    let Some(at) = text.find(control) else {
        return Ok(());
    };
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let mark = Mark {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    };
    let byte = text.as_bytes()[at];
    Err(fatal(
        mark,
        format!("control character U+{byte:04X} is not accepted"),
    ))
}

/// A problem of the text as a whole.
pub(crate) fn fatal(mark: Mark, message: impl Into<String>) -> Problem {
    Problem::at(&Path::Root, mark, message)
}

pub(crate) fn too_deep(mark: Mark) -> Problem {
    fatal(mark, format!("nested deeper than {MAX_DEPTH} levels"))
}

/// The keys of one map while it is read; tells the ones that come twice.
#[derive(Default)]
pub(crate) struct Seen(std::collections::HashMap<String, Mark>);

impl Seen {
    /// The problem of a key that was there already.
    pub(crate) fn add(&mut self, key: &str, mark: Mark, at: &Path<'_>) -> Option<Problem> {
        use std::collections::hash_map::Entry;
        match self.0.entry(key.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(mark);
                None
            }
            Entry::Occupied(first) => {
                let line = first.get().line;
                let message = format!("this key stands on line {line} already");
                Some(Problem::at(&at.key(key), mark, message))
            }
        }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_refused_at_their_place() {
        for format in [Format::Yaml, Format::Json] {
            let problem = read("a: 1\nb:\té\0c", format).unwrap_err();
            assert_eq!((problem.line, problem.column), (2, 5));
            assert_eq!(problem.message, "control character U+0000 is not accepted");
        }
    }

    #[test]
    fn an_enormous_text_is_refused() {
        let problem = read(&" ".repeat(MAX_TEXT + 1), Format::Yaml).unwrap_err();
        assert!(problem.message.contains("16777216 at most"), "{problem}");
    }
}
