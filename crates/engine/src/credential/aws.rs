//! AWS keys: fetched from where they come from, which is read and asked anew at every renewal.

mod place;

pub(super) use place::source;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use http::Method;
use providers::auth::aws::{
    AwsKeys, Profiles, Role, Wanted, assume_role, assume_role_with_web_identity, container_keys,
    imds_keys, imds_role, imds_token, instance_keys, sts_endpoint, sts_keys,
};
use providers::auth::{Ask, Granted, Hidden};

use super::net::Net;
use super::{file, seconds};

/// Keys in a file are looked at anew this often: whoever writes them may write others.
const REREAD: Duration = Duration::from_mins(15);

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
