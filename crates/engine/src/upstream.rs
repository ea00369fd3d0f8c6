//! The way to vendors: one connection pool per core and per kind of transport.
//!
//! Pools are never shared between cores: sharing gives back all that a runtime per core wins.
//! HTTP/1.1 only, by design: a stream occupies its connection anyway, and HTTP/2 clients that keep
//! one connection per origin block each other at the peer's stream limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Idle connections kept per origin and core.
const IDLE_PER_HOST: usize = 64;
/// Shorter than the 60 to 75 seconds after which load balancers commonly close.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// A proxy on the way to a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub uri: Uri,
    /// Its `Proxy-Authorization`, if it asks for one.
    pub authorization: Option<HeaderValue>,
}

/// How connections to a target are made. Targets with equal transports share a pool.
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

type DirectConnector = Timed<HttpsConnector<HttpConnector>>;
type ProxiedConnector = Timed<HttpsConnector<Tunnel<HttpConnector>>>;

enum Pool {
    Direct(Client<DirectConnector, Full<Bytes>>),
    Proxied(Client<ProxiedConnector, Full<Bytes>>),
}

/// The pools of one core.
#[derive(Default)]
pub struct Upstream {
    /// Locked by its own core alone, for the length of a short scan.
    pools: Mutex<Vec<(Transport, Arc<Pool>)>>,
}

impl Upstream {
    /// No connection yet.
    pub fn new() -> Upstream {
        Upstream::default()
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn send(
        &self,
        transport: &Transport,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let answer = match &*self.pool(transport) {
            Pool::Direct(client) => client.request(request).await,
            Pool::Proxied(client) => client.request(request).await,
        };
        answer.map_err(|error| {
            let text = chain(&error);
            if error.is_connect() {
                SendError::Connect(text)
            } else {
                SendError::Broken(text)
            }
        })
    }

    /// Forgets pools that no target of the running configuration uses.
    pub fn retain(&self, in_use: &[Transport]) {
        self.locked()
            .retain(|(transport, _)| in_use.contains(transport));
    }

    fn pool(&self, transport: &Transport) -> Arc<Pool> {
        let mut pools = self.locked();
        if let Some((_, pool)) = pools.iter().find(|(known, _)| known == transport) {
            return pool.clone();
        }
        let pool = Arc::new(Pool::build(transport));
        pools.push((transport.clone(), pool.clone()));
        pool
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<(Transport, Arc<Pool>)>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn build(transport: &Transport) -> Pool {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        let limit = transport.connect_timeout;
        match &transport.proxy {
            None => Pool::Direct(client(Timed {
                inner: https(transport, tcp),
                limit,
            })),
            Some(proxy) => {
                let tunnel = Tunnel::new(proxy.uri.clone(), tcp);
                let tunnel = match &proxy.authorization {
                    Some(value) => tunnel.with_auth(value.clone()),
                    None => tunnel,
                };
                Pool::Proxied(client(Timed {
                    inner: https(transport, tunnel),
                    limit,
                }))
            }
        }
    }
}

fn https<C>(transport: &Transport, inner: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new()
        .with_tls_config((*transport.tls).clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(inner)
}

fn client<C>(connector: C) -> Client<C, Full<Bytes>>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .build(connector)
}

/// A connector that gives up in time, whatever part of connecting hangs.
#[derive(Clone)]
struct Timed<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit) = (self.inner.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(result) => result.map_err(Into::into),
                Err(_) => Err(format!("no connection within {limit:?}").into()),
            }
        })
    }
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
