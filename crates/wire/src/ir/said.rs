//! What a request may say that not every vendor has a word for: each parameter with how to tell
//! that it was said. A dialect lists those that it lacks.

use super::plan::Dropped;
use super::request::Request;

/// A parameter's name, and whether a request says something under it.
pub(crate) type Said = (&'static str, fn(&Request<'_>) -> bool);

pub(crate) const N: Said = ("n", |request| request.sampling.n.is_some_and(|n| n > 1));
pub(crate) const SEED: Said = ("seed", |request| request.sampling.seed.is_some());
pub(crate) const PRESENCE_PENALTY: Said = ("presence_penalty", |request| {
    is_set(request.sampling.presence_penalty)
});
pub(crate) const FREQUENCY_PENALTY: Said = ("frequency_penalty", |request| {
    is_set(request.sampling.frequency_penalty)
});
pub(crate) const LOGPROBS: Said = ("logprobs", |request| {
    request.sampling.logprobs == Some(true)
});
/// Also when none are asked for.
pub(crate) const TOP_LOGPROBS: Said = ("top_logprobs", |request| {
    request.sampling.top_logprobs.is_some()
});
pub(crate) const SOME_TOP_LOGPROBS: Said = ("top_logprobs", |request| {
    request.sampling.top_logprobs.is_some_and(|count| count > 0)
});
/// Under either of its names.
pub(crate) const USER: Said = ("user", |request| {
    request.user.is_some() || request.safety_identifier.is_some()
});
pub(crate) const LOGIT_BIAS: Said = ("logit_bias", |request| {
    let bias = request.sampling.logit_bias.as_ref();
    bias.is_some_and(|bias| !bias.node().members().is_empty())
});
pub(crate) const ONE_CALL_AT_A_TIME: Said = ("parallel_tool_calls", |request| {
    request.parallel_tools == Some(false)
});
pub(crate) const MODALITIES: Said = ("modalities", |request| {
    request.modalities.iter().any(|word| word != "text")
});
pub(crate) const VERBOSITY: Said = ("verbosity", |request| request.verbosity.is_some());
pub(crate) const PROMPT_CACHE_KEY: Said = ("prompt_cache_key", |request| {
    request.prompt_cache_key.is_some()
});
pub(crate) const SERVICE_TIER: Said = ("service_tier", |request| request.service_tier.is_some());
pub(crate) const METADATA: Said = ("metadata", |request| request.metadata.is_some());
pub(crate) const NAMES_OF_SPEAKERS: Said = ("messages[].name", |request| {
    request.turns.iter().any(|turn| turn.name.is_some())
});

/// Penalties of nothing are as good as none.
fn is_set(number: Option<f64>) -> bool {
    number.is_some_and(|number| number != 0.0)
}

impl Dropped {
    /// Notes those of the parameters that the request says something under.
    pub(crate) fn note_said(&mut self, request: &Request<'_>, lacking: &[Said]) {
        for (param, is_said) in lacking {
            self.note_if(is_said(request), param);
        }
    }
}
