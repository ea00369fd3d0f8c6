//! One model of one vendor: a row of a table, read in place.

use crate::capability::Capabilities;
use crate::day::Day;
use crate::lifecycle::Lifecycle;
use crate::mode::{Mode, Modes};
use crate::price::Price;
use crate::unit::Unit;

/// A row. Nothing of it is copied; its prices are read when asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model<'a> {
    /// The vendor's row.
    pub provider: &'a str,
    /// Its name there.
    pub id: &'a str,
    /// What it serves.
    pub modes: Modes,
    /// How many tokens it reads at most, if known.
    pub context: Option<u64>,
    /// How many it writes at most, if known.
    pub output: Option<u64>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle<'a>,
    /// When what is said here was last compared with its source.
    pub date: Day,
    /// The source's short name; `Catalog::source` has the whole.
    pub(crate) source: &'a str,
    /// Its price lists, each with the day from which it holds, split by tabs.
    pub(crate) prices: &'a str,
}

/// What parts the fields of a row; the last is open-ended.
pub(crate) const FIELDS: usize = 8;

impl<'a> Model<'a> {
    /// Reads a row; None when it is not one.
    pub(crate) fn read(line: &'a str) -> Option<Model<'a>> {
        let mut fields = line.splitn(FIELDS, '\t');
        let mut next = || fields.next();
        let (provider, id) = (next()?, next()?);
        let modes = Modes::read(next()?)?;
        let (context, output) = next()?.split_once('/')?;
        let capabilities = Capabilities::read(next()?)?;
        let lifecycle = Lifecycle::read(next()?)?;
        let (source, date) = next()?.split_once('@')?;
        let prices = next().unwrap_or_default();
        if provider.is_empty() || id.is_empty() {
            return None;
        }
        Some(Model {
            provider,
            id,
            modes,
            context: limit(context).ok()?,
            output: limit(output).ok()?,
            capabilities,
            lifecycle,
            date: date.parse().ok()?,
            source,
            prices,
        })
    }

    /// Its price lists in the order of days, each with the day from which it holds.
    pub fn prices(&self) -> impl Iterator<Item = (Option<Day>, &'a str)> + use<'a> {
        let lists = self.prices.split('\t').filter(|list| !list.is_empty());
        lists.map(|list| {
            let (first, rest) = list.split_once(' ').unwrap_or((list, ""));
            match first.parse() {
                Ok(day) => (Some(day), rest),
                Err(_) => (None, list),
            }
        })
    }

    /// The price list in force on a day, if any is known; the first also before its day.
    pub fn price(&self, today: Day) -> Option<Price> {
        let begun = |(from, _): &(Option<Day>, &str)| from.is_none_or(|from| from <= today);
        let (_, list) = self
            .prices()
            .filter(begun)
            .last()
            .or(self.prices().next())?;
        list.parse().ok().filter(|price: &Price| !price.is_empty())
    }

    /// Whether the price list in force has what calls of its main kind are charged by.
    pub fn is_priced(&self, today: Day) -> bool {
        let Some(price) = self.price(today) else {
            return false;
        };
        let any = |units: &[Unit]| units.iter().any(|unit| price.has(*unit));
        match self.modes.main() {
            Mode::Image | Mode::ImageEdit => any(&[Unit::Image, Unit::ImageOut, Unit::Output]),
            Mode::Transcription => any(&[Unit::SecondIn, Unit::AudioIn, Unit::Input]),
            Mode::Speech => any(&[
                Unit::CharacterIn,
                Unit::AudioOut,
                Unit::SecondOut,
                Unit::Output,
                Unit::Request,
            ]),
            Mode::Rerank | Mode::Search => any(&[Unit::Search, Unit::Request, Unit::Input]),
            Mode::Video => any(&[Unit::SecondOut, Unit::Request, Unit::Output]),
            Mode::Ocr => any(&[Unit::Page, Unit::Input]),
            _ => any(&[Unit::Input, Unit::Request, Unit::SecondIn, Unit::SecondOut]),
        }
    }
}

/// A limit; empty when not known.
fn limit(text: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    match text {
        "" => Ok(None),
        number => number.parse().map(Some),
    }
}

/// A row that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vendor's row.
    pub provider: String,
    /// The model's name there.
    pub id: String,
    /// What it serves.
    pub modes: Modes,
    /// How many tokens it reads at most.
    pub context: Option<u64>,
    /// How many it writes at most.
    pub output: Option<u64>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether it is a preview.
    pub preview: bool,
    /// Whether its vendor advises against it.
    pub deprecated: bool,
    /// The day from which it is not served.
    pub retires: Option<Day>,
    /// What its vendor names in its place.
    pub successor: Option<String>,
    /// Where what is said here comes from: an address, or a package and its version.
    pub source: String,
    /// When it was last compared with that.
    pub date: Day,
    /// Its price lists, each with the day from which it holds, in that order.
    pub prices: Vec<(Option<Day>, Price)>,
}

impl Entry {
    /// A row of which nothing is known but its name and kind.
    pub fn new(provider: &str, id: &str, modes: Modes) -> Entry {
        Entry {
            provider: provider.to_owned(),
            id: id.to_owned(),
            modes,
            context: None,
            output: None,
            capabilities: Capabilities::default(),
            preview: false,
            deprecated: false,
            retires: None,
            successor: None,
            source: String::new(),
            date: Day::default(),
            prices: Vec::new(),
        }
    }

