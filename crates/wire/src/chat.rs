//! OpenAI chat answers and streams, read at the side while their bytes pass.
//!
//! Nothing here builds an answer, and nothing here is strict about what it does not need: a member
//! of an unexpected type counts as absent.

mod answer;
mod chunk;
mod echo;
mod flatten;
mod mend;
mod tap;

pub use answer::{Answer, read_answer};
pub use flatten::flatten_content_blocks;
pub use mend::mend_types;
pub use tap::{Seen, StreamFault, Tap};
