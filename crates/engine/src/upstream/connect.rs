//! Opening a connection: DNS, TCP, a proxy's tunnel, TLS, all within one bound.

use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tower_service::Service;

use super::connection::Connection;
use super::socket::{Opened, Socket};
use super::{Proxy, Transport};

const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Opens a connection to the origin.
pub(super) async fn open(transport: &Transport, origin: Uri) -> Result<Connection<Socket>, String> {
    #[cfg(test)]
    if let Some(line) = super::memory::dial(&origin) {
        return line.map(|line| Connection::new(Socket::Memory(line)));
    }
    let limit = transport.connect_timeout;
    let opening = async {
        match &transport.proxy {
            None => connect(https(transport, tcp()), origin).await,
            Some(proxy) => connect(https(transport, tunnel(proxy)), origin).await,
        }
    };
    match tokio::time::timeout(limit, opening).await {
        Ok(opened) => opened,
        Err(_) => Err(format!("no connection within {limit:?} (timeouts.connect)")),
    }
}

async fn connect<C>(mut connector: C, origin: Uri) -> Result<Connection<Socket>, String>
where
    C: Service<Uri, Response = Opened>,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let opened = connector
        .call(origin)
        .await
        .map_err(|error| super::chain(&*error.into()))?;
    Ok(Connection::new(opened.into()))
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp
}

fn tunnel(proxy: &Proxy) -> Tunnel<HttpConnector> {
    let tunnel = Tunnel::new(proxy.uri.clone(), tcp());
    match &proxy.authorization {
        Some(value) => tunnel.with_auth(value.clone()),
        None => tunnel,
    }
}

fn https<C>(transport: &Transport, inner: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new()
        .with_tls_config((*transport.tls).clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(inner)
}
