//! What a client asks to be drawn.

use std::borrow::Cow;

use super::shape::Sides;
use crate::ir::{Raw, Refusal, count, word, wrong};
use crate::json::Node;

/// Pictures that one question may ask for.
pub(super) const MOST: u64 = 10;

/// Members that are read, or ask for what is usual.
pub(super) const KNOWN: [&str; 6] = [
    "model",
    "prompt",
    "n",
    "size",
    "response_format",
    "extra_body",
];

/// The way in which a client wants its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Themselves.
    Base64,
    /// Where they are.
    Url,
}

/// What a client asks to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// The words.
    pub prompt: Cow<'a, str>,
    /// How many pictures.
    pub n: u64,
    /// Their size as the client writes it; None where it leaves that to the vendor.
    pub size: Option<Cow<'a, str>>,
    /// The way in which they are wanted.
    pub wanted: Option<Wanted>,
    pub(super) sides: Option<Sides>,
    pub(super) quality: Option<Cow<'a, str>>,
    pub(super) aspect_ratio: Option<Cow<'a, str>>,
    pub(super) extra: Option<Raw<'a>>,
    pub(super) body: Node<'a>,
}

impl<'a> Question<'a> {
    /// Reads OpenAI's request.
    pub fn read(body: Node<'a>) -> Result<Question<'a>, Refusal> {
        let [prompt, n, size, format, quality, aspect_ratio, extra] = body.pick([
            "prompt",
            "n",
            "size",
            "response_format",
            "quality",
            "aspect_ratio",
            "extra_body",
        ]);
        let prompt = word(prompt, "prompt")?.filter(|prompt| !prompt.trim().is_empty());
        let missing = || Refusal::new("prompt", "prompt is missing; expected a text");
        let wanted = match word(format, "response_format")?.as_deref() {
            None => None,
            Some("b64_json") => Some(Wanted::Base64),
            Some("url") => Some(Wanted::Url),
            Some(_) => return Err(bad("response_format", format, "b64_json or url")),
        };
        let n_asked = count(n, "n")?.unwrap_or(1);
        if n_asked > MOST {
            return Err(bad("n", n, "a number from 1 to 10"));
        }
        let written = word(size, "size")?.filter(|size| size != "auto");
        let sides = match &written {
            None => None,
            Some(text) => {
                let sides = Sides::read(text);
                Some(sides.ok_or_else(|| bad("size", size, "one like 1024x1024, or auto"))?)
            }
        };
        Ok(Question {
            prompt: prompt.ok_or_else(missing)?,
            n: n_asked,
            size: written,
            wanted,
            sides,
            quality: word(quality, "quality")?.filter(|quality| quality != "auto"),
            aspect_ratio: word(aspect_ratio, "aspect_ratio")?,
            extra: extra.map(Raw::from),
            body,
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.body.get(name).and_then(Node::text)
    }
}

fn bad(name: &str, node: Option<Node<'_>>, expected: &str) -> Refusal {
    wrong(name, node.unwrap_or(Node::of("null")), expected)
}
