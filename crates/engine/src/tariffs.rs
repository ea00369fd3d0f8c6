//! The price lists of the models that are called, read from the catalog once and then kept.
//!
//! A call finds its price list without a lock: in a map that is replaced when a model is seen for
//! the first time.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Catalog, Day, Price};

/// So many price lists are kept; those of further models are read anew for each call.
const KEPT_MAX: usize = 1024;

type Kept = HashMap<Box<str>, HashMap<Box<str>, Arc<Price>>>;

/// What models cost on one day.
pub(crate) struct Tariffs {
    catalog: Arc<Catalog>,
    today: Day,
    kept: ArcSwap<Kept>,
}

impl Tariffs {
    /// The prices of a catalog on a day.
    pub(crate) fn new(catalog: Arc<Catalog>, today: Day) -> Tariffs {
        Tariffs {
            catalog,
            today,
            kept: ArcSwap::default(),
        }
    }

    /// Where the prices come from.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The day of the prices.
    pub(crate) fn today(&self) -> Day {
        self.today
    }

    /// What a vendor's model costs, if that is known.
    pub(crate) fn price(&self, provider: &str, model: &str) -> Option<Arc<Price>> {
        let kept = self.kept.load();
        let models = kept.get(provider);
        if let Some(price) = models.and_then(|models| models.get(model)) {
            return Some(price.clone());
        }
        let price = Arc::new(self.catalog.price(provider, model, self.today)?);
        // Two that find the same at once keep it twice, or one of them not yet.
        if kept.values().map(HashMap::len).sum::<usize>() < KEPT_MAX {
            let mut more = Kept::clone(&kept);
            let models = more.entry(provider.into()).or_default();
            models.insert(model.into(), price.clone());
            self.kept.store(Arc::new(more));
        }
        Some(price)
    }
}

#[cfg(test)]
mod tests {
    use catalog::Override;

    use super::*;

    #[test]
    fn a_price_list_is_read_once_and_no_more_are_kept_than_allowed() {
        let models = (0..KEPT_MAX + 10).map(|at| Override {
            provider: "acme".into(),
            model: format!("m-{at}"),
            price: Some("in=1".parse().unwrap()),
            ..Override::default()
        });
        let models: Vec<Override> = models.collect();
        let today = "2026-11-24".parse().unwrap();
        let catalog = Catalog::embedded().with_overrides(&models, today);
        let tariffs = Tariffs::new(Arc::new(catalog), today);
        let first = tariffs.price("acme", "m-0").unwrap();
        assert!(Arc::ptr_eq(&first, &tariffs.price("acme", "m-0").unwrap()));
        for own in &models {
            assert!(tariffs.price("acme", &own.model).is_some());
        }
        assert_eq!(tariffs.price("acme", "unheard-of"), None);
        assert_eq!(tariffs.price("other", "m-0"), None);
        let kept: usize = tariffs.kept.load().values().map(HashMap::len).sum();
        assert_eq!(kept, KEPT_MAX);
    }
}
