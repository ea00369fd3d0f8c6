//! Where the members of an object stand, and edits that leave everything unnamed as it is.

use std::ops::Range;

use super::scan::{Literal, Scanner};
use super::{JsonError, quote};

/// Where one member stands in its object's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The name between its quotes.
    name: (u32, u32),
    value: (u32, u32),
    escaped: bool,
}

impl Member {
    fn name_range(&self) -> Range<usize> {
        self.name.0 as usize..self.name.1 as usize
    }

    pub(crate) fn value_range(&self) -> Range<usize> {
        self.value.0 as usize..self.value.1 as usize
    }

    /// From the quote before the name.
    pub(crate) fn start(&self) -> usize {
        self.name.0 as usize - 1
    }

    pub(crate) fn name<'a>(&self, text: &'a [u8]) -> Literal<'a> {
        let range = self.name_range();
        Literal {
            inner: &text[range.clone()],
            start: range.start,
            escaped: self.escaped,
        }
    }
}

/// The members of an object, in their order.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) members: Vec<Member>,
    /// Where the closing brace stands.
    close: usize,
}

impl Index {
    /// Indexes a text that must be one object, validating all of it.
    pub(crate) fn of(
        text: &[u8],
        max_depth: usize,
        max_members: usize,
    ) -> Result<Index, JsonError> {
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLong {
                offset: u32::MAX as usize,
            });
        }
        let mut members = Vec::with_capacity(16);
        let mut scan = Scanner::new(text, max_depth);
        if scan.peek() != Some(b'{') {
            return Err(JsonError::NotAnObject { offset: scan.at() });
        }
        scan.object(|scan, name| {
            if members.len() == max_members {
                return Err(Box::new(JsonError::TooManyMembers {
                    limit: max_members,
                    offset: scan.at(),
                }));
            }
            let value = scan.skip()?;
            members.push(Member {
                name: (narrow(name.start), narrow(name.start + name.inner.len())),
                value: (narrow(scan.at() - value.len()), narrow(scan.at())),
                escaped: name.escaped,
            });
            Ok(())
        })?;
        let close = scan.at() - 1;
        scan.end()?;
        Ok(Index { members, close })
    }

    /// The first member of that name.
    pub(crate) fn find(&self, text: &[u8], name: &str) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.name(text).is(name))
    }

    /// The second of two members with one name.
    pub(crate) fn duplicate(&self, text: &[u8]) -> Option<&Member> {
        if self.members.len() > 24 {
            return self.duplicate_of_many(text);
        }
        let name = |member: &Member| member.name(text);
        self.members
            .iter()
            .enumerate()
            .find_map(|(position, later)| {
                let same = |earlier: &Member| match (earlier.escaped, later.escaped) {
                    (false, false) => name(earlier).inner == name(later).inner,
                    _ => name(earlier).decode() == name(later).decode(),
                };
                self.members[..position].iter().any(same).then_some(later)
            })
    }

    fn duplicate_of_many(&self, text: &[u8]) -> Option<&Member> {
        let mut named: Vec<_> = self
            .members
            .iter()
            .map(|member| (member.name(text).decode(), member))
            .collect();
        // Stable, so that of two equal names the later one comes second.
        named.sort_by(|(left, _), (right, _)| left.cmp(right));
        named
            .windows(2)
            .find(|pair| pair[0].0 == pair[1].0)
            .map(|pair| pair[1].1)
    }
}

/// Positions were checked to fit when the text was accepted.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Changes to an object, in the order in which they were asked for.
pub(crate) struct Changes<'a> {
    text: &'a [u8],
    index: &'a Index,
    touched: Vec<Touched>,
    appended: Vec<(String, String)>,
}

/// What became of a member.
struct Touched {
    position: usize,
    name: Option<String>,
    value: Option<String>,
    removed: bool,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(text: &'a [u8], index: &'a Index) -> Changes<'a> {
        Changes {
            text,
            index,
            touched: Vec::new(),
            appended: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.appended.is_empty()
    }

