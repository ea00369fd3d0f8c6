//! A first config for somebody who has none.

use crate::load::Format;

/// One target of a first config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterTarget<'a> {
    /// The provider's id, which becomes the target's name.
    pub provider: &'a str,
    /// The environment variable that holds its credential, for providers that need one.
    pub key_env: Option<&'a str>,
}

/// A config that calls the given providers in order.
pub fn starter(_targets: &[StarterTarget<'_>], _format: Format) -> String {
    String::new()
}
