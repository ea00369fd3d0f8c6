//! Names and ids that a vendor accepts, and the way back.
//!
//! The same name becomes the same name each time, so that a conversation keeps fitting together.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};

/// What a client may have appended to an id to carry a signature of Gemini's.
const THOUGHT: &str = "__thought__";
/// Hex digits of the hash in a shortened name.
const HASH_DIGITS: usize = 24;

/// Which texts a vendor accepts.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Characters besides ASCII letters and digits.
    pub also: &'static [u8],
    /// Bytes at most.
    pub max: usize,
    /// Whether the first must be a letter or an underscore.
    pub starts_like_a_word: bool,
}

impl Rule {
    /// Letters, digits, `_` and `-`, at most 64 of them.
    pub const USUAL: Rule = Rule {
        also: b"_-",
        max: 64,
        starts_like_a_word: false,
    };

    fn accepts(&self, text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || self.also.contains(&byte);
        let starts = text.bytes().next().is_some_and(|first| {
            !self.starts_like_a_word || first.is_ascii_alphabetic() || first == b'_'
        });
        starts && text.len() <= self.max && text.bytes().all(plain)
    }
}

/// An id as the rule wants it: the same one if it may stay, else one that follows from it.
pub fn id<'a>(id: Cow<'a, str>, rule: &Rule) -> Cow<'a, str> {
    if rule.accepts(&id) {
        return id;
    }
    Cow::Owned(format!("tc_{}", hash(&id)))
}

/// An id without the signature that a client carried in it, and the signature.
pub fn split_thought(id: &str) -> (&str, Option<&str>) {
    match id.split_once(THOUGHT) {
        Some((bare, signature)) => (bare, Some(signature)),
        None => (id, None),
    }
}

/// The id with a signature in it, for clients that give back nothing else.
pub fn with_thought(id: &str, signature: &str) -> String {
    format!("{id}{THOUGHT}{signature}")
}

/// A short name that follows from a text.
pub(crate) fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(HASH_DIGITS);
    for byte in digest(&SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .take(HASH_DIGITS / 2)
    {
        // Writing into a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The tools of one request whose names had to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// A name as the rule wants it; remembered if it is another one.
    pub fn sent<'a>(&mut self, name: Cow<'a, str>, rule: &Rule) -> Cow<'a, str> {
        if rule.accepts(&name) {
            return name;
        }
        if let Some((sent, _)) = self.0.iter().find(|(_, original)| *original == *name) {
            return Cow::Owned(sent.clone());
        }
        let sent = self.invent(&name, rule);
        self.0.push((sent.clone(), name.into_owned()));
        Cow::Owned(sent)
    }

    /// A readable name first; one with a hash where that is too long or taken.
    fn invent(&self, name: &str, rule: &Rule) -> String {
        let mut readable: String = name
            .chars()
            .map(|c| match u8::try_from(c) {
                Ok(byte) if byte.is_ascii_alphanumeric() || rule.also.contains(&byte) => c,
                _ => '_',
            })
            .collect();
        if rule.starts_like_a_word
            && readable.starts_with(|c: char| c != '_' && !c.is_ascii_alphabetic())
        {
            readable.insert(0, '_');
        }
        let free = self.0.iter().all(|(sent, _)| *sent != readable);
        if free && rule.accepts(&readable) {
            readable
        } else {
            format!("tool_{}", hash(name))
        }
    }

    /// The client's own name of a tool.
    pub fn original<'a>(&'a self, sent: &'a str) -> &'a str {
        self.0
            .iter()
            .find(|(name, _)| name == sent)
            .map_or(sent, |(_, original)| original)
    }

    /// The same for a name that is not needed any more.
    pub fn restored<'a>(&self, sent: Cow<'a, str>) -> Cow<'a, str> {
        match self.0.iter().find(|(name, _)| *name == *sent) {
            Some((_, original)) => Cow::Owned(original.clone()),
            None => sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a08_long_and_odd_ids_become_acceptable_ones_the_same_each_time() {
        let odd = "call with spaces ".repeat(5);
        let sent = id(Cow::Borrowed(&odd), &Rule::USUAL);
        assert!(Rule::USUAL.accepts(&sent), "{sent}");
        assert_eq!(sent, id(Cow::Borrowed(&odd), &Rule::USUAL));
        assert_ne!(sent, id(Cow::Borrowed("another one"), &Rule::USUAL));
        assert_eq!(id(Cow::Borrowed("call_1-a"), &Rule::USUAL), "call_1-a");
        assert!(Rule::USUAL.accepts(&id(Cow::Borrowed(""), &Rule::USUAL)));
    }

    #[test]
    fn names_find_their_way_back() {
        let mut names = Names::default();
        let all = [
            "files.read",
            "files/read",
            "wetter_für",
            "plain",
            &"x".repeat(70),
        ];
        let sent: Vec<_> = all
            .iter()
            .map(|name| names.sent(Cow::Borrowed(name), &Rule::USUAL))
            .collect();
        for (name, sent) in all.iter().zip(&sent) {
            assert!(Rule::USUAL.accepts(sent), "{sent}");
            assert_eq!(names.original(sent), *name);
        }
        assert_eq!((&*sent[0], &*sent[3]), ("files_read", "plain"));
        assert_ne!(sent[0], sent[1]);
    }

    #[test]
    fn a_signature_in_an_id_is_split_off() {
        assert_eq!(
            split_thought("a__thought__b__thought__c"),
            ("a", Some("b__thought__c"))
        );
        assert_eq!(split_thought("a"), ("a", None));
    }
}
