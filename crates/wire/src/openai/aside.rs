//! What only the vendor says, and what it says of the words: kept until a choice ends.

use super::reply_writer::{list, write_metadata};
use crate::json::write;

/// Bytes that are kept in all.
const KEPT_MAX: usize = 16 * 1024 * 1024;

/// Kept, and not told yet.
#[derive(Debug, Default)]
pub(super) struct Aside {
    metadata: Vec<(String, String)>,
    servers: Vec<String>,
    citations: Vec<String>,
    bytes: usize,
    /// There was no room for everything.
    full: bool,
}

impl Aside {
    /// Whether as much more may be kept, here or beside it; that there was no room is told.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        let fits = bytes <= KEPT_MAX - self.bytes;
        if fits {
            self.bytes += bytes;
        }
        self.full |= !fits;
        fits
    }

    /// A later value takes the place of an earlier one.
    pub(super) fn metadata(&mut self, name: &str, value: &str) {
        if !self.has_room(value.len()) {
            return;
        }
        match self.metadata.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => {
                self.bytes -= old.len();
                value.clone_into(old);
            }
            None => self.metadata.push((name.to_owned(), value.to_owned())),
        }
    }

    /// What a tool of the vendor's own was asked or answered.
    pub(super) fn server(&mut self, raw: &str) {
        if self.has_room(raw.len()) {
            self.servers.push(raw.to_owned());
        }
    }

    /// A source that has no address.
    pub(super) fn citation(&mut self, raw: &str) {
        if self.has_room(raw.len()) {
            self.citations.push(raw.to_owned());
        }
    }

    /// All of it as a member with a comma before it; nothing is kept any longer.
    pub(super) fn take(&mut self, provider: &str) -> Option<Vec<u8>> {
        let Aside {
            mut metadata,
            servers,
            citations,
            bytes: _,
            full,
        } = std::mem::take(self);
        for (name, values) in [("server_tools", &servers), ("citations", &citations)] {
            let list = list(values.iter().map(String::as_str));
            metadata.extend(list.map(|list| (name.to_owned(), list)));
        }
        if full {
            metadata.push(("incomplete".to_owned(), "true".to_owned()));
        }
        if metadata.is_empty() {
            return None;
        }
        let mut member = Vec::new();
        write::object(&mut member, |o| write_metadata(o, provider, &metadata));
        write::one_line(&mut member);
        member.pop();
        if let Some(brace) = member.first_mut() {
            *brace = b',';
        }
        Some(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(aside: &mut Aside) -> String {
        String::from_utf8(aside.take("acme").unwrap_or_default()).unwrap()
    }

    #[test]
    fn the_last_value_of_a_name_is_told_once() {
        let mut aside = Aside::default();
        assert_eq!(told(&mut aside), "");
        aside.metadata("ratings", "1");
        aside.metadata("ratings", "[2]");
        aside.server("{}");
        assert_eq!(
            told(&mut aside),
            r#","provider_metadata":{"acme":{"ratings":[2],"server_tools":[{}]}}"#
        );
        assert_eq!(told(&mut aside), "");
    }

    #[test]
    fn what_is_kept_is_bounded_and_that_is_told() {
        let mut aside = Aside::default();
        let half = format!("\"{}\"", "x".repeat(KEPT_MAX / 2));
        for _ in 0..10 {
            aside.metadata("ratings", &half);
            aside.server("1");
            aside.server(&half);
            aside.citation(&half);
        }
        let told = told(&mut aside);
        assert!(told.len() < KEPT_MAX + 1000, "{}", told.len());
        assert!(told.ends_with("\"incomplete\":true}}"));
    }
}
