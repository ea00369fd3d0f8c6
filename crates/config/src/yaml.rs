//! YAML 1.2 text to a tree. Anchors, aliases and `<<` merges are resolved
//! here; what they may grow to is bounded.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::node::{
    Kind, MAX_DEPTH, MAX_WEIGHT, Mark, Member, Node, Seen, Sort, Tree, fatal, scalar_weight,
    too_deep,
};
use crate::path::{Path, Quoted};
use crate::problem::Problem;

/// Reads the one document of a text.
pub(crate) fn read(text: &str) -> Result<Tree, Problem> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        weight: 0,
        problems: Vec::new(),
    };
    let root = reader.document()?;
    reader.refuse_another_document()?;
    Ok(Tree {
        root,
        problems: reader.problems,
    })
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchored>,
    weight: usize,
    problems: Vec<Problem>,
}

/// A node that aliases refer to, with what each of them will add.
struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

/// A map's members, and what `<<` brings in behind them.
#[derive(Default)]
struct Members {
    own: Vec<Member>,
    seen: Seen,
    merged: Vec<Node>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Mark), Problem> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, mark(span))),
            Some(Err(error)) => {
                let at = Span::empty(*error.marker());
                Err(fatal(mark(at), format!("not valid YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Mark::START)),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    return Ok(Node::scalar(Mark::START, Sort::Null, ""));
                }
                (event, mark) => return self.node(event, mark, &Path::Root, 0),
            }
        }
    }

    fn refuse_another_document(&mut self) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), mark) => {
                    let message = "a second document starts here, a config is one document";
                    self.problems.push(fatal(mark, message));
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'t>,
        mark: Mark,
        at: &Path<'_>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(scalar_weight(&text), mark)?;
                let sort = self.sort(&text, style, tag.as_deref(), mark, at);
                (anchor, Node::scalar(mark, sort, text))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "seq", mark, at);
                let items = self.items(mark, at, depth)?;
                (
                    anchor,
                    Node {
                        mark,
                        kind: Kind::List(items),
                    },
                )
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "map", mark, at);
                let members = self.members(mark, at, depth)?;
                (
                    anchor,
                    Node {
                        mark,
                        kind: Kind::Map(members),
                    },
                )
            }
            Event::Alias(anchor) => (0, self.alias(anchor, mark, at, depth)?),
            _ => return Err(fatal(mark, "not valid YAML: expected a value")),
        };
        if anchor > 0 {
            let (weight, height) = node.measure();
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    weight,
                    height,
                },
            );
        }
        Ok(node)
    }

    fn items(&mut self, mark: Mark, at: &Path<'_>, depth: usize) -> Result<Vec<Node>, Problem> {
        self.enter(mark, depth)?;
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, mark) => {
                    items.push(self.node(event, mark, &at.index(items.len()), depth + 1)?);
                }
            }
        }
    }

    fn members(&mut self, mark: Mark, at: &Path<'_>, depth: usize) -> Result<Vec<Member>, Problem> {
        self.enter(mark, depth)?;
        let mut members = Members::default();
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return Ok(members.finish()),
                (event, mark) => self.member(event, mark, at, depth, &mut members)?,
            }
        }
    }

    fn member(
        &mut self,
        key: Event<'t>,
        mark: Mark,
        at: &Path<'_>,
        depth: usize,
        members: &mut Members,
    ) -> Result<(), Problem> {
        let merges = is_merge(&key);
        let key = self.node(key, mark, at, depth + 1)?;
        let Kind::Scalar(key) = key.kind else {
            return Err(fatal(mark, format!("a key must be text, found {key}")));
        };
        let here = at.key(&key.text);
        let (event, value_mark) = self.next()?;
        // A value that was left out stands nowhere; its key does.
        let empty =
            matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text.is_empty());
        let value = self.node(
            event,
            if empty { mark } else { value_mark },
            &here,
            depth + 1,
        )?;
        if merges {
            self.problems.extend(members.merge(value));
            return Ok(());
        }
        match members.seen.add(&key.text, mark, at) {
            Some(problem) => self.problems.push(problem),
            None => members.own.push(Member {
                key: key.text,
                mark,
                value,
            }),
        }
        Ok(())
    }

    fn alias(
        &mut self,
        anchor: usize,
        mark: Mark,
        at: &Path<'_>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            self.problems.push(Problem::at(
                at,
                mark,
                "this alias stands inside what it refers to",
            ));
            return Ok(Node::scalar(mark, Sort::Null, ""));
        };
        if depth + anchored.height > MAX_DEPTH {
            return Err(too_deep(mark));
        }
        let (node, weight) = (anchored.node.clone(), anchored.weight);
        self.weigh(weight, mark)?;
        Ok(node)
    }

    fn enter(&mut self, mark: Mark, depth: usize) -> Result<(), Problem> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(mark));
        }
        self.weigh(scalar_weight(""), mark)
    }

    fn weigh(&mut self, weight: usize, mark: Mark) -> Result<(), Problem> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let message = format!("the aliases grow to more than {MAX_WEIGHT} bytes");
        Err(fatal(mark, message))
    }

    fn sort(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        mark: Mark,
        at: &Path<'_>,
    ) -> Sort {
        let plain = style == ScalarStyle::Plain;
        let Some(tag) = tag else {
            return if plain { plain_sort(text) } else { Sort::Text };
        };
        match tag.suffix.as_str() {
            "str" if tag.is_yaml_core_schema() => Sort::Text,
            "null" | "bool" | "int" | "float" if tag.is_yaml_core_schema() => plain_sort(text),
            _ if is_non_specific(tag) => Sort::Text,
            _ => {
                self.unknown_tag(tag, mark, at);
                Sort::Text
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, own: &str, mark: Mark, at: &Path<'_>) {
        let usual =
            |tag: &Tag| is_non_specific(tag) || (tag.is_yaml_core_schema() && tag.suffix == own);
        if let Some(tag) = tag.filter(|tag| !usual(tag)) {
            self.unknown_tag(tag, mark, at);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, mark: Mark, at: &Path<'_>) {
        let handle = if tag.is_yaml_core_schema() {
            "!!"
        } else {
            tag.handle.as_str()
        };
        let name = format!("{handle}{}", tag.suffix);
        let message = format!("the tag `{}` has no meaning here", Quoted(&name, 40));
        self.problems.push(Problem::at(at, mark, message));
    }
}

impl Members {
    /// Takes the value of a `<<`; tells when it is nothing that can be merged.
    fn merge(&mut self, value: Node) -> Option<Problem> {
        let is_map = |node: &Node| matches!(node.kind, Kind::Map(_));
        match value.kind {
            Kind::Map(_) => self.merged.push(value),
            Kind::List(items) if items.iter().all(is_map) => self.merged.extend(items),
            _ => {
                let message = format!("`<<` takes a mapping or a list of mappings, found {value}");
                return Some(fatal(value.mark, message));
            }
        }
        None
    }

    /// What stands in the map itself comes before what is merged into it, and
    /// what is merged first before what is merged later.
    fn finish(mut self) -> Vec<Member> {
        for node in self.merged {
            let Kind::Map(members) = node.kind else {
                continue;
            };
            for member in members {
                if !self.seen.contains(&member.key) {
                    self.seen.add(&member.key, member.mark, &Path::Root);
                    self.own.push(member);
                }
            }
        }
        self.own
    }
}

fn mark(span: Span) -> Mark {
    Mark {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

fn is_merge(key: &Event<'_>) -> bool {
    matches!(key, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<")
}

/// The tag `!`, which says "as it looks".
fn is_non_specific(tag: &Tag) -> bool {
    matches!(
        (tag.handle.as_str(), tag.suffix.as_str()),
        ("!", "") | ("", "!")
    )
}

/// What an unquoted scalar is, by the core schema of YAML 1.2: `no` is text.
fn plain_sort(text: &str) -> Sort {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Sort::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Sort::Bool,
        _ if is_number(text) => Sort::Number,
        _ => Sort::Text,
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, below) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    digits(whole)
        && digits(below)
        && !(whole.is_empty() && below.is_empty())
        && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

#[cfg(test)]
mod tests;
