//! Models that a vendor takes at another address and in another wire form than its others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::{Dialect, Provider};

/// Some of a vendor's models, and how they are spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Beginnings of the models' names, in lower case.
    pub prefixes: Vec<String>,
    /// The wire form of their answers and questions.
    pub dialect: Dialect,
    /// An ending taken off the API root, where it has it.
    #[serde(default)]
    pub strip: Option<String>,
    /// The path of their chats below the root.
    pub chat: String,
    /// Headers sent with their calls, besides those of the row.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Family {
    /// Whether a model is one of them, by the name that says what it is.
    pub fn holds(&self, model: &str) -> bool {
        self.prefixes.iter().any(|start| begins(model, start))
    }
}

impl Provider {
    /// The family of a model, by the name that says what it is; None for most.
    pub fn family(&self, model: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.holds(model))
    }
}

/// Whether a name begins so, in any case.
pub(crate) fn begins(name: &str, start: &str) -> bool {
    name.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_of_the_family_that_its_name_begins_with_in_any_case() {
        let row: Provider = toml::from_str(
            "id = 'a'\nbase_url = 'https://a.test/v1'\n[[families]]\nprefixes = ['claude-']\n\
             dialect = 'anthropic'\nchat = '/messages'",
        )
        .unwrap();
        for (model, is_one) in [
            ("claude-sonnet-4-6", true),
            ("Claude-prod", true),
            ("claude", false),
            ("my-claude-4", false),
            ("æøå", false),
            ("", false),
        ] {
            assert_eq!(row.family(model).is_some(), is_one, "{model}");
        }
    }
}
