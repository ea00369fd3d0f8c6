//! What is charged for, and what one of it costs.

use std::fmt;

use crate::decimal::{self, BadNumber};
use crate::money::PicoUsd;

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Tokens read.
    Input,
    /// Tokens written.
    Output,
    /// Tokens read from a cache.
    CacheRead,
    /// Tokens put into a cache for five minutes, or for as long as the vendor's usual cache keeps.
    CacheWrite5m,
    /// Tokens put into a cache for an hour.
    CacheWrite1h,
    /// Tokens of reasoning, where they cost other than what is written.
    Reasoning,
    /// Tokens of audio read.
    AudioIn,
    /// Tokens of audio read from a cache.
    AudioCacheRead,
    /// Tokens of audio written.
    AudioOut,
    /// Tokens of images read.
    ImageIn,
    /// Tokens of images read from a cache.
    ImageCacheRead,
    /// Tokens of images written.
    ImageOut,
    /// Characters read, such as by a voice.
    CharacterIn,
    /// Characters written.
    CharacterOut,
    /// Seconds of sound or film read.
    SecondIn,
    /// Seconds of sound or film written.
    SecondOut,
    /// Images made.
    Image,
    /// Pages read.
    Page,
    /// Searches of a rerank or search call.
    Search,
    /// Searches of the web that a model made.
    WebSearch,
    /// Calls.
    Request,
}

/// One unit's word, and how it is counted and priced.
struct Row {
    unit: Unit,
    word: &'static str,
    /// A price list gives dollars for so many: a million tokens, one image.
    priced_per: Per,
}

#[derive(Clone, Copy, PartialEq)]
enum Per {
    Million,
    One,
    /// One second; counted in thousandths.
    Second,
}

const ROWS: &[Row] = &[
    row(Unit::Input, "in", Per::Million),
    row(Unit::Output, "out", Per::Million),
    row(Unit::CacheRead, "cached", Per::Million),
    row(Unit::CacheWrite5m, "write", Per::Million),
    row(Unit::CacheWrite1h, "write1h", Per::Million),
    row(Unit::Reasoning, "reasoning", Per::Million),
    row(Unit::AudioIn, "audio-in", Per::Million),
    row(Unit::AudioCacheRead, "audio-cached", Per::Million),
    row(Unit::AudioOut, "audio-out", Per::Million),
    row(Unit::ImageIn, "image-in", Per::Million),
    row(Unit::ImageCacheRead, "image-cached", Per::Million),
    row(Unit::ImageOut, "image-out", Per::Million),
    row(Unit::CharacterIn, "char-in", Per::Million),
    row(Unit::CharacterOut, "char-out", Per::Million),
    row(Unit::SecondIn, "second-in", Per::Second),
    row(Unit::SecondOut, "second-out", Per::Second),
    row(Unit::Image, "image", Per::One),
    row(Unit::Page, "page", Per::One),
    row(Unit::Search, "search", Per::One),
    row(Unit::WebSearch, "web-search", Per::One),
    row(Unit::Request, "request", Per::One),
];

const fn row(unit: Unit, word: &'static str, priced_per: Per) -> Row {
    Row {
        unit,
        word,
        priced_per,
    }
}

impl Unit {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Unit> {
        ROWS.iter().map(|row| row.unit)
    }

    /// The unit of a word; `input` and `output` may be written in full.
    pub fn of(word: &str) -> Option<Unit> {
        let word = match word {
            "input" => "in",
            "output" => "out",
            short => short,
        };
        let row = ROWS.iter().find(|row| row.word == word);
        row.map(|row| row.unit)
    }

