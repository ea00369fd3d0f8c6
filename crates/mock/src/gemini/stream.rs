//! Answers as events: each is an answer with what is new in it, the last says
//! why it ended and what was used. Nothing marks the end of the stream.

use serde_json::{Value, json};

use super::object::{answer, candidate, finish_reason, function_call, thought, usage};
use crate::{
    answer::{Event, Kind},
    behaviour::Behaviour,
    openai::{Chat, reply::Reply, text},
};

pub(crate) fn events(chat: &Chat, behaviour: &Behaviour) -> Vec<Event> {
    let reply = Reply::new(chat, behaviour);
    let mut events = Vec::new();
    for index in 0..chat.choices {
        let mut say = |kind, part: Value| {
            let piece = answer(&reply, &[candidate(index, &[part])]);
            events.push(Event::new(kind, piece.to_string()));
        };
        for piece in reply
            .reasoning
            .map(|thought| text::pieces(thought, None))
            .unwrap_or_default()
        {
            say(Kind::Opening, thought(piece));
        }
        if !reply.text.is_empty() {
            for piece in reply.pieces() {
                say(Kind::Content, json!({"text": piece}));
            }
        }
        for (at, call) in reply.calls.iter().enumerate() {
            say(Kind::Content, function_call(call, at));
        }
    }
    events.push(last(chat, &reply, behaviour));
    events
}

fn last(chat: &Chat, reply: &Reply<'_>, behaviour: &Behaviour) -> Event {
    let candidates: Vec<Value> = (0..chat.choices)
        .map(|index| {
            let mut candidate = candidate(index, &[json!({"text": ""})]);
            candidate["finishReason"] = finish_reason(reply).into();
            candidate
        })
        .collect();
    let mut answer = answer(reply, &candidates);
    if let Some(usage) = usage(reply, behaviour) {
        answer["usageMetadata"] = usage;
    }
    Event::new(Kind::Finish, answer.to_string())
}
