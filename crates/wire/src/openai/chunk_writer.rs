//! Events into a stream of chat chunks.

use super::aside::Aside;
use super::part::write_thinking_blocks;
use super::reply_writer::{chars, write_annotation, write_image};
use super::tool::{write_call, write_signature};
use crate::fault::Fault;
use crate::ir::{
    Block, Citation, Delta, Event, Face, Finish, Opaque, OpaqueKind, Opening, Raw, Start, Thinking,
    ToolCall, Usage, Writer,
};
use crate::json::write::{self, Array, Object};
use crate::sse::DONE;

/// Writes an event stream as an OpenAI client reads it.
#[derive(Debug)]
pub struct ChunkWriter {
    face: Face,
    /// What every chunk begins with, up to its choices.
    head: Vec<u8>,
    /// What a chunk begins with that says more in this choice, up to the text.
    text_head: Option<(u32, Vec<u8>)>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    aside: Aside,
    /// Whether a chunk with the role alone leaves at once.
    eager_role: bool,
}

/// What was said in one choice.
#[derive(Debug, Default)]
struct Choice {
    begun: bool,
    /// Characters of text before the block that is open, and in all.
    block_start: u64,
    chars: u64,
    /// In the order of their blocks.
    calls: Vec<Call>,
    annotations: Vec<(Citation<'static>, u64)>,
    /// Annotations whose words are complete.
    placed: usize,
}

impl Choice {
    fn call(&mut self, block: u32) -> Option<(usize, &mut Call)> {
        let at = self.calls.binary_search_by_key(&block, |call| call.block);
        at.ok().map(|at| (at, &mut self.calls[at]))
    }
}

#[derive(Debug)]
struct Call {
    block: u32,
    custom: bool,
    silent: bool,
}

impl ChunkWriter {
    /// A stream of which nothing was written.
    pub fn new(face: Face) -> ChunkWriter {
        ChunkWriter {
            face,
            head: Vec::new(),
            text_head: None,
            choices: Vec::new(),
            usage: None,
            aside: Aside::default(),
            eager_role: false,
        }
    }

    /// The same, but a chunk with the role alone leaves before there is content.
    pub fn with_eager_role(mut self) -> ChunkWriter {
        self.eager_role = true;
        self
    }

    fn start(&mut self, start: &Start<'_>, out: &mut Vec<u8>) {
        self.begin(start);
        if self.eager_role {
            self.chunk(0, out, |o| o.text("content", ""), |_| {});
        }
    }

    fn begin(&mut self, start: &Start<'_>) {
        let or = |said: &str, other: &str| {
            if said.is_empty() {
                other.to_owned()
            } else {
                said.to_owned()
            }
        };
        self.text_head = None;
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(b"data: ");
        write::object(head, |o| {
            o.text("id", &or(&start.id, &self.face.id));
            o.text("object", "chat.completion.chunk");
            o.uint("created", start.created.unwrap_or(self.face.created));
            o.text("model", &or(&start.model, &self.face.model));
        });
        head.pop();
        head.extend_from_slice(b",\"choices\":[");
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        let at = number as usize;
        if self.choices.len() <= at {
            self.choices.resize_with(at + 1, Choice::default);
        }
        &mut self.choices[at]
    }

    /// Writes one chunk: its delta, and what stands beside the delta in its choice.
    fn chunk(
        &mut self,
        number: u32,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut Object<'_>),
        beside: impl FnOnce(&mut Object<'_>),
    ) {
        if self.head.is_empty() {
            self.begin(&Start::default());
        }
        let begun = std::mem::replace(&mut self.choice(number).begun, true);
        out.extend_from_slice(&self.head);
        let start = out.len();
        write::object(out, |o| {
            o.uint("index", u64::from(number));
            o.object("delta", |o| {
                if !begun {
                    o.text("role", "assistant");
                }
                delta(o);
            });
            beside(o);
        });
        write::one_line(&mut out[start..]);
        out.extend_from_slice(b"]}\n\n");
    }

    fn open(&mut self, number: u32, block: u32, kind: &Opening<'_>, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        choice.block_start = choice.chars;
        let Opening::ToolCall {
            id,
            name,
            signature,
            custom,
        } = kind
        else {
            return;
        };
        let ordinal = choice.calls.len() as u64;
        choice.calls.push(Call {
            block,
            custom: *custom,
            silent: true,
        });
        let write = |o: &mut Object<'_>| {
            o.uint("index", ordinal);
            o.text("id", id);
            let (word, input) = call_words(*custom);
            o.text("type", word);
            o.object(word, |o| {
                o.text("name", name);
                o.text(input, "");
            });
            if let Some(signature) = signature {
                write_signature(o, signature);
            }
        };
        self.chunk(
            number,
            out,
            |o| o.array("tool_calls", |a| a.object(write)),
            |_| {},
        );
    }

