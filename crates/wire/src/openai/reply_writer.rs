//! The form between into a whole chat answer.

use super::part::write_thinking_blocks;
use super::tool::write_call;
use crate::ir::{Block, Choice, Citation, Face, Image, Raw, Reply, Thinking, media};
use crate::json::write::{self, Array, Object};

/// Writes a whole answer as an OpenAI client reads it.
pub fn write_reply(reply: &Reply<'_>, face: &Face, out: &mut Vec<u8>) {
    let or = |said: &str, other: &str| {
        if said.is_empty() {
            other.to_owned()
        } else {
            said.to_owned()
        }
    };
    write::object(out, |o| {
        o.text("id", &or(&reply.id, &face.id));
        o.text("object", "chat.completion");
        o.uint("created", reply.created.unwrap_or(face.created));
        o.text("model", &or(&reply.model, &face.model));
        if !face.provider.is_empty() {
            o.text("provider", &face.provider);
        }
        o.array("choices", |a| {
            reply
                .choices
                .iter()
                .for_each(|choice| a.object(|o| write_choice(o, choice)));
        });
        if let Some(usage) = &reply.usage {
            usage.write(o);
        }
        o.text_if("service_tier", reply.service_tier.as_deref());
        let mut metadata: Vec<_> = reply
            .metadata
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_str().to_owned()))
            .collect();
        metadata.extend(left_over(&reply.choices));
        write_metadata(o, &face.provider, &metadata);
    });
}

fn write_choice(o: &mut Object<'_>, choice: &Choice<'_>) {
    o.uint("index", u64::from(choice.index));
    o.object("message", |o| write_message(o, &choice.blocks));
    o.raw_if("logprobs", choice.logprobs.as_ref().map(Raw::as_str));
    o.text("finish_reason", choice.finish.reason.word());
    o.text_if("native_finish_reason", choice.finish.telling());
}

fn write_message(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    o.text("role", "assistant");
    let said = Said::of(blocks);
    if said.text.is_empty() && said.calls {
        o.raw("content", "null");
    } else {
        o.text("content", &said.text);
    }
    write_thinking(o, blocks);
    if said.calls {
        o.array("tool_calls", |a| {
            for block in blocks {
                if let Block::ToolCall(call) = block {
                    a.object(|o| write_call(o, call));
                }
            }
        });
    }
    for block in blocks {
        match block {
            Block::Refusal(text) => o.text("refusal", text),
            Block::Audio(audio) => o.object("audio", |o| {
                o.text_if("id", audio.id.as_deref());
                o.text("data", &audio.data);
                o.text_if("transcript", audio.transcript.as_deref());
            }),
            _ => {}
        }
    }
    write_images(o, blocks);
    if !said.annotations.is_empty() {
        o.array("annotations", |a| {
            for (citation, start, end) in &said.annotations {
                write_annotation(a, citation, *start, *end);
            }
        });
    }
}

/// What a message says in words.
struct Said<'b> {
    text: String,
    calls: bool,
    /// Citations of pages, with the characters that they are for.
    annotations: Vec<(&'b Citation<'b>, u64, u64)>,
}

impl<'b> Said<'b> {
    fn of(blocks: &'b [Block<'b>]) -> Said<'b> {
        let mut said = Said {
            text: String::new(),
            calls: false,
            annotations: Vec::new(),
        };
        let mut start = 0;
        for block in blocks {
            match block {
                Block::Text(text) => {
                    let end = start
                        + if text.citations.is_empty() {
                            0
                        } else {
                            chars(&text.text)
                        };
                    let cited = text
                        .citations
                        .iter()
                        .filter(|citation| citation.url.is_some());
                    said.annotations.extend(cited.map(|citation| {
                        let (from, to) = citation.range.unwrap_or((start, end));
                        (citation, from, to)
                    }));
                    said.text.push_str(&text.text);
                    // Counting costs a walk; without citations nobody asks.
                    start = if blocks.len() > 1 {
                        chars(&said.text)
                    } else {
                        end
                    };
                }
                Block::ToolCall(_) => said.calls = true,
                _ => {}
            }
        }
        said
    }
}

/// Clients count characters, not bytes.
pub(super) fn chars(text: &str) -> u64 {
    text.chars().count() as u64
}

fn write_thinking(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let thoughts = || {
        blocks.iter().filter_map(|block| match block {
            Block::Thinking(thinking) => Some(thinking),
            _ => None,
        })
    };
    let text: String = thoughts().map(|thinking| &*thinking.text).collect();
    if !text.is_empty() {
        o.text("reasoning_content", &text);
    }
    if thoughts().any(|thinking: &Thinking<'_>| thinking.state.is_some()) {
        o.array("thinking_blocks", |a| {
            thoughts().for_each(|thinking| write_thinking_blocks(a, thinking));
        });
    }
}

fn write_images(o: &mut Object<'_>, blocks: &[Block<'_>]) {
    let images = || {
        blocks.iter().filter_map(|block| match block {
            Block::Image(image) => Some(image),
            _ => None,
        })
    };
    if images().next().is_some() {
        o.array("images", |a| {
            images().for_each(|image| write_image(a, image));
        });
    }
}

/// One of a message's `images`.
pub(super) fn write_image(a: &mut Array<'_>, image: &Image<'_>) {
    if let Some(url) = media::to_url(&image.source) {
        a.object(|o| {
            o.text("type", "image_url");
            o.object("image_url", |o| o.text("url", &url));
        });
    }
}

/// One of a message's `annotations`: a citation of a page.
pub(super) fn write_annotation(a: &mut Array<'_>, citation: &Citation<'_>, start: u64, end: u64) {
    a.object(|o| {
        o.text("type", "url_citation");
        o.object("url_citation", |o| {
            o.text_if("url", citation.url.as_deref());
            o.text_if("title", citation.title.as_deref());
            o.uint("start_index", start);
            o.uint("end_index", end);
        });
    });
}

/// What the answer's blocks say that a message has no place for.
fn left_over(choices: &[Choice<'_>]) -> Vec<(String, String)> {
    let blocks = || choices.iter().flat_map(|choice| &choice.blocks);
    let servers = blocks().filter_map(|block| match block {
        Block::Server(server) => Some(server.raw.as_str()),
        _ => None,
    });
    let citations = blocks().flat_map(|block| match block {
        Block::Text(text) => &text.citations[..],
        _ => &[],
    });
    let citations = citations
        .filter(|citation| citation.url.is_none())
        .filter_map(|citation| citation.raw.as_ref().map(Raw::as_str));
    [
        ("server_tools", list(servers)),
        ("citations", list(citations)),
    ]
    .into_iter()
    .filter_map(|(name, list)| Some((name.to_owned(), list?)))
    .collect()
}

/// Raw values as a JSON array; None for none.
pub(super) fn list<'r>(values: impl Iterator<Item = &'r str>) -> Option<String> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| format!("[{}]", values.join(",")))
}

/// What only the vendor says, under the vendor's name.
pub(super) fn write_metadata(o: &mut Object<'_>, provider: &str, metadata: &[(String, String)]) {
    if metadata.is_empty() {
        return;
    }
    o.object("provider_metadata", |o| {
        o.object(provider, |o| {
            for (name, value) in metadata {
                o.raw(name, value);
            }
        });
    });
}
