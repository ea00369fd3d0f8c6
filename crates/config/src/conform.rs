//! Holds a tree against the JSON Schema and tells everything that does not
//! fit, not only the first thing.
//!
//! What does fit comes out as a value to decode, without the parts that do
//! not, so that the rules between settings can still be checked on the rest.
//! It understands the words that `schemars` writes for our types and no more;
//! a word it does not know would be a rule that is silently not kept, so a
//! test lists the words in the schema.

use serde_json::{Map, Number, Value};

use crate::load::Format;
use crate::node::{Kind, Mark, Node, Scalar, Sort};
use crate::path::{Path, Quoted};
use crate::problem::{MOST_PROBLEMS, Problem};
use crate::{formats, guess};

/// The longest value that a message quotes, in characters.
const LONGEST_QUOTE: usize = 60;
/// The most keys that a hint lists.
const MOST_LISTED: usize = 24;
/// How many references to a definition may follow one another.
const MAX_HOPS: usize = 8;

/// What fits, as a value to decode, and what does not.
pub(crate) struct Conformed {
    /// `None` when nothing fits at all.
    pub(crate) value: Option<Value>,
    pub(crate) problems: Vec<Problem>,
}

/// Holds `root` against `schema`.
pub(crate) fn conform(schema: &Value, root: &Node, format: Format) -> Conformed {
    let mut walk = Walk {
        schema,
        format,
        problems: Vec::new(),
    };
    if root.is_null() {
        // An empty document says nothing, which is what an empty map says too.
        let empty = Node {
            mark: root.mark,
            kind: Kind::Map(Vec::new()),
        };
        let value = walk.value(schema, &empty, &Path::Root);
        return Conformed {
            value,
            problems: walk.problems,
        };
    }
    let value = walk.value(schema, root, &Path::Root);
    Conformed {
        value,
        problems: walk.problems,
    }
}

struct Walk<'s> {
    schema: &'s Value,
    format: Format,
    problems: Vec<Problem>,
}

/// A place in the schema: its own words, then those of the definitions it refers to.
struct Rule<'s>(Vec<&'s Map<String, Value>>);

impl<'s> Rule<'s> {
    fn of(schema: &'s Value, root: &'s Value) -> Rule<'s> {
        let mut words = Vec::new();
        let mut next = schema.as_object();
        while let Some(here) = next.filter(|_| words.len() < MAX_HOPS) {
            words.push(here);
            let reference = here.get("$ref").and_then(Value::as_str);
            next = reference
                .and_then(|reference| reference.strip_prefix('#'))
                .and_then(|pointer| root.pointer(pointer))
                .and_then(Value::as_object);
        }
        Rule(words)
    }

    fn get(&self, word: &str) -> Option<&'s Value> {
        self.0.iter().find_map(|words| words.get(word))
    }

    fn text(&self, word: &str) -> Option<&'s str> {
        self.get(word).and_then(Value::as_str)
    }

    fn list(&self, word: &str) -> &'s [Value] {
        self.get(word)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn words(&self, word: &str) -> impl Iterator<Item = &'s str> {
        self.list(word).iter().filter_map(Value::as_str)
    }

    fn count(&self, word: &str) -> Option<usize> {
        self.get(word)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    }

    fn properties(&self) -> Option<&'s Map<String, Value>> {
        self.get("properties").and_then(Value::as_object)
    }

    /// The type, besides `null`.
    fn kind(&self) -> Option<&'s str> {
        self.text("type")
            .or_else(|| self.words("type").find(|kind| *kind != "null"))
    }

    /// Whether a value of this place must never be quoted.
    fn is_secret(&self) -> bool {
        self.get("writeOnly") == Some(&Value::Bool(true))
    }

    fn branches(&self) -> impl Iterator<Item = &'s Value> {
        let is_null = |branch: &&Value| branch["type"] == "null";
        self.list("anyOf")
            .iter()
            .chain(self.list("oneOf"))
            .filter(move |branch| !is_null(branch))
    }

    /// What a person would call a value of this place.
    fn called(&self) -> &'static str {
        let form = self.text("format").and_then(formats::named);
        match (form, self.kind()) {
            (Some(form), _) => form.called,
            (_, Some("object")) => "a mapping",
            (_, Some("array")) => "a list",
            (_, Some("boolean")) => "true or false",
            (_, Some("integer")) => "a whole number",
            (_, Some("number")) => "a number",
            _ => "text",
        }
    }
}

