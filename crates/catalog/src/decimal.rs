//! Decimal numbers as text, read and written exactly.

use thiserror::Error;

/// A number that cannot be read or held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadNumber {
    /// Not a decimal number.
    #[error("not a decimal number such as 0.25 or 2.5e-7")]
    Malformed,
    /// Below zero.
    #[error("below zero; a price is zero or more")]
    Negative,
    /// More than can be held.
    #[error("too large")]
    TooLarge,
}

/// No exponent beyond it means anything for money, and it bounds the work.
const EXPONENT_MAX: i32 = 40;
/// No number of a price list has more digits.
const DIGITS_MAX: usize = 60;

/// The number times ten to the power of `places`, rounded half up to a whole.
pub(crate) fn scaled(text: &str, places: i32) -> Result<u128, BadNumber> {
    let text = text.trim();
    if let Some(magnitude) = text.strip_prefix('-') {
        return match scaled(magnitude, places)? {
            0 => Ok(0),
            _ => Err(BadNumber::Negative),
        };
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let count = whole.len() + fraction.len();
    if count == 0 || count > DIGITS_MAX || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(BadNumber::Malformed);
    }
    // So many of the digits stand left of the point once the number is scaled.
    let kept = i32::try_from(whole.len()).unwrap_or(i32::MAX) + exponent + places;
    let mut value: u128 = 0;
    for at in 0..kept.max(0) {
        let digit = usize::try_from(at).ok().and_then(|at| digits().nth(at));
        value = push(value, digit.unwrap_or(b'0'))?;
    }
    let next = usize::try_from(kept).ok().and_then(|at| digits().nth(at));
    let up = u128::from(next.is_some_and(|digit| digit >= b'5'));
    value.checked_add(up).ok_or(BadNumber::TooLarge)
}

fn read_exponent(text: &str) -> Result<i32, BadNumber> {
    let exponent: i32 = text.parse().map_err(|_| BadNumber::Malformed)?;
    if exponent.abs() > EXPONENT_MAX {
        return Err(BadNumber::TooLarge);
    }
    Ok(exponent)
}

fn push(value: u128, digit: u8) -> Result<u128, BadNumber> {
    let shifted = value.checked_mul(10);
    let sum = shifted.and_then(|value| value.checked_add(u128::from(digit - b'0')));
    sum.ok_or(BadNumber::TooLarge)
}

/// The number divided by ten to the power of `places`, without needless zeros.
pub(crate) fn text(value: u128, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_rounded_half_up() {
        for (number, places, expected) in [
            ("3", 12, Ok(3_000_000_000_000)),
            ("0.25", 12, Ok(250_000_000_000)),
            (".5", 1, Ok(5)),
            ("2.5e-07", 12, Ok(250_000)),
            ("8.39233e-08", 12, Ok(83_923)),
            ("8.39235e-08", 12, Ok(83_924)),
            ("1E3", 0, Ok(1000)),
            ("0.4", 0, Ok(0)),
            ("0.5", 0, Ok(1)),
            ("0.05", 0, Ok(0)),
            ("1e-30", 12, Ok(0)),
            ("-0", 3, Ok(0)),
            ("-1", 3, Err(BadNumber::Negative)),
            ("", 3, Err(BadNumber::Malformed)),
            (".", 3, Err(BadNumber::Malformed)),
            ("1.2.3", 3, Err(BadNumber::Malformed)),
            ("$1", 3, Err(BadNumber::Malformed)),
            ("1e999", 3, Err(BadNumber::TooLarge)),
            ("1e39", 3, Err(BadNumber::TooLarge)),
        ] {
            assert_eq!(scaled(number, places), expected, "{number} at {places}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in 0..u128::from(u64::MAX), places in 0_usize..18) {
            let written = text(value, places);
            prop_assert_eq!(scaled(&written, i32::try_from(places).unwrap()), Ok(value));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}", places in 0..20_i32) {
            let _ = scaled(&text, places);
        }
    }
}