    fn row(self) -> &'static Row {
        // The table stands in the order of the variants; a test holds it there.
        &ROWS[self as usize]
    }

    /// Its word in the data file and in bills.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// Whether prices are given for a million of it.
    pub fn per_million(self) -> bool {
        self.row().priced_per == Per::Million
    }

    /// How many counted ones make one that is priced: sound is counted in milliseconds.
    fn counted_per_priced(self) -> u128 {
        match self.row().priced_per {
            Per::Million | Per::One => 1,
            Per::Second => 1000,
        }
    }

    /// A price as price lists give it: dollars for a million, or for one.
    pub fn amount(self, dollars: &str) -> Result<Amount, BadNumber> {
        let places = if self.per_million() { 12 } else { 18 };
        decimal::scaled(dollars, places).and_then(Amount::new)
    }

    /// The same, written.
    pub fn dollars(self, amount: Amount) -> String {
        let places = if self.per_million() { 12 } else { 18 };
        decimal::text(amount.0, places)
    }

    /// What so many cost, rounded half up to the pico-dollar.
    pub fn charge(self, quantity: u64, amount: Amount) -> PicoUsd {
        let atto = u128::from(quantity).saturating_mul(amount.0);
        let divisor = ATTO_PER_PICO * self.counted_per_priced();
        PicoUsd::from(atto.saturating_add(divisor / 2) / divisor)
    }
}

const ATTO_PER_PICO: u128 = 1_000_000;

/// What one costs, in 10⁻¹⁸ dollars: prices per million tokens have up to twelve places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u128);

impl Amount {
    /// A million dollars for one: no price is higher.
    const MAX: u128 = 1_000_000 * 1_000_000_000_000_000_000;

    fn new(atto: u128) -> Result<Amount, BadNumber> {
        if atto > Amount::MAX {
            return Err(BadNumber::TooLarge);
        }
        Ok(Amount(atto))
    }

    /// So many pico-dollars for one, which are as many millionths of a dollar for a million.
    pub fn of_pico(pico: u64) -> Amount {
        Amount((u128::from(pico) * ATTO_PER_PICO).min(Amount::MAX))
    }

    /// A part of it, rounded half up: what one second costs of a price for a minute.
    pub fn over(self, parts: u32) -> Amount {
        let parts = u128::from(parts.max(1));
        Amount((self.0 + parts / 2) / parts)
    }
}

/// The vendor's queue that a call went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The usual one.
    #[default]
    Standard,
    /// Answered within a day.
    Batch,
    /// Answered when there is room.
    Flex,
    /// Answered first.
    Priority,
}

const SERVICES: &[(Service, &str)] = &[
    (Service::Standard, "standard"),
    (Service::Batch, "batch"),
    (Service::Flex, "flex"),
    (Service::Priority, "priority"),
];

impl Service {
    /// Its word.
    pub fn word(self) -> &'static str {
        SERVICES[self as usize].1
    }

    /// The queue of a word; what vendors call `default` or `on_demand` is the usual one.
    pub fn of(word: &str) -> Option<Service> {
        if matches!(word, "default" | "on_demand" | "auto") {
            return Some(Service::Standard);
        }
        let row = SERVICES.iter().find(|row| row.1 == word);
        row.map(|row| row.0)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_stand_in_the_order_of_their_variants() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.unit as usize, at, "{}", row.word);
            assert_eq!(Unit::of(row.word), Some(row.unit));
        }
        for (at, (service, word)) in SERVICES.iter().enumerate() {
            assert_eq!(*service as usize, at, "{word}");
            assert_eq!(Service::of(word), Some(*service));
        }
    }

    #[test]
    fn a_quantity_times_a_price_is_exact_to_the_pico_dollar() {
        for (unit, dollars, quantity, pico) in [
            (Unit::Input, "2.5", 1, 2_500_000),
            (Unit::Input, "0.0028", 1, 2_800),
            (Unit::Input, "0.0000005", 1, 1),
            (Unit::Input, "0.0000004", 1, 0),
            (Unit::SecondIn, "0.0001", 1500, 150_000_000),
            (Unit::SecondIn, "0.000566666666666667", 1000, 566_666_667),
            (Unit::Image, "0.04", 3, 120_000_000_000),
            (Unit::Input, "1000000", u64::MAX, u64::MAX),
        ] {
            let amount = unit.amount(dollars).unwrap();
            assert_eq!(unit.dollars(amount), dollars);
            let charged = unit.charge(quantity, amount);
            assert_eq!(charged, PicoUsd::new(pico), "{quantity} × {dollars}");
        }
        assert_eq!(Unit::Image.amount("1e7"), Err(BadNumber::TooLarge));
    }
}
