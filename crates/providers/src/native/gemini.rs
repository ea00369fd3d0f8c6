//! Google's two homes of models: the Developer API, which has Gemini alone, and Vertex AI, which
//! has the models of many and speaks to each in its own dialect.

use http::HeaderMap;
use wire::anthropic as messages;
use wire::gemini::{self, Home};
use wire::ir::files::Need;
use wire::ir::{Block, Encoded, Plan, Refusal, Request, Source};
use wire::json::{Node, write};
use wire::openai;
use wire::vendor_error::VendorError;

use super::anthropic;
use crate::percent;
use crate::provider::Dialect;

/// The version of Claude's dialect that Vertex AI wants to see in the body.
const CLAUDE_VERSION: &str = "vertex-2023-10-16";
/// Where a model's own publisher is not said.
const PUBLISHER: &str = "google";
/// The dialect of everybody else, below the root.
const OPEN: &str = "/endpoints/openapi/chat/completions";
/// Members of Claude's dialect that Vertex AI refuses.
const NOT_THERE: [&str; 4] = ["model", "output_format", "inference_geo", "container"];

/// How a model is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Gemini,
    Claude,
    /// OpenAI's dialect at a path of the model's own.
    Mistral,
    /// A model that the operator runs, by its number.
    Endpoint,
    /// All others: OpenAI's dialect at one path.
    Open,
}

/// A model of Vertex AI's: which, and without what only says whose it is.
fn family(model: &str) -> (Family, &str) {
    if let Some(id) = model.strip_prefix("endpoints/") {
        return (Family::Endpoint, id);
    }
    let bare = bare(model);
    let family = if bare.starts_with("claude-") {
        Family::Claude
    } else if bare.starts_with("gemini-") && !bare.starts_with("gemini-embedding-") {
        Family::Gemini
    } else if ["mistral", "codestral", "ministral"]
        .iter()
        .any(|word| bare.starts_with(word))
    {
        Family::Mistral
    } else {
        Family::Open
    };
    (family, bare)
}

