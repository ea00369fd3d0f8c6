//! From a call to the order in which targets are tried for it.

use std::sync::Arc;
use std::time::SystemTime;

use wire::fault::{Fault, Kind};

use crate::ask::{Ask, Text};
use crate::chat::ChatFacts;
use crate::dice::Dice;
use crate::directory::{Candidate, Sought};
use crate::gateway::Call;
use crate::guard::Answer;
use crate::guard::standing::{Bar, Standing};
use crate::strategy::{Considered, Order};

/// Whom to try for a call, and in which order.
#[derive(Default)]
pub struct Plan {
    /// The candidates, best first.
    pub candidates: Vec<Considered>,
    /// Whether the next candidate may be tried after a failure that it might mend.
    pub advance: bool,
    /// The side of an experiment that the caller is on.
    pub variant: Option<Arc<str>>,
    /// The route that decided, where one matched.
    pub route: Option<Arc<str>>,
    /// Why there are no candidates, although some could serve the call.
    lacking: Option<&'static str>,
}

/// What decided the order for one model.
pub(crate) struct Decided<'a> {
    /// The route, where one matched.
    pub(crate) route: Option<&'a Arc<str>>,
    /// The strategy's mode.
    pub(crate) mode: &'static str,
}

/// Whether the caller may have the model, and who is to serve it.
pub fn plan(call: &Call, facts: &ChatFacts, seed: u64) -> Result<Plan, Fault> {
    let plan = decide(call, facts, seed, |_| {})?;
    match plan.refusal(call, facts) {
        Some(fault) => Err(fault),
        None => Ok(plan),
    }
}

/// The order itself, also where nobody can serve the call now or ever; `hear` is told what decided.
pub(crate) fn decide(
    call: &Call,
    facts: &ChatFacts,
    seed: u64,
    mut hear: impl FnMut(Decided<'_>),
) -> Result<Plan, Fault> {
    let (snapshot, text) = (&call.snapshot, Text::of(&call.body));
    let now = snapshot.routing().reads_clock().then(SystemTime::now);
    let mut dice = Dice::new(seed);
    let (mut plan, mut allowed) = (Plan::default(), false);
    for meant in snapshot.meant(&facts.model) {
        let Sought {
            model,
            addressed,
            mut serving,
        } = snapshot.seek(meant, call.row, facts.stream);
        let mut names = [&*facts.model, meant, model].into_iter();
        if !names.any(|name| call.principal.may_use(name)) {
            continue;
        }
        allowed = true;
        if serving.is_empty() {
            continue;
        }
        let ask = Ask {
            asked: &facts.model,
            model,
            addressed,
            surface: call.row.name,
            streamed: facts.stream,
            principal: &call.principal,
            headers: &call.headers,
            now,
            text: &text,
        };
        let (group, route) = snapshot.routing().choose(&ask);
        let answer = Answer::of(facts.stream);
        let standing = |candidate: &Candidate| standing_of(candidate, answer);
        let order = group.order(&ask, &mut serving, &mut dice, &standing);
        hear(Decided {
            route,
            mode: group.label(),
        });
        plan.route = plan.route.or_else(|| route.cloned());
        plan.add(order);
    }
    if allowed {
        return Ok(plan);
    }
    let text = format!(
        "the API key `{}` may not use the model `{}`",
        call.principal.id, facts.model
    );
    Err(Fault::new(Kind::ModelNotAllowed).saying(text))
}

/// How the candidate stands now with calls that are answered like this.
fn standing_of(candidate: &Candidate, answer: Answer) -> Standing {
    let vital = candidate.vital();
    vital.standing(vital.clock().now(), answer)
}

impl Plan {
    /// The order for a further model comes behind those before it.
    fn add(&mut self, order: Order) {
        self.lacking = self.lacking.or(order.lacking);
        if order.candidates.is_empty() {
            return;
        }
        if self.candidates.is_empty() {
            self.candidates = order.candidates;
            (self.advance, self.variant) = (order.advance, order.variant);
            return;
        }
        // A rule's choice stays one target a model; the next model is for when it fails.
        let keep = |advance: bool, all: usize| if advance { all } else { 1 };
        let before = keep(self.advance, self.candidates.len());
        self.candidates.truncate(before);
        let take = keep(order.advance, order.candidates.len());
        self.candidates
            .extend(order.candidates.into_iter().take(take));
        self.candidates
            .sort_by_key(|one| one.standing.barred.is_some());
        self.advance = true;
    }

    /// Why the call cannot be served now, if it cannot: nobody serves the model, or everybody who
    /// does is barred.
    pub(crate) fn refusal(&self, call: &Call, facts: &ChatFacts) -> Option<Fault> {
        if self.candidates.is_empty() {
            return Some(unknown(call, &facts.model, self.lacking));
        }
        let mut soonest = None;
        for one in &self.candidates {
            let barred = one.standing.barred?;
            if barred.why == Bar::Cooling {
                // Only the vendor knows whether it is too early.
                return None;
            }
            let wait = barred.wait;
            soonest = Some(soonest.map_or(wait, |least| wait.min(least)));
        }
        let mut fault = Fault::new(Kind::UpstreamUnavailable);
        fault.retry_after = soonest;
        Some(fault)
    }
}

/// Nobody serves the model: says so, and which names the caller may have meant.
fn unknown(call: &Call, model: &str, lacking: Option<&'static str>) -> Fault {
    let mut fault = Fault::new(Kind::ModelNotFound);
    fault.param = Some("model".into());
    if let Some(lacking) = lacking {
        let text = format!("{}: {lacking}", fault.message);
        return fault.saying(text);
    }
    let near = call.snapshot.near(model, |id| call.principal.may_use(id));
    if near.is_empty() {
        return fault;
    }
    let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    let text = format!("{}; did you mean {}?", fault.message, near.join(" or "));
    fault.saying(text)
}
