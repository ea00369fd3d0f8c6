//! Files that a request names by URL, for vendors that take only their bytes.
//!
//! Nothing is fetched here. What a vendor needs is put in the place of its URL, or told as
//! [`Wanted`], so that whoever can fetch it does and asks again.

use std::collections::BTreeMap;

use super::block::{Block, Source};
use super::plan::Refusal;
use super::request::{Request, Role};

/// How much a vendor needs the bytes of a file that it could be given the URL of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It takes no URL.
    Bytes,
    /// It takes the URL, but wants to be told what is there, which nobody has said.
    Type,
}

/// What a file has to be for the part that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A picture.
    Image,
    /// Moving pictures.
    Video,
    /// A document, or a picture of one.
    Document,
}

impl FileKind {
    /// Whether a file of this media type is one.
    pub fn fits(self, media_type: &str) -> bool {
        match self {
            FileKind::Image => media_type.starts_with("image/"),
            FileKind::Video => media_type.starts_with("video/"),
            FileKind::Document => {
                media_type.starts_with("image/") || media_type == "application/pdf"
            }
        }
    }

    /// What it is called in messages to a client.
    pub fn noun(self) -> &'static str {
        match self {
            FileKind::Image => "an image",
            FileKind::Video => "a video",
            FileKind::Document => "a PDF or an image",
        }
    }
}

/// A file whose bytes a vendor needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// The field of the client's request that says so.
    pub place: String,
    /// What it has to be.
    pub kind: FileKind,
}

/// A file that was fetched.
#[derive(Clone, Debug)]
struct File {
    media_type: &'static str,
    base64: String,
}

/// Files that were fetched, by their URLs.
#[derive(Clone, Debug, Default)]
pub struct Files {
    fetching: bool,
    found: BTreeMap<String, File>,
}

impl Files {
    /// None so far; `fetching` says whether any would be fetched.
    pub fn new(fetching: bool) -> Files {
        Files {
            fetching,
            found: BTreeMap::new(),
        }
    }

    /// Adds a file.
    pub fn keep(&mut self, url: &str, media_type: &'static str, base64: String) {
        let file = File { media_type, base64 };
        self.found.insert(url.to_owned(), file);
    }

    /// The media type of the file at a URL, if it was fetched.
    pub fn media_type(&self, url: &str) -> Option<&'static str> {
        self.found.get(url).map(|file| file.media_type)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Bytes of them in base64.
    pub fn weight(&self) -> usize {
        self.found.values().map(|file| file.base64.len()).sum()
    }
}

/// How a door's dialect calls the fields with URLs.
#[derive(Clone, Copy, Debug)]
pub struct UrlFields {
    /// Of a picture.
    pub image: &'static str,
    /// Of moving pictures.
    pub video: &'static str,
    /// Of a document.
    pub file: &'static str,
    /// Whether a result of a tool is a part among others, with parts of its own.
    pub results_are_parts: bool,
}

/// The place of a block, or of a part of the result that it is, in the order of the form between.
pub(crate) fn place(turn: usize, block: usize, part: Option<usize>) -> String {
    let whole = format!("messages[{turn}].content[{block}]");
    match part {
        None => whole,
        Some(part) => format!("{whole}.content[{part}]"),
    }
}

impl UrlFields {
    /// A refusal that names a part of a result by its place in the client's own request: where a
    /// result is a message of its own, its content is the message's.
    pub fn placed(&self, mut refusal: Refusal) -> Refusal {
        let part = "].content[0].content[";
        if !self.results_are_parts && refusal.param.contains(part) {
            let own = refusal.param.replacen(part, "].content[", 1);
            refusal.message = refusal.message.replace(&refusal.param, &own);
            refusal.param = own;
        }
        refusal
    }

    fn of(&self, kind: FileKind) -> &'static str {
        match kind {
            FileKind::Image => self.image,
            FileKind::Video => self.video,
            FileKind::Document => self.file,
        }
    }
}

/// Puts files in the place of their URLs where the vendor needs them. What is not there yet, or is
/// something else than its part says, is told. What the model itself said is left alone.
pub fn inline<'a>(
    request: &mut Request<'a>,
    files: &'a Files,
    fields: &UrlFields,
    need: impl Fn(&Block<'_>) -> Option<Need>,
) -> Result<(), Vec<Wanted>> {
    let mut wanted = Vec::new();
    let turns = request.turns.iter_mut().enumerate();
    for (at, turn) in turns.filter(|(_, turn)| turn.role != Role::Assistant) {
        for (number, block) in turn.blocks.iter_mut().enumerate() {
            let place = |part: Option<usize>| match part {
                None => format!("messages[{at}].content[{number}]"),
                Some(part) if fields.results_are_parts => {
                    format!("messages[{at}].content[{number}].content[{part}]")
                }
                Some(part) => format!("messages[{at}].content[{part}]"),
            };
            if let Block::ToolResult(result) = block {
                for (part, block) in result.parts.iter_mut().enumerate() {
                    wanted.extend(inline_one(block, files, &need).map(|(url, kind)| Wanted {
                        url,
                        place: place(Some(part)) + fields.of(kind),
                        kind,
                    }));
                }
                continue;
            }
            wanted.extend(inline_one(block, files, &need).map(|(url, kind)| Wanted {
                url,
                place: place(None) + fields.of(kind),
                kind,
            }));
        }
    }
    if wanted.is_empty() {
        Ok(())
    } else {
        Err(wanted)
    }
}

