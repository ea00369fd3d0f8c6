//! Credentials that are no key: a cloud's token, fetched from a stand-in of its service.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::Setup;
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Answer, Call, Gateway, Vendor, chat_body, eventually, keys};

/// Where the stand-in of Entra ID is asked.
const TOKEN_PATH: &str = "/oauth2/v2.0/token";
const SECRET: &str = "app-secret-0123456789-abcdef";
const TOKEN: &str = "entra-token-0123456789-abcdef";
const DEPLOYMENT: &str = "prod-4o";

/// A gateway before Azure OpenAI, which it calls in the name of an application.
fn azure(vendor: &Vendor, service: &Vendor) -> Setup {
    let entry = format!(
        "- virtual_key: azure\n  provider: azure-openai\n  base_url: http://{}\n  models: [{DEPLOYMENT}]\n  \
         auth:\n    entra:\n      tenant_id: my-tenant\n      client_id: my-app\n      \
         client_secret: ${{APP_SECRET}}\n      authority_host: http://{}",
        vendor.addr(),
        service.addr()
    );
    Gateway::before(vendor)
        .further_target(&entry)
        .section("strategy:\n  mode: fallback")
        .env("APP_SECRET", SECRET)
}

fn ask(gateway: &Gateway) -> Answer {
    gateway.chat(chat_body(DEPLOYMENT))
}

/// What the stand-in was asked for tokens.
fn token_requests(service: &Vendor) -> usize {
    let all = service.everything();
    let of_tokens = |path: &str| path.ends_with(TOKEN_PATH);
    all.iter()
        .filter(|request| of_tokens(&request.path))
        .count()
}

fn assert_untold(gateway: &Gateway) {
    let metrics = gateway
        .send(&Call::get("/metrics").bearer(keys::EYES.token))
        .text();
    for (place, text) in [("log", gateway.everything_said()), ("metrics", metrics)] {
        for secret in [SECRET, TOKEN] {
            assert!(!text.contains(secret), "{secret} in the {place}: {text}");
        }
    }
}

/// Spec 03 row 23: Entra ID's tokens instead of keys.
#[test]
fn d24_row_23_azure_is_called_with_one_token_for_all_calls() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    service.grants(TOKEN_PATH, 100, TOKEN, 3600);
    let gateway = Gateway::start(&azure(&vendor, &service));
    std::thread::scope(|threads| {
        for _ in 0..5 {
            threads.spawn(|| assert_eq!(ask(&gateway).status(), 200));
        }
    });
    assert_eq!(ask(&gateway).status(), 200);
    assert_eq!(token_requests(&service), 1);
    let asked = service.last();
    assert_eq!(asked.path, format!("/my-tenant{TOKEN_PATH}"));
    let form = String::from_utf8_lossy(&asked.body).into_owned();
    assert!(
        form.contains("scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"),
        "{form}"
    );
    let calls = vendor.received();
    assert_eq!(calls.len(), 6);
    for call in calls {
        assert_eq!(call.path, "/openai/v1/chat/completions");
        assert_eq!(
            call.header("authorization"),
            Some(&*format!("Bearer {TOKEN}"))
        );
        assert_eq!(call.header("api-key"), None);
    }
    assert_untold(&gateway);
}

#[test]
fn a05_a_token_is_fetched_before_it_is_needed_and_again_before_it_ends() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    service.grants(TOKEN_PATH, 1, "first", 2);
    service.grants(TOKEN_PATH, 100, "second", 3600);
    let gateway = Gateway::start(&azure(&vendor, &service));
    eventually("a token without a call", || {
        (token_requests(&service) > 0).then_some(())
    });
    eventually("a call with the second token", || {
        assert_eq!(ask(&gateway).status(), 200, "no call fails meanwhile");
        (vendor.last().header("authorization") == Some("Bearer second")).then_some(())
    });
    assert_eq!(token_requests(&service), 2);
}

