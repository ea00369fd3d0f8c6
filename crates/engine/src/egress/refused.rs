//! Why a file is not fetched.

use std::time::Duration;

use wire::fault::{Fault, Kind};

/// Why a file is not fetched. What is said of addresses is the same for a host that is inside and one
/// that is nowhere, so that nobody maps a network by asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nothing is fetched at all.
    #[error(
        "this gateway fetches no media (media.fetch.mode is off), and the provider takes only its bytes; send a data: URL instead"
    )]
    Off,
    /// Not an address that anything can be fetched from.
    #[error("the url {problem}")]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not one of the hosts.
    #[error("the url's host is not among those that this gateway fetches from (media.fetch.hosts)")]
    Host,
    /// Not one of the ports.
    #[error("the url's port {port} is not one that this gateway fetches from (media.fetch.ports)")]
    Port {
        /// The port.
        port: u16,
    },
    /// No address, or one that is not public.
    #[error("the url's host has no public address")]
    Address,
    /// More files than a request may name.
    #[error("the request names more than {most} files to fetch (media.fetch.max_files)")]
    TooMany {
        /// How many it may name.
        most: u32,
    },
    /// A longer file than is taken.
    #[error("the file is larger than {limit} bytes (media.fetch.max_bytes)")]
    TooLarge {
        /// How long it may be.
        limit: usize,
    },
    /// More bytes than all files of a request may have.
    #[error(
        "the files that the request names are larger than {limit} bytes together (media.fetch.max_total_bytes)"
    )]
    TooMuch {
        /// How many they may be.
        limit: usize,
    },
    /// Not there in time.
    #[error("the file did not arrive within {limit:?} (media.fetch.timeout)")]
    Late {
        /// How long it may take.
        limit: Duration,
    },
    /// It is somewhere else.
    #[error("the url leads to another one; name that one")]
    Redirect,
    /// It is not to be had.
    #[error("the url's host answers {0}")]
    Status(u16),
    /// It is compressed although it was asked for as it is.
    #[error("the url's host sends the file in an encoding that was not asked for")]
    Encoded,
    /// It is something else.
    #[error("the file is no image, PDF, audio or video that is known here")]
    NotMedia,
    /// It is not what the request says.
    #[error("the file is {found}, and must be {noun} here")]
    OtherKind {
        /// What it is.
        found: &'static str,
        /// What it must be.
        noun: &'static str,
    },
    /// The connection cannot be made or breaks.
    #[error("the file could not be fetched")]
    Unreachable {
        /// What happened, for the log.
        why: String,
    },
}

impl Refused {
    /// The fault of a call with such a file; `param` names its place in the request.
    pub fn fault(&self, param: &str) -> Fault {
        let mut fault = Fault::new(Kind::MediaNotFetched).saying(format!("{param}: {self}"));
        fault.param = Some(param.into());
        match self {
            Refused::Unreachable { why } => fault.because(why.clone()),
            _ => fault,
        }
    }
}