    pub(crate) fn set(&mut self, name: &str, json: String) {
        if let Some((_, value)) = self
            .appended
            .iter_mut()
            .find(|(appended, _)| appended == name)
        {
            *value = json;
            return;
        }
        let mut found = self.positions(name).into_iter();
        let Some(first) = found.next() else {
            self.appended.push((name.to_owned(), json));
            return;
        };
        for duplicate in found {
            self.touch(duplicate).removed = true;
        }
        let untouched = self.touched.iter().all(|touched| touched.position != first);
        if !(untouched && self.text[self.index.members[first].value_range()] == *json.as_bytes()) {
            self.touch(first).value = Some(json);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.appended.retain(|(appended, _)| appended != name);
        for position in self.positions(name) {
            self.touch(position).removed = true;
        }
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        if self.has(to) {
            self.remove(from);
            return;
        }
        if let Some((name, _)) = self
            .appended
            .iter_mut()
            .find(|(appended, _)| appended == from)
        {
            to.clone_into(name);
        }
        for position in self.positions(from) {
            self.touch(position).name = Some(to.to_owned());
        }
    }

    fn has(&self, name: &str) -> bool {
        self.appended.iter().any(|(appended, _)| appended == name)
            || !self.positions(name).is_empty()
    }

    /// The members that bear this name now.
    fn positions(&self, name: &str) -> Vec<usize> {
        let bears = |position: usize, member: &Member| match self.touched(position) {
            Some(Touched { removed: true, .. }) => false,
            Some(Touched {
                name: Some(renamed),
                ..
            }) => renamed == name,
            _ => member.name(self.text).is(name),
        };
        let members = self.index.members.iter().enumerate();
        members
            .filter(|(position, member)| bears(*position, member))
            .map(|(position, _)| position)
            .collect()
    }

    fn touched(&self, position: usize) -> Option<&Touched> {
        self.touched
            .iter()
            .find(|touched| touched.position == position)
    }

    fn touch(&mut self, position: usize) -> &mut Touched {
        let known = self
            .touched
            .iter()
            .position(|touched| touched.position == position);
        let slot = known.unwrap_or_else(|| {
            self.touched.push(Touched {
                position,
                name: None,
                value: None,
                removed: false,
            });
            self.touched.len() - 1
        });
        &mut self.touched[slot]
    }

    /// The text with the changes made.
    pub(crate) fn render(&self) -> Vec<u8> {
        let mut out = Splice::new(self.text, self.grown());
        let members = &self.index.members;
        let mut behind_previous = None;
        let mut any_kept = false;
        out.keep(0..members.first().map_or(self.index.close, Member::start));
        for (position, member) in members.iter().enumerate() {
            let touched = self.touched(position);
            let separator = behind_previous.replace(member.value_range().end);
            if touched.is_some_and(|touched| touched.removed) {
                continue;
            }
            if any_kept && let Some(from) = separator {
                out.keep(from..member.start());
            }
            any_kept = true;
            let name = touched
                .and_then(|touched| touched.name.as_deref())
                .map(quote);
            let value = touched.and_then(|touched| touched.value.as_deref());
            let name_end = member.name_range().end + 1;
            out.keep_or(member.start()..name_end, name.as_deref());
            out.keep(name_end..member.value_range().start);
            out.keep_or(member.value_range(), value);
        }
        for (name, value) in &self.appended {
            if any_kept {
                out.insert(",");
            }
            any_kept = true;
            out.insert(&quote(name));
            out.insert(":");
            out.insert(value);
        }
        out.keep(behind_previous.unwrap_or(self.index.close)..self.text.len());
        out.finish()
    }

    /// An upper bound of what the changes add.
    fn grown(&self) -> usize {
        let appended = self
            .appended
            .iter()
            .map(|(name, value)| name.len() + value.len() + 8);
        let touched = self.touched.iter().map(|touched| {
            let name = touched.name.as_ref().map_or(0, |name| name.len() + 8);
            name + touched.value.as_ref().map_or(0, String::len)
        });
        appended.chain(touched).sum()
    }
}

/// Builds a changed copy; neighbouring kept ranges are copied as one.
pub(crate) struct Splice<'a> {
    text: &'a [u8],
    out: Vec<u8>,
    kept: Range<usize>,
}

impl<'a> Splice<'a> {
    pub(crate) fn new(text: &'a [u8], grown: usize) -> Splice<'a> {
        Splice {
            text,
            out: Vec::with_capacity(text.len() + grown),
            kept: 0..0,
        }
    }

    pub(crate) fn keep(&mut self, range: Range<usize>) {
        if range.start != self.kept.end {
            self.flush();
            self.kept.start = range.start;
        }
        self.kept.end = range.end;
    }

    pub(crate) fn insert(&mut self, text: &str) {
        self.flush();
        self.out.extend_from_slice(text.as_bytes());
    }

    fn keep_or(&mut self, range: Range<usize>, replacement: Option<&str>) {
        match replacement {
            Some(text) => self.insert(text),
            None => self.keep(range),
        }
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(&self.text[self.kept.clone()]);
        self.kept.start = self.kept.end;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }
}
