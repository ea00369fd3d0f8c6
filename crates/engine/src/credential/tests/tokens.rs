//! Entra ID and Databricks, and what is the same for every kind of token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::stand_in::Seen;
use wire::fault::Kind;

const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

fn entra(vendor: &StandIn) -> Plan {
    plan(json!({"entra": {"scope": SCOPE}}), vendor)
}

fn application(vendor: &StandIn, service: &StandIn) -> Plan {
    entra(vendor)
        .env("AZURE_TENANT_ID", "tenant")
        .env("AZURE_CLIENT_ID", "app")
        .env("AZURE_CLIENT_SECRET", "s3cret-of-the-app")
        .env("AZURE_AUTHORITY_HOST", service.url())
}

#[tokio::test]
async fn a05_fifty_calls_of_an_application_ask_for_one_token() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let target = Arc::new(application(&vendor, &service).build());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let target = target.clone();
        calls.spawn(async move { call(&target).await.unwrap().status() });
    }
    assert!(calls.join_all().await.iter().all(|status| *status == 200));
    let asked = service.only();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/tenant/oauth2/v2.0/token")
    );
    for part in [
        "grant_type=client_credentials",
        "client_id=app",
        "client_secret=s3cret-of-the-app",
        "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default",
    ] {
        assert!(asked.body.contains(part), "{part}: {}", asked.body);
    }
    let seen = vendor.seen();
    assert_eq!(seen.len(), 50);
    for request in seen {
        assert_eq!(request.header("authorization"), "Bearer tok");
        assert_eq!(request.header("api-key"), "");
        assert_eq!(request.body, "{\"model\":\"m\"}");
    }
}

#[tokio::test]
async fn what_the_config_says_counts_before_the_environment() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let plan = application(&vendor, &service)
        .env("MY_SECRET", "from-config")
        .auth(json!({"entra": {"tenant_id": "t2", "client_id": "app2", "client_secret": "${MY_SECRET}", "scope": "other"}}));
    call(&plan.build()).await.unwrap();
    let asked = service.only();
    assert_eq!(asked.path, "/t2/oauth2/v2.0/token");
    assert!(
        asked
            .body
            .contains("client_id=app2&scope=other&client_secret=from-config"),
        "{}",
        asked.body
    );
}

#[tokio::test]
async fn a_workloads_token_is_read_anew_each_time() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "token", "first\n");
    let plan = entra(&vendor)
        .env("AZURE_TENANT_ID", "tenant")
        .env("AZURE_CLIENT_ID", "app")
        .env("AZURE_FEDERATED_TOKEN_FILE", path)
        .env("AZURE_AUTHORITY_HOST", service.url());
    let target = plan.build();
    call(&target).await.unwrap();
    file(&folder, "token", "second");
    pass(3601).await;
    call(&target).await.unwrap();
    let asked: Vec<String> = service.seen().into_iter().map(|seen| seen.body).collect();
    assert!(asked[0].ends_with("&client_assertion=first"), "{asked:?}");
    assert!(asked[1].ends_with("&client_assertion=second"), "{asked:?}");
}

#[tokio::test]
async fn a_machines_identity_is_used_where_somebody_wants_it() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let at_app_service = entra(&vendor)
        .env("IDENTITY_ENDPOINT", format!("{}/msi/token", service.url()))
        .env("IDENTITY_HEADER", "proof");
    call(&at_app_service.build()).await.unwrap();
    let asked = service.only();
    assert_eq!(asked.header("x-identity-header"), "proof");
    assert_eq!(
        asked.path,
        "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com%2F"
    );
    let service = StandIn::saying(granted("tok")).await;
    let at_a_machine = entra(&vendor).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.url());
    let refused = at_a_machine.refused();
    assert_eq!(
        refused,
        "target `acme` has no credential: set `api_key`, or `auth`"
    );
    let at_a_machine = at_a_machine.auth(json!({"entra": {"client_id": "mine"}}));
    call(&at_a_machine.build()).await.unwrap();
    let asked = service.only();
    assert_eq!(
        (asked.method.as_str(), asked.header("metadata")),
        ("GET", "true")
    );
    assert!(
        asked
            .path
            .starts_with("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=")
    );
    assert!(asked.path.ends_with("&client_id=mine"));
}

#[tokio::test]
async fn a_service_principal_of_databricks_asks_its_workspace() {
    let vendor = StandIn::start(|seen: &Seen| match seen.path.as_str() {
        "/oidc/v1/token" => granted("tok"),
        _ => says(200, "{}"),
    })
    .await;
    let plan = plan(json!("databricks"), &vendor)
        .env("DATABRICKS_CLIENT_ID", "id")
        .env("DATABRICKS_CLIENT_SECRET", "secret");
    call(&plan.build()).await.unwrap();
    let [asked, called] = vendor.seen().try_into().unwrap();
    assert_eq!(asked.header("authorization"), "Basic aWQ6c2VjcmV0");
    assert_eq!(asked.body, "grant_type=client_credentials&scope=all-apis");
    assert_eq!(called.header("authorization"), "Bearer tok");
    let lacking = super::plan(json!("databricks"), &vendor).auth(json!({"databricks": {}}));
    assert!(
        lacking
            .refused()
            .contains("set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET")
    );
}

