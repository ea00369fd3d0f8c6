//! Which of the places that AWS keys may come from is a target's: decided when it is built, by what is
//! written and what the environment says.

use std::path::PathBuf;

use providers::auth::Hidden;
use providers::auth::aws::{AwsKeys, DEFAULT_REGION, Profiles, Role, Wanted};

use super::{Container, First, SharedFiles, Source};
use crate::credential::recipe::Ground;
use crate::target::BuildError;

/// Where containers are asked, unless the environment names the whole address.
const CONTAINER: &str = "http://169.254.170.2";
/// Where instances are asked.
const INSTANCE: &str = "http://169.254.169.254";
/// The profile of whoever names none.
const DEFAULT: &str = "default";
/// The name of a session, when nobody gives one.
const SESSION: &str = "ferrogw";

/// Where the target's keys come from, and the region that they sign for.
pub(in crate::credential) fn source(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
) -> Result<(Source, String), BuildError> {
    let files = SharedFiles {
        config: place(ground, "AWS_CONFIG_FILE", ".aws/config"),
        credentials: place(ground, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    };
    let profiles = files.read_now();
    let role = written_role(ground, written)?;
    let first = first(ground, written, &profiles, role.as_ref())?;
    let profile = match &first {
        First::Profile(name) => {
            // A profile that cannot be used is wrong now, not at the first call.
            let wanted = profiles.wanted(name);
            wanted.map_err(|error| ground.wrong("auth.aws.profile", error))?;
            Some(name.as_str())
        }
        First::Wanted(_) => None,
    };
    let region = region(ground, written, &profiles, profile)?;
    let is_taken = matches!(first, First::Wanted(Wanted::WebIdentity(..)));
    let source = Source {
        first,
        role: role.filter(|_| !is_taken),
        files,
        environment: environment_keys(ground),
        container: container(ground),
        instance: ground
            .var("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            .unwrap_or_else(|| INSTANCE.to_owned()),
        region: region.clone(),
        sts: ground.var("AWS_ENDPOINT_URL_STS"),
    };
    Ok((source, region))
}

/// The first place that there is: what is written counts before what the environment says.
fn first(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
    profiles: &Profiles,
    role: Option<&Role>,
) -> Result<First, BuildError> {
    let web = |file: Option<PathBuf>| {
        let role = role.cloned().or_else(|| environment_role(ground))?;
        Some(First::Wanted(Wanted::WebIdentity(role, file?)))
    };
    let keys = |keys: Option<AwsKeys>| keys.map(|keys| First::Wanted(Wanted::Keys(keys)));
    let off = ground.var("AWS_EC2_METADATA_DISABLED");
    let is_off = off.is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let places = [
        keys(written_keys(ground, written)?),
        ground
            .text("auth.aws.profile", written.profile.as_ref())?
            .map(First::Profile),
        web(written.web_identity_token_file.clone()),
        keys(environment_keys(ground)),
        web(ground.var("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from)),
        ground.var("AWS_PROFILE").map(First::Profile),
        profiles
            .wanted(DEFAULT)
            .is_ok()
            .then(|| First::Profile(DEFAULT.into())),
        container(ground).map(|_| First::Wanted(Wanted::Container)),
        (!is_off).then_some(First::Wanted(Wanted::Instance)),
    ];
    places.into_iter().flatten().next().ok_or_else(|| {
        ground
            .lacking("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or `auth.aws`")
    })
}

fn place(ground: &Ground<'_>, name: &str, below: &str) -> Option<PathBuf> {
    ground
        .var(name)
        .map(PathBuf::from)
        .or_else(|| ground.home(below))
}

fn region(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
    profiles: &Profiles,
    profile: Option<&str>,
) -> Result<String, BuildError> {
    let own = ground.text("auth.aws.region", written.region.as_ref())?;
    let profile = profile
        .map(str::to_owned)
        .or_else(|| ground.var("AWS_PROFILE"));
    let set = own
        .or_else(|| ground.vars.get("region").cloned())
        .or_else(|| ground.var("AWS_REGION"))
        .or_else(|| ground.var("AWS_DEFAULT_REGION"));
    let of_profile = || {
        profiles
            .region(profile.as_deref().unwrap_or(DEFAULT))
            .map(str::to_owned)
    };
    Ok(set
        .or_else(of_profile)
        .unwrap_or_else(|| DEFAULT_REGION.to_owned()))
}

fn written_role(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
) -> Result<Option<Role>, BuildError> {
    let Some(arn) = ground.text("auth.aws.role_arn", written.role_arn.as_ref())? else {
        return Ok(None);
    };
    let session = ground.text("auth.aws.session_name", written.session_name.as_ref())?;
    Ok(Some(Role {
        arn,
        session: session.unwrap_or_else(|| SESSION.to_owned()),
        external_id: ground.secret("auth.aws.external_id", written.external_id.as_ref())?,
    }))
}

fn environment_role(ground: &Ground<'_>) -> Option<Role> {
    Some(Role {
        arn: ground.var("AWS_ROLE_ARN")?,
        session: ground
            .var("AWS_ROLE_SESSION_NAME")
            .unwrap_or_else(|| SESSION.to_owned()),
        external_id: None,
    })
}

fn written_keys(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
) -> Result<Option<AwsKeys>, BuildError> {
    let id = ground.secret("auth.aws.access_key_id", written.access_key_id.as_ref())?;
    let secret = ground.secret(
        "auth.aws.secret_access_key",
        written.secret_access_key.as_ref(),
    )?;
    let token = ground.secret("auth.aws.session_token", written.session_token.as_ref())?;
    Ok(id.zip(secret).map(|(id, secret)| AwsKeys {
        access_key_id: id,
        secret_access_key: Hidden::new(secret),
        session_token: token.map(Hidden::new),
    }))
}

fn environment_keys(ground: &Ground<'_>) -> Option<AwsKeys> {
    Some(AwsKeys {
        access_key_id: ground.var("AWS_ACCESS_KEY_ID")?,
        secret_access_key: Hidden::new(ground.var("AWS_SECRET_ACCESS_KEY")?),
        session_token: ground.var("AWS_SESSION_TOKEN").map(Hidden::new),
    })
}

fn container(ground: &Ground<'_>) -> Option<Container> {
    let relative = ground
        .var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        .map(|path| format!("{CONTAINER}{path}"));
    Some(Container {
        url: relative.or_else(|| ground.var("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?,
        token: ground
            .var("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(Hidden::new),
        token_file: ground
            .var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
            .map(PathBuf::from),
    })
}
