//! What keeps a call from targets that cannot serve it now, and targets from calls they cannot bear.

mod admission;
mod backoff;
mod breaker;
mod budget;
mod clock;
mod cooldown;
mod headroom;
mod health;
mod latency;
mod pace;
mod slots;
pub mod standing;
mod sync;
mod vital;
mod vitals;
mod window;

pub(crate) use admission::Admission;
pub use backoff::RetryRules;
pub use breaker::State;
pub use clock::{Clock, Moment};
pub(crate) use headroom::{Told, exhausted_until, told};
pub use slots::Load;
pub(crate) use vital::KeyState;
pub use vital::{Answer, Vital};
pub use vitals::{Guard, GuardSpec, Guards};
