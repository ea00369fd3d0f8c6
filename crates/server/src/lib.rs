//! Sockets to the engine and back: listening, intake, rendering, the gateway's own documents.
//!
//! [`lifecycle::Server`] is the whole of it. Nothing here decides where a call goes, and nothing
//! here knows a vendor.

pub mod address;
mod caller;
pub mod cors;
pub mod edge;
mod intake;
pub mod lifecycle;
mod lists;
pub mod path;
mod probes;
pub mod rate;
mod render;
mod routes;
pub mod security;
mod serve;
mod site;
mod watch;
