//! From use and a price list to a bill.

use super::{Price, Rate};
use crate::metered::Metered;
use crate::money::PicoUsd;
use crate::unit::{Service, Unit};

/// What a call costs, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// What was charged, in the order of units.
    pub lines: Vec<Line>,
    /// Their sum.
    pub total: PicoUsd,
    /// The queue whose prices were taken: the standard one where the call's own has none.
    pub service: Service,
    /// The length of prompt from which the highest price taken holds; zero when none depends on it.
    pub above: u64,
    /// Whether a count was a guess, or a price not quite the one in force.
    pub estimated: bool,
}

/// One line of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was used.
    pub unit: Unit,
    /// How much: tokens, images, thousandths of a second.
    pub quantity: u64,
    /// What it costs.
    pub amount: PicoUsd,
}

impl Bill {
    /// Adds another bill to this one, such as that of an earlier attempt of the same call.
    pub fn add(&mut self, other: Bill) {
        self.total += other.total;
        self.above = self.above.max(other.above);
        self.estimated |= other.estimated;
        self.lines.extend(other.lines);
    }
}

/// A bill being written.
struct Writer<'a> {
    price: &'a Price,
    service: Service,
    prompt: u64,
    bill: Bill,
    /// Whether every line so far has the price of the service asked for.
    in_service: bool,
    /// Whether something that comes on top has no known price.
    incomplete: bool,
}

pub(super) fn charge(price: &Price, used: &Metered) -> Option<Bill> {
    let mut writer = Writer {
        price,
        service: used.service,
        prompt: used.prompt(),
        bill: Bill::default(),
        in_service: true,
        incomplete: false,
    };
    let extras = writer.extras(used);
    let main = writer.main(used);
    // Something was used and nothing of it has a price, or only part of it.
    (main? || extras).then(|| writer.close(used))
}

impl Writer<'_> {
    /// What the call is mainly charged by. None when it has no known price, false when there was
    /// nothing of the kind.
    fn main(&mut self, used: &Metered) -> Option<bool> {
        if used.images > 0 {
            let price = self.price;
            if let Some(rate) = price.image(&used.image_kind, self.service) {
                self.line(Unit::Image, used.images, rate);
                return Some(true);
            }
        }
        let pieces = [(Unit::Search, used.searches), (Unit::Page, used.pages)];
        for (unit, quantity) in pieces {
            if quantity > 0 && self.unit(unit, quantity) {
                return Some(true);
            }
        }
        if used.has_tokens() && self.price.counts_tokens() {
            return self.tokens(used).then_some(true);
        }
        let measures = [
            (Unit::CharacterIn, used.characters),
            (Unit::SecondIn, used.millis_in),
            (Unit::SecondOut, used.millis_out),
        ];
        let priced = measures
            .into_iter()
            .filter(|(unit, quantity)| *quantity > 0 && self.unit(*unit, *quantity))
            .count();
        let nothing = used.images == 0
            && !used.has_tokens()
            && pieces.iter().all(|(_, quantity)| *quantity == 0)
            && measures.iter().all(|(_, quantity)| *quantity == 0);
        (priced > 0 || nothing).then_some(priced > 0)
    }

    /// Every count of tokens; false when one of them has no price.
    fn tokens(&mut self, used: &Metered) -> bool {
        let apart = self.price.has(Unit::Reasoning);
        let reasoning = if apart {
            used.reasoning.min(used.output)
        } else {
            0
        };
        [
            (Unit::Input, used.uncached_in),
            (Unit::Output, used.output - reasoning),
            (Unit::CacheRead, used.cache_read),
            (Unit::CacheWrite5m, used.cache_write_5m),
            (Unit::CacheWrite1h, used.cache_write_1h),
            (Unit::Reasoning, reasoning),
            (Unit::AudioIn, used.audio_in),
            (Unit::AudioCacheRead, used.audio_cache_read),
            (Unit::AudioOut, used.audio_out),
            (Unit::ImageIn, used.image_in),
            (Unit::ImageCacheRead, used.image_cache_read),
            (Unit::ImageOut, used.image_out),
        ]
        .into_iter()
        .filter(|(_, quantity)| *quantity > 0)
        .all(|(unit, quantity)| self.unit(unit, quantity))
    }

    /// What comes on top, where it is priced at all.
    fn extras(&mut self, used: &Metered) -> bool {
        let searched = used.web_searches > 0 && self.unit(Unit::WebSearch, used.web_searches);
        self.incomplete = used.web_searches > 0 && !searched;
        let asked = used.requests > 0 && self.unit(Unit::Request, used.requests);
        searched || asked
    }

    fn unit(&mut self, unit: Unit, quantity: u64) -> bool {
        let price = self.price;
        let rate = price.nearest(unit, self.service, self.prompt);
        if let Some(rate) = rate {
            self.line(unit, quantity, rate);
        }
        rate.is_some()
    }

    fn line(&mut self, unit: Unit, quantity: u64, rate: &Rate) {
        let amount = unit.charge(quantity, rate.amount);
        self.bill.lines.push(Line {
            unit,
            quantity,
            amount,
        });
        self.bill.total += amount;
        self.bill.above = self.bill.above.max(rate.above);
        // Searches and fees cost the same in every queue.
        self.in_service &= rate.service == self.service || !unit.per_million();
    }

    fn close(mut self, used: &Metered) -> Bill {
        self.bill.lines.sort_by_key(|line| line.unit);
        self.bill.service = if self.in_service {
            self.service
        } else {
            Service::Standard
        };
        self.bill.estimated = used.estimated || self.incomplete || !self.in_service;
        self.bill
    }
}

impl Price {
    /// Whether it charges for tokens at all.
    fn counts_tokens(&self) -> bool {
        const TOKENS: [Unit; 8] = [
            Unit::Input,
            Unit::Output,
            Unit::AudioIn,
            Unit::AudioOut,
            Unit::ImageIn,
            Unit::ImageOut,
            Unit::CacheRead,
            Unit::Reasoning,
        ];
        self.rates.iter().any(|rate| TOKENS.contains(&rate.unit))
    }
}
