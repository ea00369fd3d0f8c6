//! What goes beside the form between: the plan of a request, what it lost, what has to be
//! remembered for its answer, and what the gateway adds to that.

use std::borrow::Cow;

use super::files::Wanted;
use super::names::Names;
use crate::fault::{Fault, Kind};

/// What is known of a request besides what the client wrote.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The provider's row, for messages and `extra_body`.
    pub provider: &'a str,
    /// The target's own name of the model.
    pub model: &'a str,
    /// The model that it is, where its name is only the operator's: a deployment, an opaque ARN.
    pub family: Option<&'a str>,
    /// Whether a request that would lose something is refused.
    pub reject: bool,
    /// Whether the answer comes as a stream.
    pub streaming: bool,
    /// Whether reasoning of earlier turns may be this target's own. Not after a fallback: a
    /// vendor refuses another's.
    pub own_history: bool,
}

impl Plan<'_> {
    /// The name by which it is known what the model takes.
    pub fn known_as(&self) -> &str {
        self.family.unwrap_or(self.model)
    }
}

/// A request in a vendor's dialect.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The body.
    pub body: Vec<u8>,
    /// Features that the vendor wants to see named in a header.
    pub betas: Vec<&'static str>,
    /// Parameters that did not reach the vendor as the client wrote them.
    pub dropped: Vec<String>,
    /// What the answer's reader has to know.
    pub recall: Recall,
}

/// What an answer's reader has to know of its request.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    /// Tools whose names had to change.
    pub names: Names,
    /// Tools that take free text, by the names that the vendor knows; it was told of an object
    /// with the one member `input`.
    pub custom: Vec<String>,
    /// The answer is the argument of this tool, which the client did not ask for.
    pub json_tool: Option<&'static str>,
    /// The answer's beginning was given to the model, and it goes on from there.
    pub prefilled: Option<&'static str>,
    /// The model that was asked.
    pub model: String,
    /// The most tokens of the answer, for vendors that do not say that it was full.
    pub max_output: Option<u64>,
}

/// What the gateway adds to an answer in a door's dialect.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// When it was made, in seconds.
    pub created: u64,
    /// Its id, if the vendor gives none.
    pub id: String,
    /// The model, if the vendor does not say.
    pub model: String,
    /// The provider, named in whole answers; empty for none.
    pub provider: String,
    /// The call's id, for errors in dialects that name it.
    pub request_id: String,
    /// Whether the client wants a stream to end with its usage.
    pub include_usage: bool,
    /// Whether the client does not want to see reasoning, in dialects in which it says so.
    pub hide_thoughts: bool,
}

/// A request that a vendor cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The field.
    pub param: String,
    /// What is wrong with it.
    pub message: String,
    /// Whether it is the operator who wants it refused.
    pub by_policy: bool,
    /// Files that would mend it, if somebody fetched them.
    pub files: Vec<Wanted>,
}

impl Refusal {
    /// A field that is wrong, or that this vendor has no way to say.
    pub fn new(param: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            param: param.into(),
            message: message.into(),
            by_policy: false,
            files: Vec::new(),
        }
    }

    /// Files that the vendor takes only the bytes of.
    pub fn without(files: Vec<Wanted>) -> Refusal {
        let place = files.first().map_or("messages", |file| &*file.place);
        let message = format!("{place}: the provider takes the bytes of the file, not its address");
        let refusal = Refusal::new(place, message);
        Refusal { files, ..refusal }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        if !refusal.by_policy {
            return Fault::invalid(refusal.message, Some(&refusal.param));
        }
        let mut fault = Fault::new(Kind::UnsupportedParameter).saying(refusal.message);
        fault.param = Some(refusal.param.into());
        fault
    }
}

/// The parameters that matter most, in the order in which they are told.
const ORDER: [&str; 23] = [
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
    "parallel_tool_calls",
    "response_format",
    "logprobs",
    "top_logprobs",
    "user",
    "logit_bias",
    "dimensions",
    "input_type",
    "size",
    "quality",
    "style",
    "max_tokens_per_doc",
];

