//! What Anthropic's models take, by the beginnings of their names.

use crate::ir::Effort;

/// What one family of models takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Claude {
    /// The beginning of the names.
    prefix: &'static str,
    /// Temperature and its like.
    pub sampling: Sampling,
    /// How it thinks.
    pub thinking: Thinking,
    /// How thinking is switched off.
    pub off: Off,
    /// The highest effort that is told by name.
    pub efforts: &'static [Effort],
    /// Whether the beginning of the answer may be given.
    pub prefill: bool,
    /// Whether a tool may be forced.
    pub forced: Forced,
    /// Whether answers and tools can be held to a schema.
    pub structured: bool,
    /// The most tokens of an answer.
    pub max_output: u64,
}

/// How much of `temperature`, `top_p` and `top_k` is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// All of it.
    All,
    /// A temperature or a `top_p`, not both.
    Either,
    /// Nothing but the defaults.
    Fixed,
}

/// How a model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all.
    Never,
    /// Within a budget.
    Budget,
    /// Within a budget, or as it sees fit.
    Both,
    /// As it sees fit, when asked.
    Adaptive,
    /// As it sees fit, unless told otherwise.
    Unasked,
}

impl Thinking {
    /// Whether a budget is taken.
    pub fn takes_budget(self) -> bool {
        matches!(self, Thinking::Budget | Thinking::Both)
    }

    /// Whether it can be left to the model.
    pub fn is_adaptive(self) -> bool {
        matches!(
            self,
            Thinking::Both | Thinking::Adaptive | Thinking::Unasked
        )
    }
}

/// How thinking is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// By not asking for it.
    Omit,
    /// By name.
    Disabled,
    /// It can only be kept between the calls of tools.
    BetweenTools,
    /// Not at all; little effort comes close.
    LowEffort,
}

/// When a tool may be forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// Always.
    Always,
    /// While the model does not think.
    NotThinking,
    /// Never.
    Never,
}

const NONE: &[Effort] = &[];
const TO_HIGH: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];
const HIGH_AND_MAX: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High, Effort::Max];
const ALL: &[Effort] = &[
    Effort::Low,
    Effort::Medium,
    Effort::High,
    Effort::XHigh,
    Effort::Max,
];

const fn early(prefix: &'static str, max_output: u64) -> Claude {
    Claude {
        prefix,
        sampling: Sampling::All,
        thinking: Thinking::Never,
        off: Off::Omit,
        efforts: NONE,
        prefill: true,
        forced: Forced::Always,
        structured: false,
        max_output,
    }
}

/// Thinks within budgets.
const fn budgeted(prefix: &'static str, sampling: Sampling, max_output: u64) -> Claude {
    Claude {
        sampling,
        thinking: Thinking::Budget,
        forced: Forced::NotThinking,
        ..early(prefix, max_output)
    }
}

const fn structured(prefix: &'static str) -> Claude {
    Claude {
        structured: true,
        ..budgeted(prefix, Sampling::Either, 64_000)
    }
}

/// Thinks as it sees fit.
const fn adaptive(prefix: &'static str, efforts: &'static [Effort], max_output: u64) -> Claude {
    Claude {
        thinking: Thinking::Adaptive,
        sampling: Sampling::Fixed,
        off: Off::Disabled,
        efforts,
        prefill: false,
        max_output,
        ..structured(prefix)
    }
}

const fn both(prefix: &'static str, efforts: &'static [Effort], max_output: u64) -> Claude {
    Claude {
        thinking: Thinking::Both,
        sampling: Sampling::Either,
        ..adaptive(prefix, efforts, max_output)
    }
}

/// Thinks unless told otherwise.
const fn thinker(prefix: &'static str, off: Off, forced: Forced) -> Claude {
    Claude {
        thinking: Thinking::Unasked,
        off,
        forced,
        ..adaptive(prefix, ALL, 128_000)
    }
}

