//! How a target is chosen for a call: the ways to choose, and what each of them asks for.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a target is chosen for a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Strategy {
    /// The way to choose.
    pub mode: Mode,
    /// Rules of `conditional`, the first that matches counts; without one the first target is chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub conditions: Vec<Condition>,
    /// Rules of `content-based`, the first that matches counts; without one the first target is chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub content_conditions: Vec<ContentCondition>,
    /// What `ab-test` compares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub ab_variants: Vec<Variant>,
    /// What `ab-test` holds on to: equal ones always get the same variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Makes the assignment of `ab-test` another one; the variants' names when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub salt: Option<String>,
    /// What `cost-optimized` does with targets whose price nobody knows.
    pub unpriced_strategy: Unpriced,
    /// The share of calls with which `least-latency` tries a target other than the fastest, from 0 to 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 0.5))]
    pub explore: Option<Weight>,
}

/// The ways to choose a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The first target, and no other.
    #[default]
    Single,
    /// Targets in the order written, each next one when the one before it fails.
    Fallback,
    /// By `weight`; when one fails, another one is drawn.
    Loadbalance,
    /// By rules on the model; a failure is the answer.
    Conditional,
    /// The fastest of late.
    LeastLatency,
    /// The cheapest for this call.
    CostOptimized,
    /// By rules on the text; a failure is the answer.
    ContentBased,
    /// By `ab_variants`, the same caller always the same one.
    AbTest,
}

impl Mode {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Mode::Single => "single",
            Mode::Fallback => "fallback",
            Mode::Loadbalance => "loadbalance",
            Mode::Conditional => "conditional",
            Mode::LeastLatency => "least-latency",
            Mode::CostOptimized => "cost-optimized",
            Mode::ContentBased => "content-based",
            Mode::AbTest => "ab-test",
        }
    }
}

/// A rule on the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["key", "value", "target_key"]))]
pub struct Condition {
    /// What is compared.
    pub key: ConditionKey,
    /// What it is compared with.
    #[schemars(length(min = 1))]
    pub value: String,
    /// The target that is chosen then.
    #[schemars(length(min = 1))]
    pub target_key: String,
}

/// What a rule on the model compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKey {
    /// The whole id.
    #[default]
    Model,
    /// The id's beginning.
    ModelPrefix,
}

/// A rule on the text of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["type", "value", "target_key"]))]
pub struct ContentCondition {
    /// How the text is judged.
    #[serde(rename = "type")]
    pub kind: ContentKind,
    /// What is looked for.
    #[schemars(length(min = 1, max = 4096))]
    pub value: String,
    /// The target that is chosen then.
    #[schemars(length(min = 1))]
    pub target_key: String,
    /// Whose messages are read.
    #[schemars(length(min = 1))]
    pub roles: Vec<Role>,
}

/// How a text is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// A message holds the value, in any case.
    #[default]
    PromptContains,
    /// There are messages, and none holds the value.
    PromptNotContains,
    /// The value is a regular expression that finds something in a message.
    PromptRegex,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person's.
    User,
    /// The application's: `system` and `developer`.
    System,
    /// The model's.
    Assistant,
    /// A tool's.
    Tool,
}

impl Default for ContentCondition {
    fn default() -> ContentCondition {
        ContentCondition {
            kind: ContentKind::default(),
            value: String::new(),
            target_key: String::new(),
            roles: vec![Role::User],
        }
    }
}

/// One side of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["target_key"]))]
pub struct Variant {
    /// The target that serves it.
    #[schemars(length(min = 1))]
    pub target_key: String,
    /// Its share, relative to the others'; none with 0.
    pub weight: Weight,
    /// What it is called in answers, logs and metrics; its target's name when left out.
    #[schemars(length(max = 64))]
    pub label: String,
}

impl Variant {
    /// What it is called.
    pub fn name(&self) -> &str {
        if self.label.is_empty() {
            &self.target_key
        } else {
            &self.label
        }
    }
}

/// What is done with targets whose price nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unpriced {
    /// They come after the others.
    #[default]
    Fallback,
    /// They are not called.
    Skip,
    /// They count as free, and come first.
    Allow,
}

/// A share relative to others.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Weight(pub f64);

impl PartialEq for Weight {
    fn eq(&self, other: &Weight) -> bool {
        self.0.total_cmp(&other.0).is_eq()
    }
}

impl Eq for Weight {}

/// What an experiment holds on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// The API key.
    Key,
    /// The request's `user`, or the API key where none was sent.
    User,
    /// A header of the request, or the API key where it was not sent.
    Header(String),
    /// Nothing: every call is drawn anew.
    None,
}

/// The JSON Schema `format` of a [`Sticky`].
pub(crate) const STICKY: &str = "sticky";

/// What is wrong with a text that should say what an experiment holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected key, user, header:NAME or none")]
pub struct StickyError;

impl FromStr for Sticky {
    type Err = StickyError;

    fn from_str(text: &str) -> Result<Sticky, StickyError> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match (text, text.strip_prefix("header:")) {
            ("key", _) => Ok(Sticky::Key),
            ("user", _) => Ok(Sticky::User),
            ("none", _) => Ok(Sticky::None),
            (_, Some(name)) if !name.is_empty() && name.bytes().all(token) => {
                Ok(Sticky::Header(name.to_ascii_lowercase()))
            }
            _ => Err(StickyError),
        }
    }
}

impl fmt::Display for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sticky::Key => f.write_str("key"),
            Sticky::User => f.write_str("user"),
            Sticky::Header(name) => write!(f, "header:{name}"),
            Sticky::None => f.write_str("none"),
        }
    }
}

impl Serialize for Sticky {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sticky {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Sticky {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sticky".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": STICKY,
            "examples": ["user", "key", "header:x-session", "none"],
        })
    }
}
