//! A call whose arguments come in pieces, each with the place that it belongs to.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::ir::Break;
use crate::json::Node;

/// Bytes of pieces that are kept until the call is whole, and of the places made for them.
const KEPT_MAX: usize = 16 * 1024 * 1024;
/// Steps of one place.
const STEPS_MAX: usize = 64;
/// Characters of a piece that an error shows.
const SHOWN_MAX: usize = 200;
/// Elements of an array that may be passed over until they come themselves.
const GAP_MAX: usize = 16;
/// Bytes of an object that one member makes: it has room for more at once.
const OBJECT: usize = 11 * MEMBER;
/// Bytes of a member beside its name's and its value's own.
const MEMBER: usize = size_of::<String>() + size_of::<Value>();

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
        self.check()?;
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
            self.check()?;
        }
        Ok(continues.and_then(Node::flag) == Some(true))
    }

    fn check(&self) -> Result<(), Break> {
        if self.kept > KEPT_MAX {
            return Err(Break::Malformed(format!(
                "a call has more than {KEPT_MAX} bytes of arguments"
            )));
        }
        Ok(())
    }

    /// Puts a piece in its place; None when it has none, or its value is not a plain one.
    fn piece(&mut self, piece: Node<'_>) -> Option<()> {
        let [path, text, number, flag, null] = piece.pick([
            "jsonPath",
            "stringValue",
            "numberValue",
            "boolValue",
            "nullValue",
        ]);
        let path = path.and_then(Node::text)?;
        let place = place(&mut self.args, &path, &mut self.kept)?;
        match (text.and_then(Node::text), number.or(flag)) {
            (Some(more), _) => match place {
                Value::String(text) => text.push_str(&more),
                other => *other = Value::String(more.into_owned()),
            },
            (None, Some(value)) if value.is_object() || value.is_array() => return None,
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

/// The value at `$.a[0]['b']`, made where it is not there; `kept` counts what is made.
fn place<'v>(root: &'v mut Value, path: &str, kept: &mut usize) -> Option<&'v mut Value> {
    let mut at = root;
    for step in steps(path)? {
        at = match step {
            Step::Name(name) => member(at, name, kept)?,
            Step::Number(number) => element(at, number, kept)?,
        };
    }
    Some(at)
}

fn member<'v>(at: &'v mut Value, name: Cow<'_, str>, kept: &mut usize) -> Option<&'v mut Value> {
    if !at.is_object() {
        *at = Value::Object(Map::new());
        *kept = kept.saturating_add(OBJECT);
    }
    let object = at.as_object_mut()?;
    Some(object.entry(name.into_owned()).or_insert_with(|| {
        *kept = kept.saturating_add(MEMBER);
        Value::Null
    }))
}

fn element<'v>(at: &'v mut Value, number: usize, kept: &mut usize) -> Option<&'v mut Value> {
    if !at.is_array() {
        *at = Value::Array(Vec::new());
    }
    let array = at.as_array_mut()?;
    let gap = number.saturating_sub(array.len());
    if gap > GAP_MAX {
        return None;
    }
    if array.len() <= number {
        *kept = kept.saturating_add((gap + 1) * size_of::<Value>());
        array.resize(number + 1, Value::Null);
    }
    array.get_mut(number)
}

enum Step<'p> {
    Name(Cow<'p, str>),
    Number(usize),
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= STEPS_MAX {
            return None;
        }
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside)?,
            None => {
                let after = rest.strip_prefix('.')?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at_checked(end)?;
                (Step::Name(Cow::Borrowed(name)), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// The step that a bracket was opened for, and what stands behind the one that closes it.
fn bracketed(inside: &str) -> Option<(Step<'_>, &str)> {
    for quote in ['\'', '"'] {
        if let Some(inside) = inside.strip_prefix(quote) {
            let (key, after) = quoted(inside, quote)?;
            return Some((Step::Name(unescaped(key)), after));
        }
    }
    let (inside, after) = inside.split_once(']')?;
    let step = match inside.parse() {
        Ok(number) => Step::Number(number),
        Err(_) => Step::Name(Cow::Borrowed(inside)),
    };
    Some((step, after))
}

/// A key up to the quote that ends it, which a bracket follows.
fn quoted(inside: &str, quote: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, char) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if char == '\\' {
            escaped = true;
        } else if char == quote {
            let (key, after) = inside.split_at_checked(at)?;
            if let Some(after) = after.strip_prefix(quote)?.strip_prefix(']') {
                return Some((key, after));
            }
        }
    }
    None
}

