//! What a vendor answers reaches the client: all of it, and the same whether it comes whole or as a
//! stream.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::ir::{Face, Translation};
use wire::openai;

use super::dice::{Dice, throws};
use super::voices::{VOICES, Voice};

/// A piece of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Text(String),
    /// Words with the page that they come from.
    Cited(String, String),
    /// Reasoning, and its signature.
    Thought(String, String),
    /// Reasoning that nobody may read.
    Hidden(String),
    /// Id, name, arguments.
    Call(String, String, Value),
}

/// The kinds of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Cited,
    Thought,
    Hidden,
    Call,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) items: Vec<Item>,
    /// Whether there was no room for more.
    pub(crate) full: bool,
    /// Tokens in and out.
    pub(crate) usage: [u64; 2],
}

impl Answer {
    fn of(dice: &mut Dice<'_>, voice: &Voice) -> Answer {
        let mut items: Vec<_> = (0..dice.below(7)).map(|_| item(dice, voice.says)).collect();
        if voice.ordered {
            let rank = |item: &Item| match item {
                Item::Thought(..) | Item::Hidden(_) => 0,
                Item::Text(_) | Item::Cited(..) => 1,
                Item::Call(..) => 2,
            };
            items.sort_by_key(rank);
        }
        let calls = items.iter().any(|item| matches!(item, Item::Call(..)));
        Answer {
            items,
            full: voice.tells_room && !calls && dice.once_in(3),
            usage: [1 + dice.below(90), 1 + dice.below(90)].map(u64::from),
        }
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Call(..)))
    }

    /// The vendor's word for the end: of an answer that is done, full, or waits for its tools.
    pub(crate) fn end(&self, words: [&'static str; 3]) -> &'static str {
        words[if self.has_calls() {
            2
        } else {
            usize::from(self.full)
        }]
    }
}

fn item(dice: &mut Dice<'_>, kinds: &[Kind]) -> Item {
    match dice.pick(kinds) {
        Kind::Text => Item::Text(dice.words()),
        Kind::Cited => Item::Cited(dice.words(), format!("https://x.example/{}", dice.name())),
        Kind::Thought => Item::Thought(dice.words(), dice.name()),
        Kind::Hidden => Item::Hidden(dice.name()),
        Kind::Call => {
            let arguments = match dice.below(3) {
                0 => json!({}),
                1 => json!({"q": dice.words()}),
                _ => json!({"list": [1, null, {"deep": dice.words()}], "yes": true}),
            };
            Item::Call(format!("call_{}", dice.name()), dice.name(), arguments)
        }
    }
}

/// What a client hears.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    id: String,
    model: String,
    text: String,
    thoughts: String,
    /// Signatures, and reasoning that is hidden.
    states: Vec<String>,
    calls: Vec<(String, String, Value)>,
    /// Pages, and the characters that they are for.
    pages: Vec<(String, u64, u64)>,
    end: String,
    usage: [u64; 2],
}

impl Heard {
    /// What there is to be heard.
    fn expected(answer: &Answer, voice: &Voice) -> Heard {
        let mut heard = Heard {
            id: voice.id.to_owned(),
            model: voice.model.to_owned(),
            end: answer.end(["stop", "length", "tool_calls"]).to_owned(),
            usage: answer.usage,
            ..Heard::default()
        };
        for item in &answer.items {
            let start = heard.text.chars().count() as u64;
            match item {
                Item::Text(text) | Item::Cited(text, _) => heard.text.push_str(text),
                Item::Thought(text, signature) => {
                    heard.thoughts.push_str(text);
                    if voice.signs {
                        heard.states.push(signature.clone());
                    }
                }
                Item::Hidden(data) => heard.states.push(data.clone()),
                Item::Call(id, name, arguments) => {
                    heard
                        .calls
                        .push((id.clone(), name.clone(), arguments.clone()));
                }
            }
            if let Item::Cited(text, url) = item {
                let end = start + text.chars().count() as u64;
                heard.pages.push((url.clone(), start, end));
            }
        }
        heard
    }

    /// Takes a message or a piece of one.
    fn hear(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        self.text.push_str(&text(&message["content"]));
        self.thoughts.push_str(&text(&message["reasoning_content"]));
        for thought in list(&message["thinking_blocks"]) {
            let state = thought["signature"].as_str().or(thought["data"].as_str());
            self.states.push(state.unwrap().to_owned());
        }
        for page in list(&message["annotations"]) {
            let page = &page["url_citation"];
            let [start, end] = ["start_index", "end_index"].map(|name| page[name].as_u64());
            self.pages
                .push((text(&page["url"]), start.unwrap(), end.unwrap()));
        }
    }

