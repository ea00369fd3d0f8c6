//! Credentials in use, so that targets with the same one, and a reload that changes nothing about it,
//! share what has been fetched.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use http::HeaderValue;
use providers::auth::aws::AwsKeys;

use super::cell::Cell;
use super::net::Net;

/// The credentials in use.
#[derive(Default)]
pub(crate) struct Shelves {
    /// Tokens, by how they are had.
    pub(super) tokens: Shelf<super::recipe::Tokens, HeaderValue>,
    /// Keys, by where they come from.
    pub(super) keys: Shelf<super::aws::Source, AwsKeys>,
}

type Kept<R, T> = (Arc<R>, Net, Weak<Cell<T>>);

/// Cells by their recipe. Locked where targets are built, never by a call.
pub(super) struct Shelf<R, T>(Mutex<Vec<Kept<R, T>>>);

impl<R, T> Default for Shelf<R, T> {
    fn default() -> Shelf<R, T> {
        Shelf(Mutex::default())
    }
}

impl<R: PartialEq, T: Send + Sync + 'static> Shelf<R, T> {
    /// The cell of this recipe; a new one if nobody uses it yet.
    pub(super) fn of(
        &self,
        recipe: R,
        net: Net,
        make: impl FnOnce(Arc<R>, Net) -> Arc<Cell<T>>,
    ) -> Arc<Cell<T>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, _, cell)| cell.strong_count() > 0);
        let same = |(other, way, _): &&Kept<R, T>| **other == recipe && *way == net;
        if let Some(cell) = kept
            .iter()
            .find(same)
            .and_then(|(_, _, cell)| cell.upgrade())
        {
            return cell;
        }
        let recipe = Arc::new(recipe);
        let cell = make(recipe.clone(), net.clone());
        kept.push((recipe, net, Arc::downgrade(&cell)));
        cell
    }
}