pub(super) fn bare(model: &str) -> &str {
    let model = model.strip_prefix("publishers/").unwrap_or(model);
    let mut rest = model;
    for prefix in ["google/", "anthropic/", "mistralai/", "models/"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest
}

/// The dialect in which a model of a home is spoken to.
pub(super) fn spoken(dialect: Dialect, model: &str) -> Dialect {
    match dialect {
        Dialect::Vertex => match family(model).0 {
            Family::Gemini => Dialect::Gemini,
            Family::Claude => Dialect::Anthropic,
            Family::Mistral | Family::Endpoint | Family::Open => Dialect::OpenAi,
        },
        dialect => dialect,
    }
}

/// Puts a call into the dialect of a model of Vertex AI's.
pub(super) fn write_at_vertex(
    request: Request<'_>,
    plan: &Plan<'_>,
    client: &HeaderMap,
) -> Result<(Encoded, HeaderMap), Refusal> {
    let (family, bare) = family(plan.model);
    let named = |model| Plan { model, ..*plan };
    Ok(match family {
        Family::Gemini => {
            let encoded = gemini::write_request(request, &named(bare), Home::Vertex)?;
            (encoded, HeaderMap::new())
        }
        Family::Claude => {
            let mut encoded = messages::write_request(request, &named(bare))?;
            encoded.body = claude_body(&encoded.body);
            let headers = anthropic::headers(client, &encoded.betas);
            (encoded, headers)
        }
        Family::Mistral | Family::Endpoint => {
            let encoded = openai::write_request(request, &named(bare))?;
            (encoded, HeaderMap::new())
        }
        Family::Open => {
            let model = with_publisher(bare);
            let encoded = openai::write_request(request, &named(&model))?;
            (encoded, HeaderMap::new())
        }
    })
}

/// Whether a model of Vertex AI's needs the bytes of a block that the client gives the address of.
pub(super) fn need_at_vertex(block: &Block<'_>, model: &str) -> Option<Need> {
    match family(model).0 {
        Family::Gemini => gemini::need(block),
        // Anthropic itself takes addresses; here they are refused.
        Family::Claude => {
            let source = match block {
                Block::Image(image) => &image.source,
                Block::File(file) => &file.source,
                _ => return None,
            };
            matches!(source, Source::Url(_)).then_some(Need::Bytes)
        }
        Family::Mistral | Family::Endpoint | Family::Open => None,
    }
}

/// A model of everybody's dialect has its publisher before it.
fn with_publisher(model: &str) -> String {
    if model.contains('/') {
        model.to_owned()
    } else {
        format!("{PUBLISHER}/{model}")
    }
}

/// The body of a Messages request as Vertex AI takes it: the model stands in the path.
fn claude_body(body: &[u8]) -> Vec<u8> {
    let Ok(node) = Node::parse(body) else {
        return body.to_vec();
    };
    let mut out = Vec::with_capacity(body.len() + 64);
    write::object(&mut out, |o| {
        o.text("anthropic_version", CLAUDE_VERSION);
        for (name, value) in node.members() {
            if !NOT_THERE.contains(&&*name) {
                o.raw(&name, value.raw());
            }
        }
    });
    out
}

/// The path of a call below the API root.
pub(super) fn path(dialect: Dialect, model: &str, streaming: bool) -> Result<String, Refusal> {
    let ask = if streaming {
        "streamGenerateContent?alt=sse"
    } else {
        "generateContent"
    };
    if dialect == Dialect::Gemini {
        let (collection, id) = match model.split_once('/') {
            Some((collection @ ("models" | "tunedModels"), id)) => (collection, id),
            _ => ("models", model),
        };
        return Ok(format!("/{collection}/{}:{ask}", segment(model, id)?));
    }
    let raw = if streaming {
        "streamRawPredict"
    } else {
        "rawPredict"
    };
    let (family, bare) = family(model);
    let (publisher, id, ask) = match family {
        Family::Gemini => (PUBLISHER, segment(model, bare)?, ask),
        Family::Claude => ("anthropic", segment(model, &dated(bare))?, raw),
        Family::Mistral => ("mistralai", segment(model, bare)?, raw),
        Family::Endpoint => {
            let id = segment(model, bare)?;
            return Ok(format!("/endpoints/{id}/chat/completions"));
        }
        Family::Open => return Ok(OPEN.to_owned()),
    };
    Ok(format!("/publishers/{publisher}/models/{id}:{ask}"))
}

/// Vertex AI writes the date of a model behind an `@`.
fn dated(model: &str) -> String {
    let date = model
        .rsplit_once('-')
        .filter(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()));
    match date {
        Some((name, date)) => format!("{name}@{date}"),
        None => model.to_owned(),
    }
}

/// A model as one segment of a path. One that could mean another path is refused before it is
/// escaped: not every server in between reads escapes alike.
pub(super) fn segment(model: &str, id: &str) -> Result<String, Refusal> {
    let bad = |c: char| "/\\%?#".contains(c) || c.is_control() || c.is_whitespace();
    if matches!(id, "" | "." | "..") || id.contains(bad) {
        let what =
            format!("model `{model}` cannot stand in a path; letters, digits and . - _ @ can");
        return Err(Refusal::new("model", what));
    }
    let mut out = String::with_capacity(id.len());
    percent::segment(id, &mut out);
    Ok(out.replace("%40", "@"))
}

/// Reads an error of Vertex AI's: its own, or that of the model's publisher.
pub(super) fn read_error(spoken: Dialect, body: &[u8]) -> Option<VendorError> {
    let kind = Node::parse(body).ok().and_then(|node| node.get("type"));
    if spoken == Dialect::Anthropic && kind.is_some() {
        messages::read_error(body)
    } else {
        gemini::read_error(body)
    }
}

#[cfg(test)]
mod tests;
