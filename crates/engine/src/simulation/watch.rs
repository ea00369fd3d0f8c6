//! What must be true whatever the seed, seen from the ends: who called, what arrived where, how it
//! went. What is expected is reckoned here anew, from the configuration and the scripts; of the engine
//! only the state of breakers is asked, as operators see it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wire::fault::Fault;

use super::World;
use super::script::{Mood, Phase, Script};
use super::shares::Heads;
use crate::dice::Dice;
use crate::guard::{Answer, Guard, State};

/// How an exchange ended, in the eyes of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Well,
    Failed,
    Neutral,
}

/// No call is under way for longer.
const LONGEST_CALL: Duration = Duration::from_mins(6);
/// A vendor that has been well for so long, and is not barred, is sure to answer.
const SURE: Duration = Duration::from_mins(1);
/// The same until its breaker has been half open and its cool-down is over, whatever was before.
const RECOVERED: Duration = Duration::from_secs(100);
/// Calls of a stretch from which on its shares say something.
const ENOUGH: u64 = 200;
/// Of the calls of a stretch, so many go to the fastest: the others explore.
const MOST: f64 = 0.85;
/// Standard deviations that are left to chance: a long run has thousands of stretches.
const CHANCE: f64 = 4.0;
/// How much slower than the fastest a target must be to be a wrong choice. Single calls differ by more
/// than that from each other, so between targets that are nearly as fast the better one is not found
/// within the time that is given, and need not be: whichever answers, no call takes half as long again
/// as at the best. A target beyond that is wrong also while two others are nearly equal.
const CLEARLY: f64 = 1.5;
/// The retry budget as documented: a fifth of the calls, one a second, twenty saved.
const BUDGET: (f64, f64, f64) = (0.2, 1.0, 20.0);
/// Within this time what a vendor says has been heard: timers wake in whole milliseconds.
const HEARD: Duration = Duration::from_millis(2);
/// Findings of one run that are told.
const TOLD: usize = 8;

#[derive(Default)]
struct OfCall {
    begun: Option<Instant>,
    open_to: u32,
    /// Targets that were asked, a bit each, and exchanges under way.
    asked: u32,
    flying: Vec<usize>,
    hedged: bool,
    /// Who was free when a target limited the rate of this call: first that one, then the other.
    free_beside: Option<(usize, usize)>,
    /// Who was sure to answer when it began.
    sure: Vec<usize>,
}

struct OfVendor {
    /// Failures in a row, since when those count, and until when nobody may call because of them.
    failed: u32,
    counts_from: Instant,
    /// The same with those that were under way before, which count for the engine, and since when
    /// there may have been enough.
    perhaps_failed: u32,
    perhaps_opened: Option<Instant>,
    opened: Option<Instant>,
    shut_until: Option<Instant>,
    /// Openings seen, and calls under way that were let through a half-open breaker since the last.
    openings: u32,
    was_open: bool,
    probes: usize,
    /// When each exchange began: the call, the moment, and the opening it is a probe after.
    flights: Vec<(u64, Instant, Option<u32>)>,
    /// Asked for no calls between then and then.
    cools_from: Instant,
    cools_until: Instant,
    budget: f64,
    reckoned: Instant,
    /// Calls begun since it recovered, and since it was last asked.
    since_recovered: u32,
    since_asked: u32,
}

/// Sees everything.
pub(crate) struct Watch {
    world: &'static World,
    began: Instant,
    scripts: Vec<Script>,
    guards: Vec<Arc<Guard>>,
    dice: Dice,
    calls: HashMap<u64, OfCall>,
    vendors: Vec<OfVendor>,
    pub(super) heads: Heads,
    /// By when the vendors last changed: calls, and those that went to the fastest.
    stretches: BTreeMap<Duration, (u64, u64)>,
    findings: Vec<String>,
    found: usize,
}

impl Watch {
    pub(super) fn over(
        world: &'static World,
        scripts: Vec<Script>,
        guards: Vec<Arc<Guard>>,
        dice: Dice,
    ) -> Watch {
        let now = Instant::now();
        let vendor = || OfVendor {
            failed: 0,
            perhaps_failed: 0,
            perhaps_opened: None,
            counts_from: now,
            opened: None,
            shut_until: None,
            openings: 0,
            was_open: false,
            probes: 0,
            flights: Vec::new(),
            cools_from: now,
            cools_until: now,
            budget: BUDGET.2,
            reckoned: now,
            since_recovered: 0,
            since_asked: 0,
        };
        Watch {
            vendors: scripts.iter().map(|_| vendor()).collect(),
            world,
            began: now,
            scripts,
            guards,
            dice,
            calls: HashMap::new(),
            heads: Heads::new(),
            stretches: BTreeMap::new(),
            findings: Vec::new(),
            found: 0,
        }
    }

