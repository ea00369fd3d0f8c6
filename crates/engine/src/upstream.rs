//! The way to vendors: connections kept by each core for itself.
//!
//! Pools are never shared between cores: sharing gives back all that a runtime per core wins.
//! HTTP/1.1 only, by design: a stream occupies its connection anyway, and HTTP/2 clients that keep
//! one connection per origin block each other at the peer's stream limit.

mod connect;
mod connection;
mod framing;
mod head;
#[cfg(test)]
pub(crate) mod memory;
mod pool;
mod socket;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use rustls::ClientConfig;

use connection::{Connection, Lost};
pub(crate) use head::Message;
use pool::Pool;
pub(crate) use pool::VendorBody;
use socket::{Opened, Socket};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A proxy on the way to a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub uri: Uri,
    /// Its `Proxy-Authorization`, if it asks for one.
    pub authorization: Option<HeaderValue>,
}

/// How connections to a target are made.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Bound of DNS, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// Whom to trust.
    pub tls: Arc<ClientConfig>,
}

impl PartialEq for Transport {
    fn eq(&self, other: &Transport) -> bool {
        self.connect_timeout == other.connect_timeout
            && self.proxy == other.proxy
            && Arc::ptr_eq(&self.tls, &other.tls)
    }
}

/// A transport and where it leads. Targets with the same way share their connections.
#[derive(Debug)]
pub struct Way {
    /// None where its connections are not kept.
    number: Option<usize>,
    transport: Transport,
    origin: Uri,
}

impl Way {
    /// The host that it leads to.
    pub fn host(&self) -> Option<&str> {
        self.origin.host()
    }

    /// Whether it leads to this origin.
    pub(crate) fn leads_to(&self, origin: &Uri) -> bool {
        self.origin == *origin
    }

    /// The same way to another origin, whose connections are not kept.
    pub(crate) fn aside(&self, origin: Uri) -> Way {
        Way {
            number: None,
            transport: self.transport.clone(),
            origin,
        }
    }
}

/// The ways in use, numbered. A reload that changes nothing about a way finds it again, and with
/// it the connections that are open.
#[derive(Default)]
pub struct Ways(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    next: usize,
    ways: Vec<Weak<Way>>,
}

impl Ways {
    /// The way to this origin: scheme and authority.
    pub fn to(&self, origin: Uri, transport: Transport) -> Arc<Way> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.ways.retain(|way| way.strong_count() > 0);
        let same = |way: &Arc<Way>| way.origin == origin && way.transport == transport;
        if let Some(way) = known.ways.iter().filter_map(Weak::upgrade).find(same) {
            return way;
        }
        let way = Arc::new(Way {
            number: Some(known.next),
            transport,
            origin,
        });
        known.next += 1;
        known.ways.push(Arc::downgrade(&way));
        way
    }
}

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection could be made; nothing was sent.
    #[error("could not connect: {0}")]
    Connect(String),
    /// The connection broke before the answer began.
    #[error("connection broke before the answer: {0}")]
    Broken(String),
}

/// What went wrong with a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Io(std::io::Error),
    /// It ended before the answer did.
    #[error("{0}")]
    Cut(String),
    /// What came is not HTTP/1.1, or could be read in two ways.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

impl Broken {
    fn malformed(what: impl std::fmt::Display) -> Broken {
        Broken::Malformed(what.to_string())
    }
}

/// The connections of one core.
#[derive(Clone, Default)]
pub struct Upstream {
    /// By the number of the way. Locked for the length of a look, by its own core and, after a
    /// reload, by whoever sorts out what is no longer used.
    pools: Arc<Mutex<Vec<(usize, Arc<Pool>)>>>,
}

impl Upstream {
    /// No connection yet.
    pub fn new() -> Upstream {
        Upstream::default()
    }

    /// Sends the request and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        way: &Way,
        message: Message,
    ) -> Result<Response<VendorBody>, SendError> {
        let pool = self.pool(way);
        while let Some(connection) = pool.take() {
            match exchange(&pool, connection, message.clone()).await {
                Ok(answer) => return Ok(answer),
                // The vendor closed it while it was idle, and has seen nothing of the request.
                Err(Lost::Unsent(_)) => {}
                Err(Lost::Broken(error)) => return Err(SendError::Broken(chain(&error))),
            }
        }
        // Seldom needed and large: not a part of every call.
        let opening = Box::pin(connect::open(&way.transport, way.origin.clone()));
        let connection = opening.await.map_err(SendError::Connect)?;
        match exchange(&pool, connection, message).await {
            Ok(answer) => Ok(answer),
            Err(Lost::Unsent(error) | Lost::Broken(error)) => Err(SendError::Broken(chain(&error))),
        }
    }

    /// Forgets connections on ways that no target of the running configuration takes.
    pub fn retain(&self, in_use: &[Arc<Way>]) {
        self.locked()
            .retain(|(number, _)| in_use.iter().any(|way| way.number == Some(*number)));
    }

    fn pool(&self, way: &Way) -> Arc<Pool> {
        let Some(number) = way.number else {
            return Arc::default();
        };
        let mut pools = self.locked();
        if let Some((_, pool)) = pools.iter().find(|(known, _)| *known == number) {
            return pool.clone();
        }
        let pool = Pool::start();
        pools.push((number, pool.clone()));
        pool
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Arc<Pool>)>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one request on a connection of its own, which ends with the answer.
pub(crate) async fn once(
    opened: Opened,
    request: Request<Bytes>,
) -> Result<Response<VendorBody>, SendError> {
    let connection = Connection::new(opened.into());
    match exchange(&Arc::default(), connection, Message::of(&request)).await {
        Ok(answer) => Ok(answer),
        Err(Lost::Unsent(error) | Lost::Broken(error)) => Err(SendError::Broken(chain(&error))),
    }
}

async fn exchange(
    pool: &Arc<Pool>,
    connection: Connection<Socket>,
    message: Message,
) -> Result<Response<VendorBody>, Lost> {
    let (head, answering) = connection.exchange(message).await?;
    let mut answer = Response::new(VendorBody::new(answering, pool.clone()));
    *answer.status_mut() = head.status;
    *answer.headers_mut() = head.headers;
    Ok(answer)
}

/// An error with everything that caused it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}
