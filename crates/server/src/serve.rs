//! One request, from its head to its answer: id, path, route, caller, method, handler.
//!
//! The order is part of the contract: a caller without a key learns neither methods nor paths of
//! what is protected, a preflight never reaches the key check, and every answer carries its id.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use engine::gateway::Gateway;
use engine::principal::{Principal, Scope};
use engine::receipt::{Head, Receipt};
use engine::reply::Outgoing;
use engine::snapshot::Snapshot;
use engine::trace::{CallId, IdSource};
use engine::upstream::Upstream;
use futures_util::FutureExt;
use http::{Method, Request, Response, header};
use hyper::body::Incoming;
use wire::fault::{Fault, Kind};

use crate::edge::Peer;
use crate::routes::{self, Access, Handler, Route};
use crate::site::Site;
use crate::{intake, lists, path, probes, render};

/// What one core needs to serve.
pub(crate) struct Core {
    /// The number of the core.
    pub number: usize,
    /// The engine, shared by all cores.
    pub gateway: Arc<Gateway>,
    /// The edge's rules, shared by all cores.
    pub site: Arc<ArcSwap<Site>>,
    /// This core's own connections to vendors.
    pub upstream: Arc<Upstream>,
    /// This core's own source of ids.
    pub ids: IdSource,
}

/// Everything about a request but its body.
pub(crate) struct Incipient<'a> {
    pub core: &'a Core,
    pub snapshot: &'a Arc<Snapshot>,
    pub principal: Principal,
}