/// The file that is missing, if one is.
fn inline_one<'a>(
    block: &mut Block<'a>,
    files: &'a Files,
    need: impl Fn(&Block<'_>) -> Option<Need>,
) -> Option<(String, FileKind)> {
    let needed = source_of(block).is_some_and(|(source, _)| matches!(source, Source::Url(_)))
        && match need(block) {
            Some(Need::Bytes) => true,
            Some(Need::Type) => files.fetching,
            None => false,
        };
    let (source, kind) = source_of(block).filter(|_| needed)?;
    let Source::Url(url) = &*source else {
        return None;
    };
    match files.found.get(&**url) {
        Some(file) if kind.fits(file.media_type) => {
            *source = Source::Base64 {
                mime: file.media_type.into(),
                data: file.base64.as_str().into(),
            };
            None
        }
        _ => Some((url.to_string(), kind)),
    }
}

fn source_of<'b, 'a>(block: &'b mut Block<'a>) -> Option<(&'b mut Source<'a>, FileKind)> {
    match block {
        Block::Image(image) => Some((&mut image.source, FileKind::Image)),
        Block::Video(video) => Some((&mut video.source, FileKind::Video)),
        Block::File(file) => Some((&mut file.source, FileKind::Document)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Node;
    use crate::openai;

    const PNG: &str = "https://x.test/a";

    const BODY: &str = r#"{"model":"m","messages":[
        {"role":"system","content":"s"},
        {"role":"user","content":[
            {"type":"text","text":"t"},
            {"type":"image_url","image_url":{"url":"https://x.test/a"}},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
            {"type":"file","file":{"file_url":"https://x.test/d"}},
            {"type":"video_url","video_url":{"url":"https://x.test/v"}}]},
        {"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://x.test/own"}}]},
        {"role":"tool","tool_call_id":"c","content":[
            {"type":"text","text":"r"},
            {"type":"image_url","image_url":{"url":"https://x.test/a"}}]}]}"#;

    fn read() -> Request<'static> {
        openai::read_request(Node::parse(BODY.as_bytes()).unwrap()).unwrap()
    }

    fn told(wanted: Result<(), Vec<Wanted>>) -> Vec<(String, String)> {
        let wanted = wanted.err().unwrap_or_default();
        let pairs = wanted.into_iter().map(|file| (file.place, file.url));
        pairs.collect()
    }

    #[test]
    fn what_is_needed_is_told_by_its_field_in_the_request() {
        let none = Files::default();
        let wanted = inline(&mut read(), &none, &openai::URL_FIELDS, |_| {
            Some(Need::Bytes)
        });
        let field = |place: &str, url: &str| (place.to_owned(), format!("https://x.test/{url}"));
        assert_eq!(
            told(wanted),
            [
                field("messages[1].content[1].image_url.url", "a"),
                field("messages[1].content[3].file.file_url", "d"),
                field("messages[1].content[4].video_url.url", "v"),
                field("messages[3].content[1].image_url.url", "a"),
            ]
        );
        let untyped = |_: &Block<'_>| Some(Need::Type);
        let shut = inline(&mut read(), &none, &openai::URL_FIELDS, untyped);
        assert_eq!(shut, Ok(()), "a URL does where nothing is fetched");
        let open = Files::new(true);
        let open = inline(&mut read(), &open, &openai::URL_FIELDS, untyped);
        assert_eq!(told(open).len(), 4);
        let unneeded = inline(&mut read(), &none, &openai::URL_FIELDS, |_| None);
        assert_eq!(unneeded, Ok(()));
    }

    #[test]
    fn a_part_of_a_result_is_refused_by_its_place_in_the_clients_request() {
        let body = r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"c","content":[
            {"type":"text","text":"r"},
            {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}"#;
        let request = openai::read_request(Node::parse(body.as_bytes()).unwrap()).unwrap();
        let plan = crate::ir::Plan {
            provider: "acme",
            model: "m",
            family: None,
            reject: false,
            streaming: false,
            own_history: true,
        };
        let refusal = crate::anthropic::write_request(request, &plan).unwrap_err();
        let inner = crate::anthropic::URL_FIELDS.placed(refusal.clone());
        assert_eq!(inner.param, "messages[0].content[0].content[1]");
        let refusal = openai::URL_FIELDS.placed(refusal);
        assert_eq!(refusal.param, "messages[0].content[1]");
        assert!(
            refusal.message.starts_with("messages[0].content[1]: the"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn what_was_fetched_stands_in_every_place_of_its_url_if_it_is_what_its_part_says() {
        let mut files = Files::new(true);
        files.keep(PNG, "image/png", "iVBO".into());
        files.keep("https://x.test/d", "application/pdf", "JVBE".into());
        files.keep("https://x.test/v", "image/gif", "R0lG".into());
        let mut request = read();
        let wanted = inline(&mut request, &files, &openai::URL_FIELDS, |_| {
            Some(Need::Bytes)
        });
        assert_eq!(
            told(wanted),
            [(
                "messages[1].content[4].video_url.url".to_owned(),
                "https://x.test/v".to_owned()
            )]
        );
        let shown = format!("{:?}", request.turns);
        assert_eq!(shown.matches("\"iVBO\"").count(), 2, "{shown}");
        assert!(shown.contains("application/pdf"), "{shown}");
        assert!(!shown.contains("https://x.test/a\""), "{shown}");
        assert!(shown.contains("https://x.test/own"), "{shown}");
    }
}
