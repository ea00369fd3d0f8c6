//! What is known of models: the embedded list, a newer one over it, the operator's rows over both.

use std::collections::BTreeMap;

use crate::day::Day;
use crate::document::{Document, NotASuccessor};
use crate::model::Model;
use crate::name;
use crate::overrides::Override;
use crate::price::Price;
use crate::table::Table;

/// The list as it was when the program was built; `cargo xtask catalog` makes it.
const EMBEDDED: &str = include_str!("../catalog.txt");

/// What is known of models. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    embedded: Table,
    refreshed: Option<Document>,
    operator: Table,
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog::embedded()
    }
}

impl Catalog {
    /// The embedded list alone.
    pub fn embedded() -> Catalog {
        Catalog {
            embedded: Table::embedded(EMBEDDED),
            refreshed: None,
            operator: Table::empty(),
        }
    }

    /// The same with the operator's rows over it, in place of those it had.
    pub fn with_overrides(mut self, overrides: &[Override], today: Day) -> Catalog {
        self.operator = Table::empty();
        self.operator = crate::overrides::table(&self, overrides, today);
        self
    }

    /// The same with a newer list, if that is one: nothing that is known may get lost by it.
    ///
    /// The operator's rows stay as they were made; give them again to have them follow.
    pub fn refreshed(mut self, document: Document) -> Result<Catalog, NotASuccessor> {
        document.check_successor(self.refreshed.as_ref(), self.embedded.len())?;
        self.refreshed = Some(document);
        Ok(self)
    }

    /// How many rows there are, counted list by list.
    pub fn len(&self) -> usize {
        self.tables().map(Table::len).sum()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The day of the newest list.
    pub fn date(&self) -> Day {
        let refreshed = self
            .refreshed
            .as_ref()
            .map(|document| document.table.date());
        self.embedded.date().max(refreshed.unwrap_or_default())
    }

    /// What is known of a vendor's model. Only rows of the vendor and of those named in its chain
    /// count, never another vendor's of the same name.
    ///
    /// In this order: the name as written, else without regard to case; the same after taking off
    /// what marks one version of a model (`name::shorter`).
    pub fn lookup<'a>(&'a self, provider: &'a str, model: &str) -> Option<Model<'a>> {
        self.search(provider, model, |_| true)
    }

    /// What a vendor's model costs today. A row without a price does not hide one further down
    /// the chain.
    pub fn price(&self, provider: &str, model: &str, today: Day) -> Option<Price> {
        self.search(provider, model, |row| row.price(today).is_some())?
            .price(today)
    }

    /// Where what a row says comes from.
    pub fn source(&self, model: &Model<'_>) -> &str {
        self.tables()
            .find_map(|table| table.source(model.source))
            .unwrap_or_default()
    }

    /// The models of a vendor, by their names; those of its chain are not among them.
    pub fn models<'a>(&'a self, provider: &'a str) -> Vec<Model<'a>> {
        let mut models = BTreeMap::new();
        for table in self.tables() {
            for model in table.of_provider(provider) {
                models.entry(model.id).or_insert(model);
            }
        }
        let ids = models.into_keys();
        ids.filter_map(|id| self.row(provider, id)).collect()
    }

    fn search<'a>(
        &'a self,
        provider: &'a str,
        model: &str,
        wanted: impl Fn(&Model<'_>) -> bool,
    ) -> Option<Model<'a>> {
        name::shorter(model).find_map(|id| {
            let chain = std::iter::once(provider).chain(self.embedded.chain(provider));
            chain
                .filter_map(|provider| self.row(provider, id))
                .find(&wanted)
        })
    }

    /// The row of exactly this vendor and name: the operator's, else the newer of the others.
    fn row<'a>(&'a self, provider: &str, id: &str) -> Option<Model<'a>> {
        if let Some(own) = self.operator.find(provider, id) {
            return Some(own);
        }
        let embedded = self.embedded.find(provider, id);
        let refreshed = self.refreshed.as_ref();
        let refreshed = refreshed.and_then(|document| document.table.find(provider, id));
        match (embedded, refreshed) {
            (Some(embedded), Some(refreshed)) if embedded.date > refreshed.date => Some(embedded),
            (embedded, refreshed) => refreshed.or(embedded),
        }
    }

    /// Our name of a vendor that others name so; its own when nobody has another.
    pub(crate) fn vendor(&self, foreign: &str) -> String {
        let ours = self.embedded.named(foreign).map(str::to_owned);
        ours.unwrap_or_else(|| foreign.replace('_', "-"))
    }

    /// The lists, the first to be asked first.
    fn tables(&self) -> impl Iterator<Item = &Table> {
        let refreshed = self.refreshed.as_ref().map(|document| &document.table);
        [Some(&self.operator), refreshed, Some(&self.embedded)]
            .into_iter()
            .flatten()
    }

    #[cfg(test)]
    pub(crate) fn of(text: String) -> Catalog {
        Catalog {
            embedded: Table::read(text).unwrap(),
            refreshed: None,
            operator: Table::empty(),
        }
    }
}

#[cfg(test)]
mod tests;
