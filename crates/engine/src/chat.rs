//! What a chat request must be before it may cost anything.

use std::borrow::Cow;

use serde::Deserialize;
use wire::Envelope;
use wire::fault::Fault;

/// What the gateway itself needs to know of a chat request.
#[derive(Debug, PartialEq, Eq)]
pub struct ChatFacts {
    /// The model asked for.
    pub model: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
}

/// No vendor's name of a model is longer.
const NAME_MAX: usize = 256;

/// Numbers that have a documented range: name, lowest, highest.
const RANGES: [(&str, f64, f64); 4] = [
    ("temperature", 0.0, 2.0),
    ("top_p", 0.0, 1.0),
    ("presence_penalty", -2.0, 2.0),
    ("frequency_penalty", -2.0, 2.0),
];

const CEILINGS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// Reads and checks a chat request; everything else in it is the vendor's to judge.
pub fn read(body: &Envelope) -> Result<ChatFacts, Fault> {
    check_stop(body)?;
    check_messages(body)?;
    let model = required_text(body, "model")?;
    for (name, lowest, highest) in RANGES {
        check_range(body, name, lowest, highest)?;
    }
    for name in CEILINGS {
        check_ceiling(body, name)?;
    }
    check_stream_options(body)?;
    Ok(ChatFacts {
        model,
        stream: flag(body, "stream")?,
    })
}

fn required_text(body: &Envelope, name: &str) -> Result<String, Fault> {
    match body.text(name).map(Cow::into_owned) {
        Some(text) if text.len() > NAME_MAX => Err(Fault::invalid(
            format!("`{name}` is longer than {NAME_MAX} bytes"),
            Some(name),
        )),
        Some(text) if !text.trim().is_empty() => Ok(text),
        Some(_) => Err(Fault::invalid(
            format!("`{name}` is empty; name a model"),
            Some(name),
        )),
        None if is_absent(body, name) => {
            Err(Fault::invalid(format!("`{name}` is missing"), Some(name)))
        }
        None => Err(wrong(body, name, "a string")),
    }
}

fn check_messages(body: &Envelope) -> Result<(), Fault> {
    let Some(raw) = present(body, "messages") else {
        return Err(Fault::invalid("`messages` is missing", Some("messages")));
    };
    let Some(inside) = raw.strip_prefix(b"[") else {
        return Err(wrong(body, "messages", "an array of messages"));
    };
    if inside.trim_ascii_start().starts_with(b"]") {
        return Err(Fault::invalid(
            "`messages` is empty; send at least one message",
            Some("messages"),
        ));
    }
    Ok(())
}

fn check_stop(body: &Envelope) -> Result<(), Fault> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only the shape matters")]
    enum Stop<'a> {
        One(#[serde(borrow)] Cow<'a, str>),
        Many(Vec<Cow<'a, str>>),
    }
    match body.get::<Option<Stop<'_>>>("stop") {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(body, "stop", "a string or an array of strings")),
    }
}

fn check_range(body: &Envelope, name: &str, lowest: f64, highest: f64) -> Result<(), Fault> {
    let Some(raw) = present(body, name) else {
        return Ok(());
    };
    match number(raw) {
        Some(value) if (lowest..=highest).contains(&value) => Ok(()),
        Some(_) => Err(wrong(
            body,
            name,
            &format!("a number from {lowest} to {highest}"),
        )),
        None => Err(wrong(body, name, "a number")),
    }
}

fn check_ceiling(body: &Envelope, name: &str) -> Result<(), Fault> {
    let Some(raw) = present(body, name) else {
        return Ok(());
    };
    match number(raw) {
        Some(value) if value >= 1.0 && value.fract() == 0.0 => Ok(()),
        _ => Err(wrong(body, name, "a whole number above 0")),
    }
}

fn check_stream_options(body: &Envelope) -> Result<(), Fault> {
    match present(body, "stream_options") {
        Some(raw) if !raw.starts_with(b"{") => Err(wrong(body, "stream_options", "an object")),
        _ => Ok(()),
    }
}

