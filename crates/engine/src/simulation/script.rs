//! What happens in a simulation, written down before it begins: how each vendor does at every moment,
//! and when calls come. All of it follows from one seed.

use std::time::Duration;

use crate::dice::Dice;

/// How a vendor does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mood {
    /// As usual.
    Well,
    /// So many times slower.
    Slow(f64),
    /// This share of calls fails with 503.
    Failing(f64),
    /// This share of calls is turned away with 429, and told to come back after so long, or nothing.
    Limiting(f64, Option<u64>),
    /// It takes calls and answers none.
    Silent,
    /// It closes connections without an answer.
    Cutting,
    /// It cannot be reached.
    Gone,
}

/// A stretch of time in one mood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) mood: Mood,
}

/// How troubles come.
#[derive(Clone, Copy)]
pub(super) struct Climate {
    /// Mean time between two of them, beyond the least.
    pub(super) calm: f64,
    /// What lies between two of them at least.
    pub(super) calm_least: f64,
    /// How long one lasts, likewise.
    pub(super) trouble: f64,
    pub(super) trouble_least: f64,
    /// Whether vendors only become slow.
    pub(super) only_slow: bool,
}

/// The phases of one vendor.
pub(super) struct Script(Vec<Phase>);

impl Script {
    pub(super) fn write(dice: &mut Dice, length: Duration, climate: &Climate) -> Script {
        let (mut phases, mut at) = (Vec::new(), 0.0);
        let mut add = |phases: &mut Vec<Phase>, long: f64, mood| {
            let from = Duration::from_secs_f64(at);
            at += long;
            let until = Duration::from_secs_f64(at);
            phases.push(Phase { from, until, mood });
            until < length
        };
        loop {
            let calm = climate.calm_least + rare(dice, climate.calm);
            if !add(&mut phases, calm, Mood::Well) {
                return Script(phases);
            }
            let trouble = climate.trouble_least + rare(dice, climate.trouble);
            let mood = mood(dice, climate.only_slow);
            if !add(&mut phases, trouble, mood) {
                return Script(phases);
            }
        }
    }

    /// Nothing ever happens.
    pub(super) fn calm() -> Script {
        Script(vec![Phase {
            from: Duration::ZERO,
            until: Duration::MAX,
            mood: Mood::Well,
        }])
    }

    /// The phase of this moment.
    pub(super) fn at(&self, at: Duration) -> Phase {
        let place = self.0.partition_point(|phase| phase.until <= at);
        self.0[place.min(self.0.len() - 1)]
    }

    /// When it changes.
    pub(super) fn edges(&self) -> impl Iterator<Item = Duration> {
        self.0.iter().map(|phase| phase.until)
    }
}

fn mood(dice: &mut Dice, only_slow: bool) -> Mood {
    if only_slow {
        return Mood::Slow(8.0 + 20.0 * dice.fraction());
    }
    match dice.below(7) {
        0 => Mood::Slow(3.0 + 20.0 * dice.fraction()),
        1 => Mood::Failing(0.2 + 0.8 * dice.fraction()),
        2 => Mood::Failing(1.0),
        3 => {
            let hint = (dice.below(2) == 0).then(|| 2 + dice.below(19) as u64);
            Mood::Limiting(0.3 + 0.7 * dice.fraction(), hint)
        }
        4 => Mood::Silent,
        5 => Mood::Cutting,
        _ => Mood::Gone,
    }
}

/// A time until something that happens by chance, so often in the mean.
pub(super) fn rare(dice: &mut Dice, mean: f64) -> f64 {
    -dice.fraction().ln() * mean
}

/// How many calls come, in calls a second.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    pub(super) quiet: f64,
    /// Around some of the vendors' changes.
    pub(super) busy: f64,
    /// Which share of the changes that is.
    pub(super) share: f64,
}

/// When calls come.
pub(super) struct Arrivals {
    dice: Dice,
    traffic: Traffic,
    busy: Vec<(Duration, Duration)>,
    at: Duration,
}

impl Arrivals {
    pub(super) fn of(mut dice: Dice, traffic: Traffic, scripts: &[Script]) -> Arrivals {
        const BEFORE: Duration = Duration::from_secs(10);
        const BEHIND: Duration = Duration::from_secs(30);
        let edges = scripts.iter().flat_map(Script::edges);
        let mut busy: Vec<_> = edges
            .filter(|_| dice.fraction() <= traffic.share)
            .map(|edge| (edge.saturating_sub(BEFORE), edge + BEHIND))
            .collect();
        busy.sort();
        busy.reverse();
        Arrivals {
            dice,
            traffic,
            busy,
            at: Duration::ZERO,
        }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    /// Independent of each other, as calls of many people are.
    fn next(&mut self) -> Option<Duration> {
        loop {
            while self.busy.last().is_some_and(|(_, end)| *end <= self.at) {
                self.busy.pop();
            }
            let (rate, until) = match self.busy.last() {
                Some((from, end)) if *from <= self.at => (self.traffic.busy, *end),
                Some((from, _)) => (self.traffic.quiet, *from),
                None => (self.traffic.quiet, Duration::MAX),
            };
            let next = self.at + Duration::from_secs_f64(rare(&mut self.dice, 1.0 / rate));
            if next < until {
                self.at = next;
                return Some(next);
            }
            self.at = until;
        }
    }
}
