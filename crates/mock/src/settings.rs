//! The settings that are not faults: one table of name, example, meaning and
//! how a value is put into a [`Behaviour`].

use http::{HeaderName, HeaderValue, StatusCode};

use crate::{
    behaviour::{Behaviour, Spread},
    read,
};

/// Puts a value into a behaviour, or says why it cannot.
type Apply = fn(&mut Behaviour, &str) -> Result<(), String>;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The setting's name.
    pub name: &'static str,
    /// A value it takes.
    pub example: &'static str,
    /// What it does.
    pub says: &'static str,
    pub(crate) apply: Apply,
}

impl Setting {
    pub(crate) fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

const fn setting(
    name: &'static str,
    example: &'static str,
    says: &'static str,
    apply: Apply,
) -> Setting {
    Setting {
        name,
        example,
        says,
        apply,
    }
}

/// Every setting there is, faults aside.
pub const SETTINGS: &[Setting] = &[
    setting(
        "latency",
        "20ms..80ms",
        "time from the end of the request to the head of the answer, fixed or drawn from a range",
        |b, v| put(&mut b.latency, spread(v)),
    ),
    setting(
        "ttft",
        "300ms",
        "time from the head of a stream to its first event",
        |b, v| put(&mut b.ttft, read::duration(v)),
    ),
    setting(
        "cadence",
        "20ms",
        "time between the content events of a stream; what is due at once goes out in one write",
        |b, v| put(&mut b.cadence, read::duration(v)),
    ),
    setting(
        "events",
        "64",
        "number of content events in a stream",
        |b, v| put(&mut b.events, read::bounded(v, 100_000)),
    ),
    setting(
        "event_bytes",
        "12",
        "bytes of content in each event",
        |b, v| put(&mut b.event_bytes, read::bounded(v, 16 << 20)),
    ),
    setting(
        "size",
        "64k",
        "bytes of content in an answer, at most 64 MiB over all choices",
        |b, v| put(&mut b.size, read::bytes(v)),
    ),
    setting("text", "hello", "the content itself", |b, v| {
        put(&mut b.text, Ok(v.to_owned()))
    }),
    setting(
        "status",
        "503",
        "status of the answer, with an error object that fits it",
        |b, v| put(&mut b.status, status(v)),
    ),
    setting(
        "error_status",
        "429",
        "status that an error within a good answer or a stream tells of",
        |b, v| put(&mut b.error_status, status(v)),
    ),
    setting(
        "body",
        "anything",
        "body of the answer, instead of a made-up one",
        |b, v| put(&mut b.body, Ok(v.to_owned())),
    ),
    setting(
        "content_type",
        "text/plain",
        "content type of the answer",
        |b, v| put(&mut b.content_type, value(v)),
    ),
    setting(
        "retry_after",
        "7",
        "the retry-after header: seconds or a date",
        |b, v| put(&mut b.retry_after, value(v)),
    ),
    setting(
        "header",
        "x-a:1",
        "a header to add, may be given more than once; in JSON also headers: {}",
        |b, v| {
            b.headers.push(header(v)?);
            Ok(())
        },
    ),
    setting(
        "answer_model",
        "gpt-4o-2024-08-06",
        "model the answer names, instead of the one asked for",
        |b, v| put(&mut b.answer_model, Ok(v.to_owned())),
    ),
    setting("finish_reason", "length", "the finish reason", |b, v| {
        put(&mut b.finish_reason, Ok(v.to_owned()))
    }),
    setting(
        "prompt_tokens",
        "12",
        "reported tokens of the prompt",
        |b, v| put(&mut b.prompt_tokens, tokens(v)),
    ),
    setting(
        "cached_tokens",
        "8",
        "of the prompt, tokens read from a cache",
        |b, v| put(&mut b.cached_tokens, tokens(v)),
    ),
    setting(
        "completion_tokens",
        "40",
        "reported tokens of the answer",
        |b, v| put(&mut b.completion_tokens, tokens(v)),
    ),
    setting(
        "reasoning_tokens",
        "16",
        "of the answer, tokens spent on reasoning",
        |b, v| put(&mut b.reasoning_tokens, tokens(v)),
    ),
    setting(
        "tool_calls",
        "2",
        "number of tool calls when tools are called",
        |b, v| put(&mut b.tool_calls, read::bounded(v, 128)),
    ),
    setting(
        "looks",
        "3",
        "looks at a prediction (Replicate's) until it is finished",
        |b, v| put(&mut b.looks, read::bounded(v, 10_000)),
    ),
    setting(
        "dimensions",
        "1536",
        "length of embedding vectors when the request gives none",
        |b, v| put(&mut b.dimensions, read::bounded(v, 8192)),
    ),
    setting(
        "every",
        "100",
        "shows status, body and faults only in each so-manieth request",
        |b, v| put(&mut b.every, read::bounded(v, u32::MAX)),
    ),
    setting(
        "plain",
        "true",
        "takes nothing from the layers below",
        |b, v| {
            b.plain = read::switch(v)?;
            Ok(())
        },
    ),
];

fn put<T>(place: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    *place = Some(value?);
    Ok(())
}

fn spread(text: &str) -> Result<Spread, String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (read::duration(from)?, read::duration(to)?);
    if from > to {
        return Err(format!("{text} ends before it starts"));
    }
    Ok(Spread { from, to })
}

fn status(text: &str) -> Result<StatusCode, String> {
    StatusCode::from_bytes(text.as_bytes())
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or_else(|| format!("{text:?} is no status from 200 to 599"))
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("{text:?} is no header value"))
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, rest) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} is not name:value"))?;
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| format!("{name:?} is no header name"))?;
    Ok((name, value(rest.trim())?))
}

/// Counts of tokens are kept small enough for sums never to overflow.
fn tokens(text: &str) -> Result<u64, String> {
    read::bounded(text, u32::MAX).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_its_own_example() {
        for setting in SETTINGS {
            let mut behaviour = Behaviour::default();
            behaviour.set(setting.name, setting.example).unwrap();
            assert_ne!(behaviour, Behaviour::default(), "{}", setting.name);
        }
    }

    #[test]
    fn no_setting_has_the_name_of_a_fault() {
        for setting in SETTINGS {
            assert!(crate::Fault::named(setting.name).is_none());
        }
    }

    #[test]
    fn a_latency_is_a_time_or_a_range() {
        let mut behaviour = Behaviour::default();
        behaviour.set("latency", "20ms..80ms").unwrap();
        let spread = behaviour.latency.unwrap();
        assert_eq!((spread.from.as_millis(), spread.to.as_millis()), (20, 80));
        assert!(behaviour.set("latency", "80ms..20ms").is_err());
    }
}
