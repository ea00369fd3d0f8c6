//! The report: what was measured, how, and whether it is good enough.

use std::fmt::Write as _;
use std::time::Duration;

use super::machine::Placement;
use super::measure::{EASY, Keep, Pace, Proxy, Round, STREAMS, Series, mib};
use super::scenario::Scenario;
use super::verdict::{self, Outcome, Verdict};

/// Everything a report is made from.
pub(crate) struct Run {
    pub(crate) quick: bool,
    pub(crate) pace: Pace,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) placement: Placement,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) full: Vec<Series>,
    pub(crate) half: Vec<Series>,
    pub(crate) keeps: Vec<Keep>,
    /// nginx's settings in each scenario.
    pub(crate) nginx_settings: Vec<String>,
    pub(crate) nginx_config: String,
    pub(crate) gateway_config: String,
    /// Percent of the machine that the host took away.
    pub(crate) stolen: f64,
    /// Percent of the machine that other programs used.
    pub(crate) others: f64,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        verdict::all(&self.scenarios, &self.full, &self.half, &self.keeps)
    }

    pub(crate) fn markdown(&self) -> String {
        let sections = [
            self.opening(),
            self.limits(),
            self.under_load(),
            self.at_half_load(),
            self.memory(),
            self.machine(),
            self.method(),
        ];
        sections.concat()
    }

    fn opening(&self) -> String {
        let kind = if self.quick {
            "\n**A quick run: good for finding mistakes, too short to quote.**\n"
        } else {
            ""
        };
        format!(
            "# Benchmarks

What ferrogw costs beside nginx as a plain reverse proxy, and beside a bare proxy on the same HTTP
stack. Written by `cargo xtask bench`; run it to get the numbers of your machine. The yardstick is
CPU time of the process, which other work on the machine changes little; rates and latencies depend
on everything that shares the machine, here the mock and the load generator too.
{kind}"
        )
    }

    fn limits(&self) -> String {
        let verdicts = self.verdicts();
        if verdicts.is_empty() {
            return String::new();
        }
        let mut text = String::from("\n## Limits\n\n| | at most | found | |\n|---|---|---|---|\n");
        for verdict in verdicts {
            let Verdict {
                what,
                limit,
                found,
                outcome,
            } = verdict;
            let word = match outcome {
                Outcome::Met => "met".to_owned(),
                other => format!("**{}**", other.word()),
            };
            let _ = writeln!(text, "| {what} | {limit} | {found} | {word} |");
        }
        text += "\n*Undecided*: over the limit, and so is nginx; the machine was not quiet enough to tell.\n";
        text
    }

    fn under_load(&self) -> String {
        let rounds = self.pace.rounds;
        let mut text = format!(
            "\n## Under full load

A closed loop: every connection has a call under way. CPU is the median of {rounds} rounds with the
least and the most; all else is a median. × is the ratio to nginx. *Busy* is the part of the time the
proxy's threads were running: well below 100 %, the mock and the generator were the limit, and the
rate says more about them. Latency is to the whole answer, for streams to the first event.

| scenario | | CPU µs/call | × | busy | calls/s | × | p50 ms | × | p99 ms | × | RSS MiB | × |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
"
        );
        for series in &self.full {
            let scenario = self.scenarios[series.scenario].name;
            let nginx = verdict::find(&self.full, series.scenario, Proxy::Nginx);
            let name = series.proxy.name();
            let columns = under_load_columns(series, nginx);
            let _ = writeln!(text, "| {scenario} | {name} | {} |", columns.join(" | "));
        }
        text
    }

    fn at_half_load(&self) -> String {
        let rounds = self.pace.half_rounds;
        let easy = EASY * 100.0;
        let mut text = format!(
            "\n## At half load

The same rate for all: half of what the slowest proxy does above, but at most {easy:.0} % of what the
mock does without one, so that mock and generator keep up; independent arrivals, {rounds} rounds.
Latency runs from the moment a call was due. *Added* is the difference to the mock without a proxy.

| scenario | | calls/s | busy | p50 ms | p99 ms | added p50 | added p99 | CPU µs/call | × |
|---|---|---|---|---|---|---|---|---|---|
"
        );
        for series in &self.half {
            let scenario = self.scenarios[series.scenario].name;
            let name = series.proxy.name();
            let columns = half_load_columns(series, &self.half);
            let _ = writeln!(text, "| {scenario} | {name} | {} |", columns.join(" | "));
        }
        text
    }

    fn memory(&self) -> String {
        let settle = self.pace.settle.as_secs();
        let mut text = format!(
            "\n## Memory

MiB resident (RSS), and with what processes share counted once (PSS): 5 s after the start, with
{STREAMS} streams open, {settle} s after they have gone. Then the CPU time used at rest, and with the
streams open at an event each 500 ms.

| | RSS at rest | × | with streams | × | after | × | PSS at rest | with streams | after | CPU ms/s at rest | with streams |
|---|---|---|---|---|---|---|---|---|---|---|---|
"
        );
        let nginx = self.keeps.iter().find(|keep| keep.proxy == Proxy::Nginx);
        for keep in &self.keeps {
            let name = keep.proxy.name();
            let columns = memory_columns(keep, nginx);
            let _ = writeln!(text, "| {name} | {} |", columns.join(" | "));
        }
        text
    }

    fn machine(&self) -> String {
        let mut text = String::from("\n## The machine\n\n| | |\n|---|---|\n");
        for (name, value) in &self.facts {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        let _ = writeln!(text, "| stolen by the host | {:.1} % |", self.stolen);
        let _ = writeln!(text, "| used by other programs | {:.1} % |", self.others);
        let _ = writeln!(text, "| the run took | {} s |", self.took.as_secs());
        text
    }

    fn method(&self) -> String {
        let threads = self.placement.threads;
        let pinning = match (&self.placement.proxy, &self.placement.rest) {
            (Some(proxy), Some(rest)) => {
                format!("The proxy is pinned to CPU {proxy}, the mock and the generator to {rest}.")
            }
            _ => "Nothing is pinned.".to_owned(),
        };
        let quick = if self.quick { " --quick" } else { "" };
        let mut text = format!(
            "\n## How it was run

`cargo xtask bench{quick}`. All proxies run with {threads} thread(s) (nginx: worker processes) in
front of the same mock, one after the other in every round, each round starting with another one.
{pinning} CPU time is read from the scheduler's account of every thread (`/proc/<pid>/task/*/schedstat`).
The generator keeps its connections open and checks every answer: status 200, the whole body, for
streams every event and the end mark; a single wrong one ends the run.

- **ferrogw**: release build; an API key is checked, the model routed, usage read, metrics counted and
  an access line written for every call.
- **hyper**: a release build of the bare proxy in `xtask`: the same HTTP stack and allocator, a
  runtime and a pool per thread, bodies streamed through, nothing parsed, counted or logged.
- **nginx**: the Debian package as a keep-alive reverse proxy without log. Each scenario runs under
  whichever buffering was cheapest for nginx in a trial before the rounds; where events must arrive
  as they are sent, among those that do not hold them back.
- **direct**: the generator at the mock, without a proxy.
- In the *translated* scenarios ferrogw is asked in OpenAI's dialect; all others are sent, and hand on,
  what the vendor is sent and says.

| scenario | what | connections | nginx |
|---|---|---|---|
"
        );
        for (index, scenario) in self.scenarios.iter().enumerate() {
            let Scenario {
                name,
                about,
                connections,
                ..
            } = scenario;
            let nginx = self.nginx_settings.get(index).map_or("", String::as_str);
            let _ = writeln!(text, "| {name} | {about} | {connections} | {nginx} |");
        }
        for (title, file) in [
            (
                "nginx's file, with one of its servers, which differ in buffering only",
                &self.nginx_config,
            ),
            ("ferrogw's file", &self.gateway_config),
        ] {
            if !file.is_empty() {
                let _ = write!(
                    text,
                    "\n<details><summary>{title}</summary>\n\n```\n{}\n```\n</details>\n",
                    file.trim_end()
                );
            }
        }
        text
    }
}

