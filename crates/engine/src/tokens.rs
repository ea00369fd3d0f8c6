//! How many tokens a prompt has when its vendor does not say.
//!
//! Usually a rule will do: four bytes of the request are one token. Where the operator wants to know
//! better (`estimates.tokenizer: exact`), the texts of models whose tokenizer is known are counted
//! with it, at settlement and only for calls whose vendor has not counted. Its tables are loaded
//! in the background; until they are there the rule holds.

mod texts;

use std::sync::OnceLock;

use bytes::Bytes;
use tiktoken::CoreBpe;

/// Bytes of a request that stand for a token.
const BYTES_A_TOKEN: u64 = 4;

/// Of a longer prompt so much is counted, and the rest taken to be like it.
const COUNTED_MAX: usize = 256 * 1024;

/// What OpenAI adds to each message, and to the whole.
const PER_MESSAGE: u64 = 3;
const PER_PROMPT: u64 = 3;

/// A tokenizer's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    O200k,
    Cl100k,
}

/// Models by how their names begin, the more special ones first. What else there is goes by the
/// rule.
const FAMILIES: &[(&str, Encoding)] = &[
    ("gpt-4o", Encoding::O200k),
    ("gpt-4.1", Encoding::O200k),
    ("gpt-4.5", Encoding::O200k),
    ("gpt-4", Encoding::Cl100k),
    ("gpt-3.5", Encoding::Cl100k),
    ("gpt-", Encoding::O200k),
    ("chatgpt-", Encoding::O200k),
    ("codex-", Encoding::O200k),
    ("o1", Encoding::O200k),
    ("o3", Encoding::O200k),
    ("o4", Encoding::O200k),
    ("text-embedding-", Encoding::Cl100k),
];

static TABLES: OnceLock<[Option<&'static CoreBpe>; 2]> = OnceLock::new();

impl Encoding {
    /// The tokenizer of a model; vendors that pass models on write its maker before its name.
    fn of(model: &str) -> Option<Encoding> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let family = FAMILIES.iter().find(|(start, _)| name.starts_with(start));
        family.map(|(_, encoding)| *encoding)
    }

    /// Its tables, if they have been loaded.
    fn tables(self) -> Option<&'static CoreBpe> {
        let [o200k, cl100k] = *TABLES.get()?;
        match self {
            Encoding::O200k => o200k,
            Encoding::Cl100k => cl100k,
        }
    }
}

/// Loads the tables, once. Takes a moment and tens of megabytes: not for a thread that serves.
pub(crate) fn load() {
    TABLES.get_or_init(|| ["o200k_base", "cl100k_base"].map(tiktoken::get_encoding));
}

/// The rule.
pub(crate) fn by_rule(bytes: usize) -> u64 {
    bytes as u64 / BYTES_A_TOKEN
}

/// A prompt that can be counted if need be.
#[derive(Clone)]
pub(crate) struct Prompt {
    body: Bytes,
    encoding: Encoding,
}

impl Prompt {
    /// The prompt of a request to a model; None for models whose tokenizer is not known.
    pub(crate) fn of(body: &Bytes, model: &str) -> Option<Prompt> {
        let encoding = Encoding::of(model)?;
        let body = body.clone();
        Some(Prompt { body, encoding })
    }

    /// Its tokens: those of its texts and tools, and what wraps each message. Images and sound are
    /// not counted.
    pub(crate) fn tokens(&self) -> u64 {
        let counted = self.encoding.tables().and_then(|tables| {
            let prompt = texts::read(&self.body)?;
            let mut budget = COUNTED_MAX;
            let (mut counted, mut left) = (0_u64, 0_u64);
            for text in &prompt.texts {
                if text.len() <= budget {
                    budget -= text.len();
                    counted += tables.count(text) as u64;
                } else {
                    left += by_rule(text.len());
                }
            }
            Some(PER_PROMPT + prompt.messages * PER_MESSAGE + counted + left)
        });
        counted.unwrap_or_else(|| by_rule(self.body.len()))
    }
}

impl std::fmt::Debug for Prompt {
    /// Prompts are nobody's business but the vendor's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt")
            .field("bytes", &self.body.len())
            .field("encoding", &self.encoding)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(model: &str, body: &str) -> Option<u64> {
        load();
        Prompt::of(&Bytes::copy_from_slice(body.as_bytes()), model).map(|prompt| prompt.tokens())
    }

    #[test]
    fn a_family_is_known_by_how_its_names_begin() {
        for (model, encoding) in [
            ("gpt-4o-mini", Some(Encoding::O200k)),
            ("gpt-4-turbo", Some(Encoding::Cl100k)),
            ("gpt-6.1-sol", Some(Encoding::O200k)),
            ("openai/gpt-oss-120b", Some(Encoding::O200k)),
            ("o3", Some(Encoding::O200k)),
            ("claude-opus-5", None),
            ("openai/whisper", None),
        ] {
            assert_eq!(Encoding::of(model), encoding, "{model}");
        }
    }

    #[test]
    fn texts_are_counted_as_their_vendor_counts_them() {
        // "hello world" is two tokens, "user" is one; three for the message, three for the whole.
        let body = r#"{"model":"x","messages":[{"role":"user","content":"hello world"}]}"#;
        assert_eq!(tokens("gpt-4o", body), Some(9));
        assert_eq!(tokens("gpt-4", body), Some(9));
        let parts = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hello world"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAAAAAA"}}]}]}"#;
        assert_eq!(tokens("gpt-4o", parts), Some(9));
        assert_eq!(tokens("claude-opus-5", body), None);
    }

    #[test]
    fn what_cannot_be_read_goes_by_the_rule() {
        assert_eq!(tokens("gpt-4o", "twelve bytes"), Some(3));
        assert_eq!(tokens("gpt-4o", r#"{"messages":7}"#), Some(3));
    }

    #[test]
    fn a_long_prompt_costs_no_more_than_a_bounded_one() {
        let text = "word ".repeat(COUNTED_MAX / 5 + 10);
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let expected = 1 + 6 + by_rule(text.len());
        assert_eq!(tokens("gpt-4o", &body), Some(expected));
    }
}
