//! What models are and what they cost: an embedded list, the operator's own rows over it, and the
//! one function from what a call used to what it costs.
//!
//! Pure: it must never read a file, the clock or the network, and knows nothing of the rest of the
//! gateway. Money is whole pico-dollars; a price is an exact decimal; nothing here is a float.

mod decimal;
mod metered;
mod money;
mod price;
mod unit;

pub use decimal::BadNumber;
pub use metered::{ImageKind, Metered};
pub use money::PicoUsd;
pub use price::{BadPrice, Bill, Line, Price, Rate};
pub use unit::{Amount, Service, Unit};
