//! What must hold for a call so that a route is for it.

use std::time::{Duration, SystemTime};

use config::{Day, Hours, Match, TokenRange};
use http::HeaderName;

use crate::ask::Ask;
use crate::glob::Glob;

/// What must hold for a call: all of it.
#[derive(Debug)]
pub(super) struct Matcher {
    models: Option<Vec<Glob>>,
    surfaces: Vec<&'static str>,
    headers: Vec<(HeaderName, Glob)>,
    keys: Vec<Box<str>>,
    metadata: Vec<(Box<str>, Glob)>,
    prompt_tokens: Option<TokenRange>,
    hours: Option<Hours>,
}

/// What is known of a route by the model alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It takes no call for the model.
    Never,
    /// It takes some.
    Sometimes,
    /// It takes every one.
    Always,
}

impl Matcher {
    pub(super) fn build(written: &Match) -> Matcher {
        let models = written.model.as_ref().map(config::OneOrMany::as_slice);
        let header = |(name, value): (&String, &String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, Glob::new(value)))
        };
        let metadata = |(name, value): (&String, &String)| (name.as_str().into(), Glob::new(value));
        Matcher {
            models: models.map(|models| models.iter().map(|model| Glob::new(model)).collect()),
            surfaces: written.surface.iter().map(|kind| kind.label()).collect(),
            headers: written.headers.iter().filter_map(header).collect(),
            keys: written.keys.iter().map(|key| key.as_str().into()).collect(),
            metadata: written.metadata.iter().map(metadata).collect(),
            prompt_tokens: written.prompt_tokens,
            hours: written.hours.clone(),
        }
    }

    pub(super) fn reads_clock(&self) -> bool {
        self.hours.is_some()
    }

    /// Whether all of it holds; what costs a look at the messages comes last.
    pub(super) fn matches(&self, ask: &Ask<'_>) -> bool {
        self.takes_model(ask.model, ask.asked)
            && (self.surfaces.is_empty() || self.surfaces.contains(&ask.surface))
            && (self.keys.is_empty() || self.keys.iter().any(|key| **key == *ask.principal.id))
            && self.headers.iter().all(|(name, value)| {
                let sent = ask.headers.get_all(name).iter();
                let mut sent = sent.filter_map(|sent| sent.to_str().ok());
                sent.any(|sent| value.matches(sent))
            })
            && self.metadata.iter().all(|(name, value)| {
                let known = ask.principal.metadata.as_ref();
                let known = known.and_then(|known| known.get(&**name));
                known.is_some_and(|known| value.matches(known))
            })
            && self.hours.as_ref().is_none_or(|hours| {
                let now = ask.now.unwrap_or(SystemTime::UNIX_EPOCH);
                is_within(hours, now)
            })
            && self.prompt_tokens.is_none_or(|range| {
                let tokens = ask.text.prompt_tokens();
                range.min.is_none_or(|min| tokens >= min)
                    && range.max.is_none_or(|max| tokens <= max)
            })
    }

    /// What is known by the model alone.
    pub(super) fn of_model(&self, model: &str) -> Verdict {
        let asks_no_more = self.surfaces.is_empty()
            && self.headers.is_empty()
            && self.keys.is_empty()
            && self.metadata.is_empty()
            && self.prompt_tokens.is_none()
            && self.hours.is_none();
        match (self.takes_model(model, model), asks_no_more) {
            (false, _) => Verdict::Never,
            (true, false) => Verdict::Sometimes,
            (true, true) => Verdict::Always,
        }
    }

    fn takes_model(&self, model: &str, asked: &str) -> bool {
        self.models.as_ref().is_none_or(|globs| {
            let mut globs = globs.iter();
            globs.any(|glob| glob.matches(model) || glob.matches(asked))
        })
    }
}

/// Whether it is that time of day, on a day on which the time begins.
fn is_within(hours: &Hours, now: SystemTime) -> bool {
    const DAY: i64 = 24 * 60;
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let since = i64::try_from(since.unwrap_or(Duration::ZERO).as_secs() / 60).unwrap_or(0);
    let local = since + i64::from(hours.utc_offset.minutes);
    let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (from, to) = (i64::from(hours.from.minutes), i64::from(hours.to.minutes));
    let on = |day: i64| hours.days.is_empty() || hours.days.contains(&weekday(day));
    if from < to {
        return (from..to).contains(&minute) && on(day);
    }
    // Over midnight: before it on the day itself, after it on the next.
    (minute >= from && on(day)) || (minute < to && on(day - 1))
}

/// The day of the week of a day since 1970-01-01, a Thursday.
fn weekday(day: i64) -> Day {
    const WEEK: [Day; 7] = [
        Day::Thu,
        Day::Fri,
        Day::Sat,
        Day::Sun,
        Day::Mon,
        Day::Tue,
        Day::Wed,
    ];
    let place = usize::try_from(day.rem_euclid(7)).unwrap_or(0);
    WEEK[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1970-01-02 was a Friday.
    const FRIDAY: u64 = 24 * 60;

    fn at(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(minutes * 60)
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let hours = Hours {
            from: "22:00".parse().unwrap(),
            to: "06:00".parse().unwrap(),
            days: vec![Day::Fri],
            utc_offset: "+02:00".parse().unwrap(),
        };
        // Local time is two hours ahead.
        for (minutes, within) in [
            (FRIDAY + 19 * 60 + 59, false),
            (FRIDAY + 20 * 60, true),
            (FRIDAY + 24 * 60, true),
            (FRIDAY + 28 * 60 - 1, true),
            (FRIDAY + 28 * 60, false),
            (FRIDAY - 4 * 60, false),
            (FRIDAY + 44 * 60, false),
        ] {
            assert_eq!(is_within(&hours, at(minutes)), within, "{minutes}");
        }
        let day = Hours {
            from: "09:00".parse().unwrap(),
            to: "24:00".parse().unwrap(),
            ..Hours::default()
        };
        assert!(is_within(&day, at(24 * 60 - 1)) && !is_within(&day, at(24 * 60)));
    }
}
