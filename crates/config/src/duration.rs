//! Lengths of time as Go writes them: `1h2m3.5s`, `100ms`, `1.5h`.
//!
//! A number without a unit is never guessed at: whether `30` means seconds or
//! milliseconds is exactly what goes wrong in the night.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer};

/// The JSON Schema `format` that marks a text as a duration.
pub(crate) const FORMAT: &str = "go-duration";

/// What is wrong with a text that should have been a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// A number alone, such as `30`.
    #[error("`{text}` has no unit")]
    NoUnit {
        /// What was written.
        text: String,
    },
    /// A unit that does not exist, such as `d`.
    #[error("`{unit}` is not a unit of time (accepted: ns, us, ms, s, m, h)")]
    UnknownUnit {
        /// What stands where a unit should.
        unit: String,
    },
    /// Less than nothing.
    #[error("`{text}` is negative")]
    Negative {
        /// What was written.
        text: String,
    },
    /// More than 292 years.
    #[error("`{text}` is too long")]
    TooLong {
        /// What was written.
        text: String,
    },
    /// Anything else.
    #[error("`{text}` is not a duration such as 30s, 1h30m or 100ms")]
    Malformed {
        /// What was written.
        text: String,
    },
}

impl DurationError {
    /// What to write instead, when that can be told.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoUnit { text } => Some(format!("write {text}s")),
            Self::UnknownUnit { unit } if unit == "d" => Some("write days in hours, 24h".into()),
            _ => None,
        }
    }
}

/// The longest length of time there is, as in Go: 2^63 - 1 nanoseconds.
const LONGEST: u128 = i64::MAX as u128;
/// Digits of a fraction that can still matter; further ones are read and ignored.
const FRACTION_DIGITS: usize = 18;

/// Reads a duration.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let own = || text.to_owned();
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Some(rest) = text.strip_prefix('-') {
        return match parse_duration(rest) {
            Ok(length) if length.is_zero() => Ok(length),
            Ok(_) => Err(DurationError::Negative { text: own() }),
            Err(_) => Err(DurationError::Malformed { text: own() }),
        };
    }
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(DurationError::Malformed { text: own() });
    }
    let mut rest = unsigned;
    let mut total = 0u128;
    while !rest.is_empty() {
        let (amount, after) = part(text, rest)?;
        total = total.saturating_add(amount);
        rest = after;
    }
    u64::try_from(total)
        .ok()
        .filter(|_| total <= LONGEST)
        .map(Duration::from_nanos)
        .ok_or_else(|| DurationError::TooLong { text: own() })
}

/// One number with its unit, in nanoseconds, and what follows it.
fn part<'a>(text: &str, rest: &'a str) -> Result<(u128, &'a str), DurationError> {
    let malformed = || DurationError::Malformed {
        text: text.to_owned(),
    };
    let (whole, rest) = digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(malformed());
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at(end);
    let scale = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => {
            return Err(DurationError::NoUnit {
                text: text.to_owned(),
            });
        }
        _ if unit.chars().all(char::is_alphabetic) => {
            return Err(DurationError::UnknownUnit {
                unit: unit.to_owned(),
            });
        }
        _ => return Err(malformed()),
    };
    let fraction = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    let below = decimal(fraction) * scale / 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    Ok((
        decimal(whole).saturating_mul(scale).saturating_add(below),
        after,
    ))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn decimal(digits: &str) -> u128 {
    digits.bytes().fold(0u128, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u128::from(digit - b'0'))
    })
}

/// Writes a duration in its shortest form: `2m`, `1h30m`, `1.5s`, `0s`.
pub fn format_duration(length: Duration) -> String {
    const SECOND: u128 = 1_000_000_000;
    let nanos = length.as_nanos();
    match nanos {
        0 => return "0s".into(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => return number(nanos, 1_000) + "us",
        1_000_000..SECOND => return number(nanos, 1_000_000) + "ms",
        _ => {}
    }
    let hours = Some(nanos / (3600 * SECOND)).filter(|&n| n > 0);
    let minutes = Some(nanos / (60 * SECOND) % 60).filter(|&n| n > 0);
    let seconds = Some(nanos % (60 * SECOND)).filter(|&n| n > 0);
    [
        hours.map(|n| format!("{n}h")),
        minutes.map(|n| format!("{n}m")),
        seconds.map(|n| number(n, SECOND) + "s"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `nanos / scale` without the noughts at the end of its fraction.
fn number(nanos: u128, scale: u128) -> String {
    let (whole, below) = (nanos / scale, nanos % scale);
    if below == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{below:0width$}")
        .trim_end_matches('0')
        .to_owned()
}

/// The schema of a duration; never a value.
pub(crate) struct Text;

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^\\+?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+)$",
        })
    }
}

pub(crate) fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_duration(*length))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

/// The same for a setting that may be left out.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer, parse_duration};

    #[expect(
        clippy::ref_option,
        reason = "serde hands over a reference to the field"
    )]
    pub(crate) fn serialize<S: Serializer>(
        length: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => super::serialize(length, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| parse_duration(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("100ms", 100_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("1.0000000000000000000000001s", 1_000_000_000),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_nanos(nanos)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bad_duration_says_what_is_wrong_and_what_to_write() {
        for (text, message, hint) in [
            ("30", "`30` has no unit", Some("write 30s")),
            ("1.5", "`1.5` has no unit", Some("write 1.5s")),
            ("1h30", "`1h30` has no unit", Some("write 1h30s")),
            ("-5s", "`-5s` is negative", None),
            ("2d", "`d` is not a unit", Some("write days in hours, 24h")),
            ("2 s", "`2 s` is not a duration", None),
            ("", "`` is not a duration", None),
            (".s", "`.s` is not a duration", None),
            ("s", "`s` is not a duration", None),
            ("--5s", "`--5s` is not a duration", None),
            ("+-5s", "`+-5s` is not a duration", None),
            ("9223372036854775808ns", "is too long", None),
            (
                "999999999999999999999999999999999999999999h",
                "is too long",
                None,
            ),
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert_eq!(error.hint().as_deref(), hint, "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_in_its_shortest_form() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5us"),
            (100_000_000, "100ms"),
            (1_000_000_000, "1s"),
            (1_500_000_000, "1.5s"),
            (120_000_000_000, "2m"),
            (5_400_000_000_000, "1h30m"),
            (3_600_000_000_001, "1h0.000000001s"),
        ] {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0..=i64::MAX.unsigned_abs()) {
            let length = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(length)), Ok(length));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9.+\\-smhun\u{b5} ]{0,12}|.{0,8}") {
            if let Ok(length) = parse_duration(&text) {
                prop_assert_eq!(parse_duration(&format_duration(length)), Ok(length));
            }
        }
    }
}
