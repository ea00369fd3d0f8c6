//! A newer list, from outside: our own data file, or the Go gateway's `catalog.json`.
//!
//! What comes from outside is bounded, checked whole before it is used, and never replaces what is
//! known by less.

mod flat;

use thiserror::Error;

use crate::catalog::Catalog;
use crate::day::Day;
use crate::table::{BadTable, Table};

/// The longest document that is read.
pub const DOCUMENT_MAX: usize = 8 << 20;
/// No list is shorter; one that is has been cut off, or is not a list of models.
const ROWS_MIN: usize = 500;
/// A newer list has at least so many hundredths of the rows of the one before it.
const KEPT_MIN: usize = 80;

/// A list from outside, checked.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) table: Table,
    form: Form,
    priced: usize,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Our own.
    Table,
    /// The Go gateway's.
    Flat,
}

/// Bytes that are not a list of models.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadDocument {
    /// Longer than is read.
    #[error("{0} bytes, at most {DOCUMENT_MAX} are read")]
    TooLong(usize),
    /// Neither of the forms.
    #[error("neither a ferrogw catalog nor a JSON object of models")]
    Form,
    /// Our form, broken.
    #[error("a ferrogw catalog that {0}")]
    Table(#[from] BadTable),
    /// A JSON object, but not of models.
    #[error("a JSON object in which {bad} of {all} entries are not models")]
    Entries {
        /// How many are none.
        bad: usize,
        /// How many there are.
        all: usize,
    },
}

/// A list that knows less than the one it would replace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotASuccessor {
    /// Too few rows.
    #[error("holds {found} models, at least {least} are expected")]
    Rows {
        /// As many as it has.
        found: usize,
        /// As many as it should have.
        least: usize,
    },
    /// Too few prices.
    #[error("prices {found} models, at least {least} are expected")]
    Prices {
        /// As many as it has.
        found: usize,
        /// As many as it should have.
        least: usize,
    },
    /// Older than the one in use.
    #[error("is of {found}, older than the one in use of {used}")]
    Older {
        /// Its day.
        found: Day,
        /// That of the one in use.
        used: Day,
    },
}

impl Document {
    /// Reads a list in either form. `known` says what vendors are called elsewhere; `today` is the
    /// day of rows that do not say theirs.
    pub fn read(bytes: &[u8], known: &Catalog, today: Day) -> Result<Document, BadDocument> {
        if bytes.len() > DOCUMENT_MAX {
            return Err(BadDocument::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadDocument::Form)?;
        let (table, form) = match text.trim_start().as_bytes().first() {
            Some(b'#') => (Table::read(text.to_owned())?, Form::Table),
            Some(b'{') => (flat::read(text, known, today)?, Form::Flat),
            _ => return Err(BadDocument::Form),
        };
        let priced = table
            .rows()
            .filter(|row| row.price(today).is_some())
            .count();
        Ok(Document {
            table,
            form,
            priced,
        })
    }

    /// How many models it holds.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses a list that knows clearly less than the last of its form, or than any list would.
    pub(crate) fn check_successor(
        &self,
        before: Option<&Document>,
        embedded: usize,
    ) -> Result<(), NotASuccessor> {
        let before = before.filter(|before| before.form == self.form);
        let kept = |count: usize| count * KEPT_MIN / 100;
        let least = match (before, self.form) {
            (Some(before), _) => kept(before.len()),
            (None, Form::Table) => kept(embedded),
            (None, Form::Flat) => 0,
        };
        let least = least.max(ROWS_MIN.min(embedded));
        if self.len() < least {
            let found = self.len();
            return Err(NotASuccessor::Rows { found, least });
        }
        let least = before.map_or(least / 2, |before| kept(before.priced));
        if self.priced < least {
            let found = self.priced;
            return Err(NotASuccessor::Prices { found, least });
        }
        match before {
            Some(before) if self.table.date() < before.table.date() => Err(NotASuccessor::Older {
                found: self.table.date(),
                used: before.table.date(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
