//! What the gateway tells its operator: numbers, access lines and log lines.
//!
//! - [`metrics`]: handles that a call touches without a lock, and the pages
//!   Prometheus scrapes.
//! - [`access`]: one line per call, without a system call on the way of it.
//! - [`log`]: events of `tracing` as lines, through the same bounded writer,
//!   with secrets taken out by a [`Redactor`].
//!
//! Knows strings and numbers only, no domain type; must never make a call wait.

pub mod access;
mod line;
pub mod log;
pub mod metrics;
mod outbox;
mod redact;
mod rfc3339;

pub use access::{AccessLog, AccessSpec};
pub use line::{Format, Line};
pub use log::{Log, LogSpec};
pub use metrics::{CallMetrics, Metrics, SurfaceMetrics};
pub use outbox::Sink;
pub use redact::Redactor;
pub use tracing::Level;
pub use tracing::level_filters::LevelFilter;

/// A lock whose holder panicked is taken all the same: what it guards here is
/// never left half written.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
