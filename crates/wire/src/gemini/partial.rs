//! A call whose arguments come in pieces, each with the place that it belongs to.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::ir::Break;
use crate::json::Node;

/// Bytes of pieces that are kept until the call is whole.
const KEPT_MAX: usize = 16 * 1024 * 1024;
/// Steps of one place.
const STEPS_MAX: usize = 64;
/// Characters of a piece that an error shows.
const SHOWN_MAX: usize = 200;
/// Elements of one array.
const ELEMENTS_MAX: usize = 4096;

/// A call that goes on.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) signature: Option<String>,
    args: Value,
    kept: usize,
}

impl Partial {
    /// Whether a call is one of these, or whole.
    pub(super) fn is_one(call: Node<'_>) -> bool {
        let [pieces, continues] = call.pick(["partialArgs", "willContinue"]);
        pieces.is_some() || continues.and_then(Node::flag) == Some(true)
    }

    /// Takes more of it; whether it goes on.
    pub(super) fn take(&mut self, call: Node<'_>) -> Result<bool, Break> {
        let [id, name, args, pieces, continues] =
            call.pick(["id", "name", "args", "partialArgs", "willContinue"]);
        self.kept = self.kept.saturating_add(call.raw().len());
        if self.kept > KEPT_MAX {
            return Err(Break::Malformed(format!(
                "a call has more than {KEPT_MAX} bytes of arguments"
            )));
        }
        if let Some(id) = id.and_then(Node::text) {
            self.id = id.into_owned();
        }
        if let Some(name) = name.and_then(Node::text) {
            self.name = name.into_owned();
        }
        if let Some(args) = args.filter(|args| !args.members().is_empty()) {
            self.args = serde_json::from_str(args.raw()).unwrap_or_default();
        }
        for piece in pieces.map(Node::elements).unwrap_or_default() {
            self.piece(piece).ok_or_else(|| {
                let piece: String = piece.raw().chars().take(SHOWN_MAX).collect();
                Break::Malformed(format!(
                    "a piece of a call's arguments has no place: {piece}"
                ))
            })?;
        }
        Ok(continues.and_then(Node::flag) == Some(true))
    }

    /// Puts a piece in its place; None when it has none.
    fn piece(&mut self, piece: Node<'_>) -> Option<()> {
        let [path, text, number, flag, null] = piece.pick([
            "jsonPath",
            "stringValue",
            "numberValue",
            "boolValue",
            "nullValue",
        ]);
        let path = path.and_then(Node::text)?;
        let place = place(&mut self.args, &path)?;
        match (text.and_then(Node::text), number.or(flag)) {
            (Some(more), _) => match place {
                Value::String(text) => text.push_str(&more),
                other => *other = Value::String(more.into_owned()),
            },
            (None, Some(value)) => {
                *place = serde_json::from_str(value.raw()).unwrap_or_default();
            }
            (None, None) if null.is_some() => *place = Value::Null,
            (None, None) => {}
        }
        Some(())
    }

    /// Whether nothing came that a call would need.
    pub(super) fn is_nothing(&self) -> bool {
        self.name.is_empty() && self.args.is_null()
    }

    /// The arguments.
    pub(super) fn args(&self) -> String {
        match &self.args {
            Value::Null => "{}".to_owned(),
            args => args.to_string(),
        }
    }
}

/// The value at `$.a[0]['b']`, made where it is not there.
fn place<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut at = root;
    for (count, step) in steps(path)?.into_iter().enumerate() {
        if count >= STEPS_MAX {
            return None;
        }
        at = match step {
            Step::Name(name) => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                at.as_object_mut()?
                    .entry(name.into_owned())
                    .or_insert(Value::Null)
            }
            Step::Number(number) => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let array = at.as_array_mut()?;
                if number >= ELEMENTS_MAX {
                    return None;
                }
                if array.len() <= number {
                    array.resize(number + 1, Value::Null);
                }
                array.get_mut(number)?
            }
        };
    }
    Some(at)
}

enum Step<'p> {
    Name(Cow<'p, str>),
    Number(usize),
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (inside, after) = inside.split_once(']')?;
            let quoted = inside.trim_matches(['\'', '"']);
            steps.push(match inside.parse() {
                Ok(number) => Step::Number(number),
                Err(_) => Step::Name(Cow::Borrowed(quoted)),
            });
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Name(Cow::Borrowed(after.get(..end)?)));
            rest = after.get(end..)?;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_where_they_belong() {
        let mut partial = Partial::default();
        for (piece, goes_on) in [
            (r#"{"name":"f","willContinue":true}"#, true),
            (
                r#"{"partialArgs":[{"jsonPath":"$.a","stringValue":"x","willContinue":true}],"willContinue":true}"#,
                true,
            ),
            (
                r#"{"partialArgs":[{"jsonPath":"$.a","stringValue":"y"},{"jsonPath":"$.b[1].c","numberValue":2},
                {"jsonPath":"$['d e']","boolValue":true},{"jsonPath":"$.n","nullValue":"NULL_VALUE"}],
                "willContinue":true}"#,
                true,
            ),
            ("{}", false),
        ] {
            assert_eq!(partial.take(Node::of(piece)), Ok(goes_on), "{piece}");
        }
        let args: Value = serde_json::from_str(&partial.args()).unwrap();
        let expected =
            serde_json::json!({"a": "xy", "b": [null, {"c": 2}], "d e": true, "n": null});
        assert_eq!((partial.name.as_str(), args), ("f", expected));
    }

    #[test]
    fn a_piece_without_a_place_is_no_call() {
        for piece in [
            r#"{"stringValue":"x"}"#,
            r#"{"jsonPath":"a","stringValue":"x"}"#,
            r#"{"jsonPath":"$[","stringValue":"x"}"#,
            r#"{"jsonPath":"$.z[99999]","boolValue":true}"#,
        ] {
            let call = format!(r#"{{"name":"f","partialArgs":[{piece}]}}"#);
            let taken = Partial::default().take(Node::of(&call));
            let Err(Break::Malformed(what)) = taken else {
                panic!("{piece}: {taken:?}");
            };
            assert!(what.contains(piece), "{what}");
        }
    }
}
