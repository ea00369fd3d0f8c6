//! What the models on Bedrock take, by the beginnings of their ids.

use Takes::{
    Audio, ForcedTools, Prefill, Replay, S3, Schema, Search, Status, System, Tools,
    UnitTemperature, Video,
};

/// What one family of models takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The beginning of the ids, without a region's prefix.
    prefix: &'static str,
    takes: &'static [Takes],
    /// Where it takes cache marks.
    pub caches: Caches,
    /// What the number of likely tokens is called there.
    pub top_k: TopK,
    /// How it is told to think.
    pub reasons: Reasons,
}

/// Something that not every model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Instructions in a place of their own.
    System,
    /// Tools.
    Tools,
    /// A choice of tool other than its own.
    ForcedTools,
    /// A search of the web that AWS runs.
    Search,
    /// Whether a tool failed.
    Status,
    /// An answer held to a schema.
    Schema,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Media in S3.
    S3,
    /// A conversation that ends with the beginning of the answer.
    Prefill,
    /// Its own reasoning of earlier turns.
    Replay,
    /// A temperature of at most 1.
    UnitTemperature,
}

/// Where cache marks are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caches {
    /// Nowhere.
    No,
    /// In instructions and messages, for as long as AWS likes.
    Conversation,
    /// Among tools as well, and with a time.
    Everywhere,
}

/// What the number of likely tokens is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopK {
    /// It cannot be said.
    No,
    /// A field of this name.
    Field(&'static str),
    /// A field within `inferenceConfig` among the model's own.
    Nested(&'static str),
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// Not at all.
    No,
    /// As Claude is.
    Claude,
    /// In `reasoningConfig`, by levels.
    Levels,
    /// In `reasoning_effort`.
    Effort,
}

const fn family(prefix: &'static str, takes: &'static [Takes]) -> Family {
    Family {
        prefix,
        takes,
        caches: Caches::No,
        top_k: TopK::No,
        reasons: Reasons::No,
    }
}

const CLAUDE: &[Takes] = &[System, Tools, ForcedTools, Status, Replay, UnitTemperature];
const EARLY_CLAUDE: &[Takes] = &[System, Prefill, UnitTemperature];
const NOVA: &[Takes] = &[
    System,
    Tools,
    ForcedTools,
    Search,
    Status,
    Audio,
    Video,
    S3,
    Prefill,
    Replay,
    UnitTemperature,
];
const OPEN: &[Takes] = &[System, Tools, Schema];

const fn claude(prefix: &'static str, takes: &'static [Takes], caches: Caches) -> Family {
    Family {
        caches,
        top_k: TopK::Field("top_k"),
        reasons: Reasons::Claude,
        ..family(prefix, takes)
    }
}

const fn nova(prefix: &'static str, reasons: Reasons) -> Family {
    Family {
        caches: Caches::Conversation,
        top_k: TopK::Nested("topK"),
        reasons,
        ..family(prefix, NOVA)
    }
}

const fn with_top_k(name: &'static str, prefix: &'static str, takes: &'static [Takes]) -> Family {
    Family {
        top_k: TopK::Field(name),
        ..family(prefix, takes)
    }
}

/// What is named by nothing that says what it is: the safest of everything.
static OPAQUE: Family = family("", &[System, Tools, Replay]);

/// The same behind a profile of the account's own, which often is Claude or Nova.
static PROFILE: Family = Family {
    caches: Caches::Conversation,
    ..family("", &[System, Tools, Replay])
};

/// The families; the longest beginning counts.
#[rustfmt::skip]
static ROWS: [Family; 29] = [
    claude("anthropic.claude", CLAUDE, Caches::Everywhere),
    claude("anthropic.claude-v2", EARLY_CLAUDE, Caches::No),
    claude("anthropic.claude-instant", EARLY_CLAUDE, Caches::No),
    nova("amazon.nova", Reasons::No),
    nova("amazon.nova-2", Reasons::Levels),
    family("amazon.titan", &[UnitTemperature]),
    family("meta.llama", &[System, Tools]),
    family("meta.llama2", &[System]),
    family("meta.llama3-8b", &[System]),
    family("meta.llama3-70b", &[System]),
    with_top_k("top_k", "mistral.", OPEN),
    with_top_k("top_k", "mistral.mistral-7b", &[]),
    with_top_k("top_k", "mistral.mixtral", &[]),
    with_top_k("top_k", "mistral.mistral-large", &[System, Tools, ForcedTools]),
    with_top_k("top_k", "mistral.mistral-small", &[System, Tools, ForcedTools]),
    with_top_k("k", "cohere.", &[]),
    with_top_k("k", "cohere.command-r", &[System, Tools]),
    family("ai21.jamba", &[System, Tools]),
    family("ai21.", &[]),
    family("deepseek.", OPEN),
    family("deepseek.r1", &[System]),
    Family { reasons: Reasons::Effort, ..family("openai.gpt-oss", OPEN) },
    family("qwen.", OPEN),
    family("minimax.", OPEN),
    family("moonshot.", OPEN),
    family("moonshotai.", OPEN),
    family("nvidia.", OPEN),
    family("google.gemma", OPEN),
    family("twelvelabs.", &[Video, S3]),
];

/// Makers whose models are on Bedrock: what stands before them in an id is a region.
const MAKERS: [&str; 18] = [
    "anthropic.",
    "amazon.",
    "meta.",
    "mistral.",
    "cohere.",
    "ai21.",
    "deepseek.",
    "openai.",
    "qwen.",
    "minimax.",
    "moonshot.",
    "moonshotai.",
    "nvidia.",
    "google.",
    "writer.",
    "zai.",
    "twelvelabs.",
    "stability.",
];

impl Family {
    /// The family of a model id, an ARN, or the name that an operator says it goes by.
    pub fn of(model: &str) -> &'static Family {
        let bare = bare(model);
        let known = ROWS.iter().filter(|row| bare.starts_with(row.prefix));
        match known.max_by_key(|row| row.prefix.len()) {
            Some(row) => row,
            // Operators say what a model is without its maker, too.
            None if bare.starts_with("claude") => &ROWS[0],
            None if bare.starts_with("nova") => &ROWS[3],
            None if model.contains(":application-inference-profile/") => &PROFILE,
            None => &OPAQUE,
        }
    }

    /// Whether it takes something.
    pub fn takes(&self, what: Takes) -> bool {
        self.takes.contains(&what)
    }
}

