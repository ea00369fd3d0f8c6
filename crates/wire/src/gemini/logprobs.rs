//! Probabilities, in OpenAI's form.

use crate::ir::Raw;
use crate::json::Node;
use crate::json::write::{self, Object};

/// A `logprobsResult` as a choice's `logprobs`; None when it tells of no token.
pub(super) fn read_logprobs<'a>(result: Node<'_>) -> Option<Raw<'a>> {
    let [chosen, top] = result.pick(["chosenCandidates", "topCandidates"]);
    let chosen = chosen?.elements();
    let rivals = top.map(Node::elements).unwrap_or_default();
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.array("content", |a| {
            for (at, token) in chosen.iter().enumerate() {
                a.object(|o| {
                    write_token(o, *token);
                    let rivals = rivals.get(at).and_then(|node| node.get("candidates"));
                    o.array("top_logprobs", |a| {
                        for rival in rivals.map(Node::elements).unwrap_or_default() {
                            a.object(|o| write_token(o, rival));
                        }
                    });
                });
            }
        });
    });
    let json = String::from_utf8(out).ok()?;
    (!chosen.is_empty()).then(|| Raw::from(json))
}

fn write_token(o: &mut Object<'_>, token: Node<'_>) {
    let [text, probability] = token.pick(["token", "logProbability"]);
    let text = text.and_then(Node::text).unwrap_or_default();
    o.text("token", &text);
    o.number_if(
        "logprob",
        Some(probability.and_then(Node::number).unwrap_or(0.0)),
    );
    o.array("bytes", |a| {
        for byte in text.bytes() {
            a.raw(&byte.to_string());
        }
    });
}
