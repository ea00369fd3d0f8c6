//! One way to take a lock. A thread that panicked while holding one leaves
//! plain data behind, so the poison is ignored.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
