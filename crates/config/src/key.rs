//! API keys that the gateway accepts. A file holds their hashes only, so that
//! reading it lets nobody in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::timestamp;

/// One API key: who it is, what it may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "sha256"]))]
pub struct Key {
    /// Who the key belongs to, as it stands in logs and metrics; unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// SHA-256 of the key, in hexadecimal; unique.
    pub sha256: KeyHash,
    /// What the key may be used for.
    #[schemars(length(min = 1))]
    pub scopes: Vec<Scope>,
    /// The only models the key may call; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
    /// When the key stops working (RFC 3339); never when left out.
    #[serde(with = "timestamp", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<timestamp::Text>")]
    pub expires_at: Option<SystemTime>,
    /// Switches the key off without forgetting it.
    pub disabled: bool,
    /// What else is known of the key's owner, such as a team; routes may ask for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            name: String::new(),
            sha256: KeyHash([0; 32]),
            scopes: vec![Scope::Inference],
            models: None,
            expires_at: None,
            disabled: false,
            metadata: BTreeMap::new(),
        }
    }
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything, changes of the configuration included.
    Admin,
    /// Looking at the state of the gateway.
    ReadOnly,
    /// Calling models.
    Inference,
}

/// The SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

/// The JSON Schema `format` of a [`KeyHash`].
pub(crate) const FORMAT: &str = "sha256";

/// What is wrong with a text that should have been a hash. Never quotes it: it may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyHashError {
    /// The key itself was written.
    #[error("this is a key, not its hash")]
    IsKey,
    /// Something else.
    #[error("not a SHA-256: expected 64 hexadecimal digits, found {found} characters")]
    NotHex {
        /// How many characters there are.
        found: usize,
    },
}

impl FromStr for KeyHash {
    type Err = KeyHashError;

    fn from_str(text: &str) -> Result<Self, KeyHashError> {
        if text.starts_with("fgw_") {
            return Err(KeyHashError::IsKey);
        }
        let wrong = KeyHashError::NotHex {
            found: text.chars().count(),
        };
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(wrong)?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(KeyHash(hash))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for KeyHash {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyHash".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9a-fA-F]{64}$",
            "writeOnly": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_and_written_back() {
        let text = "0123456789abcdef".repeat(4);
        let hash: KeyHash = text.to_uppercase().parse().unwrap();
        assert_eq!(hash.to_string(), text);
    }

    #[test]
    fn what_is_not_a_hash_is_refused_without_being_quoted() {
        let key = format!("fgw_{}", "0".repeat(60));
        assert_eq!(key.parse::<KeyHash>(), Err(KeyHashError::IsKey));
        for (text, found) in [
            ("abc".to_owned(), 3),
            ("g".repeat(64), 64),
            ("\u{e9}".repeat(64), 64),
        ] {
            assert_eq!(
                text.parse::<KeyHash>(),
                Err(KeyHashError::NotHex { found }),
                "{text}"
            );
        }
    }
}
