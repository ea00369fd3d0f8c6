//! Reasoning effort in words and in tokens.

/// How hard a model shall think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as it can.
    Max,
}

/// What an effort is called, and the tokens that it is worth where only tokens are understood.
static ROWS: [(Effort, &str, u64); 7] = [
    (Effort::None, "none", 0),
    (Effort::Minimal, "minimal", 1024),
    (Effort::Low, "low", 1024),
    (Effort::Medium, "medium", 2048),
    (Effort::High, "high", 4096),
    (Effort::XHigh, "xhigh", 8192),
    (Effort::Max, "max", 16384),
];

impl Effort {
    /// The effort of that name.
    pub fn of(word: &str) -> Option<Effort> {
        ROWS.iter()
            .find(|(_, name, _)| *name == word)
            .map(|(effort, ..)| *effort)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        ROWS[self as usize].1
    }

    /// Its worth in tokens.
    pub fn budget(self) -> u64 {
        ROWS[self as usize].2
    }

    /// The effort that a budget is worth.
    pub fn of_budget(tokens: u64) -> Effort {
        match tokens {
            0 => Effort::None,
            1..=1024 => Effort::Low,
            1025..=2048 => Effort::Medium,
            2049..=4096 => Effort::High,
            4097..=8192 => Effort::XHigh,
            _ => Effort::Max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_number() {
        for (number, (effort, word, _)) in ROWS.iter().enumerate() {
            assert_eq!(*effort as usize, number);
            assert_eq!(Effort::of(word), Some(*effort));
        }
        assert_eq!(Effort::of("lots"), None);
        assert_eq!(Effort::of_budget(Effort::High.budget()), Effort::High);
    }
}
