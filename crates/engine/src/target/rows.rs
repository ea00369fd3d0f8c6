//! The vendors' rows that are in force.

use std::collections::HashMap;
use std::sync::Arc;

use providers::Provider;

/// The rows in force: the built-in ones, with the operator's own beside and before them.
pub struct Rows(HashMap<Box<str>, Arc<Provider>>);

impl Rows {
    /// The built-in rows and the operator's.
    pub fn new<'a>(own: impl IntoIterator<Item = &'a Provider>) -> Rows {
        let all = providers::builtin().iter().chain(own);
        Rows(
            all.map(|row| (row.id.as_str().into(), Arc::new(row.clone())))
                .collect(),
        )
    }

    /// The row with this id.
    pub fn get(&self, id: &str) -> Option<Arc<Provider>> {
        self.0.get(id).cloned()
    }
}
