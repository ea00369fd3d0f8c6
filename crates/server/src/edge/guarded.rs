//! Turns a panic inside one call into a value, so that it ends that call and
//! nothing else.

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

/// A call panicked. The text is for the log, never for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panicked {
    /// What the panic said, when it said anything.
    pub message: String,
}

impl Panicked {
    fn from_payload(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Self { message }
    }
}

/// Runs a future and catches its panic.
///
/// What the future shared with others must be fit for use after it stopped at
/// any await or call: atomics and locks that ignore poisoning are.
pub async fn guarded<F: Future>(call: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(call)
        .catch_unwind()
        .await
        .map_err(|payload| Panicked::from_payload(payload.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_its_message() {
        let words = guarded(async { panic!("plain words") }).await;
        assert_eq!(words.map(|(): ()| ()).unwrap_err().message, "plain words");
        let number = 7;
        let formatted = guarded(async { panic!("number {number}") }).await;
        assert_eq!(formatted.map(|(): ()| ()).unwrap_err().message, "number 7");
        let odd = guarded(async { std::panic::panic_any(7_u8) }).await;
        assert_eq!(odd.map(|(): ()| ()).unwrap_err().message, "no message");
    }

    #[tokio::test]
    async fn an_answer_passes_untouched() {
        assert_eq!(guarded(async { 7 }).await, Ok(7));
    }
}
