//! Hours of a gateway's life in seconds: the real walk, guards and strategies, between scripted
//! clients and scripted vendors, under tokio's paused clock and a seed.
//!
//! Only two things are not real: time, and the network below `upstream`. A [`World`] says what is
//! configured and how the hours go; [`watch`] sees every call from outside, at the client's end and at
//! the vendor's, and holds it against what must be true whatever the seed.

mod script;
mod shares;
mod vendor;
mod watch;
mod worlds;

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::Instant;
use wire::Envelope;
use wire::envelope::Limits;
use wire::fault::Fault;

use crate::dice::Dice;
use crate::gateway::{Call, Gateway};
use crate::principal::Principal;
use crate::receipt::{Head, Receipt};
use crate::surface::SURFACES;
use crate::trace::IdSource;
use crate::upstream::Upstream;
use script::{Arrivals, Climate, Script, Traffic};
use shares::Heads;
use watch::Watch;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;

tokio::task_local! {
    /// The call that a connection is used for.
    static CALL: u64;
}

/// What is configured, how the hours go, and what is expected of them.
#[derive(Clone, Copy)]
struct World {
    /// The configuration; its targets are `a`, `b`, ..., at hosts of these names.
    yaml: &'static str,
    /// How long each vendor usually takes, in milliseconds.
    usual: &'static [f64],
    climate: Climate,
    traffic: Traffic,
    /// What the configuration says of weights, where the shares are held against them.
    weights: Option<&'static [f64]>,
    /// What the configuration says of breakers: failures in a row, probes, and the time of one opening.
    breaker: Option<(u32, usize, Duration)>,
    /// Retries that may arrive together because they waited at the same time.
    together: f64,
    /// Calls within which a vendor that has recovered must be asked again.
    noticed: u32,
    /// Whether the fastest is to be found, and how long that may take.
    settles: Option<Duration>,
}

/// What came of a run.
#[derive(Default)]
struct Run {
    findings: Vec<String>,
    heads: Heads,
    calls: u64,
}

/// Who calls: everything that calls of a run share.
struct Clients {
    gateway: Arc<Gateway>,
    upstream: Upstream,
    ids: IdSource,
    watch: Arc<Mutex<Watch>>,
}

/// Lets this world run for so long.
fn run(world: &'static World, seed: u64, length: Duration) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(hours(world, seed, length))
}

/// Lets the world run with each of these seeds. Shares are those of all seeds together.
fn run_all(world: &'static World, seeds: Range<u64>, length: Duration) -> Run {
    let mut all = Run::default();
    for seed in seeds {
        let run = run(world, seed, length);
        all.calls += run.calls;
        shares::add(&mut all.heads, run.heads);
        let found = run.findings.into_iter();
        all.findings
            .extend(found.map(|finding| format!("seed {seed}: {finding}")));
    }
    if let Some(weights) = world.weights {
        all.findings.extend(shares::findings(&all.heads, weights));
    }
    all
}

async fn hours(world: &'static World, seed: u64, length: Duration) -> Run {
    let mut dice = Dice::new(crate::dice::mix(seed.wrapping_add(1)));
    let scripts: Vec<_> = (0..world.usual.len())
        .map(|_| Script::write(&mut dice, length, &world.climate))
        .collect();
    let arrivals = Arrivals::of(Dice::new(dice.number()), world.traffic, &scripts);
    let clients = Clients::of(world, scripts, &mut dice);
    let began = Instant::now();
    let mut calls = 0;
    for at in arrivals.take_while(|at| *at < length) {
        pass_until(began + at, &clients).await;
        calls += 1;
        let clients = clients.clone();
        tokio::spawn(async move { clients.call(calls, Principal::anonymous()).await });
    }
    while Arc::strong_count(&clients) > 1 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut watch = clients.watch.lock().unwrap();
    Run {
        findings: watch.finish(),
        heads: std::mem::take(&mut watch.heads),
        calls,
    }
}

