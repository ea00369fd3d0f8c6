//! Turns of a client of this dialect, read.

use std::borrow::Cow;

use super::answer::signature_block;
use super::member::{get, pick};
use crate::ir::{
    Audio, Block, File, Image, Opaque, OpaqueKind, Refusal, Role, Source, Thinking, ToolCall,
    ToolResult, Turn, Video,
};
use crate::json::Node;

/// Whose addresses stand for files that only the vendor has.
const OWN_FILES: &str = "https://generativelanguage.googleapis.com/";

/// Reads a conversation: calls without ids are numbered, and results find theirs by name.
#[derive(Default)]
pub(super) struct Reading<'a> {
    calls: Vec<Call<'a>>,
}

struct Call<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    answered: bool,
}

impl<'a> Reading<'a> {
    /// One of `contents`.
    pub(super) fn turn(&mut self, content: Node<'a>, at: usize) -> Result<Turn<'a>, Refusal> {
        let [role, parts] = pick(content, ["role", "parts"]);
        let word = role.and_then(Node::text);
        let role = match word.as_deref() {
            None | Some("user" | "function" | "tool") => Role::User,
            Some("model") => Role::Assistant,
            Some("system") => Role::System,
            Some(word) => {
                let what =
                    format!("contents[{at}].role is {word:?}; known are user, model and function");
                return Err(Refusal::new(format!("contents[{at}].role"), what));
            }
        };
        let mut blocks = Vec::new();
        for (number, part) in elements(parts).into_iter().enumerate() {
            let read = self.part(part, role).ok_or_else(|| {
                let place = format!("contents[{at}].parts[{number}]");
                Refusal::new(&*place, format!("{place} is no part that is known here"))
            })?;
            blocks.extend(read);
        }
        Ok(Turn::new(role, blocks))
    }

    fn part(&mut self, part: Node<'a>, role: Role) -> Option<Vec<Block<'a>>> {
        let [
            text,
            thought,
            signature,
            call,
            result,
            data,
            file,
            code,
            output,
        ] = pick(
            part,
            [
                "text",
                "thought",
                "thoughtSignature",
                "functionCall",
                "functionResponse",
                "inlineData",
                "fileData",
                "executableCode",
                "codeExecutionResult",
            ],
        );
        let signature = signature.and_then(Node::text);
        if let Some(call) = call {
            return Some(vec![self.call(call, signature)?]);
        }
        if let Some(result) = result {
            return Some(vec![self.result(result)?]);
        }
        if let Some(block) = media(part, data, file) {
            return Some(vec![block]);
        }
        if let Some(code) = code.or(output) {
            return Some(vec![in_words(code)]);
        }
        let text = text?.text()?;
        if thought.and_then(Node::flag) == Some(true) {
            let state = signature.map(|data| Opaque {
                kind: OpaqueKind::Gemini,
                data,
            });
            return Some(vec![Block::Thinking(Thinking { text, state })]);
        }
        // Before the words that it stands under: that is where clients of other dialects keep it.
        let signature = signature.filter(|_| role == Role::Assistant);
        let signature = signature.map(signature_block);
        Some(signature.into_iter().chain([Block::text(text)]).collect())
    }

    fn call(&mut self, call: Node<'a>, signature: Option<Cow<'a, str>>) -> Option<Block<'a>> {
        let [id, name, args] = pick(call, ["id", "name", "args"]);
        let id = id.and_then(Node::text).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(format!("call_{}", self.calls.len())));
        let name = name?.text()?;
        self.calls.push(Call {
            id: id.clone(),
            name: name.clone(),
            answered: false,
        });
        Some(Block::ToolCall(ToolCall {
            id,
            name,
            arguments: args.unwrap_or(Node::of("{}")).compact(),
            signature,
            custom: false,
            cache: None,
        }))
    }

