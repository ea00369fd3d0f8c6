//! The cost table of the architecture, held against a run.

use super::measure::{Keep, Proxy, Series, mib};
use super::scenario::Scenario;

pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) limit: String,
    pub(crate) found: String,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Met,
    Missed,
    /// nginx itself is over the limit: the machine was not quiet enough to tell.
    Undecided,
}

impl Outcome {
    fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
        }
    }
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
        outcome: Outcome::of(ratio <= limit),
    })
}

fn memory(what: &str, kib: u64, limit: f64) -> Verdict {
    let found = mib(kib);
    Verdict {
        what: what.to_owned(),
        limit: format!("{limit:.0} MiB"),
        found: format!("{found:.1} MiB"),
        outcome: Outcome::of(found <= limit),
    }
}

fn latency(index: usize, scenario: &Scenario, half: &[Series]) -> Option<Verdict> {
    let added = |proxy| added_millis(half, index, proxy, |round| round.p99_micros);
    let (ours, nginx) = (added(Proxy::Ferrogw)?, added(Proxy::Nginx));
    let beside = nginx.map(|nginx| format!(" (nginx {nginx:.2} ms)"));
    Some(Verdict {
        what: format!("p99 added at half load, {}", scenario.about),
        limit: format!("{ADDED_P99_MILLIS:.0} ms"),
        found: format!("{ours:.2} ms{}", beside.unwrap_or_default()),
        outcome: of_latency(ours, nginx),
    })
}

/// A tail that even nginx has is the machine's.
fn of_latency(ours: f64, nginx: Option<f64>) -> Outcome {
    let noisy = nginx.is_some_and(|nginx| nginx > ADDED_P99_MILLIS);
    match Outcome::of(ours <= ADDED_P99_MILLIS) {
        Outcome::Missed if noisy => Outcome::Undecided,
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_machines_when_nginx_has_it_too() {
        assert_eq!(of_latency(0.9, Some(0.2)), Outcome::Met);
        assert_eq!(of_latency(0.9, Some(4.0)), Outcome::Met);
        assert_eq!(of_latency(1.1, Some(0.9)), Outcome::Missed);
        assert_eq!(of_latency(1.1, None), Outcome::Missed);
        assert_eq!(of_latency(5.0, Some(2.4)), Outcome::Undecided);
    }
}
