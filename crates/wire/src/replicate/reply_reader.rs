//! A finished prediction into the form between.

use super::prediction::{Prediction, Status};
use crate::ir::{Block, Choice, Finish, NotAReply, Reason, Recall, Reply, Usage};
use crate::json::Node;

/// Reads a prediction that has ended; `recall` is what its request left behind.
pub fn read_reply<'a>(body: &'a [u8], recall: &Recall) -> Result<Reply<'a>, NotAReply> {
    let prediction = Prediction::of(Node::parse(body)?).ok_or(NotAReply::Lacks("status"))?;
    if let Some(error) = prediction.failure() {
        return Err(NotAReply::Vendor(error));
    }
    if prediction.status() != Some(Status::Succeeded) {
        return Err(NotAReply::Lacks("final status"));
    }
    let text = prediction.text();
    let usage = prediction.usage();
    Ok(Reply {
        id: prediction.id().unwrap_or_default(),
        choices: vec![Choice {
            index: 0,
            blocks: if text.is_empty() {
                Vec::new()
            } else {
                vec![Block::text(text)]
            },
            finish: finish(usage, recall),
            logprobs: None,
        }],
        usage,
        ..Reply::default()
    })
}

/// The vendor does not say why an answer ended; one as long as it may be ran out of room.
pub(super) fn finish(usage: Option<Usage>, recall: &Recall) -> Finish<'static> {
    let full = usage
        .zip(recall.max_output)
        .is_some_and(|(usage, max)| usage.out >= max);
    Finish::because(if full { Reason::Length } else { Reason::Stop })
}
