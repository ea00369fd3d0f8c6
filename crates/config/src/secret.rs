//! Texts that may be secret, and the references that keep secrets out of files.
//!
//! A `${NAME}` stays text here; it is resolved where a component is built, so
//! that a config can be checked, printed and stored without one secret in it.

use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// What stands in for a secret wherever one would be printed.
pub const REDACTED: &str = "[REDACTED]";

/// A text that is never printed unless it merely names where the secret is.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// Where a credential comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// `file:PATH`: the content of a file, read by whoever builds the target.
    File(&'a Path),
    /// Everything else: text in which `${NAME}` is replaced.
    Text(&'a str),
}

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text as it was written, references unresolved.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Where the value is to be had, for settings that accept `file:PATH`.
    pub fn source(&self) -> Source<'_> {
        match self.0.strip_prefix("file:") {
            Some(path) => Source::File(Path::new(path)),
            None => Source::Text(&self.0),
        }
    }

    /// The text with every `${NAME}` replaced.
    pub fn resolve(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Missing> {
        resolve(&self.0, env)
    }

    /// The text where it only points at a secret, and a stand-in where it may hold one.
    fn shown(&self) -> &str {
        let points = self.0.is_empty() || self.0.starts_with("file:") || is_reference(&self.0);
        if points { &self.0 } else { REDACTED }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.shown())
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // `writeOnly` is what tells `conform` never to quote the value.
        json_schema!({"type": "string", "format": FORMAT, "writeOnly": true})
    }
}

/// The JSON Schema `format` of a text in which `${NAME}` is replaced.
pub(crate) const FORMAT: &str = "references";

/// Names that a text refers to and that are not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not set in the environment: {}", names.join(", "))]
pub struct Missing {
    /// Every missing name, once, in the order of appearance.
    pub names: Vec<String>,
}

/// Replaces every `${NAME}` in `text`. A name that is set to nothing is
/// replaced by nothing; `$NAME`, `$$` and a lone `$` are ordinary text.
pub fn resolve(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Missing> {
    let mut out = String::with_capacity(text.len());
    let mut missing: Vec<String> = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Name(name) => match env(name) {
                Some(value) => out.push_str(&value),
                None if missing.iter().any(|m| m == name) => {}
                None => missing.push(name.to_owned()),
            },
        }
    }
    if missing.is_empty() {
        Ok(out)
    } else {
        Err(Missing { names: missing })
    }
}

/// The names that `text` refers to, in the order of appearance.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Plain(_) => None,
    })
}

/// The parts of a text that are not references, for checks on what is known already.
pub(crate) fn plain_parts(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Plain(plain) => Some(plain),
        Piece::Name(_) => None,
    })
}

/// Whether the whole text is one reference.
pub(crate) fn is_reference(text: &str) -> bool {
    matches!(split_reference(text), Some((_, "")))
}

/// The first `${` that is not the start of a reference.
pub(crate) fn broken_reference(text: &str) -> Option<&str> {
    plain_parts(text).find_map(|plain| {
        let rest = &plain[plain.find("${")?..];
        Some(rest.find('}').map_or(rest, |end| &rest[..=end]))
    })
}

enum Piece<'a> {
    Plain(&'a str),
    Name(&'a str),
}

fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = split_reference(rest) {
            rest = after;
            return Some(Piece::Name(name));
        }
        let end = rest
            .match_indices("${")
            .map(|(at, _)| at)
            .find(|&at| split_reference(&rest[at..]).is_some())
            .unwrap_or(rest.len());
        let (plain, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Plain(plain))
    })
}

/// `${NAME}rest` as `(NAME, rest)`.
fn split_reference(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix("${")?;
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, rest) = text.split_at(end);
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    Some((name, rest.strip_prefix('}')?)).filter(|_| starts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".into()),
            "B_2" => Some("two".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn case_2_only_the_braced_form_is_a_reference() {
        for (text, resolved) in [
            ("", ""),
            ("${A}", "one"),
            ("Bearer ${A}!", "Bearer one!"),
            ("${A}${B_2}", "onetwo"),
            ("[${EMPTY}]", "[]"),
            ("pa$$w0rd", "pa$$w0rd"),
            ("$100", "$100"),
            ("$A", "$A"),
            ("${}", "${}"),
            ("${1A}", "${1A}"),
            ("${A:-x}", "${A:-x}"),
            ("${A", "${A"),
            ("${${A}}", "${one}"),
        ] {
            assert_eq!(resolve(text, &env).as_deref(), Ok(resolved), "{text}");
        }
    }

    #[test]
    fn every_missing_name_is_told_once() {
        let missing = resolve("${X}-${A}-${Y}-${X}", &env).unwrap_err();
        assert_eq!(missing.names, ["X", "Y"]);
        assert_eq!(missing.to_string(), "not set in the environment: X, Y");
    }

    #[test]
    fn a_literal_is_hidden_and_a_pointer_is_shown() {
        for (text, shown) in [
            ("sk-live-1234", REDACTED),
            ("Bearer ${A}", REDACTED),
            ("${A}", "${A}"),
            ("file:/run/secrets/x", "file:/run/secrets/x"),
            ("", ""),
        ] {
            let secret = Secret::new(text);
            assert_eq!(format!("{secret} {secret:?}"), format!("{shown} {shown}"));
            assert_eq!(serde_json::to_value(&secret).unwrap(), shown);
            assert_eq!(secret.expose(), text);
        }
    }

    #[test]
    fn a_file_is_a_source_of_its_own() {
        let file = Secret::new("file:/run/x");
        assert_eq!(file.source(), Source::File(Path::new("/run/x")));
        assert_eq!(Secret::new("${A}").source(), Source::Text("${A}"));
    }

    #[test]
    fn a_broken_reference_is_quoted_whole() {
        assert_eq!(broken_reference("x ${A:-b} y"), Some("${A:-b}"));
        assert_eq!(broken_reference("${A}${"), Some("${"));
        assert_eq!(broken_reference("${A} $B $$"), None);
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_text_are_the_text(text in "[${}A_1é ]{0,20}") {
            let joined: String = pieces(&text).map(|piece| match piece {
                Piece::Plain(plain) => plain.to_owned(),
                Piece::Name(name) => format!("${{{name}}}"),
            }).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
