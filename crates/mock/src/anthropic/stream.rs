//! Answers as events, in the order Anthropic sends them: the message, a ping,
//! block after block, why it ended with what was used, the end.

use serde_json::{Value, json};

use super::object::{SIGNATURE, message, stop_reason, tool_use, usage};
use super::spelling;
use crate::{
    answer::{Event, Kind},
    behaviour::Behaviour,
    openai::{Chat, reply::Reply, text},
};

pub(crate) fn events(chat: &Chat, behaviour: &Behaviour) -> Vec<Event> {
    let reply = Reply::new(chat, behaviour);
    let usage = usage(&reply, behaviour);
    let mut script = Script(Vec::new());
    let mut opening = message(&reply);
    if let Some(usage) = &usage {
        // What will be written is not known yet.
        opening["usage"] = usage.clone();
        opening["usage"]["output_tokens"] = 1.into();
    }
    script.say(Kind::Opening, "message_start", &json!({"message": opening}));
    script.say(Kind::Opening, "ping", &json!({}));
    let mut index = 0..;
    let mut next = || index.next().unwrap_or_default();
    if let Some(thought) = reply.reasoning {
        let start = json!({"type": "thinking", "thinking": "", "signature": ""});
        let pieces = text::pieces(thought, None);
        let pieces = pieces
            .into_iter()
            .map(|piece| json!({"type": "thinking_delta", "thinking": piece}));
        let signed = json!({"type": "signature_delta", "signature": SIGNATURE});
        script.block(next(), Kind::Opening, &start, pieces.chain([signed]));
    }
    if !reply.text.is_empty() {
        let pieces = reply.pieces().into_iter();
        let pieces = pieces.map(|piece| json!({"type": "text_delta", "text": piece}));
        script.block(
            next(),
            Kind::Opening,
            &json!({"type": "text", "text": ""}),
            pieces,
        );
    }
    for (at, call) in reply.calls.iter().enumerate() {
        let pieces = text::pieces(&call.arguments, reply.piece).into_iter();
        let pieces = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        script.block(next(), Kind::Content, &tool_use(call, at), pieces);
    }
    let mut ending = json!({"delta": {"stop_reason": stop_reason(&reply), "stop_sequence": null}});
    if let Some(usage) = usage {
        ending["usage"] = usage;
    }
    script.say(Kind::Finish, "message_delta", &ending);
    script.say(Kind::Done, "message_stop", &json!({}));
    script.0
}

struct Script(Vec<Event>);

impl Script {
    /// An event's name stands in its data as well.
    fn say(&mut self, kind: Kind, name: &'static str, members: &Value) {
        let data = spelling::event(name, members);
        self.0.push(Event::named(kind, name, data));
    }

    fn block(
        &mut self,
        index: u64,
        kind: Kind,
        start: &Value,
        deltas: impl Iterator<Item = Value>,
    ) {
        let start = json!({"index": index, "content_block": start});
        self.say(kind, "content_block_start", &start);
        for delta in deltas {
            let delta = json!({"index": index, "delta": delta});
            self.say(Kind::Content, "content_block_delta", &delta);
        }
        self.say(
            Kind::Opening,
            "content_block_stop",
            &json!({"index": index}),
        );
    }
}
