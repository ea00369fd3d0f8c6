//! The built-in vendors, read once from the data that is part of the program.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::provider::Provider;

/// The built-in vendors, in the order of their ids.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Provider>,
    places: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Vec<Provider>,
}

static BUILTIN: LazyLock<Table> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the data is part of the program and a test reads it"
    )]
    Table::read(include_str!("../providers.toml")).expect("providers.toml is well formed")
});

/// The built-in vendors.
pub fn builtin() -> &'static Table {
    &BUILTIN
}

impl Table {
    fn read(text: &str) -> Result<Table, toml::de::Error> {
        let File { provider: rows } = toml::from_str(text)?;
        let places = rows
            .iter()
            .enumerate()
            .map(|(place, row)| (row.id.clone(), place))
            .collect();
        Ok(Table { rows, places })
    }

    /// The vendor of this name.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.rows.get(*self.places.get(id)?)
    }

    /// All vendors.
    pub fn iter(&self) -> std::slice::Iter<'_, Provider> {
        self.rows.iter()
    }

    /// Their names.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.id.as_str())
    }
}

impl<'a> IntoIterator for &'a Table {
    type Item = &'a Provider;
    type IntoIter = std::slice::Iter<'a, Provider>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
