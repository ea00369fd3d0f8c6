//! The phases of a run: memory, the trial of nginx's settings, rounds in a
//! closed loop, rounds at half load.
//!
//! Rounds are interleaved, so that what else the machine does falls on all
//! proxies alike.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::{sleep, sleep_until};

use super::load::{self, Load, Outcome};
use super::nginx::Variant;
use super::process::{Memory, Meter};
use super::scenario::{self, Scenario};
use super::spread::Spread;

/// How long each thing is measured.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) measured: Duration,
    pub(crate) half_rounds: usize,
    pub(crate) half_measured: Duration,
    pub(crate) trials: usize,
    pub(crate) trial: Duration,
    /// From the last stream's end to the last look at memory.
    pub(crate) settle: Duration,
}

impl Pace {
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        warm: Duration::from_millis(300),
        measured: Duration::from_millis(1_700),
        half_rounds: 5,
        half_measured: Duration::from_millis(800),
        trials: 3,
        trial: Duration::from_millis(200),
        settle: Duration::from_secs(10),
    };

    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        warm: Duration::from_millis(100),
        measured: Duration::from_millis(350),
        half_rounds: 1,
        half_measured: Duration::from_millis(450),
        trials: 1,
        trial: Duration::from_millis(200),
        settle: Duration::from_secs(10),
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    Hyper,
    Ferrogw,
    /// No proxy at all.
    Direct,
}

impl Proxy {
    pub(crate) const ALL: [Self; 4] = [Self::Nginx, Self::Hyper, Self::Ferrogw, Self::Direct];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Hyper => "hyper",
            Self::Ferrogw => "ferrogw",
            Self::Direct => "direct",
        }
    }
}

/// One of the ways to the mock, up and running.
pub(crate) struct Contender {
    pub(crate) proxy: Proxy,
    /// What to measure; nothing for the mock itself.
    pub(crate) meter: Option<Meter>,
    /// Where it listens, one address for each scenario.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where streams are held open.
    pub(crate) at_rest: SocketAddr,
    pub(crate) started: Instant,
}

/// A proxy, where it listens, and what is measured of it.
type Way = (Proxy, SocketAddr, Option<Meter>);

impl Contender {
    fn way(&self, scenario: usize) -> Way {
        (self.proxy, self.addresses[scenario], self.meter)
    }
}

/// One round of one proxy in one scenario.
pub(crate) struct Round {
    pub(crate) cpu_micros: f64,
    pub(crate) rate: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
    pub(crate) resident_mib: f64,
    /// The part of its threads' time in which the proxy was running.
    pub(crate) busy: f64,
}

impl Round {
    fn of(outcome: &Outcome, threads: usize) -> Self {
        let seconds = outcome.elapsed.as_secs_f64();
        let cpu = outcome.cpu.as_secs_f64();
        let micros = |part| outcome.latency.quantile(part).as_secs_f64() * 1e6;
        #[allow(clippy::cast_precision_loss, reason = "a handful of threads")]
        let threads = threads as f64;
        Self {
            cpu_micros: cpu * 1e6 / outcome.calls,
            rate: outcome.calls / seconds,
            p50_micros: micros(0.5),
            p99_micros: micros(0.99),
            resident_mib: mib(outcome.memory.resident),
            busy: cpu / seconds / threads,
        }
    }
}

/// All rounds of one proxy in one scenario.
pub(crate) struct Series {
    pub(crate) scenario: usize,
    pub(crate) proxy: Proxy,
    pub(crate) rounds: Vec<Round>,
}

impl Series {
    pub(crate) fn spread(&self, number: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(number))
    }

    pub(crate) fn median(&self, number: impl Fn(&Round) -> f64) -> f64 {
        self.spread(number).median
    }
}

/// Memory of one proxy over the life of a thousand streams, with the CPU time
/// it used a second at rest and with the streams open.
pub(crate) struct Keep {
    pub(crate) proxy: Proxy,
    pub(crate) rest: Memory,
    pub(crate) open: Memory,
    pub(crate) after: Memory,
    pub(crate) rest_cpu: Duration,
    pub(crate) open_cpu: Duration,
}

pub(crate) fn mib(kib: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "memory in KiB is below 2^52")]
    let kib = kib as f64;
    kib / 1024.0
}

/// Streams held open at once.
pub(crate) const STREAMS: usize = 1000;

/// Memory at rest, with streams open, and after they have gone.
pub(crate) async fn memory(contenders: &[Contender], pace: &Pace) -> Result<Vec<Keep>> {
    const REST: Duration = Duration::from_secs(5);
    const WATCHED: Duration = Duration::from_secs(2);
    let metered: Vec<(&Contender, Meter)> = contenders
        .iter()
        .filter_map(|contender| Some((contender, contender.meter?)))
        .collect();
    let Some(latest) = metered.iter().map(|(contender, _)| contender.started).max() else {
        return Ok(Vec::new());
    };
    sleep_until((latest + REST.saturating_sub(WATCHED)).into()).await;
    let before: Vec<_> = metered.iter().map(|(_, meter)| meter.cpu()).collect();
    sleep(WATCHED).await;

    let mut keeps = Vec::new();
    for ((contender, meter), before) in metered.iter().zip(&before) {
        keeps.push(Keep {
            proxy: contender.proxy,
            rest: meter.memory(),
            rest_cpu: meter.cpu().since(before) / 2,
            open: Memory::default(),
            open_cpu: Duration::ZERO,
            after: Memory::default(),
        });
    }
    let stream = scenario::held_open();
    for ((contender, meter), keep) in metered.iter().zip(&mut keeps) {
        let name = contender.proxy.name();
        let held = load::hold(contender.at_rest, &stream, STREAMS)
            .await
            .with_context(|| format!("{name} with {STREAMS} streams"))?;
        sleep(WATCHED / 2).await;
        let before = meter.cpu();
        sleep(WATCHED).await;
        keep.open_cpu = meter.cpu().since(&before) / 2;
        keep.open = meter.memory();
        held.check()
            .with_context(|| format!("{name} with {STREAMS} streams"))?;
    }
    sleep(pace.settle).await;
    for ((_, meter), keep) in metered.iter().zip(&mut keeps) {
        keep.after = meter.memory();
    }
    Ok(keeps)
}

