//! Reading the values of settings: durations, byte counts, numbers and the
//! percent escapes of the compact form. Every value has an upper bound.

use std::{str::FromStr, time::Duration};

const LONGEST: Duration = Duration::from_hours(1);
const LARGEST: u64 = 1 << 30;

/// `20ms`, `2s`, `150us`; a bare number counts milliseconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = split_unit(text);
    let count: f64 = number(digits)?;
    let seconds = match unit {
        "us" => count / 1e6,
        "" | "ms" => count / 1e3,
        "s" => count,
        _ => return Err(format!("unit {unit:?} is none of us, ms, s")),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    if duration > LONGEST {
        return Err(format!("{text} is longer than an hour"));
    }
    Ok(duration)
}

/// `1000`, `64k`, `2m`: bytes, KiB, MiB.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = split_unit(text);
    let count: u64 = number(digits)?;
    let factor = match unit {
        "" | "b" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        _ => return Err(format!("unit {unit:?} is none of b, k, m")),
    };
    count
        .checked_mul(factor)
        .filter(|bytes| *bytes <= LARGEST)
        .ok_or_else(|| format!("{text} is more than {LARGEST} bytes"))
}

pub(crate) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number in range"))
}

/// A number of at most `limit`.
pub(crate) fn bounded(text: &str, limit: u32) -> Result<u32, String> {
    match number(text)? {
        n if n <= limit => Ok(n),
        n => Err(format!("{n} is more than {limit}")),
    }
}

/// A switch: present, `true` or `1` is on; `false` or `0` is off.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// Undoes `%3B` and its like; a `%` that starts no escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| hex_pair(tail)).flatten();
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_pair(tail: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_a_bound() {
        for (text, micros) in [
            ("20ms", 20_000),
            ("20", 20_000),
            ("150us", 150),
            ("1.5s", 1_500_000),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "ms", "-1s", "2h", "3601s", "1e400"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn byte_counts_have_units_and_a_bound() {
        assert_eq!(bytes("64k"), Ok(65_536));
        assert_eq!(bytes("2m"), Ok(2 << 20));
        assert_eq!(bytes("7"), Ok(7));
        for text in ["", "1g", "2048m", "-1", "99999999999999999999"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_and_stray_percents_stay() {
        assert_eq!(unescape("a%3Bb"), "a;b");
        assert_eq!(unescape("100% %zz %4"), "100% %zz %4");
    }
}
