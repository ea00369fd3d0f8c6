//! A whole answer of Gemini's into the form between.

use std::borrow::Cow;

use super::answer::{
    METADATA, Part, fresh_id, read_block, read_call, read_finish, read_part, signature_block,
};
use super::grounding::{Said, citations};
use super::logprobs::read_logprobs;
use super::usage::read_usage;
use crate::ir::{
    Block, Choice, NotAReply, Opaque, OpaqueKind, Raw, Recall, Reply, Text, Thinking, names,
};
use crate::json::Node;

/// What only this vendor says, by name.
type Metadata<'a> = Vec<(Cow<'a, str>, Raw<'a>)>;

/// Reads a whole answer; `recall` is what its request left behind.
///
/// The version that the vendor says it used is no name that a client could ask for again: the
/// answer has no model, and the version goes with what else only this vendor says.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let node = Node::parse(body)?;
    let [id, version, candidates, feedback, usage] = node.pick([
        "responseId",
        "modelVersion",
        "candidates",
        "promptFeedback",
        "usageMetadata",
    ]);
    let id = id.and_then(Node::text).unwrap_or_default();
    let stem = stem(&id, node);
    let mut metadata = Vec::new();
    let candidates = candidates.map(Node::elements).unwrap_or_default();
    let mut choices: Vec<_> = (0..)
        .zip(candidates)
        .map(|(at, candidate)| {
            let number = index_of(candidate).unwrap_or(at);
            read_choice(number, candidate, &stem, recall, &mut metadata)
        })
        .collect();
    choices.sort_by_key(|choice| choice.index);
    if choices.is_empty() {
        let (finish, words) = read_block(feedback).ok_or(NotAReply::Lacks("candidates"))?;
        choices.push(Choice {
            blocks: vec![Block::Refusal(words)],
            finish,
            ..Choice::default()
        });
    }
    if let (false, Some(version)) = (metadata.is_empty(), version) {
        metadata.push((Cow::Borrowed("modelVersion"), version.into()));
    }
    Ok(Reply {
        id,
        choices,
        usage: usage.map(read_usage),
        metadata,
        ..Reply::default()
    })
}

/// What ids of an answer's calls begin with: the answer's own id, or else what follows from it.
pub(super) fn stem(id: &str, answer: Node<'_>) -> String {
    if id.is_empty() {
        names::hash(answer.raw())
    } else {
        id.to_owned()
    }
}

/// The number that a candidate gives itself.
pub(super) fn index_of(candidate: Node<'_>) -> Option<u32> {
    let index = candidate.get("index").and_then(Node::uint)?;
    u32::try_from(index).ok()
}

fn read_choice<'a>(
    number: u32,
    candidate: Node<'a>,
    stem: &str,
    recall: &Recall,
    metadata: &mut Metadata<'a>,
) -> Choice<'a> {
    let [content, reason, logprobs] = candidate.pick(["content", "finishReason", "logprobsResult"]);
    let parts = content
        .and_then(|content| content.get("parts"))
        .map(Node::elements)
        .unwrap_or_default();
    let mut said = Said::default();
    let mut blocks = Vec::with_capacity(parts.len());
    let mut calls = 0;
    for part in parts {
        said.part();
        match read_part(part) {
            Some(Part::Words {
                text,
                thought,
                signature,
            }) => {
                if !thought {
                    said.push(&text);
                }
                blocks.extend(words(text, thought, signature));
            }
            Some(Part::Call(call, signature)) => {
                let fresh = || fresh_id(stem, number, calls);
                if let Some(call) = read_call(call, signature, fresh, recall) {
                    calls += 1;
                    blocks.push(Block::ToolCall(call));
                }
            }
            Some(Part::Whole(block)) => blocks.push(block),
            None => {}
        }
    }
    for (name, value) in METADATA.into_iter().zip(candidate.pick(METADATA)) {
        let Some(value) = value else {
            continue;
        };
        if name == "groundingMetadata" {
            cite(&mut blocks, value, &said);
        }
        metadata.push((name_of(name, number), value.into()));
    }
    Choice {
        index: number,
        blocks,
        finish: read_finish(reason.and_then(Node::text).unwrap_or_default(), calls > 0),
        logprobs: logprobs.and_then(read_logprobs),
    }
}

/// The first candidate's are told under their names, the others' with a number behind.
pub(super) fn name_of(name: &'static str, candidate: u32) -> Cow<'static, str> {
    match candidate {
        0 => Cow::Borrowed(name),
        candidate => Cow::Owned(format!("{name}[{candidate}]")),
    }
}

fn words<'a>(
    text: Cow<'a, str>,
    thought: bool,
    signature: Option<Cow<'a, str>>,
) -> impl Iterator<Item = Block<'a>> {
    let (first, second) = if thought {
        let state = signature.map(|data| Opaque {
            kind: OpaqueKind::Gemini,
            data,
        });
        (Block::Thinking(Thinking { text, state }), None)
    } else {
        (Block::Text(Text::new(text)), signature.map(signature_block))
    };
    [Some(first), second]
        .into_iter()
        .flatten()
        .filter(|block| !block.is_empty())
}

/// Citations stand at the last words; they say themselves for which characters they are.
fn cite<'a>(blocks: &mut [Block<'a>], metadata: Node<'a>, said: &Said) {
    let last = blocks.iter_mut().rev().find_map(|block| match block {
        Block::Text(text) => Some(text),
        _ => None,
    });
    if let Some(text) = last {
        text.citations = citations(metadata, said);
    }
}
