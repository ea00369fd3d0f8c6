//! A place in the schema, with the words that hold there.

use serde_json::{Map, Value};

use crate::formats;

/// How many references to a definition may follow one another.
const MAX_HOPS: usize = 8;

/// A place in the schema: its own words, then those of the definitions it refers to.
pub(super) struct Rule<'s>(Vec<&'s Map<String, Value>>);

impl<'s> Rule<'s> {
    pub(super) fn of(schema: &'s Value, root: &'s Value) -> Rule<'s> {
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

    pub(super) fn get(&self, word: &str) -> Option<&'s Value> {
        self.0.iter().find_map(|words| words.get(word))
    }

    pub(super) fn text(&self, word: &str) -> Option<&'s str> {
        self.get(word).and_then(Value::as_str)
    }

    pub(super) fn list(&self, word: &str) -> &'s [Value] {
        self.get(word)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn words(&self, word: &str) -> impl Iterator<Item = &'s str> {
        self.list(word).iter().filter_map(Value::as_str)
    }

    pub(super) fn count(&self, word: &str) -> Option<usize> {
        self.get(word)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    }

    pub(super) fn properties(&self) -> Option<&'s Map<String, Value>> {
        self.get("properties").and_then(Value::as_object)
    }

    /// The type, besides `null`.
    pub(super) fn kind(&self) -> Option<&'s str> {
        self.text("type")
            .or_else(|| self.words("type").find(|kind| *kind != "null"))
    }

    /// Whether a value of this place must never be quoted.
    pub(super) fn is_secret(&self) -> bool {
        self.get("writeOnly") == Some(&Value::Bool(true))
    }

    pub(super) fn branches(&self) -> impl Iterator<Item = &'s Value> {
        let is_null = |branch: &&Value| branch["type"] == "null";
        self.list("anyOf")
            .iter()
            .chain(self.list("oneOf"))
            .filter(move |branch| !is_null(branch))
    }

    /// What a person would call a value of this place.
    pub(super) fn called(&self) -> &'static str {
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
