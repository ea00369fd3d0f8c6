//! Whether the process lives, whether it may be sent calls, what it is made of, and its numbers.

use engine::gateway::Gateway;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use telemetry::metrics::{CLASSIC_CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE};

use crate::render::Answer;
use crate::routes::Handler;

/// The answer of a probe.
pub(crate) fn answer(gateway: &Gateway, handler: Handler) -> Answer {
    match handler {
        Handler::Readyz => readyz(gateway),
        Handler::Health => health(gateway),
        _ => document(StatusCode::OK, &Status { status: "ok" }),
    }
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

#[derive(Serialize)]
struct NotReady<'a> {
    status: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    providers: Vec<Circuit<'a>>,
    targets: Vec<TargetState<'a>>,
}

#[derive(Serialize)]
struct Circuit<'a> {
    name: &'a str,
    circuit: &'static str,
}

#[derive(Serialize)]
struct TargetState<'a> {
    name: &'a str,
    routable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

fn readyz(gateway: &Gateway) -> Answer {
    if let Some(reason) = gateway.not_ready() {
        return document(
            StatusCode::SERVICE_UNAVAILABLE,
            &NotReady {
                status: "not_ready",
                reason: &reason,
            },
        );
    }
    let snapshot = gateway.snapshot();
    let callable = snapshot.targets().iter().map(|target| TargetState {
        name: &target.name,
        routable: true,
        reason: None,
    });
    let others = snapshot.unroutable.iter();
    let others = others.map(|target| TargetState {
        name: &target.name,
        routable: false,
        reason: Some(&target.reason),
    });
    let providers = snapshot.targets().iter().map(|target| Circuit {
        name: &target.provider.id,
        circuit: target.guard.state().label(),
    });
    document(
        StatusCode::OK,
        &Ready {
            status: "ready",
            providers: providers.collect(),
            targets: callable.chain(others).collect(),
        },
    )
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    version: &'static str,
    providers: Vec<ProviderHealth<'a>>,
}

#[derive(Serialize)]
struct ProviderHealth<'a> {
    name: &'a str,
    target: &'a str,
    status: &'static str,
    circuit: &'static str,
    models: usize,
}

fn health(gateway: &Gateway) -> Answer {
    let snapshot = gateway.snapshot();
    let providers = snapshot.targets().iter().map(|target| ProviderHealth {
        name: &target.provider.id,
        target: &target.name,
        status: if target.guard.is_ill() {
            "unavailable"
        } else {
            "available"
        },
        circuit: target.guard.state().label(),
        models: snapshot.directory().count(&target.name),
    });
    let providers: Vec<_> = providers.collect();
    let (code, status) = if providers.is_empty() {
        (StatusCode::SERVICE_UNAVAILABLE, "no_providers")
    } else {
        (StatusCode::OK, "ok")
    };
    document(
        code,
        &Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            providers,
        },
    )
}

/// `GET /metrics`, in the form the scraper asks for.
pub(crate) fn metrics(gateway: &Gateway, headers: &HeaderMap) -> Answer {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let openmetrics = accept.contains("application/openmetrics-text");
    let media = if openmetrics {
        OPENMETRICS_CONTENT_TYPE
    } else {
        CLASSIC_CONTENT_TYPE
    };
    Answer::Own {
        status: StatusCode::OK,
        media: HeaderValue::from_static(media),
        body: gateway.metrics().render(openmetrics).into(),
    }
}

fn document(status: StatusCode, value: &impl Serialize) -> Answer {
    // Strings, numbers and flags always serialise.
    Answer::json(status, serde_json::to_vec(value).unwrap_or_default())
}
