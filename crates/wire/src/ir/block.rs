//! What a turn or an answer consists of.

use std::borrow::Cow;

use crate::json::Node;

/// JSON text that is carried without being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw<'a>(pub Cow<'a, str>);

impl Raw<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A look into it.
    pub fn node(&self) -> Node<'_> {
        Node::of(&self.0)
    }
}

impl<'a> From<Node<'a>> for Raw<'a> {
    fn from(node: Node<'a>) -> Raw<'a> {
        Raw(Cow::Borrowed(node.raw()))
    }
}

impl From<String> for Raw<'_> {
    fn from(json: String) -> Self {
        Raw(Cow::Owned(json))
    }
}

/// A piece of a turn or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Block<'a> {
    /// Words.
    Text(Text<'a>),
    /// A picture.
    Image(Image<'a>),
    /// Sound.
    Audio(Audio<'a>),
    /// Moving pictures.
    Video(Video<'a>),
    /// A document.
    File(File<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool gave back; stands in a user's turn.
    ToolResult(ToolResult<'a>),
    /// The model's reasoning.
    Thinking(Thinking<'a>),
    /// A tool that the vendor ran itself, or its result.
    Server(Server<'a>),
    /// The model declines.
    Refusal(Cow<'a, str>),
    /// A block of a kind that no dialect here knows.
    Unknown {
        /// What its dialect calls it.
        kind: Cow<'a, str>,
        /// The whole of it.
        raw: Raw<'a>,
    },
}

impl<'a> Block<'a> {
    /// Plain words.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Block<'a> {
        Block::Text(Text::new(text))
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Block::Text(text) => text.text.is_empty(),
            Block::Thinking(thinking) => thinking.text.is_empty() && thinking.state.is_none(),
            Block::Refusal(text) => text.is_empty(),
            _ => false,
        }
    }

    /// What its kind is called in messages to a client.
    pub fn kind(&self) -> &str {
        match self {
            Block::Text(_) => "text",
            Block::Image(_) => "image",
            Block::Audio(_) => "audio",
            Block::Video(_) => "video",
            Block::File(_) => "file",
            Block::ToolCall(_) => "tool_call",
            Block::ToolResult(_) => "tool_result",
            Block::Thinking(_) => "thinking",
            Block::Server(_) => "server_tool",
            Block::Refusal(_) => "refusal",
            Block::Unknown { kind, .. } => kind,
        }
    }

    /// The block, and behind a result its parts with their numbers.
    pub(crate) fn with_parts(&self) -> impl Iterator<Item = (Option<usize>, &Block<'a>)> {
        let parts = match self {
            Block::ToolResult(result) => &result.parts[..],
            _ => &[],
        };
        let parts = parts.iter().enumerate();
        std::iter::once((None, self)).chain(parts.map(|(at, part)| (Some(at), part)))
    }

    /// Its cache mark, if it has one.
    pub fn cache(&self) -> Option<CacheMark> {
        match self {
            Block::Text(block) => block.cache,
            Block::Image(block) => block.cache,
            Block::File(block) => block.cache,
            Block::ToolCall(block) => block.cache,
            Block::ToolResult(block) => block.cache,
            _ => None,
        }
    }

    /// Its cache mark, for the kinds that can have one.
    pub fn cache_mut(&mut self) -> Option<&mut Option<CacheMark>> {
        match self {
            Block::Text(block) => Some(&mut block.cache),
            Block::Image(block) => Some(&mut block.cache),
            Block::File(block) => Some(&mut block.cache),
            Block::ToolCall(block) => Some(&mut block.cache),
            Block::ToolResult(block) => Some(&mut block.cache),
            _ => None,
        }
    }
}

/// Everything up to here may be kept by the vendor for the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMark {
    /// As long as the vendor likes.
    Usual,
    /// Five minutes.
    FiveMinutes,
    /// One hour.
    OneHour,
}

/// Words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a> {
    /// The words.
    pub text: Cow<'a, str>,
    /// Where they come from.
    pub citations: Vec<Citation<'a>>,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

impl<'a> Text<'a> {
    /// Words without anything else.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Text<'a> {
        Text {
            text: text.into(),
            ..Text::default()
        }
    }
}

/// Where words come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation<'a> {
    /// The page, when it is one.
    pub url: Option<Cow<'a, str>>,
    /// What the source is called.
    pub title: Option<Cow<'a, str>>,
    /// The source's own words.
    pub quote: Option<Cow<'a, str>>,
    /// Which characters of the text it is for; without it, all of its block.
    pub range: Option<(u64, u64)>,
    /// The whole of it as the vendor gave it.
    pub raw: Option<Raw<'a>>,
}

/// Where the bytes of a picture, a sound or a document are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// At an address. Never a data URI.
    Url(Cow<'a, str>),
    /// Here.
    Base64 {
        /// The media type; empty when nobody said one and the bytes do not show it.
        mime: Cow<'a, str>,
        /// The bytes in base64.
        data: Cow<'a, str>,
    },
    /// Here, as words.
    Text {
        /// The media type.
        mime: Cow<'a, str>,
        /// The words.
        text: Cow<'a, str>,
    },
    /// Stored with the vendor.
    FileId(Cow<'a, str>),
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image<'a> {
    /// Where it is.
    pub source: Source<'a>,
    /// How closely it is to be looked at.
    pub detail: Option<Cow<'a, str>>,
    /// Its media type, where the client says one and the source does not.
    pub media_type: Option<Cow<'a, str>>,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

/// Sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio<'a> {
    /// The bytes in base64.
    pub data: Cow<'a, str>,
    /// `wav`, `mp3`, ...
    pub format: Cow<'a, str>,
    /// The vendor's name for it in later turns.
    pub id: Option<Cow<'a, str>>,
    /// What is said.
    pub transcript: Option<Cow<'a, str>>,
}

/// Moving pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Video<'a> {
    /// Where they are.
    pub source: Source<'a>,
    /// The whole part, for what only some vendors know.
    pub raw: Option<Raw<'a>>,
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct File<'a> {
    /// Where it is.
    pub source: Source<'a>,
    /// Its name.
    pub name: Option<Cow<'a, str>>,
    /// What the model is told about it.
    pub context: Option<Cow<'a, str>>,
    /// Whether the model shall cite it.
    pub cited: Option<bool>,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

/// The model calls a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall<'a> {
    /// The call's id.
    pub id: Cow<'a, str>,
    /// The tool.
    pub name: Cow<'a, str>,
    /// The arguments as the model wrote them: usually a JSON object, but no one promises.
    pub arguments: Cow<'a, str>,
    /// What the vendor wants back with it.
    pub signature: Option<Cow<'a, str>>,
    /// Whether the tool takes free text instead of an object: the arguments are that text.
    pub custom: bool,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult<'a> {
    /// The call's id.
    pub id: Cow<'a, str>,
    /// The tool, when the client says it.
    pub name: Option<Cow<'a, str>>,
    /// Texts, pictures, documents.
    pub parts: Vec<Block<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// Its cache mark.
    pub cache: Option<CacheMark>,
}

impl ToolResult<'_> {
    /// Its words, joined.
    pub fn text(&self) -> Cow<'_, str> {
        join_texts(&self.parts, "\n")
    }
}

/// The texts of blocks, joined.
pub fn join_texts<'b>(blocks: &'b [Block<'_>], with: &str) -> Cow<'b, str> {
    let mut texts = blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(&*text.text),
        _ => None,
    });
    let Some(first) = texts.next() else {
        return Cow::Borrowed("");
    };
    let mut joined = Cow::Borrowed(first);
    for text in texts {
        let joined = joined.to_mut();
        joined.push_str(with);
        joined.push_str(text);
    }
    joined
}

/// The model's reasoning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thinking<'a> {
    /// The words; empty where the vendor hides them.
    pub text: Cow<'a, str>,
    /// What the vendor wants back unchanged.
    pub state: Option<Opaque<'a>>,
}

/// State of a vendor that only it can read. It goes back to its own family or nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque<'a> {
    /// Whose it is.
    pub kind: OpaqueKind,
    /// The state.
    pub data: Cow<'a, str>,
}

/// Whose state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueKind {
    /// A signature under readable reasoning of Claude.
    Signature,
    /// Reasoning of Claude that is hidden altogether.
    Redacted,
    /// A thought signature of Gemini.
    Gemini,
    /// Encrypted reasoning of OpenAI's Responses API.
    Responses,
}

/// A tool that the vendor ran itself, or its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Server<'a> {
    /// The block's type in its own dialect.
    pub kind: Cow<'a, str>,
    /// The whole of it.
    pub raw: Raw<'a>,
}
