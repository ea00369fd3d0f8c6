//! What a request's wishes about reasoning become for one model.

use super::block_writer::replayable;
use super::claude::{Claude, Off, Thinking};
use crate::ir::{Block, Dropped, Effort, Reasoning, ReasoningMode, Request, Role, ToolChoice};
use crate::json::write::Object;

/// The smallest budget that is accepted.
const BUDGET_MIN: u64 = 1024;
/// Room for the answer behind the thoughts, when nobody bounded it.
const ROOM: u64 = 4096;

/// How thinking is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thought {
    /// Not mentioned.
    Omit,
    /// Switched off.
    Disabled,
    /// Kept between the calls of tools.
    BetweenTools,
    /// Within a budget.
    Budget(u64),
    /// As the model sees fit.
    Adaptive,
}

/// What is sent about thinking, and the bound of the answer that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThoughtPlan {
    /// How it is asked for.
    pub thought: Thought,
    /// The effort told by name.
    pub effort: Option<Effort>,
    /// Tokens of the answer.
    pub max_tokens: u64,
    /// Whether the model will think.
    pub on: bool,
}

impl ThoughtPlan {
    /// The plan for a model; `max_output` is the client's bound.
    pub fn of(
        claude: &Claude,
        reasoning: &Reasoning<'_>,
        max_output: Option<u64>,
        streaming: bool,
    ) -> ThoughtPlan {
        let usual = claude.usual_output(streaming);
        let mut plan = ThoughtPlan {
            thought: Thought::Omit,
            effort: None,
            max_tokens: max_output.unwrap_or(usual),
            on: claude.thinking == Thinking::Unasked,
        };
        match Wish::of(reasoning) {
            Wish::Off => plan.switch_off(claude),
            Wish::Effort(effort) if claude.thinking.is_adaptive() => plan.adapt(claude, effort),
            Wish::Budget(budget) if claude.thinking.takes_budget() => {
                plan.within(budget, max_output);
            }
            Wish::Budget(budget) if claude.thinking.is_adaptive() => {
                plan.adapt(claude, Some(Effort::of_budget(budget)));
            }
            Wish::Effort(effort) if claude.thinking.takes_budget() => {
                plan.within(effort.unwrap_or(Effort::High).budget(), max_output);
            }
            // A model that cannot think is not asked to.
            Wish::Nothing | Wish::Effort(_) | Wish::Budget(_) => {}
        }
        plan
    }

    /// Fits it to the conversation, which may forbid what its request asks for.
    pub(crate) fn fit(
        &mut self,
        claude: &Claude,
        request: &Request<'_>,
        own_history: bool,
        dropped: &mut Dropped,
    ) {
        let asked = !request.reasoning.is_unsaid();
        // A model that cannot think, or has no room for it.
        let wants = matches!(
            Wish::of(&request.reasoning),
            Wish::Effort(_) | Wish::Budget(_)
        );
        let unheard = self.thought == Thought::Omit && self.effort.is_none();
        dropped.note_if(wants && unheard, "reasoning_effort");
        // Within a loop of tools, budgeted thinking must go on from the signed thoughts before.
        if matches!(self.thought, Thought::Budget(_)) && lost_its_thread(request, own_history) {
            self.switch_off(claude);
            dropped.note("reasoning_effort");
        }
        let forces = matches!(
            request.tool_choice,
            Some(
                ToolChoice::Required
                    | ToolChoice::Named(_)
                    | ToolChoice::Allowed { required: true, .. }
            )
        );
        // Nobody asked for the thoughts, but somebody did for the tool.
        if forces && !asked && claude.thinking == Thinking::Unasked && claude.off == Off::Disabled {
            self.switch_off(claude);
        }
    }

    /// Takes the thinking out, for a conversation that does not allow it.
    pub fn switch_off(&mut self, claude: &Claude) {
        (self.thought, self.effort) = match claude.off {
            Off::Omit => (Thought::Omit, None),
            Off::Disabled => (Thought::Disabled, None),
            Off::BetweenTools => (Thought::BetweenTools, None),
            Off::LowEffort => (Thought::Omit, claude.effort(Effort::Low)),
        };
        self.on = matches!(claude.off, Off::LowEffort | Off::BetweenTools);
    }

    fn adapt(&mut self, claude: &Claude, effort: Option<Effort>) {
        self.thought = Thought::Adaptive;
        self.effort = effort.and_then(|effort| claude.effort(effort));
        self.on = true;
    }

    /// A budget has to leave room for the answer; one that is too small for that is none.
    fn within(&mut self, budget: u64, max_output: Option<u64>) {
        let budget = budget.max(BUDGET_MIN);
        let budget = match max_output {
            Some(bound) => budget.min(bound.saturating_sub(1)),
            None => {
                self.max_tokens = self.max_tokens.max(budget.saturating_add(ROOM));
                budget
            }
        };
        if budget >= BUDGET_MIN {
            self.thought = Thought::Budget(budget);
            self.on = true;
        }
    }

