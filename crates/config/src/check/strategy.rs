//! What each way to choose asks for: rules, targets that exist, shares that can be drawn.

use regex::RegexBuilder;

use super::{Check, Place};
use crate::guess;
use crate::path::{Path, Quoted};
use crate::strategy::{ContentKind, Mode, Strategy, Weight};

/// Names that a message lists at most.
const LISTED: usize = 12;
/// The largest share that may be written.
const HIGHEST_WEIGHT: f64 = 1e12;
/// What a compiled regular expression may weigh.
pub(crate) const REGEX_BYTES: usize = 1 << 20;

/// One of those among which a strategy chooses.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    /// What rules call it.
    pub(super) name: Option<&'a str>,
    pub(super) weight: Option<Weight>,
    pub(super) standby: bool,
}

impl Check<'_> {
    pub(super) fn strategy(&mut self, at: &Path<'_>, strategy: &Strategy, among: &[Choice<'_>]) {
        match strategy.mode {
            Mode::Loadbalance => self.shares(at, among),
            Mode::Conditional => self.conditions(at, strategy, among),
            Mode::ContentBased => self.content_conditions(at, strategy, among),
            Mode::AbTest => self.variants(at, strategy, among),
            Mode::Single | Mode::Fallback | Mode::LeastLatency | Mode::CostOptimized => {}
        }
        self.unread(at, strategy);
    }

    /// Settings of another mode than the one that is set: accepted, but not silently.
    fn unread(&mut self, at: &Path<'_>, strategy: &Strategy) {
        let settings = [
            (
                "conditions",
                !strategy.conditions.is_empty(),
                Mode::Conditional,
            ),
            (
                "content_conditions",
                !strategy.content_conditions.is_empty(),
                Mode::ContentBased,
            ),
            (
                "ab_variants",
                !strategy.ab_variants.is_empty(),
                Mode::AbTest,
            ),
            ("sticky", strategy.sticky.is_some(), Mode::AbTest),
            ("salt", strategy.salt.is_some(), Mode::AbTest),
            ("explore", strategy.explore.is_some(), Mode::LeastLatency),
        ];
        for (name, written, mode) in settings {
            if written && strategy.mode != mode {
                let message = format!(
                    "`{name}` means nothing under `mode: {}`, only under `{}`",
                    strategy.mode.label(),
                    mode.label()
                );
                self.warn(&at.key(name), message, None);
            }
        }
    }

    fn shares(&mut self, at: &Path<'_>, among: &[Choice<'_>]) {
        let shares = among.iter().filter(|choice| !choice.standby);
        let sum: f64 = shares.filter_map(|choice| choice.weight).map(|w| w.0).sum();
        if sum <= 0.0 && !among.iter().any(|choice| negative(choice.weight)) {
            let message = "weights sum to zero, `loadbalance` would never choose a target";
            let hint = "give at least one target that is no standby a `weight` above 0".to_owned();
            self.tell_with(&at.key("mode"), Place::Value, message.into(), Some(hint));
        }
    }

    /// Tells a share that nobody can draw.
    pub(super) fn share(&mut self, at: &Path<'_>, whose: &str, weight: Option<Weight>) {
        let Some(weight) = weight else { return };
        let whose = Quoted(whose, 60);
        if negative(Some(weight)) {
            let message = format!(
                "negative weight {} of `{whose}`, must be 0 or more",
                weight.0
            );
            self.tell(&at.key("weight"), message);
        } else if weight.0 > HIGHEST_WEIGHT {
            let message = format!(
                "weight {} of `{whose}` is too large, must be at most {HIGHEST_WEIGHT}",
                weight.0
            );
            self.tell(&at.key("weight"), message);
        }
    }

    fn conditions(&mut self, at: &Path<'_>, strategy: &Strategy, among: &[Choice<'_>]) {
        let list = at.key("conditions");
        if strategy.conditions.is_empty() {
            self.tell_key(&list, "`conditional` needs at least one of `conditions`");
        }
        for (index, condition) in strategy.conditions.iter().enumerate() {
            self.chosen(&list.index(index), &condition.target_key, among);
        }
    }

    fn content_conditions(&mut self, at: &Path<'_>, strategy: &Strategy, among: &[Choice<'_>]) {
        let list = at.key("content_conditions");
        if strategy.content_conditions.is_empty() {
            let message = "`content-based` needs at least one of `content_conditions`";
            self.tell_key(&list, message);
        }
        for (index, condition) in strategy.content_conditions.iter().enumerate() {
            let here = list.index(index);
            self.chosen(&here, &condition.target_key, among);
            if condition.kind == ContentKind::PromptRegex {
                self.regex(&here.key("value"), &condition.value);
            }
        }
    }

    fn regex(&mut self, at: &Path<'_>, pattern: &str) {
        if let Err(error) = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build() {
            let error = error.to_string();
            // The last line says what is wrong; those before it draw a picture.
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            let pattern = Quoted(pattern, 60);
            self.tell(
                at,
                format!("`{pattern}` is no regular expression: {reason}"),
            );
        }
    }

    fn variants(&mut self, at: &Path<'_>, strategy: &Strategy, among: &[Choice<'_>]) {
        let list = at.key("ab_variants");
        let variants = &strategy.ab_variants;
        if variants.is_empty() {
            self.tell_key(&list, "`ab-test` needs at least one of `ab_variants`");
            return;
        }
        for (index, variant) in variants.iter().enumerate() {
            let here = list.index(index);
            self.chosen(&here, &variant.target_key, among);
            self.share(&here, variant.name(), Some(variant.weight));
            let visible = |c: char| c.is_ascii_graphic() || c == ' ';
            if !variant.label.chars().all(visible) || variant.label.trim() != variant.label {
                let message = "a label stands in a header: printable ASCII without space around it";
                self.tell(&here.key("label"), message);
            }
            let earlier = &variants[..index];
            if let Some(first) = earlier.iter().position(|v| v.name() == variant.name()) {
                let name = Quoted(variant.name(), 60);
                let message =
                    format!("the variant `{name}` stands in this list already, at [{first}]");
                self.tell(&here, message);
            }
        }
        let sum: f64 = variants.iter().map(|variant| variant.weight.0).sum();
        if sum <= 0.0 && !variants.iter().any(|v| negative(Some(v.weight))) {
            let hint = "give at least one variant a `weight` above 0".to_owned();
            let message = "weights sum to zero, no variant would ever be assigned".to_owned();
            self.tell_with(&list, Place::Value, message, Some(hint));
        }
    }

    /// A rule must choose one of those that are there.
    fn chosen(&mut self, rule: &Path<'_>, target_key: &str, among: &[Choice<'_>]) {
        let names = || among.iter().filter_map(|choice| choice.name);
        // One that is missing has been told as missing.
        if target_key.is_empty() || names().any(|name| name == target_key) {
            return;
        }
        let listed: Vec<&str> = names().take(LISTED).collect();
        let message = format!(
            "`{}` is not one of the targets to choose from: {}",
            Quoted(target_key, 60),
            listed.join(", ")
        );
        let hint = guess::did_you_mean(target_key, names());
        self.tell_with(&rule.key("target_key"), Place::Value, message, hint);
    }
}

fn negative(weight: Option<Weight>) -> bool {
    weight.is_some_and(|weight| weight.0 < 0.0)
}