#[test]
fn a_service_that_refuses_is_a_502_with_a_reason_and_ends_when_it_grants() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    let refusal = format!(
        r#"{{"error":"invalid_client","error_description":"AADSTS7000215: not {SECRET}"}}"#
    );
    service.when(
        TOKEN_PATH,
        2,
        &format!("status=401;body={}", escaped(&refusal)),
    );
    service.grants(TOKEN_PATH, 100, TOKEN, 3600);
    let gateway = Gateway::start(&azure(&vendor, &service));
    let answer = ask(&gateway);
    assert_eq!(answer.status(), 502, "{}", answer.text());
    let text = answer.text();
    assert!(
        text.contains("the gateway has no valid credential for the provider"),
        "{text}"
    );
    assert_eq!(answer.error().1, "upstream_auth_error");
    let told = gateway.log.wait(ferrogw_tests::SOON, |line| {
        line["msg"] == "a credential cannot be had"
    });
    let told = told.unwrap_or_else(|| panic!("no line: {}", gateway.everything_said()));
    assert_eq!(told["credential"], "entra application my-app");
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains(
            "the answer is 401 Unauthorized: invalid_client: AADSTS7000215: not [REDACTED"
        ),
        "{reason}"
    );
    eventually("the service grants", || {
        (ask(&gateway).status() == 200).then_some(())
    });
    assert_eq!(
        token_requests(&service),
        3,
        "a failure is not asked for again by every call"
    );
    assert_untold(&gateway);
}

#[test]
fn a_target_without_a_token_leaves_the_call_to_the_next() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    service.when(TOKEN_PATH, 100, "status=500");
    let setup = azure(&vendor, &service).further_target(&format!(
        "- virtual_key: spare\n  provider: openai\n  base_url: {}\n  api_key: spare-key\n  models: [{DEPLOYMENT}]",
        vendor.base_url()
    ));
    let gateway = Gateway::start(&setup);
    let answer = ask(&gateway);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-target"), Some("spare"));
}

#[test]
fn the_environment_alone_is_enough() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    service.grants(TOKEN_PATH, 100, TOKEN, 3600);
    service.grants("/oidc/v1/token", 100, "dbx-token-0123456789", 3600);
    let azure = format!("http://{}", vendor.addr());
    let (authority, workspace) = (
        format!("http://{}", service.addr()),
        format!("http://{}", service.addr()),
    );
    let gateway = Gateway::without_config(&[
        ("MASTER_KEY", keys::MASTER),
        ("AZURE_OPENAI_ENDPOINT", &azure),
        ("AZURE_OPENAI_DEPLOYMENT", DEPLOYMENT),
        ("AZURE_TENANT_ID", "my-tenant"),
        ("AZURE_CLIENT_ID", "my-app"),
        ("AZURE_CLIENT_SECRET", SECRET),
        ("AZURE_AUTHORITY_HOST", &authority),
        ("DATABRICKS_HOST", &workspace),
        ("DATABRICKS_CLIENT_ID", "principal"),
        ("DATABRICKS_CLIENT_SECRET", "principal-secret-0123"),
    ]);
    let chat = |model: &str| gateway.send(&Call::chat(chat_body(model)).bearer(keys::MASTER));
    let answer = chat(DEPLOYMENT);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-provider"), Some("azure-openai"));
    assert_eq!(
        vendor.last().header("authorization"),
        Some(&*format!("Bearer {TOKEN}"))
    );
    let answer = chat("databricks-claude");
    assert_eq!(
        answer.header("x-gateway-provider"),
        Some("databricks"),
        "{}",
        answer.text()
    );
    let call = service.last();
    assert_eq!(
        call.header("authorization"),
        Some("Bearer dbx-token-0123456789")
    );
}

#[test]
fn an_identity_that_says_nothing_is_refused_with_a_remedy() {
    let (vendor, service) = (Vendor::start(), Vendor::start());
    let yaml = azure(&vendor, &service).yaml();
    let half = yaml.replace("        client_id: my-app\n", "");
    assert_ne!(half, yaml);
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let path = gateway.dir().join("half.yaml");
    std::fs::write(&path, half).expect("a file can be written");
    let path = path.to_str().expect("a path is text");
    let output = ferrogw_tests::binary::command(&["validate", path])
        .output()
        .expect("the binary can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(!output.status.success());
    assert!(
        all.contains(
            "targets[1].auth.entra.client_secret: `client_secret` needs `client_id` beside it"
        ),
        "{all}"
    );
}
