//! The proxy on the way to a target: its own, or the environment's.

use http::Uri;

use super::{BuildError, Env, resolve, wrong};
use crate::credential::ProxyRule;
use crate::upstream::Proxy;

/// The proxy on the way to `url`: the target's own, or the environment's.
pub(super) fn on_the_way(
    spec: &config::Target,
    url: &str,
    env: Env<'_>,
) -> Result<Option<Proxy>, BuildError> {
    let uri: Uri = url
        .parse()
        .map_err(|error| wrong(spec, "base_url", &error))?;
    rule(spec, env)?
        .to(&uri)
        .map_err(|error| BuildError::Wrong(format!("target `{}`: {error}", spec.virtual_key)))
}

/// What the target or the environment says of proxies.
pub(super) fn rule(spec: &config::Target, env: Env<'_>) -> Result<ProxyRule, BuildError> {
    match &spec.proxy {
        Some(config::Proxy::Direct) => Ok(ProxyRule::default()),
        Some(config::Proxy::Via(url)) => Ok(ProxyRule {
            all: resolve(spec, "proxy", url.expose(), env)?,
            ..ProxyRule::default()
        }),
        None => Ok(of_environment(env)),
    }
}

/// What the environment says of proxies.
pub(super) fn of_environment(env: Env<'_>) -> ProxyRule {
    let set = |names: [&str; 2]| names.into_iter().find_map(env).unwrap_or_default();
    ProxyRule {
        https: set(["HTTPS_PROXY", "https_proxy"]),
        http: set(["http_proxy", "HTTP_PROXY"]),
        all: set(["ALL_PROXY", "all_proxy"]),
        no: set(["NO_PROXY", "no_proxy"]),
    }
}
