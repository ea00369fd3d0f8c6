//! Which models a vendor is taken to serve when nobody said so in the config.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a row says about model names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// Beginnings of the vendor's own model names, in any case. A final `#` stands for one digit,
    /// so that `o#` is `o3` but not `orca`.
    pub prefixes: Vec<String>,
    /// The vendor may be tried with a model that no other vendor owns.
    pub open: bool,
    /// Model names are the operator's own deployments: only the configured ones exist.
    pub deployments: bool,
}

/// How a vendor stands to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// Not served, unless the operator lists it.
    No,
    /// May be tried when nobody owns the model.
    Open,
    /// Its own model.
    Owns,
}

impl Claims {
    /// How the vendor stands to `model`.
    pub fn claim(&self, model: &str) -> Claim {
        if self.deployments {
            Claim::No
        } else if self.prefixes.iter().any(|prefix| starts(model, prefix)) {
            Claim::Owns
        } else if self.open && !model.trim().is_empty() {
            Claim::Open
        } else {
            Claim::No
        }
    }
}

fn starts(model: &str, prefix: &str) -> bool {
    let (word, digit) = match prefix.strip_suffix('#') {
        Some(word) => (word, true),
        None => (prefix, false),
    };
    let Some((head, rest)) = model.split_at_checked(word.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(word) && (!digit || rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(prefixes: &[&str], open: bool, deployments: bool) -> Claims {
        Claims {
            prefixes: prefixes.iter().map(|&p| p.to_owned()).collect(),
            open,
            deployments,
        }
    }

    #[test]
    fn prefixes_own_in_any_case_and_the_rest_is_open_or_not() {
        let closed = claims(&["gpt-", "o#"], false, false);
        for (model, claim) in [
            ("gpt-5.2", Claim::Owns),
            ("GPT-4o", Claim::Owns),
            ("gpt", Claim::No),
            ("o3-mini", Claim::Owns),
            ("o", Claim::No),
            ("orca", Claim::No),
            ("é", Claim::No),
            ("", Claim::No),
        ] {
            assert_eq!(closed.claim(model), claim, "{model}");
        }
        let open = claims(&["grok"], true, false);
        assert_eq!(open.claim("Grok-4"), Claim::Owns);
        assert_eq!(open.claim("llama"), Claim::Open);
        assert_eq!(open.claim(" "), Claim::No);
    }

    /// Row 22: what is served by deployment name is never claimed by model name.
    #[test]
    fn row_22_deployments_claim_nothing_by_themselves() {
        assert_eq!(claims(&["gpt-"], true, true).claim("gpt-4o"), Claim::No);
    }
}
