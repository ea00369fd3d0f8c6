//! From sockets to requests: accepts connections, one runtime per core, and
//! hands each request to a service that was made on that core.
//!
//! It must never know what a request means, never wait without a bound, and
//! never let one connection harm another.

mod body;
mod connection;
mod connections;
mod guarded;
mod listen;
mod pulse;
mod socket;
mod supervise;
mod tls;
mod tracked;
mod worker;

#[cfg(test)]
mod tests;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tokio::sync::watch;

pub use self::{
    body::{BodyError, TimedBody, read_body},
    connections::{Connections, Totals},
    guarded::{Panicked, guarded},
    tls::{TlsError, TlsSpec},
};
use self::{
    pulse::Bounds,
    tls::Terminator,
    worker::{Plan, Worker},
};

/// What the listener is to do. No duration may be zero.
#[derive(Clone, Debug)]
pub struct EdgeSpec {
    /// Addresses to listen on; port 0 asks the system for one.
    pub listen: Vec<SocketAddr>,
    /// Worker threads, each with its own runtime; at least one is started.
    pub threads: usize,
    /// Certificate and key, when TLS ends here.
    pub tls: Option<TlsSpec>,
    /// From the first byte of a request's head to its last. Also bounds the
    /// TLS handshake and the wait for a new connection's first byte.
    pub header_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub keep_alive: Duration,
    /// How long a client may take no bytes while there are bytes for it.
    pub write_timeout: Duration,
    /// Longest request head.
    pub max_header_bytes: usize,
    /// Connections open at once; one more is accepted and closed.
    pub max_connections: usize,
    /// Where connections are counted.
    pub connections: Arc<Connections>,
}

impl Default for EdgeSpec {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            tls: None,
            header_timeout: Duration::from_secs(10),
            // Load balancers commonly keep idle connections for 60 s. Closing
            // after them, never before, is what spares them a reset.
            keep_alive: Duration::from_secs(75),
            write_timeout: Duration::from_mins(1),
            max_header_bytes: 64 * 1024,
            max_connections: 16_384,
            connections: Arc::default(),
        }
    }
}

impl EdgeSpec {
    fn bounds(&self) -> Bounds {
        Bounds {
            head: self.header_timeout,
            idle: self.keep_alive,
            write: self.write_timeout,
        }
    }
}

/// The other end of the connection a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the socket's other end, be it a client or a proxy.
    pub address: SocketAddr,
    /// TLS ended here.
    pub tls: bool,
    /// The connection speaks HTTP/2.
    pub http2: bool,
}

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// `listen` is empty.
    #[error("no address to listen on; give at least one host:port")]
    NoAddress,
    /// Somebody, perhaps another gateway, has the port.
    #[error("{address} is already in use; stop the other process or choose another port")]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system refused the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A worker thread could not be started.
    #[error("cannot start worker {index}: {reason}")]
    Worker {
        /// Which one, from zero.
        index: usize,
        /// What went wrong.
        reason: String,
    },
}

/// What is asked of the workers: nothing, or to end within a time.
type Order = Option<Duration>;

/// A running listener. Dropping it closes everything at once; [`Edge::drain`]
/// is the polite way.
#[derive(Debug)]
pub struct Edge {
    addresses: Vec<SocketAddr>,
    connections: Arc<Connections>,
    order: watch::Sender<Order>,
    workers: Vec<Worker>,
    _certificates: Option<tls::Renewal>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that still had a call in flight when the time was over.
    pub cut: usize,
}

/// Binds every address, starts the workers, and returns once all of them
/// accept. `make` runs once on each worker's own thread, inside its runtime.
pub fn start<F, S, Fut, B>(spec: EdgeSpec, make: F) -> Result<Edge, EdgeError>
where
    F: Fn(usize) -> S + Send + Sync + 'static,
    S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let terminator = spec.tls.as_ref().map(Terminator::load).transpose()?;
    let threads = spec.threads.max(1);
    let listeners = listen::bind(&spec.listen, threads)?;
    let (order, orders) = watch::channel(None);
    let make = Arc::new(make);
    let mut workers = Vec::with_capacity(threads);
    for (index, sockets) in listeners.per_worker.into_iter().enumerate() {
        let plan = Plan {
            index,
            sockets,
            bounds: spec.bounds(),
            max_header_bytes: spec.max_header_bytes,
            max_connections: spec.max_connections,
            connections: Arc::clone(&spec.connections),
            tls: terminator.as_ref().map(Terminator::acceptor),
            orders: orders.clone(),
        };
        workers.push(Worker::start(plan, Arc::clone(&make))?);
    }
    for worker in &mut workers {
        worker.ready()?;
    }
    Ok(Edge {
        addresses: listeners.addresses,
        connections: spec.connections,
        order,
        workers,
        _certificates: terminator.map(Terminator::renew).transpose()?,
    })
}

impl Edge {
    /// The addresses listened on, with the ports the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.connections.open()
    }

    /// Stops accepting, closes idle connections, and lets calls in flight end
    /// for at most `grace`. Returns when every worker's runtime is gone. Given
    /// up before, it may be asked again with less grace.
    pub async fn drain(&mut self, grace: Duration) -> Drained {
        self.order.send_replace(Some(grace));
        let mut cut = 0;
        while let Some(worker) = self.workers.last_mut() {
            cut += worker.ended().await;
            self.workers.pop();
        }
        Drained { cut }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.order.send_replace(Some(Duration::ZERO));
    }
}
