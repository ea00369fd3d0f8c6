//! Patterns in which `*` stands for anything: models, headers, metadata.

/// A pattern. What is not `*` is compared as it is, in its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands between the stars; one part is a text without a star.
    parts: Box<[Box<str>]>,
}

impl Glob {
    /// The pattern that this text is.
    pub(crate) fn new(text: &str) -> Glob {
        Glob {
            parts: text.split('*').map(Box::from).collect(),
        }
    }

    /// How much of it is no star: the more, the closer it is to what it matches.
    pub(crate) fn literal(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Whether the text is of this form.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.walk(text, |_| {})
    }

    /// `own` with its stars replaced, one after the other, by what the stars of this pattern stand
    /// for in the text; nothing when the text is not of this form.
    pub(crate) fn rewrite(&self, text: &str, own: &str) -> Option<String> {
        let mut stood_for = Vec::with_capacity(self.parts.len());
        if !self.walk(text, |part| stood_for.push(part)) {
            return None;
        }
        let mut stood_for = stood_for.into_iter();
        let mut pieces = own.split('*');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            out.push_str(stood_for.next().unwrap_or_default());
            out.push_str(piece);
        }
        Some(out)
    }

    /// Gives what each star stands for. The first part is a beginning, the last an end, and those
    /// between are taken at their first place, so that this is one pass however many stars there are.
    fn walk<'t>(&self, text: &'t str, mut star: impl FnMut(&'t str)) -> bool {
        let [first, between @ .., last] = &*self.parts else {
            return self.parts.first().is_some_and(|only| **only == *text);
        };
        let inside = text.strip_prefix(&**first);
        let Some(mut rest) = inside.and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        for part in between {
            let Some((before, after)) = rest.split_once(&**part) else {
                return false;
            };
            star(before);
            rest = after;
        }
        star(rest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, text, matches) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "GPT-4o", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "mini", false),
            ("ab*ba", "aba", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a**c", "abc", true),
            ("é*", "été", true),
            ("t*", "été", false),
            ("é*", "ét", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                matches,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn what_a_star_stands_for_is_carried_over() {
        for (pattern, text, own, expected) in [
            ("gpt-*", "gpt-4o", "openai/gpt-*", Some("openai/gpt-4o")),
            ("*", "x/y", "*", Some("x/y")),
            ("*/*", "a/b/c", "*:*", Some("a:b/c")),
            ("gpt-*", "gpt-4o", "deployment", Some("deployment")),
            ("gpt-*", "claude", "*", None),
            ("a", "a", "b", Some("b")),
        ] {
            let found = Glob::new(pattern).rewrite(text, own);
            assert_eq!(found.as_deref(), expected, "{pattern} {text} {own}");
        }
    }
}
