//! A JSON object seen as the client wrote it: its members and the bytes between them.
//!
//! Deliberately naive and written apart from the gateway's own scanner: it is the second opinion on
//! what "the same bytes" means.

use std::ops::Range;

/// A member and where its parts stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The decoded name.
    pub name: String,
    /// The name with its quotes.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// The members of the object that is the whole of `text`.
pub fn members(text: &str) -> Vec<Member> {
    let bytes = text.as_bytes();
    let mut at = skip(
        bytes,
        bytes
            .iter()
            .position(|byte| *byte == b'{')
            .expect("an object")
            + 1,
    );
    let mut members = Vec::new();
    while bytes[at] != b'}' {
        let key = at..value_end(bytes, at);
        let colon = skip(bytes, key.end);
        assert_eq!(bytes[colon], b':', "at {colon} of {text}");
        let start = skip(bytes, colon + 1);
        let value = start..value_end(bytes, start);
        at = skip(bytes, value.end);
        let name = serde_json::from_str(&text[key.clone()]).expect("a string");
        members.push(Member { name, key, value });
        if bytes[at] == b',' {
            at = skip(bytes, at + 1);
        }
    }
    members
}

/// The text with one member's value exchanged.
pub fn with_value(text: &str, name: &str, value: &str) -> String {
    let members = members(text);
    let member = members
        .iter()
        .find(|member| member.name == name)
        .expect("the member is there");
    format!(
        "{}{value}{}",
        &text[..member.value.start],
        &text[member.value.end..]
    )
}

/// The raw value of a member.
pub fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text)
        .into_iter()
        .find(|member| member.name == name)
        .map(|member| &text[member.value])
}

fn skip(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Where the value that starts here ends.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth, mut quoted) = (start, 0_usize, false);
    loop {
        match bytes.get(at) {
            Some(b'\\') if quoted => at += 1,
            Some(b'"') => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return at + 1;
                }
            }
            Some(b'{' | b'[') if !quoted => depth += 1,
            Some(b'}' | b']') if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') if !quoted && depth == 0 => {
                return at;
            }
            None => return at,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_spelling() {
        let text = " { \"a\" : 1e0 ,\"b\\u0063\":\"x\\\"}\" , \"d\":[{\"e\":null}]}\n";
        let found = members(text);
        let parts: Vec<_> = found
            .iter()
            .map(|m| {
                (
                    m.name.as_str(),
                    &text[m.key.clone()],
                    &text[m.value.clone()],
                )
            })
            .collect();
        assert_eq!(
            parts,
            [
                ("a", "\"a\"", "1e0"),
                ("bc", "\"b\\u0063\"", "\"x\\\"}\""),
                ("d", "\"d\"", "[{\"e\":null}]")
            ]
        );
        assert_eq!(with_value(text, "a", "2"), text.replace("1e0", "2"));
        assert_eq!(value(text, "d"), Some("[{\"e\":null}]"));
        assert_eq!(members("{}"), []);
    }
}