fn under_load_columns(series: &Series, nginx: Option<&Series>) -> Vec<String> {
    let direct = series.proxy == Proxy::Direct;
    let cell = |number: fn(&Round) -> f64, places: usize, scale: f64| {
        let own = series.median(number);
        [
            format!("{:.places$}", own * scale),
            ratio(own, nginx.map(|nginx| nginx.median(number))),
        ]
    };
    let dashes = || ["–".to_owned(), "–".to_owned()];
    let mut columns = Vec::new();
    if direct {
        columns.extend(dashes());
        columns.push("–".to_owned());
    } else {
        columns.push(series.spread(|round| round.cpu_micros).to_string());
        let [_, times] = cell(|round| round.cpu_micros, 1, 1.0);
        columns.push(times);
        columns.push(percent(series.median(|round| round.busy)));
    }
    columns.extend(cell(|round| round.rate, 0, 1.0));
    columns.extend(cell(|round| round.p50_micros, 2, 1e-3));
    columns.extend(cell(|round| round.p99_micros, 2, 1e-3));
    if direct {
        columns.extend(dashes());
    } else {
        columns.extend(cell(|round| round.resident_mib, 1, 1.0));
    }
    columns
}

fn half_load_columns(series: &Series, half: &[Series]) -> Vec<String> {
    let millis = |number: fn(&Round) -> f64| format!("{:.2}", series.median(number) / 1e3);
    let mut columns = vec![
        format!("{:.0}", series.median(|round| round.rate)),
        match series.proxy {
            Proxy::Direct => "–".to_owned(),
            _ => percent(series.median(|round| round.busy)),
        },
        millis(|round| round.p50_micros),
        millis(|round| round.p99_micros),
    ];
    if series.proxy == Proxy::Direct {
        columns.extend(std::iter::repeat_n("–".to_owned(), 4));
        return columns;
    }
    let (scenario, proxy) = (series.scenario, series.proxy);
    for number in [(|round| round.p50_micros) as fn(&Round) -> f64, |round| {
        round.p99_micros
    }] {
        let added = verdict::added_millis(half, scenario, proxy, number);
        columns.push(added.map_or_else(|| "–".to_owned(), |added| format!("{added:.2}")));
    }
    columns.push(series.spread(|round| round.cpu_micros).to_string());
    let nginx = verdict::find(half, scenario, Proxy::Nginx);
    let nginx = nginx.map(|nginx| nginx.median(|round| round.cpu_micros));
    columns.push(ratio(series.median(|round| round.cpu_micros), nginx));
    columns
}

fn memory_columns(keep: &Keep, nginx: Option<&Keep>) -> Vec<String> {
    let states = [
        |keep: &Keep| keep.rest,
        |keep: &Keep| keep.open,
        |keep: &Keep| keep.after,
    ];
    let mut columns = Vec::new();
    for state in states {
        let own = mib(state(keep).resident);
        columns.push(format!("{own:.1}"));
        columns.push(ratio(own, nginx.map(|nginx| mib(state(nginx).resident))));
    }
    for state in states {
        columns.push(format!("{:.1}", mib(state(keep).proportional)));
    }
    for cpu in [keep.rest_cpu, keep.open_cpu] {
        columns.push(format!("{:.2}", cpu.as_secs_f64() * 1e3));
    }
    columns
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// How many times nginx's number this is.
fn ratio(own: f64, nginx: Option<f64>) -> String {
    match nginx {
        Some(nginx) if nginx > 0.0 => format!("{:.2}", own / nginx),
        _ => "–".to_owned(),
    }
}
