//! How one answer is to be given, and how the layers that say so are laid
//! over one another.

use std::{fmt, str::FromStr, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    fault::{Fault, Faults},
    read,
    settings::Setting,
};

/// A time drawn evenly from a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
}

impl From<Duration> for Spread {
    fn from(time: Duration) -> Spread {
        Spread {
            from: time,
            to: time,
        }
    }
}

/// How an answer is given. What is `None` or empty is left to the next layer
/// and, below all of them, to the mock's own idea of a plain answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Time from the end of the request to the head of the answer.
    pub latency: Option<Spread>,
    /// Time from the head of a stream to its first event.
    pub ttft: Option<Duration>,
    /// Time between the content events of a stream.
    pub cadence: Option<Duration>,
    /// Number of content events in a stream.
    pub events: Option<u32>,
    /// Bytes of content in each of them.
    pub event_bytes: Option<u32>,
    /// Bytes of content in an answer.
    pub size: Option<u64>,
    /// The content itself.
    pub text: Option<String>,
    /// The status of the answer, 200 to 599.
    pub status: Option<StatusCode>,
    /// The status that an error within an answer of a good one tells of.
    pub error_status: Option<StatusCode>,
    /// The body of the answer, instead of a made-up one.
    pub body: Option<String>,
    /// Its content type.
    pub content_type: Option<HeaderValue>,
    /// The `retry-after` header: seconds or a date.
    pub retry_after: Option<HeaderValue>,
    /// Headers to add.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The model the answer names, instead of the one asked for.
    pub answer_model: Option<String>,
    /// The finish reason.
    pub finish_reason: Option<String>,
    /// Reported tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Of these, read from a cache.
    pub cached_tokens: Option<u64>,
    /// Reported tokens of the answer.
    pub completion_tokens: Option<u64>,
    /// Of these, spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Number of tool calls when tools are called.
    pub tool_calls: Option<u32>,
    /// Looks at a prediction until it is finished.
    pub looks: Option<u32>,
    /// Length of embedding vectors nobody gave a length for.
    pub dimensions: Option<u32>,
    /// Shows `status`, `body` and faults only in each so-manieth answer.
    pub every: Option<u32>,
    /// Takes nothing from the layers below.
    pub plain: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Behaviour {
    /// Answers with this status and an error object that fits it.
    pub fn status(status: StatusCode) -> Behaviour {
        Behaviour {
            status: Some(status),
            ..Behaviour::default()
        }
    }

    /// Shows one fault, with its usual number.
    pub fn fault(fault: Fault) -> Behaviour {
        Behaviour {
            faults: [fault].into_iter().collect(),
            ..Behaviour::default()
        }
    }

    /// Shows one fault, with a number of its [`Unit`](crate::Unit).
    pub fn fault_with(fault: Fault, number: u64) -> Behaviour {
        let mut behaviour = Behaviour::default();
        behaviour.faults.add_with(fault, number);
        behaviour
    }

    /// Sets one setting or fault by its name. An empty value switches on.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let refused = |reason| SettingError {
            name: name.to_owned(),
            reason,
        };
        if let Some(fault) = Fault::named(name) {
            return self.faults.read(fault, value).map_err(refused);
        }
        let unknown = "no such setting, GET /_mock lists them";
        Setting::named(name)
            .ok_or_else(|| unknown.to_owned())
            .and_then(|setting| (setting.apply)(self, value))
            .map_err(refused)
    }

    /// Reads either form: a JSON object or `name=value;name=value`.
    pub fn read(text: &str) -> Result<Behaviour, SettingError> {
        if !text.trim_start().starts_with('{') {
            return text.parse();
        }
        let members: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| SettingError {
                name: "JSON".to_owned(),
                reason: error.to_string(),
            })?;
        Behaviour::from_members(&members)
    }

    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Behaviour, SettingError> {
        let mut behaviour = Behaviour::default();
        for (name, value) in members {
            match value {
                Value::Null => {}
                Value::String(text) => behaviour.set(name, text)?,
                Value::Object(headers) if name == "headers" => {
                    for (header, value) in headers {
                        let value = value.as_str().unwrap_or_default();
                        behaviour.set("header", &format!("{header}:{value}"))?;
                    }
                }
                other => behaviour.set(name, &other.to_string())?,
            }
        }
        Ok(behaviour)
    }

    /// This layer, and below it another.
    pub fn over(self, under: &Behaviour) -> Behaviour {
        if self.plain {
            return self;
        }
        let text = |upper: Option<String>, lower: &Option<String>| upper.or_else(|| lower.clone());
        let value =
            |upper: Option<HeaderValue>, lower: &Option<HeaderValue>| upper.or(lower.clone());
        Behaviour {
            latency: self.latency.or(under.latency),
            ttft: self.ttft.or(under.ttft),
            cadence: self.cadence.or(under.cadence),
            events: self.events.or(under.events),
            event_bytes: self.event_bytes.or(under.event_bytes),
            size: self.size.or(under.size),
            text: text(self.text, &under.text),
            status: self.status.or(under.status),
            error_status: self.error_status.or(under.error_status),
            body: text(self.body, &under.body),
            content_type: value(self.content_type, &under.content_type),
            retry_after: value(self.retry_after, &under.retry_after),
            headers: [self.headers, under.headers.clone()].concat(),
            answer_model: text(self.answer_model, &under.answer_model),
            finish_reason: text(self.finish_reason, &under.finish_reason),
            prompt_tokens: self.prompt_tokens.or(under.prompt_tokens),
            cached_tokens: self.cached_tokens.or(under.cached_tokens),
            completion_tokens: self.completion_tokens.or(under.completion_tokens),
            reasoning_tokens: self.reasoning_tokens.or(under.reasoning_tokens),
            tool_calls: self.tool_calls.or(under.tool_calls),
            looks: self.looks.or(under.looks),
            dimensions: self.dimensions.or(under.dimensions),
            every: self.every.or(under.every),
            plain: under.plain,
            faults: self.faults.over(&under.faults),
        }
    }

    /// The same without anything that goes wrong.
    pub(crate) fn spared(mut self) -> Behaviour {
        self.status = None;
        self.body = None;
        self.retry_after = None;
        self.faults.clear();
        self
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }
}