    fn phase(&self, target: usize) -> Phase {
        self.scripts[target].at(self.began.elapsed())
    }

    pub(super) fn mood(&self, target: usize) -> Mood {
        self.phase(target).mood
    }

    pub(super) fn chance(&mut self) -> f64 {
        self.dice.fraction()
    }

    /// How long the vendor takes this time when it is well: seldom three times as long.
    pub(super) fn usual_time(&mut self, target: usize) -> Duration {
        let tail = if self.dice.below(100) == 0 { 3.0 } else { 1.0 };
        let millis = self.world.usual[target] * (0.7 + 0.6 * self.dice.fraction()) * tail;
        Duration::from_secs_f64(millis / 1_000.0)
    }

    fn finds(&mut self, property: &str, what: std::fmt::Arguments<'_>) {
        self.found += 1;
        if self.findings.len() < TOLD {
            let at = self.began.elapsed();
            self.findings.push(format!("{property}: at {at:?}, {what}"));
        }
    }

    /// Breakers are looked at whenever something happens, so that no opening is missed.
    fn look(&mut self) {
        for (guard, vendor) in self.guards.iter().zip(&mut self.vendors) {
            let open = guard.state() == State::Open;
            if open && !vendor.was_open {
                vendor.openings += 1;
                vendor.probes = 0;
            }
            vendor.was_open = open;
        }
    }

    /// A client calls.
    pub(super) fn begins(&mut self, call: u64) {
        self.look();
        let mut of_call = OfCall {
            begun: Some(Instant::now()),
            ..OfCall::default()
        };
        for target in 0..self.vendors.len() {
            let (phase, guard) = (self.phase(target), &self.guards[target]);
            let (vital, closed) = (guard.vital("m", true), guard.state() == State::Closed);
            let standing = vital.standing(vital.clock().now(), Answer::Whole);
            of_call.open_to |= u32::from(standing.barred.is_none()) << target;
            let well_for = self.began.elapsed().saturating_sub(phase.from);
            let well = phase.mood == Mood::Well;
            if well && closed && (well_for >= SURE || phase.from.is_zero()) {
                of_call.sure.push(target);
            }
            self.is_not_forgotten(target, well && well_for >= RECOVERED, closed);
        }
        self.calls.insert(call, of_call);
    }

    /// No starvation: who has recovered is asked again before long, and found to be well.
    fn is_not_forgotten(&mut self, target: usize, recovered: bool, closed: bool) {
        let vendor = &mut self.vendors[target];
        if !recovered {
            (vendor.since_recovered, vendor.since_asked) = (0, 0);
            return;
        }
        vendor.since_recovered += 1;
        vendor.since_asked += 1;
        let (recovered, asked) = (vendor.since_recovered, vendor.since_asked);
        if asked == self.world.noticed {
            self.finds(
                "no starvation",
                format_args!("target {target} is well and had none of the last {asked} calls"),
            );
        }
        if recovered >= self.world.noticed && recovered.is_multiple_of(16) && !closed {
            self.finds(
                "no starvation",
                format_args!("the breaker of target {target} is not closed, {recovered} calls after it recovered"),
            );
        }
    }

    /// A request arrives at a vendor.
    pub(super) fn arrives(&mut self, target: usize, call: u64) {
        self.look();
        let now = Instant::now();
        let probe = self.may_be_called(target, now);
        let of_call = self.calls.entry(call).or_default();
        let hedge = !of_call.flying.is_empty();
        let again = of_call.asked & (1 << target) != 0;
        of_call.hedged |= hedge;
        of_call.asked |= 1 << target;
        of_call.flying.push(target);
        let asked = of_call.asked;
        if let Some((limited, free)) = of_call.free_beside.take()
            && limited == target
            && !hedge
        {
            self.finds(
                "nobody waits for a rate limit while another target is free",
                format_args!("target {target} was called again before target {free}"),
            );
        }
        self.pays(target, now, again || hedge);
        if !again && !hedge {
            self.is_the_turn_of(target, asked, now);
        }
        let vendor = &mut self.vendors[target];
        vendor.flights.push((call, now, probe));
        vendor.since_asked = 0;
    }

