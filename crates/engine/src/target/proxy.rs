//! The proxy on the way to a target: its own, or the environment's.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::{BuildError, Env, resolve, wrong};
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
    let matcher = match &spec.proxy {
        Some(config::Proxy::Direct) => return Ok(None),
        Some(config::Proxy::Via(url)) => Matcher::builder()
            .all(resolve(spec, "proxy", url.expose(), env)?)
            .build(),
        None => environment(env),
    };
    through(&matcher, &uri)
        .map_err(|error| BuildError::Wrong(format!("target `{}`: {error}", spec.virtual_key)))
}

/// The environment's proxy on the way to `url`.
pub(super) fn of_environment(url: &str, env: Env<'_>) -> Result<Option<Proxy>, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    through(&environment(env), &uri)
}

fn environment(env: Env<'_>) -> Matcher {
    let set = |names: [&str; 2]| names.into_iter().find_map(env).unwrap_or_default();
    Matcher::builder()
        .https(set(["HTTPS_PROXY", "https_proxy"]))
        .http(set(["http_proxy", "HTTP_PROXY"]))
        .all(set(["ALL_PROXY", "all_proxy"]))
        .no(set(["NO_PROXY", "no_proxy"]))
        .build()
}

fn through(matcher: &Matcher, uri: &Uri) -> Result<Option<Proxy>, String> {
    let Some(intercept) = matcher.intercept(uri) else {
        return Ok(None);
    };
    if intercept.uri().scheme_str() != Some("http") {
        return Err(format!(
            "proxy {} cannot be used: only http:// proxies are supported",
            intercept.uri()
        ));
    }
    Ok(Some(Proxy {
        uri: intercept.uri().clone(),
        authorization: intercept.basic_auth().cloned(),
    }))
}
