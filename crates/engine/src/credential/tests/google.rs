//! Google: every kind of credential document, and the metadata server.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};

use super::*;
use crate::stand_in::Seen;

fn vertex(vendor: &StandIn) -> Plan {
    plan(
        json!({"google": {"document_env": ["ACME_DOCUMENT"]}}),
        vendor,
    )
}

/// A service account whose tokens are had at this address.
fn service_account(token_uri: &str) -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64(der.as_ref())
    );
    json!({"type": "service_account", "client_email": "me@p.test", "private_key_id": "k1",
        "private_key": key, "token_uri": token_uri})
    .to_string()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| {
            bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            out.push(if at <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    out
}

/// A way to give a target its document.
type Give<'a> = Box<dyn Fn(Plan) -> Plan + 'a>;

fn user(token_uri: &str) -> serde_json::Value {
    json!({"type": "authorized_user", "client_id": "c", "client_secret": "client-secret",
        "refresh_token": "refresh-token", "token_uri": token_uri})
}

async fn called(plan: &Plan, vendor: &StandIn) -> String {
    call(&plan.build()).await.unwrap();
    vendor.only().header("authorization").to_owned()
}

#[tokio::test]
async fn a_service_account_makes_a_statement_and_gets_a_token() {
    let service = StandIn::saying(granted("tok")).await;
    let document = service_account(&format!("{}/token", service.url()));
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "account.json", &document);
    let ways: [Give<'_>; 5] = [
        Box::new(|plan| {
            plan.env("DOC", document.as_str())
                .auth(json!({"google": {"credentials": "${DOC}"}}))
        }),
        Box::new(|plan| plan.auth(json!({"google": {"credentials": format!("file:{path}")}}))),
        Box::new(|plan| plan.auth(json!({"google": {"credentials_file": path}}))),
        Box::new(|plan| plan.env("ACME_DOCUMENT", document.as_str())),
        Box::new(|plan| plan.env("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())),
    ];
    for (number, give) in ways.iter().enumerate() {
        let vendor = vendor().await;
        let plan = give(vertex(&vendor));
        assert_eq!(called(&plan, &vendor).await, "Bearer tok", "way {number}");
        let asked = service.seen().pop().unwrap();
        assert_eq!(asked.path, "/token");
        let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey";
        assert!(asked.body.starts_with(start), "{}", asked.body);
    }
    assert_eq!(service.seen().len(), ways.len());
}

#[tokio::test]
async fn what_gcloud_left_is_found() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".config/gcloud")).unwrap();
    let document = user(&service.url()).to_string();
    file(
        &folder,
        ".config/gcloud/application_default_credentials.json",
        &document,
    );
    let plan = vertex(&vendor).env("HOME", folder.path().to_str().unwrap());
    let target = plan.build();
    assert_eq!(target.files.len(), 1, "a change of it is a reload");
    assert_eq!(called(&plan, &vendor).await, "Bearer tok");
    assert!(
        service
            .only()
            .body
            .ends_with("&client_secret=client-secret&refresh_token=refresh-token")
    );
}

#[tokio::test]
async fn the_project_that_pays_for_a_user_is_named_unless_the_operator_names_another() {
    let service = StandIn::saying(granted("tok")).await;
    let mut document = user(&service.url());
    document["quota_project_id"] = "pays".into();
    for (written, sent) in [(None, "pays"), (Some("other"), "other")] {
        let vendor = vendor().await;
        let mut plan = vertex(&vendor).env("ACME_DOCUMENT", document.to_string());
        if let Some(project) = written {
            let value = config::Secret::new(project);
            plan.spec
                .headers
                .insert("X-Goog-User-Project".into(), value);
        }
        assert_eq!(called(&plan, &vendor).await, "Bearer tok");
        assert_eq!(vendor.only().header("x-goog-user-project"), sent);
    }
}

