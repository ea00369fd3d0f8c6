//! A question to a model, as no dialect writes it and every dialect can.

use std::borrow::Cow;

use super::block::{Block, CacheMark, Raw};
use super::effort::Effort;

/// A chat request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request<'a> {
    /// The model, as the door's client named it.
    pub model: Cow<'a, str>,
    /// The conversation, instructions at their places.
    pub turns: Vec<Turn<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether it may call several at once.
    pub parallel_tools: Option<bool>,
    /// The most tokens of the answer.
    pub max_output: Option<MaxOutput>,
    /// How tokens are chosen.
    pub sampling: Sampling<'a>,
    /// Where the answer stops.
    pub stop: Vec<Cow<'a, str>>,
    /// The form of the answer.
    pub format: Option<Format<'a>>,
    /// How much is thought before it.
    pub reasoning: Reasoning<'a>,
    /// The end user.
    pub user: Option<Cow<'a, str>>,
    /// The end user, hashed.
    pub safety_identifier: Option<Cow<'a, str>>,
    /// The price class.
    pub service_tier: Option<Cow<'a, str>>,
    /// What keeps similar calls on one cache.
    pub prompt_cache_key: Option<Cow<'a, str>>,
    /// How wordy the answer is.
    pub verbosity: Option<Cow<'a, str>>,
    /// `text`, `audio`, ...
    pub modalities: Vec<Cow<'a, str>>,
    /// The operator's own notes: an object of texts.
    pub metadata: Option<Raw<'a>>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// Whether a stream shall end with its usage.
    pub include_usage: bool,
    /// A cache mark for the whole request.
    pub cache: Option<CacheMark>,
    /// Members for one vendor's body: an object of objects by provider.
    pub extra_body: Option<Raw<'a>>,
    /// Members of the door's body that have no place here.
    pub unknown: Vec<(Cow<'a, str>, Raw<'a>)>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The same under OpenAI's later name.
    Developer,
    /// The user, or a tool.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// Whether it instructs.
    pub fn is_system(self) -> bool {
        matches!(self, Role::System | Role::Developer)
    }
}

/// What one side says at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// What the speaker is called.
    pub name: Option<Cow<'a, str>>,
    /// What is said. Results of tools stand in turns of the user.
    pub blocks: Vec<Block<'a>>,
}

impl<'a> Turn<'a> {
    /// A turn of someone without a name.
    pub fn new(role: Role, blocks: Vec<Block<'a>>) -> Turn<'a> {
        Turn {
            role,
            name: None,
            blocks,
        }
    }
}

/// The most tokens of an answer, and under which name that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxOutput {
    /// The bound.
    pub tokens: u64,
    /// Said as `max_completion_tokens`.
    pub completion: bool,
}

/// How tokens are chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling<'a> {
    /// Randomness.
    pub temperature: Option<f64>,
    /// The share of likely tokens that count.
    pub top_p: Option<f64>,
    /// The number of likely tokens that count.
    pub top_k: Option<u64>,
    /// The wish for the same answer again.
    pub seed: Option<i64>,
    /// How many answers.
    pub n: Option<u64>,
    /// Less of what is there already.
    pub presence_penalty: Option<f64>,
    /// Less of what is there often.
    pub frequency_penalty: Option<f64>,
    /// Whether probabilities are told.
    pub logprobs: Option<bool>,
    /// Of how many rivals.
    pub top_logprobs: Option<u64>,
    /// Weights by token: an object.
    pub logit_bias: Option<Raw<'a>>,
}

/// Something that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it is for.
    pub description: Option<Cow<'a, str>>,
    /// What kind of thing it is.
    pub kind: ToolKind<'a>,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

/// The kinds of tools.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolKind<'a> {
    /// A function of the client with a JSON Schema for its argument.
    Function {
        /// The schema.
        schema: Option<Raw<'a>>,
        /// Whether the vendor must hold the model to it.
        strict: Option<bool>,
    },
    /// A tool of the client that takes free text.
    Custom {
        /// The grammar of the text.
        format: Option<Raw<'a>>,
    },
    /// The vendor's own search of the web.
    WebSearch {
        /// Options in OpenAI's form.
        options: Option<Raw<'a>>,
    },
    /// A tool of one vendor, in that vendor's own words.
    Vendor {
        /// Its type there.
        kind: Cow<'a, str>,
        /// The whole of it.
        raw: Raw<'a>,
    },
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// It must.
    Required,
    /// It must not.
    None,
    /// It must call this one.
    Named(Cow<'a, str>),
    /// Only these count.
    Allowed {
        /// Whether it must call one of them.
        required: bool,
        /// Their names.
        names: Vec<Cow<'a, str>>,
    },
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Format<'a> {
    /// Words.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON after a schema.
    JsonSchema {
        /// What the schema is called.
        name: Cow<'a, str>,
        /// What it is for.
        description: Option<Cow<'a, str>>,
        /// The schema.
        schema: Raw<'a>,
        /// Whether the vendor must hold the model to it.
        strict: Option<bool>,
    },
}

/// How much is thought before the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning<'a> {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens; -1 leaves it to the model. Wins over the effort.
    pub budget: Option<i64>,
    /// Whether it is switched on or off by name.
    pub mode: Option<ReasoningMode>,
    /// What of it is shown.
    pub display: Option<Cow<'a, str>>,
}

impl Reasoning<'_> {
    /// Whether nothing was said about it.
    pub fn is_unsaid(&self) -> bool {
        self.effort.is_none() && self.budget.is_none() && self.mode.is_none()
    }
}

/// Reasoning switched by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningMode {
    /// Off.
    Disabled,
    /// On, within a budget.
    Enabled,
    /// As the model sees fit.
    Adaptive,
}

impl<'a> Request<'a> {
    /// Takes the instructions out of the conversation, in their order.
    pub fn take_system(&mut self) -> Vec<Block<'a>> {
        let mut system = Vec::new();
        self.turns.retain_mut(|turn| {
            if turn.role.is_system() {
                system.append(&mut turn.blocks);
            }
            !turn.role.is_system()
        });
        system.retain(|block| !block.is_empty());
        system
    }
}
