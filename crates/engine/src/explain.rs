//! Why a call would go where: the order with its reasons, and what was left out. Nothing is sent.

use std::sync::Arc;

use serde::Serialize;
use wire::fault::Fault;

use crate::ask::{Ask, Text};
use crate::chat::{self, ChatFacts};
use crate::gateway::Call;
use crate::guard::standing::Bar;
use crate::route::{self, Plan};
use crate::strategy::{Considered, usd};
use crate::target::Target;

/// What would become of a call.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The model as the client named it.
    pub model: String,
    /// The models that means, in order.
    pub means: Vec<String>,
    /// The kind of call.
    pub surface: &'static str,
    /// Whether the answer would be a stream.
    pub stream: bool,
    /// What decided, for each model that somebody serves.
    pub decided: Vec<Decision>,
    /// Whether a failure moves on to the next candidate.
    pub advance: bool,
    /// The side of an experiment that the caller is on.
    pub variant: Option<Arc<str>>,
    /// Whom the call would be sent to, in order.
    pub candidates: Vec<Explained>,
    /// Who was left out, and why.
    pub filtered: Vec<Filtered>,
    /// Plugins that would speak.
    pub plugins: Vec<String>,
    /// How long and how expensive the call would be.
    pub estimate: Estimate,
    /// What the call would be refused with, if it would be.
    pub refusal: Option<Refusal>,
}

/// What decided the order for one model.
#[derive(Debug, Serialize)]
pub struct Decision {
    /// The route, or none for the global strategy.
    pub route: Option<Arc<str>>,
    /// The strategy's mode.
    pub strategy: &'static str,
}

/// One candidate.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The target.
    pub target: Arc<str>,
    /// Its vendor.
    pub provider: Arc<str>,
    /// The target's own name of the model.
    pub model: Arc<str>,
    /// Why it stands where it does.
    pub why: String,
    /// Whether it is a last resort.
    pub standby: bool,
    /// The side of an experiment that it serves.
    pub variant: Option<Arc<str>>,
    /// Why it takes no call now, if it does not.
    pub barred: Option<Barred>,
    /// How long it took of late, in milliseconds.
    pub latency_ms: Option<u64>,
    /// What the call would cost there, in US dollars; nothing when the price is not known.
    pub price_usd: Option<String>,
}

/// Why a target takes no call now.
#[derive(Debug, Serialize)]
pub struct Barred {
    /// What bars it.
    pub why: &'static str,
    /// Until when, in milliseconds from now.
    pub wait_ms: u64,
}

/// A target that would not be called.
#[derive(Debug, Serialize)]
pub struct Filtered {
    /// The target.
    pub target: String,
    /// Why not.
    pub why: String,
}

/// How long and how expensive a call would be.
#[derive(Debug, Serialize)]
pub struct Estimate {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// US dollars at the first candidate; nothing when its price is not known.
    pub price_usd: Option<String>,
}

/// What a call would be refused with.
#[derive(Debug, Serialize)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The code.
    pub code: &'static str,
    /// The text.
    pub message: String,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u64>,
}

/// Explains a call; `seed` throws the dice. A call that is wrong in itself is the same fault as ever.
pub(crate) fn explain(call: &Call, seed: u64) -> Result<Explanation, Fault> {
    let facts = chat::read(&call.body)?;
    let mut decided = Vec::new();
    let plan = route::decide(call, &facts, seed, |by| {
        decided.push(Decision {
            route: by.route.cloned(),
            strategy: by.mode,
        });
    })?;
    let text = Text::of(&call.body);
    let ask = Ask {
        asked: &facts.model,
        model: &facts.model,
        addressed: false,
        surface: call.row.name,
        streamed: facts.stream,
        principal: &call.principal,
        headers: &call.headers,
        now: None,
        text: &text,
    };
    let candidates: Vec<Explained> = plan
        .candidates
        .iter()
        .take(if plan.advance { usize::MAX } else { 1 })
        .map(|one| explained(one, &ask))
        .collect();
    Ok(Explanation {
        means: call.snapshot.meant(&facts.model).map(Into::into).collect(),
        surface: call.row.name,
        stream: facts.stream,
        decided,
        advance: plan.advance,
        variant: plan.variant.clone(),
        filtered: filtered(call, &facts, &plan),
        plugins: Vec::new(),
        estimate: Estimate {
            prompt_tokens: text.prompt_tokens(),
            output_tokens: text.expected_output(),
            price_usd: candidates.first().and_then(|first| first.price_usd.clone()),
        },
        refusal: plan.refusal(call, &facts).map(|fault| Refusal {
            status: fault.status(),
            code: fault.kind.row().code,
            retry_after: fault.retry_after_seconds(),
            message: fault.message.into_owned(),
        }),
        candidates,
        model: facts.model,
    })
}

fn explained(one: &Considered, ask: &Ask<'_>) -> Explained {
    let candidate = &one.candidate;
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Explained {
        target: candidate.target.name.clone(),
        provider: candidate.target.provider_id.clone(),
        model: candidate.model.clone(),
        why: one.why.to_string(),
        standby: one.standby,
        variant: one.variant.clone(),
        barred: one.standing.barred.map(|barred| Barred {
            why: match barred.why {
                Bar::Open => "its breaker is open",
                Bar::Probing => "its breaker is half open and being probed",
                Bar::Cooling => "its vendor said to come back later",
                Bar::Unhealthy => "its health check fails",
            },
            wait_ms: millis(barred.wait),
        }),
        latency_ms: one.standing.latency.map(millis),
        price_usd: one.price.or_else(|| ask.price(candidate)).map(usd),
    }
}

/// Everybody who would not be called.
fn filtered(call: &Call, facts: &ChatFacts, plan: &Plan) -> Vec<Filtered> {
    let snapshot = &call.snapshot;
    let called = if plan.advance { usize::MAX } else { 1 };
    let left_out = |target: &&Arc<Target>| {
        let mut called = plan.candidates.iter().take(called);
        !called.any(|one| one.candidate.target.name == target.name)
    };
    let keyless = snapshot.unroutable.iter().map(|target| Filtered {
        target: target.name.clone(),
        why: target.reason.clone(),
    });
    let idle = snapshot.targets().iter().filter(left_out);
    let idle = idle.map(|target| Filtered {
        target: target.name.to_string(),
        why: reason(call, facts, target).to_owned(),
    });
    idle.chain(keyless).collect()
}

fn reason(call: &Call, facts: &ChatFacts, target: &Target) -> &'static str {
    let snapshot = &call.snapshot;
    let number = snapshot
        .targets()
        .iter()
        .position(|one| one.name == target.name);
    let serves = snapshot.meant(&facts.model).any(|model| {
        let mut sought = snapshot.seek(model, call.row, facts.stream);
        number.is_some_and(|number| sought.serving.take(number).is_some())
    });
    let surface = if facts.stream {
        call.row.streamed.unwrap_or(call.row.whole)
    } else {
        call.row.whole
    };
    if !target.provider.serves(surface) {
        "its provider does not serve this kind of call"
    } else if !serves {
        "it does not serve the model"
    } else {
        "the strategy does not choose it for this call"
    }
}
