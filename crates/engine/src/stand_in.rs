//! A local server that stands in for a token service, a vendor or a host of images: it answers as it
//! is told and remembers what it was asked.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header; empty if it was not sent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
    /// Whether it says how long the body is, or lets its end be the end.
    pub(crate) tells_length: bool,
}

pub(crate) fn says(status: u16, body: impl Into<Vec<u8>>) -> Says {
    Says {
        status,
        headers: Vec::new(),
        body: body.into(),
        after: Duration::ZERO,
        tells_length: true,
    }
}

impl Says {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Says {
        self.headers.push((name, value.into()));
        self
    }
}

type Script = Box<dyn Fn(&Seen) -> Says + Send + Sync>;

/// The server. It ends with its runtime.
pub(crate) struct StandIn {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl StandIn {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Says + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, record): (Arc<Script>, _) = (Arc::new(Box::new(script)), seen.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (script, record) = (script.clone(), record.clone());
                tokio::spawn(async move { answer(socket, &script, &record).await });
            }
        });
        StandIn { addr, seen }
    }

    /// One that always says the same, under TLS as the host of this name; and the certificate.
    pub(crate) async fn saying_as(name: &str, said: Says) -> (StandIn, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder_with_provider(crate::trust::crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let script: Script = Box::new(move |_| said.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(socket) = acceptor.accept(socket).await {
                    answer(socket, &script, &record).await;
                }
            }
        });
        (StandIn { addr, seen }, made.cert.der().clone())
    }

    /// One that always says the same.
    pub(crate) async fn saying(said: Says) -> StandIn {
        StandIn::start(move |_| said.clone()).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything it was asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one thing it was asked.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    script: &Script,
    record: &Mutex<Vec<Seen>>,
) {
    let mut socket = BufReader::new(socket);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut first = lines[0].split(' ').map(str::to_owned);
    let headers: HashMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    let seen = Seen {
        method: first.next().unwrap(),
        path: first.next().unwrap(),
        headers,
        body: String::from_utf8(body).unwrap(),
    };
    record.lock().unwrap().push(seen.clone());
    let said = script(&seen);
    tokio::time::sleep(said.after).await;
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", said.status);
    if said.tells_length {
        let _ = write!(head, "content-length: {}\r\n", said.body.len());
    }
    for (name, value) in &said.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head += "\r\n";
    // Who asked may have gone.
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(&said.body).await;
    let _ = socket.shutdown().await;
}
