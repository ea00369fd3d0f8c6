//! Probabilities in OpenAI's form.

use crate::ir::Raw;
use crate::json::Node;
use crate::json::write::{self, Array};

/// Cohere's list, or one item of it, as OpenAI's `logprobs` object; None when it holds none.
pub(super) fn read(node: Node<'_>) -> Option<Raw<'static>> {
    let items = if node.is_array() {
        node.elements()
    } else {
        vec![node]
    };
    let mut any = false;
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.array("content", |a| {
            for item in items {
                any |= write_item(a, item);
            }
        });
    });
    String::from_utf8(out).ok().filter(|_| any).map(Raw::from)
}

/// One text with its probability. Tokens that make up one text are as likely as all of them together.
fn write_item(a: &mut Array<'_>, item: Node<'_>) -> bool {
    let [text, logprobs] = item.pick(["text", "logprobs"]);
    let Some(text) = text.and_then(Node::text) else {
        return false;
    };
    let numbers: Vec<f64> = logprobs
        .map(Node::elements)
        .unwrap_or_default()
        .into_iter()
        .filter_map(Node::number)
        .collect();
    if numbers.is_empty() {
        return false;
    }
    a.object(|o| {
        o.text("token", &text);
        o.number_if("logprob", Some(numbers.iter().sum()));
        o.array("bytes", |a| {
            for byte in text.bytes() {
                a.raw(&byte.to_string());
            }
        });
        o.array("top_logprobs", |_| {});
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_two_tokens_is_as_likely_as_both() {
        let node =
            Node::of(r#"[{"text":"Hi","token_ids":[1,2],"logprobs":[-0.25,-0.5]},{"text":"!"}]"#);
        let raw = read(node).unwrap();
        assert_eq!(
            raw.as_str(),
            r#"{"content":[{"token":"Hi","logprob":-0.75,"bytes":[72,105],"top_logprobs":[]}]}"#
        );
        assert_eq!(read(Node::of("[]")), None);
        assert_eq!(read(Node::of("7")), None);
    }
}
