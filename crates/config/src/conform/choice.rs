//! Choices: between words, and between forms that a value may take.

use serde_json::Value;

use super::rule::Rule;
use super::{LONGEST_QUOTE, Walk};
use crate::guess;
use crate::node::{Kind, Node, Scalar, Sort};
use crate::path::{Path, Quoted};

impl<'s> Walk<'s> {
    /// The words to choose from, when this place takes one of several.
    pub(super) fn options(&self, rule: &Rule<'s>) -> Option<Vec<&'s str>> {
        if let Some(word) = rule.text("const") {
            return Some(vec![word]);
        }
        if rule.get("enum").is_some() {
            return Some(rule.words("enum").collect());
        }
        let mut options = Vec::new();
        for branch in rule.branches() {
            options.extend(self.options(&self.rule(branch))?);
        }
        (!options.is_empty()).then_some(options)
    }

    pub(super) fn choice(
        &mut self,
        rule: &Rule<'s>,
        options: &[&'s str],
        node: &Node,
        at: &Path<'_>,
    ) -> Option<Value> {
        let listed = options.join(", ");
        let Some(text) = self.plain_text(node) else {
            self.wrong_type(&format!("one of {listed}"), rule, node, at);
            return None;
        };
        if options.contains(&text) {
            return Some(text.into());
        }
        if text.is_empty() && rule.get("default").is_some() {
            // An empty word leaves the choice to the default.
            return None;
        }
        let quoted = Quoted(text, LONGEST_QUOTE);
        if self.later(rule, text) {
            let message =
                format!("`{quoted}` is not available in this version, expected one of {listed}");
            self.tell(at, node.mark, message);
            return None;
        }
        let message = format!("unknown value `{quoted}`, expected one of {listed}");
        let hint = guess::did_you_mean(text, options.iter().copied());
        self.tell_with(at, node.mark, message, hint);
        None
    }

    /// Whether another version accepts this word here.
    fn later(&self, rule: &Rule<'s>, word: &str) -> bool {
        let here = rule.words("x-later").any(|later| later == word);
        here || rule
            .branches()
            .any(|branch| self.later(&self.rule(branch), word))
    }

    /// The branch of a union that was meant, judged by what was written.
    pub(super) fn branch(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let branches: Vec<&Value> = rule.branches().collect();
        if let [only] = branches.as_slice() {
            return self.value(only, node, at);
        }
        let fitting: Vec<&Value> = branches
            .iter()
            .copied()
            .filter(|branch| self.fits(branch, node))
            .collect();
        let words: Option<Vec<Vec<&str>>> = fitting
            .iter()
            .map(|branch| self.options(&self.rule(branch)))
            .collect();
        match (fitting.as_slice(), words) {
            ([], _) => {
                let rules: Vec<Rule<'_>> =
                    branches.iter().map(|branch| self.rule(branch)).collect();
                let forms: Vec<&str> = rules.iter().map(Rule::called).collect();
                let judge = rules.iter().find(|rule| rule.is_secret()).unwrap_or(rule);
                self.wrong_type(&forms.join(" or "), judge, node, at);
                None
            }
            ([only], _) => self.value(only, node, at),
            (_, Some(words)) => self.choice(rule, &words.concat(), node, at),
            (several, None) => self.least_wrong(several, node, at),
        }
    }

    /// Whether a value of this kind may stand in that branch at all.
    fn fits(&self, schema: &'s Value, node: &Node) -> bool {
        let rule = self.rule(schema);
        if self.options(&rule).is_some() {
            return self.plain_text(node).is_some();
        }
        if rule.branches().next().is_some() {
            return rule.branches().any(|branch| self.fits(branch, node));
        }
        match rule.kind() {
            Some("object") => matches!(node.kind, Kind::Map(_)),
            Some("array") => matches!(node.kind, Kind::List(_)),
            Some("boolean") => matches!(
                node.kind,
                Kind::Scalar(Scalar {
                    sort: Sort::Bool,
                    ..
                })
            ),
            Some("integer" | "number") => self.number_text(node).is_some(),
            Some("string") => self.plain_text(node).is_some(),
            _ => true,
        }
    }

    fn least_wrong(&mut self, branches: &[&'s Value], node: &Node, at: &Path<'_>) -> Option<Value> {
        let tried = branches.iter().map(|branch| {
            let mut walk = Walk::new(self.schema, self.format);
            let value = walk.value(branch, node, at);
            (value, walk)
        });
        let (value, walk) = tried.min_by_key(|(_, walk)| walk.problems.len())?;
        self.problems.extend(walk.problems);
        self.misspelt.extend(walk.misspelt);
        value
    }
}