/// Quiet hours are passed over in one step; else every timer in between has its moment.
async fn pass_until(then: Instant, clients: &Arc<Clients>) {
    const SHORT: Duration = Duration::from_secs(1);
    while Arc::strong_count(clients) > 1 && Instant::now() + SHORT < then {
        tokio::time::sleep(SHORT).await;
    }
    let rest = then.saturating_duration_since(Instant::now());
    if Arc::strong_count(clients) > 1 {
        tokio::time::sleep(rest).await;
    } else {
        tokio::time::advance(rest).await;
    }
}

impl Clients {
    /// Clients of a gateway between them and vendors that follow these scripts.
    fn of(world: &'static World, scripts: Vec<Script>, dice: &mut Dice) -> Arc<Clients> {
        let gateway = crate::testing::gateway(world.yaml);
        let snapshot = gateway.snapshot();
        let targets = snapshot.targets().iter();
        let guards = targets.map(|target| target.guard.clone()).collect();
        let watch = Watch::over(world, scripts, guards, Dice::new(dice.number()));
        let watch = Arc::new(Mutex::new(watch));
        vendor::install(&watch);
        Arc::new(Clients {
            gateway,
            upstream: Upstream::new(),
            ids: IdSource::of(dice.number()),
            watch,
        })
    }

    /// One call, under the eyes of the watch.
    async fn call(&self, number: u64, principal: Principal) {
        self.watch.lock().unwrap().begins(number);
        let handled = CALL.scope(number, self.handled(principal)).await;
        let (first, fault) = handled;
        let mut watch = self.watch.lock().unwrap();
        watch.ends(number, first.as_deref(), fault.as_ref());
    }

    /// The target that was tried first, and what went wrong in the end.
    async fn handled(&self, principal: Principal) -> (Option<Arc<str>>, Option<Fault>) {
        let id = self.ids.call_id(&HeaderMap::new());
        let call = Call {
            trace: id.trace,
            row: &SURFACES[0],
            snapshot: self.gateway.snapshot(),
            principal,
            headers: HeaderMap::new(),
            body: Envelope::parse(Bytes::from_static(BODY.as_bytes()), Limits::default()).unwrap(),
        };
        let head = Head {
            id,
            method: http::Method::POST,
            path: "/v1/chat/completions".into(),
            remote: [127, 0, 0, 1].into(),
            surface: Some("chat"),
            core: 0,
        };
        let mut receipt = Receipt::open(self.gateway.books(), head);
        let handled = self
            .gateway
            .handle(&self.upstream, &self.ids, &call, &mut receipt)
            .await;
        let mut first = None;
        receipt.note(|notes| {
            first = notes.attempts.first().map(|attempt| attempt.target.clone());
        });
        (first, handled.err())
    }
}

/// A caller with hundreds of calls waiting delays another's by its turn, not by hundreds. What is
/// found when these two call.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn turns(greedy: &str, modest: &str) -> Vec<String> {
    let clients = Clients::of(&worlds::TURNS, vec![Script::calm()], &mut Dice::new(7));
    let caller = |name: &str| Principal {
        id: name.into(),
        ..Principal::anonymous()
    };
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..400 {
        let (clients, caller) = (clients.clone(), caller(greedy));
        waiting.spawn(async move { clients.call(number, caller).await });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut findings = Vec::new();
    for number in 1_000..1_020 {
        let asked = Instant::now();
        clients.call(number, caller(modest)).await;
        let took = asked.elapsed();
        // A place falls free within the longest call, and its own may be as long.
        if took > Duration::from_secs(8) {
            findings.push(format!(
                "no starvation: the caller with few calls waited for {took:?}"
            ));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        !waiting.is_empty() || !findings.is_empty(),
        "the others still wait"
    );
    while waiting.join_next().await.is_some() {}
    findings.extend(clients.watch.lock().unwrap().finish());
    findings
}

#[cfg(test)]
mod proofs;
#[cfg(test)]
mod tests;
