//! AWS: every place that keys come from, and requests signed with them.

use super::*;
use crate::stand_in::Seen;

fn bedrock(vendor: &StandIn) -> Plan {
    plan(json!({"aws-sigv4": {"service": "bedrock"}}), vendor).env("AWS_REGION", "eu-west-1")
}

fn keys(id: &str) -> serde_json::Value {
    json!({"AccessKeyId": id, "SecretAccessKey": "s", "Token": "session", "Expiration": "2099-01-01T00:00:00Z"})
}

fn sts(id: &str) -> Says {
    says(
        200,
        format!(
            "<r><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></r>"
        ),
    )
}

/// Who signed a request, for what.
fn scope(seen: &Seen) -> String {
    let (_, rest) = seen
        .header("authorization")
        .split_once("Credential=")
        .unwrap();
    let parts: Vec<&str> = rest.split(',').next().unwrap().split('/').collect();
    format!("{} {} {}", parts[0], parts[2], parts[3])
}

async fn called(plan: &Plan, vendor: &StandIn) -> Seen {
    call(&plan.build()).await.unwrap();
    vendor.only()
}

#[tokio::test]
async fn a04_keys_of_the_environment_sign_and_no_key_is_sent() {
    let vendor = vendor().await;
    let plan = bedrock(&vendor)
        .env("AWS_ACCESS_KEY_ID", "AKENV")
        .env("AWS_SECRET_ACCESS_KEY", "s")
        .env("AWS_SESSION_TOKEN", "session");
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKENV eu-west-1 bedrock");
    assert_eq!(seen.header("x-amz-security-token"), "session");
    assert!(
        seen.header("authorization")
            .contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,")
    );
}

#[tokio::test]
async fn a_bearer_key_is_sent_and_nothing_is_signed() {
    let vendor = vendor().await;
    let mut plan = bedrock(&vendor)
        .env("AWS_ACCESS_KEY_ID", "AKENV")
        .env("AWS_SECRET_ACCESS_KEY", "s");
    plan.spec.api_key = Some(config::ApiKey::One(config::Secret::new("bedrock-key")));
    let seen = called(&plan, &vendor).await;
    assert_eq!(seen.header("authorization"), "Bearer bedrock-key");
    assert_eq!(seen.header("x-amz-date"), "");
}

#[tokio::test]
async fn a_role_is_taken_with_written_keys() {
    let (vendor, service) = (vendor().await, StandIn::saying(sts("AKROLE")).await);
    let plan = bedrock(&vendor)
        .env("AWS_ENDPOINT_URL_STS", service.url())
        .auth(
            json!({"aws": {"access_key_id": "AKBASE", "secret_access_key": "s",
            "role_arn": "arn:aws:iam::1:role/r", "external_id": "ext", "region": "us-west-2"}}),
        );
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKROLE us-west-2 bedrock");
    let asked = service.only();
    assert_eq!(scope(&asked), "AKBASE us-west-2 sts");
    assert!(
        asked.body.starts_with("Action=AssumeRole&"),
        "{}",
        asked.body
    );
    assert!(
        asked
            .body
            .contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=ferrogw")
    );
    assert!(asked.body.contains("ExternalId=ext"));
}

#[tokio::test]
async fn a_web_identity_is_exchanged() {
    let (vendor, service) = (vendor().await, StandIn::saying(sts("AKWEB")).await);
    let folder = tempfile::tempdir().unwrap();
    let plan = bedrock(&vendor)
        .env("AWS_ENDPOINT_URL_STS", service.url())
        .env("AWS_ROLE_ARN", "arn:r")
        .env(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            file(&folder, "token", "jwt\n"),
        );
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKWEB eu-west-1 bedrock");
    let asked = service.only();
    assert_eq!(asked.header("authorization"), "");
    assert!(asked.body.starts_with("Action=AssumeRoleWithWebIdentity&"));
    assert!(asked.body.ends_with("&WebIdentityToken=jwt"));
}

#[tokio::test]
async fn a_profile_takes_a_role_with_another_profiles_keys() {
    let (vendor, service) = (vendor().await, StandIn::saying(sts("AKROLE")).await);
    let folder = tempfile::tempdir().unwrap();
    let config =
        "[profile prod]\nrole_arn = arn:r\nsource_profile = default\nregion = ap-south-1\n";
    let credentials = "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n";
    let mut plan = bedrock(&vendor)
        .env("AWS_ENDPOINT_URL_STS", service.url())
        .env("AWS_CONFIG_FILE", file(&folder, "config", config))
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            file(&folder, "credentials", credentials),
        )
        .auth(json!({"aws": {"profile": "prod"}}));
    plan.env.remove("AWS_REGION");
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKROLE ap-south-1 bedrock");
    assert_eq!(scope(&service.only()), "AKFILE ap-south-1 sts");
    let wrong = plan.auth(json!({"aws": {"profile": "nope"}})).refused();
    assert_eq!(
        wrong,
        "target `acme`: auth.aws.profile: profile `nope` is in no file"
    );
}

