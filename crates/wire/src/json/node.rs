//! A look into JSON text: values found by name or place, decoded only where asked.

use std::borrow::Cow;

use memchr::memchr;

use super::{JsonError, MAX_DEPTH, Scanner, Walk, literal, skip_str};

/// One JSON value: its own text. Copying it copies a pointer; each look walks the text once.
///
/// What is of another type than asked for counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a>(&'a str);

impl<'a> Node<'a> {
    /// Checks that the bytes are one JSON value.
    pub fn parse(json: &'a [u8]) -> Result<Node<'a>, JsonError> {
        super::check(json)?;
        // What is not in a string is ASCII, and strings are checked.
        let text = std::str::from_utf8(json).unwrap_or_default();
        Ok(Node(text.trim_matches(is_space)))
    }

    /// Checks the bytes and picks members of them in the same walk: [`Node::parse`], then
    /// [`Node::pick`].
    pub fn parse_pick<const N: usize>(
        json: &'a [u8],
        names: [&str; N],
    ) -> Result<[Option<Node<'a>>; N], JsonError> {
        let text = match std::str::from_utf8(json) {
            Ok(text) => text,
            Err(error) => {
                // The walk says more of what is wrong, if that is not all.
                super::check(json)?;
                let offset = error.valid_up_to();
                return Err(JsonError::NotUtf8 { offset });
            }
        };
        let mut scan = Scanner::new(json, MAX_DEPTH);
        let mut found = [None; N];
        if scan.peek() == Some(b'{') {
            picked(&mut scan, text, names, &mut found)?;
        } else {
            scan.skip()?;
        }
        scan.end()?;
        Ok(found)
    }

    /// Takes a text that is known to be one JSON value.
    pub fn of(json: &'a str) -> Node<'a> {
        Node(json.trim_matches(is_space))
    }

    /// The value's own text.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The value's own text without the whitespace around its parts; borrowed if there is none.
    pub fn compact(self) -> Cow<'a, str> {
        let mut kept = String::new();
        let (mut from, mut at) = (0, 0);
        let bytes = self.0.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => at = behind_string(bytes, at),
                b' ' | b'\t' | b'\n' | b'\r' => {
                    kept.push_str(self.0.get(from..at).unwrap_or_default());
                    at += 1;
                    from = at;
                }
                _ => at += 1,
            }
        }
        if from == 0 {
            return Cow::Borrowed(self.0);
        }
        kept.push_str(self.0.get(from..).unwrap_or_default());
        Cow::Owned(kept)
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// What a string stands for. Half a surrogate pair becomes U+FFFD.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        Some(literal(self.0.as_bytes())?.decode())
    }

    /// `true` or `false`.
    pub fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A number, if it is finite.
    pub fn number(self) -> Option<f64> {
        let first = self.0.as_bytes().first()?;
        if !(first.is_ascii_digit() || *first == b'-') {
            return None;
        }
        self.0
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }

    /// A whole number that is not below zero; `3.0` is one.
    pub fn uint(self) -> Option<u64> {
        self.int().and_then(|number| u64::try_from(number).ok())
    }

    /// A whole number; `3.0` is one.
    pub fn int(self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if let Ok(number) = self.0.parse() {
            return Some(number);
        }
        let number = self.number()?;
        // Whole and exactly representable.
        #[expect(clippy::cast_possible_truncation)]
        (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
    }

    /// The named members of an object; what is absent or `null` is None, of duplicates the last counts.
    pub fn pick<const N: usize>(self, names: [&str; N]) -> [Option<Node<'a>>; N] {
        let mut found = [None; N];
        let mut scan = Scanner::new(self.0.as_bytes(), MAX_DEPTH);
        // A value that is no object leaves all of them empty.
        let _ = picked(&mut scan, self.0, names, &mut found);
        found
    }

    /// The member of that name, if it is there and not `null`.
    pub fn get(self, name: &str) -> Option<Node<'a>> {
        let [found] = self.pick([name]);
        found
    }

    /// The members of an object in their order, nulls and duplicates included; else nothing.
    pub fn members(self) -> Vec<(Cow<'a, str>, Node<'a>)> {
        let mut found = Vec::new();
        let mut scan = Scanner::new(self.0.as_bytes(), MAX_DEPTH);
        let _ = scan.object(|scan, name| {
            found.push((name.decode(), Node(skip_str(scan, self.0)?)));
            Ok(())
        });
        found
    }

    /// The elements of an array; else nothing.
    pub fn elements(self) -> Vec<Node<'a>> {
        let mut found = Vec::new();
        let mut scan = Scanner::new(self.0.as_bytes(), MAX_DEPTH);
        let _ = scan.array(|scan| {
            found.push(Node(skip_str(scan, self.0)?));
            Ok(())
        });
        found
    }
}

/// The members of the object that is next in `text`.
#[inline]
fn picked<'a, const N: usize>(
    scan: &mut Scanner<'_>,
    text: &'a str,
    names: [&str; N],
    found: &mut [Option<Node<'a>>; N],
) -> Walk {
    scan.object(|scan, name| {
        let value = Node(skip_str(scan, text)?);
        if let Some(slot) = names.iter().position(|wanted| name.is(wanted)) {
            found[slot] = Some(value).filter(|value| !value.is_null());
        }
        Ok(())
    })
}

/// Where the string that begins at `at` has ended.
fn behind_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_goes_from_between_and_stays_within_strings() {
        let node = Node::of("{ \"a b\" : [ 1 ,\n\"x \\\" y\\\\\" ] }");
        assert_eq!(node.compact(), "{\"a b\":[1,\"x \\\" y\\\\\"]}");
        assert!(matches!(
            Node::of("{\"a b\":1}").compact(),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn values_are_found_by_name_and_read_by_type() {
        let node =
            Node::parse(br#" {"a":"x\u00e9","b":[1, 2.0,-3],"c":null,"d":{"e":true},"f":1.5} "#)
                .unwrap();
        let [a, b, c, d, absent] = node.pick(["a", "b", "c", "d", "g"]);
        assert_eq!(a.and_then(Node::text).as_deref(), Some("xé"));
        let b: Vec<_> = b.unwrap().elements().into_iter().map(Node::int).collect();
        assert_eq!(b, [Some(1), Some(2), Some(-3)]);
        assert_eq!((c, absent), (None, None));
        assert_eq!(d.and_then(|d| d.get("e")).and_then(Node::flag), Some(true));
        assert_eq!(node.get("f").and_then(Node::number), Some(1.5));
        assert_eq!(node.get("f").and_then(Node::uint), None);
        assert_eq!(node.members().len(), 5);
        assert!(Node::of("7").members().is_empty());
        assert!(Node::parse(b"{\"a\":}").is_err());
    }

    #[test]
    fn one_walk_finds_and_refuses_what_two_do() {
        let texts: [&[u8]; 9] = [
            br#" {"a":"x","b":{"a":1},"a":[2]} "#,
            br#"{"a":null}"#,
            b"7",
            br#"["a"]"#,
            br#"{"a":1} x"#,
            br#"{"a":1"#,
            b"{\"a\":\"\xff\"}",
            b"{\"a\":1}\xff",
            b"",
        ];
        for text in texts {
            let two = Node::parse(text).map(|node| node.pick(["b", "a"]));
            assert_eq!(Node::parse_pick(text, ["b", "a"]), two, "{text:?}");
        }
    }
}
