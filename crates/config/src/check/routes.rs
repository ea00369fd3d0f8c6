//! Routes: matchers that can match, targets that exist, groups that can choose.

use std::collections::HashSet;

use super::strategy::Choice;
use super::{Check, Place};
use crate::guess;
use crate::path::{Path, Quoted};
use crate::routes::{Entry, Hours, Match, Member, Route, TokenRange};
use crate::strategy::Strategy;
use crate::top::Config;

/// Groups within each other.
const DEEPEST: usize = 8;
/// The most `*` in one pattern.
pub(super) const MOST_STARS: usize = 8;

/// Headers that hold a key: what they say is the business of `keys`.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "api-key"];

impl Check<'_> {
    pub(super) fn routing(&mut self, config: &Config) {
        let among: Vec<Choice<'_>> = config
            .targets
            .iter()
            .map(|target| Choice {
                name: Some(&target.virtual_key),
                weight: target.weight,
                standby: target.standby,
            })
            .collect();
        for (index, target) in config.targets.iter().enumerate() {
            let list = Path::Root.key("targets");
            self.share(&list.index(index), &target.virtual_key, target.weight);
        }
        self.strategy(&Path::Root.key("strategy"), &config.strategy, &among);
        let list = Path::Root.key("routes");
        let mut names = HashSet::new();
        for (index, route) in config.routes.iter().enumerate() {
            let at = list.index(index);
            if let Some(name) = route.name.as_deref().filter(|name| !names.insert(*name)) {
                let message = format!(
                    "the route `{}` stands in the list already",
                    Quoted(name, 60)
                );
                self.tell(&at.key("name"), message);
            }
            self.matcher(&at.key("match"), &route.matches, config);
            self.route(&at, route, &among);
            if route.matches == Match::default() && index + 1 < config.routes.len() {
                let message = "this route takes every call, those after it are never reached";
                self.warn(
                    &at,
                    message,
                    Some("give it a `match`, or move it to the end".into()),
                );
            }
        }
    }

    fn route(&mut self, at: &Path<'_>, route: &Route, targets: &[Choice<'_>]) {
        let strategy = at.key("strategy");
        match &route.targets {
            None => self.strategy(&strategy, &route.strategy, targets),
            Some(members) => {
                let mut seen = HashSet::new();
                let list = at.key("targets");
                self.members(
                    &list,
                    &strategy,
                    (&route.strategy, members),
                    targets,
                    &mut seen,
                    0,
                );
            }
        }
    }

    fn members<'c>(
        &mut self,
        list: &Path<'_>,
        strategy_at: &Path<'_>,
        (strategy, members): (&'c Strategy, &'c [Member]),
        targets: &[Choice<'c>],
        seen: &mut HashSet<&'c str>,
        depth: usize,
    ) {
        if depth >= DEEPEST {
            self.tell(
                list,
                format!("groups stand more than {DEEPEST} deep within each other"),
            );
            return;
        }
        let mut among = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            let at = list.index(index);
            let choice = match member {
                Member::Name(name) => self.named(&at, name, targets, seen),
                Member::Entry(entry) => self.entry(&at, entry, targets, seen, depth),
            };
            among.extend(choice);
        }
        self.strategy(strategy_at, strategy, &among);
    }

    /// A target that a route names.
    fn named<'c>(
        &mut self,
        at: &Path<'_>,
        name: &'c str,
        targets: &[Choice<'c>],
        seen: &mut HashSet<&'c str>,
    ) -> Option<Choice<'c>> {
        let quoted = Quoted(name, 60);
        let Some(target) = targets.iter().find(|target| target.name == Some(name)) else {
            let hint = guess::did_you_mean(name, targets.iter().filter_map(|target| target.name));
            self.tell_with(
                at,
                Place::Value,
                format!("there is no target `{quoted}`"),
                hint,
            );
            return None;
        };
        if !seen.insert(name) {
            let message = format!("the target `{quoted}` stands in this route already");
            self.tell(at, message);
        }
        Some(*target)
    }

    fn entry<'c>(
        &mut self,
        at: &Path<'_>,
        entry: &'c Entry,
        targets: &[Choice<'c>],
        seen: &mut HashSet<&'c str>,
        depth: usize,
    ) -> Option<Choice<'c>> {
        let called = entry.target.as_deref().or(entry.name.as_deref());
        self.share(at, called.unwrap_or("the group"), entry.weight);
        let own = match (&entry.target, &entry.targets) {
            (Some(name), None) => {
                for (field, written) in [
                    ("strategy", entry.strategy.is_some()),
                    ("name", entry.name.is_some()),
                ] {
                    if written {
                        let message = format!("`{field}` belongs to a group, with `targets`");
                        self.tell_key(&at.key(field), message);
                    }
                }
                self.named(&at.key("target"), name, targets, seen)?
            }
            (None, Some(members)) => {
                let Some(strategy) = &entry.strategy else {
                    self.tell(at, "a group needs a `strategy`, such as {mode: fallback}");
                    return None;
                };
                let (list, place) = (at.key("targets"), at.key("strategy"));
                self.members(&list, &place, (strategy, members), targets, seen, depth + 1);
                Choice {
                    name: entry.name.as_deref(),
                    weight: None,
                    standby: false,
                }
            }
            (Some(_), Some(_)) | (None, None) => {
                let message = "write either `target` with a name, or `targets` with `strategy`";
                self.tell(at, message);
                return None;
            }
        };
        Some(Choice {
            weight: entry.weight.or(own.weight),
            standby: entry.standby.unwrap_or(own.standby),
            ..own
        })
    }

    fn matcher(&mut self, at: &Path<'_>, matches: &Match, config: &Config) {
        if let Some(models) = &matches.model {
            let here = at.key("model");
            for (index, pattern) in models.as_slice().iter().enumerate() {
                self.pattern(&here.index(index), pattern);
            }
        }
        let headers = at.key("headers");
        for (name, value) in &matches.headers {
            let here = headers.key(name);
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                let name = Quoted(name, 60);
                self.tell_key(&here, format!("`{name}` is not the name of a header"));
            } else if CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) {
                let message = format!("`{name}` holds a key; match it by its name, with `keys`");
                self.tell_key(&here, message);
            }
            self.pattern(&here, value);
        }
        let metadata = at.key("metadata");
        for (name, value) in &matches.metadata {
            self.pattern(&metadata.key(name), value);
        }
        let keys = at.key("keys");
        for (index, name) in matches.keys.iter().enumerate() {
            let known = || config.keys.iter().map(|key| key.name.as_str());
            if !known().any(|known| known == name) {
                let message = format!("no key of this config is called `{}`", Quoted(name, 60));
                self.warn(
                    &keys.index(index),
                    message,
                    guess::did_you_mean(name, known()),
                );
            }
        }
        if let Some(range) = matches.prompt_tokens {
            self.token_range(&at.key("prompt_tokens"), range);
        }
        if let Some(hours) = &matches.hours {
            self.hours(&at.key("hours"), hours);
        }
    }

    fn token_range(&mut self, at: &Path<'_>, range: TokenRange) {
        match (range.min, range.max) {
            (None, None) => self.tell(at, "`prompt_tokens` needs `min`, `max` or both"),
            (Some(min), Some(max)) if min > max => {
                self.tell(
                    at,
                    format!("`min` {min} is above `max` {max}, no call could match"),
                );
            }
            _ => {}
        }
    }

    fn hours(&mut self, at: &Path<'_>, hours: &Hours) {
        if hours.from == hours.to {
            let message = format!("from {} to {} is no time at all", hours.from, hours.to);
            let hint = "leave `hours` out, or write 00:00 to 24:00".to_owned();
            self.tell_with(&at.key("to"), Place::Value, message, Some(hint));
        }
        if hours.from.minutes == 24 * 60 {
            self.tell(&at.key("from"), "a day ends at 24:00, it begins at 00:00");
        }
        let days = at.key("days");
        for (index, day) in hours.days.iter().enumerate() {
            if hours.days[..index].contains(day) {
                self.tell(&days.index(index), "this day stands in the list already");
            }
        }
    }

    /// A text in which `*` stands for anything.
    pub(super) fn pattern(&mut self, at: &Path<'_>, pattern: &str) {
        if pattern.is_empty() {
            self.tell(at, "a pattern must not be empty, `*` stands for anything");
        } else if pattern.matches('*').count() > MOST_STARS {
            self.tell(at, format!("a pattern has at most {MOST_STARS} `*`"));
        }
    }
}