/// A key without its escapes, which are JSON's and that of a single quote.
fn unescaped(key: &str) -> Cow<'_, str> {
    if !key.contains('\\') {
        return Cow::Borrowed(key);
    }
    let mut json = String::with_capacity(key.len() + 2);
    json.push('"');
    let mut chars = key.chars();
    while let Some(char) = chars.next() {
        match (char, chars.as_str().starts_with('\'')) {
            // The quote itself comes next.
            ('\\', true) => {}
            ('\\', false) => {
                json.push(char);
                json.extend(chars.next());
            }
            ('"', _) => json.push_str("\\\""),
            _ => json.push(char),
        }
    }
    json.push('"');
    // What is no escape after all stands for itself.
    serde_json::from_str(&json).map_or(Cow::Borrowed(key), Cow::Owned)
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
            (
                r#"{"partialArgs":[{"jsonPath":"$['user[name]']['x']","numberValue":1},
                {"jsonPath":"$['it\\'s \"so\" \\u00e9']","numberValue":2},{"jsonPath":"$[\"'q'\"]","numberValue":3},
                {"jsonPath":"$['0']","numberValue":4},{"jsonPath":"$['a\\d']","numberValue":5}],
                "willContinue":true}"#,
                true,
            ),
            ("{}", false),
        ] {
            assert_eq!(partial.take(Node::of(piece)), Ok(goes_on), "{piece}");
        }
        let args: Value = serde_json::from_str(&partial.args()).unwrap();
        let expected = serde_json::json!({
            "a": "xy", "b": [null, {"c": 2}], "d e": true, "n": null,
            "user[name]": {"x": 1}, "it's \"so\" \u{e9}": 2, "'q'": 3, "0": 4, "a\\d": 5,
        });
        assert_eq!((partial.name.as_str(), args), ("f", expected));
    }

    #[test]
    fn a_piece_without_a_place_is_no_call() {
        for piece in [
            r#"{"stringValue":"x"}"#,
            r#"{"jsonPath":"a","stringValue":"x"}"#,
            r#"{"jsonPath":"$[","stringValue":"x"}"#,
            r#"{"jsonPath":"$['a]","stringValue":"x"}"#,
            r#"{"jsonPath":"$['a\\']","stringValue":"x"}"#,
            r#"{"jsonPath":"$.z[17]","boolValue":true}"#,
            r#"{"jsonPath":"$.z[18446744073709551615]","boolValue":true}"#,
            r#"{"jsonPath":"$.z","numberValue":[1]}"#,
        ] {
            let call = format!(r#"{{"name":"f","partialArgs":[{piece}]}}"#);
            let taken = Partial::default().take(Node::of(&call));
            let Err(Break::Malformed(what)) = taken else {
                panic!("{piece}: {taken:?}");
            };
            assert!(what.contains(piece), "{what}");
        }
    }

    #[test]
    fn the_places_that_short_pieces_make_are_bounded() {
        for (step, other) in [("[16]", ".a"), (".b", "[0]"), ("[0]['b']", ".a")] {
            let mut partial = Partial::default();
            let mut taken = Ok(true);
            let mut bytes = 0;
            // Each takes the place of what the one before it has made.
            for path in [step, other].into_iter().cycle().take(1 << 16) {
                let path = format!("${}", path.repeat(STEPS_MAX / 2));
                let call =
                    format!(r#"{{"partialArgs":[{{"jsonPath":"{path}"}}],"willContinue":true}}"#);
                bytes += call.len();
                taken = partial.take(Node::of(&call));
                if taken.is_err() {
                    break;
                }
            }
            let Err(Break::Malformed(what)) = taken else {
                panic!("{step}: {taken:?}");
            };
            assert!(what.contains("more than"), "{what}");
            assert!(bytes < KEPT_MAX / 4, "{step}: {bytes}");
        }
    }

    #[test]
    fn a_long_list_comes_element_by_element() {
        let mut partial = Partial::default();
        for number in 0..10_000 {
            let call = format!(
                r#"{{"partialArgs":[{{"jsonPath":"$[{number}]","numberValue":{number}}}],"willContinue":true}}"#
            );
            assert_eq!(partial.take(Node::of(&call)), Ok(true), "{number}");
        }
        assert!(partial.args().ends_with(",9999]"));
    }
}
