//! Where AWS keys come from: the first of keys as such, a web identity, a profile of the shared files,
//! the container and the instance that is there when the target is built. What it holds is read and
//! asked for anew at every renewal.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use http::Method;
use providers::auth::aws::{
    AwsKeys, DEFAULT_REGION, Profiles, Role, Wanted, assume_role, assume_role_with_web_identity,
    container_keys, imds_keys, imds_role, imds_token, instance_keys, sts_endpoint, sts_keys,
};
use providers::auth::{Ask, Granted, Hidden};

use super::net::Net;
use super::recipe::Ground;
use super::{file, seconds};
use crate::target::BuildError;

/// Where containers are asked, unless the environment names the whole address.
const CONTAINER: &str = "http://169.254.170.2";
/// Where instances are asked.
const INSTANCE: &str = "http://169.254.169.254";
/// Keys in a file are looked at anew this often: whoever writes them may write others.
const REREAD: Duration = Duration::from_mins(15);
/// The name of a session, when nobody gives one.
const SESSION: &str = "ferrogw";

type Keys = Result<Granted<AwsKeys>, String>;

/// Where keys come from.
#[derive(Clone, PartialEq)]
pub(crate) struct Source {
    /// What is done for them first.
    first: First,
    /// A role taken with them.
    role: Option<Role>,
    files: SharedFiles,
    environment: Option<AwsKeys>,
    container: Option<Container>,
    instance: String,
    /// The region of the security token service, and its address if it is another one.
    region: String,
    sts: Option<String>,
}

#[derive(Clone, PartialEq)]
enum First {
    /// As somebody wants it who is known already.
    Wanted(Wanted),
    /// As the profile of this name wants it.
    Profile(String),
}

#[derive(Clone, Default, PartialEq)]
struct SharedFiles {
    config: Option<PathBuf>,
    credentials: Option<PathBuf>,
}

#[derive(Clone, PartialEq)]
struct Container {
    url: String,
    token: Option<Hidden>,
    token_file: Option<PathBuf>,
}

