//! The form between dialects: what any of them can say, and what none of them says.
//!
//! A door reads its client's request into a [`Request`]; a vendor's dialect writes it out. The
//! answer comes back as a [`Reply`], or as [`Event`]s, and the door writes those. All of them
//! borrow from the bytes they were read from; what nobody here needs to understand (schemas,
//! arguments, a vendor's own blocks) stays JSON text.
//!
//! Every dialect is a module of this crate with the parts it needs of these:
//! `read_request(Node) -> Result<Request, Refusal>` and `write_reply`, and a [`Writer`], for a door;
//! `write_request(Request, &Plan) -> Result<Encoded, Refusal>`, `read_reply`, and a [`Reader`], for
//! a vendor.
//!
//! - [`shape`]: conversations as vendors insist on them
//! - [`names`]: names and ids that a vendor accepts
//! - [`media`]: data URIs and media types
//! - [`files`]: files that a request names by URL
//! - [`Translation`]: a stream between two dialects

mod block;
mod effort;
mod event;
mod extra;
pub mod files;
mod finish;
mod kept;
mod marks;
pub mod media;
pub mod names;
mod order;
mod plan;
mod received;
mod reply;
mod request;
pub(crate) mod said;
mod sse;
mod translation;
mod turns;
mod usage;

pub use block::{
    Audio, Block, CacheMark, Citation, File, Image, Opaque, OpaqueKind, Raw, Server, Source, Text,
    Thinking, ToolCall, ToolResult, Video, join_texts,
};
pub use effort::Effort;
pub use event::{Break, Delta, Event, Opening, Reader, Sink, Start, Writer};
pub use finish::{Finish, Reason};
pub use plan::{Dropped, Encoded, Face, Plan, Recall, Refusal};
pub use received::{Received, Told};
pub use reply::{Choice, NotAReply, Reply};
pub use request::{
    Format, MaxOutput, Reasoning, ReasoningMode, Request, Role, Sampling, Tool, ToolChoice,
    ToolKind, Turn,
};
pub use sse::{EventStream, Events, Unread};
pub use translation::{Seen, Translation};
pub use turns::{Shape, shape};
pub use usage::Usage;

pub(crate) use extra::with_extra;
pub(crate) use kept::{check_kept, keep};
pub(crate) use marks::keep_last_marks;
pub(crate) use received::{count, note_strangers, unsayable, word, wrong};
