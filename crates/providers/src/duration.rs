//! Lengths of time in rows: `10s`, `2m`, `1h30m`, `250ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Units, and how many milliseconds each has. `ms` stands before `m`: the first that fits is taken.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

fn parse(text: &str) -> Option<Duration> {
    let mut millis = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let (unit, scale) = UNITS
            .into_iter()
            .find(|(unit, _)| after.starts_with(unit))?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(scale)?)?;
        rest = &after[unit.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

fn format(length: Duration) -> String {
    let millis = length.as_millis();
    if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    }
}

fn read<'de, D: Deserializer<'de>>(text: &str) -> Result<Duration, D::Error> {
    parse(text).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a length of time such as 10s, 2m, 1h30m or 250ms"
        ))
    })
}

pub(crate) fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format(*length))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    read::<D>(&String::deserialize(from)?)
}

/// The same for a bound that may be absent.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer, format, read};

    #[expect(
        clippy::ref_option,
        reason = "serde hands over a reference to the field"
    )]
    pub(crate) fn serialize<S: Serializer>(
        length: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => to.serialize_str(&format(*length)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| read::<D>(&text))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_their_units() {
        for (text, millis) in [
            ("10s", Some(10_000)),
            ("2m", Some(120_000)),
            ("1h30m", Some(5_400_000)),
            ("250ms", Some(250)),
            ("1m1ms", Some(60_001)),
            ("10", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [0, 1, 999, 1000, 90_000, 3_600_001] {
            let length = Duration::from_millis(millis);
            assert_eq!(parse(&format(length)), Some(length));
        }
    }
}