impl<'s> Walk<'s> {
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
            _ => Some(self.anything(node)),
        }
    }

    fn wrong_type(&mut self, expected: &str, secret: bool, node: &Node, at: &Path<'_>) {
        let found = match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Bool | Sort::Number,
                text,
            }) if !secret => {
                format!("{node} (`{}`)", Quoted(text, LONGEST_QUOTE))
            }
            _ => node.to_string(),
        };
        self.tell(at, node.mark, format!("expected {expected}, found {found}"));
    }
}

// Objects and lists.
impl<'s> Walk<'s> {
    fn object(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Kind::Map(members) = &node.kind else {
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
            return None;
        };
        let properties = rule.properties();
        let additional = rule.get("additionalProperties");
        let mut out = Map::new();
        for member in members {
            let here = at.key(&member.key);
            let value = match properties.and_then(|p| p.get(&member.key)) {
                // Written but left empty is left out.
                Some(_) if member.value.is_null() => continue,
                Some(schema) => self.value(schema, &member.value, &here),
                None if additional == Some(&Value::Bool(false)) => {
                    self.unknown_key(rule, &member.key, member.mark, at);
                    continue;
                }
                None => match additional {
                    Some(schema @ Value::Object(_)) => self.value(schema, &member.value, &here),
                    _ => Some(self.anything(&member.value)),
                },
            };
            if let Some(value) = value {
                out.insert(member.key.clone(), value);
            }
        }
        for name in rule.words("required") {
            let written = members.iter().any(|m| m.key == name && !m.value.is_null());
            if !written {
                self.tell(&at.key(name), node.mark, format!("`{name}` is required"));
            }
        }
        Some(Value::Object(out))
    }

