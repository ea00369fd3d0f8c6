//! Chat answers as chunks, in the order OpenAI sends them: the role, the
//! content, the finish, the usage when asked for, `[DONE]`.

use serde_json::Value;

use super::{
    object::{
        CREATED, Chunk, ChunkChoice, Delta, FINGERPRINT, FunctionDelta, Member, TIER, ToolDelta,
        Usage,
    },
    reply::{self, Reply},
    request::{Call, Chat},
    text,
};
use crate::{
    answer::{Event, Kind},
    behaviour::Behaviour,
    fault::Fault,
};

pub(crate) fn events(chat: &Chat, behaviour: &Behaviour) -> Vec<Event> {
    let reply = Reply::new(chat, behaviour);
    let writer = Writer {
        chat,
        behaviour,
        reply: &reply,
    };
    let mut events = Vec::new();
    for (kind, delta) in writer.deltas() {
        events.extend(writer.to_all_choices(kind, &delta, None));
    }
    events.extend(writer.to_all_choices(Kind::Finish, &Delta::default(), Some(reply.finish)));
    events.extend(writer.usage_chunk());
    events.push(Event::new(Kind::Done, "[DONE]"));
    events
}

struct Writer<'a> {
    chat: &'a Chat,
    behaviour: &'a Behaviour,
    reply: &'a Reply<'a>,
}

impl<'a> Writer<'a> {
    /// What one choice says, step by step.
    fn deltas(&self) -> Vec<(Kind, Delta<'a>)> {
        let mut deltas = vec![(Kind::Opening, self.opening())];
        deltas.extend(
            self.thoughts()
                .into_iter()
                .chain(self.words())
                .chain(self.calls())
                .map(|delta| (Kind::Content, delta)),
        );
        if self.behaviour.has(Fault::RoleEverywhere) {
            for (_, delta) in &mut deltas {
                delta.role = Some("assistant");
            }
        }
        deltas
    }

    fn opening(&self) -> Delta<'a> {
        Delta {
            role: Some("assistant"),
            content: Some(match self.reply.calls.as_slice() {
                [] => Value::String(String::new()),
                _ => Value::Null,
            }),
            refusal: Some(None),
            ..Delta::default()
        }
    }

    fn thoughts(&self) -> Vec<Delta<'a>> {
        let Some(thought) = self.reply.reasoning else {
            return Vec::new();
        };
        let parts = self.behaviour.has(Fault::ContentParts);
        let delta = |piece: &'a str| {
            if parts {
                return content(Value::Array(vec![reply::thinking_part(piece)]));
            }
            Delta {
                content: Some(Value::Null),
                reasoning_content: Some(piece),
                ..Delta::default()
            }
        };
        text::pieces(thought, None).into_iter().map(delta).collect()
    }

    fn words(&self) -> Vec<Delta<'a>> {
        let parts = self.behaviour.has(Fault::ContentParts);
        let value = |piece: &str| {
            if parts {
                Value::Array(vec![reply::text_part(piece)])
            } else {
                Value::String(piece.to_owned())
            }
        };
        let pieces = self.reply.pieces().into_iter();
        pieces.map(|piece| content(value(piece))).collect()
    }

    fn calls(&self) -> Vec<Delta<'a>> {
        let calls = self.reply.calls.iter().enumerate();
        calls
            .flat_map(|(at, call)| self.fragments(at, call))
            .collect()
    }

    /// A call's name, then its arguments bit by bit.
    fn fragments(&self, at: usize, call: &'a Call) -> Vec<Delta<'a>> {
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        let head = ToolDelta {
            index,
            id: Some(reply::call_id(call, at)),
            kind: Some("function"),
            function: FunctionDelta {
                name: Some(&call.name),
                arguments: "",
            },
        };
        let fragment = |arguments| ToolDelta {
            index,
            id: None,
            kind: None,
            function: FunctionDelta {
                name: None,
                arguments,
            },
        };
        let pieces = text::pieces(&call.arguments, self.reply.piece);
        std::iter::once(head)
            .chain(pieces.into_iter().map(fragment))
            .map(|tool| Delta {
                tool_calls: Some([tool]),
                ..Delta::default()
            })
            .collect()
    }

    fn to_all_choices(
        &self,
        kind: Kind,
        delta: &Delta<'a>,
        finish: Option<&'a str>,
    ) -> impl Iterator<Item = Event> {
        (0..self.chat.choices).map(move |index| {
            let choice = ChunkChoice {
                index,
                delta: delta.clone(),
                logprobs: self.logprobs(delta),
                finish_reason: finish,
            };
            let usage = self.usage_beside(kind);
            Event::new(kind, self.chunk(vec![choice], usage))
        })
    }

    fn logprobs(&self, delta: &Delta<'_>) -> Option<Value> {
        let piece = delta.content.as_ref()?.as_str()?;
        let tokens = [piece];
        let tokens = if piece.is_empty() { &[] } else { &tokens[..] };
        Some(reply::logprobs(tokens, self.chat.logprobs?))
    }

    /// The usage member of a chunk that carries a choice.
    fn usage_beside(&self, kind: Kind) -> Member<Usage> {
        let with_finish = kind == Kind::Finish && self.behaviour.has(Fault::UsageWithFinish);
        if with_finish || self.behaviour.has(Fault::UsageEverywhere) {
            return Some(Some(self.reply.usage));
        }
        self.wants_usage().then_some(None)
    }

    fn usage_chunk(&self) -> Option<Event> {
        let moved = [Fault::UsageWithFinish, Fault::UsageEverywhere];
        if !self.wants_usage() || moved.iter().any(|fault| self.behaviour.has(*fault)) {
            return None;
        }
        let data = self.chunk(Vec::new(), Some(Some(self.reply.usage)));
        Some(Event::new(Kind::Usage, data))
    }

    fn wants_usage(&self) -> bool {
        self.chat.include_usage && !self.behaviour.has(Fault::NoUsage)
    }

    fn chunk(&self, choices: Vec<ChunkChoice<'_>>, usage: Member<Usage>) -> Vec<u8> {
        super::json(&Chunk {
            id: &self.reply.id,
            object: "chat.completion.chunk",
            created: CREATED,
            model: self.reply.model,
            service_tier: TIER,
            system_fingerprint: FINGERPRINT,
            choices,
            usage,
        })
    }
}

fn content<'a>(value: Value) -> Delta<'a> {
    Delta {
        content: Some(value),
        ..Delta::default()
    }
}
