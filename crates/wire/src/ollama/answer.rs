//! What whole answers and lines of streams have in common.

use std::borrow::Cow;

use crate::ir::{Finish, Raw, Reason, Recall, ToolCall, Usage, names};
use crate::json::Node;
use crate::json::write;

/// Digits of an id that is made here.
const ID_DIGITS: usize = 12;

/// An answer, or a piece of one.
pub(super) struct Answer<'a> {
    pub(super) node: Node<'a>,
    pub(super) model: Cow<'a, str>,
    pub(super) content: Option<Cow<'a, str>>,
    pub(super) thinking: Option<Cow<'a, str>>,
    pub(super) calls: Vec<Node<'a>>,
    pub(super) logprobs: Option<Node<'a>>,
    pub(super) done: bool,
}

impl<'a> Answer<'a> {
    /// Reads it; None without a message.
    pub(super) fn read(node: Node<'a>) -> Option<Answer<'a>> {
        let [message, model, done, logprobs] = node.pick(["message", "model", "done", "logprobs"]);
        let [content, thinking, calls] = message.filter(|message| message.is_object())?.pick([
            "content",
            "thinking",
            "tool_calls",
        ]);
        let words =
            |node: Option<Node<'a>>| node.and_then(Node::text).filter(|text| !text.is_empty());
        Some(Answer {
            node,
            model: model.and_then(Node::text).unwrap_or_default(),
            content: words(content),
            thinking: words(thinking),
            calls: calls.map(Node::elements).unwrap_or_default(),
            logprobs: logprobs.filter(|list| !list.elements().is_empty()),
            done: done.and_then(Node::flag).unwrap_or(false),
        })
    }

    /// Why it ended. The vendor says `stop` for calls too.
    pub(super) fn finish(&self, called: bool) -> Finish<'a> {
        let word = self.node.get("done_reason").and_then(Node::text);
        let finish = Finish::of(word.unwrap_or_default());
        if called && finish.reason == Reason::Stop {
            Finish::because(Reason::ToolCalls)
        } else {
            finish
        }
    }

    /// What was counted.
    pub(super) fn usage(&self) -> Option<Usage> {
        let [read, written] = self.node.pick(["prompt_eval_count", "eval_count"]);
        let [read, written] = [read, written].map(|count| count.and_then(Node::uint));
        read.or(written)?;
        Some(Usage {
            uncached_in: read.unwrap_or(0),
            out: written.unwrap_or(0),
            ..Usage::default()
        })
    }

    /// The probabilities in OpenAI's form, which the list already has.
    pub(super) fn probable(&self) -> Option<Raw<'static>> {
        let list = self.logprobs?;
        let mut out = Vec::with_capacity(list.raw().len() + 16);
        write::object(&mut out, |o| o.raw("content", list.raw()));
        String::from_utf8(out).ok().map(Raw::from)
    }

    /// One of its calls; `number` counts those of the whole answer. A call without an id gets one
    /// that follows from all that is known of it, its time above all: none is ever given twice in
    /// one conversation.
    pub(super) fn call(
        &self,
        call: Node<'a>,
        number: u32,
        recall: &Recall,
    ) -> Option<ToolCall<'a>> {
        let [id, function] = call.pick(["id", "function"]);
        let [name, arguments] = function?.pick(["name", "arguments"]);
        let name = name?.text()?;
        let arguments = arguments.unwrap_or(Node::of("{}"));
        let id = id.and_then(Node::text).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(self.made_id(call, number)));
        let custom = recall.custom.iter().any(|custom| *custom == *name);
        let arguments = match arguments.get("input").and_then(Node::text) {
            Some(text) if custom => text,
            // Some models write the object's text.
            _ => arguments.text().unwrap_or_else(|| arguments.compact()),
        };
        Some(ToolCall {
            id,
            name: recall.names.restored(name),
            arguments,
            signature: None,
            custom,
            cache: None,
        })
    }

    fn made_id(&self, call: Node<'_>, number: u32) -> String {
        let time = self
            .node
            .get("created_at")
            .and_then(Node::text)
            .unwrap_or_default();
        let hash = names::hash(&format!("{time} {} {number} {}", self.model, call.raw()));
        format!("call_{}", hash.get(..ID_DIGITS).unwrap_or(&hash))
    }
}