/// The families; the longest beginning counts, and what is unknown is taken for the last.
#[rustfmt::skip]
static ROWS: [Claude; 26] = [
    early("claude-2", 4096),
    early("claude-v2", 4096),
    early("claude-instant", 4096),
    early("claude-3-haiku", 4096),
    early("claude-3-opus", 4096),
    early("claude-3-sonnet", 4096),
    early("claude-3-5", 8192),
    budgeted("claude-3-7", Sampling::All, 64_000),
    budgeted("claude-sonnet-4", Sampling::All, 64_000),
    budgeted("claude-opus-4", Sampling::All, 32_000),
    budgeted("claude-opus-4-1", Sampling::Either, 32_000),
    structured("claude-haiku-4-5"),
    structured("claude-sonnet-4-5"),
    structured("claude-opus-4-5"),
    both("claude-opus-4-6", HIGH_AND_MAX, 128_000),
    both("claude-sonnet-4-6", TO_HIGH, 64_000),
    adaptive("claude-opus-4-7", ALL, 128_000),
    adaptive("claude-opus-4-8", ALL, 128_000),
    adaptive("claude-sonnet-4-7", ALL, 128_000),
    adaptive("claude-sonnet-4-8", ALL, 128_000),
    thinker("claude-opus-5", Off::Disabled, Forced::NotThinking),
    thinker("claude-sonnet-5", Off::Disabled, Forced::NotThinking),
    thinker("claude-fable-5", Off::LowEffort, Forced::Never),
    thinker("claude-mythos-5", Off::LowEffort, Forced::Never),
    thinker("claude-sonnet-5-5", Off::BetweenTools, Forced::NotThinking),
    thinker("claude-opus-5-5", Off::LowEffort, Forced::Never),
];

impl Claude {
    /// What the model takes; whatever stands before `claude` in its name (a cloud's region, a
    /// vendor's own prefix) does not matter.
    pub fn of(model: &str) -> &'static Claude {
        let bare = model
            .find("claude")
            .and_then(|at| model.get(at..))
            .unwrap_or(model);
        let known = ROWS.iter().filter(|row| bare.starts_with(row.prefix));
        known
            .max_by_key(|row| row.prefix.len())
            .unwrap_or(&ROWS[ROWS.len() - 1])
    }

    /// The effort nearest to one that is wished for.
    pub fn effort(&self, wish: Effort) -> Option<Effort> {
        let wish = wish.max(Effort::Low);
        if self.efforts.contains(&wish) {
            return Some(wish);
        }
        self.efforts.contains(&Effort::High).then_some(Effort::High)
    }

    /// The tokens of an answer whose length nobody bounded.
    pub fn usual_output(&self, streaming: bool) -> u64 {
        // A whole answer may not take longer than connections live.
        const WHOLE_MAX: u64 = 16_384;
        if streaming {
            self.max_output
        } else {
            self.max_output.min(WHOLE_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d08_every_model_has_its_own_room_for_an_answer() {
        for (model, whole, streamed) in [
            ("claude-3-haiku-20240307", 4096, 4096),
            ("claude-3-5-sonnet-latest", 8192, 8192),
            ("claude-sonnet-4-20250514", 16_384, 64_000),
            ("claude-opus-4-1", 16_384, 32_000),
            (
                "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
                16_384,
                64_000,
            ),
            ("claude-opus-9", 16_384, 128_000),
        ] {
            let row = Claude::of(model);
            assert_eq!(
                (row.usual_output(false), row.usual_output(true)),
                (whole, streamed),
                "{model}"
            );
        }
    }

    #[test]
    fn the_longest_beginning_counts() {
        assert_eq!(Claude::of("claude-opus-4-20250514").sampling, Sampling::All);
        assert_eq!(
            Claude::of("claude-opus-4-1-20250805").sampling,
            Sampling::Either
        );
        assert_eq!(Claude::of("claude-opus-5").forced, Forced::NotThinking);
        assert_eq!(Claude::of("claude-opus-5-5").forced, Forced::Never);
        assert_eq!(Claude::of("claude-whatever-9"), &ROWS[ROWS.len() - 1]);
    }

    #[test]
    fn an_effort_that_a_model_does_not_know_becomes_high() {
        let [sonnet, opus, newer] =
            ["claude-sonnet-4-6", "claude-opus-4-6", "claude-opus-4-7"].map(Claude::of);
        assert_eq!(sonnet.effort(Effort::Max), Some(Effort::High));
        assert_eq!(opus.effort(Effort::Max), Some(Effort::Max));
        assert_eq!(opus.effort(Effort::XHigh), Some(Effort::High));
        assert_eq!(newer.effort(Effort::XHigh), Some(Effort::XHigh));
        assert_eq!(newer.effort(Effort::Minimal), Some(Effort::Low));
        assert_eq!(Claude::of("claude-sonnet-4-5").effort(Effort::High), None);
    }
}