#[tokio::test]
async fn the_default_profile_is_found_and_its_keys_may_change() {
    let vendor = vendor().await;
    let folder = tempfile::tempdir().unwrap();
    let keys =
        |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    file(&folder, ".aws/credentials", &keys("AK1"));
    let plan = bedrock(&vendor).env("HOME", folder.path().to_str().unwrap());
    let target = plan.build();
    call(&target).await.unwrap();
    file(&folder, ".aws/credentials", &keys("AK2"));
    pass(16 * 60).await;
    call(&target).await.unwrap();
    let signed: Vec<String> = vendor.seen().iter().map(scope).collect();
    assert_eq!(signed, ["AK1 eu-west-1 bedrock", "AK2 eu-west-1 bedrock"]);
}

#[tokio::test]
async fn a_container_is_asked_with_its_token() {
    let (vendor, service) = (
        vendor().await,
        StandIn::saying(says(200, keys("AKBOX").to_string())).await,
    );
    let folder = tempfile::tempdir().unwrap();
    let plan = bedrock(&vendor)
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/creds", service.url()),
        )
        .env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file(&folder, "token", "box-token\n"),
        );
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKBOX eu-west-1 bedrock");
    assert_eq!(service.only().header("authorization"), "box-token");
}

#[tokio::test]
async fn an_instance_is_asked_within_a_session() {
    let service = StandIn::start(|seen| {
        let session = seen.header("x-aws-ec2-metadata-token");
        match (seen.method.as_str(), seen.path.as_str(), session) {
            ("PUT", "/latest/api/token", _) => says(200, "session-1"),
            ("GET", "/latest/meta-data/iam/security-credentials/", "session-1") => {
                says(200, "my-role\n")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/my-role", "session-1") => {
                let mut keys = keys("AKEC2");
                keys["Code"] = "Success".into();
                says(200, keys.to_string())
            }
            _ => says(401, ""),
        }
    })
    .await;
    let vendor = vendor().await;
    let plan = bedrock(&vendor).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url());
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AKEC2 eu-west-1 bedrock");
    assert_eq!(service.seen().len(), 3);
    assert_eq!(
        service.seen()[0].header("x-aws-ec2-metadata-token-ttl-seconds"),
        "60"
    );
    let off = plan.env("AWS_EC2_METADATA_DISABLED", "true").refused();
    assert!(
        off.starts_with("target `acme` has no credential: set AWS_ACCESS_KEY_ID"),
        "{off}"
    );
}

#[tokio::test]
async fn keys_that_are_over_are_fetched_anew_and_others_are_not() {
    let service = StandIn::saying(says(200, keys("AKBOX").to_string())).await;
    for (name, fetched, asked) in [
        ("ExpiredTokenException", 2, 2),
        ("AccessDeniedException", 1, 1),
    ] {
        let before = service.seen().len();
        let refusing = StandIn::saying(says(403, "{}").with("x-amzn-errortype", name)).await;
        let plan = bedrock(&refusing).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url());
        let target = plan.build();
        target.warm().await;
        pass(60).await;
        assert_eq!(call(&target).await.unwrap().status(), 403);
        assert_eq!(
            (service.seen().len() - before, refusing.seen().len()),
            (fetched, asked),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_set_by_the_vendors() {
    let vendor = StandIn::start(|seen| {
        let right = seen.header("x-amz-date").starts_with("20330518T0333");
        if right {
            return says(200, "{}");
        }
        says(403, "{}")
            .with("x-amzn-errortype", "InvalidSignatureException")
            .with("date", "Wed, 18 May 2033 03:33:20 GMT")
    })
    .await;
    let plan = bedrock(&vendor)
        .env("AWS_ACCESS_KEY_ID", "AKENV")
        .env("AWS_SECRET_ACCESS_KEY", "s");
    let target = plan.build();
    assert_eq!(call(&target).await.unwrap().status(), 200);
    assert_eq!(call(&target).await.unwrap().status(), 200);
    assert_eq!(vendor.seen().len(), 3, "learnt once");
}

#[tokio::test]
async fn any_vendor_that_takes_a_bearer_may_be_signed_for() {
    let vendor = vendor().await;
    let plan = plan(json!("bearer"), &vendor).auth(
        json!({"aws": {"access_key_id": "AK", "secret_access_key": "s", "service": "bedrock"}}),
    );
    let seen = called(&plan, &vendor).await;
    assert_eq!(scope(&seen), "AK us-east-1 bedrock");
}
