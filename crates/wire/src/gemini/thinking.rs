//! What a request's wishes about reasoning become for one model.

use super::model::Reasons;
use crate::ir::{Effort, Reasoning, ReasoningMode};
use crate::json::write::Object;

/// What is sent about thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thought {
    /// Whether the thoughts are shown.
    shown: bool,
    /// In tokens.
    budget: Option<i64>,
    /// In words. Never beside a budget: that is refused.
    level: Option<&'static str>,
    /// Whether the model cannot do what was asked.
    pub(super) unheard: bool,
}

impl Thought {
    /// The plan for a model.
    pub(super) fn of(reasons: Reasons, reasoning: &Reasoning<'_>) -> Thought {
        let wish = Wish::of(reasoning);
        let shown = reasoning.display.as_deref() != Some("omitted");
        let mut thought = Thought {
            shown: shown && !matches!(wish, Wish::Nothing | Wish::Off),
            ..Thought::default()
        };
        match (reasons, wish) {
            (_, Wish::Nothing)
            | (Reasons::Never, Wish::Off)
            | (Reasons::Level { .. }, Wish::Free) => {}
            (Reasons::Never, _) => {
                return Thought {
                    unheard: true,
                    ..Thought::default()
                };
            }
            (Reasons::Budget { off, .. }, Wish::Off) => thought.budget = Some(off),
            (Reasons::Budget { .. }, Wish::Free) => thought.budget = Some(-1),
            (Reasons::Budget { min, max, .. }, Wish::Effort(effort)) => {
                let tokens = i64::try_from(effort.budget()).unwrap_or(max);
                thought.budget = Some(tokens.clamp(min, max));
            }
            (Reasons::Budget { min, max, .. }, Wish::Budget(tokens)) => {
                thought.budget = Some(i64::try_from(tokens).unwrap_or(max).clamp(min, max));
            }
            (Reasons::Level { least, .. }, Wish::Off) => thought.level = Some(least),
            (Reasons::Level { least, medium }, Wish::Effort(effort)) => {
                thought.level = Some(level(effort, least, medium));
            }
            (Reasons::Level { least, medium }, Wish::Budget(tokens)) => {
                thought.level = Some(level(Effort::of_budget(tokens), least, medium));
            }
        }
        thought
    }

    /// Writes the `thinkingConfig` member.
    pub(super) fn write(self, o: &mut Object<'_>) {
        if !self.shown && self.budget.is_none() && self.level.is_none() {
            return;
        }
        o.object("thinkingConfig", |o| {
            // Refused where nothing is thought.
            if self.shown {
                o.flag("includeThoughts", true);
            }
            o.text_if("thinkingLevel", self.level);
            if let Some(budget) = self.budget {
                o.raw("thinkingBudget", &budget.to_string());
            }
        });
    }
}

fn level(effort: Effort, least: &'static str, medium: &'static str) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => least,
        Effort::Low => "low",
        Effort::Medium => medium,
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

/// What the client wants.
enum Wish {
    Nothing,
    Off,
    /// As the model sees fit.
    Free,
    Effort(Effort),
    Budget(u64),
}

impl Wish {
    fn of(reasoning: &Reasoning<'_>) -> Wish {
        if reasoning.mode == Some(ReasoningMode::Disabled) {
            return Wish::Off;
        }
        match (reasoning.budget.map(u64::try_from), reasoning.effort) {
            (Some(Ok(0)), _) | (None, Some(Effort::None)) => Wish::Off,
            (Some(Ok(tokens)), _) => Wish::Budget(tokens),
            (Some(Err(_)), _) => Wish::Free,
            (None, Some(effort)) => Wish::Effort(effort),
            (None, None) if reasoning.mode.is_some() => Wish::Free,
            (None, None) => Wish::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Gemini;
    use super::*;

    fn written(model: &str, reasoning: &Reasoning<'_>) -> String {
        let mut out = Vec::new();
        let thought = Thought::of(Gemini::of(model).reasons, reasoning);
        crate::json::write::object(&mut out, |o| thought.write(o));
        if thought.unheard {
            return "unheard".to_owned();
        }
        String::from_utf8(out).unwrap().replace(['{', '}', '"'], "")
    }

    #[test]
    fn efforts_become_levels_or_budgets_and_never_both() {
        for (model, effort, expected) in [
            (
                "gemini-3-flash",
                Effort::None,
                "thinkingConfig:thinkingLevel:minimal",
            ),
            (
                "gemini-3-pro",
                Effort::None,
                "thinkingConfig:thinkingLevel:low",
            ),
            (
                "gemini-3-pro",
                Effort::Medium,
                "thinkingConfig:includeThoughts:true,thinkingLevel:low",
            ),
            (
                "gemini-3.1-pro",
                Effort::Medium,
                "thinkingConfig:includeThoughts:true,thinkingLevel:medium",
            ),
            (
                "gemini-3-flash",
                Effort::Max,
                "thinkingConfig:includeThoughts:true,thinkingLevel:high",
            ),
            (
                "gemini-2.5-flash",
                Effort::None,
                "thinkingConfig:thinkingBudget:0",
            ),
            (
                "gemini-2.5-pro",
                Effort::None,
                "thinkingConfig:thinkingBudget:128",
            ),
            (
                "gemini-2.5-pro",
                Effort::High,
                "thinkingConfig:includeThoughts:true,thinkingBudget:4096",
            ),
            (
                "gemini-2.5-flash",
                Effort::Max,
                "thinkingConfig:includeThoughts:true,thinkingBudget:16384",
            ),
            ("gemini-2.0-flash", Effort::High, "unheard"),
            ("gemini-2.0-flash", Effort::None, ""),
        ] {
            let reasoning = Reasoning {
                effort: Some(effort),
                ..Reasoning::default()
            };
            assert_eq!(written(model, &reasoning), expected, "{model} {effort:?}");
        }
    }

    #[test]
    fn an_explicit_budget_wins_and_minus_one_is_the_models_own() {
        for (model, budget, expected) in [
            (
                "gemini-2.5-flash",
                -1,
                "thinkingConfig:includeThoughts:true,thinkingBudget:-1",
            ),
            (
                "gemini-2.5-flash",
                99_999,
                "thinkingConfig:includeThoughts:true,thinkingBudget:24576",
            ),
            (
                "gemini-2.5-flash-lite",
                5,
                "thinkingConfig:includeThoughts:true,thinkingBudget:512",
            ),
            ("gemini-2.5-flash", 0, "thinkingConfig:thinkingBudget:0"),
            ("gemini-3-flash", -1, "thinkingConfig:includeThoughts:true"),
            (
                "gemini-3-flash",
                3000,
                "thinkingConfig:includeThoughts:true,thinkingLevel:high",
            ),
        ] {
            let reasoning = Reasoning {
                effort: Some(Effort::Low),
                budget: Some(budget),
                ..Reasoning::default()
            };
            assert_eq!(written(model, &reasoning), expected, "{model} {budget}");
        }
    }
}