/// Parameters beyond those that matter most that are told of one request: whoever sends more has
/// seen enough.
const OTHERS_MAX: usize = 64;
/// The most characters of a name that is told.
const NAME_MAX: usize = 64;

/// What a vendor cannot be told, collected while its body is written.
#[derive(Clone, Debug, Default)]
pub struct Dropped(Vec<Cow<'static, str>>);

impl Dropped {
    /// Notes a parameter, once.
    pub fn note(&mut self, param: impl Into<Cow<'static, str>>) {
        let param = plain(param.into());
        let room = self.0.len() < OTHERS_MAX || ORDER.contains(&&*param);
        if room && !self.0.contains(&param) {
            self.0.push(param);
        }
    }

    /// Notes it if it is there.
    pub fn note_if(&mut self, there: bool, param: &'static str) {
        if there {
            self.note(param);
        }
    }

    /// The parameters in the order in which they are told. A refusal if the plan wants one: for
    /// those that change what the answer is, not for hints such as a cache's key.
    pub fn settle(mut self, plan: &Plan<'_>) -> Result<Vec<String>, Refusal> {
        let rank = |param: &str| ORDER.iter().position(|name| *name == param);
        self.0
            .sort_by_key(|param| rank(param).unwrap_or(ORDER.len()));
        let params: Vec<String> = self.0.into_iter().map(Cow::into_owned).collect();
        let graver = params.iter().filter(|param| rank(param).is_some()).count();
        match params.get(..graver) {
            Some(graver @ [first, ..]) if plan.reject => Err(Refusal {
                param: first.clone(),
                message: format!("{} does not support {}", plan.provider, graver.join(", ")),
                by_policy: true,
                files: Vec::new(),
            }),
            _ => Ok(params),
        }
    }
}

/// A name that may stand in a list in a header, whatever a client wrote.
fn plain(name: Cow<'static, str>) -> Cow<'static, str> {
    let fits = |c: char| c.is_ascii_graphic() && c != ',';
    if name.len() <= NAME_MAX && name.chars().all(fits) {
        return name;
    }
    let letters = name.chars().take(NAME_MAX);
    let letters = letters.map(|c| if fits(c) { c } else { '_' });
    Cow::Owned(letters.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan<'static> = Plan {
        provider: "acme",
        model: "m",
        family: None,
        reject: false,
        streaming: false,
        own_history: true,
    };

    #[test]
    fn a21_a_name_that_no_header_can_hold_hides_none_beside_it() {
        let mut dropped = Dropped::default();
        for param in ["f\u{fc}r, a\nb", &*"x".repeat(9000), "seed"] {
            dropped.note(param.to_owned());
        }
        for at in 0..1000 {
            dropped.note(format!("x{at}"));
        }
        dropped.note("n");
        let told = dropped.settle(&PLAN).unwrap();
        assert_eq!(told[..3], ["n", "seed", "f_r__a_b"]);
        assert!(told.join(",").len() < 4096, "{}", told.len());
    }

    #[test]
    fn a21_what_was_lost_is_told_in_one_order_or_refused() {
        let mut dropped = Dropped::default();
        for param in ["top_logprobs", "verbosity", "seed", "n", "seed"] {
            dropped.note(param);
        }
        let mut plan = PLAN;
        let told = dropped.clone().settle(&plan).unwrap();
        assert_eq!(told, ["n", "seed", "top_logprobs", "verbosity"]);
        plan.reject = true;
        let refusal = dropped.settle(&plan).unwrap_err();
        assert_eq!(
            refusal.message,
            "acme does not support n, seed, top_logprobs"
        );
        let fault = Fault::from(refusal);
        assert_eq!(
            (fault.kind, fault.param.as_deref()),
            (Kind::UnsupportedParameter, Some("n"))
        );
    }
}
