//! Holds a tree against the JSON Schema and tells everything that does not
//! fit, not only the first thing.
//!
//! What does fit comes out as a value to decode, without the parts that do
//! not, so that the rules between settings can still be checked on the rest.
//! It understands the words that `schemars` writes for our types and no more;
//! a word it does not know would be a rule that is silently not kept, so a
//! test lists the words in the schema.

mod choice;
mod rule;
mod scalar;

use serde_json::{Map, Value};

use self::rule::Rule;
use self::scalar::anything;
use crate::guess;
use crate::load::Format;
use crate::node::{Kind, Mark, Node, Scalar, Sort};
use crate::path::{Path, Quoted};
use crate::problem::{MOST_PROBLEMS, Problem};

/// The longest value that a message quotes, in characters.
const LONGEST_QUOTE: usize = 60;
/// The most keys that a hint lists.
const MOST_LISTED: usize = 24;

/// What fits, as a value to decode, and what does not.
pub(crate) struct Conformed {
    /// `None` when nothing fits at all.
    pub(crate) value: Option<Value>,
    pub(crate) problems: Vec<Problem>,
    /// Paths of settings that are probably there under a misspelt name.
    pub(crate) misspelt: Vec<String>,
}

/// Holds `root` against `schema`.
pub(crate) fn conform(schema: &Value, root: &Node, format: Format) -> Conformed {
    let mut walk = Walk::new(schema, format);
    // An empty document says nothing, which is what an empty map says too.
    let empty = Node {
        mark: root.mark,
        kind: Kind::Map(Vec::new()),
    };
    let root = if root.is_null() { &empty } else { root };
    let value = walk.value(schema, root, &Path::Root);
    let Walk {
        problems, misspelt, ..
    } = walk;
    Conformed {
        value,
        problems,
        misspelt,
    }
}

struct Walk<'s> {
    schema: &'s Value,
    format: Format,
    problems: Vec<Problem>,
    misspelt: Vec<String>,
}

impl<'s> Walk<'s> {
    fn new(schema: &'s Value, format: Format) -> Walk<'s> {
        Walk {
            schema,
            format,
            problems: Vec::new(),
            misspelt: Vec::new(),
        }
    }

    fn rule(&self, schema: &'s Value) -> Rule<'s> {
        Rule::of(schema, self.schema)
    }

    fn tell(&mut self, at: &Path<'_>, mark: Mark, message: String) {
        self.tell_with(at, mark, message, None);
    }

    fn tell_with(&mut self, at: &Path<'_>, mark: Mark, message: String, hint: Option<String>) {
        if !self.is_full() {
            self.problems
                .push(Problem::at(at, mark, message).hint(hint));
        }
    }

    /// Whether more has been found than will be told.
    fn is_full(&self) -> bool {
        self.problems.len() > MOST_PROBLEMS
    }

    fn value(&mut self, schema: &'s Value, node: &Node, at: &Path<'_>) -> Option<Value> {
        let rule = self.rule(schema);
        if let Some(options) = self.options(&rule) {
            return self.choice(&rule, &options, node, at);
        }
        if rule.branches().next().is_some() {
            return self.branch(&rule, node, at);
        }
        match rule.kind() {
            Some("object") => self.object(&rule, node, at),
            Some("array") => self.list(&rule, node, at),
            Some("string") => self.text(&rule, node, at),
            Some("boolean") => self.boolean(&rule, node, at),
            Some("integer") => self.integer(&rule, node, at),
            Some("number") => self.number(&rule, node, at),
            _ => Some(anything(node)),
        }
    }

    fn wrong_type(&mut self, expected: &str, rule: &Rule<'s>, node: &Node, at: &Path<'_>) {
        let found = match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Bool | Sort::Number,
                text,
            }) if !rule.is_secret() => {
                format!("{node} (`{}`)", Quoted(text, LONGEST_QUOTE))
            }
            _ => node.to_string(),
        };
        let message = format!("expected {expected}, found {found}");
        self.tell_with(at, node.mark, message, scalar::quotes(rule, node));
    }
}

