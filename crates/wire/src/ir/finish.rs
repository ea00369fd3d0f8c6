//! Why an answer ended.

use std::borrow::Cow;

/// Why an answer ended, in OpenAI's closed vocabulary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// The model was done.
    #[default]
    Stop,
    /// It ran out of room.
    Length,
    /// It waits for its tools.
    ToolCalls,
    /// Someone did not like it.
    ContentFilter,
}

impl Reason {
    /// OpenAI's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Stop => "stop",
            Reason::Length => "length",
            Reason::ToolCalls => "tool_calls",
            Reason::ContentFilter => "content_filter",
        }
    }
}

/// Why an answer ended, and in whose words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finish<'a> {
    /// The reason.
    pub reason: Reason,
    /// The vendor's own word.
    pub native: Cow<'a, str>,
    /// The text at which it stopped, when the vendor tells.
    pub stop_sequence: Option<Cow<'a, str>>,
}

/// A vendor's word: what it means, and whether that says less than the word.
type Word = (&'static str, Reason, bool);

const fn word(native: &'static str, reason: Reason) -> Word {
    (native, reason, false)
}

/// A word that says more than its reason.
const fn telling(native: &'static str, reason: Reason) -> Word {
    (native, reason, true)
}

/// All words that vendors are known to use, in lower case.
#[rustfmt::skip]
static WORDS: [Word; 45] = [
    word("stop", Reason::Stop),
    word("end_turn", Reason::Stop),
    word("stop_sequence", Reason::Stop),
    word("complete", Reason::Stop),
    word("finish", Reason::Stop),
    word("finished", Reason::Stop),
    word("stop_criteria_met", Reason::Stop),
    telling("pause_turn", Reason::Stop),
    word("length", Reason::Length),
    word("max_tokens", Reason::Length),
    word("model_length", Reason::Length),
    word("max_completion_tokens", Reason::Length),
    telling("model_context_window_exceeded", Reason::Length),
    word("tool_use", Reason::ToolCalls),
    word("tool_call", Reason::ToolCalls),
    word("tool_calls", Reason::ToolCalls),
    word("function_call", Reason::ToolCalls),
    word("content_filtered", Reason::ContentFilter),
    word("content_filter", Reason::ContentFilter),
    word("refusal", Reason::ContentFilter),
    word("safety", Reason::ContentFilter),
    word("error_toxic", Reason::ContentFilter),
    word("recitation", Reason::ContentFilter),
    word("blocklist", Reason::ContentFilter),
    word("prohibited_content", Reason::ContentFilter),
    word("spii", Reason::ContentFilter),
    word("image_safety", Reason::ContentFilter),
    telling("guardrail_intervened", Reason::ContentFilter),
    telling("language", Reason::ContentFilter),
    telling("image_prohibited_content", Reason::ContentFilter),
    telling("image_recitation", Reason::ContentFilter),
    telling("model_armor", Reason::ContentFilter),
    telling("jailbreak", Reason::ContentFilter),
    telling("malformed_function_call", Reason::Stop),
    telling("unexpected_tool_call", Reason::Stop),
    telling("too_many_tool_calls", Reason::Stop),
    telling("missing_thought_signature", Reason::Stop),
    telling("other", Reason::Stop),
    telling("no_image", Reason::Stop),
    telling("image_other", Reason::Stop),
    telling("malformed_model_output", Reason::Stop),
    telling("malformed_tool_use", Reason::Stop),
    telling("eos", Reason::Stop),
    telling("eos_token", Reason::Stop),
    telling("stop_token", Reason::Stop),
];

fn find(native: &str) -> Option<&'static Word> {
    let native = native.trim();
    WORDS
        .iter()
        .find(|(word, ..)| word.eq_ignore_ascii_case(native))
}

impl<'a> Finish<'a> {
    /// What a vendor's word means. One that nobody knows is an end like any other.
    pub fn of(native: impl Into<Cow<'a, str>>) -> Finish<'a> {
        let native = native.into();
        Finish {
            reason: find(&native).map_or(Reason::Stop, |(_, reason, _)| *reason),
            native,
            stop_sequence: None,
        }
    }

    /// A reason that no vendor gave.
    pub fn because(reason: Reason) -> Finish<'a> {
        Finish {
            reason,
            native: Cow::Borrowed(""),
            stop_sequence: None,
        }
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Finish<'static> {
        Finish {
            reason: self.reason,
            native: Cow::Owned(self.native.into_owned()),
            stop_sequence: self.stop_sequence.map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// The vendor's word, where the reason alone would say less.
    pub fn telling(&self) -> Option<&str> {
        let said = !self.native.is_empty() && find(&self.native).is_none_or(|(.., tells)| *tells);
        said.then_some(&*self.native)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d03_unknown_reasons_never_leak() {
        for (native, reason, told) in [
            ("END_TURN", Reason::Stop, false),
            (" Max_Tokens ", Reason::Length, false),
            ("tool_use", Reason::ToolCalls, false),
            ("refusal", Reason::ContentFilter, false),
            ("pause_turn", Reason::Stop, true),
            ("MALFORMED_FUNCTION_CALL", Reason::Stop, true),
            ("brand_new_reason", Reason::Stop, true),
            ("", Reason::Stop, false),
        ] {
            let finish = Finish::of(native);
            assert_eq!(finish.reason, reason, "{native}");
            assert_eq!(finish.telling().is_some(), told, "{native}");
        }
    }

    #[test]
    fn no_word_stands_twice() {
        for (at, (word, ..)) in WORDS.iter().enumerate() {
            assert!(
                WORDS[..at].iter().all(|(other, ..)| other != word),
                "{word}"
            );
        }
    }
}
