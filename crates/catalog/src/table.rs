//! The data file: rows of text in order, which is index enough.
//!
//! ```text
//! #ferrogw-catalog 1
//! #date 2026-11-24
//! #rows 2 193
//! #name <a vendor's name elsewhere> <ours>
//! #chain <vendor> <another whose rows it may use>
//! <provider>⇥<model>⇥<modes>⇥<context>/<output>⇥<capabilities>⇥<lifecycle>⇥<source>@<date>⇥<prices>…
//! #source <short> <whole>
//! ```
//!
//! A row is found by halving the text, so that opening a file costs nothing and what is never
//! asked for is never read from disk.

mod write;

use std::cmp::Ordering;
use std::sync::Arc;

use memchr::{memchr, memrchr};
use thiserror::Error;

pub use write::{Heading, write};

use crate::day::Day;
use crate::model::Model;
use crate::price::Price;

/// The first line, and the version of everything after it.
const SCHEMA: &str = "#ferrogw-catalog 1";
/// More rows than there are models; bounds what a document may make us keep.
pub(crate) const ROWS_MAX: usize = 50_000;

/// Text that is not such a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadTable {
    /// Not the first line expected.
    #[error("does not begin with `{SCHEMA}`")]
    Schema,
    /// The head does not hold what it must.
    #[error("its head has no valid `{0}` line")]
    Head(&'static str),
    /// A line is no row, or its prices are none.
    #[error("line {0} is not a row")]
    Row(usize),
    /// Rows out of order could not be found.
    #[error("line {0} is not in its place")]
    Order(usize),
    /// Not as many rows as it says.
    #[error("holds {found} rows and says {said}")]
    Count {
        /// As many as there are.
        found: usize,
        /// As many as there should be.
        said: usize,
    },
}

/// A data file.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    text: Text,
    /// Where the rows stand in it.
    body: std::ops::Range<usize>,
    rows: usize,
    date: Day,
}

