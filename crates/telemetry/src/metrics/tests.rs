//! Both pages, held against the formats' rules and against the list of names.

mod checker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use checker::{Family, check};

/// Name, type, label names. Counters carry the name of their samples.
const NAMES: &[(&str, &str, &str)] = &[
    ("gateway_attempts_total", "counter", "outcome provider"),
    ("gateway_build_info", "gauge", "version"),
    ("gateway_catalog_loads_total", "counter", "result source"),
    ("gateway_circuit_breaker_state", "gauge", "provider"),
    ("gateway_client_disconnects_total", "counter", "surface"),
    ("gateway_config_reloads_total", "counter", "result"),
    (
        "gateway_discovery_rounds_total",
        "counter",
        "provider result",
    ),
    ("gateway_cooldowns_total", "counter", "provider"),
    ("gateway_retries_total", "counter", "provider reason"),
    ("gateway_hedges_total", "counter", "outcome provider"),
    ("gateway_target_calls", "gauge", "target"),
    ("gateway_target_call_limit", "gauge", "target"),
    ("gateway_target_queue_depth", "gauge", "target"),
    ("gateway_dropped_total", "counter", "what"),
    ("gateway_http_responses_total", "counter", "status surface"),
    ("gateway_in_flight_requests", "gauge", "surface"),
    ("gateway_inter_token_seconds", "histogram", "model provider"),
    ("gateway_overhead_seconds", "histogram", "model provider"),
    (
        "gateway_provider_errors_total",
        "counter",
        "error_type provider",
    ),
    (
        "gateway_provider_init_failures_total",
        "counter",
        "provider",
    ),
    ("gateway_rate_limit_rejections_total", "counter", "key_type"),
    ("gateway_request_bytes_total", "counter", "surface"),
    (
        "gateway_request_cost_usd_total",
        "counter",
        "model provider",
    ),
    (
        "gateway_request_duration_seconds",
        "histogram",
        "model provider",
    ),
    ("gateway_requests_total", "counter", "model provider status"),
    ("gateway_response_bytes_total", "counter", "surface"),
    (
        "gateway_server_connection_transitions_total",
        "counter",
        "state",
    ),
    ("gateway_server_connections_current", "gauge", "state"),
    (
        "gateway_time_to_first_token_seconds",
        "histogram",
        "model provider",
    ),
    ("gateway_tokens_cached_total", "counter", "model provider"),
    ("gateway_tokens_input_total", "counter", "model provider"),
    ("gateway_tokens_output_total", "counter", "model provider"),
    ("process_cpu_seconds_total", "counter", ""),
    ("process_max_fds", "gauge", ""),
    ("process_open_fds", "gauge", ""),
    ("process_resident_memory_bytes", "gauge", ""),
    ("process_start_time_seconds", "gauge", ""),
    ("process_threads", "gauge", ""),
    ("process_virtual_memory_bytes", "gauge", ""),
    (
        "gateway_variant_requests_total",
        "counter",
        "outcome variant",
    ),
];

/// Everything touched once.
fn busy() -> Arc<Metrics> {
    let metrics = Metrics::new("1.2.3");
    let call = metrics.call("openai", "gpt-4o");
    call.requests_success.inc();
    call.duration.observe(Duration::from_millis(420));
    call.duration.observe(Duration::from_secs(1_000));
    call.first_token.observe(Duration::from_millis(30));
    call.inter_token.observe_many(Duration::from_millis(3), 7);
    call.overhead.observe(Duration::from_micros(42));
    call.tokens_input.add(12);
    call.tokens_output.add(34);
    call.tokens_cached.add(5);
    call.cost_pico_usd.add(1_500_000_000);
    let surface = metrics.surface("chat");
    surface.response(200);
    surface.response(200);
    surface.response(502);
    surface.request_bytes.add(1_000);
    surface.response_bytes.add(2_000);
    surface.aborted.inc();
    metrics.attempt("openai", "success");
    metrics.provider_error("azure", "timeout");
    metrics.provider_init_failure("groq");
    metrics.rate_limited("ip");
    metrics.config_reload("success");
    metrics.discovery_round("ollama", "error");
    metrics.catalog_load("remote", "success");
    metrics.variant("b", "failover");
    metrics.dropped("access_lines").add(3);
    metrics.watch_connections(|| super::ConnectionTotals {
        opened: 7,
        closed: 4,
        active: 1,
        activated: 9,
        idled: 8,
        refused: 0,
    });
    metrics.watch_targets(|| {
        let azure = |breaker| super::TargetNumbers {
            target: "azure".to_owned(),
            breaker,
            calls: Some([3, 8, 1]),
        };
        vec![azure(1), azure(2)]
    });
    metrics.retry("azure", "timeout");
    metrics.hedge("azure", "won");
    metrics.cooldown("azure");
    metrics
}

fn pages(metrics: &Metrics) -> [(bool, Vec<Family>); 2] {
    [true, false].map(|openmetrics| {
        let page = metrics.render(openmetrics);
        let families = check(&page, openmetrics)
            .unwrap_or_else(|problem| panic!("openmetrics {openmetrics}: {problem}\n{page}"));
        (openmetrics, families)
    })
}

fn value(families: &[Family], series: &str) -> Option<f64> {
    let mut samples = families.iter().flat_map(|family| &family.samples);
    samples
        .find(|sample| sample.series() == series)
        .map(|sample| sample.value)
}

