//! A whole answer of Anthropic's into the form between.

use std::borrow::Cow;

use super::block_reader::read_answer;
use super::usage::Counts;
use crate::ir::{Block, Choice, Finish, NotAReply, Reason, Recall, Reply, Server, Text};
use crate::json::Node;

/// Said where a model declines without a word.
pub(super) const DECLINED: &str = "The model declined to answer.";

/// Reads a whole answer; `recall` is what its request left behind.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let node = Node::parse(body)?;
    let [id, model, content, reason, sequence, details, usage] = node.pick([
        "id",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "stop_details",
        "usage",
    ]);
    let content = content
        .filter(|content| content.is_array())
        .ok_or(NotAReply::Lacks("content"))?;
    let blocks = content.elements().into_iter();
    let mut blocks: Vec<_> = blocks
        .filter_map(|block| read_answer(block, recall))
        .map(kept)
        .collect();
    blocks.retain(|block| !block.is_empty());
    if let Some(start) = recall.prefilled {
        put_before(&mut blocks, start);
    }
    let mut finish = read_finish(reason, sequence);
    blocks.extend(refusal(&finish, details).map(Block::Refusal));
    let calls = blocks
        .iter()
        .any(|block| matches!(block, Block::ToolCall(_)));
    if recall.json_tool.is_some() && !calls {
        no_longer_a_call(&mut finish);
    }
    let mut counts = Counts::default();
    if let Some(usage) = usage {
        counts.take(usage);
    }
    Ok(Reply {
        id: id.and_then(Node::text).unwrap_or_default(),
        model: model.and_then(Node::text).unwrap_or_default(),
        created: None,
        choices: vec![Choice {
            index: 0,
            blocks,
            finish,
            logprobs: None,
        }],
        usage: usage.map(|_| counts.usage()),
        service_tier: usage
            .and_then(|usage| usage.get("service_tier"))
            .and_then(Node::text),
        metadata: Vec::new(),
    })
}

/// A block that was invented later is told as the vendor's own.
fn kept(block: Block<'_>) -> Block<'_> {
    match block {
        Block::Unknown { kind, raw } => Block::Server(Server { kind, raw }),
        block => block,
    }
}

/// The answer goes on from a beginning that it does not repeat.
fn put_before(blocks: &mut Vec<Block<'_>>, start: &'static str) {
    let first = blocks.iter_mut().find_map(|block| match block {
        Block::Text(text) => Some(text),
        _ => None,
    });
    match first {
        Some(Text { text, .. }) => *text = Cow::Owned(format!("{start}{text}")),
        None => blocks.push(Block::text(start)),
    }
}

/// Why it ended.
pub(super) fn read_finish<'a>(reason: Option<Node<'a>>, sequence: Option<Node<'a>>) -> Finish<'a> {
    let mut finish = Finish::of(reason.and_then(Node::text).unwrap_or_default());
    finish.stop_sequence = sequence.and_then(Node::text);
    finish
}

/// What a model says that declines.
pub(super) fn refusal<'a>(finish: &Finish<'_>, details: Option<Node<'a>>) -> Option<Cow<'a, str>> {
    if finish.native != "refusal" {
        return None;
    }
    let told = details
        .and_then(|details| details.get("explanation"))
        .and_then(Node::text);
    Some(
        told.filter(|text| !text.is_empty())
            .unwrap_or(Cow::Borrowed(DECLINED)),
    )
}

/// The call was the answer, and the client knows nothing of a call.
pub(super) fn no_longer_a_call(finish: &mut Finish<'_>) {
    if finish.reason == Reason::ToolCalls {
        *finish = Finish::because(Reason::Stop);
    }
}
