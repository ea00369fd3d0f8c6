//! One thread of the data plane: its runtime, its listeners, its service, and
//! the connections it accepted. Nothing on it may block.

use std::{
    convert::Infallible,
    future::Future,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
    sync::{Notify, futures::OwnedNotified, mpsc, oneshot, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::{
    EdgeError, Order, Peer,
    connection::{self, Protocols},
    connections::{Connections, Event},
    pulse::Bounds,
    socket::Place,
};

/// First and longest pause after the system refused to accept.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What one worker is started with.
pub(super) struct Plan {
    pub(super) index: usize,
    pub(super) sockets: Vec<StdListener>,
    pub(super) bounds: Bounds,
    pub(super) max_header_bytes: usize,
    pub(super) max_connections: usize,
    pub(super) connections: Arc<Connections>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) orders: watch::Receiver<Order>,
}

/// A started worker, as its starter sees it.
#[derive(Debug)]
pub(super) struct Worker {
    index: usize,
    ready: std::sync::mpsc::Receiver<io::Result<()>>,
    ended: oneshot::Receiver<usize>,
}

impl Worker {
    pub(super) fn start<F, S, Fut, B>(plan: Plan, make: Arc<F>) -> Result<Self, EdgeError>
    where
        F: Fn(usize) -> S + Send + Sync + 'static,
        S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let index = plan.index;
        let (tell_ready, ready) = std::sync::mpsc::sync_channel(1);
        let (tell_ended, ended) = oneshot::channel();
        thread::Builder::new()
            .name(format!("edge-{index}"))
            .spawn(move || {
                let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        let _ = tell_ready.send(Err(error));
                        return;
                    }
                };
                let cut = runtime.block_on(work(plan, make.as_ref(), &tell_ready));
                // Never waits for what somebody left on the blocking pool.
                runtime.shutdown_background();
                let _ = tell_ended.send(cut);
            })
            .map_err(|error| EdgeError::Worker {
                index,
                reason: error.to_string(),
            })?;
        Ok(Self {
            index,
            ready,
            ended,
        })
    }

    /// Waits until the worker accepts.
    pub(super) fn ready(&mut self) -> Result<(), EdgeError> {
        let reason = match self.ready.recv() {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its service could not be made".to_owned(),
        };
        Err(EdgeError::Worker {
            index: self.index,
            reason,
        })
    }

    /// Waits until the worker's runtime is gone; how many calls it cut.
    pub(super) async fn ended(&mut self) -> usize {
        (&mut self.ended).await.unwrap_or(0)
    }
}

/// Set once, when the worker is to end.
#[derive(Debug, Default)]
pub(super) struct Stop {
    set: AtomicBool,
    notify: Arc<Notify>,
}

pub(super) type Stopped = OwnedNotified;

impl Stop {
    fn set(&self) {
        self.set.store(true, Relaxed);
        self.notify.notify_waiters();
    }

    pub(super) fn is_set(&self) -> bool {
        self.set.load(Relaxed)
    }

    /// Wakes who polled it before the stop was set.
    pub(super) fn stopped(&self) -> Stopped {
        Arc::clone(&self.notify).notified_owned()
    }

    pub(super) async fn wait(&self) {
        let stopped = self.stopped();
        if !self.is_set() {
            stopped.await;
        }
    }
}

/// Held by every connection; the worker has ended when all are gone.
pub(super) type Alive = mpsc::Sender<Infallible>;

/// What the connections of one worker share.
pub(super) struct Shared {
    pub(super) index: usize,
    pub(super) bounds: Bounds,
    pub(super) protocols: Protocols,
    pub(super) connections: Arc<Connections>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stop: Arc<Stop>,
    max_connections: usize,
}

async fn work<F, S, Fut, B>(
    mut plan: Plan,
    make: &F,
    tell_ready: &std::sync::mpsc::SyncSender<io::Result<()>>,
) -> usize
where
    F: Fn(usize) -> S,
    S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listeners: io::Result<Vec<_>> = plan
        .sockets
        .into_iter()
        .map(TcpListener::from_std)
        .collect();
    let listeners = match listeners {
        Ok(listeners) => listeners,
        Err(error) => {
            let _ = tell_ready.send(Err(error));
            return 0;
        }
    };
    let service = make(plan.index);
    let shared = Arc::new(Shared {
        index: plan.index,
        bounds: plan.bounds,
        protocols: Protocols::new(plan.max_header_bytes),
        connections: plan.connections,
        tls: plan.tls,
        stop: Arc::default(),
        max_connections: plan.max_connections,
    });
    let (alive, mut gone) = mpsc::channel::<Infallible>(1);
    for listener in listeners {
        let (shared, alive, service) = (Arc::clone(&shared), alive.clone(), service.clone());
        tokio::spawn(accept(listener, shared, alive, service));
    }
    drop((alive, service));
    let _ = tell_ready.send(Ok(()));
    let _ = plan.orders.wait_for(Option::is_some).await;
    shared.stop.set();
    loop {
        // Without an order its sender is gone, and so is the time to wait.
        let grace = plan.orders.borrow_and_update().unwrap_or_default();
        tokio::select! {
            ended = timeout(grace, gone.recv()) => {
                return ended.map_or_else(|_| shared.connections.active(shared.index), |_| 0);
            }
            Ok(()) = plan.orders.changed() => {}
        }
    }
}

async fn accept<S, Fut, B>(listener: TcpListener, shared: Arc<Shared>, alive: Alive, service: S)
where
    S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut pause = PAUSES.0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.wait() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                pause = PAUSES.0;
                admit(stream, address, &shared, &alive, &service);
            }
            Err(error) if is_the_clients(&error) => debug!(%error, "client left while accepted"),
            Err(error) => {
                shared.connections.count(shared.index, Event::AcceptFailed);
                warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                let _ = timeout(pause, shared.stop.wait()).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
    // The kernel has taken these on already: closing the listener would reset
    // them with their request sent.
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok((stream, address)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            admit(stream, address, &shared, &alive, &service);
        }
    }
}

/// Errors about one connection; all others are about this machine.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

fn admit<S, Fut, B>(
    stream: TcpStream,
    address: SocketAddr,
    shared: &Arc<Shared>,
    alive: &Alive,
    service: &S,
) where
    S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !shared
        .connections
        .enter(shared.index, shared.max_connections)
    {
        return;
    }
    let place = Place {
        connections: Arc::clone(&shared.connections),
        worker: shared.index,
        _alive: alive.clone(),
    };
    let _ = stream.set_nodelay(true);
    let serving = connection::serve(stream, address, Arc::clone(shared), place, service.clone());
    tokio::spawn(serving);
}