/// Answers a request, whatever happens on the way.
pub(crate) async fn serve(
    core: Arc<Core>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<Outgoing> {
    let id = core.ids.call_id(request.headers());
    let site = core.site.load_full();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let answered = AssertUnwindSafe(dispatch(&core, &site, request, &peer, &id))
        .catch_unwind()
        .await;
    let mut response = answered.unwrap_or_else(|panic| {
        let cause = panic_text(&*panic);
        tracing::error!(trace_id = %id.trace, panic = cause, "a call panicked");
        render::fault(&Fault::new(Kind::Internal), Receipt::none())
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

async fn dispatch(
    core: &Core,
    site: &Site,
    request: Request<Incoming>,
    peer: &Peer,
    id: &CallId,
) -> Response<Outgoing> {
    if is_preflight(&request) {
        let receipt = open(core, site, &request, peer, id, None);
        return render::preflight(&site.cors, request.headers(), receipt);
    }
    let raw_path = request.uri().path().to_owned();
    let canonical = match path::canonical(&raw_path) {
        Ok(path) => path,
        Err(bad) => {
            let mut receipt = open(core, site, &request, peer, id, None);
            let fault = Fault::new(Kind::InvalidPath).saying(bad.to_string());
            receipt.note(|notes| notes.failed(&fault));
            return render::fault(&fault, receipt);
        }
    };
    let route = routes::find(&canonical);
    if let Some(Route {
        access: Access::Open,
        ..
    }) = route
    {
        return probe(core, route, request.method());
    }
    let mut receipt = open(core, site, &request, peer, id, route);
    let head_only = request.method() == Method::HEAD;
    match governed(core, site, route, &canonical, request, peer, &mut receipt).await {
        Ok(answer) => answer.respond(receipt, head_only),
        Err(fault) => {
            receipt.note(|notes| notes.failed(&fault));
            render::fault(&fault, receipt)
        }
    }
}

/// Everything that asks for a caller.
async fn governed(
    core: &Core,
    site: &Site,
    route: Option<Route>,
    path: &str,
    request: Request<Incoming>,
    peer: &Peer,
    receipt: &mut Receipt,
) -> Result<render::Answer, Fault> {
    let snapshot = core.gateway.snapshot();
    let access = route.map_or(unmatched_access(path), |route| route.access);
    let principal = admit(core, &snapshot, site, &request, peer, access)?;
    receipt.note(|notes| notes.key = Some(principal.id.clone()));
    let Some(route) = route else {
        return Err(Fault::new(known_method(request.method(), Kind::NotFound))
            .saying(format!("there is nothing at {path}")));
    };
    if !route.takes(request.method()) {
        let mut fault = Fault::new(known_method(request.method(), Kind::MethodNotAllowed));
        fault.allow = (fault.kind == Kind::MethodNotAllowed).then_some(route.allow);
        return Err(fault.saying(format!("{path} takes {}", route.allow)));
    }
    let incipient = Incipient {
        core,
        snapshot: &snapshot,
        principal,
    };
    match route.handler {
        Handler::Call(row) => intake::call(incipient, row, request, receipt).await,
        Handler::Models => Ok(lists::models(&snapshot)),
        Handler::Model => lists::model(&snapshot, path),
        Handler::Capabilities => Ok(lists::capabilities(&snapshot)),
        Handler::Metrics => Ok(probes::metrics(&core.gateway, request.headers())),
        Handler::Livez | Handler::Readyz | Handler::Health => Err(Fault::new(Kind::NotFound)),
    }
}

/// Who calls, and whether the route is for them. Only a request without a valid credential is held
/// to the limit of its address, so a flood of them cannot starve the callers beside it.
fn admit(
    core: &Core,
    snapshot: &Snapshot,
    site: &Site,
    request: &Request<Incoming>,
    peer: &Peer,
    access: Access,
) -> Result<Principal, Fault> {
    let token = intake::credential(request.headers());
    let known = token.and_then(|token| snapshot.keys.identify(token, SystemTime::now()));
    let known = match known {
        Some(principal) => principal.clone(),
        None => {
            let address = site.client(peer.address.ip(), request.headers());
            if let Err(wait) = site.limit.allow(address, Instant::now()) {
                core.gateway.metrics().rate_limited("ip");
                let mut fault = Fault::new(Kind::RateLimited);
                fault.retry_after = Some(wait.0);
                return Err(fault);
            }
            let open = core.gateway.asks_for_no_key()
                && matches!(access, Access::Known | Access::Inference);
            match (open, token) {
                (true, _) => Principal::anonymous(),
                (false, Some(_)) => return Err(Fault::new(Kind::InvalidKey)),
                (false, None) => return Err(Fault::new(Kind::MissingKey)),
            }
        }
    };
    let needed = match access {
        Access::Open | Access::Known => return Ok(known),
        Access::Inference => Scope::Inference,
        Access::Scoped(scope) => scope,
    };
    if known.scopes.allow(needed) {
        return Ok(known);
    }
    let lacking = format!(
        "the API key `{}` lacks the scope `{}`",
        known.id,
        needed.label()
    );
    Err(Fault::new(Kind::InsufficientScope).saying(lacking))
}

/// What is not there is as protected as what is: `/v1` asks for a key before it says so.
fn unmatched_access(path: &str) -> Access {
    if path.starts_with("/v1/") {
        Access::Known
    } else {
        Access::Open
    }
}

fn known_method(method: &Method, otherwise: Kind) -> Kind {
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
        otherwise
    } else {
        Kind::MethodUnknown
    }
}

fn is_preflight(request: &Request<Incoming>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN)
}

fn open(
    core: &Core,
    site: &Site,
    request: &Request<Incoming>,
    peer: &Peer,
    id: &CallId,
    route: Option<Route>,
) -> Receipt {
    let surface = match route.map(|route| route.handler) {
        Some(Handler::Call(row)) => Some(row.name),
        _ => None,
    };
    let head = Head {
        id: id.clone(),
        method: request.method().clone(),
        path: request.uri().path().into(),
        remote: site.client(peer.address.ip(), request.headers()),
        surface,
        core: core.number,
    };
    Receipt::open(core.gateway.books(), head)
}

fn probe(core: &Core, route: Option<Route>, method: &Method) -> Response<Outgoing> {
    let Some(route) = route else {
        return render::fault(&Fault::new(Kind::NotFound), Receipt::none());
    };
    if !route.takes(method) {
        let mut fault = Fault::new(known_method(method, Kind::MethodNotAllowed));
        fault.allow = (fault.kind == Kind::MethodNotAllowed).then_some(route.allow);
        return render::fault(&fault, Receipt::none());
    }
    probes::answer(&core.gateway, route.handler).respond(Receipt::none(), method == Method::HEAD)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
