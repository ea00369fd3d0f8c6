//! How tokens are chosen, as far as a model of Claude's leaves that to others.

use super::claude::{Claude, Sampling};
use crate::ir::{self, Dropped};

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u64>,
}

impl Chosen {
    /// What of a wish a model takes that may be thinking; what it does not is told.
    pub(crate) fn of(
        claude: &Claude,
        thinking: bool,
        wish: &ir::Sampling<'_>,
        dropped: &mut Dropped,
    ) -> Chosen {
        let (temperature, top_p, top_k) = (wish.temperature, wish.top_p, wish.top_k);
        let free = claude.sampling != Sampling::Fixed && !thinking;
        let both = claude.sampling == Sampling::All || temperature.is_none();
        dropped.note_if(
            temperature.is_some_and(|value| value > 1.0 || !free && !is_usual(value)),
            "temperature",
        );
        dropped.note_if(
            top_p.is_some_and(|value| !free && !is_usual(value) || !both),
            "top_p",
        );
        dropped.note_if(top_k.is_some() && !free, "top_k");
        if !free {
            return Chosen::default();
        }
        Chosen {
            temperature: temperature.map(|value| value.clamp(0.0, 1.0)),
            top_p: top_p.filter(|_| both),
            top_k,
        }
    }
}

/// What a model does that is told nothing about its sampling.
fn is_usual(value: f64) -> bool {
    (value - 1.0).abs() < f64::EPSILON
}
