//! A whole answer of Converse's into the form between.

use std::borrow::Cow;

use super::block_reader::read_answer;
use super::usage;
use crate::ir::{Block, Choice, Finish, NotAReply, Raw, Reason, Recall, Reply};
use crate::json::Node;

/// Reads a whole answer; `recall` is what its request left behind. Its id stands in a header.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let node = Node::parse(body)?;
    let [output, reason, usage] = node.pick(["output", "stopReason", "usage"]);
    let content = output
        .and_then(|output| output.get("message"))
        .and_then(|message| message.get("content"))
        .filter(|content| content.is_array())
        .ok_or(NotAReply::Lacks("output.message.content"))?;
    let blocks = content.elements().into_iter();
    let mut blocks: Vec<_> = blocks
        .filter_map(|block| read_answer(block, recall))
        .collect();
    blocks.retain(|block| !block.is_empty());
    let called = blocks
        .iter()
        .any(|block| matches!(block, Block::ToolCall(_)));
    Ok(Reply {
        choices: vec![Choice {
            index: 0,
            blocks,
            finish: read_finish(reason, recall, called),
            logprobs: None,
        }],
        usage: usage.map(usage::read),
        metadata: metadata(node),
        ..Reply::default()
    })
}

/// Why it ended. Where the call was the answer, the client knows nothing of a call.
pub(super) fn read_finish<'a>(
    reason: Option<Node<'a>>,
    recall: &Recall,
    called: bool,
) -> Finish<'a> {
    let finish = Finish::of(reason.and_then(Node::text).unwrap_or_default());
    if recall.json_tool.is_some() && !called && finish.reason == Reason::ToolCalls {
        return Finish::because(Reason::Stop);
    }
    finish
}

/// What is told under the vendor's name. How long it took is told beside what else there is.
pub(super) fn metadata(node: Node<'_>) -> Vec<(Cow<'_, str>, Raw<'_>)> {
    const NAMES: [&str; 4] = [
        "trace",
        "performanceConfig",
        "serviceTier",
        "additionalModelResponseFields",
    ];
    let found = NAMES.into_iter().zip(node.pick(NAMES));
    let mut told: Vec<_> = found
        .filter_map(|(name, value)| Some((Cow::Borrowed(name), Raw::from(value?))))
        .collect();
    if !told.is_empty() {
        let metrics = node.get("metrics");
        told.extend(metrics.map(|metrics| (Cow::Borrowed("metrics"), Raw::from(metrics))));
    }
    told
}
