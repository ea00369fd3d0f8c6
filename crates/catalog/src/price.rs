//! A price list of one model, and the one function from use to cost.

mod bill;
mod text;

use std::fmt;

pub use bill::{Bill, Line};
pub use text::BadPrice;

use crate::metered::{ImageKind, Metered};
use crate::money::PicoUsd;
use crate::unit::{Amount, Service, Unit};

/// One line of a price list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// What is charged for.
    pub unit: Unit,
    /// The queue it is for.
    pub service: Service,
    /// It holds for calls that read more tokens than this; zero for all.
    pub above: u64,
    /// Of images `quality:size`, `quality` or `:size`; of web searches how much was searched;
    /// empty for all.
    pub variant: Box<str>,
    /// What one costs.
    pub amount: Amount,
}

/// What a model costs. A unit without a line has no known price, which is not the same as free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// In order, each at most once.
    rates: Vec<Rate>,
}

/// What a unit is charged as where it has no price of its own, the nearest first. A cache that is
/// not priced saves nothing: its tokens are read or written like any other.
fn stands_in(unit: Unit) -> &'static [Unit] {
    match unit {
        Unit::CacheRead | Unit::CacheWrite5m | Unit::AudioIn | Unit::ImageIn => &[Unit::Input],
        Unit::CacheWrite1h => &[Unit::CacheWrite5m, Unit::Input],
        Unit::AudioCacheRead => &[Unit::CacheRead, Unit::AudioIn, Unit::Input],
        Unit::ImageCacheRead => &[Unit::CacheRead, Unit::ImageIn, Unit::Input],
        Unit::Reasoning | Unit::AudioOut | Unit::ImageOut => &[Unit::Output],
        _ => &[],
    }
}

impl Price {
    /// A price list of these lines; of two for the same, the last.
    pub fn new(rates: impl IntoIterator<Item = Rate>) -> Price {
        let mut price = Price::default();
        for rate in rates {
            price.set(rate);
        }
        price
    }

    /// Adds or replaces a line.
    pub fn set(&mut self, rate: Rate) {
        fn key(rate: &Rate) -> (Unit, Service, u64, &str) {
            (rate.unit, rate.service, rate.above, &rate.variant)
        }
        let place = self
            .rates
            .binary_search_by(|held| key(held).cmp(&key(&rate)));
        match place {
            Ok(at) => self.rates[at] = rate,
            Err(at) => self.rates.insert(at, rate),
        }
    }

    /// Makes this the one price of a unit, for every queue and length of prompt. What it stands in
    /// for goes by it as well, until that has a price of its own again.
    pub fn fix(&mut self, unit: Unit, amount: Amount) {
        let goes_by_it = |other: Unit| other == unit || stands_in(other).contains(&unit);
        self.rates.retain(|rate| !goes_by_it(rate.unit));
        self.set(Rate {
            unit,
            service: Service::Standard,
            above: 0,
            variant: Box::default(),
            amount,
        });
    }

    /// Its lines.
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// Whether nothing is priced.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// Whether a unit has a price of its own.
    pub fn has(&self, unit: Unit) -> bool {
        self.of(unit).next().is_some()
    }

    fn of(&self, unit: Unit) -> std::slice::Iter<'_, Rate> {
        let start = self.rates.partition_point(|rate| rate.unit < unit);
        let rest = &self.rates[start..];
        let length = rest.partition_point(|rate| rate.unit == unit);
        rest[..length].iter()
    }

    /// The usual price of a unit: no variant, standard service, a short prompt.
    pub fn usual(&self, unit: Unit) -> Option<Amount> {
        let usual = |rate: &&Rate| {
            rate.service == Service::Standard && rate.above == 0 && rate.variant.is_empty()
        };
        self.of(unit).find(usual).map(|rate| rate.amount)
    }

    /// The line in force: of the service asked for if it has any, else the standard one; of the
    /// prompt's lengths the highest that it exceeds.
    fn in_force(&self, unit: Unit, variant: &str, service: Service, prompt: u64) -> Option<&Rate> {
        let of_service = |service: Service| {
            self.of(unit)
                .filter(move |rate| rate.service == service && *rate.variant == *variant)
                .filter(move |rate| rate.above == 0 || prompt > rate.above)
                .max_by_key(|rate| rate.above)
        };
        of_service(service).or_else(|| of_service(Service::Standard))
    }

    /// The same with what stands in for a unit that has no line.
    fn nearest(&self, unit: Unit, service: Service, prompt: u64) -> Option<&Rate> {
        let own = self.in_force(unit, "", service, prompt);
        own.or_else(|| {
            let mut others = stands_in(unit).iter();
            others.find_map(|other| self.in_force(*other, "", service, prompt))
        })
    }

    fn image(&self, kind: &ImageKind, service: Service) -> Option<&Rate> {
        let (size, quality) = (&*kind.size, &*kind.quality);
        let both = format!("{quality}:{size}");
        let only_size = format!(":{size}");
        let variants = [both.as_str(), only_size.as_str(), quality, ""];
        variants
            .into_iter()
            .find_map(|variant| self.in_force(Unit::Image, variant, service, 0))
    }

    /// What a call costs. None when something that was used has no known price: that is unknown,
    /// not free.
    ///
    /// Images, searches and pages that have a price of their own are charged by the piece and not
    /// by tokens as well. Tokens come before seconds and characters, since a vendor that counts
    /// them charges by them.
    pub fn charge(&self, used: &Metered) -> Option<Bill> {
        bill::charge(self, used)
    }

    /// What a call is expected to cost, for ranking: so many tokens in the prompt, of which so
    /// many may come from a cache, and so many in the answer.
    pub fn expected(&self, prompt: u64, cached: u64, output: u64) -> Option<PicoUsd> {
        let cached = cached.min(prompt);
        let used = Metered {
            uncached_in: prompt - cached,
            cache_read: cached,
            output,
            requests: 1,
            ..Metered::default()
        };
        self.charge(&used).map(|bill| bill.total)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(&self.rates, f)
    }
}

#[cfg(test)]
mod tests;
