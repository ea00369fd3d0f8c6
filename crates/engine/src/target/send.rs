//! A request on its way to a target, with its credential.

use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response};
use wire::fault::{Fault, Kind};

use super::Target;
use crate::credential::Credential;
use crate::upstream::{Message, SendError, Upstream, VendorBody, Way};

impl Target {
    /// Finishes the request with the target's credential, sends it and waits for the head of the
    /// answer.
    pub(crate) async fn send(
        &self,
        upstream: &Upstream,
        request: Box<Request<Bytes>>,
    ) -> Result<Response<VendorBody>, Fault> {
        self.send_on(&self.way, upstream, request).await
    }

    /// The same on another way, which may lead elsewhere.
    pub(crate) async fn send_on(
        &self,
        way: &Way,
        upstream: &Upstream,
        request: Box<Request<Bytes>>,
    ) -> Result<Response<VendorBody>, Fault> {
        if let Some(credential) = &self.credential {
            // Boxed: most calls never need the room.
            return Box::pin(self.send_paid(way, upstream, *request, credential)).await;
        }
        let message = Message::of(&request);
        drop(request);
        self.exchange(way, upstream, message).await
    }

    /// The same with a credential that is no key; one that the vendor calls over is renewed once.
    async fn send_paid(
        &self,
        way: &Way,
        upstream: &Upstream,
        mut request: Request<Bytes>,
        credential: &Credential,
    ) -> Result<Response<VendorBody>, Fault> {
        let unpaid = request.clone();
        let used = credential.apply(&mut request).await?;
        let answer = self.exchange(way, upstream, Message::of(&request)).await?;
        if !credential.is_over(&used, answer.status(), answer.headers()) {
            return Ok(answer);
        }
        drop(answer);
        let mut request = unpaid;
        credential.apply(&mut request).await?;
        self.exchange(way, upstream, Message::of(&request)).await
    }

    /// Fetches the credential that calls will need.
    pub(crate) async fn warm(&self) {
        if let Some(credential) = &self.credential {
            credential.warm().await;
        }
    }

    /// The fault without what is secret in the target's credential of the moment.
    pub(crate) fn scrubbed(&self, fault: Fault) -> Fault {
        match &self.credential {
            Some(credential) => fault.scrubbed(|text| credential.scrubbed(text)),
            None => fault,
        }
    }

    async fn exchange(
        &self,
        way: &Way,
        upstream: &Upstream,
        message: Message,
    ) -> Result<Response<VendorBody>, Fault> {
        let limit = self.patience.first_byte;
        // Pinned here, so that a pointer is moved and not the whole exchange.
        let exchange = pin!(upstream.send(way, message));
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error @ SendError::Connect(_))) => {
                Err(Fault::new(Kind::UpstreamUnreachable).because(error.to_string()))
            }
            Ok(Err(error @ SendError::Broken(_))) => {
                Err(Fault::new(Kind::UpstreamCut).because(error.to_string()))
            }
            Err(_) => Err(Fault::new(Kind::UpstreamSilent)
                .because(format!("no answer within {limit:?} (timeouts.first_byte)"))),
        }
    }
}
