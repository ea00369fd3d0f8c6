//! What a row says about the fields of a chat request: which are renamed, dropped or bounded on
//! the way to the vendor, and which it is known not to honour.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rules of a row. An empty set leaves every byte but the model alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChatRules {
    /// Fields the vendor knows by another name. The value keeps its bytes.
    pub rename: Vec<Rename>,
    /// Fields the vendor is documented to answer with 400 or 422: never sent.
    pub drop: Vec<String>,
    /// Members of each message that the vendor is documented to refuse: never sent.
    pub drop_in_messages: Vec<String>,
    /// Numbers the vendor is documented to refuse outside a range: moved to the nearer end.
    pub clamp: Vec<Clamp>,
    /// Numbers sent where the client says none, because the vendor's own choice cuts answers short.
    pub presets: Vec<Preset>,
    /// Fields the vendor takes but does not honour. What happens to them is the operator's choice,
    /// [`OnUnsupported`].
    pub unsupported: Vec<String>,
    /// Whether the vendor knows `stream_options`.
    pub stream_options: StreamOptions,
    /// The form in which the vendor wants `logprobs`.
    pub logprobs: LogprobsForm,
}

/// What a vendor takes of an embeddings request in OpenAI's form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingRules {
    /// Fields the vendor knows by another name. The value keeps its bytes.
    pub rename: Vec<Rename>,
    /// Fields the vendor refuses: never sent.
    pub drop: Vec<String>,
    /// The most inputs of one call; more are asked for in several.
    #[schemars(range(min = 1))]
    pub most: Option<usize>,
    /// Whether inputs may be numbers that a tokenizer gave.
    pub tokens: bool,
    /// Whether it gives vectors as base64. Where it does not, they are asked for as lists, and a
    /// client gets what it wants all the same.
    pub base64: bool,
    /// Whether it takes texts that say nothing.
    pub blank: Blank,
}

/// Whether a vendor takes texts that say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blank {
    /// Whatever it makes of them.
    #[default]
    Taken,
    /// Not those of no length.
    Empty,
    /// Not those of spaces either.
    Refused,
}

/// What a vendor takes of a request for pictures in OpenAI's form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImageRules {
    /// Fields the vendor refuses: never sent.
    pub drop: Vec<String>,
    /// Beginnings of models' names that give pictures as base64 only and take no
    /// `response_format`.
    pub only_base64: Vec<String>,
}

/// One field under two names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The client's name.
    pub from: String,
    /// The vendor's name.
    pub to: String,
    /// Whose value counts when the client sent both.
    #[serde(default)]
    pub wins: Wins,
    /// Beginnings of the models' names for which the vendor knows the client's name of it, in lower
    /// case.
    #[serde(default)]
    pub except: Vec<String>,
}

impl Rename {
    /// Whether it is for this model.
    pub fn is_for(&self, model: &str) -> bool {
        let begins = |start: &String| {
            let head = model.get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        !self.except.iter().any(begins)
    }
}

/// Which of two fields counts when both were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wins {
    /// The one the client knows.
    From,
    /// The one the vendor knows.
    #[default]
    To,
}

/// A range outside which the vendor refuses a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clamp {
    /// The field.
    pub field: String,
    /// The lowest value taken.
    #[serde(default)]
    pub min: Option<f64>,
    /// The highest value taken.
    #[serde(default)]
    pub max: Option<f64>,
}

/// A number for a field that the client left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: u64,
    /// Other names of the field: one of them said is enough.
    #[serde(default)]
    pub unless: Vec<String>,
}

/// Whether a vendor knows `stream_options`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamOptions {
    /// As at OpenAI: usage comes when it is asked for.
    #[default]
    OpenAi,
    /// It refuses the field, or reports usage without being asked: never sent.
    None,
}

/// The form in which a vendor wants `logprobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogprobsForm {
    /// `logprobs: true` and `top_logprobs: n`.
    #[default]
    OpenAi,
    /// `logprobs: n`.
    Count,
}

/// What happens to a populated field that the vendor does not honour. Operator's setting
/// `compatibility.on_unsupported_param`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnsupported {
    /// Sent all the same, and told to the operator. What the vendor would refuse is dropped and
    /// told to the caller.
    #[default]
    Warn,
    /// Dropped, and told to the caller.
    Drop,
    /// The call is refused.
    Reject,
}
