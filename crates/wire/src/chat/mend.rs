//! Answers that name what OpenAI's clients expect and give it another type: made what it should be.

use crate::ir::names;
use crate::json::{self, Node};

/// Digits of an id that is made here.
const ID_DIGITS: usize = 12;

/// Makes texts of what should be texts in an answer or stream chunk: `content`, and the arguments
/// of calls. A call without an id gets one, a whole answer without a reason to end its reason.
///
/// None when nothing is to be changed.
pub fn mend_types(json: &str) -> Option<String> {
    let node = Node::parse(json.as_bytes()).ok()?;
    let [id, choices] = node.pick(["id", "choices"]);
    let id = id.and_then(Node::text).unwrap_or_default();
    let choices = list(choices?, |choice, number| {
        mend_choice(choice, &format!("{id} {number}"))
    })?;
    Some(json::set_member(json, "choices", &choices))
}

/// A list of which some elements are replaced; None when none is.
fn list(node: Node<'_>, mend: impl Fn(Node<'_>, usize) -> Option<String>) -> Option<String> {
    let mut changed = false;
    let elements = node.elements().into_iter().enumerate();
    let elements: Vec<String> = elements
        .map(|(number, element)| match mend(element, number) {
            Some(mended) => {
                changed = true;
                mended
            }
            None => element.raw().to_owned(),
        })
        .collect();
    changed.then(|| format!("[{}]", elements.join(",")))
}

fn mend_choice(choice: Node<'_>, seed: &str) -> Option<String> {
    let [message, delta, reason] = choice.pick(["message", "delta", "finish_reason"]);
    let (name, said) = match (message, delta) {
        (Some(message), _) => ("message", message),
        (None, delta) => ("delta", delta?),
    };
    let mut mended =
        mend_message(said, seed).map(|said| json::set_member(choice.raw(), name, &said));
    if message.is_some() && reason.is_none() {
        let called = said
            .get("tool_calls")
            .is_some_and(|calls| !calls.elements().is_empty());
        let reason = if called { "\"tool_calls\"" } else { "\"stop\"" };
        let text = mended.as_deref().unwrap_or(choice.raw());
        mended = Some(json::set_member(text, "finish_reason", reason));
    }
    mended
}

fn mend_message(message: Node<'_>, seed: &str) -> Option<String> {
    let [content, calls] = message.pick(["content", "tool_calls"]);
    let mut mended = None;
    // A list is another vendor's way, with its own meaning.
    if let Some(content) = content.filter(|node| node.text().is_none() && !node.is_array()) {
        let text = json::quote(&content.compact());
        mended = Some(json::set_member(message.raw(), "content", &text));
    }
    let calls = calls.and_then(|calls| {
        list(calls, |call, number| {
            mend_call(call, &format!("{seed} {number}"))
        })
    });
    if let Some(calls) = calls {
        let text = mended.as_deref().unwrap_or(message.raw());
        mended = Some(json::set_member(text, "tool_calls", &calls));
    }
    mended
}

fn mend_call(call: Node<'_>, seed: &str) -> Option<String> {
    let [id, function] = call.pick(["id", "function"]);
    let function = function?;
    let [name, arguments] = function.pick(["name", "arguments"]);
    let mut mended = None;
    if let Some(arguments) = arguments.filter(|node| node.text().is_none()) {
        let text = json::quote(&arguments.compact());
        let function = json::set_member(function.raw(), "arguments", &text);
        mended = Some(json::set_member(call.raw(), "function", &function));
    }
    // A piece of a call has neither.
    if id.is_none() && name.is_some() {
        let hash = names::hash(&format!("{seed} {}", call.raw()));
        let id = format!("\"call_{}\"", hash.get(..ID_DIGITS).unwrap_or(&hash));
        mended = Some(json::set_member(
            mended.as_deref().unwrap_or(call.raw()),
            "id",
            &id,
        ));
    }
    mended
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn d23_arguments_and_content_of_other_types_become_texts() {
        for (json, expected) in [
            (
                r#"{"choices":[{"message":{"content":{"a": [1, 2]}},"finish_reason":"stop"}],"x":1}"#,
                r#"{"choices":[{"message":{"content":"{\"a\":[1,2]}"},"finish_reason":"stop"}],"x":1}"#,
            ),
            (
                r#"{"choices":[{"message":{"content":7},"finish_reason":null}]}"#,
                r#"{"choices":[{"message":{"content":"7"},"finish_reason":"stop"}]}"#,
            ),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":{"x":1}}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}"#,
            ),
        ] {
            assert_eq!(mend_types(json).as_deref(), Some(expected));
            assert_eq!(mend_types(expected), None);
        }
    }

    #[test]
    fn d23_a_call_without_an_id_gets_one_and_the_answer_its_reason() {
        let json = r#"{"id":"a","choices":[{"message":{"content":null,"tool_calls":[
            {"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}]}}]}"#;
        let mended = mend_types(json).unwrap();
        let choice = Node::of(&mended).get("choices").unwrap().elements()[0];
        let reason = choice.get("finish_reason").and_then(Node::text);
        assert_eq!(reason.as_deref(), Some("tool_calls"));
        let calls = choice.get("message").unwrap().get("tool_calls").unwrap();
        let ids: Vec<_> = calls
            .elements()
            .into_iter()
            .map(|call| call.get("id").and_then(Node::text).unwrap())
            .collect();
        assert!(ids[0].starts_with("call_") && ids[0].len() == 17, "{ids:?}");
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        for json in [
            "",
            "[]",
            r#"{"choices":7}"#,
            r#"{"choices":[{"delta":{"content":"x","tool_calls":[{"index":0,"function":{"arguments":"{"}}]},"finish_reason":null}]}"#,
            r#"{"choices":[{"message":{"content":[{"type":"text","text":"x"}]},"finish_reason":"stop"}]}"#,
        ] {
            assert_eq!(mend_types(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_what_goes_out_is_a_document(
            content in "(null|7|true|\"x\"|\\{\"a\":[1]\\}|\\[\\])",
            calls in "(null|\\[\\]|\\[7,\\{\\}\\]|\\[\\{\"function\":\\{\"name\":\"f\",\"arguments\":[0-9]\\}\\}\\])",
        ) {
            let json = format!(r#"{{"choices":[{{"message":{{"content":{content},"tool_calls":{calls}}}}}]}}"#);
            let mended = mend_types(&json).unwrap();
            prop_assert!(json::check(mended.as_bytes()).is_ok(), "{mended}");
            prop_assert_eq!(mend_types(&mended), None);
        }
    }
}
