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
        return Err(BadEndpoint::NotServed {
            provider: provider.id.clone(),
            surface,
        });
    }
    let path = provider.path(surface);
    let Some(route) = dated_route(provider, surface, vars) else {
        let ending = provider.strips.get(&surface).map_or("", String::as_str);
        let root = base.as_str();
        let root = root.strip_suffix(ending).unwrap_or(root);
        let mut url = expand(provider, root_for(path, root), path, path, model, vars)?;
        url.push_str(undated_query(provider, surface, vars).unwrap_or_default());
        return Ok(url);
    };
    let root = base
        .as_str()
        .strip_suffix(route.strip.as_str())
        .unwrap_or(base.as_str());
    expand(provider, root, &route.path, path, model, vars)
}

pub(crate) fn dated_route<'a>(
    provider: &'a Provider,
    surface: Surface,
    vars: &Vars,
) -> Option<&'a DatedRoute> {
    let route = provider.dated_route.as_ref()?;
    let value = provider.var(&route.when, vars)?;
    let is_dated = route.surfaces.contains(&surface) && !route.undated.contains_key(value);
    is_dated.then_some(route)
}

/// What follows the usual way where a word stands in place of a date.
fn undated_query<'a>(provider: &'a Provider, surface: Surface, vars: &Vars) -> Option<&'a str> {
    let route = provider.dated_route.as_ref()?;
    let query = route.undated.get(provider.var(&route.when, vars)?)?;
    (surface != Surface::Passthrough).then_some(query.as_str())
}

/// A path below an API root, or a whole URL as it is.
pub fn url_at(path: &str, root: &str) -> String {
    format!("{}{path}", root_for(path, root))
}

/// Where a vendor lists its models, if it does.
pub fn list_url(provider: &Provider, base: &BaseUrl) -> Option<String> {
    let path = provider.discovery.as_deref()?;
    let root = base.as_str();
    let mut strips = provider.discovery_strips.iter();
    let root = strips
        .find_map(|ending| root.strip_suffix(ending.as_str()))
        .unwrap_or(root);
    Some(url_at(path, root))
}

/// A path that is a whole URL stands on its own.
fn root_for<'a>(path: &str, root: &'a str) -> &'a str {
    if path.starts_with('/') || path.is_empty() {
        root
    } else {
        ""
    }
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
        "model_path" => segments(model, out),
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
        return Err(BadEndpoint::Model {
            model: model.to_owned(),
        });
    }
    percent::segment(model, out);
    Ok(())
}

/// A name of several segments. What could mean another path is refused before it is escaped: not
/// every server in between reads escapes alike.
fn segments(model: &str, out: &mut String) -> Result<(), BadEndpoint> {
    let bad = |c: char| "\\%?#".contains(c) || c.is_control() || c.is_whitespace();
    if model.contains(bad) {
        return Err(BadEndpoint::Model {
            model: model.to_owned(),
        });
    }
    for (at, part) in model.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        let start = out.len();
        segment(part, out)?;
        // A sign that paths may hold, and which names of models begin with.
        if let Some(name) = out.get(start..).and_then(|part| part.strip_prefix("%40")) {
            let name = format!("@{name}");
            out.truncate(start);
            out.push_str(&name);
        }
    }
    Ok(())
}