#[derive(Clone, Debug)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Table {
    /// Nothing.
    pub(crate) fn empty() -> Table {
        Table {
            text: Text::Static(""),
            body: 0..0,
            rows: 0,
            date: Day::default(),
        }
    }

    /// Opens a file that is part of the program and that a test has read whole.
    pub(crate) fn embedded(text: &'static str) -> Table {
        Table::open(Text::Static(text)).unwrap_or_else(|_| Table::empty())
    }

    /// Opens a file from outside and reads every line of it.
    pub(crate) fn read(text: String) -> Result<Table, BadTable> {
        let table = Table::open(Text::Shared(text.into()))?;
        table.check()?;
        Ok(table)
    }

    fn open(text: Text) -> Result<Table, BadTable> {
        let whole = text.as_str();
        if whole.lines().next() != Some(SCHEMA) {
            return Err(BadTable::Schema);
        }
        let head = head(whole);
        let said = |name: &'static str| {
            let line = lines_of(head, name).next();
            line.ok_or(BadTable::Head(name))
        };
        let date = said("date")?.parse().map_err(|_| BadTable::Head("date"))?;
        let size = said("rows")?.split_once(' ');
        let size = size.and_then(|(rows, bytes)| {
            let rows: usize = rows.parse().ok()?;
            let bytes: usize = bytes.parse().ok()?;
            let end = head.len().checked_add(bytes)?;
            let whole_lines = whole.get(head.len()..end)?;
            let closed = bytes == 0 || whole_lines.ends_with('\n');
            (rows <= ROWS_MAX && closed).then_some((rows, end))
        });
        let (rows, end) = size.ok_or(BadTable::Head("rows"))?;
        let body = head.len()..end;
        Ok(Table {
            text,
            body,
            rows,
            date,
        })
    }

    fn check(&self) -> Result<(), BadTable> {
        let first = head(self.text.as_str()).lines().count() + 1;
        let mut before: Option<Key<'_>> = None;
        let mut found = 0;
        for (at, line) in self.body().lines().enumerate() {
            let model = Model::read(line).ok_or(BadTable::Row(first + at))?;
            let prices = model
                .prices()
                .all(|(_, list)| list.parse::<Price>().is_ok());
            if !prices {
                return Err(BadTable::Row(first + at));
            }
            let key = Key::of(&model);
            if before.is_some_and(|before| before.cmp(&key) != Ordering::Less) {
                return Err(BadTable::Order(first + at));
            }
            before = Some(key);
            found += 1;
        }
        if found != self.rows {
            return Err(BadTable::Count {
                found,
                said: self.rows,
            });
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn date(&self) -> Day {
        self.date
    }

    fn body(&self) -> &str {
        self.text
            .as_str()
            .get(self.body.clone())
            .unwrap_or_default()
    }

    /// The row of a model, its name as written or else without regard to case.
    pub(crate) fn find(&self, provider: &str, id: &str) -> Option<Model<'_>> {
        let wanted = Key { provider, id };
        let mut folded = None;
        for line in self.from(|key| key.cmp_folded(&wanted)) {
            let key = Key::of_line(line)?;
            if key.cmp_folded(&wanted) != Ordering::Equal {
                break;
            }
            if key.id == id {
                return Model::read(line);
            }
            folded.get_or_insert(line);
        }
        folded.and_then(Model::read)
    }

    /// The rows of a vendor.
    pub(crate) fn of_provider<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = Model<'a>> {
        self.from(|key| key.provider.cmp(provider))
            .filter_map(Model::read)
            .take_while(move |model| model.provider == provider)
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Model<'_>> {
        self.body().lines().filter_map(Model::read)
    }

    /// The lines from the first that is not less, by halving.
    fn from(&self, compare: impl Fn(Key<'_>) -> Ordering) -> std::str::Lines<'_> {
        let text = self.body();
        let bytes = text.as_bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = memrchr(b'\n', &bytes[low..middle]).map_or(low, |at| low + at + 1);
            let end = memchr(b'\n', &bytes[middle..high]).map_or(high, |at| middle + at + 1);
            let key = text.get(start..end).and_then(Key::of_line);
            // A line without a key cannot be placed; what follows it is still found.
            if key.is_none_or(|key| compare(key) == Ordering::Less) {
                low = end;
            } else {
                high = start;
            }
        }
        text.get(low..).unwrap_or_default().lines()
    }

    /// A source in full.
    pub(crate) fn source(&self, short: &str) -> Option<&str> {
        let tail = self.text.as_str().get(self.body.end..)?;
        lines_of(tail, "source")
            .filter_map(|line| line.split_once(' '))
            .find_map(|(code, whole)| (code == short).then_some(whole))
    }

    /// Our name of a vendor that others name so.
    pub(crate) fn named<'a>(&'a self, foreign: &str) -> Option<&'a str> {
        self.head_pairs("name")
            .find_map(|(name, ours)| (name == foreign).then_some(ours))
    }

    /// The vendors whose rows a vendor may use besides its own, nearest first.
    pub(crate) fn chain<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a str> {
        self.head_pairs("chain")
            .filter_map(move |(of, other)| (of == provider).then_some(other))
    }

    fn head_pairs(&self, name: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let head = self
            .text
            .as_str()
            .get(..self.body.start)
            .unwrap_or_default();
        lines_of(head, name).filter_map(|line| line.split_once(' '))
    }
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }
}

/// The lines before the first row.
fn head(text: &str) -> &str {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if !line.starts_with('#') || line.starts_with("#source ") {
            break;
        }
        length += line.len();
    }
    text.get(..length).unwrap_or_default()
}

/// What stands after `#name ` in the lines that begin so.
fn lines_of<'a>(text: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let line = line.strip_prefix('#')?.strip_prefix(name)?;
        line.strip_prefix(' ')
    })
}

/// What rows are ordered by: the vendor, the name without regard to case, the name.
#[derive(Clone, Copy)]
struct Key<'a> {
    provider: &'a str,
    id: &'a str,
}

impl<'a> Key<'a> {
    fn of(model: &Model<'a>) -> Key<'a> {
        let (provider, id) = (model.provider, model.id);
        Key { provider, id }
    }

    fn of_line(line: &'a str) -> Option<Key<'a>> {
        let (provider, rest) = line.split_once('\t')?;
        let (id, _) = rest.split_once('\t')?;
        Some(Key { provider, id })
    }

    fn cmp_folded(&self, other: &Key<'_>) -> Ordering {
        let left = self.id.bytes().map(|byte| byte.to_ascii_lowercase());
        let right = other.id.bytes().map(|byte| byte.to_ascii_lowercase());
        self.provider
            .cmp(other.provider)
            .then_with(|| left.cmp(right))
    }

    fn cmp(&self, other: &Key<'_>) -> Ordering {
        self.cmp_folded(other).then_with(|| self.id.cmp(other.id))
    }
}

#[cfg(test)]
mod tests;
