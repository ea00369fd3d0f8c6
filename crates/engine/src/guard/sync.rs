//! The locks and atomics that guards share between cores: the standard ones, or those with which
//! `loom` tries every interleaving.

#[cfg(not(feature = "loom"))]
pub(super) use std::sync::Mutex;
#[cfg(not(feature = "loom"))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "loom")]
pub(super) use loom::sync::Mutex;
#[cfg(feature = "loom")]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

/// What a lock holds is whole after every statement, so a panic of another holder spoils nothing.
macro_rules! locked {
    ($mutex:expr) => {
        $mutex
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
}
pub(super) use locked;
