//! Secrets taken out of text before it is written down.
//!
//! Two layers: exact values of what is known to be secret, and credentials
//! inside URLs, which nobody announced. Knows nothing of what secrets look
//! like otherwise.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::memmem::Finder;

/// Words of a variable's name that make its value a secret.
const SECRET_WORDS: [&str; 10] = [
    "KEY",
    "KEYS",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "DSN",
    "AUTHORIZATION",
];

/// Words of a query parameter's name that make its value a secret.
const SECRET_PARAMETERS: [&str; 12] = [
    "KEY",
    "APIKEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PWD",
    "CREDENTIAL",
    "SIGNATURE",
    "SIG",
    "AUTH",
    "AUTHORIZATION",
];

/// Shorter values are too likely to be a part of something harmless.
const MIN_SECRET: usize = 12;

/// Takes known secrets out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The longest first: one secret may be the beginning of another.
    secrets: Vec<Secret>,
}

#[derive(Clone)]
struct Secret {
    finder: Finder<'static>,
    replacement: Box<str>,
}

impl Redactor {
    /// From environment variables, of which it picks those whose name and value
    /// are those of a secret; they become `[REDACTED:<NAME>]`.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Redactor {
        let mut redactor = Redactor::default();
        for (name, value) in variables {
            if let Some(secret) = secret_of(name.as_ref(), value.as_ref()) {
                redactor.add(secret, &format!("[REDACTED:{}]", name.as_ref()));
            }
        }
        redactor
    }

    /// Also takes out these values, which have no name, as `[REDACTED_SECRET]`.
    pub fn and_values<V: AsRef<str>>(mut self, values: impl IntoIterator<Item = V>) -> Redactor {
        for value in values {
            if is_secret(value.as_ref()) {
                self.add(value.as_ref(), "[REDACTED_SECRET]");
            }
        }
        self
    }

    /// The text without secrets; itself when it held none.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in &self.secrets {
            let found = secret.ranges(&clean);
            if !found.is_empty() {
                clean = Cow::Owned(replace(&clean, found, &secret.replacement));
            }
        }
        let found = url_credentials(&clean);
        if !found.is_empty() {
            clean = Cow::Owned(replace(&clean, found, "[REDACTED]"));
        }
        clean
    }

    fn add(&mut self, value: &str, replacement: &str) {
        // Values that come through `Debug` have their quotes and backslashes escaped.
        let quoted = format!("{value:?}");
        let escaped = &quoted[1..quoted.len() - 1];
        let forms = [Some(value), (escaped != value).then_some(escaped)];
        for form in forms.into_iter().flatten() {
            self.secrets.push(Secret {
                finder: Finder::new(form).into_owned(),
                replacement: replacement.into(),
            });
        }
        self.secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.finder.needle().len()));
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Secret {
    fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let length = self.finder.needle().len();
        let found = self.finder.find_iter(text.as_bytes());
        found.map(|start| start..start + length).collect()
    }
}

/// What of a variable is secret: of a DSN its password, of others the value.
fn secret_of<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let of_name = |word| words(name).any(|have| have.eq_ignore_ascii_case(word));
    if !SECRET_WORDS.into_iter().any(of_name) || is_reference(value) {
        return None;
    }
    let secret = if of_name("DSN") {
        &value[url_passwords(value).next()?]
    } else {
        value
    };
    is_secret(secret).then_some(secret)
}

fn is_secret(value: &str) -> bool {
    value.len() >= MIN_SECRET && !value.contains(char::is_whitespace)
}

/// A value that only names another variable.
fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}')
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
}

/// Everything in URLs of this text that should not be read, in order.
fn url_credentials(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = url_passwords(text).chain(secret_parameters(text)).collect();
    found.sort_by_key(|range| range.start);
    found
}

/// The passwords of `scheme://user:password@host`.
fn url_passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, scheme)| {
        let start = at + scheme.len();
        let authority = until(&text[start..], |c| matches!(c, '/' | '?' | '#'));
        let user = &authority[..authority.rfind('@')?];
        let colon = user.find(':')?;
        let password = start + colon + 1..start + user.len();
        (!password.is_empty()).then_some(password)
    })
}

/// The values of query parameters that are named like credentials.
fn secret_parameters(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(['?', '&']).filter_map(|(at, _)| {
        let (name, rest) = text[at + 1..].split_once('=')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let secret = |have: &str| {
            SECRET_PARAMETERS
                .iter()
                .any(|w| w.eq_ignore_ascii_case(have))
        };
        if !name.chars().all(is_name) || !words(name).any(secret) {
            return None;
        }
        let start = at + 1 + name.len() + 1;
        let value = until(rest, |c| matches!(c, '&' | '#'));
        (!value.is_empty()).then_some(start..start + value.len())
    })
}

/// The part of a URL before `end`, or before what no URL contains.
fn until(text: &str, end: impl Fn(char) -> bool) -> &str {
    let stops =
        |c: char| end(c) || c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\');
    &text[..text.find(stops).unwrap_or(text.len())]
}

