//! The listener over real sockets. Time bounds are short here; nothing waits
//! for them but the end of a connection or a message from the service.

mod bounds;
mod calls;
mod life;
mod tls;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    body::Frame,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use super::*;

type Reply = Response<BoxBody<Bytes, Infallible>>;

/// Long enough for any machine; only a broken test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

async fn within<F: Future>(wait: F) -> F::Output {
    timeout(PATIENCE, wait).await.expect("it happens in time")
}

/// Waits for what the other thread counts a moment after it closed.
async fn until(holds: impl Fn() -> bool) {
    within(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn spec() -> EdgeSpec {
    EdgeSpec {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        threads: 1,
        header_timeout: PATIENCE,
        keep_alive: PATIENCE,
        write_timeout: PATIENCE,
        ..EdgeSpec::default()
    }
}

fn text(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed());
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap();
    reply
}

/// Says what it was asked, by whom.
async fn echo(request: Request<Incoming>, peer: Peer) -> Reply {
    let path = request.uri().path().to_owned();
    let limit = 64 * 1024;
    match read_body(request.into_body(), limit, Duration::from_millis(50)).await {
        Ok(body) => {
            let how = (peer.tls, peer.http2);
            text(
                200,
                format!("{path} {how:?} {}", String::from_utf8_lossy(&body)),
            )
        }
        Err(BodyError::TooLarge { .. }) => text(413, "too large"),
        Err(BodyError::Stalled { .. }) => text(408, "stalled"),
        Err(BodyError::Broken(_)) => text(400, "broken"),
    }
}

/// Starts a listener whose every worker serves in the same way.
fn edge<S, Fut>(spec: EdgeSpec, serve: S) -> Edge
where
    S: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Reply> + Send + 'static,
{
    start(spec, move |_| serve.clone()).unwrap()
}

async fn connect(edge: &Edge) -> TcpStream {
    TcpStream::connect(edge.addresses()[0]).await.unwrap()
}

async fn http2_client<T>(stream: T) -> SendRequest<Full<Bytes>>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    client
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n")
}

/// Reads one answer with a declared length: its status and its body.
async fn answer<T: AsyncRead + Unpin>(stream: &mut T) -> (u16, String) {
    let head = head(stream).await;
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    within(stream.read_exact(&mut body)).await.unwrap();
    let status = head[9..12].parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

async fn head<T: AsyncRead + Unpin>(stream: &mut T) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// Waits until the other side is gone, and gives what it sent until then.
async fn until_closed<T: AsyncRead + Unpin>(stream: &mut T) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = within(stream.read_to_end(&mut rest)).await;
    rest
}

/// Tells when it is dropped.
struct Farewell(Option<oneshot::Sender<()>>);

impl Farewell {
    fn new() -> (Self, oneshot::Receiver<()>) {
        let (tell, told) = oneshot::channel();
        (Self(Some(tell)), told)
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.take().map(|tell| tell.send(()));
    }
}

/// A service's own value, for the one call that takes it.
struct Once<T>(std::sync::Mutex<Option<T>>);

impl<T> Once<T> {
    fn new(value: T) -> Arc<Self> {
        Arc::new(Self(std::sync::Mutex::new(Some(value))))
    }

    fn take(&self) -> T {
        self.0.lock().unwrap().take().expect("taken once")
    }
}

/// An answer without end.
struct Endless {
    _farewell: Farewell,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static FILL: [u8; 16 * 1024] = [b'x'; 16 * 1024];
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&FILL)))))
    }
}