    /// A row like one that there is; `source` is its source in full.
    pub fn like(model: &Model<'_>, source: &str) -> Entry {
        let life = model.lifecycle;
        let list = |(from, list): (Option<Day>, &str)| Some((from, list.parse().ok()?));
        Entry {
            context: model.context,
            output: model.output,
            capabilities: model.capabilities,
            preview: life.preview,
            deprecated: life.deprecated,
            retires: life.retires,
            successor: life.successor.map(str::to_owned),
            source: source.to_owned(),
            date: model.date,
            prices: model.prices().filter_map(list).collect(),
            ..Entry::new(model.provider, model.id, model.modes)
        }
    }

    /// The row, with the short name of its source.
    pub(crate) fn line(&self, source: &str) -> String {
        let limit = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        let stage = Lifecycle {
            preview: self.preview,
            deprecated: self.deprecated,
            retires: self.retires,
            successor: self.successor.as_deref(),
        };
        let mut line = [
            self.provider.clone(),
            self.id.clone(),
            self.modes.text(),
            format!("{}/{}", limit(self.context), limit(self.output)),
            self.capabilities.text(),
            stage.text(),
            format!("{source}@{}", self.date),
        ]
        .join("\t");
        for (from, price) in &self.prices {
            line.push('\t');
            if let Some(from) = from {
                line.extend([&from.to_string(), " "]);
            }
            line.push_str(&price.to_string());
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "acme\ta-1\tchat+responses\t200000/64000\tvfR\t2027-01-01>a-2\tsrc@2026-11-24\
                        \tin=3 out=15\t2026-12-01 in=2 out=10";

    #[test]
    fn a_row_is_read_as_it_is_written() {
        let model = Model::read(LINE).unwrap();
        assert_eq!((model.provider, model.id), ("acme", "a-1"));
        assert_eq!(model.modes.main(), Mode::Chat);
        assert_eq!((model.context, model.output), (Some(200_000), Some(64_000)));
        assert_eq!(model.lifecycle.successor, Some("a-2"));
        assert_eq!(Entry::like(&model, "whole").line("src"), LINE);
        let bare = "acme\ta\tchat\t/\t\t\tsrc@2026-11-24";
        assert_eq!(
            Entry::like(&Model::read(bare).unwrap(), "").line("src"),
            bare
        );
    }

    #[test]
    fn a_price_holds_from_its_day() {
        let model = Model::read(LINE).unwrap();
        let on = |day: &str| model.price(day.parse().unwrap()).unwrap().to_string();
        assert_eq!(on("2026-11-30"), "in=3 out=15");
        assert_eq!(on("2026-12-01"), "in=2 out=10");
        // A clock that is wrong does not make a model free.
        let later = "acme\ta\tchat\t/\t\t\ts@2026-11-24\t2026-12-01 in=2";
        let price = Model::read(later).unwrap().price(Day::default()).unwrap();
        assert_eq!(price.to_string(), "in=2");
    }

    #[test]
    fn what_is_no_row_is_not_read() {
        for line in [
            "",
            "acme\ta",
            "\ta\tchat\t/\t\t\ts@2026-11-24",
            "acme\ta\tdance\t/\t\t\ts@2026-11-24",
            "acme\ta\tchat\tmany/\t\t\ts@2026-11-24",
            "acme\ta\tchat\t/\t?\t\ts@2026-11-24",
            "acme\ta\tchat\t/\t\t\ts",
        ] {
            assert_eq!(Model::read(line), None, "{line:?}");
        }
    }
}
