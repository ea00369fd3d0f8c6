//! What a request's wishes about reasoning become for one family.

use super::family::{Family, Reasons};
use crate::anthropic::{Claude, Thought, ThoughtPlan};
use crate::ir::{Dropped, Effort, Plan, Reasoning, ReasoningMode, Request};
use crate::json::write::Object;

/// How a model is told to think.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thoughts {
    /// Nothing is said.
    Unsaid,
    /// As Claude is told; with it comes a bound for the answer.
    Claude(ThoughtPlan),
    /// A level, or nothing for off.
    Level(Option<&'static str>),
    /// An effort by name.
    Effort(&'static str),
}

impl Thoughts {
    /// What is said to a family.
    pub(super) fn of(
        family: &Family,
        claude: &Claude,
        request: &Request<'_>,
        plan: &Plan<'_>,
        dropped: &mut Dropped,
    ) -> Thoughts {
        let effort = effort(&request.reasoning);
        match (family.reasons, effort) {
            (Reasons::Claude, _) => {
                let max = request.max_output.map(|bound| bound.tokens);
                let mut thought = ThoughtPlan::of(claude, &request.reasoning, max, plan.streaming);
                thought.fit(claude, request, plan.own_history, dropped);
                Thoughts::Claude(thought)
            }
            (_, None) => Thoughts::Unsaid,
            (Reasons::Levels, Some(effort)) => {
                Thoughts::Level(Some(level(effort)).filter(|_| effort != Effort::None))
            }
            (Reasons::Effort, Some(effort)) => Thoughts::Effort(level(effort)),
            (Reasons::No, Some(effort)) => {
                dropped.note_if(effort != Effort::None, "reasoning_effort");
                Thoughts::Unsaid
            }
        }
    }

    /// Whether the model will think.
    pub(super) fn on(&self) -> bool {
        match self {
            Thoughts::Claude(plan) => plan.on,
            Thoughts::Level(level) => level.is_some(),
            Thoughts::Unsaid | Thoughts::Effort(_) => false,
        }
    }

    /// Whether the model then wants to choose sampling and length itself.
    pub(super) fn unbounded(&self) -> bool {
        *self == Thoughts::Level(Some(HIGH))
    }

    /// Writes what stands among the model's own fields.
    pub(super) fn write(&self, o: &mut Object<'_>, display: Option<&str>) {
        match self {
            Thoughts::Unsaid => {}
            Thoughts::Claude(plan) => plan.write(o, display),
            Thoughts::Level(level) => o.object("reasoningConfig", |o| {
                o.text(
                    "type",
                    if level.is_some() {
                        "enabled"
                    } else {
                        "disabled"
                    },
                );
                o.text_if("maxReasoningEffort", *level);
            }),
            Thoughts::Effort(effort) => o.text("reasoning_effort", effort),
        }
    }

    /// The effort that stands in `outputConfig`.
    pub(super) fn told_effort(&self) -> Option<&'static str> {
        match self {
            Thoughts::Claude(ThoughtPlan {
                thought: Thought::Omit | Thought::Adaptive,
                effort,
                ..
            }) => effort.map(Effort::word),
            _ => None,
        }
    }
}

const HIGH: &str = "high";

/// The three levels that are known.
fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => HIGH,
    }
}

/// The effort that a wish amounts to, if there is one.
fn effort(reasoning: &Reasoning<'_>) -> Option<Effort> {
    if reasoning.mode == Some(ReasoningMode::Disabled) {
        return Some(Effort::None);
    }
    let budget = reasoning
        .budget
        .and_then(|tokens| u64::try_from(tokens).ok());
    let usual = reasoning.mode.map(|_| Effort::Medium);
    budget.map(Effort::of_budget).or(reasoning.effort).or(usual)
}
