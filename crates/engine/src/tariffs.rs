//! The price lists of the models that are called, read from the catalog once and then kept.
//!
//! A call finds its price list without a lock: in a map that is replaced when a model is seen for
//! the first time.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Catalog, Day, Price};

use crate::target::{Offer, Target};

/// So many price lists are kept; those of further models are read anew for each call.
const KEPT_MAX: usize = 1024;
/// The same of models without a price, whose names may be anything.
const UNPRICED_MAX: usize = 256;

/// By vendor and model, and by target and model where the operator has named a price.
type Kept = [HashMap<Box<str>, HashMap<Box<str>, Option<Arc<Price>>>>; 2];

/// Whose price it is.
#[derive(Clone, Copy)]
enum Whose {
    Vendor = 0,
    Target = 1,
}

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

    /// What a model costs at a target, by its own name there: what the operator says of the target,
    /// over what is known of its vendor.
    pub(crate) fn at(&self, target: &Target, model: &str) -> Option<Arc<Price>> {
        let own = own_prices(target, model).is_some() || target.models.family(model).is_some();
        let (whose, name) = if own {
            (Whose::Target, &target.name)
        } else {
            (Whose::Vendor, &target.provider_id)
        };
        self.kept(whose, name, model, || self.read(target, model))
    }

    /// The same, not kept: for lists of all there are.
    pub(crate) fn read(&self, target: &Target, model: &str) -> Option<Price> {
        let at_vendor = |model| self.catalog.price(&target.provider_id, model, self.today);
        let known = at_vendor(model).or_else(|| at_vendor(target.models.family(model)?));
        match own_prices(target, model) {
            Some(offer) => Some(offer.over(known.unwrap_or_default())),
            None => known,
        }
    }

    fn kept(
        &self,
        whose: Whose,
        name: &str,
        model: &str,
        find: impl FnOnce() -> Option<Price>,
    ) -> Option<Arc<Price>> {
        let kept = self.kept.load();
        let models = kept[whose as usize].get(name);
        if let Some(price) = models.and_then(|models| models.get(model)) {
            return price.clone();
        }
        let price = find().map(Arc::new);
        // Two that find the same at once keep it twice, or one of them not yet.
        let all = kept.iter().flat_map(HashMap::values);
        let most = price.as_ref().map_or(UNPRICED_MAX, |_| KEPT_MAX);
        if all.map(HashMap::len).sum::<usize>() < most {
            let mut more = Kept::clone(&kept);
            let models = more[whose as usize].entry(name.into()).or_default();
            models.insert(model.into(), price.clone());
            self.kept.store(Arc::new(more));
        }
        price
    }
}

/// What the operator says that the model costs at the target.
fn own_prices<'a>(target: &'a Target, model: &str) -> Option<&'a Offer> {
    target.models.offer(model).filter(|offer| offer.has_price())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_list_is_read_once_and_no_more_are_kept_than_allowed() {
        let today = "2026-11-24".parse().unwrap();
        let tariffs = Tariffs::new(Arc::new(Catalog::embedded()), today);
        let find = |whose, model: &str| tariffs.kept(whose, "acme", model, || "in=1".parse().ok());
        let first = find(Whose::Vendor, "m-0").unwrap();
        assert!(Arc::ptr_eq(&first, &find(Whose::Vendor, "m-0").unwrap()));
        assert!(
            !Arc::ptr_eq(&first, &find(Whose::Target, "m-0").unwrap()),
            "a target may be called like a vendor"
        );
        for at in 0..KEPT_MAX + 10 {
            assert!(find(Whose::Vendor, &format!("m-{at}")).is_some());
        }
        let nothing = tariffs.kept(Whose::Vendor, "acme", "unheard-of", || None);
        assert_eq!(nothing, None);
        let kept = tariffs.kept.load();
        let kept = kept.iter().flat_map(HashMap::values).map(HashMap::len);
        assert_eq!(kept.sum::<usize>(), KEPT_MAX);
    }
}