fn var(provider: &Provider, name: &str, vars: &Vars, out: &mut String) -> Result<(), BadEndpoint> {
    let bad = || BadEndpoint::Var {
        provider: provider.id.clone(),
        name: name.to_owned(),
    };
    let value = provider
        .var(name, vars)
        .filter(|value| is_plain(value))
        .ok_or_else(bad)?;
    out.push_str(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_url;
    use crate::table::builtin;

    fn url(
        id: &str,
        surface: Surface,
        given: Option<&str>,
        model: &str,
        vars: &[(&str, &str)],
    ) -> Result<String, BadEndpoint> {
        let provider = builtin().get(id).unwrap();
        let vars: Vars = vars
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let base = base_url(provider, given, None, &vars).unwrap();
        endpoint(provider, surface, &base, model, &vars)
    }

    #[test]
    fn a_surface_stands_below_the_root() {
        for (id, surface, expected) in [
            (
                "openai",
                Surface::Chat,
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "openai",
                Surface::ChatStream,
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "openai",
                Surface::Responses,
                "https://api.openai.com/v1/responses",
            ),
            ("openai", Surface::Passthrough, "https://api.openai.com/v1"),
            (
                "deepinfra",
                Surface::Embeddings,
                "https://api.deepinfra.com/v1/openai/embeddings",
            ),
            (
                "perplexity",
                Surface::Chat,
                "https://api.perplexity.ai/chat/completions",
            ),
            (
                "perplexity",
                Surface::Responses,
                "https://api.perplexity.ai/v1/responses",
            ),
            (
                "together",
                Surface::Rerank,
                "https://api.together.ai/v1/rerank",
            ),
        ] {
            assert_eq!(
                url(id, surface, None, "m", &[]).as_deref(),
                Ok(expected),
                "{id}"
            );
        }
        let error = url("ollama-cloud", Surface::Passthrough, None, "m", &[]).unwrap_err();
        assert_eq!(error.to_string(), "ollama-cloud does not serve passthrough");
    }

    const AZURE: Option<&str> = Some("https://res.openai.azure.com");

    /// Row 23: the route without a date is the usual one, the dated one has to be asked for.
    #[test]
    fn row_23_azure_is_dated_only_when_a_version_is_set() {
        let v1 = url("azure-openai", Surface::Chat, AZURE, "dep", &[]);
        assert_eq!(
            v1.as_deref(),
            Ok("https://res.openai.azure.com/openai/v1/chat/completions")
        );
        let dated = [("api_version", "2024-10-21")];
        assert_eq!(
            url("azure-openai", Surface::ChatStream, AZURE, "dep", &dated).as_deref(),
            Ok(
                "https://res.openai.azure.com/openai/deployments/dep/chat/completions?api-version=2024-10-21"
            )
        );
        assert_eq!(
            url("azure-openai", Surface::Transcription, AZURE, "dep", &dated).as_deref(),
            Ok(
                "https://res.openai.azure.com/openai/deployments/dep/audio/transcriptions?api-version=2024-10-21"
            )
        );
        // Files have no deployment, and Responses stand on the undated route only.
        for (surface, path) in [
            (Surface::Files, "/files"),
            (Surface::Responses, "/responses"),
        ] {
            let expected = format!("https://res.openai.azure.com/openai/v1{path}");
            assert_eq!(
                url("azure-openai", surface, AZURE, "dep", &dated).as_deref(),
                Ok(expected.as_str())
            );
        }
        let odd = url(
            "azure-openai",
            Surface::Chat,
            AZURE,
            "dep",
            &[("api_version", "1&x=/")],
        );
        assert!(matches!(odd, Err(BadEndpoint::Var { .. })), "{odd:?}");
    }

    /// Row 22: a call goes to the deployment that its model means, and to no other place.
    #[test]
    fn row_22_a_model_in_the_path_is_exactly_one_segment() {
        let dated = [("api_version", "2024-10-21")];
        for (model, segment) in [
            ("my dep", "my%20dep"),
            ("a/b", "a%2Fb"),
            ("a?b#c%", "a%3Fb%23c%25"),
            ("...", "..."),
        ] {
            let url = url("azure-openai", Surface::Chat, AZURE, model, &dated).unwrap();
            assert!(
                url.contains(&format!("/openai/deployments/{segment}/chat/completions?")),
                "{url}"
            );
        }
        for model in ["", " ", ".", ".."] {
            let refused = url("azure-openai", Surface::Chat, AZURE, model, &dated);
            assert!(
                matches!(refused, Err(BadEndpoint::Model { .. })),
                "{model:?}"
            );
        }
    }

    /// `v1` and `preview` are no dates: the undated route is meant.
    #[test]
    fn d24_words_in_place_of_a_version_mean_the_undated_route() {
        let root = "https://res.openai.azure.com/openai/v1";
        for (version, query) in [("v1", ""), ("preview", "?api-version=preview")] {
            let vars = [("api_version", version)];
            for (surface, path) in [
                (Surface::Chat, "/chat/completions"),
                (Surface::Responses, "/responses"),
            ] {
                let url = url("azure-openai", surface, AZURE, "dep", &vars);
                assert_eq!(url, Ok(format!("{root}{path}{query}")));
            }
            let root_alone = url("azure-openai", Surface::Passthrough, AZURE, "dep", &vars);
            assert_eq!(root_alone.as_deref(), Ok(root));
        }
    }

    #[test]
    fn a_list_of_models_may_stand_beside_the_api_root() {
        let account: Vars = [("account_id".to_owned(), "a1".to_owned())].into();
        for (id, given, expected) in [
            (
                "hugging-face",
                None,
                Some("https://router.huggingface.co/v1/models"),
            ),
            (
                "cloudflare",
                None,
                Some(
                    "https://api.cloudflare.com/client/v4/accounts/a1/ai/models/search?per_page=100",
                ),
            ),
            (
                "databricks",
                Some("dbc-1.cloud.databricks.com"),
                Some("https://dbc-1.cloud.databricks.com/api/2.0/serving-endpoints"),
            ),
            (
                "databricks",
                Some("https://dbc-1.cloud.databricks.com/ai-gateway/mlflow/v1"),
                Some("https://dbc-1.cloud.databricks.com/api/2.0/serving-endpoints"),
            ),
            ("azure-openai", AZURE, None),
            ("ai21", None, None),
        ] {
            let provider = builtin().get(id).unwrap();
            let base = base_url(provider, given, None, &account).unwrap();
            assert_eq!(list_url(provider, &base).as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn a_path_may_be_a_whole_url() {
        let text = "id = 'a'\nbase_url = 'https://a.test/v1'\nsurfaces = ['speech']\n\
                    paths = { speech = 'https://voice.a.test/{model}/say' }";
        let provider: Provider = toml::from_str(text).unwrap();
        let base = base_url(&provider, None, None, &Vars::new()).unwrap();
        let url = endpoint(&provider, Surface::Speech, &base, "m", &Vars::new());
        assert_eq!(url.as_deref(), Ok("https://voice.a.test/m/say"));
    }
}
