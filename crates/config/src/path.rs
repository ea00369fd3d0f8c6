//! Paths into a config, such as `targets[0].headers["X-A"]`: built on the
//! stack on the way down, and only written out when there is a problem.

use std::fmt::{self, Write};

use crate::node::{Kind, Mark, Member, Node};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// The longest key that is written out whole.
const LONGEST_KEY: usize = 80;

impl<'a> Path<'a> {
    pub(crate) fn key(&'a self, name: &'a str) -> Path<'a> {
        Path::Key(self, name)
    }

    pub(crate) fn index(&'a self, index: usize) -> Path<'a> {
        Path::Index(self, index)
    }

    /// Where the value at this path stands, or what would hold it.
    pub(crate) fn mark(&self, root: &Node) -> Mark {
        self.find(root).1
    }

    /// Where the key at the end of this path stands.
    pub(crate) fn key_mark(&self, root: &Node) -> Mark {
        let Path::Key(parent, name) = self else {
            return self.mark(root);
        };
        let (node, mark) = parent.find(root);
        node.and_then(|node| member(node, name))
            .map_or(mark, |member| member.mark)
    }

    /// The node at this path, and the place nearest to it.
    fn find<'n>(&self, root: &'n Node) -> (Option<&'n Node>, Mark) {
        let (parent, mark, child) = match self {
            Path::Root => return (Some(root), root.mark),
            Path::Key(parent, name) => {
                let (node, mark) = parent.find(root);
                (
                    node,
                    mark,
                    node.and_then(|node| member(node, name)).map(|m| &m.value),
                )
            }
            Path::Index(parent, index) => {
                let (node, mark) = parent.find(root);
                let child = match node.map(|node| &node.kind) {
                    Some(Kind::List(items)) => items.get(*index),
                    // A list that was written as its only entry.
                    Some(Kind::Scalar(_)) if *index == 0 => node,
                    _ => None,
                };
                (node, mark, child)
            }
        };
        let _ = parent;
        (child, child.map_or(mark, |child| child.mark))
    }
}

fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Member> {
    match &node.kind {
        Kind::Map(members) => members.iter().find(|member| member.key == name),
        _ => None,
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Key(parent, name) if is_simple(name) => {
                write!(f, "{parent}")?;
                if !matches!(parent, Path::Root) {
                    f.write_char('.')?;
                }
                f.write_str(name)
            }
            Path::Key(parent, name) => write!(f, "{parent}[\"{}\"]", Quoted(name, LONGEST_KEY)),
        }
    }
}

fn is_simple(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=LONGEST_KEY).contains(&name.len()) && name.bytes().all(plain)
}

/// A text from outside as it may stand inside a message: on one line, and not too long.
pub(crate) struct Quoted<'a>(pub(crate) &'a str, pub(crate) usize);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(self.1) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        if chars.next().is_some() {
            f.write_char('…')
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Format;
    use crate::node;

    #[test]
    fn a_path_is_written_as_one_would_say_it() {
        let targets = Path::Root.key("targets");
        let first = targets.index(0);
        let headers = first.key("headers");
        assert_eq!(headers.key("X-A").to_string(), "targets[0].headers.X-A");
        assert_eq!(
            headers.key("a.b\n\"").to_string(),
            r#"targets[0].headers["a.b\n\""]"#
        );
        assert_eq!(Path::Root.key("").to_string(), r#"[""]"#);
        assert_eq!(Path::Root.to_string(), "");
        let long = "x".repeat(100);
        assert!(Path::Root.key(&long).to_string().ends_with("x…\"]"));
    }

    #[test]
    fn a_place_is_found_or_the_nearest_to_it() {
        let tree = node::read("a:\n  - b: 1\nc: d", Format::Yaml).unwrap();
        let at = |path: &Path<'_>| {
            let mark = path.mark(&tree.root);
            (mark.line, mark.column)
        };
        let a = Path::Root.key("a");
        let first = a.index(0);
        let b = first.key("b");
        assert_eq!(at(&b), (2, 8));
        assert_eq!(b.key_mark(&tree.root), Mark { line: 2, column: 5 });
        assert_eq!(at(&first.key("missing")), (2, 5));
        assert_eq!(at(&a.index(7).key("x")), (2, 3));
        assert_eq!(at(&Path::Root.key("c").index(0)), (3, 4));
        assert_eq!(at(&Path::Root.key("nothing")), (1, 1));
    }
}
