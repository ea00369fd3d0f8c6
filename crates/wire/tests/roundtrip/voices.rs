//! How every vendor says an answer, whole and as a stream.

use serde_json::Value;
use wire::ir::{Face, NotAReply, Reader, Recall, Reply};
use wire::{anthropic, cohere, converse, gemini, ollama, openai, replicate};

use super::answers::{Answer, Item, Kind};

mod candidates;
mod chunks;
mod commands;
mod frames;
mod lines;
mod messages;
mod predictions;

const MAX_EVENT: usize = 1 << 20;

pub(crate) struct Voice {
    pub(crate) name: &'static str,
    pub(crate) id: &'static str,
    pub(crate) model: &'static str,
    pub(crate) says: &'static [Kind],
    /// Whether reasoning comes first and calls last.
    pub(crate) ordered: bool,
    /// Whether it says that there was no room for more.
    pub(crate) tells_room: bool,
    /// Whether reasoning is signed.
    pub(crate) signs: bool,
    pub(crate) whole: fn(&Answer) -> Value,
    pub(crate) stream: fn(&Answer) -> Vec<u8>,
    /// Reads a whole answer and writes it for the client.
    pub(crate) read: fn(&[u8], &Face, &mut Vec<u8>),
    pub(crate) reader: fn() -> Box<dyn Reader>,
}

pub(crate) static VOICES: [Voice; 7] = [
    Voice {
        name: "anthropic",
        id: "msg_1",
        model: "claude",
        says: &[
            Kind::Text,
            Kind::Cited,
            Kind::Thought,
            Kind::Hidden,
            Kind::Call,
        ],
        ordered: false,
        tells_room: true,
        signs: true,
        whole: messages::whole,
        stream: messages::stream,
        read: |body, face, out| told(anthropic::read_reply(body, &recall()), face, out),
        reader: || Box::new(anthropic::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "converse",
        id: "own",
        model: "asked",
        says: &[
            Kind::Text,
            Kind::Cited,
            Kind::Thought,
            Kind::Hidden,
            Kind::Call,
        ],
        ordered: false,
        tells_room: true,
        signs: true,
        whole: frames::whole,
        stream: frames::stream,
        read: |body, face, out| told(converse::read_reply(body, &recall()), face, out),
        reader: || Box::new(converse::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "gemini",
        id: "r",
        model: "asked",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: false,
        tells_room: true,
        signs: true,
        whole: candidates::whole,
        stream: candidates::stream,
        read: |body, face, out| told(gemini::read_reply(body, &recall()), face, out),
        reader: || Box::new(gemini::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "cohere",
        id: "c",
        model: "asked",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: true,
        tells_room: true,
        signs: false,
        whole: commands::whole,
        stream: commands::stream,
        read: |body, face, out| told(cohere::read_reply(body, &recall()), face, out),
        reader: || Box::new(cohere::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "ollama",
        id: "own",
        model: "q",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: true,
        tells_room: true,
        signs: false,
        whole: lines::whole,
        stream: lines::stream,
        read: |body, face, out| told(ollama::read_reply(body, &recall()), face, out),
        reader: || Box::new(ollama::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "replicate",
        id: "p",
        model: "asked",
        says: &[Kind::Text],
        ordered: true,
        tells_room: false,
        signs: false,
        whole: predictions::whole,
        stream: predictions::stream,
        read: |body, face, out| told(replicate::read_reply(body, &recall()), face, out),
        reader: || Box::new(replicate::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "openai",
        id: "o",
        model: "gpt",
        says: &[Kind::Text, Kind::Thought, Kind::Hidden, Kind::Call],
        ordered: true,
        tells_room: true,
        signs: true,
        whole: chunks::whole,
        stream: chunks::stream,
        read: |body, face, out| told(openai::read_reply(body), face, out),
        reader: || Box::new(openai::reader(MAX_EVENT)),
    },
];

fn recall() -> Recall {
    Recall {
        model: "m".to_owned(),
        ..Recall::default()
    }
}

fn told(reply: Result<Reply<'_>, NotAReply>, face: &Face, out: &mut Vec<u8>) {
    openai::write_reply(&reply.unwrap(), face, out);
}

/// A text in two pieces.
fn pieces(text: &str) -> [&str; 2] {
    let middle = text.floor_char_boundary(text.len() / 2);
    text.split_at(middle).into()
}

fn texts(answer: &Answer) -> String {
    let texts = answer.items.iter().filter_map(|item| match item {
        Item::Text(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

fn thoughts(answer: &Answer) -> String {
    let texts = answer.items.iter().filter_map(|item| match item {
        Item::Thought(text, _) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

fn calls(answer: &Answer) -> impl Iterator<Item = (&str, &str, &Value)> {
    answer.items.iter().filter_map(|item| match item {
        Item::Call(id, name, arguments) => Some((&**id, &**name, arguments)),
        _ => None,
    })
}

fn sse(events: &[(&str, Value)]) -> Vec<u8> {
    let events = events.iter().map(|(name, data)| match *name {
        "" => format!("data: {data}\n\n"),
        name => format!("event: {name}\ndata: {data}\n\n"),
    });
    events.collect::<String>().into_bytes()
}
