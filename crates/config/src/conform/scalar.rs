//! Scalars: texts, switches and numbers, each read as its place wants it.

use serde_json::{Number, Value};

use super::rule::Rule;
use super::{LONGEST_QUOTE, Walk, name};
use crate::load::Format;
use crate::node::{Kind, Node, Scalar, Sort};
use crate::path::{Path, Quoted};
use crate::{duration, formats, models};

impl<'s> Walk<'s> {
    /// The text of a scalar in a place for texts. In YAML quotes are optional there.
    pub(super) fn plain_text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Text,
                text,
            }) => Some(text),
            Kind::Scalar(Scalar {
                sort: Sort::Bool | Sort::Number,
                text,
            }) if self.format == Format::Yaml => Some(text),
            _ => None,
        }
    }

    pub(super) fn text(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        // A price is kept as written, and may be written as a number.
        let number = || {
            let is_price = rule.text("format") == Some(models::PRICE);
            self.number_text(node).filter(|_| is_price)
        };
        let Some(text) = self.plain_text(node).or_else(number) else {
            self.wrong_type(rule.called(), rule, node, at);
            return None;
        };
        let length = text.chars().count();
        if rule.count("minLength").is_some_and(|least| length < least) {
            self.tell(at, node.mark, "must not be empty".into());
            return None;
        }
        if let Some(most) = rule.count("maxLength").filter(|most| length > *most) {
            self.tell(
                at,
                node.mark,
                format!("{length} characters are too many, {most} at most"),
            );
            return None;
        }
        let form = rule.text("format").and_then(formats::named);
        if let Some(fault) = form.and_then(|form| form.judge(text)) {
            self.tell_with(at, node.mark, fault.message, fault.hint);
            return None;
        }
        let bounds = (rule.text("x-minimum"), rule.text("x-maximum"));
        if formats::outside(text, bounds.0, bounds.1) {
            self.out_of_range(text, bounds.0, bounds.1, node, at);
            return None;
        }
        Some(text.into())
    }

    pub(super) fn boolean(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let word = self.plain_text(node).map(str::to_ascii_lowercase);
        let value = match (&node.kind, word.as_deref()) {
            (
                Kind::Scalar(Scalar {
                    sort: Sort::Bool,
                    text,
                }),
                _,
            ) => Some(text.eq_ignore_ascii_case("true")),
            // YAML 1.1 words, in the one place where they can mean nothing else.
            (_, Some("yes" | "on" | "y")) if self.format == Format::Yaml => Some(true),
            (_, Some("no" | "off" | "n")) if self.format == Format::Yaml => Some(false),
            _ => None,
        };
        if value.is_none() {
            self.wrong_type(rule.called(), rule, node, at);
        }
        value.map(Value::Bool)
    }

    pub(super) fn integer(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Some(text) = self.number_text(node) else {
            self.wrong_type(rule.called(), rule, node, at);
            return None;
        };
        let Some(number) = whole(text) else {
            self.tell(
                at,
                node.mark,
                format!("`{}` is not a whole number", Quoted(text, LONGEST_QUOTE)),
            );
            return None;
        };
        let bound = |word| rule.get(word).and_then(Value::as_i64).map(i128::from);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            self.out_of_range(text, least, most, node, at);
            return None;
        }
        let value = i64::try_from(number).map(Number::from);
        let value = value
            .or_else(|_| u64::try_from(number).map(Number::from))
            .ok();
        if value.is_none() {
            let quoted = Quoted(text, LONGEST_QUOTE);
            self.tell(at, node.mark, format!("`{quoted}` is too large"));
        }
        value.map(Value::Number)
    }

    pub(super) fn number(&mut self, rule: &Rule<'s>, node: &Node, at: &Path<'_>) -> Option<Value> {
        let Some(text) = self.number_text(node) else {
            self.wrong_type(rule.called(), rule, node, at);
            return None;
        };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        let Some(number) = number else {
            self.tell(
                at,
                node.mark,
                format!("`{}` is not a finite number", Quoted(text, LONGEST_QUOTE)),
            );
            return None;
        };
        let bound = |word| rule.get(word).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            self.out_of_range(text, least, most, node, at);
            return None;
        }
        Number::from_f64(number).map(Value::Number)
    }

    pub(super) fn number_text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar(Scalar {
                sort: Sort::Number,
                text,
            }) => Some(text),
            // `1_000` is text in YAML 1.2 and was a number in YAML 1.1.
            Kind::Scalar(Scalar {
                sort: Sort::Text,
                text,
            }) if self.format == Format::Yaml && text.contains('_') && whole(text).is_some() => {
                Some(text)
            }
            _ => None,
        }
    }

    fn out_of_range<T: ToString>(
        &mut self,
        text: &str,
        least: Option<T>,
        most: Option<T>,
        node: &Node,
        at: &Path<'_>,
    ) {
        let range = match (least.map(|n| n.to_string()), most.map(|n| n.to_string())) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => return,
        };
        let text = Quoted(text, LONGEST_QUOTE);
        self.tell(
            at,
            node.mark,
            format!("{} is {text}, must be {range}", name(at)),
        );
    }
}

/// What to do about the quotes of a scalar that would fit with or without them.
pub(super) fn quotes(rule: &Rule<'_>, node: &Node) -> Option<String> {
    let Kind::Scalar(Scalar { sort, text }) = &node.kind else {
        return None;
    };
    match (rule.kind()?, sort) {
        ("string", Sort::Number) if rule.text("format") == Some(duration::FORMAT) => {
            Some(format!("write \"{text}s\""))
        }
        ("string", Sort::Number | Sort::Bool) => Some("write it in quotes".into()),
        ("integer" | "number", Sort::Text) => {
            whole(text).map(|_| "write it without quotes".to_owned())
        }
        ("boolean", Sort::Text) => {
            matches!(text.as_str(), "true" | "false").then(|| "write it without quotes".to_owned())
        }
        _ => None,
    }
}

/// A value of a place that the schema leaves open.
pub(super) fn anything(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(anything).collect(),
        Kind::Map(members) => members
            .iter()
            .map(|member| (member.key.clone(), anything(&member.value)))
            .collect(),
        Kind::Scalar(Scalar { sort, text }) => match sort {
            Sort::Null => Value::Null,
            Sort::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
            Sort::Number => any_number(text).map_or_else(|| text.as_str().into(), Value::Number),
            Sort::Text => text.as_str().into(),
        },
    }
}
/// A whole number in any spelling: `1_000`, `0x1F`, `0o17`, `1e3`.
fn whole(text: &str) -> Option<i128> {
    let text = &text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let parsed = if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()
    } else if let Some(digits) = digits.strip_prefix("0o") {
        i128::from_str_radix(digits, 8).ok()
    } else if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        whole_float(digits)
    };
    parsed.map(|number| sign * number)
}

/// `1e3` and `5.0`, where nothing is lost.
fn whole_float(digits: &str) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = digits.parse().ok()?;
    let exact = number.fract() == 0.0 && number.abs() < EXACT;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and below 2^53"
    )]
    exact.then_some(number as i128)
}

fn any_number(text: &str) -> Option<Number> {
    if let Some(number) = whole(text).and_then(|number| i64::try_from(number).ok()) {
        return Some(number.into());
    }
    Number::from_f64(text.parse().ok()?)
}
