//! JSON, written straight into bytes.
//!
//! Containers are closures, so that none is left open. What is given as raw must be JSON.

use super::text::plain_length;

/// Writes an object.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true });
    out.push(b'}');
}

/// Makes one line of written JSON: outside of strings a line end is a blank like others, and inside
/// it stands as an escape. A vendor's own members may hold them.
pub(crate) fn one_line(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

/// Writes an array.
pub fn array(out: &mut Vec<u8>, fill: impl FnOnce(&mut Array<'_>)) {
    out.push(b'[');
    fill(&mut Array { out, first: true });
    out.push(b']');
}

/// Writes a string.
#[inline]
pub fn text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    let plain = plain_length(text.as_bytes());
    if plain == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing a string into memory does not fail.
        let _ = serde_json::to_writer(out, text);
    }
}

/// Writes the inside of a string: what a part of it looks like between the quotes.
pub fn text_inside(out: &mut Vec<u8>, part: &str) {
    let start = out.len();
    text(out, part);
    out.pop();
    out.remove(start);
}

/// Writes a number, whole ones without a fraction.
pub fn number(out: &mut Vec<u8>, number: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        // Whole and exactly representable.
        #[expect(clippy::cast_possible_truncation)]
        let whole = number as i64;
        let _ = serde_json::to_writer(out, &whole);
    } else {
        // Infinities become null.
        let _ = serde_json::to_writer(out, &number);
    }
}

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    /// Writes a name; the value must follow.
    pub fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A member that is a string.
    pub fn text(&mut self, name: &str, value: &str) {
        text(self.name(name), value);
    }

    /// The same if there is one.
    pub fn text_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A member given as JSON.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.name(name).extend_from_slice(json.as_bytes());
    }

    /// The same if there is one.
    pub fn raw_if(&mut self, name: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.raw(name, json);
        }
    }

    /// A member that is a count.
    pub fn uint(&mut self, name: &str, value: u64) {
        let _ = serde_json::to_writer(self.name(name), &value);
    }

    /// The same if there is one.
    pub fn uint_if(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.uint(name, value);
        }
    }

    /// A member that is a number, if there is one.
    pub fn number_if(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            number(self.name(name), value);
        }
    }

    /// A member that is true or false.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// The same if there is one.
    pub fn flag_if(&mut self, name: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    /// A member that is an object.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.name(name), fill);
    }

    /// A member that is an array.
    pub fn array(&mut self, name: &str, fill: impl FnOnce(&mut Array<'_>)) {
        array(self.name(name), fill);
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.first
    }
}

/// An array that is being written.
#[derive(Debug)]
pub struct Array<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Array<'_> {
    /// Makes room for an element, which must follow.
    pub fn slot(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out
    }

    /// An element that is an object.
    pub fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.slot(), fill);
    }

    /// An element that is a string.
    pub fn text(&mut self, value: &str) {
        text(self.slot(), value);
    }

    /// An element given as JSON.
    pub fn raw(&mut self, json: &str) {
        self.slot().extend_from_slice(json.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json_with_commas_between_only() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.text("a", "q\"\n");
            o.array("b", |a| {
                a.text("x");
                a.raw("[1]");
                a.object(|_| {});
            });
            o.number_if("c", Some(1.0));
            o.number_if("d", Some(0.25));
            o.text_if("e", None);
            o.flag("f", false);
        });
        let expected = r#"{"a":"q\"\n","b":["x",[1],{}],"c":1,"d":0.25,"f":false}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_inside_of_a_string_has_no_quotes_of_its_own() {
        let mut out = b"\"".to_vec();
        text_inside(&mut out, "a\"b");
        text_inside(&mut out, "");
        out.push(b'"');
        assert_eq!(out, br#""a\"b""#);
    }
}