    /// Never a call to an open breaker beyond its probes: by what is shown of the breaker, and by what
    /// the vendor has seen of failures.
    fn may_be_called(&mut self, target: usize, now: Instant) -> Option<u32> {
        let (_, probes, _) = self.world.breaker?;
        let property = "an open breaker is not called";
        if let Some(until) = self.vendors[target].shut_until
            && now < until
        {
            let left = until - now;
            self.finds(
                property,
                format_args!("target {target} was called {left:?} too early after its failures"),
            );
        }
        match self.guards[target].state() {
            State::Closed => None,
            State::Open => {
                self.finds(
                    property,
                    format_args!("target {target} was called while open"),
                );
                None
            }
            State::HalfOpen => {
                let vendor = &mut self.vendors[target];
                vendor.probes += 1;
                let (out, openings) = (vendor.probes, vendor.openings);
                if out > probes {
                    self.finds(
                        property,
                        format_args!("target {target} had {out} probes at once, of {probes}"),
                    );
                }
                Some(openings)
            }
        }
    }

    /// No retry storm: what goes beyond first tries stays within the budget.
    fn pays(&mut self, target: usize, now: Instant, extra: bool) {
        let (share, a_second, saved) = BUDGET;
        let vendor = &mut self.vendors[target];
        let passed = (now - vendor.reckoned).as_secs_f64();
        vendor.reckoned = now;
        vendor.budget = (vendor.budget + passed * a_second).min(saved);
        vendor.budget = if extra {
            vendor.budget - 1.0
        } else {
            (vendor.budget + share).min(saved)
        };
        let over = -vendor.budget;
        if over > self.world.together {
            self.finds(
                "no retry storm",
                format_args!("target {target} had {over:.1} tries more than its budget bears"),
            );
        }
    }

    /// Who asked for fewer calls comes after all others.
    fn is_the_turn_of(&mut self, target: usize, asked: u32, now: Instant) {
        let vendor = &self.vendors[target];
        // The engine counts whole microseconds.
        if now < vendor.cools_from || now + Duration::from_micros(1) >= vendor.cools_until {
            return;
        }
        if let Some(other) = self.free(asked, now) {
            self.finds(
                "who asked for fewer calls is left alone",
                format_args!("target {target} was called before target {other}"),
            );
        }
    }

    /// A target that was not asked yet, and that nothing speaks against.
    fn free(&self, asked: u32, now: Instant) -> Option<usize> {
        (0..self.vendors.len()).find(|other| {
            let free = now >= self.vendors[*other].cools_until;
            let vital = self.guards[*other].vital("m", true);
            let cool = vital.cooling(vital.clock().now()).is_none();
            let closed = self.guards[*other].state() == State::Closed;
            asked & (1 << other) == 0 && free && cool && closed
        })
    }

    /// A vendor limits the rate of a call, and of all others for as long as it says.
    pub(super) fn asks_for_fewer(&mut self, target: usize, call: u64, hint: Option<u64>) {
        let now = Instant::now();
        let vendor = &mut self.vendors[target];
        let until = now + Duration::from_secs(hint.unwrap_or(0));
        vendor.cools_from = now + HEARD;
        vendor.cools_until = vendor.cools_until.max(until);
        let asked = self.calls.get(&call).map_or(0, |of_call| of_call.asked);
        let free = self.free(asked, now);
        if let Some(of_call) = self.calls.get_mut(&call) {
            of_call.free_beside = free.map(|free| (target, free));
        }
    }

