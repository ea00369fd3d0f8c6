//! What models are and what they cost: an embedded list, the operator's own rows over it, and the
//! one function from what a call used to what it costs.
//!
//! Pure: it must never read a file, the clock or the network, and knows nothing of the rest of the
//! gateway. Money is whole pico-dollars; a price is an exact decimal; nothing here is a float.

mod capability;
mod catalog;
mod day;
mod decimal;
mod document;
mod lifecycle;
mod metered;
mod mode;
mod model;
mod money;
mod name;
mod overrides;
mod price;
mod table;
mod unit;

pub use capability::{Capabilities, Capability, Tri};
pub use catalog::Catalog;
pub use day::{BadDay, Day};
pub use decimal::BadNumber;
pub use document::{BadDocument, DOCUMENT_MAX, Document, NotASuccessor};
pub use lifecycle::{Lifecycle, Status};
pub use metered::{ImageKind, Metered};
pub use mode::{Mode, Modes};
pub use model::{Entry, Model};
pub use money::PicoUsd;
pub use overrides::Override;
pub use price::{BadPrice, Bill, Line, Price, Rate};
pub use table::{BadTable, Heading, write};
pub use unit::{Amount, Service, Unit};
