//! The gateway: one call from admission to its answer, over the configuration in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use catalog::{Catalog, Document, NotASuccessor};
use config::Config;
use http::HeaderMap;
use telemetry::metrics::Metrics;
use tokio::time::Instant;
use wire::Envelope;
use wire::fault::{Again, Fault, Kind};

use crate::attempt::Attempt;
use crate::chat;
use crate::directory::Candidate;
use crate::discovery::{Found, Listed};
use crate::principal::Principal;
use crate::receipt::{self, Books, Receipt};
use crate::refresh::today;
use crate::reply::Reply;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::surface::SurfaceRow;
use crate::target::{Lasting, PlainWays, Target};
use crate::trace::IdSource;
use crate::upstream::Upstream;

/// A source of environment variables that outlives the start.
pub type EnvSource = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the process was started with; the same for every configuration that it will run.
pub struct Surroundings {
    /// Environment variables.
    pub env: EnvSource,
    /// Names and values among which are secrets that no text may show.
    pub secrets: Vec<(String, String)>,
    /// The key that may do everything.
    pub master_key: Option<String>,
    /// Calls need no key.
    pub no_key: bool,
}

/// A governed call as intake hands it over.
pub struct Call {
    /// What kind of call it is.
    pub row: &'static SurfaceRow,
    /// The configuration it runs under, from first to last.
    pub snapshot: Arc<Snapshot>,
    /// Who pays.
    pub principal: Principal,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The client's body.
    pub body: Envelope,
}

/// The engine of the gateway; shared by all cores.
pub struct Gateway {
    surroundings: Surroundings,
    books: Arc<Books>,
    lasting: Lasting,
    snapshot: ArcSwap<Snapshot>,
    /// Held while a configuration or a list of models is exchanged, so that neither undoes the other.
    found: Mutex<Found>,
    draining: AtomicBool,
}

impl Gateway {
    /// A gateway that runs this configuration.
    pub fn new(
        config: Arc<Config>,
        surroundings: Surroundings,
        books: Arc<Books>,
    ) -> Result<Arc<Gateway>, SnapshotError> {
        let (lasting, found) = (Lasting::default(), Found::default());
        let snapshot = Snapshot::build(config, &surroundings, &lasting, &found)?;
        report_unroutable(&snapshot, &books.metrics);
        Ok(Arc::new(Gateway {
            surroundings,
            books,
            lasting,
            snapshot: ArcSwap::from_pointee(snapshot),
            found: Mutex::new(found),
            draining: AtomicBool::new(false),
        }))
    }

