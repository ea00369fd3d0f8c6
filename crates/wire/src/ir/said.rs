//! What a request may say that not every vendor has a word for: each parameter with how to tell
//! that it was said. A dialect lists those that it lacks.

use super::block::{Block, Video};
use super::plan::Dropped;
use super::request::{Format, Request, Tool, ToolKind};
use crate::json::Node;

/// A parameter's name, and whether a request says something under it.
pub(crate) type Said = (&'static str, fn(&Request<'_>) -> bool);

pub(crate) const N: Said = ("n", |request| request.sampling.n.is_some_and(|n| n > 1));
pub(crate) const SEED: Said = ("seed", |request| request.sampling.seed.is_some());
pub(crate) const PRESENCE_PENALTY: Said = ("presence_penalty", |request| {
    is_set(request.sampling.presence_penalty)
});
pub(crate) const FREQUENCY_PENALTY: Said = ("frequency_penalty", |request| {
    is_set(request.sampling.frequency_penalty)
});
pub(crate) const LOGPROBS: Said = ("logprobs", |request| {
    request.sampling.logprobs == Some(true)
});
/// Also when none are asked for.
pub(crate) const TOP_LOGPROBS: Said = ("top_logprobs", |request| {
    request.sampling.top_logprobs.is_some()
});
pub(crate) const SOME_TOP_LOGPROBS: Said = ("top_logprobs", |request| {
    request.sampling.top_logprobs.is_some_and(|count| count > 0)
});
/// Under either of its names.
pub(crate) const USER: Said = ("user", |request| {
    request.user.is_some() || request.safety_identifier.is_some()
});
/// Where there is a word for one user only.
pub(crate) const SECOND_USER: Said = ("safety_identifier", |request| {
    request.user.is_some() && request.safety_identifier.is_some()
});
pub(crate) const LOGIT_BIAS: Said = ("logit_bias", |request| {
    let bias = request.sampling.logit_bias.as_ref();
    bias.is_some_and(|bias| !bias.node().members().is_empty())
});
pub(crate) const ONE_CALL_AT_A_TIME: Said = ("parallel_tool_calls", |request| {
    request.parallel_tools == Some(false)
});
pub(crate) const MODALITIES: Said = ("modalities", |request| {
    request.modalities.iter().any(|word| word != "text")
});
pub(crate) const VERBOSITY: Said = ("verbosity", |request| request.verbosity.is_some());
pub(crate) const PROMPT_CACHE_KEY: Said = ("prompt_cache_key", |request| {
    request.prompt_cache_key.is_some()
});
pub(crate) const SERVICE_TIER: Said = ("service_tier", |request| request.service_tier.is_some());
pub(crate) const METADATA: Said = ("metadata", |request| request.metadata.is_some());
pub(crate) const NAMES_OF_SPEAKERS: Said = ("messages[].name", |request| {
    request.turns.iter().any(|turn| turn.name.is_some())
});

pub(crate) const CACHE_MARKS: Said = ("cache_control", |request| {
    request.cache.is_some()
        || request.tools.iter().any(|tool| tool.cache.is_some())
        || any_block(request, |block| block.cache().is_some())
});
/// On words that are none: they are not sent, and nothing else is marked in their place.
pub(crate) const MARKS_ON_NOTHING: Said = ("cache_control", |request| {
    any_marked(request, str::is_empty)
});
/// The same where blanks are not sent either.
pub(crate) const MARKS_ON_BLANKS: Said = ("cache_control", |request| {
    any_marked(request, |words| words.trim().is_empty())
});
pub(crate) const DETAIL: Said = ("messages[].content[].image_url.detail", |request| {
    any_block(request, |block| match block {
        Block::Image(image) => image.detail.as_deref().is_some_and(|word| word != "auto"),
        _ => false,
    })
});
pub(crate) const FILE_NAMES: Said = ("messages[].content[].file.filename", |request| {
    any_block(
        request,
        |block| matches!(block, Block::File(file) if file.name.is_some()),
    )
});
pub(crate) const FILE_CONTEXTS: Said = ("messages[].content[].file.context", |request| {
    any_block(
        request,
        |block| matches!(block, Block::File(file) if file.context.is_some()),
    )
});
pub(crate) const CITED_FILES: Said = ("messages[].content[].file.citations", |request| {
    any_block(
        request,
        |block| matches!(block, Block::File(file) if file.cited == Some(true)),
    )
});
pub(crate) const FAILED_RESULTS: Said = ("messages[].is_error", |request| {
    any_block(
        request,
        |block| matches!(block, Block::ToolResult(result) if result.is_error),
    )
});
pub(crate) const STRICT_TOOLS: Said = ("tools[].function.strict", |request| {
    request.tools.iter().any(is_strict)
});
pub(crate) const GRAMMARS: Said = ("tools[].custom.format", |request| {
    let grammar = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Custom { format: Some(_) });
    request.tools.iter().any(grammar)
});
pub(crate) const SEARCH_OPTIONS: Said = ("web_search_options", |request| {
    searches_with(request, &["type", "name", "cache_control"])
});
/// But for where the user is.
pub(crate) const SEARCH_OPTIONS_BUT_PLACE: Said = ("web_search_options", |request| {
    searches_with(request, &["type", "name", "cache_control", "user_location"])
});
pub(crate) const FORMAT_DESCRIPTION: Said =
    ("response_format.json_schema.description", |request| {
        let format = request.format.as_ref();
        format.is_some_and(|format| {
            matches!(
                format,
                Format::JsonSchema {
                    description: Some(_),
                    ..
                }
            )
        })
    });

