//! One call from admission to settlement. The server puts sockets around it; a program may embed it.
//!
//! A [`Gateway`](gateway::Gateway) runs one [`Snapshot`](snapshot::Snapshot) at a time. It never
//! reads environment variables, files on the way of a call, or a socket of a client.

mod attempt;
mod body;
mod capabilities;
pub mod chat;
pub mod cost;
pub mod directory;
pub mod discovery;
pub mod gateway;
mod listing;
pub mod principal;
pub mod receipt;
pub mod refresh;
mod relay;
pub mod reply;
pub mod snapshot;
pub mod surface;
pub mod target;
mod tariffs;
mod tokens;
pub mod trace;
pub mod trust;
pub mod upstream;
mod vendor;
