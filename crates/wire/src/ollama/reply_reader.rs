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
        .map(|(call, number)| answer.call(*call, number, recall).map(Block::ToolCall))
        .collect::<Option<_>>()
        .ok_or(NotAReply::Lacks("message.tool_calls[].function.name"))?;
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::ir::{Break, Reader as _};

    #[test]
    fn a_call_of_nobody_knows_which_tool_is_no_answer() {
        let body = br#"{"model":"m","message":{"role":"assistant","content":"hi",
            "tool_calls":[{"function":{"arguments":{}}}]},"done":true}"#;
        let read = read_reply(body, &Recall::default()).map(|_| ());
        assert!(matches!(read, Err(NotAReply::Lacks(_))), "{read:?}");
        let mut line: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').collect();
        line.push(b'\n');
        let mut reader = super::super::reader(Recall::default(), 1 << 16);
        let read = reader.push(Bytes::from(line), &mut |_| {});
        assert!(matches!(read, Err(Break::Malformed(_))), "{read:?}");
    }
}
