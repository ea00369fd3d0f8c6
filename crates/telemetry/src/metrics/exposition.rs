//! The page a scrape gets: every name, help text and label of every metric,
//! and the two text formats.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::family::{Family, Member};
use super::process;
use super::value::{AtomicHistogram, Counter};
use super::{CallMetrics, FIRST_STATUS, Numbers, STATUSES, SurfaceMetrics};

/// Of the page in Prometheus text format.
pub const CLASSIC_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Of the page in `OpenMetrics`.
pub const OPENMETRICS_CONTENT_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn render(registry: &Registry, openmetrics: bool) -> String {
    let mut page = String::new();
    // Writing to a `String` cannot fail, and nothing below makes up errors.
    let _ = text::encode(&mut page, registry);
    if openmetrics { page } else { classic(&page) }
}

/// `OpenMetrics` names a counter without its `_total` in the lines about it; the
/// older format knows no such suffix, so there the lines carry the full name.
fn classic(openmetrics: &str) -> String {
    let mut page = String::with_capacity(openmetrics.len() + 1_024);
    let mut help = None;
    for line in openmetrics.split_inclusive('\n') {
        if let Some(about) = line.strip_prefix("# HELP ") {
            help = about.split_once(' ');
        } else if let Some(about) = line.strip_prefix("# TYPE ") {
            let suffix = if about.ends_with(" counter\n") {
                "_total"
            } else {
                ""
            };
            for (keyword, about) in [("HELP", help.take()), ("TYPE", about.split_once(' '))] {
                if let Some((name, rest)) = about {
                    page.extend(["# ", keyword, " ", name, suffix, " ", rest]);
                }
            }
        } else if !line.starts_with('#') {
            page.push_str(line);
        }
    }
    page
}

