//! One chat request on its way to one vendor: the client's bytes with the few named changes that
//! the vendor's row asks for. Everything not named keeps its bytes; nothing is dropped in silence.

use bytes::Bytes;
use wire::{Edit, Envelope, json};

use crate::provider::Provider;
use crate::rules::{
    ChatRules, Clamp, LogprobsForm, OnUnsupported, Preset, Rename, StreamOptions, Wins,
};

/// What is to be sent besides what the client wrote.
#[derive(Clone, Copy, Debug)]
pub struct ChatPlan<'a> {
    /// The target's own name of the model.
    pub model: &'a str,
    /// The model that it is, where that name is only the operator's.
    pub family: Option<&'a str>,
    /// Whether usage is wanted on a stream, asked for by the client or not.
    pub include_usage: bool,
    /// What to do with fields the vendor does not honour.
    pub on_unsupported: OnUnsupported,
    /// Whether the answer comes as a stream.
    pub streaming: bool,
}

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The body. The client's own `Bytes` when nothing had to change.
    pub body: Bytes,
    /// Fields that did not reach the vendor as the client wrote them; the client is told.
    pub dropped: Vec<String>,
    /// Fields that were sent although the vendor is known not to honour them; worth a log line.
    pub ignored: Vec<String>,
    /// Usage was asked for on the gateway's own account: the chunk that carries nothing else is
    /// not for the client.
    pub asked_usage: bool,
}

/// The operator wants calls refused that the vendor cannot take as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider} does not support {}", .params.join(", "))]
pub struct Refused {
    /// The vendor.
    pub provider: String,
    /// The fields, in the order of the row's rules.
    pub params: Vec<String>,
}

/// The body of a chat request as `provider` takes it.
pub fn encode_chat(
    provider: &Provider,
    body: &Envelope,
    plan: &ChatPlan<'_>,
) -> Result<Encoded, Refused> {
    let rules = &provider.chat;
    if plan.on_unsupported == OnUnsupported::Reject {
        refuse(provider, body)?;
    }
    let mut work = Work {
        body,
        edit: body.edit(),
        dropped: Vec::new(),
        ignored: Vec::new(),
        asked_usage: false,
    };
    work.name_model(provider.bare_model(plan.model));
    let renames = rules.rename.iter();
    renames
        .filter(|rename| rename.is_for(plan.family.unwrap_or(plan.model)))
        .for_each(|rename| work.rename(rename));
    rules.drop.iter().for_each(|field| work.drop(field));
    rules.clamp.iter().for_each(|clamp| work.clamp(clamp));
    rules
        .unsupported
        .iter()
        .for_each(|field| work.unsupported(field, plan.on_unsupported));
    if rules.logprobs == LogprobsForm::Count {
        work.count_logprobs();
    }
    rules.presets.iter().for_each(|preset| work.preset(preset));
    work.drop_in_messages(&rules.drop_in_messages);
    work.stream_options(rules.stream_options, plan);
    Ok(work.finish())
}

fn refuse(provider: &Provider, body: &Envelope) -> Result<(), Refused> {
    let params = not_honoured(&provider.chat, body);
    if params.is_empty() {
        Ok(())
    } else {
        Err(Refused {
            provider: provider.id.clone(),
            params,
        })
    }
}

fn not_honoured(rules: &ChatRules, body: &Envelope) -> Vec<String> {
    let fields = rules
        .drop
        .iter()
        .chain(&rules.unsupported)
        .filter(|field| is_populated(body, field));
    let clamped = rules
        .clamp
        .iter()
        .filter(|clamp| bound(body, clamp).is_some())
        .map(|clamp| &clamp.field);
    fields.chain(clamped).cloned().collect()
}

/// The changes so far.
struct Work<'a> {
    body: &'a Envelope,
    edit: Edit<'a>,
    dropped: Vec<String>,
    ignored: Vec<String>,
    asked_usage: bool,
}

