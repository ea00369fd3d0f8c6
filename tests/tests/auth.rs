//! Spec 02 §4: who may call what, in which spelling of a credential.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{MODEL, VENDOR_KEY};
use ferrogw_tests::{Answer, Call, Gateway, Vendor, binary, chat_body, keys};

fn chat() -> Call {
    Call::chat(chat_body(MODEL))
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let (kind, code) = answer.error();
    (answer.status(), kind, code)
}

fn said(status: u16, kind: &str, code: &str) -> (u16, String, String) {
    (status, kind.into(), code.into())
}

#[test]
fn a_key_is_taken_in_every_form_that_sdks_send() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let token = keys::APP.token;
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("authorization", format!("BEARER {token}")),
        ("x-api-key", token.to_owned()),
        ("api-key", token.to_owned()),
    ] {
        let answer = gateway.send(&chat().header(name, &value));
        assert_eq!(answer.status(), 200, "{name}: {value}");
        assert_eq!(gateway.access(&answer)["key"], keys::APP.name, "{name}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .key(keys::OLD, "expires_at: 2020-01-01T00:00:00Z")
        .key(keys::OFF, "disabled: true");
    let gateway = Gateway::start(&setup);
    let missing = said(401, "authentication_error", "missing_api_key");
    let invalid = said(401, "authentication_error", "invalid_api_key");
    let token = keys::APP.token;
    for (header, expected) in [
        (None, &missing),
        (Some(("authorization", String::new())), &missing),
        (Some(("authorization", "Bearer ".to_owned())), &missing),
        (Some(("authorization", format!("Basic {token}"))), &missing),
        (Some(("cookie", format!("key={token}"))), &missing),
        (
            Some(("authorization", "Bearer fgw_0000".to_owned())),
            &invalid,
        ),
        (
            Some(("authorization", format!("Bearer {token}x"))),
            &invalid,
        ),
        (
            Some(("authorization", format!("Bearer {}", token.to_uppercase()))),
            &invalid,
        ),
        (Some(("x-api-key", "nothing".to_owned())), &invalid),
        (
            Some(("authorization", format!("Bearer {}", keys::APP.sha256))),
            &invalid,
        ),
        (
            Some(("authorization", format!("Bearer {}", keys::OLD.token))),
            &invalid,
        ),
        (
            Some(("authorization", format!("Bearer {}", keys::OFF.token))),
            &invalid,
        ),
    ] {
        let call = header
            .iter()
            .fold(chat(), |call, (name, value)| call.header(name, value));
        let answer = gateway.send(&call);
        assert_eq!(refusal(&answer), *expected, "{header:?}");
        assert!(answer.header("www-authenticate").is_some(), "{header:?}");
        let line = gateway.access(&answer);
        assert_eq!(
            (line["outcome"].as_str(), line["level"].as_str()),
            (Some("denied"), Some("WARN")),
            "{line}"
        );
    }
    let in_query = gateway.send(&Call::post(
        &format!("/v1/chat/completions?key={token}&api_key={token}"),
        chat_body(MODEL),
    ));
    assert_eq!(refusal(&in_query), missing);
    assert!(vendor.received().is_empty());
}

#[test]
fn a_scope_opens_what_it_names_and_nothing_else() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).key(keys::BARE, ""));
    let lacking = said(403, "permission_error", "insufficient_scope");
    let (app, eyes, root) = (keys::APP.token, keys::EYES.token, keys::ROOT.token);
    for (token, call, status) in [
        (app, chat(), 200),
        (app, Call::get("/v1/models"), 200),
        (app, Call::get("/metrics"), 403),
        (eyes, chat(), 403),
        (eyes, Call::get("/metrics"), 200),
        (root, chat(), 200),
        (root, Call::get("/metrics"), 200),
        (keys::MASTER, chat(), 200),
        (keys::MASTER, Call::get("/metrics"), 200),
        (keys::BARE.token, chat(), 200),
        (keys::BARE.token, Call::get("/metrics"), 403),
    ] {
        let answer = gateway.send(&call.clone().bearer(token));
        assert_eq!(answer.status(), status, "{call:?} with {token}");
        if status == 403 {
            assert_eq!(refusal(&answer), lacking);
        }
    }
}