/// Whether the model is to be held to a tool's schema.
pub(crate) fn is_strict(tool: &Tool<'_>) -> bool {
    matches!(
        tool.kind,
        ToolKind::Function {
            strict: Some(true),
            ..
        }
    )
}

/// What says which piece of a film counts, or how often it is looked at.
const OF_FILMS: [&str; 5] = [
    "fps",
    "start_offset",
    "end_offset",
    "video_metadata",
    "videoMetadata",
];

/// The names under which pieces of films are asked for: beside the film or with its address.
pub(crate) fn pieces_of_films(request: &Request<'_>) -> Vec<String> {
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let films = blocks
        .flat_map(Block::with_parts)
        .filter_map(|(_, block)| match block {
            Block::Video(Video { raw: Some(raw), .. }) => Some(raw.node()),
            _ => None,
        });
    let mut names = Vec::new();
    for film in films {
        for (node, place) in [(Some(film), ""), (film.get("video_url"), "video_url.")] {
            let members = node.map(Node::members).unwrap_or_default();
            for (name, value) in members {
                if OF_FILMS.contains(&&*name) && !value.is_null() {
                    names.push(format!("messages[].content[].{place}{name}"));
                }
            }
        }
    }
    names
}

/// Whether a block of the conversation, or a part of a result, is such a one.
fn any_block(request: &Request<'_>, is: impl Fn(&Block<'_>) -> bool) -> bool {
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let mut all = blocks.flat_map(Block::with_parts);
    all.any(|(_, block)| is(block))
}

/// Whether such words have a cache mark.
fn any_marked(request: &Request<'_>, is: fn(&str) -> bool) -> bool {
    any_block(
        request,
        |block| matches!(block, Block::Text(text) if text.cache.is_some() && is(&text.text)),
    )
}

/// Whether a search is asked for with anything beside these.
fn searches_with(request: &Request<'_>, beside: &[&str]) -> bool {
    request.tools.iter().any(|tool| match &tool.kind {
        ToolKind::WebSearch {
            options: Some(options),
        } => {
            let members = options.node().members();
            let mut set = members.iter().filter(|(_, value)| !value.is_null());
            set.any(|(name, _)| !beside.contains(&&**name))
        }
        _ => false,
    })
}

/// Penalties of nothing are as good as none.
fn is_set(number: Option<f64>) -> bool {
    number.is_some_and(|number| number != 0.0)
}

impl Dropped {
    /// Notes those of the parameters that the request says something under.
    pub(crate) fn note_said(&mut self, request: &Request<'_>, lacking: &[Said]) {
        for (param, is_said) in lacking {
            self.note_if(is_said(request), param);
        }
    }

    /// Notes the members that nobody here knows, but for those that are the vendor's `own`.
    pub(crate) fn note_unknown(&mut self, request: &Request<'_>, own: impl Fn(&str) -> bool) {
        for (name, _) in request.unknown.iter().filter(|(name, _)| !own(name)) {
            self.note(name.to_string());
        }
    }
}