#[cfg(target_os = "linux")]
#[test]
fn both_pages_hold_the_names_types_and_labels_that_were_promised() {
    for (openmetrics, families) in pages(&busy()) {
        let suffix = |kind: &str| {
            if openmetrics && kind == "counter" {
                "_total"
            } else {
                ""
            }
        };
        let found: BTreeSet<_> = families
            .iter()
            .map(|f| {
                (
                    format!("{}{}", f.name, suffix(&f.kind)),
                    f.kind.clone(),
                    f.label_names(),
                )
            })
            .collect();
        let promised: BTreeSet<_> = NAMES
            .iter()
            .map(|(name, kind, labels)| {
                ((*name).to_owned(), (*kind).to_owned(), (*labels).to_owned())
            })
            .collect();
        assert_eq!(found, promised, "openmetrics {openmetrics}");
    }
}

#[test]
fn both_pages_tell_the_same_numbers() {
    let metrics = busy();
    let _in_flight = metrics.surface("chat").enter();
    for (openmetrics, families) in pages(&metrics) {
        for (series, expected) in [
            (
                "gateway_requests_total{model=gpt-4o,provider=openai,status=success}",
                1.0,
            ),
            (
                "gateway_requests_total{model=gpt-4o,provider=openai,status=rejected}",
                0.0,
            ),
            (
                "gateway_request_duration_seconds_count{model=gpt-4o,provider=openai}",
                2.0,
            ),
            (
                "gateway_request_duration_seconds_sum{model=gpt-4o,provider=openai}",
                1_000.42,
            ),
            (
                "gateway_request_duration_seconds_bucket{le=0.25,model=gpt-4o,provider=openai}",
                0.0,
            ),
            (
                "gateway_request_duration_seconds_bucket{le=0.5,model=gpt-4o,provider=openai}",
                1.0,
            ),
            (
                "gateway_request_duration_seconds_bucket{le=600.0,model=gpt-4o,provider=openai}",
                1.0,
            ),
            (
                "gateway_request_duration_seconds_bucket{le=+Inf,model=gpt-4o,provider=openai}",
                2.0,
            ),
            (
                "gateway_inter_token_seconds_count{model=gpt-4o,provider=openai}",
                7.0,
            ),
            (
                "gateway_tokens_output_total{model=gpt-4o,provider=openai}",
                34.0,
            ),
            (
                "gateway_request_cost_usd_total{model=gpt-4o,provider=openai}",
                0.0015,
            ),
            ("gateway_http_responses_total{status=200,surface=chat}", 2.0),
            ("gateway_http_responses_total{status=502,surface=chat}", 1.0),
            ("gateway_in_flight_requests{surface=chat}", 1.0),
            ("gateway_server_connections_current{state=active}", 1.0),
            ("gateway_server_connections_current{state=idle}", 2.0),
            (
                "gateway_server_connection_transitions_total{state=new}",
                7.0,
            ),
            ("gateway_dropped_total{what=access_lines}", 3.0),
            ("gateway_circuit_breaker_state{provider=azure}", 2.0),
            ("gateway_build_info{version=1.2.3}", 1.0),
        ] {
            let found = value(&families, series);
            assert_eq!(found, Some(expected), "openmetrics {openmetrics}: {series}");
        }
        assert_eq!(
            value(
                &families,
                "gateway_http_responses_total{status=404,surface=chat}"
            ),
            None
        );
    }
}

#[test]
fn an_idle_gateway_shows_only_what_it_has() {
    for (_, families) in pages(&Metrics::new("0")) {
        assert!(families.iter().all(|family| !family.samples.is_empty()));
        assert!(value(&families, "gateway_build_info{version=0}").is_some());
        assert!(
            !families
                .iter()
                .any(|f| f.name.starts_with("gateway_requests"))
        );
    }
}

#[test]
fn hostile_labels_break_neither_page() {
    let metrics = Metrics::new("0");
    for model in [
        "a\"} 1\nevil 2",
        "back\\slash",
        "new\nline",
        "é{},=",
        "",
        "# EOF",
    ] {
        let call = metrics.call("p\"\\\n", model);
        call.requests_error.inc();
        call.overhead.observe(Duration::from_micros(1));
    }
    for (_, families) in pages(&metrics) {
        let models = [
            "a\"} 1evil 2",
            "back\\slash",
            "newline",
            "é{},=",
            "",
            "# EOF",
        ];
        for model in models {
            let series =
                format!("gateway_requests_total{{model={model},provider=p\"\\,status=error}}");
            assert_eq!(value(&families, &series), Some(1.0), "{series}");
        }
    }
}

#[test]
fn models_past_the_bound_share_the_series_of_other() {
    let metrics = Metrics::with_model_pairs("0", 3);
    for n in 0..10 {
        metrics.call("p", &format!("m{n}")).requests_success.inc();
    }
    for (_, families) in pages(&metrics) {
        let of = |model: &str| {
            value(
                &families,
                &format!("gateway_requests_total{{model={model},provider=p,status=success}}"),
            )
        };
        assert_eq!(of("m2"), Some(1.0));
        assert_eq!(of("m3"), None);
        assert_eq!(of("other"), Some(7.0));
    }
}

#[test]
fn statuses_outside_http_count_as_the_nearer_end() {
    let metrics = Metrics::new("0");
    let surface = metrics.surface("chat");
    for status in [0, 99, 100, 599, 600, u16::MAX] {
        surface.response(status);
    }
    for (_, families) in pages(&metrics) {
        for status in [100, 599] {
            let series = format!("gateway_http_responses_total{{status={status},surface=chat}}");
            assert_eq!(value(&families, &series), Some(3.0));
        }
    }
}

#[test]
fn only_calls_in_flight_are_counted_as_such() {
    let metrics = Metrics::new("0");
    let surface = metrics.surface("chat");
    let (first, second) = (surface.enter(), metrics.surface("chat").enter());
    assert_eq!(surface.in_flight.get(), 2);
    drop(first);
    assert_eq!(surface.in_flight.get(), 1);
    drop(second);
    assert_eq!(surface.in_flight.get(), 0);
}
