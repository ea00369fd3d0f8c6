//! How the gateway proves to a vendor who pays, where a key in a header does not do: requests signed
//! with an AWS key, and tokens that Google, Entra ID or Databricks hand out.
//!
//! What to ask a token service is made here as an [`Ask`], and what it answers is read here. Whoever
//! sends it, when, and what is kept of the answer is the caller's business: no I/O and no clock.

mod ask;
pub mod aws;
mod civil;
pub mod databricks;
pub mod entra;
pub mod google;
mod hidden;
mod jwt;
mod token;

pub use ask::Ask;
pub use civil::parse as moment;
pub use hidden::Hidden;
pub use token::{refusal, token};

use std::time::Duration;

/// What a token service granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted<T> {
    /// The token, or the keys.
    pub value: T,
    /// How long it is good for from now; without end if not said.
    pub lifetime: Option<Duration>,
}

/// Why a credential, or what a token service says, cannot be used. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCredential {
    /// Not in the form that it should have.
    #[error("{what} is not {expected}")]
    Form {
        /// What.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Something is not there.
    #[error("{what} holds no `{field}`")]
    Lacks {
        /// What.
        what: &'static str,
        /// The field that is missing.
        field: &'static str,
    },
    /// A kind that this gateway cannot use.
    #[error("{what} is of the kind `{found}`; accepted: {accepted}")]
    Kind {
        /// What.
        what: &'static str,
        /// The kind it names, cut to a sane length.
        found: String,
        /// The kinds that would do.
        accepted: &'static str,
    },
    /// A profile that leads nowhere.
    #[error("profile `{profile}` {problem}")]
    Profile {
        /// Its name.
        profile: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What was granted is over already.
    #[error("{what} has expired already")]
    Expired {
        /// What.
        what: &'static str,
    },
    /// A value with a line break or the like.
    #[error("{what} holds a character that a header cannot carry")]
    Header {
        /// What.
        what: &'static str,
    },
}

/// A name from outside, short enough for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
