//! Configurations and calls for unit tests, as an operator and a client would write them.

use std::sync::Arc;

use http::HeaderMap;
use wire::Envelope;
use wire::envelope::Limits;

use crate::chat::{self, ChatFacts};
use crate::discovery::{Found, Listed};
use crate::gateway::{Call, Gateway, Surroundings};
use crate::principal::Principal;
use crate::receipt::Books;
use crate::route::{self, Plan};
use crate::snapshot::Snapshot;
use crate::surface::SURFACES;
use crate::target::Lasting;

/// Vendors of a test: `acme` owns `acme-*`, `open` takes any model, `deploy` only what is declared,
/// `whole` has no streams.
const ROWS: &str = "
providers:
  - {id: acme, base_url: 'http://127.0.0.1:1/v1', key: none, claims: {prefixes: [acme-]}}
  - {id: open, base_url: 'http://127.0.0.1:2/v1', key: none, claims: {open: true}}
  - {id: deploy, base_url: 'http://127.0.0.1:3/v1', key: none, claims: {prefixes: [acme-], open: true, deployments: true}}
  - {id: whole, base_url: 'http://127.0.0.1:4/v1', key: none, surfaces: [chat]}
  - {id: plain, base_url: 'http://127.0.0.1:5/v1', key: none}
";

/// What runs of this configuration, which has the providers of [`ROWS`].
pub(crate) fn snapshot(yaml: &str) -> Arc<Snapshot> {
    let (lasting, found) = (Lasting::default(), Found::default());
    Arc::new(Snapshot::build(configuration(yaml), &surroundings(), &lasting, &found).unwrap())
}

/// A gateway that runs it.
pub(crate) fn gateway(yaml: &str) -> Arc<Gateway> {
    let books = Arc::new(Books {
        metrics: telemetry::Metrics::new("test"),
        access: None,
    });
    Gateway::new(configuration(yaml), surroundings(), books).unwrap()
}

fn configuration(yaml: &str) -> Arc<config::Config> {
    let text = format!("{yaml}\n{ROWS}");
    let known = config::Known { providers: &[] };
    let loaded = config::load(&text, config::Format::Yaml, &known);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    Arc::new(loaded.config)
}

fn surroundings() -> Surroundings {
    Surroundings {
        env: Box::new(|_| None),
        secrets: Vec::new(),
        master_key: None,
        no_key: true,
    }
}

/// The same after the vendor of this target has listed these models.
pub(crate) fn listing(snapshot: &Snapshot, target: &str, ids: &[&str]) -> Arc<Snapshot> {
    let models = ids.iter().map(|id| Listed {
        id: (*id).into(),
        created: 0,
        owner: None,
        context_window: None,
        max_output_tokens: None,
    });
    let mut targets = snapshot.targets().iter();
    let target = targets.find(|one| *one.name == *target).unwrap();
    let found = Found::default().with(&target.identity(), models.collect());
    Arc::new(snapshot.with_found(&found))
}

/// A chat for the model by somebody without a key.
pub(crate) fn chat(snapshot: &Arc<Snapshot>, model: &str) -> Call {
    call(
        snapshot,
        &format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}"#),
    )
}

/// A call with this body.
pub(crate) fn call(snapshot: &Arc<Snapshot>, body: &str) -> Call {
    Call {
        trace: crate::trace::IdSource::default()
            .call_id(&HeaderMap::new())
            .trace,
        row: &SURFACES[0],
        snapshot: snapshot.clone(),
        principal: Principal::anonymous(),
        headers: HeaderMap::new(),
        body: Envelope::parse(body.to_owned().into(), Limits::default()).unwrap(),
    }
}

/// What the call says.
pub(crate) fn facts(call: &Call) -> ChatFacts {
    chat::read(&call.body).unwrap()
}

/// The order for a call, as `target:model`, best first; of a rule's choice only that.
pub(crate) fn order(call: &Call, seed: u64) -> Vec<String> {
    shown(&route::decide(call, &facts(call), seed, |_| {}).unwrap())
}

/// A plan's candidates, as `target:model`.
pub(crate) fn shown(plan: &Plan) -> Vec<String> {
    let tried = if plan.advance { usize::MAX } else { 1 };
    let candidates = plan.candidates.iter().take(tried);
    candidates
        .map(|one| format!("{}:{}", one.candidate.target.name, one.candidate.model))
        .collect()
}
