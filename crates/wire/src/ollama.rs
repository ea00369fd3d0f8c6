//! Ollama's own chat dialect (`/api/chat`), to the form between and from it.

mod answer;
mod line_reader;
mod message_writer;
mod reply_reader;
mod request_writer;

pub use crate::vendor_error::read as read_error;
pub use line_reader::{LineReader, reader};
pub use message_writer::need;
pub use reply_reader::read_reply;
pub use request_writer::write_request;

use crate::ir::{Block, Request, Source, ToolKind};

/// Members of a request's `extra_body` and of the request itself that only this dialect can say.
const OPTIONS: [&str; 4] = ["num_ctx", "min_p", "repeat_penalty", "repeat_last_n"];
/// How long the model stays loaded.
const KEEP_ALIVE: &str = "keep_alive";

/// Whether a request to this provider can only be said in this dialect: pictures at an address, which
/// have to be fetched, are among that.
pub fn is_wanted(request: &Request<'_>, provider: &str) -> bool {
    let own = request
        .extra_body
        .as_ref()
        .and_then(|extra| extra.node().get(provider));
    let said = |name: &str| name == KEEP_ALIVE || OPTIONS.contains(&name);
    own.is_some_and(|own| !own.members().is_empty())
        || request.unknown.iter().any(|(name, _)| said(name))
        || request
            .turns
            .iter()
            .any(|turn| turn.blocks.iter().any(is_remote))
}

fn is_remote(block: &Block<'_>) -> bool {
    match block {
        Block::Image(image) => matches!(image.source, Source::Url(_)),
        Block::ToolResult(result) => result.parts.iter().any(is_remote),
        _ => false,
    }
}

/// Tools that take free text, by name.
fn custom_tools(request: &Request<'_>) -> Vec<String> {
    let custom = request
        .tools
        .iter()
        .filter(|tool| matches!(tool.kind, ToolKind::Custom { .. }));
    custom.map(|tool| tool.name.to_string()).collect()
}
