//! What keeps a call from targets that cannot serve it now, and targets from calls they cannot bear.

pub mod standing;
