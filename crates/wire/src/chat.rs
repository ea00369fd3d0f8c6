//! OpenAI chat answers and streams, read at the side while their bytes pass.
//!
//! Nothing here builds an answer, and nothing here is strict about what it does not need: a member
//! of an unexpected type counts as absent.

mod answer;
mod chunk;
mod echo;
mod finding;
mod flatten;
mod mend;
mod mender;
mod tap;

pub use answer::{Answer, read_answer};
pub use flatten::flatten_content_blocks;
pub use mend::mend_types;
pub use mender::{Mender, Oddities, Rewrite};
pub use tap::{Seen, StreamFault, Tap};
