//! What a content filter found, in events that say nothing else.
//!
//! Clients of OpenAI's expect a choice with a delta in every event that is not the count of tokens.
//! Such an event is taken out, and what it tells stands in the next one.

use memchr::memmem;

use crate::json::{Node, write};

/// Bytes that are kept until the next event; what is beyond is left out.
const HELD_MAX: usize = 64 * 1024;

/// Members of a choice that are found by the filter.
const FINDINGS: [&str; 2] = ["content_filter_results", "content_filter_offsets"];

/// What was found and is still to be told.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// In the prompt: the vendor's own list.
    prompt: Option<String>,
    /// In answers: the vendor's choices as they came.
    choices: Vec<String>,
    bytes: usize,
}

impl Findings {
    /// Takes an event that says nothing but what was found; false when it says anything else.
    pub(super) fn take(&mut self, event: &str) -> bool {
        if !may_say_nothing_else(event) {
            return false;
        }
        let names = [
            "choices",
            "prompt_filter_results",
            "prompt_annotations",
            "usage",
            "error",
        ];
        let Ok([Some(choices), prompt, older, None, None]) =
            Node::parse_pick(event.as_bytes(), names)
        else {
            return false;
        };
        let prompt = prompt.or(older);
        let choices = choices.elements();
        if !choices.iter().all(|choice| is_finding(*choice))
            || (choices.is_empty() && prompt.is_none())
        {
            return false;
        }
        if let Some(prompt) = prompt.filter(|prompt| self.has_room(prompt.raw())) {
            self.prompt = Some(prompt.compact().into_owned());
        }
        for choice in choices {
            if self.has_room(choice.raw()) {
                self.choices.push(choice.compact().into_owned());
            }
        }
        true
    }

    /// What was found since the last time, as an object.
    pub(super) fn told(&mut self) -> Option<String> {
        let Findings {
            prompt, choices, ..
        } = std::mem::take(self);
        if prompt.is_none() && choices.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        write::object(&mut out, |o| {
            o.raw_if("prompt_filter_results", prompt.as_deref());
            if !choices.is_empty() {
                o.raw("content_filter", &format!("[{}]", choices.join(",")));
            }
        });
        String::from_utf8(out).ok()
    }

    fn has_room(&mut self, raw: &str) -> bool {
        self.bytes = self.bytes.saturating_add(raw.len());
        self.bytes <= HELD_MAX
    }
}

/// A cheap look, for the many events that are pieces of an answer. A quoted name inside a text has a
/// backslash before its closing quote.
fn may_say_nothing_else(event: &str) -> bool {
    let event = event.as_bytes();
    memmem::find(event, b"\"delta\"").is_none()
        || memmem::find(event, b"\"content_filter_offsets\"").is_some()
}

/// Whether a choice has what was found, and nothing that a client waits for.
fn is_finding(choice: Node<'_>) -> bool {
    let members = choice.members();
    let says = |name: &str| members.iter().any(|(known, _)| *known == name);
    let is_silent = |(name, value): &(std::borrow::Cow<'_, str>, Node<'_>)| match &**name {
        "index" => true,
        "delta" => value.members().iter().all(|(_, piece)| is_nothing(*piece)),
        name => FINDINGS.contains(&name) || is_nothing(*value),
    };
    FINDINGS.iter().any(|name| says(name)) && members.iter().all(is_silent)
}

fn is_nothing(value: Node<'_>) -> bool {
    value.is_null() || value.raw() == "\"\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d24_events_of_findings_alone_are_taken_and_told_once() {
        let mut findings = Findings::default();
        assert!(findings.take(
            r#"{"choices":[],"created":0,"id":"","prompt_filter_results":[{"prompt_index": 0}]}"#
        ));
        assert!(findings.take(
            r#"{"id":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":{"check_offset":44}}],"usage":null}"#
        ));
        assert_eq!(
            findings.told().as_deref(),
            Some(
                r#"{"prompt_filter_results":[{"prompt_index":0}],"content_filter":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":{"check_offset":44}}]}"#
            )
        );
        assert_eq!(findings.told(), None);
    }

    #[test]
    fn an_event_that_says_anything_else_is_left() {
        let mut findings = Findings::default();
        for event in [
            "",
            "[DONE]",
            r#"{"choices":[]}"#,
            r#"{"choices":[],"usage":{"total_tokens":1},"prompt_filter_results":[]}"#,
            r#"{"choices":[],"error":{"code":"x"},"prompt_filter_results":[]}"#,
            r#"{"choices":[{"index":0,"text":"Hi","content_filter_results":{}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"content_filter_results":{}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"content_filter_offsets":{}}]}"#,
            r#"{"choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{}}]}"#,
            r#"{"prompt_filter_results":[]}"#,
            r#"{"choices":[{"index":0}]}"#,
        ] {
            assert!(!findings.take(event), "{event}");
        }
        assert_eq!(findings.told(), None);
    }

    #[test]
    fn what_is_found_without_end_is_not_kept_without_end() {
        let mut findings = Findings::default();
        let event = format!(
            r#"{{"choices":[{{"content_filter_results":{{"x":"{}"}}}}]}}"#,
            "y".repeat(1000)
        );
        for _ in 0..1000 {
            assert!(findings.take(&event));
        }
        assert!(findings.told().unwrap().len() < HELD_MAX + 100);
    }
}
