//! What a chat answer says, whole or streamed: decided once, so that both
//! forms say the same.

use serde_json::{Value, json};

use super::{
    object::Usage,
    request::{Call, Chat},
    text,
};
use crate::{answer::HUGE_MARK, behaviour::Behaviour, dice, fault::Fault};

/// Bytes of content over all choices of an answer, huge ones aside.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of content in an event when only the number of events is given.
const USUAL_EVENT: usize = 5;
/// Bytes of JSON in an event.
const USUAL_FRAGMENT: usize = 8;
const USUAL_PROMPT: u64 = 12;

pub(crate) struct Reply<'a> {
    pub(crate) id: String,
    pub(crate) model: &'a str,
    pub(crate) reasoning: Option<&'static str>,
    /// Empty when tools are called.
    pub(crate) text: String,
    pub(crate) calls: Vec<&'a Call>,
    pub(crate) finish: &'a str,
    pub(crate) usage: Usage,
    /// Bytes of a piece when streamed; words when `None`.
    pub(crate) piece: Option<usize>,
}

impl<'a> Reply<'a> {
    pub(crate) fn new(chat: &'a Chat, behaviour: &'a Behaviour) -> Reply<'a> {
        let calls: Vec<&Call> = chat
            .call
            .iter()
            .cycle()
            .take(chat.call.iter().len() * behaviour.tool_calls.unwrap_or(1) as usize)
            .collect();
        let text = if calls.is_empty() {
            content(chat, behaviour)
        } else {
            String::new()
        };
        let parts = behaviour.has(Fault::ContentParts);
        let reasoning = (chat.reasons || parts).then_some(text::THOUGHT);
        Reply {
            id: format!("chatcmpl-{:016x}", dice::hash(chat.model.as_bytes())),
            model: behaviour.answer_model.as_deref().unwrap_or(&chat.model),
            finish: match &behaviour.finish_reason {
                Some(reason) => reason,
                None if calls.is_empty() => "stop",
                None => "tool_calls",
            },
            usage: usage(chat, behaviour, &text, &calls, reasoning),
            piece: piece_length(chat, behaviour, !calls.is_empty()),
            reasoning,
            text,
            calls,
        }
    }

    pub(crate) fn pieces(&self) -> Vec<&str> {
        if self.text == HUGE_MARK {
            return vec![&self.text];
        }
        text::pieces(&self.text, self.piece)
    }
}

fn content(chat: &Chat, behaviour: &Behaviour) -> String {
    let room = MOST_BYTES / chat.choices.max(1) as usize;
    if behaviour.has(Fault::Huge) {
        return HUGE_MARK.to_owned();
    }
    if let Some(text) = &behaviour.text {
        return text.clone();
    }
    if let Some(json) = &chat.json {
        return json.clone();
    }
    if let (true, Some(events)) = (chat.stream, behaviour.events) {
        return text::filler(room.min(events as usize * event_length(behaviour, events)));
    }
    match behaviour.size {
        Some(size) => text::filler(room.min(usize::try_from(size).unwrap_or(room))),
        None => text::sentence(),
    }
}

fn event_length(behaviour: &Behaviour, events: u32) -> usize {
    let share = behaviour
        .size
        .map(|size| size.div_ceil(u64::from(events.max(1))));
    behaviour
        .event_bytes
        .map(|bytes| bytes as usize)
        .or(share.and_then(|bytes| usize::try_from(bytes).ok()))
        .unwrap_or(USUAL_EVENT)
}

fn piece_length(chat: &Chat, behaviour: &Behaviour, calls: bool) -> Option<usize> {
    let given = behaviour.event_bytes.map(|bytes| bytes as usize);
    if calls || chat.json.is_some() {
        return given.or(Some(USUAL_FRAGMENT));
    }
    match behaviour.events {
        Some(events) if behaviour.text.is_none() => Some(event_length(behaviour, events)),
        _ => given,
    }
}

fn usage(
    chat: &Chat,
    behaviour: &Behaviour,
    text: &str,
    calls: &[&Call],
    reasoning: Option<&str>,
) -> Usage {
    let thought = behaviour
        .reasoning_tokens
        .unwrap_or_else(|| reasoning.map_or(0, text::tokens));
    let called: u64 = calls.iter().map(|call| text::tokens(&call.arguments)).sum();
    let said = if text == HUGE_MARK {
        behaviour.faults.number(Fault::Huge).unwrap_or(0) / 4
    } else {
        text::tokens(text)
    };
    let completion = (said + called + thought) * u64::from(chat.choices);
    Usage::new(
        behaviour.prompt_tokens.unwrap_or(USUAL_PROMPT),
        behaviour.cached_tokens.unwrap_or(0),
        behaviour.completion_tokens.unwrap_or(completion),
        thought,
    )
}

/// The id of a tool call.
pub(crate) fn call_id(call: &Call, at: usize) -> String {
    let seed = dice::hash(call.name.as_bytes()) ^ at as u64;
    format!("call_{:016x}", dice::mix(seed))
}

/// A part of content that shows thinking, as Mistral writes it.
pub(crate) fn thinking_part(thought: &str) -> Value {
    json!({"type": "thinking", "thinking": [{"type": "text", "text": thought}]})
}

pub(crate) fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Log probabilities for tokens, each with so many alternatives.
pub(crate) fn logprobs(tokens: &[&str], alternatives: u8) -> Value {
    let content: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let mut entry = probability(token, 0);
            entry["top_logprobs"] = (0..alternatives)
                .map(|rank| probability(token, rank))
                .collect();
            entry
        })
        .collect();
    json!({"content": content, "refusal": null})
}

fn probability(token: &str, rank: u8) -> Value {
    json!({
        "token": if rank == 0 { token.to_owned() } else { format!("{token}{rank}") },
        "logprob": -0.01 - f64::from(rank),
        "bytes": token.as_bytes(),
    })
}
