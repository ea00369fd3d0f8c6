//! The rules between settings, which no schema can hold: names that must be
//! unique, words that must name something, headers that only the gateway sets.
//!
//! It runs on what fits the schema, even when other parts do not, so that one
//! run tells everything.

mod catalog;
mod identity;
mod media;
mod models;
mod routes;
mod strategy;
mod vendor;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use crate::load::Known;
use crate::node::Node;
use crate::path::{Path, Quoted};
use crate::problem::{MOST_PROBLEMS, Problem};
use crate::secret::{self, Secret, Source};
use crate::target::{ApiKey, Target};
use crate::top::Config;

/// What a check found, in no order.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// Checks a config that was decoded from the tree under `root`.
pub(crate) fn check(config: &Config, root: &Node, known: &Known<'_>) -> Findings {
    let mut check = Check {
        root,
        known,
        found: Findings::default(),
    };
    check.version(config);
    check.targets(config);
    check.rows(&config.providers);
    check.routing(config);
    check.aliases(&config.aliases);
    check.catalog(&config.catalog);
    check.keys(config);
    check.fetch(&config.media.fetch);
    check.server(config);
    check.found
}

struct Check<'a> {
    root: &'a Node,
    known: &'a Known<'a>,
    found: Findings,
}

/// Where a problem stands: at what was written, or at the key it was written under.
#[derive(Clone, Copy)]
enum Place {
    Value,
    Key,
}

impl Check<'_> {
    fn problem(&self, at: &Path<'_>, place: Place, message: String) -> Problem {
        let mark = match place {
            Place::Value => at.mark(self.root),
            Place::Key => at.key_mark(self.root),
        };
        Problem::at(at, mark, message)
    }

    fn tell(&mut self, at: &Path<'_>, message: impl Into<String>) {
        self.tell_with(at, Place::Value, message.into(), None);
    }

    fn tell_key(&mut self, at: &Path<'_>, message: impl Into<String>) {
        self.tell_with(at, Place::Key, message.into(), None);
    }

    fn tell_with(&mut self, at: &Path<'_>, place: Place, message: String, hint: Option<String>) {
        // Finding a place costs a walk; beyond what is told it would be for nothing.
        if self.found.problems.len() <= MOST_PROBLEMS {
            let problem = self.problem(at, place, message).hint(hint);
            self.found.problems.push(problem);
        }
    }

    fn warn(&mut self, at: &Path<'_>, message: impl Into<String>, hint: Option<String>) {
        if self.found.warnings.len() <= MOST_PROBLEMS {
            let problem = self.problem(at, Place::Value, message.into()).hint(hint);
            self.found.warnings.push(problem);
        }
    }

    fn version(&mut self, config: &Config) {
        if config.api_version != "v1" {
            let version = Quoted(&config.api_version, 40);
            let message = format!("`{version}` is not a version known here, read as v1");
            self.warn(&Path::Root.key("apiVersion"), message, None);
        }
    }

    /// Tells every value that was there before; `name` says what it is.
    fn unique<'v, T: Eq + Hash + 'v>(
        &mut self,
        list: &Path<'_>,
        field: &str,
        values: impl Iterator<Item = &'v T>,
    ) {
        let mut first: HashMap<&T, usize> = HashMap::new();
        for (index, value) in values.enumerate() {
            let earlier = *first.entry(value).or_insert(index);
            if earlier != index {
                let message = format!("`{field}` must be unique, {list}[{earlier}] has the same");
                self.tell(&list.index(index).key(field), message);
            }
        }
    }

    /// The rules of a list of model ids.
    fn models(&mut self, list: &Path<'_>, ids: &[String]) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (index, id) in ids.iter().enumerate() {
            let at = list.index(index);
            if let Some(wrong) = wrong_model(id) {
                self.tell(&at, wrong);
            }
            let earlier = *first.entry(id).or_insert(index);
            if earlier != index {
                let id = Quoted(id, 60);
                self.tell(
                    &at,
                    format!("`{id}` stands in this list already, at [{earlier}]"),
                );
            }
        }
    }
}

/// What is wrong with a model id.
fn wrong_model(id: &str) -> Option<String> {
    let quoted = Quoted(id, 60);
    if id.is_empty() {
        return Some("a model id must not be empty".into());
    }
    if id.trim() != id {
        return Some(format!("the model id `{quoted}` has space around it"));
    }
    id.contains(['*', '?'])
        .then(|| format!("the model id `{quoted}` has a wildcard, models are named one by one"))
}