    /// Takes the arguments, which came as text, for what they say.
    fn settle(mut self, calls: Vec<[String; 3]>) -> Heard {
        self.calls = calls
            .into_iter()
            .map(|[id, name, arguments]| (id, name, serde_json::from_str(&arguments).unwrap()))
            .collect();
        self
    }

    fn envelope(&mut self, answer: &Value) {
        let told = [(&mut self.id, "id"), (&mut self.model, "model")];
        for (kept, name) in told {
            answer[name].as_str().unwrap().clone_into(kept);
        }
        if answer["usage"].is_object() {
            self.usage = ["prompt_tokens", "completion_tokens"]
                .map(|name| answer["usage"][name].as_u64().unwrap());
        }
    }

    fn whole(answer: &Value) -> Heard {
        let mut heard = Heard::default();
        heard.envelope(answer);
        let choice = &answer["choices"][0];
        heard.hear(&choice["message"]);
        heard
            .end
            .push_str(choice["finish_reason"].as_str().unwrap());
        let calls = choice["message"]["tool_calls"].as_array();
        let calls = calls.into_iter().flatten().map(|call| {
            [
                &call["id"],
                &call["function"]["name"],
                &call["function"]["arguments"],
            ]
            .map(|text| text.as_str().unwrap().to_owned())
        });
        let calls = calls.collect();
        heard.settle(calls)
    }

    fn streamed(out: &str) -> Heard {
        let mut heard = Heard::default();
        let mut calls: Vec<[String; 3]> = Vec::new();
        let mut last = "";
        for data in out.lines().filter_map(|line| line.strip_prefix("data: ")) {
            last = data;
            let Ok(chunk) = serde_json::from_str::<Value>(data) else {
                continue;
            };
            heard.envelope(&chunk);
            let choice = &chunk["choices"][0];
            heard.hear(&choice["delta"]);
            for call in choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                calls.resize_with(calls.len().max(at + 1), Default::default);
                let pieces = [
                    &call["id"],
                    &call["function"]["name"],
                    &call["function"]["arguments"],
                ];
                for (all, piece) in calls[at].iter_mut().zip(pieces) {
                    all.push_str(piece.as_str().unwrap_or_default());
                }
            }
            if let Some(end) = choice["finish_reason"].as_str() {
                heard.end.push_str(end);
            }
        }
        assert_eq!(last, "[DONE]");
        heard.settle(calls)
    }
}

fn face() -> Face {
    Face {
        id: "own".into(),
        model: "asked".into(),
        include_usage: true,
        ..Face::default()
    }
}

fn read_whole(voice: &Voice, answer: &Answer) -> Heard {
    let body = (voice.whole)(answer).to_string();
    let mut out = Vec::new();
    (voice.read)(body.as_bytes(), &face(), &mut out);
    Heard::whole(&serde_json::from_slice(&out).unwrap())
}

fn read_stream(voice: &Voice, answer: &Answer, cut: usize) -> Heard {
    let stream = (voice.stream)(answer);
    let writer = Box::new(openai::ChunkWriter::new(face()));
    let mut translation = Translation::new((voice.reader)(), writer);
    let mut out = Vec::new();
    let (before, after) = stream.split_at(cut % (stream.len() + 1));
    for piece in [before, after] {
        translation
            .push(Bytes::copy_from_slice(piece), &mut out)
            .unwrap();
    }
    translation.end(&mut out).unwrap();
    Heard::streamed(&String::from_utf8(out).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a01_a02_whole_or_streamed_a_client_hears_all_of_an_answer(
        throws in throws(),
        cut in any::<usize>(),
    ) {
        for voice in &VOICES {
            let mut dice = Dice::new(&throws, true);
            let answer = Answer::of(&mut dice, voice);
            let expected = Heard::expected(&answer, voice);
            prop_assert_eq!(&read_whole(voice, &answer), &expected, "{} whole", voice.name);
            let streamed = read_stream(voice, &answer, cut);
            prop_assert_eq!(&streamed, &expected, "{} streamed", voice.name);
        }
    }
}