/// An id without what an ARN and a region put before it.
pub(crate) fn bare(model: &str) -> &str {
    let last = model.rsplit('/').next().unwrap_or(model);
    let Some((region, rest)) = last.split_once('.') else {
        return last;
    };
    let is_region = (2..=6).contains(&region.len())
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if is_region && MAKERS.iter().any(|maker| rest.starts_with(maker)) {
        rest
    } else {
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d16_models_of_every_maker_are_known_behind_regions_and_arns() {
        for (model, prefix) in [
            (
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
                "anthropic.claude",
            ),
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "anthropic.claude",
            ),
            (
                "us-gov.anthropic.claude-3-haiku-20240307-v1:0",
                "anthropic.claude",
            ),
            ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2"),
            ("jp.amazon.nova-lite-v1:0", "amazon.nova"),
            ("anthropic.claude-v2:1", "anthropic.claude-v2"),
            ("mistral.mistral-7b-instruct-v0:2", "mistral.mistral-7b"),
            ("moonshotai.kimi-k2", "moonshotai."),
            ("nova-lite", "amazon.nova"),
            (
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-6-v1",
                "anthropic.claude",
            ),
            (
                "arn:aws:bedrock:eu-west-1::foundation-model/meta.llama3-1-70b-instruct-v1:0",
                "meta.llama",
            ),
            ("arn:aws:bedrock:eu-west-1:1:provisioned-model/abc", ""),
            ("brand.new-model", ""),
            ("", ""),
        ] {
            assert_eq!(Family::of(model).prefix, prefix, "{model}");
        }
        let profile = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc";
        assert_eq!(Family::of(profile).caches, Caches::Conversation);
    }

    #[test]
    fn what_names_no_maker_keeps_its_first_word() {
        assert_eq!(bare("us.unheard.model"), "us.unheard.model");
        assert_eq!(bare("verylongword.amazon.x"), "verylongword.amazon.x");
        assert_eq!(bare("a/b/"), "");
    }
}