/// The settings under which nginx is cheapest in a scenario.
pub(crate) async fn cheapest(
    scenario: &Scenario,
    meter: Meter,
    variants: &[Variant],
    pace: &Pace,
) -> Result<Variant> {
    let eligible: Vec<_> = variants
        .iter()
        // A proxy that holds events back does not do the job.
        .filter(|variant| !scenario.is_live() || variant.keeps_streams_live())
        .collect();
    let mut costs = vec![Vec::new(); eligible.len()];
    for _ in 0..pace.trials {
        for (variant, costs) in eligible.iter().zip(&mut costs) {
            let way = (Proxy::Nginx, variant.address, Some(meter));
            let trial = load(scenario, way, pace.trial / 2, pace.trial);
            let outcome = load::closed_loop(&trial).await?;
            costs.push(Round::of(&outcome, 1).cpu_micros);
        }
    }
    // What disturbs a trial only ever makes it dearer.
    let least = costs.into_iter().map(|rounds| Spread::of(rounds).least);
    let best = eligible
        .iter()
        .zip(least)
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let (variant, _) = best.context("nginx has no variant to try")?;
    Ok(**variant)
}

/// Rounds in a closed loop: what a call costs when the proxy has all it can do.
pub(crate) async fn closed_loop(
    contenders: &[Contender],
    scenarios: &[Scenario],
    pace: &Pace,
    threads: usize,
) -> Result<Vec<Series>> {
    let mut all = series(contenders, scenarios);
    for round in 0..pace.rounds {
        for (index, scenario) in scenarios.iter().enumerate() {
            // Every round starts with another one.
            for turn in 0..contenders.len() {
                let turn = (turn + round) % contenders.len();
                let contender = &contenders[turn];
                let load = load(scenario, contender.way(index), pace.warm, pace.measured);
                let outcome = load::closed_loop(&load)
                    .await
                    .with_context(|| place(scenario, contender))?;
                let at = index * contenders.len() + turn;
                all[at].rounds.push(Round::of(&outcome, threads));
            }
        }
    }
    Ok(all)
}

/// Rounds at the same rate for all: half of what the slowest proxy can do, or
/// what the mock and the generator can do without being the bottleneck.
pub(crate) async fn half_load(
    contenders: &[Contender],
    scenarios: &[Scenario],
    pace: &Pace,
    threads: usize,
    full: &[Series],
) -> Result<Vec<Series>> {
    let mut all = series(contenders, scenarios);
    for round in 0..pace.half_rounds {
        for (index, scenario) in scenarios.iter().enumerate() {
            let rate = half_rate(full, index);
            for turn in 0..contenders.len() {
                let turn = (turn + round) % contenders.len();
                let contender = &contenders[turn];
                let length = pace.half_measured;
                let load = load(scenario, contender.way(index), pace.warm, length);
                let outcome = load::fixed_rate(&load, rate)
                    .await
                    .with_context(|| place(scenario, contender))?;
                let at = index * contenders.len() + turn;
                all[at].rounds.push(Round::of(&outcome, threads));
            }
        }
    }
    Ok(all)
}

/// Makes sure that each way leads to a right answer, and learns how many events
/// the mock sends around the content.
pub(crate) async fn rehearse(contenders: &[Contender], scenarios: &mut [Scenario]) -> Result<()> {
    for (index, scenario) in scenarios.iter_mut().enumerate() {
        for contender in contenders.iter().rev() {
            let address = contender.addresses[index];
            let answer = load::once(address, scenario.exchange(contender.proxy))
                .await
                .with_context(|| place(scenario, contender))?;
            scenario.learn(contender.proxy, answer.events());
        }
    }
    Ok(())
}

fn place(scenario: &Scenario, contender: &Contender) -> String {
    format!("{} through {}", scenario.name, contender.proxy.name())
}

fn series(contenders: &[Contender], scenarios: &[Scenario]) -> Vec<Series> {
    let scenarios = 0..scenarios.len();
    let cells = scenarios.flat_map(|scenario| {
        contenders.iter().map(move |contender| Series {
            scenario,
            proxy: contender.proxy,
            rounds: Vec::new(),
        })
    });
    cells.collect()
}

/// The part of the rate without a proxy that leaves the mock and the generator
/// time to spare when calls come one by one.
pub(crate) const EASY: f64 = 0.3;

fn half_rate(full: &[Series], scenario: usize) -> f64 {
    let ceilings = full
        .iter()
        .filter(|series| series.scenario == scenario)
        .map(|series| {
            let part = match series.proxy {
                Proxy::Direct => EASY,
                _ => 0.5,
            };
            series.median(|round| round.rate) * part
        });
    ceilings.fold(f64::INFINITY, f64::min)
}

fn load(scenario: &Scenario, way: Way, warm: Duration, measured: Duration) -> Load {
    let (proxy, address, meter) = way;
    Load {
        address,
        exchange: scenario.exchange(proxy).clone(),
        connections: scenario.connections,
        stagger: scenario.takes,
        // Long streams need a length of their own until they are in full swing.
        warm: warm + scenario.takes,
        measured,
        meter,
    }
}