// Targets.
impl Check<'_> {
    fn targets(&mut self, config: &Config) {
        let list = Path::Root.key("targets");
        self.unique(
            &list,
            "virtual_key",
            config.targets.iter().map(|target| &target.virtual_key),
        );
        for (index, target) in config.targets.iter().enumerate() {
            let at = list.index(index);
            self.target(&at, target);
            self.vendor(&at, target, &config.providers);
        }
    }

    fn target(&mut self, at: &Path<'_>, target: &Target) {
        self.name(at, &target.virtual_key);
        if let Some(api_key) = &target.api_key {
            self.api_key(&at.key("api_key"), api_key);
        }
        self.identity(at, target);
        self.headers(&at.key("headers"), &target.headers);
        let query = at.key("query");
        for name in target.query.keys().filter(|name| name.is_empty()) {
            self.tell_key(&query.key(name), "a query parameter needs a name");
        }
        self.served(&at.key("models"), &target.models);
        self.guarded(at, target);
    }

    fn guarded(&mut self, at: &Path<'_>, target: &Target) {
        let codes = at.key("retry");
        let codes = codes.key("on_status_codes");
        for (index, code) in target.retry.on_status_codes.iter().enumerate() {
            if !(400..=599).contains(code) {
                let message = format!("`{code}` is not the status of an error (400 to 599)");
                self.tell(&codes.index(index), message);
            }
        }
        if let Some(breaker) = &target.circuit_breaker
            && breaker
                .max_timeout
                .is_some_and(|most| most < breaker.timeout)
        {
            let at = at.key("circuit_breaker");
            self.tell(&at.key("max_timeout"), "must not be shorter than `timeout`");
        }
        if let Some(concurrency) = &target.concurrency
            && concurrency.no_queue
            && (concurrency.queue_size > 0 || concurrency.max_wait.is_some())
        {
            let message = "`no_queue` leaves nothing to `queue_size` and `max_wait`";
            self.tell(&at.key("concurrency").key("no_queue"), message);
        }
        let path = target
            .health_check
            .as_ref()
            .and_then(|check| check.path.as_deref());
        if path.is_some_and(|path| !path.starts_with('/')) {
            let at = at.key("health_check");
            self.tell(&at.key("path"), "must begin with `/`");
        }
    }

    fn name(&mut self, at: &Path<'_>, name: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.chars().all(good) {
            let name = Quoted(name, 60);
            let message = format!("`{name}` must be made of letters, digits, `.`, `_` and `-`");
            self.tell(&at.key("virtual_key"), message);
        }
    }

    fn api_key(&mut self, at: &Path<'_>, api_key: &ApiKey) {
        match api_key {
            ApiKey::One(value) => self.credential(at, value),
            ApiKey::Many(keys) => {
                for (index, key) in keys.iter().enumerate() {
                    self.credential(&at.index(index).key("value"), &key.value);
                }
            }
        }
    }

    fn credential(&mut self, at: &Path<'_>, value: &Secret) {
        match value.source() {
            Source::File(path) if path.as_os_str().is_empty() => {
                self.tell(at, "`file:` names no file");
            }
            Source::Text(text) if text.trim().is_empty() => self.tell(at, "must not be empty"),
            Source::Text(text) if secret::references(text).next().is_none() => {
                let hint = "write ${NAME} or file:PATH".to_owned();
                self.warn(at, "a credential stands here as it is", Some(hint));
            }
            Source::File(_) | Source::Text(_) => {}
        }
    }

    fn headers(&mut self, at: &Path<'_>, headers: &BTreeMap<String, Secret>) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (name, value) in headers {
            let here = at.key(name);
            if let Some(wrong) = wrong_header_name(name) {
                self.tell_key(&here, wrong);
            }
            if !secret::plain_parts(value.expose()).all(is_header_text) {
                // The value is not quoted: it may be a credential.
                self.tell(&here, "a header's value must not have control characters");
            }
            if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
                let message = format!("`{name}` and `{other}` are the same header");
                self.tell_key(&here, message);
            }
        }
    }
}

/// Headers that only the gateway sets, with the reason.
const OWN_HEADERS: [(&[&str], &str); 4] = [
    (
        &["authorization"],
        "the credential belongs into `api_key` or `auth`",
    ),
    (&["host"], "it follows from `base_url`"),
    (&["content-length"], "it follows from the body"),
    (
        &[
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ],
        "it belongs to a single connection",
    ),
];

fn wrong_header_name(name: &str) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Some(format!(
            "`{}` is not the name of a header",
            Quoted(name, 60)
        ));
    }
    let lower = name.to_ascii_lowercase();
    let (_, reason) = OWN_HEADERS
        .iter()
        .find(|(names, _)| names.contains(&lower.as_str()))?;
    Some(format!("the header `{name}` cannot be set: {reason}"))
}

fn is_header_text(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || !c.is_control())
}

// Everything else.
impl Check<'_> {
    fn keys(&mut self, config: &Config) {
        let list = Path::Root.key("keys");
        self.unique(&list, "name", config.keys.iter().map(|key| &key.name));
        self.unique(&list, "sha256", config.keys.iter().map(|key| &key.sha256));
        for (index, key) in config.keys.iter().enumerate() {
            let at = list.index(index);
            if key.name.trim() != key.name {
                self.tell(
                    &at.key("name"),
                    "the name of a key must not have space around it",
                );
            }
            if let Some(models) = &key.models {
                self.models(&at.key("models"), models);
            }
            for (second, scope) in key.scopes.iter().enumerate() {
                if key.scopes[..second].contains(scope) {
                    let scopes = at.key("scopes");
                    self.tell(
                        &scopes.index(second),
                        "this scope stands in the list already",
                    );
                }
            }
        }
    }

    fn server(&mut self, config: &Config) {
        let section = Path::Root.key("server");
        let list = section.key("listen");
        let listen = &config.server.listen;
        for (index, address) in listen.iter().enumerate() {
            // Port 0 is another port each time.
            if address.port != 0 && listen[..index].contains(address) {
                self.tell(
                    &list.index(index),
                    format!("`{address}` stands in the list already"),
                );
            }
        }
        let least = Duration::from_millis(100);
        if config
            .stream
            .heartbeat()
            .is_some_and(|silence| silence < least)
        {
            let stream = Path::Root.key("stream");
            self.tell(
                &stream.key("heartbeat"),
                "`heartbeat` must be 0s (off) or at least 100ms",
            );
        }
    }
}
