//! What the texts of a config must look like, by the `format` that the schema
//! gives them. One table, so that a text is judged in its place, with all the
//! others, before anything is decoded.

use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use crate::guard::{self, HedgeAfter};
use crate::key::{self, KeyHash, KeyHashError};
use crate::models;
use crate::routes::{self, ClockTime, UtcOffset};
use crate::server::{self, Listen};
use crate::strategy::{self, Sticky};
use crate::target::{self, Proxy, is_host_and_port};
use crate::{duration, parse_duration, secret, timestamp};

/// What is wrong with a text, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>) -> Fault {
        Fault {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: &str) -> Fault {
        Fault {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A format: its name in the schema, what a person calls it, and its judge.
pub(crate) struct Form {
    name: &'static str,
    pub(crate) called: &'static str,
    judge: fn(&str) -> Option<Fault>,
}

const FORMS: [Form; 14] = [
    Form {
        name: duration::FORMAT,
        called: "a duration such as 30s",
        judge: a_duration,
    },
    Form {
        name: timestamp::FORMAT,
        called: "a moment such as 2027-01-01T00:00:00Z",
        judge: moment,
    },
    Form {
        name: secret::FORMAT,
        called: "text",
        judge: references,
    },
    Form {
        name: key::FORMAT,
        called: "the SHA-256 of a key",
        judge: key_hash,
    },
    Form {
        name: server::LISTEN,
        called: "an address such as :8080",
        judge: listen,
    },
    Form {
        name: server::NETWORK,
        called: "a network such as 10.0.0.0/8",
        judge: network,
    },
    Form {
        name: server::ORIGIN,
        called: "an origin such as https://app.example",
        judge: origin,
    },
    Form {
        name: target::PROXY,
        called: "a proxy such as http://proxy:3128",
        judge: proxy,
    },
    Form {
        name: target::BASE_URL,
        called: "a URL such as https://api.example.com/v1",
        judge: url,
    },
    Form {
        name: guard::HEDGE_AFTER,
        called: "a percentile such as p95, or a duration such as 2s",
        judge: parsed::<HedgeAfter>,
    },
    Form {
        name: strategy::STICKY,
        called: "key, user, header:NAME or none",
        judge: parsed::<Sticky>,
    },
    Form {
        name: routes::CLOCK,
        called: "a time of day such as 22:30",
        judge: parsed::<ClockTime>,
    },
    Form {
        name: routes::OFFSET,
        called: "an offset from UTC such as +02:00",
        judge: parsed::<UtcOffset>,
    },
    Form {
        name: models::PRICE,
        called: "a price such as 2.50",
        judge: price,
    },
];

/// The format of that name, if it is one of ours.
pub(crate) fn named(name: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.name == name)
}

impl Form {
    pub(crate) fn judge(&self, text: &str) -> Option<Fault> {
        (self.judge)(text)
    }
}

/// A duration outside the bounds that the schema sets (`x-minimum`, `x-maximum`).
pub(crate) fn outside(text: &str, minimum: Option<&str>, maximum: Option<&str>) -> bool {
    let bound = |text: Option<&str>, or| text.and_then(|t| parse_duration(t).ok()).unwrap_or(or);
    let range = bound(minimum, Duration::ZERO)..=bound(maximum, Duration::MAX);
    parse_duration(text).is_ok_and(|length| !range.contains(&length))
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Option<Fault> {
    text.parse::<T>()
        .err()
        .map(|error| Fault::new(error.to_string()))
}

fn price(text: &str) -> Option<Fault> {
    let error = models::read_price(text).err()?;
    Some(Fault::new(error.to_string()))
}

fn a_duration(text: &str) -> Option<Fault> {
    let error = parse_duration(text).err()?;
    Some(Fault {
        message: error.to_string(),
        hint: error.hint(),
    })
}

fn moment(text: &str) -> Option<Fault> {
    let fault = || {
        Fault::new(format!("`{text}` is not a moment in RFC 3339"))
            .hint("write 2027-01-01T00:00:00Z or 2027-01-01T00:00:00+02:00")
    };
    timestamp::parse(text).is_none().then(fault)
}

fn references(text: &str) -> Option<Fault> {
    if text.starts_with("[REDACTED") {
        let fault =
            Fault::new("this stands for a value that was hidden when the config was printed");
        return Some(fault.hint("write the value, or ${NAME}"));
    }
    secret::broken_reference(text)?;
    // Not quoted: a default value inside the braces may be the secret itself.
    Some(Fault::new("`${` does not start a reference here").hint("write ${NAME}, nothing else"))
}

fn key_hash(text: &str) -> Option<Fault> {
    let error = text.parse::<KeyHash>().err()?;
    let fault = Fault::new(error.to_string());
    Some(match error {
        KeyHashError::IsKey => fault.hint("write what `printf %s \"$KEY\" | sha256sum` prints"),
        KeyHashError::NotHex { .. } => fault,
    })
}

fn listen(text: &str) -> Option<Fault> {
    let fault = parsed::<Listen>(text)?;
    let port = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    Some(if port {
        fault.hint(&format!("write \":{text}\""))
    } else {
        fault
    })
}

fn network(text: &str) -> Option<Fault> {
    let _ = text.parse::<IpNet>().err()?;
    let fault = Fault::new(format!(
        "`{text}` is not a network such as 10.0.0.0/8 or ::1/128"
    ));
    Some(match text.parse::<std::net::IpAddr>() {
        Ok(ip) if ip.is_ipv4() => fault.hint(&format!("write {ip}/32")),
        Ok(ip) => fault.hint(&format!("write \"{ip}/128\"")),
        Err(_) => fault,
    })
}

fn origin(text: &str) -> Option<Fault> {
    // Any origin at all; in production the gateway refuses to start with it.
    if text == "*" {
        return None;
    }
    if text.contains('*') {
        return Some(Fault::new("wildcards are not accepted, list every origin"));
    }
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let good = host.is_some_and(|host| !host.contains("${") && is_host_and_port(host));
    let fault = || {
        Fault::new(format!(
            "`{text}` is not an origin: expected a scheme and a host, nothing after"
        ))
    };
    (!good).then(fault)
}

fn proxy(text: &str) -> Option<Fault> {
    references(text).or_else(|| parsed::<Proxy>(text))
}

/// What follows from the provider is checked where the provider is known.
fn url(text: &str) -> Option<Fault> {
    if let Some(fault) = references(text) {
        return Some(fault);
    }
    let after = text.split_once("://").map_or(text, |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or(after);
    let (userinfo, _) = authority.rsplit_once('@')?;
    let password = userinfo
        .split_once(':')
        .map_or(userinfo, |(_, password)| password);
    // A base URL is printed, so that no secret may stand in it.
    let fault = || Fault::new("a password stands here as it is").hint("write ${NAME} in its place");
    (!secret::is_reference(password)).then(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(form: &str, text: &str) -> Option<String> {
        let fault = named(form).unwrap().judge(text)?;
        Some(
            fault.message
                + fault
                    .hint
                    .map(|h| format!(" ({h})"))
                    .unwrap_or_default()
                    .as_str(),
        )
    }

    #[test]
    fn good_texts_pass() {
        for (form, text) in [
            (duration::FORMAT, "1m"),
            (timestamp::FORMAT, "2027-01-01T00:00:00Z"),
            (secret::FORMAT, "Bearer ${TOKEN} $x"),
            (server::LISTEN, "[::1]:80"),
            (server::NETWORK, "10.0.0.0/8"),
            (server::NETWORK, "::1/128"),
            (server::ORIGIN, "https://app.example"),
            (server::ORIGIN, "http://localhost:3000"),
            (server::ORIGIN, "*"),
            (target::PROXY, "none"),
            (target::PROXY, "http://u:${P}@proxy:3128"),
            (target::BASE_URL, "https://api.example.com/v1"),
            (target::BASE_URL, "http://[::1]:8000"),
            (target::BASE_URL, "https://${HOST}/v1/${PATH_PART}"),
            (target::BASE_URL, "${BASE}/v1"),
            (target::BASE_URL, "localhost:11434"),
            (target::BASE_URL, "https://${USER}:${PASS}@host/v1"),
            (target::BASE_URL, "https://host/@x"),
        ] {
            assert_eq!(judged(form, text), None, "{form} {text}");
        }
    }

    #[test]
    fn bad_texts_are_told_apart() {
        for (form, text, expected) in [
            (duration::FORMAT, "30", "`30` has no unit (write 30s)"),
            (timestamp::FORMAT, "2027-01-01", "not a moment"),
            (
                secret::FORMAT,
                "${A:-sk-live}",
                "`${` does not start a reference here",
            ),
            (
                secret::FORMAT,
                "[REDACTED]",
                "hidden when the config was printed",
            ),
            (
                target::PROXY,
                "[REDACTED]",
                "hidden when the config was printed",
            ),
            (key::FORMAT, "fgw_00", "this is a key, not its hash"),
            (server::LISTEN, "8080", "(write \":8080\")"),
            (server::NETWORK, "10.0.0.1", "(write 10.0.0.1/32)"),
            (server::NETWORK, "::1", "(write \"::1/128\")"),
            (server::NETWORK, "10.0.0.0/33", "not a network"),
            (
                server::ORIGIN,
                "https://*.app.example",
                "wildcards are not accepted",
            ),
            (server::ORIGIN, "https://app.example/", "nothing after"),
            (server::ORIGIN, "app.example", "expected a scheme"),
            (target::PROXY, "socks5://x:1", "expected http://host:port"),
            (
                target::BASE_URL,
                "https://u:p@host",
                "a password stands here",
            ),
            (
                target::BASE_URL,
                "https://p@host/x",
                "a password stands here",
            ),
            (target::BASE_URL, "u:p${X}@host", "a password stands here"),
            (
                target::BASE_URL,
                "https://${HOST/v1",
                "`${` does not start a reference here",
            ),
        ] {
            let found = judged(form, text).unwrap_or_default();
            assert!(found.contains(expected), "{form} {text}: {found}");
        }
    }

    #[test]
    fn a_duration_is_held_against_its_bounds() {
        assert!(outside("59s", Some("1m"), None));
        assert!(!outside("60s", Some("1m"), Some("1h")));
        assert!(outside("61m", Some("1m"), Some("1h")));
        assert!(
            !outside("nonsense", Some("1m"), None),
            "told already as no duration at all"
        );
    }
}
