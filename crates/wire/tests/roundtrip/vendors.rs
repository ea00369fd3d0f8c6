//! Every dialect that requests are written in, with a model of each kind.

use wire::gemini::{self, Home};
use wire::ir::{Encoded, Plan, Refusal, Request};
use wire::{anthropic, cohere, converse, ollama, replicate};

use super::conversation::MODEL;

pub(crate) const PLAN: Plan<'static> = Plan {
    provider: "acme",
    model: MODEL,
    family: None,
    reject: false,
    streaming: false,
    own_history: true,
};

/// Whose reasoning of earlier turns is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thoughts {
    /// What Claude signed or hid.
    Claude,
    /// What Gemini signed.
    Gemini,
    /// What carries no signature.
    Bare,
    No,
}

pub(crate) struct Vendor {
    pub(crate) model: &'static str,
    pub(crate) write: fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>,
    pub(crate) thoughts: Thoughts,
    /// Whether calls and their results are held together by ids.
    pub(crate) ids: bool,
}

const fn vendor(
    model: &'static str,
    write: fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>,
    thoughts: Thoughts,
) -> Vendor {
    Vendor {
        model,
        write,
        thoughts,
        ids: true,
    }
}

#[rustfmt::skip]
pub(crate) static VENDORS: [Vendor; 11] = [
    vendor("claude-3-5-haiku-latest", anthropic::write_request, Thoughts::Claude),
    vendor("claude-sonnet-4-5", anthropic::write_request, Thoughts::Claude),
    vendor("gemini-2.5-flash", |request, plan| gemini::write_request(request, plan, Home::Developer), Thoughts::Gemini),
    vendor("gemini-3-flash", |request, plan| gemini::write_request(request, plan, Home::Developer), Thoughts::Gemini),
    Vendor {
        ids: false,
        ..vendor("gemini-3-pro", |request, plan| gemini::write_request(request, plan, Home::Vertex), Thoughts::Gemini)
    },
    vendor("anthropic.claude-sonnet-4-5-20250929-v1:0", converse::write_request, Thoughts::Claude),
    vendor("amazon.nova-lite-v1:0", converse::write_request, Thoughts::No),
    vendor("meta.llama3-1-8b-instruct-v1:0", converse::write_request, Thoughts::No),
    vendor("command-a-03-2025", cohere::write_request, Thoughts::Bare),
    Vendor { ids: false, ..vendor("qwen3", ollama::write_request, Thoughts::Bare) },
    Vendor { ids: false, ..vendor("meta/llama", replicate::write_request, Thoughts::No) },
];
