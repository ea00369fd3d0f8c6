use proptest::prelude::*;

use super::*;
use crate::{ApiKey, Listen, Mode, Models, OnDisconnect, Scope};

const KNOWN: Known<'_> = Known {
    providers: &["acme", "azure-acme", "local"],
};

fn yaml(text: &str) -> Result<Loaded, Problems> {
    load(text, Format::Yaml, &KNOWN)
}

fn good(text: &str) -> Loaded {
    yaml(text).unwrap_or_else(|problems| panic!("{}\n{text}", problems.display_with("gw.yaml")))
}

fn bad(text: &str, format: Format) -> Vec<Problem> {
    match load(text, format, &KNOWN) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(problems) => problems.0,
    }
}

/// A config with one good target and whatever follows.
fn with(rest: &str) -> String {
    format!("targets: [{{virtual_key: acme}}]\n{rest}")
}

/// A config with one target that has these lines besides its name.
fn target(lines: &str) -> String {
    let lines = lines.replace('\n', "\n    ");
    format!("targets:\n  - virtual_key: acme\n    {lines}\n")
}

#[test]
fn the_smallest_config_is_good_and_has_the_defaults() {
    let Loaded { config, warnings } = good(&with(""));
    assert_eq!(warnings, []);
    let mut expected = Config::default();
    expected.targets.push(crate::Target {
        virtual_key: "acme".into(),
        ..Default::default()
    });
    assert_eq!(config, expected);
    assert_eq!(config.strategy.mode, Mode::Single);
    assert_eq!(config.max_request_bytes, 10_485_760);
    assert_eq!(config.max_response_bytes, 52_428_800);
    assert_eq!(
        config.stream.heartbeat(),
        Some(std::time::Duration::from_secs(15))
    );
    assert_eq!(config.stream.max_event_bytes, 16_777_216);
    assert_eq!(
        config.server.listen,
        [Listen {
            ip: None,
            port: 8080
        }]
    );
    assert_eq!(config.server.max_header_bytes, 1_048_576);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert!(config.log.access && config.discovery.enabled && config.request_timeout.is_none());
}

const EVERYTHING: &str = r#"
apiVersion: v1
strategy: {mode: fallback}
targets:
  - virtual_key: main
    provider: acme
    api_key: [{value: "${A}", weight: 2}, {value: file:/run/b}]
    base_url: https://${HOST}/v1
    headers: {X-A: "b ${C}", X-Number: 7}
    query: {api-version: 2024-10-21}
    timeouts: {connect: 5s, first_byte: 600s, idle: 120s, total: 0s}
    proxy: http://user:${PASS}@proxy:3128
    ca_file: /etc/ssl/x.pem
    models: {asked: own}
  - virtual_key: own
    api_key: ${OWN}
    region: cn
    vars: {account_id: 0123}
    models: [one, two]
    proxy: none
  - virtual_key: cloud
    provider: acme
    auth: {aws: {access_key_id: "${ID}", secret_access_key: "${SECRET}", role_arn: r, service: s}}
providers:
  - id: own
    base_url: https://{account_id}.own.test/v1
    regions: {cn: "https://{account_id}.cn.own.test/v1"}
    env: {vars: {account_id: {required: true}}}
    auth: {header: X-Key}
    surfaces: [chat]
max_request_bytes: 1_000
max_response_bytes: 0x400
request_timeout: 1h2m3.5s
aliases: {fast: one}
compatibility: {on_unsupported_param: reject}
discovery: {interval: 1h}
keys:
  - name: ci
    sha256: 00000000000000000000000000000000000000000000000000000000000000aa
    scopes: [admin, inference]
    models: [one]
    expires_at: 2027-01-01T00:00:00Z
    disabled: yes
