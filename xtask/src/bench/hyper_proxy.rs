//! A bare proxy on the gateway's own HTTP stack: what is left of the gateway
//! when all that makes it one is taken away.
//!
//! A runtime per thread, each with its own pool; the head is passed on, bodies
//! stream through in both directions, and nothing is read, counted or logged.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use anyhow::{Context as _, Result};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::flags::Flags;

type Upstream = Client<HttpConnector, Incoming>;

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let listen: SocketAddr = flags.required("--listen")?;
    let upstream: Authority = flags.required("--upstream")?;
    let threads: usize = match flags.value("--threads")? {
        Some(text) => text.parse().context("--threads wants a number")?,
        None => thread::available_parallelism()?.into(),
    };
    flags.finish()?;

    let listener =
        TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    listener.set_nonblocking(true)?;
    for _ in 1..threads {
        let listener = listener.try_clone()?;
        let upstream = upstream.clone();
        thread::spawn(move || serve(listener, &upstream));
    }
    serve(listener, &upstream)
}

fn serve(listener: TcpListener, upstream: &Authority) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let client = client();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let client = client.clone();
            let upstream = upstream.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| forward(&client, &upstream, request));
                let connection = hyper::server::conn::http1::Builder::new();
                // A client that goes away is no news here.
                let _ = connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

fn client() -> Upstream {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(4096)
        .build(connector)
}

async fn forward(
    client: &Upstream,
    upstream: &Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(upstream.clone());
    *request.uri_mut() = Uri::from_parts(uri)?;
    request.headers_mut().remove(HOST);
    remove_hop_by_hop(request.headers_mut());
    let mut response = client.request(request).await?;
    remove_hop_by_hop(response.headers_mut());
    Ok(response)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove("keep-alive");
    headers.remove(TRANSFER_ENCODING);
}
