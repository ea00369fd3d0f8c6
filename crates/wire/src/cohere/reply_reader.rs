//! A whole answer of Cohere's into the form between.

use std::borrow::Cow;

use super::citation::pages;
use super::error::failure;
use super::tool::{free_text, is_custom, read_call};
use super::{logprobs, usage};
use crate::ir::{
    Block, Choice, Citation, Finish, NotAReply, Recall, Reply, Server, Text, Thinking, ToolCall,
};
use crate::json::Node;

/// Reads a whole answer; `recall` is what its request left behind.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let node = Node::parse(body)?;
    let [id, reason, message, counted, probable] =
        node.pick(["id", "finish_reason", "message", "usage", "logprobs"]);
    // In an error it is a text.
    let message = message
        .filter(|message| message.is_object())
        .ok_or(NotAReply::Lacks("message"))?;
    let reason = reason.and_then(Node::text).unwrap_or_default();
    if let Some(error) = failure(&reason, None) {
        return Err(NotAReply::Vendor(error));
    }
    let [content, plan, calls, citations] =
        message.pick(["content", "tool_plan", "tool_calls", "citations"]);
    let mut blocks = read_content(content, citations);
    if let Some(plan) = plan.and_then(Node::text) {
        let at = blocks
            .iter()
            .take_while(|block| matches!(block, Block::Thinking(_)))
            .count();
        blocks.insert(at, thought(plan));
    }
    let calls = calls.map(Node::elements).unwrap_or_default();
    blocks.extend(
        calls
            .into_iter()
            .filter_map(|call| read_tool_call(call, recall)),
    );
    blocks.retain(|block| !block.is_empty());
    let mut metadata = Vec::new();
    if let Some(list) = citations.filter(|list| !list.elements().is_empty()) {
        metadata.push((Cow::Borrowed("citations"), list.into()));
    }
    if let Some(bill) = counted.and_then(usage::bill) {
        metadata.push((Cow::Borrowed("billed_units"), bill));
    }
    Ok(Reply {
        id: id.and_then(Node::text).unwrap_or_default(),
        choices: vec![Choice {
            index: 0,
            blocks,
            finish: Finish::of(reason),
            logprobs: probable.and_then(logprobs::read),
        }],
        usage: counted.map(usage::read),
        metadata,
        ..Reply::default()
    })
}

fn thought(text: Cow<'_, str>) -> Block<'_> {
    Block::Thinking(Thinking { text, state: None })
}

/// The parts of a message, the citations at the texts that they count in.
fn read_content<'a>(content: Option<Node<'a>>, citations: Option<Node<'a>>) -> Vec<Block<'a>> {
    let Some(content) = content else {
        return Vec::new();
    };
    if let Some(text) = content.text() {
        return vec![Block::text(text)];
    }
    let citations = citations.map(Node::elements).unwrap_or_default();
    let mut before = 0;
    let mut read_part = |(at, part): (usize, Node<'a>)| {
        let [kind, text, thinking] = part.pick(["type", "text", "thinking"]);
        let kind = kind?.text()?;
        Some(match &*kind {
            "text" => {
                let text = text?.text()?;
                let citations = cited(&citations, at, before);
                before += text.chars().count() as u64;
                Block::Text(Text {
                    text,
                    citations,
                    cache: None,
                })
            }
            "thinking" => thought(thinking?.text()?),
            _ => Block::Server(Server {
                kind,
                raw: part.into(),
            }),
        })
    };
    let parts = content.elements().into_iter().enumerate();
    parts.filter_map(&mut read_part).collect()
}

/// The pages cited in the part of that number. A citation that names no part is for the first text.
fn cited<'a>(citations: &[Node<'a>], at: usize, before: u64) -> Vec<Citation<'a>> {
    let own = citations.iter().filter(|citation| {
        let part = citation.get("content_index").and_then(Node::uint);
        part.map_or(before == 0, |part| part == at as u64)
    });
    own.flat_map(|citation| pages(*citation, before)).collect()
}

fn read_tool_call<'a>(node: Node<'a>, recall: &Recall) -> Option<Block<'a>> {
    let (id, name, arguments) = read_call(node, recall)?;
    let custom = is_custom(node, recall);
    let arguments = if custom {
        Cow::Owned(free_text(&arguments).into_owned())
    } else {
        arguments
    };
    Some(Block::ToolCall(ToolCall {
        id,
        name,
        arguments,
        signature: None,
        custom,
        cache: None,
    }))
}
