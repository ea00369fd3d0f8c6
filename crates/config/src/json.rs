//! JSON text to a tree.
//!
//! The YAML reader will not do: YAML has no surrogate pairs, forbids tabs
//! where JSON has them and calls documents good that are not JSON.

use crate::node::{Kind, MAX_DEPTH, Mark, Member, Node, Seen, Sort, Tree, fatal, too_deep};
use crate::path::{Path, Quoted};
use crate::problem::Problem;

/// Reads the one value of a text.
pub(crate) fn read(text: &str) -> Result<Tree, Problem> {
    let mut reader = Reader {
        rest: text.chars(),
        mark: Mark::START,
        problems: Vec::new(),
    };
    reader.space();
    if reader.peek().is_none() {
        return Err(fatal(Mark::START, "the document is empty"));
    }
    let root = reader.value(&Path::Root, 0)?;
    reader.space();
    match reader.peek() {
        None => Ok(Tree {
            root,
            problems: reader.problems,
        }),
        Some(_) => Err(reader.wrong("the end of the document")),
    }
}

struct Reader<'t> {
    rest: std::str::Chars<'t>,
    mark: Mark,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.mark.column += 1;
        if c == '\n' || (c == '\r' && self.peek() != Some('\n')) {
            self.mark = Mark {
                line: self.mark.line + 1,
                column: 1,
            };
        }
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.bump();
        }
    }

    fn wrong(&self, expected: &str) -> Problem {
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some('/') => "`/` (JSON has no comments)".to_owned(),
            Some(c) => format!("`{}`", Quoted(c.encode_utf8(&mut [0; 4]), 1)),
        };
        fatal(
            self.mark,
            format!("not valid JSON: expected {expected}, found {found}"),
        )
    }

    fn value(&mut self, at: &Path<'_>, depth: usize) -> Result<Node, Problem> {
        let mark = self.mark;
        let kind = match self.peek() {
            Some('{') => Kind::Map(self.members(at, depth)?),
            Some('[') => Kind::List(self.items(at, depth)?),
            Some('"') => return Ok(Node::scalar(mark, Sort::Text, self.string()?)),
            Some('-' | '0'..='9') => return Ok(Node::scalar(mark, Sort::Number, self.number()?)),
            _ => return self.word(),
        };
        Ok(Node { mark, kind })
    }

    fn word(&mut self) -> Result<Node, Problem> {
        let words = [
            ("true", Sort::Bool),
            ("false", Sort::Bool),
            ("null", Sort::Null),
        ];
        let rest = self.rest.as_str();
        let Some((word, sort)) = words.into_iter().find(|(word, _)| rest.starts_with(word)) else {
            return Err(self.wrong("a value"));
        };
        let node = Node::scalar(self.mark, sort, word);
        for _ in word.chars() {
            self.bump();
        }
        Ok(node)
    }

    fn items(&mut self, at: &Path<'_>, depth: usize) -> Result<Vec<Node>, Problem> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.value(&at.index(items.len()), depth + 1)?);
            if self.close(']', "`,` or `]`")? {
                return Ok(items);
            }
        }
    }

    fn members(&mut self, at: &Path<'_>, depth: usize) -> Result<Vec<Member>, Problem> {
        self.open(depth)?;
        let (mut members, mut seen) = (Vec::new(), Seen::default());
        if self.take('}') {
            return Ok(members);
        }
        loop {
            self.space();
            let mark = self.mark;
            if self.peek() != Some('"') {
                return Err(self.wrong("a key in double quotes"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(':') {
                return Err(self.wrong("`:`"));
            }
            self.space();
            let value = self.value(&at.key(&key), depth + 1)?;
            match seen.add(&key, mark, at) {
                Some(problem) => self.problems.push(problem),
                None => members.push(Member { key, mark, value }),
            }
            if self.close('}', "`,` or `}`")? {
                return Ok(members);
            }
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), Problem> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(self.mark));
        }
        self.bump();
        self.space();
        Ok(())
    }

    /// Whether a list or map ends here; if not, a comma leads to its next entry.
    fn close(&mut self, bracket: char, expected: &str) -> Result<bool, Problem> {
        self.space();
        if self.take(bracket) {
            return Ok(true);
        }
        if self.take(',') {
            Ok(false)
        } else {
            Err(self.wrong(expected))
        }
    }

    fn number(&mut self) -> Result<&'t str, Problem> {
        let text = self.rest.as_str();
        self.take('-');
        if !self.take('0') {
            self.digits()?;
        }
        if self.take('.') {
            self.digits()?;
        }
        if self.take('e') || self.take('E') {
            let _ = self.take('+') || self.take('-');
            self.digits()?;
        }
        Ok(&text[..text.len() - self.rest.as_str().len()])
    }

    fn digits(&mut self) -> Result<(), Problem> {
        if !matches!(self.peek(), Some('0'..='9')) {
            return Err(self.wrong("a digit"));
        }
        while matches!(self.peek(), Some('0'..='9')) {
            self.bump();
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(c) if c >= ' ' => {
                    self.bump();
                    text.push(c);
                }
                _ => return Err(self.wrong("the `\"` that ends this text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        self.bump();
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode(),
            _ => return Err(self.wrong("one of \" \\ / b f n r t u after `\\`")),
        };
        self.bump();
        Ok(c)
    }

    /// `uXXXX`, and the second half of a surrogate pair.
    fn unicode(&mut self) -> Result<char, Problem> {
        let mark = self.mark;
        let first = self.unit()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let second = if self.take('\\') { self.unit()? } else { 0 };
        let pair = (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second);
        let joined = pair.then(|| 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
        let lone = || fatal(mark, "not valid JSON: half of a surrogate pair");
        joined.and_then(char::from_u32).ok_or_else(lone)
    }

    fn unit(&mut self) -> Result<u32, Problem> {
        if !self.take('u') {
            return Err(self.wrong("`u` and the other half of a surrogate pair"));
        }
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.wrong("a hexadecimal digit"))?;
            self.bump();
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests;
