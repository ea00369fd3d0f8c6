//! Answers as events, in the order Bedrock sends them: the message, block after
//! block, why it ended, what was used.

use serde_json::{Value, json};

use super::object::{SIGNATURE, stop_reason, tool_use, trace, usage};
use crate::{
    answer::{Event, Kind},
    behaviour::Behaviour,
    openai::{Chat, reply::Reply, text},
};

pub(crate) fn events(chat: &Chat, behaviour: &Behaviour) -> Vec<Event> {
    let reply = Reply::new(chat, behaviour);
    let mut script = Script(Vec::new(), 0);
    script.say(Kind::Opening, "messageStart", &json!({"role": "assistant"}));
    if let Some(thought) = reply.reasoning {
        let pieces = text::pieces(thought, None).into_iter();
        let pieces = pieces.map(|piece| json!({"reasoningContent": {"text": piece}}));
        let signed = json!({"reasoningContent": {"signature": SIGNATURE}});
        script.block(None, pieces.chain([signed]));
    }
    if !reply.text.is_empty() {
        let pieces = reply.pieces().into_iter();
        script.block(None, pieces.map(|piece| json!({"text": piece})));
    }
    for (at, call) in reply.calls.iter().enumerate() {
        let pieces = text::pieces(&call.arguments, reply.piece).into_iter();
        let pieces = pieces.map(|piece| json!({"toolUse": {"input": piece}}));
        script.block(Some(json!({"toolUse": tool_use(call, at)})), pieces);
    }
    let ending = json!({"stopReason": stop_reason(&reply)});
    script.say(Kind::Finish, "messageStop", &ending);
    if let Some(usage) = usage(&reply, behaviour) {
        let mut metadata = json!({"usage": usage, "metrics": {"latencyMs": 1}});
        if let Some(trace) = trace(&reply) {
            metadata["trace"] = trace;
        }
        script.say(Kind::Usage, "metadata", &metadata);
    }
    script.0
}

/// Events, and the number of the next block.
struct Script(Vec<Event>, u64);

impl Script {
    fn say(&mut self, kind: Kind, name: &'static str, data: &Value) {
        self.0.push(Event::named(kind, name, data.to_string()));
    }

    /// A block; only calls are announced.
    fn block(&mut self, start: Option<Value>, deltas: impl Iterator<Item = Value>) {
        let index = self.1;
        self.1 += 1;
        if let Some(start) = start {
            let start = json!({"contentBlockIndex": index, "start": start});
            self.say(Kind::Content, "contentBlockStart", &start);
        }
        for delta in deltas {
            let delta = json!({"contentBlockIndex": index, "delta": delta, "p": "abcdefgh"});
            self.say(Kind::Content, "contentBlockDelta", &delta);
        }
        let stop = json!({"contentBlockIndex": index});
        self.say(Kind::Opening, "contentBlockStop", &stop);
    }
}
