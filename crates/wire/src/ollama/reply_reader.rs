//! A whole answer of Ollama's into the form between.

use super::answer::Answer;
use crate::ir::{Block, Choice, NotAReply, Recall, Reply, Thinking};
use crate::json::Node;

/// Reads a whole answer; `recall` is what its request left behind.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let answer = Answer::read(Node::parse(body)?).ok_or(NotAReply::Lacks("message"))?;
    let mut blocks = Vec::new();
    if let Some(text) = &answer.thinking {
        blocks.push(Block::Thinking(Thinking {
            text: text.clone(),
            state: None,
        }));
    }
    blocks.extend(answer.content.clone().map(Block::text));
    let calls = answer.calls.iter().zip(0..);
    let calls: Vec<_> = calls
        .filter_map(|(call, number)| answer.call(*call, number, recall))
        .map(Block::ToolCall)
        .collect();
    let called = !calls.is_empty();
    blocks.extend(calls);
    Ok(Reply {
        model: answer.model.clone(),
        choices: vec![Choice {
            index: 0,
            blocks,
            finish: answer.finish(called),
            logprobs: answer.probable(),
        }],
        usage: answer.usage(),
        ..Reply::default()
    })
}
