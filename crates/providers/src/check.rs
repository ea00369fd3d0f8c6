//! What serde cannot see: whether the fields of a row make sense together. The built-in rows are
//! held against this by a test, an operator's by the config check.

use crate::base_url::template_problem;
use crate::headers::{header_name, header_value};
use crate::provider::{Auth, KeyNeed, Provider};
use crate::rules::ChatRules;
use crate::template::places;

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where, such as `paths.chat`.
    pub field: String,
    /// What, such as would follow the field's name and a colon.
    pub message: String,
}

/// Fields that carry the call itself; no rule may touch them.
const UNTOUCHABLE: [&str; 3] = ["model", "messages", "stream"];

impl Provider {
    /// Everything that is wrong with the row.
    pub fn defects(&self) -> Vec<Defect> {
        let mut found = Found(Vec::new());
        self.check_id(&mut found);
        self.check_urls(&mut found);
        self.check_headers(&mut found);
        self.check_surfaces(&mut found);
        check_rules(&self.chat, &mut found);
        found.0
    }

    fn check_id(&self, found: &mut Found) {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !self.id.split('-').all(word) {
            found.add(
                "id",
                format!(
                    "`{}` must be lower-case words and digits joined by hyphens",
                    self.id
                ),
            );
        }
    }

    fn check_urls(&self, found: &mut Found) {
        let regions = self
            .regions
            .iter()
            .map(|(name, url)| (format!("regions.{name}"), url));
        for (field, url) in std::iter::once(("base_url".to_owned(), &self.base_url)).chain(regions)
        {
            if let Some(problem) = template_problem(url) {
                found.add(&field, problem);
            }
            self.check_places(&field, url, &[], found);
        }
        for (surface, path) in &self.paths {
            self.check_path(
                &format!("paths.{}", surface.label()),
                path,
                &["model", "model_path"],
                found,
            );
        }
        if let Some(path) = &self.discovery {
            self.check_path("discovery", path, &[], found);
        }
        if let Some(route) = &self.dated_route {
            self.check_path("dated_route.path", &route.path, &["model", "path"], found);
        }
    }

    fn check_path(&self, field: &str, path: &str, own: &[&str], found: &mut Found) {
        let is_url = path.starts_with("https://") || path.starts_with("http://");
        if !path.starts_with('/') && !is_url {
            found.add(
                field,
                format!("`{path}` must begin with `/` or be a whole url"),
            );
        }
        self.check_places(field, path, own, found);
    }

    /// A place that nothing can ever fill is a spelling mistake.
    fn check_places(&self, field: &str, template: &str, own: &[&str], found: &mut Found) {
        for name in places(template) {
            if !own.contains(&name) && !self.env.vars.contains_key(name) {
                found.add(field, format!("`{{{name}}}` is not declared in env.vars"));
            }
        }
    }

    fn check_headers(&self, found: &mut Found) {
        let own = self.headers.iter().map(|header| ("", header));
        let tokens = self.tokens.iter().flat_map(|tokens| &tokens.headers);
        let tokens = tokens.map(|header| ("tokens.", header));
        for (section, (name, value)) in own.chain(tokens) {
            let field = format!("{section}headers.{name}");
            if let Err(problem) = header_name(name).and(header_value(name, value)) {
                found.add(&field, problem.to_string());
            }
        }
        if let Auth::Header(name) = &self.auth
            && let Err(problem) = header_name(name)
        {
            found.add("auth.header", problem.to_string());
        }
        let unnamed = match &self.auth {
            Auth::Aws(aws) if aws.service.trim().is_empty() => Some("auth.aws-sigv4.service"),
            Auth::Entra(entra) if entra.scope.trim().is_empty() => Some("auth.entra.scope"),
            _ => None,
        };
        if let Some(field) = unnamed {
            found.add(field, "must not be empty".to_owned());
        }
        if self.key == KeyNeed::None && !self.env.api_key.is_empty() {
            found.add(
                "env.api_key",
                "is never sent, because key = \"none\"".to_owned(),
            );
        }
    }

    fn check_surfaces(&self, found: &mut Found) {
        for (at, surface) in self.surfaces.iter().enumerate() {
            if self.surfaces[..at].contains(surface) {
                found.add(
                    "surfaces",
                    format!("`{}` stands there twice", surface.label()),
                );
            }
        }
        for surface in self.paths.keys().filter(|surface| !self.serves(**surface)) {
            let label = surface.label();
            found.add(
                &format!("paths.{label}"),
                format!("`{label}` is not among the surfaces"),
            );
        }
        for (surface, form) in &self.forms {
            let label = surface.label();
            if !form.surfaces().contains(surface) {
                let message = format!("{form:?} is no form of `{label}`");
                found.add(&format!("forms.{label}"), message);
            } else if !self.serves(*surface) {
                let message = format!("`{label}` is not among the surfaces");
                found.add(&format!("forms.{label}"), message);
            }
        }
        if self.embeddings.most == Some(0) {
            found.add("embeddings.most", "must be 1 or more".to_owned());
        }
    }
}