#[tokio::test]
async fn without_a_document_the_machine_is_asked() {
    let (vendor, service) = (vendor().await, StandIn::saying(granted("tok")).await);
    let plan = vertex(&vendor).env("GCE_METADATA_HOST", service.addr.to_string());
    assert_eq!(called(&plan, &vendor).await, "Bearer tok");
    let asked = service.only();
    assert_eq!(
        asked.path,
        "/computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!(asked.header("metadata-flavor"), "Google");
}

#[tokio::test]
async fn a_token_of_another_provider_is_exchanged_and_acts_as_an_account() {
    let service = StandIn::start(|seen: &Seen| match seen.path.as_str() {
        "/sts" => granted("federated"),
        _ => says(
            200,
            r#"{"accessToken":"acting","expireTime":"2099-01-01T00:00:00Z"}"#,
        ),
    })
    .await;
    let vendor = vendor().await;
    let folder = tempfile::tempdir().unwrap();
    let document = json!({"type": "external_account", "audience": "//iam/pool", "subject_token_type": "jwt",
        "token_url": format!("{}/sts", service.url()),
        "service_account_impersonation_url": format!("{}/act", service.url()),
        "credential_source": {"file": file(&folder, "subject", r#"{"id_token":"theirs"}"#),
            "format": {"type": "json", "subject_token_field_name": "id_token"}}});
    let plan = vertex(&vendor).env("ACME_DOCUMENT", document.to_string());
    assert_eq!(called(&plan, &vendor).await, "Bearer acting");
    let [exchanged, acted] = service.seen().try_into().unwrap();
    assert!(
        exchanged.body.contains("audience=%2F%2Fiam%2Fpool"),
        "{}",
        exchanged.body
    );
    assert!(
        exchanged
            .body
            .ends_with("&subject_token_type=jwt&subject_token=theirs")
    );
    assert_eq!(
        (acted.path.as_str(), acted.header("authorization")),
        ("/act", "Bearer federated")
    );
}

#[tokio::test]
async fn an_account_is_acted_as_with_a_users_token() {
    let service = StandIn::start(|seen: &Seen| match seen.path.as_str() {
        "/token" => granted("own"),
        _ => says(
            200,
            r#"{"accessToken":"acting","expireTime":"2099-01-01T00:00:00Z"}"#,
        ),
    })
    .await;
    let vendor = vendor().await;
    let document = json!({"type": "impersonated_service_account",
        "service_account_impersonation_url": format!("{}/act", service.url()),
        "source_credentials": user(&format!("{}/token", service.url()))});
    let plan = vertex(&vendor).env("ACME_DOCUMENT", document.to_string());
    assert_eq!(called(&plan, &vendor).await, "Bearer acting");
    assert_eq!(service.seen()[1].header("authorization"), "Bearer own");
}

#[tokio::test]
async fn a_key_goes_into_a_header_of_its_own() {
    let vendor = vendor().await;
    let mut plan = vertex(&vendor);
    plan.spec.api_key = Some(config::ApiKey::One(config::Secret::new("api-key-1")));
    call(&plan.build()).await.unwrap();
    let seen = vendor.only();
    assert_eq!(
        (seen.header("x-goog-api-key"), seen.header("authorization")),
        ("api-key-1", "")
    );
}

#[tokio::test]
async fn a_document_that_cannot_be_used_is_refused_when_the_target_is_built() {
    let vendor = vendor().await;
    let refused = vertex(&vendor)
        .env("ACME_DOCUMENT", "{\"private_key\":\"hunter2\"}")
        .refused();
    assert_eq!(
        refused,
        "target `acme`: ACME_DOCUMENT: the credential document is of the kind `unnamed`; accepted: \
         service_account, authorized_user, external_account, impersonated_service_account"
    );
    let refused = vertex(&vendor)
        .env("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/x")
        .refused();
    assert!(
        refused.starts_with("target `acme`: GOOGLE_APPLICATION_CREDENTIALS: /nonexistent/x: "),
        "{refused}"
    );
}