    /// An exchange is over at the vendor's end.
    pub(super) fn leaves(&mut self, target: usize, call: u64, mut end: End) {
        let now = Instant::now();
        if let Some(of_call) = self.calls.get_mut(&call) {
            // Of two at once, the slower one is given up: that says nothing.
            if of_call.hedged && end == End::Failed {
                end = End::Neutral;
            }
            let place = of_call.flying.iter().position(|flying| *flying == target);
            place.map(|place| of_call.flying.swap_remove(place));
        }
        let vendor = &mut self.vendors[target];
        let flights = &mut vendor.flights;
        let Some(place) = flights.iter().position(|(known, ..)| *known == call) else {
            return;
        };
        let (_, began, probe) = flights.swap_remove(place);
        if probe == Some(vendor.openings) {
            vendor.probes = vendor.probes.saturating_sub(1);
        }
        let Some((most, _, open)) = self.world.breaker else {
            return;
        };
        // What was under way when it opened says nothing any more.
        let stale = vendor.opened.is_some_and(|opened| began <= opened);
        match end {
            End::Well if !stale => {
                (vendor.failed, vendor.counts_from) = (0, now);
                (vendor.perhaps_failed, vendor.perhaps_opened) = (0, None);
                (vendor.opened, vendor.shut_until) = (None, None);
            }
            End::Failed if !stale => {
                vendor.perhaps_failed += 1;
                if vendor.perhaps_failed == most {
                    vendor.perhaps_opened = Some(now);
                }
                vendor.failed += u32::from(began >= vendor.counts_from);
                if vendor.failed >= most {
                    let since = vendor.perhaps_opened.take().unwrap_or(now);
                    (vendor.opened, vendor.shut_until) = (Some(now), Some(since + open - HEARD));
                }
            }
            End::Well | End::Failed | End::Neutral => {}
        }
    }

    /// The client has its answer.
    pub(super) fn ends(&mut self, call: u64, first: Option<&str>, fault: Option<&Fault>) {
        self.look();
        let Some(of_call) = self.calls.remove(&call) else {
            return;
        };
        let took = of_call
            .begun
            .map_or(Duration::ZERO, |begun| begun.elapsed());
        if took > LONGEST_CALL {
            self.finds(
                "no starvation",
                format_args!("a call was under way for {took:?}"),
            );
        }
        let still_well = |target: &usize| self.phase(*target).mood == Mood::Well;
        let sure = of_call.sure.iter().copied().find(still_well);
        if let (Some(fault), Some(target)) = (fault, sure)
            && took < SURE
        {
            self.finds(
                "the client sees no error",
                format_args!("although target {target} was well: {fault}"),
            );
        }
        let first = first.map(|name| usize::from(name.as_bytes()[0] - b'a'));
        if let Some(first) = first {
            let count = self.vendors.len();
            let heads = self.heads.entry(of_call.open_to);
            heads.or_insert_with(|| vec![0; count])[first] += 1;
            self.counts_towards_the_fastest(first, took);
        }
    }

    /// Latency routing converges and recovers: some time after each change, calls go to the fastest, or
    /// to one that is nearly as fast.
    fn counts_towards_the_fastest(&mut self, first: usize, took: Duration) {
        let Some(settles) = self.world.settles else {
            return;
        };
        let begun = self.began.elapsed().saturating_sub(took);
        let phases: Vec<Phase> = (0..self.vendors.len())
            .map(|target| self.scripts[target].at(begun))
            .collect();
        let changed = phases
            .iter()
            .map(|phase| phase.from)
            .max()
            .unwrap_or_default();
        if begun < changed + settles {
            return;
        }
        let time = |target: &usize| match phases[*target].mood {
            Mood::Slow(times) => self.world.usual[*target] * times,
            _ => self.world.usual[*target],
        };
        let fastest = (0..phases.len()).map(|target| time(&target));
        let fastest = fastest.fold(f64::INFINITY, f64::min);
        let (calls, right) = self.stretches.entry(changed).or_default();
        *calls += 1;
        *right += u64::from(time(&first) < fastest * CLEARLY);
    }

    /// What was found.
    pub(super) fn finish(&mut self) -> Vec<String> {
        let stretches = std::mem::take(&mut self.stretches);
        for (since, (calls, right)) in stretches {
            #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
            let (share, slack) = {
                let calls = calls.max(1) as f64;
                let deviation = (MOST * (1.0 - MOST) / calls).sqrt();
                (right as f64 / calls, CHANCE * deviation)
            };
            if calls >= ENOUGH && share < MOST - slack {
                self.finds(
                    "latency routing converges and recovers",
                    format_args!("of {calls} calls after the change at {since:?}, {share:.2} went to the fastest or nearly so"),
                );
            }
        }
        let mut findings = std::mem::take(&mut self.findings);
        if self.found > findings.len() {
            findings.push(format!("{} findings in all", self.found));
        }
        findings
    }
}
