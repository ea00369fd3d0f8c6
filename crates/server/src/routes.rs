//! Every path that the gateway answers, one row each.

use engine::principal::Scope;
use engine::surface::{SURFACES, SurfaceRow};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone, at any rate, unlogged: probes.
    Open,
    /// Any valid credential; everyone where the operator asks for none.
    Known,
    /// A credential that may call models; everyone where the operator asks for none.
    Inference,
    /// A credential with this scope.
    Scoped(Scope),
}

/// What answers a route.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handler {
    /// A governed call.
    Call(&'static SurfaceRow),
    /// Is the process alive.
    Livez,
    /// May it be sent calls.
    Readyz,
    /// What it is made of.
    Health,
    /// Its metrics.
    Metrics,
    /// The models it serves.
    Models,
    /// One of them.
    Model,
    /// What providers take.
    Capabilities,
    /// Where a call of this kind would go, and why.
    Explain(&'static SurfaceRow),
}

/// One route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Its canonical path; one that ends in `/` takes whatever follows as an id.
    pub path: &'static str,
    /// Its methods, as `Allow` names them.
    pub allow: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What answers it.
    pub handler: Handler,
}

const READ: &str = "GET, HEAD";
const WRITE: &str = "POST";

static PLAIN: [Route; 8] = [
    Route {
        path: "/livez",
        allow: READ,
        access: Access::Open,
        handler: Handler::Livez,
    },
    Route {
        path: "/readyz",
        allow: READ,
        access: Access::Open,
        handler: Handler::Readyz,
    },
    Route {
        path: "/health",
        allow: READ,
        access: Access::Open,
        handler: Handler::Health,
    },
    Route {
        path: "/metrics",
        allow: READ,
        access: Access::Scoped(Scope::ReadOnly),
        handler: Handler::Metrics,
    },
    Route {
        path: "/v1/models",
        allow: READ,
        access: Access::Known,
        handler: Handler::Models,
    },
    Route {
        path: "/v1/models/",
        allow: READ,
        access: Access::Known,
        handler: Handler::Model,
    },
    Route {
        path: "/v1/capabilities",
        allow: READ,
        access: Access::Known,
        handler: Handler::Capabilities,
    },
    Route {
        path: "/v1/explain",
        allow: WRITE,
        access: Access::Inference,
        handler: Handler::Explain(&SURFACES[0]),
    },
];

/// Every route, governed calls first.
pub(crate) fn all() -> impl Iterator<Item = Route> {
    let calls = SURFACES.iter().map(|row| Route {
        path: row.path,
        allow: WRITE,
        access: Access::Inference,
        handler: Handler::Call(row),
    });
    calls.chain(PLAIN.iter().copied())
}

/// The route of a canonical path.
pub(crate) fn find(path: &str) -> Option<Route> {
    all().find(|route| match route.path.strip_suffix('/') {
        Some(parent) => path
            .strip_prefix(parent)
            .is_some_and(|id| id.len() > 1 && id.starts_with('/')),
        None => route.path == path,
    })
}

impl Route {
    /// Whether the method is one of the route's.
    pub(crate) fn takes(&self, method: &http::Method) -> bool {
        self.allow.split(", ").any(|name| name == method.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_own_route_and_no_other() {
        for route in all().filter(|route| !route.path.ends_with('/')) {
            assert_eq!(find(route.path).unwrap().path, route.path);
            assert!(find(&format!("{}x", route.path)).is_none());
        }
        assert_eq!(find("/v1/models/a/b").unwrap().path, "/v1/models/");
        assert!(find("/v1/models/").is_none());
        assert!(find("/v1").is_none());
    }

    #[test]
    fn every_governed_call_asks_for_the_right_to_call() {
        for route in all() {
            if let Handler::Call(_) = route.handler {
                assert_eq!(route.access, Access::Inference);
                assert_eq!(route.allow, WRITE);
            }
        }
    }
}
