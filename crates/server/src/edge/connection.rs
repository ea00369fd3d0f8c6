//! One connection from its first byte to its last: TLS, the protocol, and the
//! calls on it.

use std::{
    convert::Infallible,
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::debug;

use super::{
    Peer,
    connections::Event,
    pulse::Pulse,
    socket::{Place, Socket},
    supervise::{End, Supervised},
    tls::H2,
    tracked::Tracked,
    worker::Shared,
};

/// What every HTTP/2 client sends first, and no HTTP/1.1 request looks like.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Read at once while recognising the protocol: most requests' heads fit.
const FIRST_READ: usize = 4096;

/// hyper's own default; a head must fit into it.
const READ_BUFFER: usize = 8192 + 4096 * 100;

/// Calls at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// Streams a client may open and reset before they are taken up, and errors
/// it may cause, until the connection is closed: what bounds a reset flood.
const MAX_PENDING_RESETS: usize = 20;
const MAX_ERROR_RESETS: usize = 256;

/// How often an HTTP/2 client is asked whether it is still there, and how
/// long it may take to answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// How long a new connection's first bytes are waited for while the worker
/// ends: they may have been sent before the client could know.
const LAST_WORD: Duration = Duration::from_millis(200);

/// The settings of both protocols, made once for a worker.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(max_header_bytes: usize) -> Self {
        let mut http1 = http1::Builder::new();
        // Its own head timer is one more for each request; the supervisor's
        // covers it. `max_headers` stays at hyper's 100: any larger number
        // moves the header table of every request to the heap.
        http1
            .header_read_timeout(None)
            .max_header_size(max_header_bytes)
            .max_buf_size(max_header_bytes.max(READ_BUFFER));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        Self { http1, http2 }
    }
}

/// Serves a connection until it ends.
pub(super) async fn serve<S, Fut, B>(
    stream: TcpStream,
    address: SocketAddr,
    shared: Arc<Shared>,
    place: Place,
    service: S,
) where
    S: Fn(Request<Incoming>, Peer) -> Fut + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let pulse = Arc::new(Pulse::new(Arc::clone(&shared.connections), shared.index));
    let socket = Socket::new(stream, Arc::clone(&pulse), place);
    let hurried = async {
        shared.stop.wait().await;
        sleep(LAST_WORD).await;
    };
    let opened = tokio::select! {
        biased;
        opened = timeout(shared.bounds.head, open(socket, shared.tls.as_ref())) => opened,
        () = hurried => return,
    };
    let opened = match opened {
        Ok(Ok(Some(opened))) => opened,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            pulse.count(Event::HandshakeFailed);
            debug!(%address, %error, "connection failed before its first request");
            return;
        }
        Err(_) => {
            pulse.count(Event::HandshakeFailed);
            debug!(%address, "connection took too long to begin");
            return;
        }
    };
    let peer = Peer {
        address,
        tls: matches!(opened.stream, Stream::Tls(_)),
        http2: opened.http2,
    };
    let notes = Arc::clone(&pulse);
    let handler = service_fn(move |request| {
        let call = notes.begin();
        let answer = service(request, peer);
        async move {
            let answer = answer.await;
            Ok::<_, Infallible>(answer.map(|body| Tracked::new(body, call)))
        }
    });
    let io = TokioIo::new(opened.stream);
    let (bounds, stop) = (shared.bounds, Arc::clone(&shared.stop));
    let protocols = &shared.protocols;
    let end = if opened.http2 {
        pulse.speaks_http2();
        let connection = protocols.http2.serve_connection(io, handler);
        let close = http2::Connection::graceful_shutdown;
        Supervised::new(connection, close, pulse, bounds, stop).await
    } else {
        let connection = protocols.http1.serve_connection(io, handler);
        let close = http1::UpgradeableConnection::graceful_shutdown;
        Supervised::new(connection.with_upgrades(), close, pulse, bounds, stop).await
    };
    match end {
        End::Closed => {}
        End::Failed(error) => debug!(%address, %error, "connection broke"),
        End::Cut(overdue) => debug!(%address, ?overdue, "connection cut"),
    }
}

/// A connection whose protocol is known.
struct Opened {
    stream: Stream,
    http2: bool,
}

/// Ends TLS and recognises the protocol. None: the client left without a word.
async fn open(mut socket: Socket, tls: Option<&TlsAcceptor>) -> io::Result<Option<Opened>> {
    if let Some(tls) = tls {
        let stream = tls.accept(socket).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        let stream = Stream::Tls(Box::new(stream));
        return Ok(Some(Opened { stream, http2 }));
    }
    let mut seen = BytesMut::with_capacity(FIRST_READ);
    loop {
        if socket.read_buf(&mut seen).await? == 0 {
            // Half a preface and an end: nobody is left to answer.
            return Ok(None);
        }
        let compared = seen.len().min(PREFACE.len());
        let matches = seen[..compared] == PREFACE[..compared];
        if !matches || compared == PREFACE.len() {
            socket.give_back(seen.freeze());
            let stream = Stream::Plain(socket);
            return Ok(Some(Opened {
                stream,
                http2: matches,
            }));
        }
    }
}

/// Either kind of stream under one type, so that each protocol is compiled
/// once.
enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// Calls the same poll function on whichever stream it is.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Tls($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(inner) => inner.is_write_vectored(),
            Self::Tls(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_shutdown(cx))
    }
}
