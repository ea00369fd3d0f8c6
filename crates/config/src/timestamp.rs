//! Moments as RFC 3339 writes them (`2027-01-01T00:00:00Z`), to and from
//! [`SystemTime`]. Never asks what time it is.

use std::time::{Duration, SystemTime};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer};

/// The JSON Schema `format` that marks a text as a moment.
pub(crate) const FORMAT: &str = "date-time";

const DAY: u64 = 86_400;

/// Reads a moment from 1970 to 9999; `None` when the text is not one.
pub fn parse(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 {
        return None;
    }
    let shape = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if shape
        .iter()
        .any(|&(at, byte)| bytes[at].to_ascii_uppercase() != byte)
    {
        return None;
    }
    let (year, month, day) = (field(text, 0, 4)?, field(text, 5, 2)?, field(text, 8, 2)?);
    let (hour, minute, second) = (
        field(text, 11, 2)?,
        field(text, 14, 2)?,
        field(text, 17, 2)?,
    );
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    if day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = fraction(&text[19..])?;
    let local = days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    let seconds = i64::try_from(local).ok()? - offset(zone)?;
    let since = Duration::new(u64::try_from(seconds).ok()?, nanos);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

fn field(text: &str, at: usize, width: usize) -> Option<u64> {
    let digits = text.get(at..at + width)?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// The nanoseconds of `.5Z` and what follows them.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (digits, zone) = rest.split_at(end);
    let nanos = format!("{:0<9}", &digits[..digits.len().min(9)])
        .parse()
        .ok()?;
    (!digits.is_empty()).then_some((nanos, zone))
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (field(zone, 1, 2)?, field(zone, 4, 2)?);
    let fits = zone.len() == 6 && zone.as_bytes()[3] == b':' && hours < 24 && minutes < 60;
    fits.then(|| {
        i64::try_from(hours * 3600 + minutes * 60)
            .ok()
            .map(|s| sign * s)
    })?
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u64) -> u64 {
    365 + u64::from(is_leap(year))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the given day.
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let years: u64 = (1970..year).map(days_in_year).sum();
    let months: u64 = (1..month).map(|m| days_in_month(year, m)).sum();
    years + months + day - 1
}

/// Writes a moment in UTC, with a fraction only when there is one.
pub(crate) fn format(moment: SystemTime) -> String {
    let since = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let (mut days, second) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let mut year = 1970;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    let (day, hour, minute, second) = (days + 1, second / 3600, second / 60 % 60, second % 60);
    let fraction = match since.subsec_nanos() {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The schema of a moment; never a value.
pub(crate) struct Text;

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": FORMAT})
    }
}

#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
pub(crate) fn serialize<S: Serializer>(
    moment: &Option<SystemTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => to.serialize_str(&format(*moment)),
        None => to.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SystemTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    parse(&text)
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a moment")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn moments_are_read_in_every_zone() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(at(0)));
        assert_eq!(parse("2027-01-01T00:00:00Z"), Some(at(1_798_761_600)));
        assert_eq!(parse("2027-01-01t02:00:00+02:00"), Some(at(1_798_761_600)));
        assert_eq!(parse("2026-12-31T19:30:00-04:30"), Some(at(1_798_761_600)));
        assert_eq!(parse("2000-02-29T12:00:00z"), Some(at(951_825_600)));
        let half = parse("1970-01-01T00:00:00.5Z").unwrap();
        assert_eq!(half, SystemTime::UNIX_EPOCH + Duration::from_millis(500));
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for text in [
            "",
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01 00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:60:00Z",
            "2027-01-01T00:00:60Z",
            "2027-01-01T00:00:00.Z",
            "2027-01-01T00:00:00+2",
            "2027-01-01T00:00:00+02:00x",
            "2027-01-01T00:00:00+24:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "+027-01-01T00:00:00Z",
            "2027-01-01T00:00:0\u{e9}Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0..253_402_300_799u64, nanos in 0..1_000_000_000u32) {
            let moment = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&format(moment)), Some(moment));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:.+-]{0,30}|.{0,25}") {
            let _ = parse(&text);
        }
    }
}
