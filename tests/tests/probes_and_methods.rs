//! Spec 02 §3, §6 and checklist 1 to 4: probes, methods, preflights, spellings of paths, and the
//! headers that every answer carries.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use ferrogw_tests::config::MODEL;
use ferrogw_tests::{Answer, Call, Gateway, Vendor, chat_body, keys};

const OPEN: [&str; 3] = ["/livez", "/readyz", "/health"];
const PROTECTED: [&str; 3] = ["/v1/models", "/v1/capabilities", "/metrics"];
const CHAT: &str = "/v1/chat/completions";

fn started() -> (Vendor, Gateway) {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    (vendor, gateway)
}

/// What an answer tells before its body, without what differs from one moment to the next.
fn told(answer: &Answer) -> (u16, BTreeSet<(String, String)>) {
    let fleeting = [
        "date",
        "x-request-id",
        "content-length",
        "server-timing",
        "x-gateway-overhead-ms",
    ];
    let headers = answer
        .head
        .headers
        .iter()
        .filter(|(name, _)| !fleeting.contains(&name.as_str()));
    (answer.status(), headers.cloned().collect())
}

#[test]
fn head_mirrors_get() {
    let (_vendor, gateway) = started();
    for path in OPEN.iter().chain(&PROTECTED) {
        let ask = |method| gateway.send(&Call::new(method, path).bearer(keys::ROOT.token));
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(get.status(), 200, "{path}: {}", get.text());
        assert_eq!(told(&head), told(&get), "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
    }
    for path in PROTECTED {
        let head = gateway.send(&Call::new("HEAD", path));
        assert_eq!(head.status(), 401, "{path}");
    }
}

#[test]
fn probes_say_how_the_gateway_is() {
    let (_vendor, gateway) = started();
    let ask = |path| gateway.send(&Call::get(path)).json();
    assert_eq!(ask("/livez")["status"], "ok");
    assert_eq!(ask("/readyz")["status"], "ready");
    assert_eq!(ask("/health")["status"], "ok");
}

#[test]
fn probes_leave_no_access_line() {
    let (_vendor, gateway) = started();
    for path in OPEN {
        gateway.send(&Call::get(path));
    }
    let listed = gateway.ask(Call::get("/v1/models"));
    gateway.access(&listed);
    let probes = gateway.log.objects().into_iter().filter(|line| {
        line["msg"] == "request"
            && line["path"]
                .as_str()
                .is_some_and(|path| OPEN.contains(&path))
    });
    assert_eq!(probes.count(), 0);
}

#[test]
fn a_wrong_method_is_told_the_right_ones_and_nothing_is_forwarded() {
    let (vendor, gateway) = started();
    let read = OPEN.iter().chain(&PROTECTED).map(|path| {
        (
            *path,
            "GET, HEAD",
            vec!["POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        )
    });
    let write = [(
        CHAT,
        "POST",
        vec!["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"],
    )];
    for (path, allow, methods) in read.chain(write) {
        for method in methods {
            let answer = gateway.send(&Call::new(method, path).bearer(keys::ROOT.token));
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(
                    answer.error(),
                    (
                        "invalid_request_error".into(),
                        "method_not_supported".into()
                    )
                );
            }
        }
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn who_has_no_key_learns_no_methods() {
    let (_vendor, gateway) = started();
    for path in PROTECTED.iter().chain(&[CHAT]) {
        for method in ["DELETE", "PUT", "OPTIONS"] {
            let answer = gateway.send(&Call::new(method, path));
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert_eq!(answer.header("allow"), None, "{method} {path}");
        }
    }
}

#[test]
fn a_verb_that_is_none_is_not_implemented() {
    let (vendor, gateway) = started();
    for path in OPEN.iter().chain(&PROTECTED).chain(&[CHAT, "/nowhere"]) {
        for call in [
            Call::new("FOOBAR", path),
            Call::new("FOOBAR", path).bearer(keys::ROOT.token),
        ] {
            let answer = gateway.send(&call);
            assert_eq!(answer.status(), 501, "{path}");
            assert_eq!(answer.header("allow"), None, "{path}");
            assert_eq!(
                answer.error(),
                (
                    "invalid_request_error".into(),
                    "method_not_supported".into()
                )
            );
        }
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn a_preflight_is_answered_everywhere_and_only_a_listed_origin_is_named() {
    const LISTED: &str = "https://app.example";
    let vendor = Vendor::start();
    let with_list = Gateway::start(
        &Gateway::before(&vendor).env("CORS_ORIGINS", &format!("https://other.example, {LISTED}")),
    );
    let without = Gateway::start(&Gateway::before(&vendor));
    let everywhere =
        OPEN.iter()
            .chain(&PROTECTED)
            .chain(&[CHAT, "/admin/keys", "/v1/files", "/nowhere"]);
    for path in everywhere {
        for (gateway, origin, named) in [
            (&with_list, LISTED, Some(LISTED)),
            (&with_list, "https://app.example.evil", None),
            (&without, LISTED, None),
        ] {
            let call = Call::new("OPTIONS", path)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header(
                    "access-control-request-headers",
                    "authorization,content-type,x-stainless-lang",
                );
            let answer = gateway.send(&call);
            assert_eq!(answer.status(), 204, "{path} {origin}");
            assert_eq!(
                answer.header("access-control-allow-origin"),
                named,
                "{path} {origin}"
            );
            assert!(answer.body.is_empty());
            assert!(
                answer
                    .header("vary")
                    .is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")),
                "{path}"
            );
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            if named.is_some() {
                let methods = answer
                    .header("access-control-allow-methods")
                    .unwrap_or_default();
                assert!(
                    methods.contains("POST") && methods.contains("GET"),
                    "{methods}"
                );
                let headers = answer
                    .header("access-control-allow-headers")
                    .unwrap_or_default()
                    .to_ascii_lowercase();
                for asked in ["authorization", "content-type", "x-stainless-lang"] {
                    assert!(
                        headers.split(',').any(|name| name.trim() == asked),
                        "O4: {asked} in {headers}"
                    );
                }
                assert_eq!(answer.header("access-control-max-age"), Some("86400"));
            }
        }
    }
    assert!(vendor.received().is_empty());
}

#[test]
fn a_browser_may_read_the_answer_whatever_it_is() {
    const LISTED: &str = "https://app.example";
    let vendor = Vendor::start();
    let gateway = Gateway::start(
        &Gateway::before(&vendor).section(&format!("server:\n  cors_origins: [\"{LISTED}\"]")),
    );
    let from = |call: Call, origin: &str| gateway.send(&call.header("origin", origin));
    for (call, status) in [
        (Call::chat(chat_body(MODEL)), 401),
        (Call::chat(chat_body(MODEL)).bearer(keys::APP.token), 200),
        (
            Call::chat(chat_body("nobody-serves-this")).bearer(keys::APP.token),
            404,
        ),
        (Call::get(CHAT).bearer(keys::APP.token), 405),
        (Call::get("/livez"), 200),
        (Call::get("/nowhere"), 404),
    ] {
        let answer = from(call.clone(), LISTED);
        assert_eq!(answer.status(), status);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(LISTED),
            "{status}"
        );
        let other = from(call, "https://evil.example");
        assert_eq!(other.status(), status);
        assert_eq!(
            other.header("access-control-allow-origin"),
            None,
            "{status}"
        );
    }
}

#[test]
fn every_answer_carries_its_id_and_the_security_headers() {
    let (_vendor, gateway) = started();
    let app = |call: Call| call.bearer(keys::APP.token);
    for (call, status) in [
        (Call::get("/livez"), 200),
        (app(Call::chat(chat_body(MODEL))), 200),
        (app(Call::get("/v1/models")), 200),
        (app(Call::chat("{")), 400),
        (Call::chat(chat_body(MODEL)), 401),
        (app(Call::get("/metrics")), 403),
        (app(Call::get("/v1/models/none")), 404),
        (Call::get("/nowhere"), 404),
        (app(Call::get(CHAT)), 405),
        (
            Call::new("OPTIONS", CHAT).header("origin", "https://a.example"),
            204,
        ),
    ] {
        let answer = gateway.send(&call);
        assert_eq!(answer.status(), status, "{}", answer.text());
        let id = answer.header("x-request-id").unwrap_or_default();
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{status}: {id:?}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{status}"
        );
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{status}");
        assert_eq!(
            answer.header("referrer-policy"),
            Some("strict-origin-when-cross-origin"),
            "{status}"
        );
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{status}: {policy}"
        );
        let permissions = answer.header("permissions-policy").unwrap_or_default();
        assert!(
            ["camera", "microphone", "geolocation"]
                .iter()
                .all(|name| permissions.contains(name)),
            "{status}"
        );
        assert!(
            answer
                .header("vary")
                .is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")),
            "{status}"
        );
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "no TLS here"
        );
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let (vendor, gateway) = started();
    for path in [
        "/nowhere",
        "/v1",
        "/v2/chat/completions",
        "/chat/completions",
        "/admin2",
    ] {
        let answer = gateway.send(&Call::get(path).bearer(keys::APP.token));
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.error().0, "invalid_request_error", "{path}");
    }
    let guarded = gateway.send(&Call::get("/v1/nowhere"));
    assert_eq!(
        guarded.status(),
        401,
        "what is under /v1 asks for a key first"
    );
    assert!(vendor.received().is_empty());
}

/// W1: no spelling of a governed path may reach a vendor ungoverned.
#[test]
fn a_spelling_of_the_path_is_governed_or_refused() {
    let spellings = [
        "/v1/chat/completion%73",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/v1/chat//completions//",
        "/%76%31/chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/v1/x/%2e%2e/chat/completions",
        "/v1/x/%252e%252e/chat/completions",
        "/v1/x/..%5cchat/completions",
        "/v1/x/..;a=1/chat/completions",
        "/v1/chat/completions;a=1",
        "/v1/chat/completions%00",
        "/V1/Chat/Completions",
        "/v1/chat/completions%",
    ];
    let (vendor, gateway) = started();
    for path in spellings {
        let before = vendor.received().len();
        let anonymous = gateway.send(&Call::post(path, chat_body(MODEL)));
        assert!(
            matches!(anonymous.status(), 400 | 401 | 404),
            "{path}: {}",
            anonymous.status()
        );
        let unknown = gateway.ask(Call::post(path, chat_body("nobody-serves-this")));
        assert!(
            matches!(unknown.status(), 400 | 404),
            "{path}: {}",
            unknown.status()
        );
        assert_eq!(vendor.received().len(), before, "{path}");

        let answer = gateway.ask(Call::post(path, chat_body(MODEL)));
        if answer.status() == 200 {
            assert_eq!(gateway.access(&answer)["surface"], "chat", "{path}");
            assert_eq!(vendor.last().path, CHAT, "{path}");
        } else {
            assert!(
                matches!(answer.status(), 400 | 404),
                "{path}: {}",
                answer.status()
            );
            assert_eq!(vendor.received().len(), before, "{path}");
        }
    }
}

#[test]
fn the_plain_misspellings_are_understood() {
    let (_vendor, gateway) = started();
    for path in [
        "/v1/chat/completion%73",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/chat/completions?x=1",
    ] {
        assert_eq!(
            gateway.ask(Call::post(path, chat_body(MODEL))).status(),
            200,
            "{path}"
        );
    }
}

#[test]
fn a_path_that_climbs_is_named_as_such() {
    let (vendor, gateway) = started();
    for path in [
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/%252e%252e/admin",
        "/v1/..%5cadmin",
        "/v1/..;x=1/admin",
    ] {
        let answer = gateway.ask(Call::get(path));
        assert_eq!(answer.status(), 400, "{path}");
        assert_eq!(
            answer.error(),
            ("invalid_request_error".into(), "invalid_proxy_path".into()),
            "{path}"
        );
    }
    assert!(vendor.received().is_empty());
}

/// The client has all that it asked for, so nobody hung up.
#[test]
fn the_head_of_a_fault_is_the_whole_answer() {
    let (_vendor, gateway) = started();
    for (path, token, status) in [
        ("/v1/models", None, 401),
        ("/metrics", Some(keys::APP.token), 403),
        ("/nowhere", Some(keys::APP.token), 404),
        (CHAT, Some(keys::APP.token), 405),
    ] {
        let ask = |method| {
            let call = Call::new(method, path);
            gateway.send(&token.map_or(call.clone(), |token| call.bearer(token)))
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(head.status(), status, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        assert_eq!(told(&head), told(&get), "{path}");
        let length = get.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        let line = gateway.access(&head);
        assert_eq!(line["status"], status, "{line}");
        assert_ne!(line["outcome"], "aborted", "{line}");
    }
}
