//! A whole chat answer into the form between.

use std::borrow::Cow;

use super::message::read_thinking;
use super::part::{read_annotations, read_listed};
use super::tool::read_call;
use crate::ir::{Block, Choice, Finish, Image, NotAReply, Raw, Reply, Text, media};
use crate::json::Node;
use crate::usage;

/// Reads a whole answer.
pub fn read_reply(body: &[u8]) -> Result<Reply<'_>, NotAReply> {
    let node = Node::parse(body)?;
    let [id, model, created, choices, usage, tier, metadata] = node.pick([
        "id",
        "model",
        "created",
        "choices",
        "usage",
        "service_tier",
        "provider_metadata",
    ]);
    let choices = choices.ok_or(NotAReply::Lacks("choices"))?.elements();
    Ok(Reply {
        id: id.and_then(Node::text).unwrap_or_default(),
        model: model.and_then(Node::text).unwrap_or_default(),
        created: created.and_then(Node::uint),
        choices: (0..)
            .zip(choices)
            .map(|(at, choice)| read_choice(at, choice))
            .collect(),
        usage: usage
            .and_then(|usage| usage::Usage::read(usage.raw()))
            .map(Into::into),
        service_tier: tier.and_then(Node::text),
        metadata: metadata
            .map(Node::members)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, Raw::from(value)))
            .collect(),
    })
}

fn read_choice(at: u32, choice: Node<'_>) -> Choice<'_> {
    let [index, message, finish, native, logprobs] = choice.pick([
        "index",
        "message",
        "finish_reason",
        "native_finish_reason",
        "logprobs",
    ]);
    let index = index
        .and_then(Node::uint)
        .and_then(|index| u32::try_from(index).ok());
    Choice {
        index: index.unwrap_or(at),
        blocks: message.map(read_message).unwrap_or_default(),
        finish: read_finish(finish, native),
        logprobs: logprobs.map(Raw::from),
    }
}

/// A reason, and the word of the vendor behind the vendor where one is told.
pub(super) fn read_finish<'a>(finish: Option<Node<'a>>, native: Option<Node<'a>>) -> Finish<'a> {
    let reason = finish.and_then(Node::text).unwrap_or(Cow::Borrowed("stop"));
    let mut finish = Finish::of(reason);
    if let Some(native) = native.and_then(Node::text) {
        finish.native = native;
    }
    finish
}

fn read_message(message: Node<'_>) -> Vec<Block<'_>> {
    let [content, calls, refusal, annotations, images] =
        message.pick(["content", "tool_calls", "refusal", "annotations", "images"]);
    let mut blocks = read_thinking(message);
    if let Some(content) = content {
        blocks.extend(read_words(content, annotations));
    }
    let refusal = refusal
        .and_then(Node::text)
        .filter(|refusal| !refusal.is_empty());
    blocks.extend(refusal.map(Block::Refusal));
    blocks.extend(
        images
            .map(Node::elements)
            .unwrap_or_default()
            .into_iter()
            .filter_map(read_image),
    );
    let calls = calls.map(Node::elements).unwrap_or_default();
    blocks.extend(calls.into_iter().filter_map(read_call).map(Block::ToolCall));
    blocks
}

fn read_words<'a>(content: Node<'a>, annotations: Option<Node<'a>>) -> Vec<Block<'a>> {
    let Some(text) = content.text() else {
        return read_listed(content);
    };
    let block = Block::Text(Text {
        text,
        citations: read_annotations(annotations),
        cache: None,
    });
    if block.is_empty() {
        Vec::new()
    } else {
        vec![block]
    }
}

pub(super) fn read_image(image: Node<'_>) -> Option<Block<'_>> {
    let url = image.get("image_url")?.get("url")?.text()?;
    Some(Block::Image(Image {
        source: media::source(url).ok()?,
        detail: None,
        media_type: None,
        cache: None,
    }))
}