fn check_rules(rules: &ChatRules, found: &mut Found) {
    let renames = rules
        .rename
        .iter()
        .flat_map(|rename| [&rename.from, &rename.to])
        .map(|name| ("chat.rename", name));
    let drops = rules.drop.iter().map(|name| ("chat.drop", name));
    let clamps = rules.clamp.iter().map(|clamp| ("chat.clamp", &clamp.field));
    let unsupported = rules
        .unsupported
        .iter()
        .map(|name| ("chat.unsupported", name));
    let presets = rules
        .presets
        .iter()
        .map(|preset| ("chat.presets", &preset.field));
    let all = renames
        .chain(drops)
        .chain(clamps)
        .chain(presets)
        .chain(unsupported);
    for (field, name) in all {
        if name.is_empty() || UNTOUCHABLE.contains(&name.as_str()) {
            found.add(field, format!("`{name}` cannot have a rule"));
        }
    }
    for rename in rules
        .rename
        .iter()
        .filter(|rename| rename.from == rename.to)
    {
        found.add(
            "chat.rename",
            format!("`{}` is renamed to itself", rename.from),
        );
    }
    for clamp in &rules.clamp {
        let bounds = clamp.min.unwrap_or(f64::NEG_INFINITY) <= clamp.max.unwrap_or(f64::INFINITY);
        if !bounds {
            found.add(
                "chat.clamp",
                format!("`{}` has a min above its max", clamp.field),
            );
        }
    }
}

struct Found(Vec<Defect>);

impl Found {
    fn add(&mut self, field: &str, message: String) {
        self.0.push(Defect {
            field: field.to_owned(),
            message,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(row: &str) -> Vec<String> {
        let text = format!("base_url = 'https://a.test/v1'\n{row}");
        let text = if row.contains("base_url") {
            row.to_owned()
        } else {
            text
        };
        let text = if row.contains("id =") {
            text
        } else {
            format!("id = 'acme'\n{text}")
        };
        let provider: Provider = toml::from_str(&text).unwrap();
        provider
            .defects()
            .into_iter()
            .map(|defect| defect.field)
            .collect()
    }

    #[test]
    fn a_row_that_makes_sense_has_no_defects() {
        for row in [
            "",
            "id = 'a-1'",
            "base_url = 'https://{x}.test/v1'\n[env.vars.x]",
            "paths = { chat = '/deployments/{model}' }\nheaders = { x-a = 'b' }",
            "[chat]\nclamp = [{ field = 'temperature', min = 0.0, max = 0.0 }]",
        ] {
            assert_eq!(fields(row), [""; 0], "{row}");
        }
    }

    #[test]
    fn every_defect_names_its_field() {
        for (row, field) in [
            ("id = 'Acme'", "id"),
            ("id = 'a--b'", "id"),
            ("id = ''", "id"),
            ("base_url = 'a.test/v1'", "base_url"),
            ("base_url = 'https://a.test/v1?x=1'", "base_url"),
            ("base_url = 'https://{host}/v1'", "base_url"),
            ("regions = { eu = 'ftp://a.test' }", "regions.eu"),
            ("paths = { chat = 'chat' }", "paths.chat"),
            ("paths = { chat = '/{deployment}' }", "paths.chat"),
            ("paths = { speech = '/say' }", "paths.speech"),
            ("discovery = 'models'", "discovery"),
            ("headers = { 'x y' = '1' }", "headers.x y"),
            ("headers = { x = \"a\\nb\" }", "headers.x"),
            ("auth = { header = 'x y' }", "auth.header"),
            (
                "auth = { aws-sigv4 = { service = '' } }",
                "auth.aws-sigv4.service",
            ),
            ("auth = { entra = { scope = ' ' } }", "auth.entra.scope"),
            ("key = 'none'\nenv = { api_key = ['A'] }", "env.api_key"),
            ("surfaces = ['chat', 'chat']", "surfaces"),
            ("forms = { rerank = 'cohere' }", "forms.rerank"),
            (
                "surfaces = ['rerank']\nforms = { rerank = 'ollama' }",
                "forms.rerank",
            ),
            ("[embeddings]\nmost = 0", "embeddings.most"),
            ("[chat]\ndrop = ['model']", "chat.drop"),
            ("[chat]\nunsupported = ['']", "chat.unsupported"),
            (
                "[chat]\nrename = [{ from = 'a', to = 'messages' }]",
                "chat.rename",
            ),
            ("[chat]\nrename = [{ from = 'a', to = 'a' }]", "chat.rename"),
            (
                "[chat]\nclamp = [{ field = 'n', min = 2.0, max = 1.0 }]",
                "chat.clamp",
            ),
            (
                "dated_route = { when = 'v', strip = '/v1', path = 'x/{v}', surfaces = ['chat'] }",
                "dated_route.path",
            ),
        ] {
            assert!(
                fields(row).iter().any(|found| found == field),
                "{row}: {:?}",
                fields(row)
            );
        }
    }
}