/// Walks all numbers at a scrape.
pub(super) struct Exposition(pub(super) Arc<Numbers>);

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposition")
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let numbers = &*self.0;
        page.calls(&numbers.calls)?;
        page.surfaces(&numbers.surfaces)?;
        page.events(numbers)?;
        page.connections(numbers)?;
        page.targets(numbers)?;
        page.process(numbers)?;
        page.build(&numbers.version)
    }
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn calls(&mut self, calls: &Family<2, CallMetrics>) -> fmt::Result {
        let members = calls.members();
        let of =
            |pick: fn(&CallMetrics) -> &Counter| labelled(&members, ["provider", "model"], pick);
        let took = |pick: fn(&CallMetrics) -> &AtomicHistogram| {
            labelled(&members, ["provider", "model"], pick)
        };
        let requests = members.iter().flat_map(|member| {
            let [provider, model] = &member.labels;
            let metric = &member.metric;
            [
                ("success", &metric.requests_success),
                ("error", &metric.requests_error),
                ("rejected", &metric.requests_rejected),
            ]
            .map(|(status, count)| {
                let labels: Labels<'_> =
                    vec![("provider", provider), ("model", model), ("status", status)];
                (labels, count)
            })
        });
        self.family("gateway_requests", "Calls by how they ended.", requests)?;
        self.family(
            "gateway_request_duration_seconds",
            "Time from a call's first byte in to its last byte out.",
            took(|call| &call.duration),
        )?;
        self.family(
            "gateway_time_to_first_token_seconds",
            "Time from a call's first byte in to its first content event out.",
            took(|call| &call.first_token),
        )?;
        self.family(
            "gateway_inter_token_seconds",
            "Time between two content events of a stream.",
            took(|call| &call.inter_token),
        )?;
        self.family(
            "gateway_overhead_seconds",
            "The part of a call's time that was the gateway's own.",
            took(|call| &call.overhead),
        )?;
        self.family(
            "gateway_tokens_input",
            "Tokens of prompts, cached ones among them.",
            of(|call| &call.tokens_input),
        )?;
        self.family(
            "gateway_tokens_output",
            "Tokens of answers.",
            of(|call| &call.tokens_output),
        )?;
        self.family(
            "gateway_tokens_cached",
            "Tokens of prompts that the provider had cached.",
            of(|call| &call.tokens_cached),
        )?;
        let costs: Vec<_> = of(|call| &call.cost_pico_usd)
            .filter(|(_, cost)| cost.get() > 0)
            .map(|(labels, cost)| (labels, Sample::Counter(dollars(cost.get()))))
            .collect();
        self.family(
            "gateway_request_cost_usd",
            "What calls cost, in US dollars.",
            costs.iter().map(|(labels, cost)| (labels.clone(), cost)),
        )
    }

    fn surfaces(&mut self, surfaces: &Family<1, SurfaceMetrics>) -> fmt::Result {
        let members = surfaces.members();
        let of = |pick: fn(&SurfaceMetrics) -> &Counter| labelled(&members, ["surface"], pick);
        self.family(
            "gateway_in_flight_requests",
            "Calls that came and are not yet answered.",
            labelled(&members, ["surface"], |surface: &SurfaceMetrics| {
                &surface.in_flight
            }),
        )?;
        let codes: Vec<String> = (FIRST_STATUS..)
            .take(STATUSES)
            .map(|code| code.to_string())
            .collect();
        let responses = members.iter().flat_map(|member| {
            let counted = codes.iter().zip(&member.metric.responses);
            counted
                .filter(|(_, count)| count.get() > 0)
                .map(|(code, count)| {
                    let labels: Labels<'_> = vec![("surface", &member.labels[0]), ("status", code)];
                    (labels, count)
                })
        });
        self.family(
            "gateway_http_responses",
            "Answers by status code.",
            responses,
        )?;
        self.family(
            "gateway_request_bytes",
            "Bytes of bodies received.",
            of(|surface| &surface.request_bytes),
        )?;
        self.family(
            "gateway_response_bytes",
            "Bytes of bodies sent.",
            of(|surface| &surface.response_bytes),
        )?;
        self.family(
            "gateway_client_disconnects",
            "Clients that left before their answer was complete.",
            of(|surface| &surface.aborted),
        )
    }

    fn events(&mut self, numbers: &Numbers) -> fmt::Result {
        self.counters(
            "gateway_attempts",
            "Attempts at providers by outcome.",
            ["provider", "outcome"],
            &numbers.attempts,
        )?;
        self.counters(
            "gateway_provider_errors",
            "Failed attempts by kind, also those that failover moved past.",
            ["provider", "error_type"],
            &numbers.provider_errors,
        )?;
        self.counters(
            "gateway_provider_init_failures",
            "Providers left out when the gateway started or reloaded.",
            ["provider"],
            &numbers.provider_init_failures,
        )?;
        self.counters(
            "gateway_rate_limit_rejections",
            "Calls refused by a rate limit.",
            ["key_type"],
            &numbers.rate_limited,
        )?;
        self.counters(
            "gateway_config_reloads",
            "Reloads of the configuration by result.",
            ["result"],
            &numbers.config_reloads,
        )?;
        self.counters(
            "gateway_dropped",
            "Things that a bounded queue had no room for.",
            ["what"],
            &numbers.dropped,
        )?;
        self.counters(
            "gateway_discovery_rounds",
            "Rounds of asking providers for their models, by result.",
            ["provider", "result"],
            &numbers.discovery_rounds,
        )?;
        self.counters(
            "gateway_catalog_loads",
            "Catalogs of models loaded besides the built-in one, by where from and result.",
            ["source", "result"],
            &numbers.catalog_loads,
        )?;
        self.counters(
            "gateway_retries",
            "Further tries of the same target, by what made them necessary.",
            ["provider", "reason"],
            &numbers.retries,
        )?;
        self.counters(
            "gateway_hedges",
            "Second tries beside a slow first one, by whether they were faster.",
            ["provider", "outcome"],
            &numbers.hedges,
        )?;
        self.counters(
            "gateway_cooldowns",
            "Times that a target was left alone because its vendor limits the rate.",
            ["provider"],
            &numbers.cooldowns,
        )?;
        self.counters(
            "gateway_variant_requests",
            "Calls by the side of an experiment they were assigned to, and how they ended.",
            ["variant", "outcome"],
            &numbers.variants,
        )
    }

    fn connections(&mut self, numbers: &Numbers) -> fmt::Result {
        let Some(source) = numbers.connections.get() else {
            return Ok(());
        };
        let totals = source();
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let current = totals
            .current()
            .map(|(state, n)| (state, Sample::Gauge(n as f64)));
        self.family(
            "gateway_server_connections_current",
            "Client connections by state.",
            current
                .iter()
                .map(|(state, n)| (vec![("state", *state)], n)),
        )?;
        let transitions = totals
            .transitions()
            .map(|(state, n)| (state, Counter::holding(n)));
        self.family(
            "gateway_server_connection_transitions",
            "State changes of client connections, by the state entered.",
            transitions
                .iter()
                .map(|(state, n)| (vec![("state", *state)], n)),
        )
    }

    fn targets(&mut self, numbers: &Numbers) -> fmt::Result {
        let Some(source) = numbers.targets.get() else {
            return Ok(());
        };
        // A map, for a page with the same series twice is refused as a whole.
        let targets: BTreeMap<_, _> = source()
            .into_iter()
            .map(|numbers| (numbers.target.clone(), numbers))
            .collect();
        let breakers: Vec<_> = targets
            .iter()
            .map(|(target, numbers)| (target, Sample::Gauge(f64::from(numbers.breaker))))
            .collect();
        self.family(
            "gateway_circuit_breaker_state",
            "Circuit breakers: 0 closed, 1 open, 2 half-open.",
            breakers
                .iter()
                .map(|(target, state)| (vec![("provider", target.as_str())], state)),
        )?;
        let families = [
            (
                "gateway_target_calls",
                "Calls under way, of targets where they are bounded.",
            ),
            (
                "gateway_target_call_limit",
                "How many calls may be under way.",
            ),
            (
                "gateway_target_queue_depth",
                "Calls that wait for their turn.",
            ),
        ];
        for (place, (name, help)) in families.into_iter().enumerate() {
            let samples: Vec<_> = targets
                .iter()
                .filter_map(|(target, numbers)| {
                    Some((target, Sample::WholeGauge(numbers.calls?[place])))
                })
                .collect();
            self.family(
                name,
                help,
                samples
                    .iter()
                    .map(|(target, sample)| (vec![("target", target.as_str())], sample)),
            )?;
        }
        Ok(())
    }

    fn process(&mut self, numbers: &Numbers) -> fmt::Result {
        let now = process::read();
        self.single(
            "process_cpu_seconds",
            "Processor time spent, in user and system mode.",
            now.cpu_seconds.map(Sample::Counter),
        )?;
        self.single(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
            numbers.started.map(Sample::Gauge),
        )?;
        for (name, help, value) in [
            (
                "process_resident_memory_bytes",
                "Memory in use.",
                now.resident_bytes,
            ),
            (
                "process_virtual_memory_bytes",
                "Address space in use.",
                now.virtual_bytes,
            ),
            ("process_threads", "Threads.", now.threads),
            ("process_open_fds", "Open file descriptors.", now.open_fds),
            (
                "process_max_fds",
                "How many file descriptors may be open.",
                now.max_fds,
            ),
        ] {
            self.single(name, help, value.map(Sample::WholeGauge))?;
        }
        Ok(())
    }

    fn build(&mut self, version: &str) -> fmt::Result {
        let one = Sample::WholeGauge(1);
        self.family(
            "gateway_build_info",
            "The version that runs.",
            [(vec![("version", version)], &one)].into_iter(),
        )
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
        family: &Family<N, Counter>,
    ) -> fmt::Result {
        let members = family.members();
        self.family(
            name,
            help,
            labelled(&members, labels, |count: &Counter| count),
        )
    }

    /// One metric under many labels; nothing at all when none has anything to say.
    fn family<'a, M: EncodeMetric + 'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Labels<'a>, &'a M)>,
    ) -> fmt::Result {
        let mut samples = samples.filter(|(_, metric)| !metric.is_empty()).peekable();
        let Some((_, first)) = samples.peek() else {
            return Ok(());
        };
        let kind = first.metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        samples.try_for_each(|(labels, metric)| metric.encode(family.encode_family(&labels)?))
    }

    fn single(&mut self, name: &str, help: &str, sample: Option<Sample>) -> fmt::Result {
        let Some(sample) = sample else { return Ok(()) };
        let kind = sample.metric_type();
        sample.encode(self.0.encode_descriptor(name, help, None, kind)?)
    }
}

