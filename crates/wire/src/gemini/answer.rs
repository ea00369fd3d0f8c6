//! Parts of answers, and why they end.

use std::borrow::Cow;

use crate::ir::{
    Audio, Block, Finish, Image, Opaque, OpaqueKind, Reason, Recall, Server, Source, Thinking,
    ToolCall, names,
};
use crate::json::Node;

/// What a candidate says of itself that has no place elsewhere.
pub(super) const METADATA: [&str; 6] = [
    "groundingMetadata",
    "safetyRatings",
    "citationMetadata",
    "urlContextMetadata",
    "avgLogprobs",
    "finishMessage",
];

/// What a part holds.
pub(super) enum Part<'a> {
    /// Words, of the answer or of the thoughts before it.
    Words {
        text: Cow<'a, str>,
        thought: bool,
        signature: Option<Cow<'a, str>>,
    },
    /// A call; its members, and the signature under it.
    Call(Node<'a>, Option<Cow<'a, str>>),
    /// A block that is whole.
    Whole(Block<'a>),
}

/// Reads one part; None for one that says nothing.
pub(super) fn read_part<'a>(node: Node<'a>) -> Option<Part<'a>> {
    let [text, thought, signature, call, data, code, result] = node.pick([
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "inlineData",
        "executableCode",
        "codeExecutionResult",
    ]);
    let signature = signature
        .and_then(Node::text)
        .filter(|signature| !signature.is_empty());
    let server = |kind: Cow<'a, str>| {
        Part::Whole(Block::Server(Server {
            kind,
            raw: node.into(),
        }))
    };
    Some(match (call, data, code, result) {
        (Some(call), ..) => Part::Call(call, signature),
        (_, Some(data), ..) => Part::Whole(read_data(data)?),
        (_, _, Some(_), _) => server(Cow::Borrowed("executableCode")),
        (_, _, _, Some(_)) => server(Cow::Borrowed("codeExecutionResult")),
        // A part that was invented later is told as the vendor's own.
        _ if text.is_none() && signature.is_none() => {
            let (kind, _) = node.members().into_iter().next()?;
            server(kind)
        }
        _ => Part::Words {
            text: text.and_then(Node::text).unwrap_or_default(),
            thought: thought.and_then(Node::flag).unwrap_or(false),
            signature,
        },
    })
}

fn read_data(data: Node<'_>) -> Option<Block<'_>> {
    let [mime, data] = data.pick(["mimeType", "data"]);
    let (mime, data) = (mime.and_then(Node::text).unwrap_or_default(), data?.text()?);
    if let Some(format) = mime.strip_prefix("audio/") {
        return Some(Block::Audio(Audio {
            format: Cow::Owned(format.to_owned()),
            data,
            id: None,
            transcript: None,
        }));
    }
    Some(Block::Image(Image {
        source: Source::Base64 { mime, data },
        detail: None,
        media_type: None,
        cache: None,
    }))
}

/// A signature that stands under words.
pub(super) fn signature_block(data: Cow<'_, str>) -> Block<'_> {
    Block::Thinking(Thinking {
        text: Cow::Borrowed(""),
        state: Some(Opaque {
            kind: OpaqueKind::Gemini,
            data,
        }),
    })
}

/// Reads a call. One without an id gets `fresh`; most clients give back nothing but the id, so the
/// signature travels in it.
pub(super) fn read_call<'a>(
    call: Node<'a>,
    signature: Option<Cow<'a, str>>,
    fresh: impl FnOnce() -> String,
    recall: &Recall,
) -> Option<ToolCall<'a>> {
    let [id, name, args] = call.pick(["id", "name", "args"]);
    let id = id.and_then(Node::text).filter(|id| !id.is_empty());
    Some(tool_call(
        id.unwrap_or_else(|| Cow::Owned(fresh())),
        name?.text()?,
        args.unwrap_or(Node::of("{}")).compact(),
        signature,
        recall,
    ))
}

/// A call as the client gets it.
pub(super) fn tool_call<'a>(
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    args: Cow<'a, str>,
    signature: Option<Cow<'a, str>>,
    recall: &Recall,
) -> ToolCall<'a> {
    let custom = recall.custom.iter().any(|custom| *custom == *name);
    let text = || {
        let input = Node::of(&args).get("input")?.text()?;
        Some(Cow::Owned(input.into_owned()))
    };
    ToolCall {
        id: match &signature {
            Some(signature) => Cow::Owned(names::with_thought(&id, signature)),
            None => id,
        },
        name: recall.names.restored(name),
        arguments: custom.then(text).flatten().unwrap_or(args),
        signature,
        custom,
        cache: None,
    }
}

/// The id of a call that the vendor gave none: `stem` is the answer's own, so that no other
/// answer of a conversation has the same.
pub(super) fn fresh_id(stem: &str, candidate: u32, call: u32) -> String {
    format!("call_{stem}_{candidate}_{call}")
}

/// Why an answer ended. A vendor that stops for its tools does not say so here.
pub(super) fn read_finish(word: Cow<'_, str>, called: bool) -> Finish<'_> {
    let plain = word.is_empty() || word.eq_ignore_ascii_case("STOP");
    let mut finish = Finish::of(word);
    if called && plain {
        finish.reason = Reason::ToolCalls;
    }
    finish
}

/// A question that the vendor did not let through: why, and in which words.
pub(super) fn read_block(feedback: Option<Node<'_>>) -> Option<(Finish<'_>, Cow<'_, str>)> {
    let [reason, message] = feedback?.pick(["blockReason", "blockReasonMessage"]);
    let mut finish = Finish::of(reason?.text()?);
    finish.reason = Reason::ContentFilter;
    let words = message.and_then(Node::text);
    let words = words.filter(|words| !words.is_empty()).unwrap_or_else(|| {
        Cow::Owned(format!(
            "The provider blocked the prompt: {}.",
            finish.native
        ))
    });
    Some((finish, words))
}
