//! The cost table of the architecture, held against a run.

use super::measure::{Keep, Proxy, Series, mib};
use super::scenario::Scenario;

pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) limit: String,
    pub(crate) found: String,
    pub(crate) met: bool,
}

const REST_MIB: f64 = 15.0;
const STREAMS_MIB: f64 = 60.0;
const ADDED_P99_MILLIS: f64 = 1.0;

/// Every row that the run has numbers for.
pub(crate) fn all(
    scenarios: &[Scenario],
    full: &[Series],
    half: &[Series],
    keeps: &[Keep],
) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = scenarios
        .iter()
        .enumerate()
        .filter_map(|(index, scenario)| cost(index, scenario, full))
        .collect();
    let ours = keeps.iter().find(|keep| keep.proxy == Proxy::Ferrogw);
    if let Some(keep) = ours {
        verdicts.push(memory("memory at rest", keep.rest.resident, REST_MIB));
        let open = keep.open.resident;
        verdicts.push(memory("memory with 1,000 open streams", open, STREAMS_MIB));
    }
    let added = scenarios.iter().enumerate();
    verdicts.extend(added.filter_map(|(index, scenario)| latency(index, scenario, half)));
    verdicts
}

pub(crate) fn find(series: &[Series], scenario: usize, proxy: Proxy) -> Option<&Series> {
    series
        .iter()
        .find(|series| series.scenario == scenario && series.proxy == proxy)
}

/// How much later an answer comes than without a proxy, in milliseconds.
pub(crate) fn added_millis(
    half: &[Series],
    scenario: usize,
    proxy: Proxy,
    micros: impl Fn(&super::measure::Round) -> f64,
) -> Option<f64> {
    let direct = find(half, scenario, Proxy::Direct)?.median(&micros);
    Some((find(half, scenario, proxy)?.median(&micros) - direct) / 1e3)
}

fn cost(index: usize, scenario: &Scenario, full: &[Series]) -> Option<Verdict> {
    let limit = scenario.budget?;
    let cpu = |proxy| Some(find(full, index, proxy)?.median(|round| round.cpu_micros));
    let ratio = cpu(Proxy::Ferrogw)? / cpu(Proxy::Nginx)?;
    Some(Verdict {
        what: format!("CPU time of {}", scenario.about),
        limit: format!("{limit:.1} × nginx"),
        found: format!("{ratio:.2} ×"),
        met: ratio <= limit,
    })
}

fn memory(what: &str, kib: u64, limit: f64) -> Verdict {
    let found = mib(kib);
    Verdict {
        what: what.to_owned(),
        limit: format!("{limit:.0} MiB"),
        found: format!("{found:.1} MiB"),
        met: found <= limit,
    }
}

fn latency(index: usize, scenario: &Scenario, half: &[Series]) -> Option<Verdict> {
    let added = added_millis(half, index, Proxy::Ferrogw, |round| round.p99_micros)?;
    Some(Verdict {
        what: format!("p99 added at half load, {}", scenario.about),
        limit: format!("{ADDED_P99_MILLIS:.0} ms"),
        found: format!("{added:.2} ms"),
        met: added <= ADDED_P99_MILLIS,
    })
}