/// The members of a family with their labels, and of each the metric that is asked for.
fn labelled<'a, const N: usize, T, M: 'a>(
    members: &'a [Arc<Member<N, T>>],
    names: [&'static str; N],
    pick: impl Fn(&'a T) -> &'a M,
) -> impl Iterator<Item = (Labels<'a>, &'a M)> {
    members.iter().map(move |member| {
        let values = member.labels.iter().map(|value| &**value);
        (
            names.into_iter().zip(values).collect(),
            pick(&member.metric),
        )
    })
}

/// A number made at the scrape itself.
enum Sample {
    Counter(f64),
    Gauge(f64),
    WholeGauge(u64),
}

impl EncodeMetric for Sample {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Sample::Counter(value) => encoder.encode_counter::<NoLabelSet, f64, f64>(value, None),
            Sample::Gauge(value) => encoder.encode_gauge(value),
            Sample::WholeGauge(value) => encoder.encode_gauge(value),
        }
    }

    fn metric_type(&self) -> MetricType {
        match self {
            Sample::Counter(_) => MetricType::Counter,
            Sample::Gauge(_) | Sample::WholeGauge(_) => MetricType::Gauge,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum shown, not one that is charged"
)]
fn dollars(pico: u64) -> f64 {
    pico as f64 / 1e12
}
