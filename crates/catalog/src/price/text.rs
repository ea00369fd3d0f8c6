//! A price list as text: `in=3 out=15 in>200000=6 in@batch=1.5 image~hd:1024x1024=0.08`.
//!
//! Dollars for a million of tokens and characters, for one of everything else.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Price, Rate};
use crate::decimal::BadNumber;
use crate::unit::{Service, Unit};

/// No model has more lines; a document that says otherwise is broken.
const RATES_MAX: usize = 256;

/// Text that is not a price list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadPrice {
    /// No `=` in it.
    #[error("`{0}` is not a price such as in=2.5")]
    NoAmount(String),
    /// An unknown unit.
    #[error("`{0}` is not a unit of prices such as in, out, cached, image")]
    Unit(String),
    /// An unknown queue.
    #[error("`{0}` is not a service tier, expected standard, batch, flex or priority")]
    Service(String),
    /// Not a number of tokens.
    #[error("`{0}` is not a number of tokens")]
    Above(String),
    /// Not an amount.
    #[error("`{text}` is {why}")]
    Amount {
        /// What was written.
        text: String,
        /// Why it is none.
        why: BadNumber,
    },
    /// Too many lines.
    #[error("more than {RATES_MAX} prices for one model")]
    TooMany,
}

impl FromStr for Price {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Price, BadPrice> {
        let mut price = Price::default();
        for word in text.split_ascii_whitespace() {
            if price.rates.len() == RATES_MAX {
                return Err(BadPrice::TooMany);
            }
            price.set(read(word)?);
        }
        Ok(price)
    }
}

fn read(word: &str) -> Result<Rate, BadPrice> {
    let (key, dollars) = word
        .rsplit_once('=')
        .ok_or_else(|| BadPrice::NoAmount(word.to_owned()))?;
    let (key, variant) = key.split_once('~').unwrap_or((key, ""));
    let (key, above) = match key.split_once('>') {
        Some((key, above)) => {
            let tokens = above.parse();
            (key, tokens.map_err(|_| BadPrice::Above(above.to_owned()))?)
        }
        None => (key, 0),
    };
    let (unit, service) = match key.split_once('@') {
        Some((unit, word)) => {
            let service = Service::of(word).ok_or_else(|| BadPrice::Service(word.to_owned()))?;
            (unit, service)
        }
        None => (key, Service::Standard),
    };
    let unit = Unit::of(unit).ok_or_else(|| BadPrice::Unit(unit.to_owned()))?;
    let amount = unit.amount(dollars).map_err(|why| BadPrice::Amount {
        text: dollars.to_owned(),
        why,
    })?;
    Ok(Rate {
        unit,
        service,
        above,
        variant: variant.into(),
        amount,
    })
}

pub(super) fn write(rates: &[Rate], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, rate) in rates.iter().enumerate() {
        if at > 0 {
            f.write_str(" ")?;
        }
        f.write_str(rate.unit.word())?;
        if rate.service != Service::Standard {
            write!(f, "@{}", rate.service)?;
        }
        if rate.above > 0 {
            write!(f, ">{}", rate.above)?;
        }
        if !rate.variant.is_empty() {
            write!(f, "~{}", rate.variant)?;
        }
        write!(f, "={}", rate.unit.dollars(rate.amount))?;
    }
    Ok(())
}
