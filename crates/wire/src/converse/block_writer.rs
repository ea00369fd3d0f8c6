//! Blocks of turns as Converse takes them.

use super::document::{self, Bytes, Names, document, image_format, video_format};
use super::family::{Caches, Family, Takes};
use crate::anthropic::{replayable, write_input};
use crate::ir::files::{Need, place};
use crate::ir::{
    Audio, Block, CacheMark, File, Image, OpaqueKind, Refusal, Request, Role, Source, Thinking,
    ToolCall, ToolResult, Video,
};
use crate::json::write::{Array, Object};

/// Beside a document there must be words.
const SEE: &str = "See the attached document.";
/// What a tool said that said nothing.
const SILENT: &str = "(no output)";
/// Where media may be besides the request.
const S3: &str = "s3://";

/// What is written goes here, with what it has to know of the request.
pub(super) struct Blocks {
    pub(super) family: &'static Family,
    pub(super) names: Names,
}

/// Whether a block is written at all; `thinking` says whether signed reasoning goes back.
pub(super) fn keeps(block: &Block<'_>, thinking: bool) -> bool {
    match block {
        Block::Thinking(thought) => thinking && replayable(thought),
        Block::Text(text) => !is_blank(&text.text),
        Block::Refusal(text) => !is_blank(text),
        Block::Server(_) | Block::Unknown { .. } => false,
        Block::Audio(audio) => !audio.data.is_empty(),
        _ => true,
    }
}

/// Whether a block that is not written says something. Reasoning of others is nobody's loss.
pub(super) fn is_lost(block: &Block<'_>) -> bool {
    matches!(
        block,
        Block::Server(_) | Block::Unknown { .. } | Block::Audio(_)
    ) && !keeps(block, false)
}

/// Blank texts are refused.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Refuses what has no form here, naming its place in the client's request.
pub(super) fn check(request: &Request<'_>, family: &Family) -> Result<(), Refusal> {
    for (at, turn) in request.turns.iter().enumerate() {
        if turn.role == Role::Assistant {
            continue;
        }
        for (number, block) in turn.blocks.iter().enumerate() {
            let bad = block
                .with_parts()
                .find_map(|(part, block)| Some((part, problem(block, family, turn.role)?)));
            if let Some((part, bad)) = bad {
                let place = place(at, number, part);
                return Err(Refusal::new(&*place, format!("{place}: {bad}")));
            }
        }
    }
    Ok(())
}

/// Whether a model takes only the bytes of a block that is at an address.
pub fn need(block: &Block<'_>, model: &str) -> Option<Need> {
    let source = match block {
        Block::Image(image) => &image.source,
        Block::File(file) => &file.source,
        Block::Video(video) if Family::of(model).takes(Takes::Video) => &video.source,
        _ => return None,
    };
    match source {
        Source::Url(url) if !url.starts_with(S3) => Some(Need::Bytes),
        _ => None,
    }
}

/// Why a block cannot be said.
fn problem(block: &Block<'_>, family: &Family, role: Role) -> Option<String> {
    if role.is_system() && !matches!(block, Block::Text(_) | Block::Refusal(_)) {
        return Some("instructions are words here".to_owned());
    }
    let place = |source: &Source<'_>| match source {
        Source::Url(url) if !url.starts_with(S3) => Some(format!(
            "the provider takes the bytes of a part of type {} or an s3:// address, not another address",
            block.kind()
        )),
        Source::Url(_) if !family.takes(Takes::S3) => {
            Some("the model takes no media from s3:// addresses".to_owned())
        }
        Source::FileId(_) => Some("the provider stores no files; send the bytes".to_owned()),
        _ => None,
    };
    let known = |format: Option<&str>, accepted: &str| {
        format
            .is_none()
            .then(|| format!("a part of type {} must be {accepted}", block.kind()))
    };
    match block {
        Block::Image(image) => place(&image.source)
            .or_else(|| known(format_of(&image.source), "a png, jpeg, gif or webp image")),
        Block::File(file) => place(&file.source).or_else(|| {
            known(
                document(file)
                    .map(|document| document.format)
                    .or_else(|| format_of(&file.source)),
                "a pdf, csv, doc, docx, xls, xlsx, html, txt, md or image file",
            )
        }),
        Block::Audio(_) if !family.takes(Takes::Audio) => {
            Some("the model takes no part of type audio".to_owned())
        }
        Block::Video(_) if !family.takes(Takes::Video) => {
            Some("the model takes no part of type video".to_owned())
        }
        Block::Video(video) => place(&video.source).or_else(|| {
            known(
                video_format(&video.source),
                "an mp4, mov, mkv, webm, flv, mpeg, mpg, wmv or 3gp video",
            )
        }),
        Block::Unknown { kind, .. } => Some(format!(
            "the provider takes no part of type {kind}; it takes text, images, documents, audio and video"
        )),
        _ => None,
    }
}