    /// Puts another configuration in force, or leaves the running one and says why.
    pub fn reload(&self, config: Arc<Config>) -> Result<(), SnapshotError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Snapshot::build(config, &self.surroundings, &self.lasting, &found)?;
        report_unroutable(&snapshot, &self.books.metrics);
        *found = found.only(snapshot.targets());
        self.snapshot.store(Arc::new(snapshot));
        Ok(())
    }

    /// Takes in what a target's vendor lists, unless a reload has replaced the target meanwhile.
    pub fn publish_models(&self, target: &Target, models: Vec<Listed>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load_full();
        if snapshot
            .targets()
            .iter()
            .any(|running| running.identity() == target.identity())
        {
            *found = found.with(&target.identity(), models);
            self.snapshot.store(Arc::new(snapshot.with_found(&found)));
        }
    }

    /// Takes in a newer catalog, unless it knows less than the one in use.
    pub fn publish_catalog(&self, document: Document) -> Result<(), NotASuccessor> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Catalog::clone(&self.lasting.catalog.load()).refreshed(document)?;
        let snapshot = self.snapshot.load().with_catalog(&known, &found);
        self.lasting.catalog.store(Arc::new(known));
        self.snapshot.store(Arc::new(snapshot));
        Ok(())
    }

    /// Puts the prices of today in force, if another day has begun.
    pub fn renew_prices(&self) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load();
        if snapshot.directory().day() != today() {
            let known = self.lasting.catalog.load();
            self.snapshot
                .store(Arc::new(snapshot.with_catalog(&known, &found)));
        }
    }

    /// Ways to addresses that are no target's.
    pub(crate) fn ways(&self) -> PlainWays<'_> {
        PlainWays {
            lasting: &self.lasting,
            env: &*self.surroundings.env,
        }
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Where receipts go.
    pub fn books(&self) -> Arc<Books> {
        self.books.clone()
    }

    /// Counters and histograms.
    pub fn metrics(&self) -> &Metrics {
        &self.books.metrics
    }

    /// Whether calls need no key.
    pub fn asks_for_no_key(&self) -> bool {
        self.surroundings.no_key
    }

    /// Says that no new work is wanted.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Why the gateway should not be sent calls now, if it should not.
    pub fn not_ready(&self) -> Option<String> {
        if self.draining.load(Ordering::Acquire) {
            return Some("shutting down".into());
        }
        let snapshot = self.snapshot.load();
        if snapshot.directory().is_empty() {
            let reasons: Vec<_> = snapshot
                .unroutable
                .iter()
                .map(|target| target.reason.as_str())
                .collect();
            let remedy =
                "set a provider's key, such as OPENAI_API_KEY, or give a config file".to_owned();
            let why = if reasons.is_empty() {
                remedy
            } else {
                reasons.join("; ")
            };
            return Some(format!("no routable targets: {why}"));
        }
        None
    }

    /// Answers a call, or says why not. What is learnt on the way goes onto the receipt.
    pub async fn handle(
        &self,
        upstream: &Upstream,
        ids: &IdSource,
        call: Call,
        receipt: &mut Receipt,
    ) -> Result<Reply, Fault> {
        let facts = chat::read(&call.body)?;
        receipt.note(|notes| {
            notes.asked = Some(facts.model.as_str().into());
            notes.stream = facts.stream;
        });
        let candidates = admit(&call, &facts.model, facts.stream)?;
        let patience = call.snapshot.config.request_timeout;
        let deadline = patience.and_then(|patience| Some(receipt.started()? + patience));
        let mut last: Option<Fault> = None;
        for candidate in &candidates {
            let attempt = Attempt {
                upstream,
                call: &call,
                candidate,
                streamed: facts.stream,
                pick: ids.number(),
                deadline,
            };
            let mut fault = match try_one(&attempt, receipt).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            // A hint is worth something whoever gave it.
            fault.retry_after = fault
                .retry_after
                .or(last.and_then(|earlier| earlier.retry_after));
            if fault.again() != Again::NextTarget {
                return Err(fault);
            }
            last = Some(fault);
        }
        Err(last.unwrap_or_else(|| Fault::new(Kind::ModelNotFound)))
    }
}

/// Whether the caller may have the model, and who could serve it.
fn admit(call: &Call, asked: &str, streamed: bool) -> Result<Vec<Candidate>, Fault> {
    let model = call.snapshot.resolve(asked);
    if !call.principal.may_use(asked) && !call.principal.may_use(model) {
        let text = format!(
            "the API key `{}` may not use the model `{asked}`",
            call.principal.id
        );
        return Err(Fault::new(Kind::ModelNotAllowed).saying(text));
    }
    let candidates = call.snapshot.route(model, call.row, streamed);
    if candidates.is_empty() {
        let mut fault = Fault::new(Kind::ModelNotFound);
        fault.param = Some("model".into());
        return Err(fault);
    }
    Ok(candidates)
}

async fn try_one(attempt: &Attempt<'_>, receipt: &mut Receipt) -> Result<Reply, Fault> {
    let (target, begun) = (&attempt.candidate.target, Instant::now());
    receipt.note(|notes| {
        notes.provider = Some(target.provider_id.clone());
        notes.target = Some(target.name.clone());
        notes.model = Some(attempt.candidate.model.clone());
        // What it is if nobody is there any more to see how it ended.
        notes.attempts.push(receipt::Attempt {
            target: target.name.clone(),
            provider: target.provider_id.clone(),
            fault: Some(Kind::ClientGone),
            cause: None,
            took: Duration::ZERO,
        });
        notes.owned = attempt.candidate.owned;
        notes.waiting = Some(begun);
        notes.headers.clear();
    });
    let redactor = &attempt.call.snapshot.redactor;
    let result = attempt
        .run(receipt)
        .await
        .map_err(|fault| fault.scrubbed(|text| redactor.redact(text)));
    receipt.note(|notes| {
        notes.waiting = None;
        if let Some(last) = notes.attempts.last_mut() {
            last.fault = result.as_ref().err().map(|fault| fault.kind);
            last.cause = result
                .as_ref()
                .err()
                .map(|fault| fault.to_string().into_boxed_str());
            last.took = begun.elapsed();
        }
    });
    result
}

fn report_unroutable(snapshot: &Snapshot, metrics: &Metrics) {
    for target in &snapshot.unroutable {
        metrics.provider_init_failure(&target.provider);
        tracing::warn!(target_name = %target.name, reason = %target.reason, "a target cannot be called");
    }
    if snapshot.targets().is_empty() && !snapshot.unroutable.is_empty() {
        tracing::error!("no target can be called; every call will be refused");
    }
}
