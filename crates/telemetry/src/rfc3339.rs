//! Instants as text, `2026-08-01T12:34:56.123456789Z`, without a calendar library.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::line::padded;

/// The last second that four digits of year can say.
const LAST_SECOND: u64 = 253_402_300_799;

/// Writes an instant in UTC with nanoseconds; outside the years 1970 to 9999, the nearer end.
pub(crate) fn write(out: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs().min(LAST_SECOND);
    let (year, month, day) = date(seconds / 86_400);
    let second = seconds % 86_400;
    for (value, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3_600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (u64::from(since.subsec_nanos()), 9, b'Z'),
    ] {
        padded(out, value, width);
        out.push(after);
    }
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Years here begin in March, so that a leap day is the last of its year, and
/// come in cycles of 400 with the same number of days.
fn date(days: u64) -> (u64, u64, u64) {
    const CYCLE: u64 = 146_097;
    const MARCH_OF_YEAR_0: u64 = 719_468;
    let days = days + MARCH_OF_YEAR_0;
    let in_cycle = days % CYCLE;
    let year_of_cycle =
        (in_cycle - in_cycle / 1_460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    // March to July and August to December are the same 153 days.
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = days / CYCLE * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(time: SystemTime) -> String {
        let mut out = Vec::new();
        write(&mut out, time);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_instants_are_written() {
        for (seconds, nanos, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, 999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_868_799, 0, "2000-02-29T23:59:59.000000000Z"),
            (1_000_000_000, 7, "2001-09-09T01:46:40.000000007Z"),
            (1_785_587_696, 123_456_789, "2026-08-01T12:34:56.123456789Z"),
            (LAST_SECOND, 0, "9999-12-31T23:59:59.000000000Z"),
            (LAST_SECOND + 1, 0, "9999-12-31T23:59:59.000000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, nanos);
            assert_eq!(text(time), expected);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(text(before), "1970-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = (1970, 1, 1);
        for day in 0..=LAST_SECOND / 86_400 {
            assert_eq!(date(day), expected);
            expected = day_after(expected);
        }
    }

    fn day_after((year, month, day): (u64, u64, u64)) -> (u64, u64, u64) {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            (_, day) if day == length => (year, month + 1, 1),
            _ => (year, month, day + 1),
        }
    }
}
