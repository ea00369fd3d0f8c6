//! Images and documents that a request names by URL, fetched for vendors that take only their bytes.
//!
//! A client chooses the URL, so nothing of it is trusted: the scheme, the port, every address that
//! the host has, the size, the time and what comes back are held against the operator's rule. The
//! connection goes to the very addresses that were judged, never through a proxy, which would look the
//! host up anew; redirects are not followed, and no header says whose gateway asks.

mod address;
mod refused;
mod rules;
mod sniff;
#[cfg(test)]
mod tests;

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::ClientConfig;
use tower_service::Service;

use crate::upstream::{VendorBody, once};
pub use address::is_public;
pub use refused::Refused;
pub use rules::Rules;
use rules::{Goal, Host};
pub use sniff::sniff;

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is, by its own first bytes.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Bytes,
}

/// Looks a host up.
type Lookup =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Fetches what requests name, under the operator's rule.
pub struct Egress {
    rules: Rules,
    tls: Arc<ClientConfig>,
    lookup: Lookup,
}

/// The files of one request, of which there may be so many, and so many bytes.
pub struct Fetches<'a> {
    egress: &'a Egress,
    /// Bytes that they may still have together.
    room: AtomicUsize,
}

impl Fetches<'_> {
    /// Whether a request may name this many.
    pub fn admit(&self, files: usize) -> Result<(), Refused> {
        let most = self.egress.rules.max_files();
        if !self.egress.is_on() {
            Err(Refused::Off)
        } else if files > most as usize {
            Err(Refused::TooMany { most })
        } else {
            Ok(())
        }
    }

    /// Fetches one.
    pub async fn fetch(&self, url: &str) -> Result<Media, Refused> {
        self.egress.fetch_into(url, &self.room).await
    }
}

impl Egress {
    /// Fetches under this rule, trusting whom `tls` trusts.
    pub fn new(rules: Rules, tls: Arc<ClientConfig>) -> Egress {
        let lookup: Lookup = Arc::new(|host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        });
        Egress { rules, tls, lookup }
    }

    /// Whether anything is fetched at all.
    pub fn is_on(&self) -> bool {
        self.rules.is_on()
    }

    /// The files of one request.
    pub fn begin(&self) -> Fetches<'_> {
        Fetches {
            egress: self,
            room: AtomicUsize::new(self.rules.max_total_bytes()),
        }
    }

    /// Fetches one file, as if it were the only one.
    pub async fn fetch(&self, url: &str) -> Result<Media, Refused> {
        self.begin().fetch(url).await
    }

    async fn fetch_into(&self, url: &str, room: &AtomicUsize) -> Result<Media, Refused> {
        let goal = self.rules.goal(url)?;
        let limit = self.rules.timeout();
        match tokio::time::timeout(limit, self.bring(&goal, room)).await {
            Ok(brought) => brought,
            Err(_) => Err(Refused::Late { limit }),
        }
    }

    async fn bring(&self, goal: &Goal, room: &AtomicUsize) -> Result<Media, Refused> {
        let addresses = self.addresses(goal).await?;
        let answer = self.ask(goal, addresses).await?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(Refused::Redirect);
        }
        if !status.is_success() {
            return Err(Refused::Status(status.as_u16()));
        }
        let coding = answer.headers().get(CONTENT_ENCODING);
        if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Refused::Encoded);
        }
        let bytes = self.read(answer, room).await?;
        let media_type = sniff(&bytes).ok_or(Refused::NotMedia)?;
        Ok(Media { media_type, bytes })
    }

    /// Every address of the host; none if one of them is not for clients to reach.
    async fn addresses(&self, goal: &Goal) -> Result<Vec<SocketAddr>, Refused> {
        let found = match &goal.host {
            Host::Address(address) => vec![SocketAddr::new(*address, goal.port)],
            Host::Name(name) => (self.lookup)(name.clone(), goal.port)
                .await
                .map_err(|_| Refused::Address)?,
        };
        let permitted = found.iter().all(|found| self.rules.permits(found.ip()));
        if found.is_empty() || !permitted {
            return Err(Refused::Address);
        }
        Ok(found)
    }

    async fn ask(
        &self,
        goal: &Goal,
        addresses: Vec<SocketAddr>,
    ) -> Result<Response<VendorBody>, Refused> {
        let failed = |error: &dyn std::error::Error| Refused::Unreachable {
            why: crate::upstream::chain(error),
        };
        let mut tcp = HttpConnector::new_with_resolver(Judged(addresses));
        tcp.enforce_http(false);
        let mut connector = HttpsConnectorBuilder::new()
            .with_tls_config((*self.tls).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let socket = connector
            .call(goal.origin.clone())
            .await
            .map_err(|error| failed(&*error))?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = goal.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, goal.authority.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::target::AGENT));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("image/*, application/pdf, audio/*, video/*"),
        );
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        once(socket, request).await.map_err(|error| failed(&error))
    }

    async fn read(
        &self,
        answer: Response<VendorBody>,
        room: &AtomicUsize,
    ) -> Result<Bytes, Refused> {
        let limit = self.rules.max_bytes();
        let length = answer.headers().get(CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|text| text.to_str().ok()?.parse().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(Refused::TooLarge { limit });
        }
        let (mut body, mut bytes) = (answer.into_body(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refused::Unreachable {
                why: crate::upstream::chain(&error),
            })?;
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            if bytes.len() + chunk.len() > limit {
                return Err(Refused::TooLarge { limit });
            }
            let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
                room.checked_sub(chunk.len())
            });
            taken.map_err(|_| Refused::TooMuch {
                limit: self.rules.max_total_bytes(),
            })?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// Answers every look-up with the addresses that were judged.
#[derive(Clone)]
struct Judged(Vec<SocketAddr>);

impl Service<Name> for Judged {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}
