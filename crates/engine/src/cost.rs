//! From what a vendor counted to what it costs.
//!
//! Prices come from the catalog with the candidate; the vendor's counts are told apart here, since
//! price lists want counts that do not overlap and vendors count the same token several times.

use std::sync::Arc;

use catalog::{Metered, PicoUsd, Price, Service};
use wire::usage::{ServiceTier, Usage};

use crate::tokens::Prompt;

/// What a call cost, all of its attempts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The money.
    pub amount: PicoUsd,
    /// Whether a count was a guess, or a price not quite the one in force.
    pub estimated: bool,
}

/// What one attempt used, and at what price.
#[derive(Clone, Debug)]
pub struct Spent {
    /// The vendor.
    pub provider: Arc<str>,
    /// The target's own name of the model.
    pub model: Arc<str>,
    /// The model's price list, if one is known.
    pub price: Option<Arc<Price>>,
    /// What was used.
    pub usage: Usage,
    /// The prompt, if it is still to be counted.
    pub(crate) prompt: Option<Prompt>,
}

impl Spent {
    /// What it costs. None when that is not known, which is not the same as nothing.
    pub fn cost(&self) -> Option<Cost> {
        let bill = self.price.as_ref()?.charge(&metered(&self.usage))?;
        Some(Cost {
            amount: bill.total,
            estimated: bill.estimated,
        })
    }
}

/// The sum of costs; None when none of them is known, and marked when some are not.
pub fn sum<'a>(spent: impl IntoIterator<Item = &'a Spent>) -> Option<Cost> {
    let mut known: Option<Cost> = None;
    let mut unknown = false;
    for cost in spent.into_iter().map(Spent::cost) {
        match cost {
            Some(cost) => {
                let sum = known.get_or_insert_default();
                sum.amount += cost.amount;
                sum.estimated |= cost.estimated;
            }
            None => unknown = true,
        }
    }
    known.map(|cost| Cost {
        estimated: cost.estimated || unknown,
        ..cost
    })
}

/// A vendor's counts without their overlaps. Parts that add up to more than their whole are
/// believed, and the rest of the whole is nothing, never below it.
pub fn metered(usage: &Usage) -> Metered {
    let written_within = if usage.writes_within {
        usage.cache_write
    } else {
        0
    };
    let for_an_hour = usage.cache_write_1h.min(usage.cache_write);
    let parts_in = [usage.cached, written_within, usage.audio_in, usage.image_in];
    let parts_out = [usage.audio_out, usage.image_out];
    Metered {
        uncached_in: rest(usage.input, parts_in),
        cache_read: usage.cached,
        cache_write_5m: usage.cache_write - for_an_hour,
        cache_write_1h: for_an_hour,
        output: rest(usage.output, parts_out),
        reasoning: usage.reasoning,
        audio_in: usage.audio_in,
        audio_out: usage.audio_out,
        image_in: usage.image_in,
        image_out: usage.image_out,
        web_searches: usage.web_searches,
        requests: 1,
        service: service(usage.service),
        estimated: usage.estimated,
        ..Metered::default()
    }
}

fn rest<const N: usize>(whole: u64, parts: [u64; N]) -> u64 {
    parts.into_iter().fold(whole, u64::saturating_sub)
}

fn service(tier: ServiceTier) -> Service {
    match tier {
        ServiceTier::Standard => Service::Standard,
        ServiceTier::Batch => Service::Batch,
        ServiceTier::Flex => Service::Flex,
        ServiceTier::Priority => Service::Priority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(price: Option<&str>, usage: Usage) -> Spent {
        Spent {
            provider: "acme".into(),
            model: "a".into(),
            price: price.map(|list| Arc::new(list.parse().unwrap())),
            usage,
            prompt: None,
        }
    }

    #[test]
    fn case_29_more_cached_than_read_is_never_below_nothing() {
        let usage = Usage {
            input: 100,
            cached: 250,
            ..Usage::default()
        };
        let used = metered(&usage);
        assert_eq!((used.uncached_in, used.cache_read), (0, 250));
        let cost = spent(Some("in=10 cached=1"), usage).cost().unwrap();
        assert_eq!(cost.amount.to_string(), "0.00025");
    }

    #[test]
    fn case_28_what_was_cached_is_charged_as_such_and_not_twice() {
        let usage = Usage {
            input: 10_000,
            cached: 8_000,
            ..Usage::default()
        };
        let day = "2026-11-24".parse().unwrap();
        let price = catalog::Catalog::embedded().price("openai", "gpt-4o", day);
        let price = price.unwrap().to_string();
        // 2,000 at 2.5 and 8,000 at 1.25 dollars for a million.
        let cost = spent(Some(&price), usage).cost().unwrap();
        assert_eq!(cost.amount.to_string(), "0.015", "{price}");
    }

    #[test]
    fn no_token_is_charged_twice() {
        let beside = Usage {
            input: 100,
            cached: 40,
            cache_write: 30,
            cache_write_1h: 10,
            audio_in: 5,
            output: 50,
            reasoning: 20,
            audio_out: 8,
            ..Usage::default()
        };
        let used = metered(&beside);
        assert_eq!(used.uncached_in, 55);
        assert_eq!((used.cache_write_5m, used.cache_write_1h), (20, 10));
        assert_eq!((used.output, used.reasoning, used.audio_out), (42, 20, 8));
        let within = Usage {
            writes_within: true,
            ..beside
        };
        assert_eq!(metered(&within).uncached_in, 25);
    }

    #[test]
    fn c7_every_attempt_that_used_something_counts() {
        let usage = Usage {
            input: 10,
            ..Usage::default()
        };
        let (known, unknown) = (spent(Some("in=1"), usage), spent(None, usage));
        let amount = |spent: &[&Spent]| {
            let cost = sum(spent.iter().copied())?;
            Some((cost.amount.pico(), cost.estimated))
        };
        assert_eq!(amount(&[]), None);
        assert_eq!(amount(&[&unknown]), None);
        assert_eq!(amount(&[&known]), Some((10_000_000, false)));
        assert_eq!(amount(&[&known, &known]), Some((20_000_000, false)));
        assert_eq!(amount(&[&known, &unknown]), Some((10_000_000, true)));
    }
}
