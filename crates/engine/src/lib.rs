//! One call from admission to settlement. The server puts sockets around it; a program may embed it.
//!
//! A [`Gateway`](gateway::Gateway) runs one [`Snapshot`](snapshot::Snapshot) at a time. It never
//! reads environment variables, files on the way of a call, or a socket of a client.

pub mod ask;
mod attempt;
mod body;
mod capabilities;
pub mod chat;
pub mod checkup;
pub mod cost;
mod credential;
mod defect;
pub mod dice;
pub mod directory;
pub mod discovery;
pub mod egress;
mod errand;
mod experiment;
pub mod explain;
pub mod gateway;
mod glob;
pub mod guard;
pub mod principal;
pub mod receipt;
pub mod refresh;
mod relay;
pub mod reply;
pub mod route;
pub mod routing;
#[cfg(test)]
mod simulation;
pub mod snapshot;
mod source;
#[cfg(test)]
mod stand_in;
pub mod strategy;
pub mod surface;
pub mod target;
mod tariffs;
#[cfg(test)]
mod testing;
mod tokens;
mod tongue;
pub mod trace;
pub mod trust;
mod turn;
pub mod upstream;
mod vendor;
mod walk;
