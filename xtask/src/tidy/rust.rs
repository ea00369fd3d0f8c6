//! Enough of Rust's grammar to tell code from comments, literals and tests.
//!
//! It never parses: offsets in the masked code are offsets in the source, so a
//! plain search in the mask finds its line.

use std::ops::Range;

use memchr::memchr_iter;

/// A source with its parts told apart.
pub(crate) struct Rust<'a> {
    source: &'a str,
    /// The source with comments and the insides of literals blanked out.
    mask: String,
    literals: Vec<Range<usize>>,
    tests: Vec<Range<usize>>,
}

impl<'a> Rust<'a> {
    pub(crate) fn read(source: &'a str) -> Self {
        let (mask, literals) = mask(source);
        let tests = test_items(&mask);
        Self {
            source,
            mask,
            literals,
            tests,
        }
    }

    /// Line and contents of every string literal outside tests, escapes kept.
    pub(crate) fn literals(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.literals
            .iter()
            .filter(|range| !self.in_tests(range.start))
            .map(|range| (line(self.source, range.start), &self.source[range.clone()]))
    }

    /// The lines where code outside tests contains `pattern`.
    pub(crate) fn code_lines(&self, pattern: &str) -> Vec<usize> {
        let found = self.mask.match_indices(pattern);
        found
            .filter(|(at, _)| !self.in_tests(*at))
            .map(|(at, _)| line(self.source, at))
            .collect()
    }

    fn in_tests(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }
}

/// Whether a whole file is test code by its place.
pub(crate) fn is_test_file(path: &str) -> bool {
    let folders = ["tests/", "benches/"];
    folders
        .iter()
        .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")))
        || path.ends_with("/tests.rs")
}

/// The one-based line of an offset.
pub(crate) fn line(source: &str, at: usize) -> usize {
    1 + memchr_iter(b'\n', &source.as_bytes()[..at]).count()
}

fn mask(source: &str) -> (String, Vec<Range<usize>>) {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let (end, inside) = if rest.starts_with("//") {
            (at + line_comment(rest), Some(at..at + line_comment(rest)))
        } else if rest.starts_with("/*") {
            let end = at + block_comment(rest);
            (end, Some(at..end))
        } else if let Some((hashes, quote)) = raw_string_opening(source, at) {
            let closing = format!("\"{}", "#".repeat(hashes));
            let start = at + quote + 1;
            let length = source[start..].find(&closing);
            let end = length.map_or(source.len(), |length| start + length);
            literals.push(start..end);
            ((end + closing.len()).min(source.len()), Some(start..end))
        } else if bytes[at] == b'"' {
            let end = at + 1 + quoted(&bytes[at + 1..], b'"');
            literals.push(at + 1..end);
            ((end + 1).min(source.len()), Some(at + 1..end))
        } else if bytes[at] == b'\'' && is_char_literal(rest) {
            let end = at + 1 + quoted(&bytes[at + 1..], b'\'');
            ((end + 1).min(source.len()), Some(at + 1..end))
        } else {
            (at + rest.chars().next().map_or(1, char::len_utf8), None)
        };
        for byte in inside.map(|range| &mut masked[range]).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    (String::from_utf8_lossy(&masked).into_owned(), literals)
}

fn line_comment(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The hashes of a raw string that opens here and the distance to its quote.
fn raw_string_opening(source: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = source.as_bytes();
    let before = at.checked_sub(1).map(|i| bytes[i]);
    if before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| source[at..].starts_with(prefix))?;
    let hashes = bytes[at + prefix.len()..]
        .iter()
        .take_while(|b| **b == b'#')
        .count();
    let quote = prefix.len() + hashes;
    // `r#type` is a name, not a string.
    (bytes.get(at + quote) == Some(&b'"')).then_some((hashes, quote))
}

/// The distance to the quote that ends a literal with escapes.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// The extent of every item under `#[cfg(test)]`.
fn test_items(mask: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    mask.match_indices(ATTRIBUTE)
        .map(|(start, _)| start..item_end(mask, start + ATTRIBUTE.len()))
        .collect()
}

/// Where the item that starts at or after `from` ends: its `;` or last brace.
fn item_end(mask: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in mask.bytes().enumerate().skip(from) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return offset + 1;
                }
            }
            b';' if depth == 0 => return offset + 1,
            _ => {}
        }
    }
    mask.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: &str = r##"
//! todo!() in words
fn f<'a>(x: &'a str) -> char { /* "no" /* nested */ still */ let y = '"'; g("yes", r#"ra"w"#); '\'' }
#[cfg(test)]
#[allow(dead_code)]
mod tests { fn t() { h("in a test"); todo!() } }
const B: &[u8] = b"bytes\"x";
"##;

    #[test]
    fn literals_are_found_with_their_lines_outside_tests() {
        let found: Vec<_> = Rust::read(SOURCE).literals().collect();
        assert_eq!(found, [(3, "yes"), (3, "ra\"w"), (7, "bytes\\\"x")]);
    }

    #[test]
    fn code_is_searched_without_comments_and_tests() {
        let rust = Rust::read(SOURCE);
        assert!(rust.code_lines("todo!").is_empty());
        assert_eq!(rust.code_lines("const B"), [7]);
    }

    #[test]
    fn a_test_module_in_its_own_file_ends_at_the_semicolon() {
        let rust = Rust::read("#[cfg(test)]\nmod tests;\nconst A: &str = \"a\";\n");
        assert_eq!(rust.literals().collect::<Vec<_>>(), [(3, "a")]);
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        assert!(is_test_file("tests/src/lib.rs"));
        assert!(is_test_file("crates/wire/tests/props.rs"));
        assert!(is_test_file("crates/wire/src/sse/tests.rs"));
        assert!(!is_test_file("crates/wire/src/sse.rs"));
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_its_lines(text in "[a-z\"'/*r#\\\\\n{}é]{0,60}") {
            let (mask, _) = mask(&text);
            prop_assert_eq!(mask.len(), text.len());
            prop_assert_eq!(mask.lines().count(), text.lines().count());
        }
    }
}