    fn delta(&mut self, number: u32, block: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) => {
                let choice = self.choice(number);
                choice.chars += chars(text);
                if choice.begun {
                    self.more_text(number, text, out);
                } else {
                    self.chunk(number, out, |o| o.text("content", text), |_| {});
                }
            }
            Delta::Thinking(text) => {
                self.chunk(number, out, |o| o.text("reasoning_content", text), |_| {});
            }
            Delta::Refusal(text) => self.chunk(number, out, |o| o.text("refusal", text), |_| {}),
            Delta::Signature(data) => {
                let state = Opaque {
                    kind: OpaqueKind::Signature,
                    data: data.clone(),
                };
                let thinking = Thinking {
                    text: "".into(),
                    state: Some(state),
                };
                self.thinking_block(number, &thinking, out);
            }
            Delta::Arguments(text) => self.arguments(number, block, text, out),
            Delta::Citation(citation) => self.cite(number, citation),
        }
    }

    /// A chunk with nothing but text, as nearly all of them are.
    fn more_text(&mut self, number: u32, text: &str, out: &mut Vec<u8>) {
        let head = match &mut self.text_head {
            Some((choice, head)) if *choice == number => head,
            other => {
                let before = format!("{{\"index\":{number},\"delta\":{{\"content\":");
                let head = [&*self.head, before.as_bytes()].concat();
                &mut other.insert((number, head)).1
            }
        };
        out.extend_from_slice(head);
        write::text(out, text);
        out.extend_from_slice(b"}}]}\n\n");
    }

    fn thinking_block(&mut self, number: u32, thinking: &Thinking<'_>, out: &mut Vec<u8>) {
        let write = |a: &mut Array<'_>| write_thinking_blocks(a, thinking);
        self.chunk(number, out, |o| o.array("thinking_blocks", write), |_| {});
    }

    fn arguments(&mut self, number: u32, block: u32, text: &str, out: &mut Vec<u8>) {
        let Some((ordinal, call)) = self.choice(number).call(block) else {
            return;
        };
        call.silent = false;
        let (word, input) = call_words(call.custom);
        let write = |o: &mut Object<'_>| {
            o.uint("index", ordinal as u64);
            o.text("type", word);
            o.object(word, |o| o.text(input, text));
        };
        self.chunk(
            number,
            out,
            |o| o.array("tool_calls", |a| a.object(write)),
            |_| {},
        );
    }

    fn cite(&mut self, number: u32, citation: &Citation<'_>) {
        let Some(url) = &citation.url else {
            if let Some(raw) = &citation.raw {
                self.aside.citation(raw.as_str());
            }
            return;
        };
        let title = citation.title.as_deref().unwrap_or_default();
        if !self.aside.has_room(url.len() + title.len()) {
            return;
        }
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| {
            text.as_ref().map(|text| text.to_string().into())
        };
        let citation = Citation {
            url: owned(&citation.url),
            title: owned(&citation.title),
            quote: None,
            range: citation.range,
            raw: None,
        };
        let choice = self.choice(number);
        choice.annotations.push((citation, choice.block_start));
    }

    /// A call that said nothing has no arguments: an empty object.
    fn close(&mut self, number: u32, block: u32, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        let end = choice.chars;
        for (citation, start) in choice.annotations.iter_mut().skip(choice.placed) {
            citation.range.get_or_insert((*start, end));
        }
        choice.placed = choice.annotations.len();
        let call = choice.call(block);
        if call.is_some_and(|(_, call)| call.silent && !call.custom) {
            self.arguments(number, block, "{}", out);
        }
    }

    /// A call with all that there is to it.
    fn call(&mut self, number: u32, block: u32, call: &ToolCall<'_>, out: &mut Vec<u8>) {
        let calls = &mut self.choice(number).calls;
        let ordinal = calls.len() as u64;
        calls.push(Call {
            block,
            custom: call.custom,
            silent: false,
        });
        let write = |o: &mut Object<'_>| {
            o.uint("index", ordinal);
            write_call(o, call);
        };
        self.chunk(
            number,
            out,
            |o| o.array("tool_calls", |a| a.object(write)),
            |_| {},
        );
    }

    fn whole(&mut self, number: u32, block: u32, content: &Block<'_>, out: &mut Vec<u8>) {
        match content {
            Block::Thinking(thinking) => {
                if !thinking.text.is_empty() {
                    let text = &thinking.text;
                    self.chunk(number, out, |o| o.text("reasoning_content", text), |_| {});
                }
                if thinking.state.is_some() {
                    self.thinking_block(number, thinking, out);
                }
            }
            Block::Text(text) => self.delta(number, 0, &Delta::Text(text.text.clone()), out),
            Block::Refusal(text) => self.delta(number, 0, &Delta::Refusal(text.clone()), out),
            Block::Image(image) => {
                self.chunk(
                    number,
                    out,
                    |o| o.array("images", |a| write_image(a, image)),
                    |_| {},
                );
            }
            Block::Audio(audio) => self.chunk(
                number,
                out,
                |o| {
                    o.object("audio", |o| {
                        o.text_if("id", audio.id.as_deref());
                        o.text("data", &audio.data);
                        o.text_if("transcript", audio.transcript.as_deref());
                    });
                },
                |_| {},
            ),
            Block::ToolCall(call) => self.call(number, block, call, out),
            Block::Server(server) => self.aside.server(server.raw.as_str()),
            _ => {}
        }
    }

    fn finish(&mut self, number: u32, finish: &Finish<'_>, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        let annotations = std::mem::take(&mut choice.annotations);
        choice.placed = 0;
        self.chunk(
            number,
            out,
            |o| {
                if !annotations.is_empty() {
                    o.array("annotations", |a| {
                        for (citation, _) in &annotations {
                            let (start, end) = citation.range.unwrap_or_default();
                            write_annotation(a, citation, start, end);
                        }
                    });
                }
            },
            |o| {
                o.text("finish_reason", finish.reason.word());
                o.text_if("native_finish_reason", finish.telling());
            },
        );
        self.add_metadata(out);
    }

    /// What only the vendor says goes with the end of the choice, as far as it is known then.
    fn add_metadata(&mut self, out: &mut Vec<u8>) {
        if let Some(member) = self.aside.take(&self.face.provider) {
            add_member(out, &member);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        // What came behind the last choice, or of a stream without one.
        if let Some(member) = self.aside.take(&self.face.provider) {
            self.chunk(0, out, |_| {}, |o| o.raw("finish_reason", "null"));
            add_member(out, &member);
        }
        if let (true, Some(usage)) = (self.face.include_usage, self.usage) {
            if self.head.is_empty() {
                self.begin(&Start::default());
            }
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"]");
            let mut member = Vec::new();
            write::object(&mut member, |o| usage.write(o));
            out.push(b',');
            out.extend_from_slice(&member[1..]);
            out.extend_from_slice(b"\n\n");
        }
        out.extend_from_slice(DONE);
    }
}

