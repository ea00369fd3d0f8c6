//! Questions to token services: one connection each, since they are asked once an hour. Redirects are
//! not followed: what proves who asks is for the service that was named.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode};
use hyper_util::client::proxy::matcher::Matcher;
use providers::auth::{Ask, refusal};
use rustls::ClientConfig;

use crate::body::collect;
use crate::target::place::Site;
use crate::upstream::{Message, Proxy, Transport, Upstream, Ways};

/// No answer of a token service is longer.
const ANSWER_MAX: usize = 256 * 1024;
/// A metadata endpoint is on the machine itself, or it is not there.
const NEAR: Duration = Duration::from_secs(2);

/// Which proxy is on the way to where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyRule {
    /// For `https://`, `http://` and all others, as in `HTTPS_PROXY` and its like.
    pub(crate) https: String,
    pub(crate) http: String,
    pub(crate) all: String,
    /// What is reached without one.
    pub(crate) no: String,
}

impl ProxyRule {
    /// The proxy on the way to an address.
    pub(crate) fn to(&self, uri: &http::Uri) -> Result<Option<Proxy>, String> {
        let matcher = Matcher::builder()
            .https(self.https.as_str())
            .http(self.http.as_str())
            .all(self.all.as_str())
            .no(self.no.as_str())
            .build();
        let Some(intercept) = matcher.intercept(uri) else {
            return Ok(None);
        };
        if intercept.uri().scheme_str() != Some("http") {
            return Err(format!(
                "proxy {} cannot be used: only http:// proxies are supported",
                intercept.uri()
            ));
        }
        Ok(Some(Proxy {
            uri: intercept.uri().clone(),
            authorization: intercept.basic_auth().cloned(),
        }))
    }
}

/// How token services are reached.
#[derive(Clone)]
pub(crate) struct Net {
    /// Whom to trust.
    pub(crate) tls: Arc<ClientConfig>,
    /// What stands in between.
    pub(crate) proxy: ProxyRule,
    /// How long one question may take.
    pub(crate) patience: Duration,
}

impl PartialEq for Net {
    fn eq(&self, other: &Net) -> bool {
        Arc::ptr_eq(&self.tls, &other.tls)
            && self.proxy == other.proxy
            && self.patience == other.patience
    }
}

impl Net {
    /// Asks a service that may be anywhere.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Bytes, String> {
        self.send(ask, &self.proxy, self.patience).await
    }

    /// Asks an endpoint of the machine itself.
    pub(super) async fn ask_near(&self, ask: Ask) -> Result<Bytes, String> {
        let direct = ProxyRule::default();
        self.send(ask, &direct, NEAR.min(self.patience)).await
    }

    async fn send(
        &self,
        ask: Ask,
        proxy: &ProxyRule,
        connect_timeout: Duration,
    ) -> Result<Bytes, String> {
        let shown = ask.url.split('?').next().unwrap_or_default().to_owned();
        let asking = self.exchange(ask, proxy, connect_timeout);
        let answered = tokio::time::timeout(self.patience, asking).await;
        answered
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.patience)))
            .map_err(|error| format!("{shown}: {error}"))
    }

    async fn exchange(
        &self,
        ask: Ask,
        proxy: &ProxyRule,
        connect_timeout: Duration,
    ) -> Result<Bytes, String> {
        let site = Site::of(&ask.url).map_err(|_| "not a URL".to_owned())?;
        let transport = Transport {
            connect_timeout,
            proxy: proxy.to(&site.origin)?,
            tls: self.tls.clone(),
        };
        let mut request = Request::new(Bytes::from(ask.body.expose().to_owned()));
        *request.method_mut() = ask.method;
        *request.uri_mut() = site.path;
        *request.headers_mut() = ask.headers;
        let headers = request.headers_mut();
        headers.insert(HOST, site.host);
        headers.insert(
            http::header::USER_AGENT,
            HeaderValue::from_static(crate::target::AGENT),
        );
        let way = Ways::default().to(site.origin, transport);
        let upstream = Upstream::new();
        let answer = upstream
            .send(&way, Message::of(&request))
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = collect(answer.into_body(), ANSWER_MAX, self.patience)
            .await
            .map_err(|fault| fault.to_string())?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(status, &body))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> String {
    let said = refusal(body);
    let note = if status.is_redirection() {
        " (redirects are not followed)"
    } else {
        ""
    };
    match said.as_str() {
        "" => format!("the answer is {status}{note}"),
        said => format!("the answer is {status}{note}: {said}"),
    }
}
