//! Where calls to Bedrock go, and what their heads say.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use wire::converse::{FIELDS, Family, Reasons};
use wire::ir::Refusal;
use wire::json::write;
use wire::json::{Node, merge};

use crate::percent;

/// The header that names the features of Claude's which a client wants.
const BETA: &str = "anthropic-beta";
/// The header with the answer's id.
const REQUEST_ID: &str = "x-amzn-requestid";
/// The header that names an exception.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// Features that Bedrock knows; others are refused there. One that ends in a hyphen stands for all
/// that begin so.
const FEATURES: [&str; 7] = [
    "context-1m-2025-08-07",
    "interleaved-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14",
    "computer-use-",
    "context-management-2025-06-27",
    "tool-search-tool-2025-10-19",
    "effort-2025-11-24",
];

/// Bedrock's hosts, one of each in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Where models answer.
    Runtime,
    /// The same, with validated cryptography.
    RuntimeFips,
    /// Where models and profiles are listed.
    Control,
    /// Where documents are ranked.
    Agent,
}

/// The API root of a host.
pub fn root(host: Host, region: &str) -> String {
    let name = match host {
        Host::Runtime => "bedrock-runtime",
        Host::RuntimeFips => "bedrock-runtime-fips",
        Host::Control => "bedrock",
        Host::Agent => "bedrock-agent-runtime",
    };
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{name}.{region}.amazonaws.com{china}")
}

/// The region that an ARN names.
pub fn region_of(model: &str) -> Option<&str> {
    let mut parts = model.split(':');
    let is_arn = parts.next() == Some("arn") && parts.next().is_some_and(|p| p.starts_with("aws"));
    let service = parts.next();
    let region = parts
        .next()
        .filter(|_| is_arn && service == Some("bedrock"));
    region.filter(|region| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !region.is_empty() && region.bytes().all(plain)
    })
}

/// The path of a chat below the root.
pub(super) fn path(model: &str, streaming: bool) -> Result<String, Refusal> {
    let ask = if streaming {
        "/converse-stream"
    } else {
        "/converse"
    };
    Ok(model_path(model)? + ask)
}

/// The path of a model below the root. It is one segment, an ARN's slashes included.
pub(super) fn model_path(model: &str) -> Result<String, Refusal> {
    let forbidden = |c: char| "\\%?#".contains(c) || c.is_control() || c.is_whitespace();
    let dots = model.split('/').any(|part| matches!(part, "" | "." | ".."));
    let slashes = model.contains('/') && !model.starts_with("arn:");
    if dots || slashes || model.contains(forbidden) {
        let what =
            format!("`{model}` is neither a model id nor an ARN, such as stand in Bedrock's paths");
        return Err(Refusal::new("model", what));
    }
    let mut path = String::with_capacity(model.len() + 32);
    path.push_str("/model/");
    percent::segment(model, &mut path);
    Ok(path)
}

/// The body with the features of Claude's that the client names in a header and Bedrock knows. What
/// the body says itself about them stays.
pub(super) fn with_features(body: Vec<u8>, known_as: &str, client: &HeaderMap) -> Vec<u8> {
    if Family::of(known_as).reasons != Reasons::Claude {
        return body;
    }
    let asked = client.get_all(BETA).iter();
    let asked = asked.filter_map(|value| value.to_str().ok());
    let known = |feature: &&str| {
        FEATURES.iter().any(|known| match known.strip_suffix('-') {
            Some(_) => feature.starts_with(known),
            None => feature == known,
        })
    };
    let mut features: Vec<&str> = asked
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(known)
        .collect();
    features.sort_unstable();
    features.dedup();
    if features.is_empty() {
        return body;
    }
    let mut wanted = Vec::new();
    write::object(&mut wanted, |o| {
        o.object(FIELDS, |o| {
            o.array("anthropic_beta", |a| {
                for feature in features {
                    a.text(feature);
                }
            });
        });
    });
    match (std::str::from_utf8(&wanted), std::str::from_utf8(&body)) {
        (Ok(wanted), Ok(said)) => merge(Node::of(wanted), Node::of(said)),
        _ => body,
    }
}

/// An answer's id, which stands in its head.
pub(super) fn id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?.trim();
    (!id.is_empty()).then(|| format!("bedrock-{id}"))
}

/// The name of an exception, where the head tells it.
pub(super) fn exception(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let name = headers.get(ERROR_TYPE)?.as_bytes();
    Some(String::from_utf8_lossy(name))
}

/// What is sent in a call's body, and where.
pub(super) struct Addressed {
    pub(super) body: Bytes,
    pub(super) path: String,
    pub(super) region: Option<String>,
}

/// Puts the parts of a call together that do not stand in a body elsewhere.
pub(super) fn addressed(
    body: Vec<u8>,
    plan: &super::NativePlan<'_>,
    streaming: bool,
) -> Result<Addressed, Refusal> {
    let known_as = plan.family.unwrap_or(plan.model);
    Ok(Addressed {
        body: with_features(body, known_as, plan.headers).into(),
        path: path(plan.model, streaming)?,
        region: region_of(plan.model).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