fn replace(text: &str, ranges: Vec<Range<usize>>, replacement: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for range in ranges {
        // A password may hold what looks like a parameter.
        if range.start >= copied {
            out.push_str(&text[copied..range.start]);
            out.push_str(replacement);
            copied = range.end;
        }
    }
    out.push_str(&text[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-0123456789abcdef";

    #[test]
    fn the_name_and_the_value_decide_what_is_a_secret() {
        for (name, value, secret) in [
            ("OPENAI_API_KEY", KEY, Some(KEY)),
            ("openai_api_key", KEY, Some(KEY)),
            ("SIGNING_KEYS", KEY, Some(KEY)),
            ("GITHUB_TOKEN", KEY, Some(KEY)),
            ("X-AUTHORIZATION", KEY, Some(KEY)),
            ("MONKEY", KEY, None),
            ("KEYBOARD", KEY, None),
            ("PATH", KEY, None),
            ("A_KEY", "short", None),
            ("A_KEY", "elevenchars", None),
            ("A_KEY", "twelve_chars", Some("twelve_chars")),
            ("A_KEY", "has white space in it", None),
            ("A_KEY", "${OTHER_API_KEY}", None),
            (
                "PG_DSN",
                "postgres://u:hunter2hunter2@db/x",
                Some("hunter2hunter2"),
            ),
            ("PG_DSN", "postgres://u:short@db/x", None),
            ("PG_DSN", "host=db user=u", None),
        ] {
            assert_eq!(secret_of(name, value), secret, "{name}={value}");
        }
    }

    #[test]
    fn secrets_are_replaced_by_the_name_of_their_variable() {
        let redactor = Redactor::new([("A_KEY", KEY), ("HOME", "/home/of/somebody")])
            .and_values(["registered-value", "short"]);
        for (text, expected) in [
            ("nothing here", "nothing here"),
            (
                "sk-0123456789abcdef, sk-0123456789abcdef.",
                "[REDACTED:A_KEY], [REDACTED:A_KEY].",
            ),
            ("at /home/of/somebody", "at /home/of/somebody"),
            ("a registered-value", "a [REDACTED_SECRET]"),
            ("short", "short"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
        assert!(matches!(redactor.redact("clean"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_that_begins_like_another_hides_neither() {
        let longer = format!("{KEY}-and-more");
        let redactor = Redactor::new([("SHORT_KEY", KEY), ("LONG_KEY", &longer)]);
        assert_eq!(
            redactor.redact(&format!("{longer} {KEY}")),
            "[REDACTED:LONG_KEY] [REDACTED:SHORT_KEY]"
        );
    }

    #[test]
    fn a_secret_is_found_in_debug_output_too() {
        let secret = r#"quote"and\slash"#;
        let redactor = Redactor::new([("A_SECRET", secret)]);
        assert_eq!(
            redactor.redact(&format!("{secret:?}")),
            "\"[REDACTED:A_SECRET]\""
        );
    }

    #[test]
    fn credentials_in_urls_are_taken_out() {
        for (text, expected) in [
            (
                "dial redis://user:pw@host:6379/0 failed",
                "dial redis://user:[REDACTED]@host:6379/0 failed",
            ),
            ("redis://:p@ss@host", "redis://:[REDACTED]@host"),
            ("http://user@host:80/a:b@c", "http://user@host:80/a:b@c"),
            ("http://host:80/", "http://host:80/"),
            (
                "GET https://h/v1?alt=sse&key=AIzaXYZ&x=1",
                "GET https://h/v1?alt=sse&key=[REDACTED]&x=1",
            ),
            (
                r#""/a?X-Amz-Signature=ff00#x" "/b?api_key=1""#,
                r#""/a?X-Amz-Signature=[REDACTED]#x" "/b?api_key=[REDACTED]""#,
            ),
            ("/a?monkey=1&key=", "/a?monkey=1&key="),
            ("what? a = b & token = c", "what? a = b & token = c"),
            (
                "amqp://u:a&token=b@h/?token=c",
                "amqp://u:[REDACTED]@h/?token=[REDACTED]",
            ),
        ] {
            assert_eq!(Redactor::default().redact(text), expected);
        }
    }

    #[test]
    fn its_debug_output_shows_no_secret() {
        let redactor = Redactor::new([("A_KEY", KEY)]);
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }

    proptest! {
        #[test]
        fn no_secret_survives_wherever_it_stands(
            before in ".{0,20}",
            secret in "[!-~]{12,30}",
            after in ".{0,20}",
        ) {
            let redactor = Redactor::new([("A_KEY", &secret)]);
            prop_assume!(!is_reference(&secret));
            let redacted = redactor.redact(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!redacted.contains(&secret), "{redacted:?}");
            let debug = redactor.redact(&format!("{:?}", format!("{before}{secret}{after}"))).into_owned();
            prop_assert!(debug.contains("REDACTED"), "{debug:?}");
        }

        #[test]
        fn no_text_makes_it_panic(text in "([?&:/@=# é]|key|.){0,30}") {
            Redactor::default().redact(&text);
        }
    }
}