    fn unknown_key(&mut self, rule: &Rule<'s>, key: &str, mark: Mark, at: &Path<'_>) {
        if self.is_full() {
            return;
        }
        let place = match at {
            Path::Root => "at the top level".to_owned(),
            _ => format!("inside `{at}`"),
        };
        let quoted = Quoted(key, LONGEST_QUOTE);
        if rule.words("x-later").any(|later| later == key) {
            let message = format!("unknown key `{quoted}` {place}: not available in this version");
            self.tell(&at.key(key), mark, message);
            return;
        }
        let names: Vec<&str> = rule
            .properties()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let hint = self
            .elsewhere(key)
            .or_else(|| guess::did_you_mean(key, names.iter().copied()))
            .or_else(|| {
                let few = (1..=MOST_LISTED).contains(&names.len());
                few.then(|| format!("accepted here: {}", names.join(", ")))
            });
        self.tell_with(
            &at.key(key),
            mark,
            format!("unknown key `{quoted}` {place}"),
            hint,
        );
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
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
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
            return Some(items.iter().map(|item| self.anything(item)).collect());
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

// Scalars.
impl<'s> Walk<'s> {
    /// The text of a scalar in a place for texts. In YAML quotes are optional there.
    fn plain_text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Text,
                text,
            }) => Some(text),
            Kind::Scalar(Scalar {
                sort: Sort::Bool | Sort::Number,
                text,
            }) if self.format == Format::Yaml => Some(text),
            _ => None,
        }
    }

    fn text(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Some(text) = self.plain_text(node) else {
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
            return None;
        };
        let length = text.chars().count();
        if rule.count("minLength").is_some_and(|least| length < least) {
            self.tell(at, node.mark, "must not be empty".into());
            return None;
        }
        if let Some(most) = rule.count("maxLength").filter(|most| length > *most) {
            self.tell(
                at,
                node.mark,
                format!("{length} characters are too many, {most} at most"),
            );
            return None;
        }
        let form = rule.text("format").and_then(formats::named);
        if let Some(fault) = form.and_then(|form| form.judge(text)) {
            self.tell_with(at, node.mark, fault.message, fault.hint);
            return None;
        }
        let bounds = (rule.text("x-minimum"), rule.text("x-maximum"));
        if formats::outside(text, bounds.0, bounds.1) {
            self.out_of_range(text, bounds.0, bounds.1, node, at);
            return None;
        }
        Some(text.into())
    }

    fn boolean(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let word = self.plain_text(node).map(str::to_ascii_lowercase);
        let value = match (&node.kind, word.as_deref()) {
            (
                Kind::Scalar(Scalar {
                    sort: Sort::Bool,
                    text,
                }),
                _,
            ) => Some(text.eq_ignore_ascii_case("true")),
            // YAML 1.1 words, in the one place where they can mean nothing else.
            (_, Some("yes" | "on" | "y")) if self.format == Format::Yaml => Some(true),
            (_, Some("no" | "off" | "n")) if self.format == Format::Yaml => Some(false),
            _ => None,
        };
        if value.is_none() {
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
        }
        value.map(Value::Bool)
    }

    fn integer(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Some(text) = self.number_text(node) else {
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
            return None;
        };
        let Some(number) = whole(text) else {
            self.tell(
                at,
                node.mark,
                format!("`{}` is not a whole number", Quoted(text, LONGEST_QUOTE)),
            );
            return None;
        };
        let bound = |word| rule.get(word).and_then(Value::as_i64).map(i128::from);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            self.out_of_range(text, least, most, node, at);
            return None;
        }
        let value = i64::try_from(number).map(Number::from);
        match value.or_else(|_| u64::try_from(number).map(Number::from)) {
            Ok(number) => Some(Value::Number(number)),
            Err(_) => {
                self.tell(
                    at,
                    node.mark,
                    format!("`{}` is too large", Quoted(text, LONGEST_QUOTE)),
                );
                None
            }
        }
    }

    fn number(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Some(text) = self.number_text(node) else {
            self.wrong_type(rule.called(), rule.is_secret(), node, at);
            return None;
        };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        let Some(number) = number else {
            self.tell(
                at,
                node.mark,
                format!("`{}` is not a finite number", Quoted(text, LONGEST_QUOTE)),
            );
            return None;
        };
        let bound = |word| rule.get(word).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            self.out_of_range(text, least, most, node, at);
            return None;
        }
        Number::from_f64(number).map(Value::Number)
    }

    fn number_text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Number,
                text,
            }) => Some(text),
            // `1_000` is text in YAML 1.2 and was a number in YAML 1.1.
            Kind::Scalar(Scalar {
                sort: Sort::Text,
                text,
            }) if self.format == Format::Yaml && text.contains('_') && whole(text).is_some() => {
                Some(text)
            }
            _ => None,
        }
    }

    fn out_of_range<T: ToString>(
        &mut self,
        text: &str,
        least: Option<T>,
        most: Option<T>,
        node: &Node,
        at: &Path<'_>,
    ) {
        let range = match (least.map(|n| n.to_string()), most.map(|n| n.to_string())) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => return,
        };
        let text = Quoted(text, LONGEST_QUOTE);
        self.tell(
            at,
            node.mark,
            format!("{} is {text}, must be {range}", name(at)),
        );
    }

    /// A value of a place that the schema leaves open.
    fn anything(&self, node: &Node) -> Value {
        match &node.kind {
            Kind::List(items) => items.iter().map(|item| self.anything(item)).collect(),
            Kind::Map(members) => members
                .iter()
                .map(|member| (member.key.clone(), self.anything(&member.value)))
                .collect(),
            Kind::Scalar(Scalar { sort, text }) => match sort {
                Sort::Null => Value::Null,
                Sort::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
                Sort::Number => {
                    any_number(text).map_or_else(|| text.as_str().into(), Value::Number)
                }
                Sort::Text => text.as_str().into(),
            },
        }
    }
}