fn flag(body: &Envelope, name: &str) -> Result<bool, Fault> {
    match present(body, name) {
        None => Ok(false),
        Some(_) => body
            .flag(name)
            .ok_or_else(|| wrong(body, name, "true or false")),
    }
}

/// The value's bytes, unless it is absent or null. Not its text: most of a body is messages, and
/// nothing here has to read them.
fn present<'a>(body: &'a Envelope, name: &str) -> Option<&'a [u8]> {
    body.value(name).filter(|raw| *raw != b"null")
}

fn number(raw: &[u8]) -> Option<f64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

fn is_absent(body: &Envelope, name: &str) -> bool {
    present(body, name).is_none()
}

fn wrong(body: &Envelope, name: &str, accepted: &str) -> Fault {
    const SHOWN: usize = 60;
    let raw = body.raw(name).unwrap_or("null");
    let shown: String = raw.chars().take(SHOWN).collect();
    let more = if shown.len() < raw.len() { "…" } else { "" };
    Fault::invalid(
        format!("`{name}` is {shown}{more}; it must be {accepted}"),
        Some(name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<ChatFacts, Fault> {
        read(&Envelope::parse(text.to_owned().into(), wire::envelope::Limits::default()).unwrap())
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value() {
        for (text, param, part) in [
            (r#"{"messages":[{}]}"#, "model", "missing"),
            (r#"{"model":null,"messages":[{}]}"#, "model", "missing"),
            (r#"{"model":"","messages":[{}]}"#, "model", "empty"),
            (r#"{"model":7,"messages":[{}]}"#, "model", "`model` is 7"),
            (r#"{"model":"m"}"#, "messages", "missing"),
            (
                r#"{"model":"m","messages":[ ]}"#,
                "messages",
                "at least one",
            ),
            (r#"{"model":"m","messages":"hi"}"#, "messages", "an array"),
            (
                r#"{"model":"m","messages":[{}],"temperature":2.1}"#,
                "temperature",
                "2.1; it must be a number from 0 to 2",
            ),
            (
                r#"{"model":"m","messages":[{}],"temperature":"hot"}"#,
                "temperature",
                "a number",
            ),
            (
                r#"{"model":"m","messages":[{}],"top_p":-0.1}"#,
                "top_p",
                "from 0 to 1",
            ),
            (
                r#"{"model":"m","messages":[{}],"presence_penalty":3}"#,
                "presence_penalty",
                "-2 to 2",
            ),
            (
                r#"{"model":"m","messages":[{}],"max_tokens":0}"#,
                "max_tokens",
                "above 0",
            ),
            (
                r#"{"model":"m","messages":[{}],"max_completion_tokens":1.5}"#,
                "max_completion_tokens",
                "above 0",
            ),
            (
                r#"{"model":"m","messages":[{}],"stop":5}"#,
                "stop",
                "a string or",
            ),
            (
                r#"{"model":"m","messages":[{}],"stop":["a",1]}"#,
                "stop",
                "a string or",
            ),
            (
                r#"{"model":"m","messages":[{}],"stream":"yes"}"#,
                "stream",
                "true or false",
            ),
            (
                r#"{"model":"m","messages":[{}],"stream_options":[]}"#,
                "stream_options",
                "an object",
            ),
        ] {
            let fault = read_text(text).expect_err(text);
            assert_eq!(fault.param.as_deref(), Some(param), "{text}");
            assert!(fault.message.contains(part), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn nulls_mean_absent_and_unknown_fields_are_nobodys_business() {
        let facts = read_text(
            r#"{"model":"m","messages":[{}],"stop":null,"stream":null,"temperature":null,"max_tokens":null,"stream_options":null,"x":{}}"#,
        );
        assert_eq!(
            facts.unwrap(),
            ChatFacts {
                model: "m".into(),
                stream: false
            }
        );
        assert!(
            read_text(
                r#"{"model":"m","messages":[{}],"stream":true,"temperature":1e0,"max_tokens":10.0}"#
            )
            .unwrap()
            .stream
        );
    }
}