#[test]
fn a_key_for_some_models_is_for_no_others() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("other", "other")
        .section("aliases:\n  nickname: gpt-test\n  disguise: other")
        .key(keys::NARROW, "models: [gpt-test]");
    let gateway = Gateway::start(&setup);
    let ask = |model: &str| gateway.send(&Call::chat(chat_body(model)).bearer(keys::NARROW.token));
    assert_eq!(ask(MODEL).status(), 200);
    assert_eq!(
        ask("nickname").status(),
        200,
        "an alias stands for its model"
    );
    let before = vendor.received().len();
    for model in ["other", "disguise"] {
        let refused = ask(model);
        assert_eq!(refusal(&refused).0, 403, "{model}");
        assert_eq!(refusal(&refused).1, "permission_error", "{model}");
    }
    assert_eq!(vendor.received().len(), before);
}

#[test]
fn a_clients_credential_never_goes_upstream() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let extra = [
        ("x-api-key", keys::APP.token),
        ("cookie", "session=secret"),
        ("x-provider", "openai"),
        ("openai-organization", "org-client"),
        ("x-forwarded-for", "192.0.2.7"),
    ];
    let call = extra
        .iter()
        .fold(chat().bearer(keys::APP.token), |call, (name, value)| {
            call.header(name, value)
        });
    assert_eq!(gateway.send(&call).status(), 200);

    let received = vendor.only();
    assert_eq!(
        received.header("authorization"),
        Some(format!("Bearer {VENDOR_KEY}").as_str())
    );
    for name in ["x-api-key", "cookie", "x-provider", "openai-organization"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    let all = format!("{:?}", received.headers);
    assert!(
        !all.contains(keys::APP.token) && !all.contains("192.0.2.7"),
        "{all}"
    );
}

#[test]
fn an_answer_never_shows_the_vendors_credential() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let body = format!(
        r#"{{"error":{{"message":"your key {VENDOR_KEY} is on fire, mail root@corp.example"}}}}"#
    );
    for status in [400, 401, 422, 500] {
        vendor.next(&format!(
            "status={status};header=x-ratelimit-note:{VENDOR_KEY};body={body}"
        ));
        let answer = gateway.chat(chat_body(MODEL));
        let all = format!("{:?}{}", answer.head, answer.text());
        assert!(!all.contains(VENDOR_KEY), "{status}: {all}");
        let line = gateway.access(&answer).to_string();
        assert!(!line.contains(VENDOR_KEY), "{status}: {line}");
    }
    assert!(!gateway.everything_said().contains(VENDOR_KEY));
}

#[test]
fn without_any_key_every_protected_route_is_closed() {
    let vendor = Vendor::start();
    let url = vendor.base_url();
    let gateway = Gateway::without_config(&[
        ("OPENAI_API_KEY", VENDOR_KEY),
        ("OPENAI_BASE_URL", &url),
        ("RATE_LIMIT_RPS", "0"),
    ]);
    for call in [
        chat(),
        Call::get("/v1/models"),
        Call::get("/metrics"),
        chat().bearer("x"),
        chat().header("x-api-key", ""),
    ] {
        assert_eq!(gateway.send(&call).status(), 401, "{call:?}");
    }
}

#[test]
fn an_open_proxy_opens_v1_and_nothing_else() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).env("ALLOW_UNAUTHENTICATED_PROXY", "True"));
    assert_eq!(gateway.send(&chat()).status(), 200);
    assert_eq!(
        gateway.send(&chat().bearer("whatever")).status(),
        200,
        "a key is not asked for, so none is checked"
    );
    assert_eq!(gateway.send(&Call::get("/v1/models")).status(), 200);
    assert_eq!(gateway.send(&Call::get("/metrics")).status(), 401);

    let only_true =
        Gateway::start(&Gateway::before(&vendor).env("ALLOW_UNAUTHENTICATED_PROXY", "1"));
    assert_eq!(only_true.send(&chat()).status(), 401);
}

#[test]
fn production_refuses_to_start_wide_open_and_says_everything_at_once() {
    let run = |env: &[(&str, &str)]| {
        let listen = ferrogw_tests::gateway::free_address().to_string();
        let mut command = binary::command(&["serve", "--listen", &listen]);
        command
            .env("OPENAI_API_KEY", "sk-x")
            .env("GATEWAY_ENV", "Production")
            .envs(env.iter().copied());
        binary::Said::from(command.output().expect("it ends by itself"))
    };
    let both = run(&[
        ("ALLOW_UNAUTHENTICATED_PROXY", "true"),
        ("CORS_ORIGINS", "https://a.example,*"),
    ]);
    assert_eq!(both.code, 3, "{both:?}");
    let text = format!("{}{}", both.out, both.err);
    assert!(
        text.contains("ALLOW_UNAUTHENTICATED_PROXY") && text.contains("CORS_ORIGINS"),
        "{text}"
    );
    let quoted = run(&[("CORS_ORIGINS", "\"*\"")]);
    assert_eq!(quoted.code, 3, "{quoted:?}");
}
