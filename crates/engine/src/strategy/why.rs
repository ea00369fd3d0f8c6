//! Why a candidate stands where it does, in words for whoever asks.

use std::fmt;
use std::time::Duration;

/// Why a candidate stands where it does.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It is written there.
    Written,
    /// It was drawn with this share.
    Drawn(f64),
    /// It took so long of late.
    Took(Duration),
    /// Nobody knows how long it takes now.
    Untimed,
    /// Its turn to be tried, so that it is known how long it takes now.
    Explored,
    /// The call costs so much there, in pico-dollars.
    Costs(u128),
    /// Nobody knows what the call costs there.
    Unpriced,
    /// The rule of this number chose it.
    Rule(usize),
    /// No rule matched, and it is the first.
    NoRule,
    /// The caller is on this side of the experiment.
    Assigned,
    /// It is on another side of the experiment.
    OtherVariant,
    /// It is on no side of the experiment.
    NoVariant,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Written => f.write_str("in the order written"),
            Why::Drawn(share) => write!(f, "drawn with weight {share}"),
            Why::Took(time) => write!(f, "took {time:?} of late"),
            Why::Untimed => f.write_str("not timed of late"),
            Why::Explored => f.write_str("tried to learn how long it takes"),
            Why::Costs(pico) => write!(f, "costs about {} USD", usd(*pico)),
            Why::Unpriced => f.write_str("its price is not known"),
            Why::Rule(number) => write!(f, "chosen by rule {number}"),
            Why::NoRule => f.write_str("no rule matched, and it is the first"),
            Why::Assigned => f.write_str("the caller's variant"),
            Why::OtherVariant => f.write_str("another variant"),
            Why::NoVariant => f.write_str("not part of the experiment"),
        }
    }
}

/// Pico-dollars as dollars.
pub(crate) fn usd(pico: u128) -> String {
    const PICO: u128 = 1_000_000_000_000;
    let text = format!("{}.{:012}", pico / PICO, pico % PICO);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pico_dollars_are_written_as_dollars() {
        for (pico, text) in [
            (0, "0"),
            (1, "0.000000000001"),
            (15_000_000_000, "0.015"),
            (2_500_000_000_000, "2.5"),
            (30_000_000_000_000, "30"),
        ] {
            assert_eq!(usd(pico), text);
        }
    }
}