stream: {heartbeat: 0s, idle_timeout: 2m, max_event_bytes: 2048, on_disconnect: drain}
server:
  listen: [":8080", "[::1]:8081"]
  threads: 2
  tls: {cert_file: a.pem, key_file: b.pem}
  header_timeout: 10s
  body_timeout: 30s
  keep_alive: 75s
  write_timeout: 15s
  max_header_bytes: 16384
  max_connections: 20000
  drain_delay: 1s
  drain_timeout: 15s
  trusted_proxies: [10.0.0.0/8, "::1/128"]
  cors_origins: [https://app.example]
  rate_limit: {rps: 0.5, burst: 40}
media: {fetch: {mode: allowlist, hosts: ["*.cdn.test"], allow_http: on, ports: [8443], allow_networks: [10.0.0.0/8]}}
log: {format: text, level: debug, access: off}
"#;

#[test]
fn every_key_is_read() {
    let Loaded { config, warnings } = good(EVERYTHING);
    let told: Vec<_> = warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert!(told.is_empty(), "{told:?}");
    let [main, own, cloud] = config.targets.as_slice() else {
        panic!("{config:?}")
    };
    let aws = cloud.auth.as_ref().and_then(|auth| auth.aws.as_ref());
    assert_eq!(aws.and_then(|aws| aws.role_arn.as_deref()), Some("r"));
    let fetch = &config.media.fetch;
    assert!(fetch.allow_http && fetch.hosts.len() == 1 && fetch.allow_networks.len() == 1);
    assert_eq!(main.provider_id(), "acme");
    let Some(keys) = main.api_key.as_ref().map(ApiKey::weighted) else {
        panic!("{main:?}")
    };
    assert_eq!(
        keys.iter()
            .map(|(key, weight)| (key.expose(), *weight))
            .collect::<Vec<_>>(),
        [("${A}", 2), ("file:/run/b", 1)]
    );
    assert_eq!(main.headers["X-Number"].expose(), "7");
    assert_eq!(main.query["api-version"].expose(), "2024-10-21");
    assert_eq!(main.timeouts.total, Some(std::time::Duration::ZERO));
    assert_eq!(
        main.models,
        Models::Map([("asked".into(), crate::Model::Id("own".into()))].into())
    );
    assert_eq!(own.vars["account_id"], "0123", "a text keeps its noughts");
    assert_eq!(own.models.pairs(), [("one", "one"), ("two", "two")]);
    assert_eq!(config.providers[0].id, "own");
    assert_eq!(
        (config.max_request_bytes, config.max_response_bytes),
        (1000, 1024)
    );
    assert_eq!(
        config.request_timeout,
        Some(std::time::Duration::from_millis(3_723_500))
    );
    assert_eq!(config.keys[0].scopes, [Scope::Admin, Scope::Inference]);
    assert!(
        config.keys[0].disabled,
        "yes is true where true or false is expected"
    );
    assert!(
        !config.log.access,
        "off is false where true or false is expected"
    );
    assert_eq!(config.stream.heartbeat(), None);
    assert_eq!(config.stream.on_disconnect, OnDisconnect::Drain);
    assert_eq!(config.server.listen.len(), 2);
    assert!((config.server.rate_limit.rps - 0.5).abs() < 1e-9);
}

#[test]
fn what_is_written_out_is_read_back_in_both_forms() {
    let text = EVERYTHING
        .replace("\"b ${C}\"", "\"${C}\"")
        .replace("X-Number: 7", "X-D: \"${D}\"");
    let config = good(&text.replace("2024-10-21", "\"${V}\"")).config;
    let json = serde_json::to_string(&config).unwrap();
    for format in [Format::Json, Format::Yaml] {
        assert_eq!(load(&json, format, &KNOWN).unwrap().config, config);
    }
}

#[test]
fn no_secret_is_ever_printed() {
    let text = r#"
targets:
  - virtual_key: acme
    api_key: [{value: sk-topsecret}, {value: "Bearer-topsecret ${A}"}]
    headers: {X-Key: topsecret}
    query: {token: topsecret}
    proxy: http://user:topsecret@proxy:3128
"#;
    let Loaded { config, warnings } = good(text);
    let printed = format!(
        "{config:?}{config:#?}{warnings:?}{}",
        serde_json::to_string(&config).unwrap()
    );
    assert!(!printed.contains("topsecret"), "{printed}");
    assert!(printed.contains("[REDACTED]"));
    assert_eq!(warnings.len(), 1, "one literal credential: {warnings:?}");
}

#[test]
fn no_secret_stands_in_a_problem() {
    for lines in [
        "api_key: [topsecret]",
        "api_key: [{value: [topsecret]}]",
        "api_key: [{value: x, topsecret: 1}, {vaule: topsecret}]"
            .replace("topsecret: 1", "weight: a")
            .as_str(),
        "api_key: \"${A:-topsecret}\"",
        "api_key: {value: topsecret}",
        "headers: [topsecret]",
        "headers: {X-A: \"topsecret\\n\"}",
        "headers: topsecret",
        "query: {a: [topsecret]}",
        "proxy: https://user:topsecret@proxy",
        "proxy: http://user:topsecret@proxy:x",
        "proxy: [topsecret]",
        "base_url: https://user:topsecret@host",
        "base_url: ftp://user:${A}topsecret@host",
    ] {
        let problems = bad(&target(lines), Format::Yaml);
        let printed = format!("{}{problems:?}", Problems(problems.clone()));
        assert!(!printed.contains("topsecret"), "{lines}\n{printed}");
    }
    for hash in [
        "fgw_topsecret",
        "topsecret",
        "[topsecret]",
        "{topsecret: 1}",
    ] {
        let problems = bad(
            &with(&format!("keys: [{{name: a, sha256: {hash}}}]")),
            Format::Yaml,
        );
        assert!(
            !format!("{problems:?}").contains("topsecret"),
            "{hash}\n{problems:?}"
        );
    }
}

/// A bad config, and the one problem that is found in it.
struct Case {
    text: String,
    path: &'static str,
    place: (usize, usize),
    message: &'static str,
    hint: Option<&'static str>,
}

fn case(
    text: impl Into<String>,
    path: &'static str,
    place: (usize, usize),
    message: &'static str,
    hint: impl Into<Option<&'static str>>,
) -> Case {
    Case {
        text: text.into(),
        path,
        place,
        message,
        hint: hint.into(),
    }
}

fn check_all(cases: &[Case], format: Format) {
    for Case {
        text,
        path,
        place,
        message,
        hint,
    } in cases
    {
        let problems = bad(text, format);
        let [problem] = problems.as_slice() else {
            panic!("one problem expected in\n{text}\n{}", Problems(problems));
        };
        assert_eq!(problem.path, *path, "{text}\n{problem}");
        // Where only the line matters the column is written as 0.
        let column = if place.1 == 0 { 0 } else { problem.column };
        assert_eq!((problem.line, column), *place, "{text}\n{problem}");
        assert!(
            problem.message.contains(message),
            "{text}\n{problem}\nexpected: {message}"
        );
        match hint {
            None => assert_eq!(problem.hint, None, "{text}"),
            Some(hint) => {
                let found = problem.hint.as_deref().unwrap_or_default();
                assert!(found.contains(hint), "{text}\n{problem}\nexpected: {hint}");
            }
        }
    }
}

#[test]
#[rustfmt::skip] // one row, one line
fn keys_that_are_not_known_are_told_with_what_was_meant() {
    check_all(
        &[
            case(with("stratgy: {}"), "stratgy", (2, 1), "unknown key `stratgy` at the top level", "did you mean `strategy`?"),
            case(with("api_version: v1"), "api_version", (2, 1), "unknown key `api_version`", "did you mean `apiVersion`?"),
            case(target("timeout: {}"), "targets[0].timeout", (3, 5), "unknown key `timeout` inside `targets[0]`", "did you mean `timeouts`?"),
            case(target("timeouts:\n  firstbyte: 3s"), "targets[0].timeouts.firstbyte", (4, 7), "inside `targets[0].timeouts`", "did you mean `first_byte`?"),
            case(target("wieght: 1"), "targets[0].wieght", (3, 5), "unknown key `wieght`", "did you mean `weight`?"),
            case(with("plugins: []"), "plugins", (2, 1), "not available in this version", None),
            case(with("heartbeat: 3s"), "heartbeat", (2, 1), "unknown key", "`heartbeat` belongs inside `stream`"),
            case(with("log: {aliases: {}}"), "log.aliases", (2, 7), "inside `log`", "`aliases` belongs at the top level"),
            case(with("server: {idle_timeout: 3s}"), "server.idle_timeout", (2, 10), "inside `server`", "belongs inside `stream`"),
            case(with("log: {colour: blue}"), "log.colour", (2, 7), "unknown key `colour`", "accepted here: access, format, level"),
            case(with("\"a b\": 1"), "[\"a b\"]", (2, 1), "unknown key `a b`", "accepted here: aliases, apiVersion"),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn values_of_the_wrong_kind_are_told_with_what_is_accepted() {
    check_all(
        &[
            case("[]", "", (1, 1), "expected a mapping, found a list", None),
            case("just text", "", (1, 1), "expected a mapping, found text", None),
            case("targets: acme", "targets", (1, 10), "expected a list, found text", None),
            case("targets: [acme]", "targets[0]", (1, 11), "expected a mapping, found text", None),
            case(with("max_request_bytes: 10MB"), "max_request_bytes", (2, 20), "expected a whole number, found text", None),
            case(with("max_request_bytes: 1.5"), "max_request_bytes", (2, 20), "`1.5` is not a whole number", None),
            case(with("max_request_bytes: true"), "max_request_bytes", (2, 20), "found true or false (`true`)", None),
            case(with("log: {access: 1}"), "log.access", (2, 15), "expected true or false, found a number (`1`)", None),
            case(with("server: {rate_limit: {rps: .nan}}"), "server.rate_limit.rps", (2, 28), "is not a finite number", None),
            case(with("server: {listen: {a: 1}}"), "server.listen", (2, 18), "expected an address such as :8080 or a list, found a mapping", None),
            case(target("models: one"), "targets[0].models", (3, 13), "expected a list or a mapping, found text", None),
            case(target("api_key:\n  - ${A}"), "targets[0].api_key[0]", (4, 9), "expected a mapping, found text", None),
            case(target("headers: {X-A: [1]}"), "targets[0].headers.X-A", (3, 20), "expected text, found a list", None),
            case(with("aliases: {fast: }"), "aliases.fast", (2, 11), "expected text or a list, found nothing", None),
            case(with("request_timeout: [3s]"), "request_timeout", (2, 18), "expected a duration such as 30s, found a list", None),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn words_and_texts_are_held_against_what_they_must_be() {
    check_all(
        &[
            case(with("strategy: {mode: singel}"), "strategy.mode", (2, 18), "unknown value `singel`, expected one of single, fallback, loadbalance, conditional, least-latency, cost-optimized, content-based, ab-test", "did you mean `single`?"),
            case(with("strategy: {mode: [single]}"), "strategy.mode", (2, 18), "expected one of single, fallback, loadbalance", None),
            case(with("compatibility: {on_unsupported_param: Reject}"), "compatibility.on_unsupported_param", (2, 39), "unknown value `Reject`", "did you mean `reject`?"),
            case(with("log: {level: verbose}"), "log.level", (2, 14), "expected one of debug, info, warn, error", None),
            case(with("request_timeout: 30"), "request_timeout", (2, 18), "`30` has no unit", "write 30s"),
            case(with("request_timeout: 2d"), "request_timeout", (2, 18), "`d` is not a unit", "24h"),
            case(with("keys: [{name: a, sha256: fgw_0}]"), "keys[0].sha256", (2, 26), "this is a key, not its hash", "sha256sum"),
            case(with("keys: [{name: a, sha256: abc}]"), "keys[0].sha256", (2, 26), "expected 64 hexadecimal digits, found 3", None),
            case(with("server: {listen: 8080}"), "server.listen", (2, 18), "`8080` is not an address", "write \":8080\""),
            case(with("server: {listen: [\":8080\", host]}"), "server.listen[1]", (2, 28), "`host` is not an address", None),
            case(with("server: {trusted_proxies: [10.0.0.1]}"), "server.trusted_proxies[0]", (2, 28), "is not a network", "write 10.0.0.1/32"),
            case(with("server: {cors_origins: ['*.x']}"), "server.cors_origins[0]", (2, 25), "wildcards are not accepted", None),
            case(target("proxy: socks5://p:1"), "targets[0].proxy", (3, 12), "not a proxy", None),
            case(target("api_key: ${A:-b}"), "targets[0].api_key", (3, 14), "does not start a reference", "write ${NAME}"),
            case(target("api_key: ''"), "targets[0].api_key", (3, 14), "must not be empty", None),
            case(target("api_key: 'file:'"), "targets[0].api_key", (3, 14), "names no file", None),
            case(target("base_url: https://u:p@acme.test"), "targets[0].base_url", (3, 15), "a password stands here", "write ${NAME}"),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn numbers_and_durations_are_held_against_their_range() {
    check_all(
        &[
            case(with("max_request_bytes: 0"), "max_request_bytes", (2, 20), "`max_request_bytes` is 0, must be from 1 to 1099511627776", None),
            case(with("max_response_bytes: -1"), "max_response_bytes", (2, 21), "`max_response_bytes` is -1, must be from 1", None),
            case(with("max_request_bytes: 1099511627777"), "max_request_bytes", (2, 20), "to 1099511627776", None),
            case(with("max_request_bytes: 99999999999999999999999999999"), "max_request_bytes", (2, 20), "must be from 1", None),
            case(with("request_timeout: 0s"), "request_timeout", (2, 18), "`request_timeout` is 0s, must be from 1ms to 24h", None),
            case(with("request_timeout: -5s"), "request_timeout", (2, 18), "`-5s` is negative", None),
            case(with("request_timeout: 25h"), "request_timeout", (2, 18), "must be from 1ms to 24h", None),
            case(with("discovery: {interval: 59s}"), "discovery.interval", (2, 23), "`interval` is 59s, must be from 1m", None),
            case(with("stream: {heartbeat: 1ms}"), "stream.heartbeat", (2, 21), "0s (off) or at least 100ms", None),
            case(with("stream: {max_event_bytes: 10}"), "stream.max_event_bytes", (2, 27), "must be from 1024", None),
            case(with("server: {threads: 0}"), "server.threads", (2, 19), "`threads` is 0, must be from 1 to 1024", None),
            case(with("server: {threads: 1025}"), "server.threads", (2, 19), "must be from 1 to 1024", None),
            case(with("server: {rate_limit: {rps: -1}}"), "server.rate_limit.rps", (2, 28), "`rps` is -1, must be from 0", None),
            case(with("server: {max_connections: 0}"), "server.max_connections", (2, 27), "must be from 1", None),
            case(target("timeouts: {connect: 0s}"), "targets[0].timeouts.connect", (3, 25), "must be from 1ms to 10m", None),
            case(target("api_key: [{value: '${A}', weight: 0}]"), "targets[0].api_key[0].weight", (3, 39), "`weight` is 0, must be from 1", None),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn what_is_required_and_what_must_agree_is_checked() {
    let hash = |n: u8| format!("{n:064x}");
    let key = |name: &str, n: u8, rest: &str| {
        format!("  - {{name: {name}, sha256: '{}'{rest}}}\n", hash(n))
    };
    let keys = |list: &[String]| with(&format!("keys:\n{}", list.concat()));
    check_all(
        &[
            case("", "targets", (1, 1), "`targets` is required", None),
            case("strategy: {mode: single}", "targets", (1, 1), "`targets` is required", None),
            case("targets: []", "targets", (1, 10), "`targets` needs at least one entry", None),
            case("targets:\n", "targets", (1, 1), "`targets` is required", None),
            case("targets:\n  - provider: acme\n", "targets[0].virtual_key", (2, 5), "`virtual_key` is required", None),
            case("targets: [{virtual_key: ''}]", "targets[0].virtual_key", (1, 25), "must not be empty", None),
            case("targets: [{virtual_key: a/b, provider: acme}]", "targets[0].virtual_key", (1, 25), "`a/b` must be made of letters", None),
            case("targets: [{virtual_key: acmee}]", "targets[0].virtual_key", (1, 25), "there is no provider `acmee`", "did you mean `acme`?"),
            case("targets: [{virtual_key: x, provider: azure_acme}]", "targets[0].provider", (1, 38), "there is no provider `azure_acme`", "did you mean `azure-acme`?"),
            case("targets: [{virtual_key: acme}, {virtual_key: acme}]", "targets[1].virtual_key", (1, 46), "must be unique, targets[0] has the same", None),
            case(target("headers: {Authorization: x}"), "targets[0].headers.Authorization", (3, 15), "belongs into `api_key`", None),
            case(target("headers: {HOST: x}"), "targets[0].headers.HOST", (3, 15), "cannot be set", None),
            case(target("headers: {content-length: 1}"), "targets[0].headers.content-length", (3, 15), "follows from the body", None),
            case(target("headers: {TE: x}"), "targets[0].headers.TE", (3, 15), "belongs to a single connection", None),
            case(target("headers: {X-A: 1, x-a: 2}"), "targets[0].headers.x-a", (3, 23), "are the same header", None),
            case(target("headers: {'X A': 1}"), "targets[0].headers[\"X A\"]", (3, 15), "is not the name of a header", None),
            case(target("models: [a, ' b']"), "targets[0].models[1]", (3, 17), "has space around it", None),
            case(target("models: ['']"), "targets[0].models[0]", (3, 14), "must not be empty", None),
            case(target("models: [a*]"), "targets[0].models[0]", (3, 14), "has a wildcard", None),
            case(target("models: [a, b, a]"), "targets[0].models[2]", (3, 20), "`a` stands in this list already, at [0]", None),
            case(target("models: {a?: b}"), "targets[0].models[\"a?\"]", (3, 14), "has a wildcard", None),
            case(target("models: {'a*': 'b*c*'}"), "targets[0].models[\"a*\"]", (3, 20), "`b*c*` has more `*` than `a*`", None),
            case(target("models: {'*********': b}"), "targets[0].models[\"*********\"]", (3, 14), "at most 8 `*`", None),
            case(target("models: {a: {input_price: free}}"), "targets[0].models.a.input_price", (3, 31), "not a price", None),
            case(target("models: {a: {context_windw: 5}}"), "targets[0].models.a.context_windw", (3, 18), "unknown key", "did you mean `context_window`?"),
            case(target("models: {a: ''}"), "targets[0].models.a", (3, 17), "own id must not be empty", None),
            case(with("aliases: {a: a}"), "aliases.a", (2, 14), "must not mean itself", None),
            case(with("aliases: {a: b, b: c}"), "aliases.a", (2, 14), "`b` is an alias too", None),
            case(with("aliases: {a: [b, b]}"), "aliases.a[1]", (2, 18), "`b` stands in this list already", None),
            case(with("aliases: {a: []}"), "aliases.a", (2, 14), "needs at least one entry", None),
            case(with("aliases: {a: [b, c], c: d}"), "aliases.a[1]", (2, 18), "`c` is an alias too", None),
            case(with("aliases: {a: ''}"), "aliases.a", (2, 14), "needs a model", None),
            case(with("aliases: {'': a}"), "aliases[\"\"]", (2, 11), "needs a name", None),
            case(with("keys: [{name: a}]"), "keys[0].sha256", (2, 8), "`sha256` is required", None),
            case(keys(&[key("a", 1, ""), key("a", 2, "")]), "keys[1].name", (4, 12), "must be unique, keys[0]", None),
            case(keys(&[key("a", 1, ""), key("b", 1, "")]), "keys[1].sha256", (4, 23), "must be unique, keys[0]", None),
            case(keys(&[key("a", 1, ", scopes: []")]), "keys[0].scopes", (3, 99), "`scopes` needs at least one entry", None),
            case(keys(&[key("a", 1, ", scopes: [admin, admin]")]), "keys[0].scopes[1]", (3, 107), "stands in the list already", None),
            case(keys(&[key("a", 1, ", scopes: [root]")]), "keys[0].scopes[0]", (3, 100), "expected one of admin, read_only, inference", None),
            case(keys(&[key("a", 1, ", models: [x*]")]), "keys[0].models[0]", (3, 100), "has a wildcard", None),
            case(keys(&[key("a", 1, ", expires_at: tomorrow")]), "keys[0].expires_at", (3, 103), "`tomorrow` is not a moment", "2027-01-01T00:00:00Z"),
            case(with("server: {listen: [':1', ':1']}"), "server.listen[1]", (2, 25), "`:1` stands in the list already", None),
            case(with("server: {tls: {cert_file: a}}"), "server.tls.key_file", (2, 15), "`key_file` is required", None),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn a_target_is_held_against_its_providers_row() {
    let row = "providers:\n  - id: own\n    base_url: 'https://{account_id}.own.test'\n    \
               regions: {cn: 'https://cn.own.test'}\n    env: {vars: {account_id: {}}}\n";
    let own = |rest: &str| format!("targets:\n  - virtual_key: own\n    {rest}\n{row}");
    good(&own("vars: {account_id: '${ID}'}"));
    good(&own("base_url: https://${HOST}:${PORT}/v1"));
    good(&own("base_url: ${ALL}"));
    check_all(
        &[
            case(own("vars: {acount_id: a}\n    region: cn"), "targets[0].vars.acount_id", (3, 12), "own has no such variable (it has: account_id)", "did you mean `account_id`?"),
            case(own("vars: {account_id: a/b}"), "targets[0].vars.account_id", (3, 24), "cannot stand in a url", None),
            case(own("region: ch"), "targets[0].region", (3, 13), "own has no region `ch` (it has: cn)", "did you mean `cn`?"),
            case(own("base_url: ftp://${HOST}"), "targets[0].base_url", (3, 15), "must begin with https:// or http://", None),
            case(own("base_url: https://own.test/v1?x=1"), "targets[0].base_url", (3, 15), "must not have a query", None),
            case(own("models: []"), "targets[0]", (2, 5), "own needs `account_id` to know its address", None),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn a_clouds_identity_is_whole_and_of_the_providers_kind() {
    let of = |provider: &str, auth: &str| {
        format!("targets:\n  - virtual_key: own\n    provider: {provider}\n    base_url: https://own.test\n    auth: {auth}\n")
    };
    let known = |text: &str| {
        let ids: Vec<_> = providers::builtin().ids().collect();
        super::load(text, Format::Yaml, &Known { providers: &ids })
    };
    for (provider, auth) in [
        ("azure-openai", "{entra: {}}"),
        ("azure-openai", "{entra: {tenant_id: t, client_id: '${ID}', client_secret: '${SECRET}'}}"),
        ("azure-openai", "{entra: {client_id: machine}}"),
        ("databricks", "{databricks: {client_id: a, client_secret: 'file:/run/x'}}"),
        ("openai", "{google: {credentials_file: /x.json, scope: s}}"),
        ("openai-compatible", "{aws: {service: bedrock, profile: prod, role_arn: r}}"),
        ("openai-compatible", "{entra: {scope: s}}"),
    ] {
        let loaded = known(&of(provider, auth)).unwrap_or_else(|problems| panic!("{auth}: {problems}"));
        assert!(loaded.warnings.is_empty(), "{auth}: {:?}", loaded.warnings);
        assert!(loaded.config.targets[0].auth.is_some());
    }
    for (provider, auth, at, message) in [
        ("azure-openai", "{}", "targets[0].auth", "name exactly one of aws, google, entra and databricks"),
        ("azure-openai", "{entra: {}, aws: {}}", "targets[0].auth", "name exactly one of"),
        ("azure-openai", "{aws: {}}", "targets[0].auth.aws", "azure-openai takes `auth.entra`, not `auth.aws`"),
        ("azure-openai", "{entra: {client_secret: '${S}'}}", "targets[0].auth.entra.client_secret", "`client_secret` needs `client_id` beside it"),
        ("azure-openai", "{entra: {tenant_id: t, client_id: a, client_secret: '${S}', federated_token_file: /x}}", "targets[0].auth.entra.federated_token_file", "exclude each other; one of them must go"),
        ("azure-openai", "{entra: {authority_host: login.test}}", "targets[0].auth.entra.authority_host", "an authority is a URL"),
        ("azure-openai", "{entra: {client_secrt: x}}", "targets[0].auth.entra.client_secrt", "unknown key `client_secrt`"),
        ("azure-openai", "{entra: {}}\n    api_key: '${K}'", "targets[0].auth", "either `api_key` or `auth`"),
        ("databricks", "{databricks: {client_id: a}}", "targets[0].auth.databricks.client_id", "`client_id` needs `client_secret` beside it"),
        ("openai", "{entra: {}}", "targets[0].auth.entra", "`scope` is required here"),
        ("openai", "{aws: {}}", "targets[0].auth.aws", "`service` is required here"),
        ("openai", "{aws: {service: s, access_key_id: a}}", "targets[0].auth.aws.access_key_id", "needs `secret_access_key` beside it"),
        ("openai", "{aws: {service: s, access_key_id: a, secret_access_key: '${S}', profile: p}}", "targets[0].auth.aws.profile", "exclude each other"),
        ("openai", "{aws: {service: s, external_id: x}}", "targets[0].auth.aws.external_id", "needs `role_arn` beside it"),
        ("openai", "{google: {credentials: '${X}', credentials_file: /x}}", "targets[0].auth.google.credentials_file", "exclude each other"),
    ] {
        let problems = known(&of(provider, auth)).err().unwrap_or_else(|| panic!("{auth} is taken"));
        let told = problems.to_string();
        let found = problems.0.iter().any(|problem| problem.path == at && problem.message.contains(message));
        assert!(found, "{provider} {auth}: {told}");
    }
    let warned = known(&of("databricks", "{databricks: {client_id: a, client_secret: hunter2}}")).unwrap();
    assert_eq!(warned.warnings.len(), 1);
    assert!(!warned.warnings[0].to_string().contains("hunter2"));
}

#[test]
#[rustfmt::skip] // one row, one line
fn what_may_be_fetched_is_checked() {
    let fetch = |lines: &str| with(&format!("media:\n  fetch: {{{lines}}}\n"));
    let written = good(&fetch("mode: allowlist, hosts: ['*.cdn.test', img.test], ports: [8443], allow_networks: [10.0.0.0/8], max_bytes: 1000, max_total_bytes: 3000, timeout: 3s"));
    assert_eq!(written.config.media.fetch.mode, crate::FetchMode::Allowlist);
    assert_eq!(good(&fetch("mode: off")).config.media.fetch, crate::Fetch::default());
    assert_eq!(good(&fetch("mode: on")).config.media.fetch.mode, crate::FetchMode::On);
    check_all(
        &[
            case(fetch("mode: some"), "media.fetch.mode", (3, 17), "unknown value `some`, expected one of off, allowlist, on", None),
            case(fetch("mode: allowlist"), "media.fetch.hosts", (3, 10), "needs at least one host", None),
            case(fetch("mode: allowlist, hosts: ['https://x.test']"), "media.fetch.hosts[0]", (3, 36), "is not the name of a host", None),
            case(fetch("ports: [0]"), "media.fetch.ports[0]", (3, 19), "from 1 to 65535", None),
            case(fetch("ports: [70000]"), "media.fetch.ports[0]", (3, 19), "65535", None),
            case(fetch("allow_networks: [10.0.0.1]"), "media.fetch.allow_networks[0]", (3, 28), "is not a network", "write 10.0.0.1/32"),
            case(fetch("max_bytes: 0"), "media.fetch.max_bytes", (3, 22), "must be from 1", None),
            case(fetch("max_total_bytes: 0"), "media.fetch.max_total_bytes", (3, 28), "must be from 1", None),
            case(fetch("timeout: 1h"), "media.fetch.timeout", (3, 20), "must be from 100ms to 5m", None),
        ],
        Format::Yaml,
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn an_operators_own_rows_are_checked_like_built_in_ones() {
    let row = |lines: &str| {
        with(&format!(
            "providers:\n  - id: own\n    base_url: https://own.test\n    {lines}\n"
        ))
    };
    check_all(
        &[
            case(row("surfaces: [caht]"), "providers[0].surfaces[0]", (5, 16), "unknown value `caht`", "did you mean `chat`?"),
            case(row("auth: baerer"), "providers[0].auth", (5, 11), "unknown value `baerer`, expected one of bearer, api-key", "did you mean `bearer`?"),
            case(row("auth: {headr: x}"), "providers[0].auth.headr", (5, 12), "unknown key `headr`", "did you mean `header`?"),
            case(row("regions: {cn: nowhere}"), "providers[0].regions.cn", (5, 19), "nowhere", None),
            case(row("dialectt: openai"), "providers[0].dialectt", (5, 5), "unknown key", "did you mean `dialect`?"),
            case(with("providers: [{base_url: https://x.test}]"), "providers[0].id", (2, 13), "`id` is required", None),
            case(row("timeouts: {connect: soon}"), "providers[0]", (3, 5), "soon", None),
            case(with("providers: [{id: x, base_url: https://a.test}, {id: x, base_url: https://b.test}]"), "providers[1].id", (2, 53), "must be unique", None),
        ],
        Format::Yaml,
    );
    let Loaded { warnings, .. } =
        good("targets: [{virtual_key: acme}]\nproviders: [{id: acme, base_url: https://a.test}]");
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (
            warnings[0].path.as_str(),
            warnings[0].line,
            warnings[0].column
        ),
        ("providers[0].id", 2, 18)
    );
    assert!(
        warnings[0]
            .message
            .contains("replaces the built-in provider")
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn json_is_held_to_the_same_rules_and_is_stricter_about_quotes() {
    check_all(
        &[
            case("{\n\t\"targets\": [{\"virtual_kye\": \"acme\"}]\n}", "targets[0].virtual_kye", (2, 15), "unknown key", "did you mean `virtual_key`?"),
            case(r#"{"targets": [{"virtual_key": 7}]}"#, "targets[0].virtual_key", (1, 30), "expected text, found a number (`7`)", "write it in quotes"),
            case(r#"{"targets": [{"virtual_key": "acme"}], "request_timeout": 30}"#, "request_timeout", (1, 59), "expected a duration such as 30s, found a number (`30`)", "write \"30s\""),
            case(r#"{"targets": [{"virtual_key": "acme"}], "log": {"access": "yes"}}"#, "log.access", (1, 58), "expected true or false, found text", None),
            case(r#"{"targets": [{"virtual_key": "acme"}], "server": {"threads": "2"}}"#, "server.threads", (1, 62), "expected a whole number, found text", "write it without quotes"),
            case(r#"{"targets": [{"virtual_key": "acme"}], "aliases": {"a": "x", "a": "y"}}"#, "aliases.a", (1, 62), "this key stands on line 1 already", None),
            case("", "", (1, 1), "the document is empty", None),
            case("{} x", "", (1, 4), "expected the end of the document", None),
        ],
        Format::Json,
    );
    let text = r#"{"targets": [{"virtual_key": "acme", "region": null}], "request_timeout": null}"#;
    assert!(
        load(text, Format::Json, &KNOWN).is_ok(),
        "null is the same as nothing"
    );
}

#[test]
fn everything_is_told_at_once_in_the_order_of_the_text() {
    let problems = bad(
        "stratgy: {}\n\
         targets:\n\
         \x20 - virtual_key: acme\n\
         \x20   models: [a, a]\n\
         \x20 - virtual_key: acme\n\
         \x20   timeouts: {connect: 5}\n\
         \x20 - provider: nobody\n\
         \x20 - 7\n\
         aliases: {x: x}\n\
         aliases: {y: y}\n\
         keys: [{name: k, sha256: z}, {name: k, sha256: z}]\n",
        Format::Yaml,
    );
    let found: Vec<(usize, &str)> = problems.iter().map(|p| (p.line, p.path.as_str())).collect();
    assert_eq!(
        found,
        [
            (1, "stratgy"),
            (4, "targets[0].models[1]"),
            (5, "targets[1].virtual_key"),
            (6, "targets[1].timeouts.connect"),
            (7, "targets[2].virtual_key"),
            (7, "targets[2].provider"),
            (8, "targets[3]"),
            (10, "aliases"),
            (11, "keys[0].sha256"),
            (11, "keys[1].name"),
            (11, "keys[1].sha256"),
        ]
    );
}

#[test]
fn case_1_three_typos_in_a_json_file_are_one_answer() {
    let text = r#"{"targts": [], "strategy": {"mod": "single"}, "targets": [{"virtual_key": "acme", "modles": []}]}"#;
    let problems = bad(text, Format::Json);
    let paths: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["targts", "strategy.mod", "targets[0].modles"]);
}

#[test]
fn case_4_a_model_may_stand_at_two_targets_and_not_twice_at_one() {
    let two =
        "targets:\n  - {virtual_key: acme, models: [m]}\n  - {virtual_key: local, models: [m]}\n";
    assert_eq!(good(two).config.targets.len(), 2);
    let twice = bad(
        "targets: [{virtual_key: acme, models: [m, m]}]",
        Format::Yaml,
    );
    assert_eq!(twice.len(), 1);
    assert!(twice[0].message.contains("stands in this list already"));
}

/// R22: two of one name would share their state, and be walked twice.
#[test]
fn r22_two_targets_of_one_name_are_refused() {
    let two = |second: &str| format!("targets: [{{virtual_key: acme}}, {{virtual_key: {second}}}]");
    assert_eq!(good(&two("other, provider: acme")).config.targets.len(), 2);
    let problems = bad(&two("acme"), Format::Yaml);
    assert_eq!(problems[0].path, "targets[1].virtual_key");
    assert!(problems[0].message.contains("must be unique"));
}

#[test]
fn an_empty_word_leaves_the_choice_to_the_default() {
    let text =
        with("apiVersion: ''\nstrategy: {mode: ''}\ncompatibility: {on_unsupported_param: ''}");
    assert_eq!(good(&text).config, good(&with("")).config);
}

#[test]
fn oddities_are_warnings() {
    for (text, path, message) in [
        (
            with("apiVersion: v2"),
            "apiVersion",
            "`v2` is not a version known here",
        ),
        (
            target("api_key: sk-1"),
            "targets[0].api_key",
            "a credential stands here as it is",
        ),
    ] {
        let Loaded { warnings, .. } = good(&text);
        let [warning] = warnings.as_slice() else {
            panic!("{text}\n{warnings:?}")
        };
        assert_eq!(warning.path, path);
        assert!(warning.message.contains(message), "{warning}");
    }
}

#[test]
fn merges_and_anchors_work_and_problems_point_to_what_was_written() {
    let loaded = good(
        "targets:\n  - &base\n    virtual_key: acme\n    timeouts: {connect: 1s}\n  \
         - {<<: *base, virtual_key: local}\n",
    );
    assert_eq!(
        loaded.config.targets[1].timeouts,
        loaded.config.targets[0].timeouts
    );
    let problems = bad(
        "targets:\n  - &base\n    virtual_key: acme\n    timeouts: {connect: 1}\n  \
         - {<<: *base, virtual_key: local}\n",
        Format::Yaml,
    );
    let found: Vec<_> = problems
        .iter()
        .map(|p| (p.path.as_str(), p.line, p.column))
        .collect();
    assert_eq!(
        found,
        [
            ("targets[0].timeouts.connect", 4, 25),
            ("targets[1].timeouts.connect", 4, 25)
        ]
    );
}

#[test]
fn the_number_of_problems_is_bounded() {
    let many = |row: fn(usize) -> String| (0..5000).map(row).collect::<Vec<_>>().concat();
    let keys = many(|n| format!("unknown_{n}: 1\n"));
    let problems = bad(&with(&keys), Format::Yaml);
    assert_eq!(problems.len(), MOST_PROBLEMS);
    assert!(
        problems[MOST_PROBLEMS - 1]
            .hint
            .as_deref()
            .unwrap()
            .contains("more than 200")
    );
    let aliases = many(|n| format!("a{n}: a{n}, "));
    assert_eq!(
        bad(&with(&format!("aliases: {{{aliases}}}")), Format::Yaml).len(),
        MOST_PROBLEMS
    );
}

#[test]
fn a_problem_is_one_short_line_whatever_it_quotes() {
    let long = "x".repeat(100_000);
    for text in [
        with(&format!("request_timeout: '{long}'")),
        with("request_timeout: \"a\\nb\\e[31m\""),
        with(&format!("\"{long}\\n\": 1")),
        with(&format!("strategy: {{mode: {long}}}")),
        with(&format!("max_request_bytes: {}", "9".repeat(5000))),
        with(&format!("aliases: {{? \"{long}\\n\" : ''}}")),
        format!("targets: [{{virtual_key: \"a\\nb{long}\"}}]"),
    ] {
        for problem in bad(&text, Format::Yaml) {
            let line = problem.display_with("gw.yaml").to_string();
            assert!(
                line.len() < 2000 && !line.contains(char::is_control),
                "{line}"
            );
        }
    }
}

#[test]
fn the_format_is_told_from_the_name() {
    for (name, format) in [
        ("a.yaml", Some(Format::Yaml)),
        ("a.b.YML", Some(Format::Yaml)),
        ("/x/a.json", Some(Format::Json)),
        ("a.toml", None),
        ("yaml", None),
        (".yaml", None),
    ] {
        assert_eq!(
            Format::from_path(FilePath::new(name)).ok(),
            format,
            "{name}"
        );
    }
    let error = Format::from_path(FilePath::new("a.toml"))
        .unwrap_err()
        .to_string();
    for word in ["a.toml", ".yaml", ".yml", ".json"] {
        assert!(error.contains(word), "{error}");
    }
}

fn holds(text: &str, format: Format) -> Result<(), TestCaseError> {
    if let Err(Problems(problems)) = load(text, format, &KNOWN) {
        prop_assert!(!problems.is_empty());
        for problem in problems {
            prop_assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
        }
    }
    Ok(())
}

/// Texts that look like configs: words of the schema and pieces of syntax, thrown together.
fn config_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "targets",
        "virtual_key",
        "acme",
        "models",
        "api_key",
        "server",
        "listen",
        "keys",
        "sha256",
        "<<",
        "timeouts",
        "30s",
        "1",
        "-1",
        "1e9",
        "true",
        "no",
        "null",
        "~",
        "${A}",
        "file:",
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "#",
        " #",
        "&a ",
        "*a",
        "!",
        "!!str ",
        "|",
        ">",
        "? ",
        "---\n",
        "...\n",
        "%",
        "@",
        "`",
        "\\",
        "\\u00e9",
        "\u{feff}",
        "é",
        "\r\n",
        "\u{85}",
        "\0",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_text_gives_a_config_or_problems(text in any::<String>()) {
        holds(&text, Format::Yaml)?;
        holds(&text, Format::Json)?;
    }

    #[test]
    fn any_text_that_looks_like_a_config_gives_one_or_problems(text in config_like()) {
        holds(&text, Format::Yaml)?;
        holds(&text, Format::Json)?;
    }

    #[test]
    fn a_good_config_with_something_cut_out_gives_one_or_problems(from in 0..EVERYTHING.len(), length in 0..40usize) {
        let to = (from + length).min(EVERYTHING.len());
        holds(&format!("{}{}", &EVERYTHING[..from], &EVERYTHING[to..]), Format::Yaml)?;
    }
}

/// Two targets, a strategy and what follows.
fn choosing(strategy: &str, rest: &str) -> String {
    format!(
        "strategy: {{{strategy}}}\ntargets:\n  - {{virtual_key: acme, weight: 1}}\n  - {{virtual_key: local, weight: 0}}\n{rest}"
    )
}

#[test]
#[rustfmt::skip] // one row, one line
fn case_3_a_strategy_is_held_against_what_it_chooses_from() {
    let weights = |a: &str, b: &str| format!("strategy: {{mode: loadbalance}}\ntargets:\n  - {{virtual_key: acme{a}}}\n  - {{virtual_key: local{b}}}");
    for text in [
        weights(", weight: 1", ""),
        weights(", weight: 0", ", weight: 1000000000"),
        weights(", weight: 0.5", ", standby: true"),
        choosing("mode: conditional, conditions: [{key: model_prefix, value: gpt-, target_key: local}]", ""),
        choosing("mode: content-based, content_conditions: [{type: prompt_regex, value: '(?i)sql', target_key: local, roles: [user, system]}]", ""),
        choosing("mode: ab-test, sticky: 'header:X-Session', ab_variants: [{target_key: acme, weight: 1}, {target_key: acme, label: b}]", ""),
        choosing("mode: cost-optimized, unpriced_strategy: skip", ""),
        choosing("mode: cost-optimized, unpriced_strategy: ''", ""),
        choosing("mode: least-latency, explore: 0.1", ""),
    ] {
        assert_eq!(good(&text).warnings, [], "{text}");
    }
    check_all(
        &[
            case(weights("", ""), "strategy.mode", (1, 0), "weights sum to zero", "`weight` above 0"),
            case(weights(", weight: 0", ", weight: 1, standby: true"), "strategy.mode", (1, 0), "weights sum to zero", "no standby"),
            case(weights(", weight: -1", ", weight: 1"), "targets[0].weight", (3, 0), "negative weight -1 of `acme`", None),
            case(weights(", weight: 1e13", ", weight: 1"), "targets[0].weight", (3, 0), "is too large", None),
            case(choosing("mode: conditional", ""), "strategy.conditions", (1, 0), "needs at least one of `conditions`", None),
            case(choosing("mode: conditional, conditions: [{key: modle, value: a, target_key: acme}]", ""), "strategy.conditions[0].key", (1, 0), "unknown value `modle`, expected one of model, model_prefix", "did you mean `model`?"),
            case(choosing("mode: conditional, conditions: [{key: model, value: a, target_key: loacl}]", ""), "strategy.conditions[0].target_key", (1, 0), "`loacl` is not one of the targets to choose from: acme, local", "did you mean `local`?"),
            case(choosing("mode: conditional, conditions: [{key: model, value: '', target_key: acme}]", ""), "strategy.conditions[0].value", (1, 0), "must not be empty", None),
            case(choosing("mode: conditional, conditions: [{key: model, value: a}]", ""), "strategy.conditions[0].target_key", (1, 0), "`target_key` is required", None),
            case(choosing("mode: content-based", ""), "strategy.content_conditions", (1, 0), "needs at least one of", None),
            case(choosing("mode: content-based, content_conditions: [{type: prompt_regx, value: a, target_key: acme}]", ""), "strategy.content_conditions[0].type", (1, 0), "expected one of prompt_contains", "did you mean `prompt_regex`?"),
            case(choosing("mode: content-based, content_conditions: [{type: prompt_regex, value: '(', target_key: acme}]", ""), "strategy.content_conditions[0].value", (1, 0), "`(` is no regular expression: unclosed group", None),
            case(choosing("mode: content-based, content_conditions: [{type: prompt_regex, value: '\\w{9999}{9}', target_key: acme}]", ""), "strategy.content_conditions[0].value", (1, 0), "is no regular expression", None),
            case(choosing("mode: ab-test", ""), "strategy.ab_variants", (1, 0), "needs at least one of `ab_variants`", None),
            case(choosing("mode: ab-test, ab_variants: [{target_key: acme, weight: -2, label: A}, {target_key: local, weight: 1}]", ""), "strategy.ab_variants[0].weight", (1, 0), "negative weight -2 of `A`", None),
            case(choosing("mode: ab-test, ab_variants: [{target_key: acme}, {target_key: local}]", ""), "strategy.ab_variants", (1, 0), "weights sum to zero", "above 0"),
            case(choosing("mode: ab-test, ab_variants: [{target_key: acme, weight: 1}, {target_key: acme, weight: 1}]", ""), "strategy.ab_variants[1]", (1, 0), "the variant `acme` stands in this list already, at [0]", None),
            case(choosing("mode: ab-test, sticky: cookie, ab_variants: [{target_key: acme, weight: 1}]", ""), "strategy.sticky", (1, 0), "expected key, user, header:NAME or none", None),
            case(choosing("mode: ab-test, ab_variants: [{target_key: acme, weight: 1, label: 'a\tb'}]", ""), "strategy.ab_variants[0].label", (1, 0), "printable ASCII", None),
            case(choosing("mode: cost-optimized, unpriced_strategy: never", ""), "strategy.unpriced_strategy", (1, 0), "expected one of fallback, skip, allow", None),
            case(choosing("mode: least-latency, explore: 0.9", ""), "strategy.explore", (1, 0), "must be from 0 to 0.5", None),
        ],
        Format::Yaml,
    );
    let loaded = good(&choosing("mode: fallback, conditions: [{key: model, value: a, target_key: b}]", ""));
    assert!(loaded.warnings[0].message.contains("only under `conditional`"), "{:?}", loaded.warnings);
}

#[test]
#[rustfmt::skip] // one row, one line
fn a_route_is_held_against_targets_keys_and_sense() {
    let route = |text: &str| choosing("mode: single", &format!("routes:\n  - {{{text}}}"));
    for text in [
        "strategy: {mode: fallback}, targets: [local, {strategy: {mode: loadbalance}, targets: [acme]}]",
        "name: night, match: {model: ['gpt-*', o3], surface: [chat], headers: {x-tier: 'gold*'}, metadata: {team: search}, prompt_tokens: {min: 8000}, hours: {from: '22:00', to: '06:00', days: [mon, fri], utc_offset: '+02:00'}}, strategy: {mode: single}",
        "strategy: {mode: conditional, conditions: [{key: model, value: a, target_key: both}]}, targets: [acme, {name: both, weight: 2, strategy: {mode: single}, targets: [local]}]",
        "strategy: {mode: loadbalance}, targets: [{target: local, weight: 3}]",
    ] {
        assert_eq!(good(&route(text)).warnings, [], "{text}");
    }
    let deep = (0..9).fold("acme".to_owned(), |inner, _| format!("{{strategy: {{mode: single}}, targets: [{inner}]}}"));
    check_all(
        &[
            case(route("targets: [acme]"), "routes[0].strategy", (6, 0), "`strategy` is required", None),
            case(route("strategy: {mode: fallback}, targets: [loacl]"), "routes[0].targets[0]", (6, 0), "there is no target `loacl`", "did you mean `local`?"),
            case(route("strategy: {mode: fallback}, targets: [acme, {strategy: {mode: single}, targets: [acme]}]"), "routes[0].targets[1].targets[0]", (6, 0), "stands in this route already", None),
            case(route("strategy: {mode: fallback}, targets: [{targets: [acme]}]"), "routes[0].targets[0]", (6, 0), "a group needs a `strategy`", None),
            case(route("strategy: {mode: fallback}, targets: [{weight: 1}]"), "routes[0].targets[0]", (6, 0), "write either `target`", None),
            case(route("strategy: {mode: fallback}, targets: [{target: acme, strategy: {mode: single}}]"), "routes[0].targets[0].strategy", (6, 0), "belongs to a group", None),
            case(route("strategy: {mode: loadbalance}, targets: [local]"), "routes[0].strategy.mode", (6, 0), "weights sum to zero", "above 0"),
            case(route("strategy: {mode: fallback}, targets: [{strategy: {mode: loadbalance}, targets: [local]}]"), "routes[0].targets[0].strategy.mode", (6, 0), "weights sum to zero", "above 0"),
            case(route("strategy: {mode: single}, targets: []"), "routes[0].targets", (6, 0), "needs at least one entry", None),
            case(route(&format!("strategy: {{mode: single}}, targets: [{deep}]")), "routes[0].targets[0].targets[0].targets[0].targets[0].targets[0].targets[0].targets[0].targets[0].targets", (6, 0), "deep within each other", None),
            case(route("strategy: {mode: conditional, conditions: [{key: model, value: a, target_key: local}]}, targets: [acme]"), "routes[0].strategy.conditions[0].target_key", (6, 0), "`local` is not one of the targets to choose from: acme", None),
            case(route("match: {modle: a}, strategy: {mode: single}"), "routes[0].match.modle", (6, 0), "unknown key `modle`", "did you mean `model`?"),
            case(route("match: {surface: [embeddings]}, strategy: {mode: single}"), "routes[0].match.surface[0]", (6, 0), "`embeddings` is not available in this version", None),
            case(route("match: {headers: {Authorization: x}}, strategy: {mode: single}"), "routes[0].match.headers.Authorization", (6, 0), "match it by its name, with `keys`", None),
            case(route("match: {model: ['']}, strategy: {mode: single}"), "routes[0].match.model[0]", (6, 0), "a pattern must not be empty", None),
            case(route("match: {prompt_tokens: {min: 5, max: 4}}, strategy: {mode: single}"), "routes[0].match.prompt_tokens", (6, 0), "no call could match", None),
            case(route("match: {prompt_tokens: {}}, strategy: {mode: single}"), "routes[0].match.prompt_tokens", (6, 0), "`min`, `max` or both", None),
            case(route("match: {hours: {from: '9:00', to: '17:00'}}, strategy: {mode: single}"), "routes[0].match.hours.from", (6, 0), "not a time of day", None),
            case(route("match: {hours: {from: '09:00', to: '09:00'}}, strategy: {mode: single}"), "routes[0].match.hours.to", (6, 0), "no time at all", "leave `hours` out"),
            case(route("match: {hours: {from: '09:00', to: '10:00', utc_offset: CET}}, strategy: {mode: single}"), "routes[0].match.hours.utc_offset", (6, 0), "not an offset from UTC", None),
            case(route("match: {hours: {from: '09:00', to: '10:00', days: [mon, mon]}}, strategy: {mode: single}"), "routes[0].match.hours.days[1]", (6, 0), "stands in the list already", None),
            case(choosing("mode: single", "routes:\n  - {name: a, match: {model: x}, strategy: {mode: single}}\n  - {name: a, strategy: {mode: single}}"), "routes[1].name", (7, 0), "the route `a` stands in the list already", None),
        ],
        Format::Yaml,
    );
    let loaded = good(&choosing("mode: single", "routes:\n  - {strategy: {mode: single}}\n  - {match: {keys: [nobody]}, strategy: {mode: fallback}}"));
    let told: Vec<_> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(told[0].contains("those after it are never reached") && told[1].contains("no key of this config is called `nobody`"), "{told:?}");
}

#[test]
fn models_may_be_patterns_and_say_what_they_cost() {
    let text = target(
        "models: {'gpt-*': 'openai/gpt-*', local: {id: own, context_window: 8192, input_price: 2.5, output_price: '10'}}",
    );
    for (text, format) in [
        (text.as_str(), Format::Yaml),
        (
            r#"{"targets":[{"virtual_key":"acme","models":{"gpt-*":"openai/gpt-*","local":{"id":"own","context_window":8192,"input_price":2.5,"output_price":"10"}}}]}"#,
            Format::Json,
        ),
    ] {
        let config = load(text, format, &KNOWN).unwrap().config;
        let models = &config.targets[0].models;
        assert_eq!(
            models.pairs(),
            [("gpt-*", "openai/gpt-*"), ("local", "own")]
        );
        let said = models.entries().find_map(|(_, _, said)| said).unwrap();
        let micros =
            |price: &Option<crate::PriceText>| price.as_ref().map(|price| price.micros().unwrap());
        assert_eq!(
            (
                said.context_window,
                micros(&said.input_price),
                micros(&said.output_price),
                micros(&said.cached_price)
            ),
            (Some(8192), Some(2_500_000), Some(10_000_000), None)
        );
    }
}