/// A picture's format; one in S3 shows it by its ending.
fn format_of(source: &Source<'_>) -> Option<&'static str> {
    match source {
        Source::Base64 { mime, .. } => image_format(mime),
        Source::Url(url) => {
            let (_, ending) = url.rsplit_once('.')?;
            let ending = ending.to_ascii_lowercase();
            image_format(&format!("image/{}", ending.replace("jpg", "jpeg")))
        }
        Source::Text { .. } | Source::FileId(_) => None,
    }
}

/// Writes a cache mark behind what it is for.
pub(super) fn write_mark(a: &mut Array<'_>, mark: Option<CacheMark>, caches: Caches) {
    let Some(mark) = mark.filter(|_| caches != Caches::No) else {
        return;
    };
    let ttl = match mark {
        CacheMark::FiveMinutes => Some("5m"),
        CacheMark::OneHour => Some("1h"),
        CacheMark::Usual => None,
    };
    a.object(|o| {
        o.object("cachePoint", |o| {
            o.text("type", "default");
            o.text_if("ttl", ttl.filter(|_| caches == Caches::Everywhere));
        });
    });
}

fn write_text(a: &mut Array<'_>, text: &str) {
    a.object(|o| o.text("text", text));
}

impl Blocks {
    /// Writes a turn's content.
    pub(super) fn content(&mut self, a: &mut Array<'_>, blocks: &[Block<'_>]) {
        for block in blocks {
            self.block(a, block);
        }
        let has = |is: fn(&Block<'_>) -> bool| blocks.iter().any(is);
        let documents = has(|block| matches!(block, Block::File(file) if document(file).is_some()));
        if documents && !has(|block| matches!(block, Block::Text(_))) {
            write_text(a, SEE);
        }
    }

    fn block(&mut self, a: &mut Array<'_>, block: &Block<'_>) {
        let caches = self.family.caches;
        match block {
            Block::Text(text) => {
                write_text(a, &text.text);
                write_mark(a, text.cache, caches);
            }
            Block::Refusal(text) => write_text(a, text),
            Block::Image(image) => {
                write_image(a, image);
                write_mark(a, image.cache, caches);
            }
            Block::File(file) => {
                self.file(a, file);
                write_mark(a, file.cache, caches);
            }
            Block::Audio(audio) => write_audio(a, audio),
            Block::Video(video) => write_video(a, video),
            Block::ToolCall(call) => {
                write_call(a, call);
                write_mark(a, call.cache, caches);
            }
            Block::ToolResult(result) => {
                self.result(a, result);
                write_mark(a, result.cache, caches);
            }
            Block::Thinking(thinking) => write_thinking(a, thinking),
            Block::Server(_) | Block::Unknown { .. } => {}
        }
    }

    fn file(&mut self, a: &mut Array<'_>, file: &File<'_>) {
        let Some(document::Document { format, bytes }) = document(file) else {
            let image = Image {
                source: file.source.clone(),
                detail: None,
                media_type: None,
                cache: None,
            };
            return write_image(a, &image);
        };
        let name = self.names.sent(file.name.as_deref());
        a.object(|o| {
            o.object("document", |o| {
                o.text("format", format);
                o.text("name", name);
                o.object("source", |o| match &bytes {
                    Bytes::Here(data) => o.text("bytes", data),
                    Bytes::There(uri) => write_s3(o, uri),
                });
                o.text_if("context", file.context.as_deref());
                if file.cited == Some(true) {
                    o.object("citations", |o| o.flag("enabled", true));
                }
            });
        });
    }

    fn result(&mut self, a: &mut Array<'_>, result: &ToolResult<'_>) {
        let status = self.family.takes(Takes::Status);
        a.object(|o| {
            o.object("toolResult", |o| {
                o.text("toolUseId", &result.id);
                o.array("content", |a| {
                    let mut silent = true;
                    for part in result.parts.iter().filter(|part| keeps(part, false)) {
                        silent = false;
                        self.part_of_result(a, part);
                    }
                    if silent {
                        write_text(a, SILENT);
                    }
                });
                if status {
                    o.text("status", if result.is_error { "error" } else { "success" });
                }
            });
        });
    }

    fn part_of_result(&mut self, a: &mut Array<'_>, part: &Block<'_>) {
        match part {
            Block::Text(text) => write_text(a, &text.text),
            Block::Refusal(text) => write_text(a, text),
            Block::Image(image) => write_image(a, image),
            Block::File(file) => self.file(a, file),
            Block::Video(video) => write_video(a, video),
            _ => {}
        }
    }
}

fn write_s3(o: &mut Object<'_>, uri: &str) {
    o.object("s3Location", |o| o.text("uri", uri));
}

/// Bytes here, or the place in S3.
fn write_source(o: &mut Object<'_>, source: &Source<'_>) {
    o.object("source", |o| match source {
        Source::Base64 { data, .. } => o.text("bytes", data),
        Source::Url(uri) => write_s3(o, uri),
        Source::Text { .. } | Source::FileId(_) => {}
    });
}

fn write_image(a: &mut Array<'_>, image: &Image<'_>) {
    let Some(format) = format_of(&image.source) else {
        return;
    };
    a.object(|o| {
        o.object("image", |o| {
            o.text("format", format);
            write_source(o, &image.source);
        });
    });
}

fn write_audio(a: &mut Array<'_>, audio: &Audio<'_>) {
    a.object(|o| {
        o.object("audio", |o| {
            o.text("format", &audio.format);
            o.object("source", |o| o.text("bytes", &audio.data));
        });
    });
}

fn write_video(a: &mut Array<'_>, video: &Video<'_>) {
    let Some(format) = video_format(&video.source) else {
        return;
    };
    a.object(|o| {
        o.object("video", |o| {
            o.text("format", format);
            write_source(o, &video.source);
        });
    });
}

fn write_call(a: &mut Array<'_>, call: &ToolCall<'_>) {
    a.object(|o| {
        o.object("toolUse", |o| {
            o.text("toolUseId", &call.id);
            o.text("name", &call.name);
            write_input(o.name("input"), call);
        });
    });
}

fn write_thinking(a: &mut Array<'_>, thinking: &Thinking<'_>) {
    let Some(state) = &thinking.state else {
        return;
    };
    a.object(|o| {
        o.object("reasoningContent", |o| {
            if state.kind == OpaqueKind::Redacted {
                o.text("redactedContent", &state.data);
            } else {
                o.object("reasoningText", |o| {
                    o.text("text", &thinking.text);
                    o.text("signature", &state.data);
                });
            }
        });
    });
}
