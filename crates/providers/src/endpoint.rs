//! From an API root, a surface and a model to the URL of one call.

use crate::base_url::{BaseUrl, is_plain};
use crate::percent;
use crate::provider::{DatedRoute, Provider, Vars};
use crate::surface::Surface;
use crate::template;

/// Why a call has no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadEndpoint {
    /// The vendor does not serve the surface.
    #[error("{provider} does not serve {}", .surface.label())]
    NotServed {
        /// The vendor.
        provider: String,
        /// The surface.
        surface: Surface,
    },
    /// The model stands in the path and cannot.
    #[error("model `{model}` cannot stand in a path; a name other than `.` and `..` can")]
    Model {
        /// The model.
        model: String,
    },
    /// A place that nothing fills, or not with something that can stand there.
    #[error("{provider} needs `{name}` in its path: letters, digits and . - _ ~ :")]
    Var {
        /// The vendor.
        provider: String,
        /// The variable.
        name: String,
    },
}

/// The URL of a call of `surface` for `model`.
pub fn endpoint(
    provider: &Provider,
    surface: Surface,
    base: &BaseUrl,
    model: &str,
    vars: &Vars,
) -> Result<String, BadEndpoint> {
    if !provider.serves(surface) {
        return Err(BadEndpoint::NotServed { provider: provider.id.clone(), surface });
    }
    let path = provider.path(surface);
    let Some(route) = dated_route(provider, surface, vars) else {
        return expand(provider, root_for(path, base.as_str()), path, path, model, vars);
    };
    let root = base.as_str().strip_suffix(route.strip.as_str()).unwrap_or(base.as_str());
    expand(provider, root, &route.path, path, model, vars)
}

fn dated_route<'a>(provider: &'a Provider, surface: Surface, vars: &Vars) -> Option<&'a DatedRoute> {
    let route = provider.dated_route.as_ref()?;
    provider.var(&route.when, vars)?;
    route.surfaces.contains(&surface).then_some(route)
}

/// A path that is a whole URL stands on its own.
fn root_for<'a>(path: &str, root: &'a str) -> &'a str {
    if path.starts_with('/') || path.is_empty() { root } else { "" }
}

fn expand(
    provider: &Provider,
    root: &str,
    template: &str,
    path: &str,
    model: &str,
    vars: &Vars,
) -> Result<String, BadEndpoint> {
    let mut url = String::with_capacity(root.len() + template.len() + path.len() + model.len());
    url.push_str(root);
    template::fill(template, &mut url, |name, out| match name {
        "model" => segment(model, out),
        "path" => {
            out.push_str(path);
            Ok(())
        }
        _ => var(provider, name, vars, out),
    })?;
    Ok(url)
}

fn segment(model: &str, out: &mut String) -> Result<(), BadEndpoint> {
    if matches!(model.trim(), "" | "." | "..") {
        return Err(BadEndpoint::Model { model: model.to_owned() });
    }
    percent::segment(model, out);
    Ok(())
}

fn var(provider: &Provider, name: &str, vars: &Vars, out: &mut String) -> Result<(), BadEndpoint> {
    let bad = || BadEndpoint::Var { provider: provider.id.clone(), name: name.to_owned() };
    let value = provider.var(name, vars).filter(|value| is_plain(value)).ok_or_else(bad)?;
    out.push_str(value);
    Ok(())
}