impl FromStr for Behaviour {
    type Err = SettingError;

    /// Reads `name=value;name=value`; values may hold `%3B` and other escapes.
    fn from_str(text: &str) -> Result<Behaviour, SettingError> {
        let mut behaviour = Behaviour::default();
        let parts = text.split(';').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            behaviour.set(name.trim(), &read::unescape(value.trim()))?;
        }
        Ok(behaviour)
    }
}

impl<'de> Deserialize<'de> for Behaviour {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Behaviour, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Behaviour::read(&text).map_err(D::Error::custom),
            Value::Object(members) => Behaviour::from_members(&members).map_err(D::Error::custom),
            _ => Err(D::Error::custom("settings are an object or a string")),
        }
    }
}

/// A setting that is unknown or has a value it cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    name: String,
    reason: String,
}

impl SettingError {
    pub(crate) fn new(name: &str, reason: &str) -> SettingError {
        SettingError {
            name: name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mock setting {:?}: {}", self.name, self.reason)
    }
}

impl std::error::Error for SettingError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_compact_form_and_json_say_the_same() {
        let compact: Behaviour = "status=429;retry_after=7;header=x-a:1;cut=100;crlf;events=64"
            .parse()
            .unwrap();
        let json = Behaviour::read(
            r#"{"status":429,"retry_after":"7","headers":{"x-a":"1"},"cut":100,"crlf":true,"events":64}"#,
        )
        .unwrap();

        assert_eq!(compact, json);
        assert_eq!(compact.status, Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(compact.faults.number(Fault::Cut), Some(100));
    }

    #[test]
    fn a_body_may_hold_separators_when_they_are_escaped() {
        let behaviour: Behaviour = "body=a%3Bb=c".parse().unwrap();
        assert_eq!(behaviour.body.as_deref(), Some("a;b=c"));
    }

    #[test]
    fn unknown_names_and_bad_values_are_named() {
        for (text, expected) in [
            ("latncy=2", "mock setting \"latncy\": no such setting"),
            ("status=99", "mock setting \"status\""),
            ("cut=lots", "mock setting \"cut\""),
            ("reset=maybe", "mock setting \"reset\""),
        ] {
            let error = text.parse::<Behaviour>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn an_upper_layer_wins_setting_by_setting() {
        let upper: Behaviour = "status=500;header=x-a:1".parse().unwrap();
        let lower: Behaviour = "status=429;events=3;header=x-b:2;stall".parse().unwrap();

        let both = upper.over(&lower);

        assert_eq!(both.status, Some(StatusCode::INTERNAL_SERVER_ERROR));
        assert_eq!(both.events, Some(3));
        assert_eq!(both.headers.len(), 2);
        assert!(both.has(Fault::Stall));
    }

    #[test]
    fn a_plain_layer_takes_nothing_from_below() {
        let upper: Behaviour = "plain".parse().unwrap();
        let lower: Behaviour = "status=429;stall".parse().unwrap();
        assert_eq!(upper.clone().over(&lower), upper);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = Behaviour::read(&text);
        }

        #[test]
        fn no_value_makes_a_setting_panic(value in ".{0,40}") {
            for name in crate::SETTINGS.iter().map(|setting| setting.name)
                .chain(Fault::ALL.iter().map(|row| row.name))
            {
                let _ = Behaviour::default().set(name, &value);
            }
        }
    }
}
