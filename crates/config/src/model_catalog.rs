//! What the operator says of models and their prices, and where newer lists of them come from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ::catalog::{Capability, Day, Mode, Override, Price};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;

/// What is known of models: their prices, limits and capabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelCatalog {
    /// Whether a newer catalog is fetched from `url`.
    pub enabled: bool,
    /// Where a newer catalog is: ferrogw's own file, or a `catalog.json` of the Go gateway. Without it nothing is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The time between two fetches.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1m", "x-maximum" = "720h"))]
    pub interval: Duration,
    /// The time a fetch may take.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-minimum" = "1s", "x-maximum" = "10m"))]
    pub fetch_timeout: Duration,
    /// The SHA-256, in hexadecimal, that the fetched file must have; any when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The Ed25519 key, in hexadecimal, whose signature must stand in hexadecimal at `url` with `.sig` behind its path; none is asked for when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// A file that keeps the last catalog fetched, for the next start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_file: Option<PathBuf>,
    /// The operator's own models and corrections; they stand above every catalog.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelFacts>,
}

impl Default for ModelCatalog {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            interval: Duration::from_hours(24),
            fetch_timeout: Duration::from_secs(10),
            sha256: None,
            public_key: None,
            cache_file: None,
            models: Vec::new(),
        }
    }
}

/// What the operator says of one model. What is left out stays as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["provider", "model"]))]
pub struct ModelFacts {
    /// The provider.
    #[schemars(length(min = 1))]
    pub provider: String,
    /// The provider's name of the model.
    #[schemars(length(min = 1, max = 256))]
    pub model: String,
    /// What it serves, the main use first: `chat`, `embedding`, `image`, `transcription`, `speech`, `rerank`, `moderation`, ...
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<String>,
    /// How many tokens it reads at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// How many tokens it writes at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What it can do and what it cannot: `vision`, `function_calling`, `reasoning`, ...
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: BTreeMap<String, bool>,
    /// What it costs, in US dollars: for a million tokens or characters (`input`, `output`, `cached`, `write`, `write1h`, `audio-in`, ...), for one of everything else (`image`, `second-in`, `search`, `request`, ...). `input@batch` is for a service tier, `input>200000` for longer prompts. Replaces the whole price list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub price: BTreeMap<String, Dollars>,
    /// The day from which it is not served, such as 2027-01-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sunset_date: Option<String>,
}

/// An amount of US dollars, as a number or as decimal text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Dollars {
    /// As a number.
    Number(f64),
    /// As text.
    Text(String),
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The shortest decimal that is this number: what was written.
            Dollars::Number(number) => write!(f, "{number}"),
            Dollars::Text(text) => f.write_str(text.trim()),
        }
    }
}

/// What is wrong with what is said of a model, and in which of its fields.
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    pub(crate) key: String,
    pub(crate) message: String,
}

impl ModelCatalog {
    /// The operator's word as the catalog takes it.
    pub fn overrides(&self) -> Vec<Override> {
        let read = |facts: &ModelFacts| facts.read().ok();
        self.models.iter().filter_map(read).collect()
    }

    /// The hash that a fetched file must have.
    pub fn expected_hash(&self) -> Option<[u8; 32]> {
        hex(self.sha256.as_deref()?)
    }

    /// The key that must have signed a fetched file.
    pub fn signer(&self) -> Option<[u8; 32]> {
        hex(self.public_key.as_deref()?)
    }
}

impl ModelFacts {
    /// What is said, or all that is wrong with it.
    pub(crate) fn read(&self) -> Result<Override, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut tell = |field, key: &str, message: String| {
            let key = key.to_owned();
            wrong.push(Wrong {
                field,
                key,
                message,
            });
        };
        let mut own = Override {
            provider: self.provider.clone(),
            model: self.model.clone(),
            context: self.context_window,
            output: self.max_output_tokens,
            ..Override::default()
        };
        for word in &self.modes {
            match Mode::of(word) {
                Some(mode) => own.modes.push(mode),
                None => tell(
                    "modes",
                    "",
                    format!("`{word}` is no mode such as chat or image"),
                ),
            }
        }
        for (name, can) in &self.capabilities {
            match Capability::of(name) {
                Some(capability) => own.capabilities.push((capability, *can)),
                None => {
                    let names: Vec<_> = Capability::all().map(Capability::name).collect();
                    let names = names.join(", ");
                    tell(
                        "capabilities",
                        name,
                        format!("`{name}` is not one of {names}"),
                    );
                }
            }
        }
        let mut price = Price::default();
        for (key, dollars) in &self.price {
            match format!("{key}={dollars}").parse::<Price>() {
                Ok(line) if !key.contains(char::is_whitespace) => {
                    line.rates()
                        .iter()
                        .cloned()
                        .for_each(|rate| price.set(rate));
                }
                Ok(_) => tell("price", key, format!("`{key}` holds a space")),
                Err(error) => tell("price", key, error.to_string()),
            }
        }
        own.price = Some(price).filter(|price| !price.is_empty());
        if let Some(text) = &self.sunset_date {
            match text.parse::<Day>() {
                Ok(day) => own.retires = Some(day),
                Err(error) => tell("sunset_date", "", error.to_string()),
            }
        }
        if wrong.is_empty() {
            Ok(own)
        } else {
            Err(wrong)
        }
    }
}

/// 32 bytes in hexadecimal.
pub(crate) fn hex(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = text.get(2 * at..2 * at + 2)?;
        let digits = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| digits)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_word_becomes_a_row() {
        let facts = ModelFacts {
            provider: "acme".into(),
            model: "a".into(),
            modes: vec!["embedding".into(), "chat".into()],
            price: [
                ("input", Dollars::Number(0.1)),
                ("output", Dollars::Text("0.4".into())),
                ("input>200000", Dollars::Number(1e-7)),
                ("input@batch", Dollars::Text(" 5e-2".into())),
                ("image~hd:1024x1024", Dollars::Number(0.08)),
            ]
            .map(|(key, dollars)| (key.to_owned(), dollars))
            .into(),
            sunset_date: Some("2027-01-01".into()),
            ..ModelFacts::default()
        };
        let own = facts.read().ok().unwrap();
        assert_eq!(own.modes, [Mode::Embedding, Mode::Chat]);
        assert_eq!(
            own.price.unwrap().to_string(),
            "in=0.1 in>200000=0.0000001 in@batch=0.05 out=0.4 image~hd:1024x1024=0.08"
        );
    }

    #[test]
    fn hexadecimal_of_32_bytes_and_nothing_else() {
        assert_eq!(hex(&"0f".repeat(32)), Some([15; 32]));
        for text in [
            "",
            "0f",
            &"0g".repeat(32),
            &"é".repeat(32),
            &"+f".repeat(32),
        ] {
            assert_eq!(hex(text), None, "{text}");
        }
    }
}