#[tokio::test]
async fn a_key_counts_before_everything() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let mut plan = application(&vendor, &service);
    plan.spec.api_key = Some(config::ApiKey::One(config::Secret::new("the-key")));
    call(&plan.build()).await.unwrap();
    assert_eq!(vendor.only().header("api-key"), "the-key");
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn a05_a_refused_token_is_renewed_once_and_the_call_succeeds() {
    let issued = AtomicUsize::new(0);
    let service =
        StandIn::start(move |_| granted(&format!("tok{}", issued.fetch_add(1, Ordering::SeqCst))))
            .await;
    let vendor = StandIn::start(|seen| match seen.header("authorization") {
        "Bearer tok0" => says(401, "{}"),
        _ => says(200, "{}"),
    })
    .await;
    let target = application(&vendor, &service).build();
    let first = call(&target).await.unwrap();
    assert_eq!(first.status(), 401, "a token just granted is not why");
    assert_eq!(service.seen().len(), 1);
    pass(60).await;
    let second = call(&target).await.unwrap();
    assert_eq!(second.status(), 200);
    assert_eq!((service.seen().len(), vendor.seen().len()), (2, 3));
    assert!(
        vendor
            .seen()
            .iter()
            .all(|seen| seen.body == "{\"model\":\"m\"}")
    );
}

#[tokio::test]
async fn targets_and_reloads_share_what_was_granted() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let lasting = Lasting::default();
    let first = application(&vendor, &service).build_in(&lasting).unwrap();
    call(&first).await.unwrap();
    let again = application(&vendor, &service).build_in(&lasting).unwrap();
    drop(first);
    call(&again).await.unwrap();
    assert_eq!(service.seen().len(), 1);
    let another = application(&vendor, &service).env("AZURE_CLIENT_SECRET", "rotated");
    call(&another.build_in(&lasting).unwrap()).await.unwrap();
    assert_eq!(service.seen().len(), 2);
}

async fn failed(said: Says) -> Fault {
    let (vendor, service) = (vendor().await, StandIn::saying(said).await);
    let fault = call(&application(&vendor, &service).build())
        .await
        .err()
        .unwrap();
    assert!(vendor.seen().is_empty());
    assert_eq!(
        service.seen().len(),
        1,
        "a failure is not asked for again at once"
    );
    fault
}

#[tokio::test]
async fn a23_a_failure_says_what_and_never_what_is_secret() {
    for (said, cause) in [
        (
            says(
                401,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: s3cret-of-the-app is wrong"}"#,
            ),
            "the answer is 401 Unauthorized: invalid_client: AADSTS7000215: [REDACTED_SECRET] is wrong",
        ),
        (
            says(500, "<html>"),
            "the answer is 500 Internal Server Error",
        ),
        (
            says(302, "").with("location", "https://elsewhere.test/"),
            "the answer is 302 Found (redirects are not followed)",
        ),
        (
            says(200, "s3cret-of-the-app"),
            "the token service's answer is not a JSON object with a token",
        ),
        (
            says(200, r#"{"access_token":"a\nb"}"#),
            "the token holds a character that a header cannot carry",
        ),
        (
            says(200, vec![b' '; 300_000]),
            "the answer is larger than 262144 bytes",
        ),
    ] {
        let fault = failed(said).await;
        assert_eq!(fault.kind, Kind::UpstreamAuth);
        assert_eq!(fault.status(), 502);
        assert_eq!(
            fault.message,
            "the gateway has no valid credential for the provider"
        );
        let told = fault.cause.unwrap();
        assert!(told.starts_with("entra application app: "), "{told}");
        assert!(told.contains(cause), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// Acceptance test 6: what proves who asks is not sent on to where an answer points.
#[tokio::test]
async fn a06_a_redirect_is_not_followed() {
    let other = vendor().await;
    let to = format!("{}/token", other.url());
    failed(says(307, "").with("location", to)).await;
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let service = StandIn::saying(Says {
        after: Duration::from_mins(1),
        ..granted("tok")
    })
    .await;
    let net = crate::credential::Net {
        tls: Arc::new(crate::trust::client_config(None).unwrap()),
        proxy: crate::credential::ProxyRule::default(),
        patience: Duration::from_millis(100),
    };
    let ask = providers::auth::Ask::form(format!("{}/token?x=y", service.url()), &[]);
    let error = net.ask(ask).await.unwrap_err();
    assert_eq!(
        error,
        format!("{}/token: no answer within 100ms", service.url())
    );
}

#[tokio::test]
async fn nothing_of_the_token_stands_in_a_fault() {
    let (vendor, service) = (
        vendor().await,
        StandIn::saying(granted("a-very-long-token")).await,
    );
    let target = application(&vendor, &service).build();
    call(&target).await.unwrap();
    let fault = Fault::new(Kind::UpstreamRejected).saying("odd: a-very-long-token");
    assert_eq!(target.scrubbed(fault).message, "odd: [REDACTED_SECRET]");
}