/// Adds a member, its comma included, to the chunk that was written last.
fn add_member(out: &mut Vec<u8>, member: &[u8]) {
    out.truncate(out.len() - b"}\n\n".len());
    out.extend_from_slice(member);
    out.extend_from_slice(b"}\n\n");
}

/// What a call's kind and its input are called.
fn call_words(custom: bool) -> (&'static str, &'static str) {
    if custom {
        ("custom", "input")
    } else {
        ("function", "arguments")
    }
}

impl Writer for ChunkWriter {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                self.usage = start.usage.or(self.usage);
                self.start(start, out);
            }
            Event::Open {
                choice,
                block,
                kind,
            } => self.open(*choice, *block, kind, out),
            Event::Delta {
                choice,
                block,
                delta,
            } => self.delta(*choice, *block, delta, out),
            Event::Close { choice, block } => self.close(*choice, *block, out),
            Event::Whole {
                choice,
                block,
                content,
            } => self.whole(*choice, *block, content, out),
            Event::Logprobs { choice, logprobs } => {
                let logprobs: &Raw<'_> = logprobs;
                self.chunk(
                    *choice,
                    out,
                    |_| {},
                    |o| o.raw("logprobs", logprobs.as_str()),
                );
            }
            Event::Finish { choice, finish } => self.finish(*choice, finish, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Metadata { name, value } => {
                self.aside.metadata(name, value.as_str());
            }
            Event::Done => self.end(out),
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        crate::sse::encode_data(out, &fault.event());
    }
}