    /// Writes the `thinking` member.
    pub(crate) fn write(&self, o: &mut Object<'_>, display: Option<&str>) {
        match self.thought {
            Thought::Omit => {}
            Thought::Disabled => o.object("thinking", |o| o.text("type", "disabled")),
            Thought::BetweenTools => o.object("thinking", |o| o.text("type", "between_tools")),
            Thought::Budget(tokens) => o.object("thinking", |o| {
                o.text("type", "enabled");
                o.uint("budget_tokens", tokens);
            }),
            Thought::Adaptive => o.object("thinking", |o| {
                o.text("type", "adaptive");
                // Newer models leave the text out unless asked.
                o.text("display", display.unwrap_or("summarized"));
            }),
        }
    }
}

/// Whether a loop of tools goes on from a turn whose thoughts cannot go back.
fn lost_its_thread(request: &Request<'_>, own_history: bool) -> bool {
    let turns = &request.turns;
    let in_loop = turns.last().is_some_and(|turn| {
        turn.role == Role::User
            && turn
                .blocks
                .iter()
                .any(|block| matches!(block, Block::ToolResult(_)))
    });
    let last = turns.iter().rev().find(|turn| turn.role == Role::Assistant);
    let signed = last.is_some_and(|turn| match turn.blocks.first() {
        Some(Block::Thinking(thinking)) => own_history && replayable(thinking),
        _ => false,
    });
    in_loop && !signed
}

/// What the client wants.
enum Wish {
    Nothing,
    Off,
    Effort(Option<Effort>),
    Budget(u64),
}

impl Wish {
    fn of(reasoning: &Reasoning<'_>) -> Wish {
        if reasoning.mode == Some(ReasoningMode::Disabled) {
            return Wish::Off;
        }
        match reasoning.budget.map(u64::try_from) {
            Some(Ok(0)) => return Wish::Off,
            Some(Ok(tokens)) => return Wish::Budget(tokens),
            // Below zero: as the model likes, which only another vendor has a word for.
            Some(Err(_)) => return Wish::Effort(reasoning.effort),
            None => {}
        }
        match (reasoning.effort, reasoning.mode) {
            (Some(Effort::None), _) => Wish::Off,
            (None, None) => Wish::Nothing,
            (effort, _) => Wish::Effort(effort),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(model: &str, reasoning: &Reasoning<'_>, max: Option<u64>) -> ThoughtPlan {
        ThoughtPlan::of(Claude::of(model), reasoning, max, false)
    }

    fn effort(effort: Effort) -> Reasoning<'static> {
        Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        }
    }

    fn budget(tokens: i64) -> Reasoning<'static> {
        Reasoning {
            budget: Some(tokens),
            ..Reasoning::default()
        }
    }

    #[test]
    fn efforts_become_what_the_model_understands() {
        for (model, wish, thought, told) in [
            ("claude-3-5-haiku", Effort::High, Thought::Omit, None),
            (
                "claude-sonnet-4-5",
                Effort::Medium,
                Thought::Budget(2048),
                None,
            ),
            ("claude-sonnet-4-5", Effort::None, Thought::Omit, None),
            (
                "claude-sonnet-4-6",
                Effort::Max,
                Thought::Adaptive,
                Some(Effort::High),
            ),
            (
                "claude-opus-4-7",
                Effort::XHigh,
                Thought::Adaptive,
                Some(Effort::XHigh),
            ),
            ("claude-opus-5", Effort::None, Thought::Disabled, None),
            (
                "claude-opus-5-5",
                Effort::None,
                Thought::Omit,
                Some(Effort::Low),
            ),
            (
                "claude-sonnet-5-5",
                Effort::None,
                Thought::BetweenTools,
                None,
            ),
        ] {
            let plan = plan(model, &effort(wish), None);
            assert_eq!(
                (plan.thought, plan.effort),
                (thought, told),
                "{model} {wish:?}"
            );
        }
    }

    #[test]
    fn a_budget_wins_and_leaves_room_for_the_answer() {
        let model = "claude-sonnet-4-5";
        assert_eq!(
            plan(model, &budget(5000), Some(2000)).thought,
            Thought::Budget(1999)
        );
        assert_eq!(
            plan(model, &budget(5000), Some(1024)).thought,
            Thought::Omit
        );
        assert_eq!(
            plan(model, &budget(10), None).thought,
            Thought::Budget(1024)
        );
        assert_eq!(plan(model, &budget(0), None).thought, Thought::Omit);
        let large = plan(model, &budget(20_000), None);
        assert_eq!(
            (large.thought, large.max_tokens),
            (Thought::Budget(20_000), 24_096)
        );
        // Newer models refuse budgets.
        let newer = plan("claude-opus-4-7", &budget(8192), None);
        assert_eq!(
            (newer.thought, newer.effort),
            (Thought::Adaptive, Some(Effort::XHigh))
        );
        assert_eq!(
            plan("claude-opus-4-6", &budget(8192), None).thought,
            Thought::Budget(8192)
        );
    }
}
