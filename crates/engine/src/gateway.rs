//! The gateway: one call from admission to its answer, over the configuration in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use catalog::{Catalog, Document, NotASuccessor};
use config::Config;
use http::HeaderMap;
use telemetry::metrics::{Metrics, TargetNumbers};
use wire::Envelope;
use wire::fault::Fault;

use crate::chat;
use crate::discovery::{Found, Listed};
use crate::experiment;
use crate::explain::{self, Explanation};
use crate::principal::Principal;
use crate::receipt::{Books, Receipt};
use crate::refresh::today;
use crate::reply::Reply;
use crate::route;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::surface::SurfaceRow;
use crate::target::{Lasting, PlainWays, Target};
use crate::trace::{IdSource, TraceId};
use crate::upstream::Upstream;
use crate::walk::Walk;

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
    /// Its id.
    pub trace: TraceId,
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
        let gateway = Arc::new(Gateway {
            surroundings,
            books,
            lasting,
            snapshot: ArcSwap::from_pointee(snapshot),
            found: Mutex::new(found),
            draining: AtomicBool::new(false),
        });
        let shown = Arc::downgrade(&gateway);
        gateway.metrics().watch_targets(move || {
            let gateway = shown.upgrade();
            gateway.map(|gateway| gateway.numbers()).unwrap_or_default()
        });
        Ok(gateway)
    }

    /// How the targets do, for whoever scrapes.
    fn numbers(&self) -> Vec<TargetNumbers> {
        let snapshot = self.snapshot.load();
        let targets = snapshot.targets().iter().map(|target| TargetNumbers {
            target: target.name.to_string(),
            breaker: target.guard.state().number(),
            calls: target
                .guard
                .load()
                .map(|load| [load.taken, load.limit, load.waiting]),
        });
        targets.collect()
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
        call: &Call,
        receipt: &mut Receipt,
    ) -> Result<Reply, Fault> {
        let facts = chat::read(&call.body)?;
        receipt.note(|notes| {
            notes.asked = Some(facts.model.as_str().into());
            notes.stream = facts.stream;
        });
        let mut plan = route::plan(call, &facts, ids.number())?;
        if let Some(route) = plan.route.take() {
            receipt.note(|notes| notes.route = Some(route));
        }
        let patience = call.snapshot.config.request_timeout;
        let walk = Walk {
            upstream,
            ids,
            metrics: &self.books.metrics,
            deadline: patience.and_then(|patience| Some(receipt.started()? + patience)),
            call,
            facts: &facts,
            plan: &plan,
        };
        let mut answer = walk.run(receipt).await;
        if let Some(variant) = &plan.variant {
            experiment::tell(variant, &plan, &mut answer, receipt);
        }
        answer
    }

    /// Says where a call would go and why, without sending it.
    pub fn explain(&self, ids: &IdSource, call: &Call) -> Result<Explanation, Fault> {
        explain::explain(call, ids.number())
    }
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