// Choices between words, and between forms.
impl<'s> Walk<'s> {
    /// The words to choose from, when this place takes one of several.
    fn options(&self, rule: &Rule<'s>) -> Option<Vec<&'s str>> {
        if let Some(word) = rule.text("const") {
            return Some(vec![word]);
        }
        if rule.get("enum").is_some() {
            return Some(rule.words("enum").collect());
        }
        let mut options = Vec::new();
        for branch in rule.branches() {
            options.extend(self.options(&self.rule(branch))?);
        }
        (!options.is_empty()).then_some(options)
    }

    fn choice(
        &mut self,
        rule: &Rule<'s>,
        options: &[&'s str],
        node: &Node,
        at: &Path<'_>,
    ) -> Option<Value> {
        let listed = options.join(", ");
        let Some(text) = self.plain_text(node) else {
            self.wrong_type(&format!("one of {listed}"), rule.is_secret(), node, at);
            return None;
        };
        if options.contains(&text) {
            return Some(text.into());
        }
        let quoted = Quoted(text, LONGEST_QUOTE);
        if self.later(rule, text) {
            let message =
                format!("`{quoted}` is not available in this version, expected one of {listed}");
            self.tell(at, node.mark, message);
            return None;
        }
        let message = format!("unknown value `{quoted}`, expected one of {listed}");
        let hint = guess::did_you_mean(text, options.iter().copied());
        self.tell_with(at, node.mark, message, hint);
        None
    }

    /// Whether another version accepts this word here.
    fn later(&self, rule: &Rule<'s>, word: &str) -> bool {
        let here = rule.words("x-later").any(|later| later == word);
        here || rule
            .branches()
            .any(|branch| self.later(&self.rule(branch), word))
    }

    /// The branch of a union that was meant, judged by what was written.
    fn branch(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let fitting: Vec<&Value> = rule
            .branches()
            .filter(|branch| self.fits(branch, node))
            .collect();
        match fitting.as_slice() {
            [] => {
                let forms: Vec<&str> = rule.branches().map(|b| self.rule(b).called()).collect();
                let secret = rule.branches().any(|branch| self.rule(branch).is_secret());
                if let [only] = rule.branches().collect::<Vec<_>>().as_slice() {
                    return self.value(only, node, at);
                }
                self.wrong_type(&forms.join(" or "), secret, node, at);
                None
            }
            [only] => self.value(only, node, at),
            several => self.least_wrong(several, node, at),
        }
    }

    /// Whether a value of this kind may stand in that branch at all.
    fn fits(&self, schema: &'s Value, node: &Node) -> bool {
        let rule = self.rule(schema);
        if self.options(&rule).is_some() {
            return self.plain_text(node).is_some();
        }
        if rule.branches().next().is_some() {
            return rule.branches().any(|branch| self.fits(branch, node));
        }
        match rule.kind() {
            Some("object") => matches!(node.kind, Kind::Map(_)),
            Some("array") => matches!(node.kind, Kind::List(_)),
            Some("boolean") => matches!(
                node.kind,
                Kind::Scalar(Scalar {
                    sort: Sort::Bool,
                    ..
                })
            ),
            Some("integer" | "number") => self.number_text(node).is_some(),
            Some("string") => self.plain_text(node).is_some(),
            _ => true,
        }
    }

    fn least_wrong(&mut self, branches: &[&'s Value], node: &Node, at: &Path<'_>) -> Option<Value> {
        let tried = branches.iter().map(|branch| {
            let mut walk = Walk {
                schema: self.schema,
                format: self.format,
                problems: Vec::new(),
            };
            let value = walk.value(branch, node, at);
            (value, walk.problems)
        });
        let (value, problems) = tried.min_by_key(|(_, problems)| problems.len())?;
        self.problems.extend(problems);
        value
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

/// A whole number in any spelling: `1_000`, `0x1F`, `0o17`, `1e3`.
fn whole(text: &str) -> Option<i128> {
    let text = &text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let parsed = if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()
    } else if let Some(digits) = digits.strip_prefix("0o") {
        i128::from_str_radix(digits, 8).ok()
    } else if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        whole_float(digits)
    };
    parsed.map(|number| sign * number)
}

/// `1e3` and `5.0`, where nothing is lost.
fn whole_float(digits: &str) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = digits.parse().ok()?;
    let exact = number.fract() == 0.0 && number.abs() < EXACT;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and below 2^53"
    )]
    exact.then_some(number as i128)
}

fn any_number(text: &str) -> Option<Number> {
    if let Some(number) = whole(text).and_then(|number| i64::try_from(number).ok()) {
        return Some(number.into());
    }
    Number::from_f64(text.parse().ok()?)
}

#[cfg(test)]
#[path = "conform/tests.rs"]
mod tests;