    fn result(&mut self, result: Node<'a>) -> Option<Block<'a>> {
        let [id, name, response, parts] = pick(result, ["id", "name", "response", "parts"]);
        let name = name?.text()?;
        let id = id.and_then(Node::text).filter(|id| !id.is_empty());
        let open = self.calls.iter_mut().find(|call| match &id {
            Some(id) => call.id == *id,
            None => !call.answered && call.name == name,
        });
        let known = open.map(|call| {
            call.answered = true;
            call.id.clone()
        });
        let (text, is_error) = said(response.unwrap_or(Node::of("{}")));
        let media = elements(parts).into_iter().filter_map(|part| {
            let [data, file] = pick(part, ["inlineData", "fileData"]);
            media(part, data, file)
        });
        Some(Block::ToolResult(ToolResult {
            id: id.or(known).unwrap_or_else(|| name.clone()),
            name: Some(name),
            parts: std::iter::once(Block::text(text)).chain(media).collect(),
            is_error,
            cache: None,
        }))
    }
}

fn elements(node: Option<Node<'_>>) -> Vec<Node<'_>> {
    node.map(Node::elements).unwrap_or_default()
}

/// What a tool said, and whether it failed: the one member that stands for all of it, or all.
fn said(response: Node<'_>) -> (Cow<'_, str>, bool) {
    let members = response.members();
    if let [(name, only)] = &members[..] {
        let text = || only.text().unwrap_or_else(|| only.compact());
        match &**name {
            "error" => return (text(), true),
            "result" | "output" if only.text().is_some() => return (text(), false),
            _ => {}
        }
    }
    (response.compact(), false)
}

/// The words of instructions: a text, parts, or a content with parts.
pub(super) fn instructions(node: Node<'_>) -> Vec<Block<'_>> {
    if let Some(text) = node.text() {
        return vec![Block::text(text)];
    }
    let parts = get(node, "parts").unwrap_or(node);
    let one = get(parts, "text").into_iter();
    let many = parts.elements().into_iter();
    let texts = many.filter_map(|part| get(part, "text")).chain(one);
    texts.filter_map(Node::text).map(Block::text).collect()
}

fn media<'a>(part: Node<'a>, data: Option<Node<'a>>, file: Option<Node<'a>>) -> Option<Block<'a>> {
    let [mime, bytes] = pick(data.unwrap_or(Node::of("{}")), ["mimeType", "data"]);
    if let Some(bytes) = bytes.and_then(Node::text) {
        let mime = mime.and_then(Node::text).unwrap_or_default();
        if let Some(format) = mime.strip_prefix("audio/") {
            return Some(Block::Audio(Audio {
                data: bytes,
                format: Cow::Owned(format.to_owned()),
                id: None,
                transcript: None,
            }));
        }
        let kind = mime.clone();
        return Some(block(
            &kind,
            Source::Base64 { mime, data: bytes },
            None,
            part,
        ));
    }
    let [mime, uri] = pick(file?, ["mimeType", "fileUri"]);
    let (mime, uri) = (mime.and_then(Node::text), uri?.text()?);
    let own = uri
        .strip_prefix(OWN_FILES)
        .and_then(|path| path.split_once("files/"));
    let source = match own {
        Some((_, id)) => Source::FileId(Cow::Owned(format!("files/{id}"))),
        None if uri.starts_with("files/") => Source::FileId(uri),
        None => Source::Url(uri),
    };
    let kind = mime.clone().unwrap_or_default();
    Some(block(&kind, source, mime, part))
}

fn block<'a>(
    kind: &str,
    source: Source<'a>,
    media_type: Option<Cow<'a, str>>,
    part: Node<'a>,
) -> Block<'a> {
    let film = matches!(&source, Source::Url(url) if super::media_writer::is_film_page(url));
    if kind.starts_with("image/") {
        return Block::Image(Image {
            source,
            detail: None,
            media_type,
            cache: None,
        });
    }
    if kind.starts_with("video/") || film {
        return Block::Video(Video {
            source,
            raw: Some(part.into()),
        });
    }
    Block::File(File {
        source,
        name: None,
        context: None,
        cited: None,
        cache: None,
    })
}

/// A program that the vendor ran, or what it printed, for vendors that know of no such thing.
fn in_words(node: Node<'_>) -> Block<'_> {
    let [language, code, output] = pick(node, ["language", "code", "output"]);
    let text = |node: Option<Node<'_>>| node.and_then(Node::text).unwrap_or_default().into_owned();
    let language = text(language).to_ascii_lowercase();
    let said = if output.is_some() {
        text(output)
    } else {
        text(code)
    };
    Block::text(format!("```{language}\n{said}\n```"))
}
