//! Which chat parameters reach a vendor, computed from its row: the data of `GET /v1/capabilities`.

use serde::Serialize;

use crate::provider::Provider;
use crate::rules::LogprobsForm;

/// The parameters that are told about, in the order in which they are told.
pub const PARAMETERS: [&str; 17] = [
    "temperature",
    "top_p",
    "n",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "tools",
    "tool_choice",
    "response_format",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "user",
    "logit_bias",
];

/// What happens to a parameter on its way to a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// It is sent as it stands.
    Forward,
    /// It is sent in the vendor's own form.
    Translate,
    /// The vendor refuses or ignores it.
    Unsupported,
}

/// What happens to `parameter` on its way to a vendor.
pub fn support(provider: &Provider, parameter: &str) -> Support {
    let rules = &provider.chat;
    let holds = |names: &[String]| names.iter().any(|name| name == parameter);
    if holds(&rules.drop) || holds(&rules.unsupported) {
        Support::Unsupported
    } else if is_translated(provider, parameter) {
        Support::Translate
    } else {
        Support::Forward
    }
}

fn is_translated(provider: &Provider, parameter: &str) -> bool {
    let rules = &provider.chat;
    rules.rename.iter().any(|rename| rename.from == parameter)
        || (rules.logprobs == LogprobsForm::Count
            && matches!(parameter, "logprobs" | "top_logprobs"))
}

/// All parameters of a vendor, in order.
pub fn profile(provider: &Provider) -> impl Iterator<Item = (&'static str, Support)> {
    PARAMETERS
        .into_iter()
        .map(|parameter| (parameter, support(provider, parameter)))
}
