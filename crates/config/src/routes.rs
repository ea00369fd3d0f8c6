//! Routes: which calls are decided by another strategy than the global one, over which targets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::strategy::{Strategy, Weight};

/// A rule for some calls. The first route that matches decides; without one the global strategy does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["strategy"]))]
pub struct Route {
    /// What it is called in logs and explanations; unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// The calls it is for: all that is written here must hold; nothing written is every call.
    #[serde(rename = "match")]
    pub matches: Match,
    /// How a target is chosen for them.
    pub strategy: Strategy,
    /// Among which targets: names of targets, or groups of them; all targets when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub targets: Option<Vec<Member>>,
}

/// What must hold for a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The model, as it was asked for or as an alias means it; `*` stands for anything. One of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<OneOrMany>,
    /// The kind of call. One of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub surface: Vec<Surface>,
    /// Headers and their values; `*` stands for anything. All of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The API key's name. One of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The API key's metadata; `*` stands for anything. All of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How long the prompt is, in tokens, as far as can be told before it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<TokenRange>,
    /// The time of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// One text, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several, in order.
    Many(#[schemars(length(min = 1, max = 100))] Vec<String>),
}

impl OneOrMany {
    /// All of them, in the order written.
    pub fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// The kinds of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-later" = [
    "completions", "embeddings", "images", "rerank", "moderations", "transcriptions", "speech", "responses"
]))]
pub enum Surface {
    /// Chats.
    Chat,
}

impl Surface {
    /// Its name among the engine's surfaces.
    pub fn label(self) -> &'static str {
        match self {
            Surface::Chat => "chat",
        }
    }
}

/// From how many tokens to how many, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRange {
    /// At least so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min: Option<u64>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max: Option<u64>,
}

/// A time of day, and the days on which it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["from", "to"]))]
pub struct Hours {
    /// The first minute, such as `22:00`.
    pub from: ClockTime,
    /// The minute after the last; earlier than `from` is on the next day.
    pub to: ClockTime,
    /// The days on which it begins; every day when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// How far local time is ahead of UTC, such as `+02:00`.
    pub utc_offset: UtcOffset,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// One target of a route, or a group of them with a strategy of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Member {
    /// A target's name.
    Name(#[schemars(length(min = 1))] String),
    /// A target with another weight than its own, or a group.
    Entry(Box<Entry>),
}

/// A target with another weight than its own (`target`), or a group (`targets`, `strategy`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Entry {
    /// A target's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub target: Option<String>,
    /// The name of a group, for rules that choose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// How a target of the group is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub targets: Option<Vec<Member>>,
    /// Its share under `loadbalance`; the target's own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Whether it is a last resort; as the target says when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standby: Option<bool>,
}

impl Member {
    /// What rules call it.
    pub fn name(&self) -> Option<&str> {
        match self {
            Member::Name(name) => Some(name),
            Member::Entry(entry) => entry.target.as_deref().or(entry.name.as_deref()),
        }
    }
}

/// A minute of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime {
    /// Minutes since midnight; 1440 is the end of the day.
    pub minutes: u16,
}

/// How far local time is ahead of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset {
    /// In minutes.
    pub minutes: i16,
}

/// What is wrong with a text that should be a time of day or an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Not a time of day.
    #[error("not a time of day: expected HH:MM, from 00:00 to 24:00")]
    Time,
    /// Not an offset.
    #[error("not an offset from UTC: expected +HH:MM or -HH:MM, up to 14:00")]
    Offset,
}

/// The JSON Schema `format` of a [`ClockTime`].
pub(crate) const CLOCK: &str = "clock-time";
/// The JSON Schema `format` of a [`UtcOffset`].
pub(crate) const OFFSET: &str = "utc-offset";

/// `HH:MM` in minutes.
fn hours_and_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let good = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        good.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

impl FromStr for ClockTime {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<ClockTime, ClockError> {
        hours_and_minutes(text)
            .filter(|minutes| *minutes <= 24 * 60)
            .map(|minutes| ClockTime { minutes })
            .ok_or(ClockError::Time)
    }
}

impl FromStr for UtcOffset {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<UtcOffset, ClockError> {
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(ClockError::Offset),
        };
        hours_and_minutes(rest)
            .filter(|minutes| *minutes <= 14 * 60)
            .and_then(|minutes| i16::try_from(minutes).ok())
            .map(|minutes| UtcOffset {
                minutes: sign * minutes,
            })
            .ok_or(ClockError::Offset)
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A text with a form of its own, in a config and its schema.
macro_rules! written_as_text {
    ($type:ident, $format:expr, $examples:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "format": $format, "examples": $examples})
            }
        }
    };
}

written_as_text!(ClockTime, CLOCK, ["08:00", "22:30"]);
written_as_text!(UtcOffset, OFFSET, ["+02:00", "-05:00"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_and_offsets_are_read_and_written_back() {
        for text in ["00:00", "08:05", "23:59", "24:00"] {
            assert_eq!(text.parse::<ClockTime>().unwrap().to_string(), text);
        }
        for text in ["+00:00", "-05:30", "+14:00"] {
            assert_eq!(text.parse::<UtcOffset>().unwrap().to_string(), text);
        }
        for text in [
            "", "8:00", "24:01", "12:60", "12", "+1:00", "aa:bb", "é0:00",
        ] {
            assert!(text.parse::<ClockTime>().is_err(), "{text}");
        }
        for text in ["", "02:00", "+14:01", "+2:00", "é", "Z"] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text}");
        }
    }
}
