//! A day of the calendar, for when a price holds and when a model goes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A day, in the proleptic Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    of_month: u8,
}

/// Text that is not a day.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a day such as 2026-11-24")]
pub struct BadDay(String);

const SECONDS_A_DAY: u64 = 86_400;
/// Days from the first of March of the year 0 to the epoch.
const EPOCH: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

impl Default for Day {
    /// Before anything was known.
    fn default() -> Day {
        Day::of_unix(0)
    }
}

impl Day {
    /// The day of a time in seconds since the epoch.
    pub fn of_unix(seconds: u64) -> Day {
        // Years are counted from March, so that the leap day is the last.
        let days = seconds / SECONDS_A_DAY + EPOCH;
        let (era, of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = era * 400 + year + u64::from(month <= 2);
        Day {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(12),
            of_month: u8::try_from(day).unwrap_or(31),
        }
    }
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Day, BadDay> {
        let bad = || BadDay(text.chars().take(40).collect());
        let mut parts = text.splitn(3, '-');
        let mut part = |width: usize| {
            let part = parts.next().filter(|part| part.len() == width);
            let digits = part.filter(|part| part.bytes().all(|digit| digit.is_ascii_digit()));
            digits.and_then(|part| part.parse::<u16>().ok())
        };
        let (year, month, day) = (part(4), part(2), part(2));
        let year = year.ok_or_else(bad)?;
        let month = month.filter(|month| (1..=12).contains(month));
        let day = day.filter(|day| (1..=31).contains(day));
        let (Some(month), Some(day)) = (month, day) else {
            return Err(bad());
        };
        Ok(Day {
            year,
            month: u8::try_from(month).map_err(|_| bad())?,
            of_month: u8::try_from(day).map_err(|_| bad())?,
        })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.of_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_on_its_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_767_225_599, "2025-12-31"),
            (1_795_478_400, "2026-11-24"),
        ] {
            assert_eq!(Day::of_unix(seconds).to_string(), day);
        }
    }

    #[test]
    fn what_is_no_day_is_said() {
        assert_eq!(
            "2026-11-24".parse::<Day>().unwrap().to_string(),
            "2026-11-24"
        );
        for text in [
            "",
            "2026-1-24",
            "2026-13-01",
            "2026-00-01",
            "2026-01-32",
            "+026-01-01",
        ] {
            let message = format!("`{text}` is not a day such as 2026-11-24");
            assert_eq!(text.parse::<Day>().unwrap_err().to_string(), message);
        }
    }
}