/// Where the target's keys come from, and the region that they sign for.
pub(super) fn source(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
) -> Result<(Source, String), BuildError> {
    let shared = SharedFiles {
        config: place(ground, "AWS_CONFIG_FILE", ".aws/config"),
        credentials: place(ground, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    };
    let profiles = shared.read_now();
    let named = ground.text("auth.aws.profile", written.profile.as_ref())?;
    let profile = named.clone().or_else(|| ground.var("AWS_PROFILE"));
    let region = region(ground, written, &profiles, profile.as_deref())?;
    let role = written_role(ground, written)?;
    let web_role = role.clone().or_else(|| environment_role(ground));
    let web = web_identity(ground, written, web_role);
    let keys = written_keys(ground, written)?;
    let environment = environment_keys(ground);
    let (first, takes_role) = if let Some(keys) = keys {
        (First::Wanted(Wanted::Keys(keys)), false)
    } else if let Some(name) = named {
        (First::Profile(name), false)
    } else if let Some(web) = web
        .clone()
        .filter(|_| written.web_identity_token_file.is_some())
    {
        (First::Wanted(web), true)
    } else if let Some(keys) = environment.clone() {
        (First::Wanted(Wanted::Keys(keys)), false)
    } else if let Some(web) = web {
        (First::Wanted(web), true)
    } else if let Some(name) = profile {
        (First::Profile(name), false)
    } else if profiles.wanted("default").is_ok() {
        (First::Profile("default".into()), false)
    } else if container(ground).is_some() {
        (First::Wanted(Wanted::Container), false)
    } else if ground
        .var("AWS_EC2_METADATA_DISABLED")
        .is_some_and(|word| word.eq_ignore_ascii_case("true"))
    {
        return Err(ground.lacking(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or `auth.aws`",
        ));
    } else {
        (First::Wanted(Wanted::Instance), false)
    };
    if let First::Profile(name) = &first {
        // A profile that cannot be used is wrong now, not at the first call.
        profiles
            .wanted(name)
            .map_err(|error| ground.wrong("auth.aws.profile", error))?;
    }
    let source = Source {
        first,
        role: role.filter(|_| !takes_role),
        files: shared,
        environment,
        container: container(ground),
        instance: ground
            .var("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            .unwrap_or_else(|| INSTANCE.to_owned()),
        region: region.clone(),
        sts: ground.var("AWS_ENDPOINT_URL_STS"),
    };
    Ok((source, region))
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
    let set = own
        .or_else(|| ground.vars.get("region").cloned())
        .or_else(|| ground.var("AWS_REGION"))
        .or_else(|| ground.var("AWS_DEFAULT_REGION"));
    let of_profile = || {
        profiles
            .region(profile.unwrap_or("default"))
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

fn web_identity(
    ground: &Ground<'_>,
    written: &config::AwsAuth,
    role: Option<Role>,
) -> Option<Wanted> {
    let from_env = || ground.var("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from);
    let file = written.web_identity_token_file.clone().or_else(from_env)?;
    Some(Wanted::WebIdentity(role?, file))
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

impl SharedFiles {
    /// The profiles as they are when a target is built.
    fn read_now(&self) -> Profiles {
        let text = |path: &Option<PathBuf>| {
            path.as_ref()
                .and_then(|path| std::fs::read_to_string(path).ok())
                .unwrap_or_default()
        };
        Profiles::read(&text(&self.config), &text(&self.credentials))
    }

    async fn read(&self) -> Result<Profiles, String> {
        let mut texts = [String::new(), String::new()];
        for (text, path) in texts.iter_mut().zip([&self.config, &self.credentials]) {
            if let Some(path) = path {
                *text = file::read_if_there(path).await?;
            }
        }
        Ok(Profiles::read(&texts[0], &texts[1]))
    }
}

impl Source {
    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        let first = match &self.first {
            First::Profile(name) => format!("profile {name}"),
            First::Wanted(wanted) => match wanted {
                Wanted::Keys(_) => "access key".to_owned(),
                Wanted::Role(role, _) | Wanted::WebIdentity(role, _) => role.arn.clone(),
                Wanted::Environment => "environment".to_owned(),
                Wanted::Container => "container".to_owned(),
                Wanted::Instance => "instance".to_owned(),
            },
        };
        match &self.role {
            Some(role) => format!("aws {first}, {}", role.arn),
            None => format!("aws {first}"),
        }
    }

    pub(super) fn secrets(&self) -> Vec<&Hidden> {
        let mut keys: Vec<&AwsKeys> = self.environment.iter().collect();
        if let First::Wanted(Wanted::Keys(own)) = &self.first {
            keys.push(own);
        }
        let of_keys = keys
            .into_iter()
            .flat_map(|keys| std::iter::once(&keys.secret_access_key).chain(&keys.session_token));
        let container = self.container.as_ref();
        of_keys
            .chain(container.and_then(|container| container.token.as_ref()))
            .collect()
    }

    /// Keys that are good now.
    pub(super) async fn fetch(&self, net: &Net) -> Keys {
        let granted = match &self.first {
            First::Wanted(wanted) => self.keys(wanted, net).await?,
            First::Profile(name) => {
                let wanted = self.files.read().await?.wanted(name);
                let wanted = wanted.map_err(|error| error.to_string())?;
                let mut granted = self.keys(&wanted, net).await?;
                granted.lifetime = granted.lifetime.or(Some(REREAD));
                granted
            }
        };
        match &self.role {
            Some(role) => self.take(role, &granted.value, net).await,
            None => Ok(granted),
        }
    }

    fn keys<'a>(&'a self, wanted: &'a Wanted, net: &'a Net) -> BoxFuture<'a, Keys> {
        async move {
            match wanted {
                Wanted::Keys(keys) => Ok(endless(keys.clone())),
                Wanted::Environment => {
                    let keys = self.environment.clone();
                    keys.map(endless).ok_or_else(|| {
                        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".into()
                    })
                }
                Wanted::Role(role, source) => {
                    let source = self.keys(source, net).await?;
                    self.take(role, &source.value, net).await
                }
                Wanted::WebIdentity(role, path) => {
                    let token = Hidden::new(file::read(path).await?);
                    let ask = assume_role_with_web_identity(&self.sts(), role, &token);
                    read(&net.ask(ask).await?, sts_keys)
                }
                Wanted::Container => self.container(net).await,
                Wanted::Instance => self.instance(net).await,
            }
        }
        .boxed()
    }

    fn sts(&self) -> String {
        self.sts
            .clone()
            .unwrap_or_else(|| sts_endpoint(&self.region))
    }

    async fn take(&self, role: &Role, keys: &AwsKeys, net: &Net) -> Keys {
        let ask = assume_role(&self.sts(), &self.region, role, keys, seconds());
        let ask = ask.map_err(|error| error.to_string())?;
        read(&net.ask(ask).await?, sts_keys)
    }

    async fn container(&self, net: &Net) -> Keys {
        let Some(container) = &self.container else {
            return Err("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set".into());
        };
        let token = match &container.token_file {
            Some(path) => Some(Hidden::new(file::read(path).await?.trim())),
            None => container.token.clone(),
        };
        let mut ask = Ask::plain(Method::GET, &container.url);
        if let Some(token) = token {
            let what = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
            ask = ask
                .with("authorization", token.expose(), what)
                .map_err(|error| error.to_string())?;
        }
        read(&net.ask_near(ask).await?, container_keys)
    }

    async fn instance(&self, net: &Net) -> Keys {
        let asked = |ask: Result<Ask, providers::auth::BadCredential>| async move {
            let answer = net
                .ask_near(ask.map_err(|error| error.to_string())?)
                .await?;
            let text = String::from_utf8(answer.to_vec());
            text.map_err(|_| "the instance's answer is not a text".to_owned())
        };
        let token = Hidden::new(asked(imds_token(&self.instance)).await?);
        let roles = asked(imds_role(&self.instance, &token)).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err("the instance has no role".into());
        }
        let keys = asked(imds_keys(&self.instance, role, &token)).await?;
        read(keys.as_bytes(), instance_keys)
    }
}

fn endless(keys: AwsKeys) -> Granted<AwsKeys> {
    Granted {
        value: keys,
        lifetime: None,
    }
}

fn read(
    body: &[u8],
    from: fn(&[u8], u64) -> Result<Granted<AwsKeys>, providers::auth::BadCredential>,
) -> Keys {
    from(body, seconds()).map_err(|error| error.to_string())
}