impl Work<'_> {
    fn name_model(&mut self, model: &str) {
        if self.body.text("model").as_deref() != Some(model) {
            self.edit.set_text("model", model);
        }
    }

    fn rename(&mut self, rule: &Rename) {
        let (from, to) = (self.body.raw(&rule.from), self.body.raw(&rule.to));
        let (Some(from), Some(to)) = (from, to) else {
            self.edit.rename(&rule.from, &rule.to);
            return;
        };
        // Whatever the rule, a null says nothing and so cannot win over a value.
        if to == "null" || (rule.wins == Wins::From && from != "null") {
            self.edit.set_raw(&rule.to, from);
        }
        self.edit.remove(&rule.from);
    }

    fn drop(&mut self, field: &str) {
        if is_populated(self.body, field) {
            self.dropped.push(field.to_owned());
        }
        // An empty one goes as well: vendors refuse the name, whatever stands behind it.
        self.edit.remove(field);
    }

    fn clamp(&mut self, rule: &Clamp) {
        if let Some(bound) = bound(self.body, rule) {
            self.edit.set_raw(&rule.field, bound.to_string());
            self.dropped.push(rule.field.clone());
        }
    }

    fn preset(&mut self, rule: &Preset) {
        let names = std::iter::once(&rule.field).chain(&rule.unless);
        let said = |name: &String| self.body.raw(name).is_some_and(|raw| raw != "null");
        if !names.into_iter().any(said) {
            self.edit.set_raw(&rule.field, rule.value.to_string());
        }
    }

    fn unsupported(&mut self, field: &str, mode: OnUnsupported) {
        if !is_populated(self.body, field) {
            return;
        }
        match mode {
            OnUnsupported::Drop => self.drop(field),
            OnUnsupported::Warn | OnUnsupported::Reject => self.ignored.push(field.to_owned()),
        }
    }

    fn count_logprobs(&mut self) {
        match self.body.flag("logprobs") {
            Some(true) => {
                let count = self
                    .body
                    .raw("top_logprobs")
                    .filter(|raw| !matches!(*raw, "null" | "0"));
                self.edit.set_raw("logprobs", count.unwrap_or("1"));
                self.edit.remove("top_logprobs");
            }
            Some(false) => {
                self.edit.remove("logprobs").remove("top_logprobs");
            }
            None => self.drop("top_logprobs"),
        }
    }

    fn drop_in_messages(&mut self, members: &[String]) {
        // Asked first: the text of the messages is most of the body, and few rows have such members.
        if members.is_empty() {
            return;
        }
        let Some(messages) = self.body.raw("messages") else {
            return;
        };
        if let Some((text, gone)) = without_members(messages, members) {
            self.edit.set_raw("messages", text);
            self.dropped.extend(
                gone.into_iter()
                    .map(|member| format!("messages[].{member}")),
            );
        }
    }

    fn stream_options(&mut self, known: StreamOptions, plan: &ChatPlan<'_>) {
        const FIELD: &str = "stream_options";
        if known == StreamOptions::None {
            self.edit.remove(FIELD);
            return;
        }
        if !plan.streaming || !plan.include_usage {
            return;
        }
        let changed = match self.body.raw(FIELD) {
            None | Some("null") => Some(r#"{"include_usage":true}"#.to_owned()),
            Some(options) if options.starts_with('{') => with_usage(options),
            // Not an object: the vendor tells the client better than we could.
            Some(_) => None,
        };
        if let Some(options) = changed {
            self.edit.set_raw(FIELD, options);
            self.asked_usage = true;
        }
    }

    fn finish(self) -> Encoded {
        let Work {
            edit,
            dropped,
            ignored,
            asked_usage,
            ..
        } = self;
        Encoded {
            body: edit.finish(),
            dropped,
            ignored,
            asked_usage,
        }
    }
}

/// The client's own options with usage asked for; `None` when it asked itself.
fn with_usage(options: &str) -> Option<String> {
    let members = json::members(options).ok()?;
    let asked = members
        .iter()
        .any(|(name, value)| name == "include_usage" && *value == "true");
    (!asked).then(|| json::set_member(options, "include_usage", "true"))
}

/// The messages without some of their members, and which members that cost; `None` when there was
/// nothing to take out.
fn without_members<'a>(messages: &str, members: &'a [String]) -> Option<(String, Vec<&'a str>)> {
    let mut out = String::with_capacity(messages.len());
    let mut gone = Vec::new();
    let mut copied = 0;
    for message in json::elements(messages).ok()? {
        let Some(shorter) = without(message, members, &mut gone) else {
            continue;
        };
        // An element is a part of the text it was found in.
        let start = message.as_ptr().addr() - messages.as_ptr().addr();
        out.push_str(messages.get(copied..start)?);
        out.push_str(&shorter);
        copied = start + message.len();
    }
    out.push_str(messages.get(copied..)?);
    (copied > 0).then_some((out, gone))
}

fn without<'a>(message: &str, members: &'a [String], gone: &mut Vec<&'a str>) -> Option<String> {
    let mut shorter: Option<String> = None;
    for (name, value) in json::members(message).ok()? {
        let Some(member) = members.iter().find(|member| **member == name) else {
            continue;
        };
        shorter = json::remove_member(shorter.as_deref().unwrap_or(message), member).or(shorter);
        if !is_empty(value) && !gone.contains(&member.as_str()) {
            gone.push(member);
        }
    }
    shorter
}

/// Whether a field says anything: `null`, empty texts and lists, and `logprobs: false` do not.
fn is_populated(body: &Envelope, field: &str) -> bool {
    match body.raw(field) {
        None => false,
        Some("false") => field != "logprobs",
        Some(raw) => !is_empty(raw),
    }
}

fn is_empty(raw: &str) -> bool {
    let between = |open, close| {
        raw.strip_prefix(open)
            .and_then(|raw| raw.strip_suffix(close))
    };
    let inner = between('[', ']').or_else(|| between('{', '}'));
    matches!(raw, "null" | "\"\"") || inner.is_some_and(|inner| inner.trim().is_empty())
}

/// The end of the range that a number lies beyond, if it does.
fn bound(body: &Envelope, rule: &Clamp) -> Option<f64> {
    let value: f64 = body.raw(&rule.field)?.parse().ok()?;
    let low = rule.min.filter(|min| value < *min);
    low.or_else(|| rule.max.filter(|max| value > *max))
}

#[cfg(test)]
#[path = "encode/tests.rs"]
mod tests;
