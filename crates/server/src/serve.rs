//! One request, from its head to its answer: id, method, path, route, caller, handler.
//!
//! The order is part of the contract: a caller without a key learns neither methods nor paths of
//! what is protected, a preflight never reaches the key check, and every answer carries its id.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use engine::gateway::Gateway;
use engine::principal::Principal;
use engine::receipt::{Head, Receipt};
use engine::reply::Outgoing;
use engine::snapshot::Snapshot;
use engine::trace::{CallId, IdSource, TraceId};
use engine::upstream::Upstream;
use http::{Method, Request, Response, header};
use hyper::body::Incoming;
use wire::fault::{Fault, Kind};

use crate::cors::Cors;
use crate::edge::{Peer, guarded};
use crate::render::Answer;
use crate::routes::{self, Access, Handler, Route};
use crate::site::Site;
use crate::{caller, intake, lists, path, probes, render};

/// What one core needs to serve.
pub(crate) struct Core {
    /// The number of the core.
    pub(crate) number: usize,
    /// The engine, shared by all cores.
    pub(crate) gateway: Arc<Gateway>,
    /// The edge's rules, shared by all cores.
    pub(crate) site: Arc<ArcSwap<Site>>,
    /// This core's own connections to vendors.
    pub(crate) upstream: Arc<Upstream>,
    /// This core's own source of ids.
    pub(crate) ids: IdSource,
}

/// A request that has been let in, but for its body.
pub(crate) struct Admitted<'a> {
    pub(crate) trace: TraceId,
    pub(crate) core: &'a Core,
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) principal: Principal,
}

/// What is known of every request.
struct Visit<'a> {
    core: &'a Core,
    site: &'a Site,
    /// The client's own address.
    client: IpAddr,
    id: &'a CallId,
}

/// Answers a request, whatever happens on the way.
pub(crate) async fn serve(
    core: Arc<Core>,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Response<Outgoing> {
    let id = core.ids.call_id(request.headers());
    let site = core.site.load_full();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let visit = Visit {
        core: &core,
        site: &site,
        client: site.client(peer.address.ip(), request.headers()),
        id: &id,
    };
    let head_only = request.method() == Method::HEAD;
    // Pinned here, so that the wrapper moves a pointer and not the whole call.
    let answering = pin!(visit.answer(&mut request));
    let mut response = guarded(answering).await.unwrap_or_else(|panic| {
        tracing::error!(trace_id = %id.trace, panic = panic.message, "a call panicked");
        render::fault(&Fault::new(Kind::Internal), Receipt::none(), head_only)
    });
    render::finish(
        response.headers_mut(),
        &id,
        &site.cors,
        origin.as_ref(),
        peer.tls,
    );
    response
}

impl Visit<'_> {
    async fn answer(&self, request: &mut Request<Incoming>) -> Response<Outgoing> {
        let head_only = request.method() == Method::HEAD;
        if Cors::is_preflight(request.method(), request.headers()) {
            let receipt = self.open(request, request.uri().path(), None);
            return render::preflight(&self.site.cors, request.headers(), receipt);
        }
        // Shares the bytes of the request's own.
        let uri = request.uri().clone();
        let (path, fault) = match path::canonical(uri.path()) {
            Ok(path) => (path, None),
            Err(bad) => (
                uri.path().into(),
                Some(Fault::new(Kind::InvalidPath).saying(bad.to_string())),
            ),
        };
        let route = routes::find(&path).filter(|_| fault.is_none());
        let is_probe = route.is_some_and(|route| route.access == Access::Open);
        let mut receipt = if is_probe {
            Receipt::none()
        } else {
            self.open(request, &path, route)
        };
        let answer = match (fault, route) {
            (Some(fault), _) => Err(fault),
            (None, Some(route)) if is_probe => self.probe(route, request),
            (None, route) => self.governed(route, &path, request, &mut receipt).await,
        };
        match answer {
            Ok(answer) => answer.respond(receipt, head_only),
            Err(fault) => {
                receipt.note(|notes| notes.failed(&fault));
                render::fault(&fault, receipt, head_only)
            }
        }
    }

    fn probe(&self, route: Route, request: &Request<Incoming>) -> Result<Answer, Fault> {
        check_known(request.method())?;
        check_method(route, request.method())?;
        Ok(probes::answer(&self.core.gateway, route.handler))
    }

    /// Everything that asks for a caller.
    async fn governed(
        &self,
        route: Option<Route>,
        path: &str,
        request: &mut Request<Incoming>,
        receipt: &mut Receipt,
    ) -> Result<Answer, Fault> {
        check_known(request.method())?;
        let gateway = &self.core.gateway;
        let snapshot = gateway.snapshot();
        let from = (self.client, request.headers());
        let access = route.map_or_else(|| unmatched_access(path), |route| route.access);
        let principal = caller::identify(gateway, &snapshot, self.site, from, access)?;
        receipt.note(|notes| notes.key = Some(principal.id.clone()));
        caller::check(&principal, access)?;
        let Some(route) = route else {
            return Err(Fault::new(Kind::NotFound).saying(format!("there is nothing at {path}")));
        };
        check_method(route, request.method())?;
        match route.handler {
            Handler::Call(row) => {
                let admitted = self.admitted(&snapshot, principal);
                intake::call(admitted, row, request, receipt).await
            }
            Handler::Explain(row) => {
                let admitted = self.admitted(&snapshot, principal);
                intake::explain(admitted, row, request, receipt).await
            }
            Handler::Models => Ok(lists::models(&snapshot, &principal)),
            Handler::Model => lists::model(&snapshot, &principal, path),
            Handler::Capabilities => Ok(lists::capabilities(&snapshot)),
            Handler::Metrics => Ok(probes::metrics(gateway, request.headers())),
            Handler::Livez | Handler::Readyz | Handler::Health => {
                Ok(probes::answer(gateway, route.handler))
            }
        }
    }

    fn admitted<'a>(&'a self, snapshot: &'a Arc<Snapshot>, principal: Principal) -> Admitted<'a> {
        Admitted {
            trace: self.id.trace,
            core: self.core,
            snapshot,
            principal,
        }
    }

    fn open(&self, request: &Request<Incoming>, path: &str, route: Option<Route>) -> Receipt {
        let surface = match route.map(|route| route.handler) {
            Some(Handler::Call(row)) => Some(row.name),
            _ => None,
        };
        let head = Head {
            id: self.id.clone(),
            method: request.method().clone(),
            path: path.into(),
            remote: self.client,
            surface,
            core: self.core.number,
        };
        Receipt::open(self.core.gateway.books(), head)
    }
}

/// What is not there is as protected as what is: `/v1` asks for a key before it says so.
fn unmatched_access(path: &str) -> Access {
    if path.starts_with("/v1/") {
        Access::Known
    } else {
        Access::Open
    }
}

fn check_method(route: Route, method: &Method) -> Result<(), Fault> {
    if route.takes(method) {
        return Ok(());
    }
    let mut fault =
        Fault::new(Kind::MethodNotAllowed).saying(format!("this path takes {}", route.allow));
    fault.allow = Some(route.allow);
    Err(fault)
}

fn check_known(method: &Method) -> Result<(), Fault> {
    const KNOWN: [Method; 9] = [
        Method::CONNECT,
        Method::DELETE,
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::POST,
        Method::PUT,
        Method::TRACE,
    ];
    if KNOWN.contains(method) {
        Ok(())
    } else {
        Err(Fault::new(Kind::MethodUnknown))
    }
}

#[cfg(test)]
mod tests;