// Objects and lists.
impl<'s> Walk<'s> {
    fn object(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Kind::Map(members) = &node.kind else {
            self.wrong_type(rule.called(), rule, node, at);
            return None;
        };
        let properties = rule.properties();
        let additional = rule.get("additionalProperties");
        let mut out = Map::new();
        let mut meant = Vec::new();
        for member in members {
            let here = at.key(&member.key);
            let value = match properties.and_then(|p| p.get(&member.key)) {
                // Written but left empty is left out.
                Some(_) if member.value.is_null() => continue,
                Some(schema) => self.value(schema, &member.value, &here),
                None if additional == Some(&Value::Bool(false)) => {
                    meant.extend(self.unknown_key(rule, &member.key, member.mark, at));
                    continue;
                }
                None => match additional {
                    Some(schema @ Value::Object(_)) => self.value(schema, &member.value, &here),
                    _ => Some(anything(&member.value)),
                },
            };
            if let Some(value) = value {
                out.insert(member.key.clone(), value);
            }
        }
        for name in rule.words("required") {
            let written = members.iter().any(|m| m.key == name && !m.value.is_null());
            if !written && !meant.contains(&name) {
                self.tell(&at.key(name), node.mark, format!("`{name}` is required"));
            }
        }
        self.misspelt
            .extend(meant.into_iter().map(|name| at.key(name).to_string()));
        Some(Value::Object(out))
    }

    /// Tells a key that is not known, and returns the one that was probably meant.
    fn unknown_key(
        &mut self,
        rule: &Rule<'s>,
        key: &str,
        mark: Mark,
        at: &Path<'_>,
    ) -> Option<&'s str> {
        if self.is_full() {
            return None;
        }
        let place = match at {
            Path::Root => "at the top level".to_owned(),
            _ => format!("inside `{at}`"),
        };
        let mut message = format!("unknown key `{}` {place}", Quoted(key, LONGEST_QUOTE));
        if rule.words("x-later").any(|later| later == key) {
            message += ": not available in this version";
            self.tell(&at.key(key), mark, message);
            return None;
        }
        let names: Vec<&str> = rule
            .properties()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let meant = guess::closest(key, names.iter().copied());
        let few = (1..=MOST_LISTED).contains(&names.len());
        let hint = self
            .elsewhere(key)
            .or_else(|| meant.map(|name| format!("did you mean `{name}`?")))
            .or_else(|| {
                let later = guess::closest(key, rule.words("x-later"))?;
                Some(format!("`{later}` is not available in this version"))
            })
            .or_else(|| few.then(|| format!("accepted here: {}", names.join(", "))));
        self.tell_with(&at.key(key), mark, message, hint);
        meant
    }

    /// Where a key would be known, one level down or at the top.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let top = self.rule(self.schema).properties()?;
        if top.contains_key(key) {
            return Some(format!("`{key}` belongs at the top level"));
        }
        let homes: Vec<String> = top
            .iter()
            .filter_map(|(section, schema)| {
                let rule = self.rule(schema);
                let (items, brackets) = match rule.get("items") {
                    Some(items) => (self.rule(items), "[]"),
                    None => (rule, ""),
                };
                let holds = items.properties().is_some_and(|p| p.contains_key(key));
                holds.then(|| format!("`{section}{brackets}`"))
            })
            .collect();
        (!homes.is_empty()).then(|| format!("`{key}` belongs inside {}", homes.join(" or ")))
    }

    fn list(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Kind::List(items) = &node.kind else {
            self.wrong_type(rule.called(), rule, node, at);
            return None;
        };
        let length = items.len();
        if rule.count("minItems").is_some_and(|least| length < least) {
            self.tell(
                at,
                node.mark,
                format!("{} needs at least one entry", name(at)),
            );
            return None;
        }
        if let Some(most) = rule.count("maxItems").filter(|most| length > *most) {
            self.tell(
                at,
                node.mark,
                format!("{length} entries are too many, {most} at most"),
            );
            return None;
        }
        let Some(schema) = rule.get("items") else {
            return Some(items.iter().map(anything).collect());
        };
        // A map that does not fit at all is replaced by an empty one, so that
        // those after it keep their places.
        let stand_in =
            (self.rule(schema).kind() == Some("object")).then(|| Value::Object(Map::new()));
        let values: Vec<Option<Value>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.value(schema, item, &at.index(index)))
            .collect();
        let all: Option<Vec<Value>> = values
            .into_iter()
            .map(|value| value.or_else(|| stand_in.clone()))
            .collect();
        all.map(Value::Array)
    }
}

/// What the setting at a path is called.
fn name(at: &Path<'_>) -> String {
    match at {
        Path::Key(_, name) => format!("`{}`", Quoted(name, LONGEST_QUOTE)),
        Path::Index(list, _) => format!("an entry of {}", name(list)),
        Path::Root => "the config".into(),
    }
}

#[cfg(test)]
mod tests;
