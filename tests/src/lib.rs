//! The black box: the built binary in front of the scriptable vendor, over real sockets.
//!
//! This library starts both, speaks HTTP to them in ways a well-behaved client would not, and reads
//! what they leave behind: log lines, metrics, records of what the vendor received. It links the mock
//! and the vendors' rows, but none of the code that serves a call, or a fault shared by both sides
//! would go unseen. What holds is said in `tests/*.rs`, one file per theme.

// A harness has nobody to hand an error to: the test that uses it is the one to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr
)]

pub mod binary;
pub mod config;
pub mod envelope;
pub mod event;
pub mod exposition;
pub mod gateway;
pub mod http;
pub mod keys;
pub mod live;
pub mod log;
pub mod vendor;

pub use event::Event;
pub use gateway::Gateway;
pub use http::{Answer, Call};
pub use live::Live;
pub use vendor::Vendor;

use std::time::{Duration, Instant};

/// The longest that anything which should happen at once may take on a loaded machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Asks again and again until the answer is there; fails with `what` when it never comes.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A chat request: one short message.
pub fn chat_body(model: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}"#)
}

/// The same, asking for a stream.
pub fn stream_body(model: &str) -> String {
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}],"stream":true}}"#
    )
}
