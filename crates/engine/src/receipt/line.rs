//! The access line of a settled receipt.

use std::time::{Duration, SystemTime};

use telemetry::Line;
use tracing::Level;

use super::{Attempt, Head, Notes, Open, Outcome};

impl Open {
    pub(super) fn write_line(&self, outcome: Outcome, status: u16, took: Duration) {
        let Some(access) = &self.books.access else {
            return;
        };
        let (head, notes) = (&self.head, &self.notes);
        let level = level_of(notes, status);
        if !access.enabled(level) {
            return;
        }
        access.line(head.core, |line| {
            line.head(SystemTime::now(), level, "request");
            line.str("method", head.method.as_str());
            line.str("path", &head.path);
            line.u64("status", status.into());
            line.u64("bytes", notes.bytes_out);
            line.f64_millis("duration_ms", took);
            write_caller(line, head, notes, outcome);
            if notes.target.is_some() {
                write_target(line, notes);
                line.f64_millis("overhead_ms", self.own_time(took));
            }
            write_use(line, notes);
            if let Some(kind) = notes.fault {
                line.str("code", kind.row().code);
            }
            if let Some(cause) = &notes.cause {
                line.str("error", cause);
            }
        });
    }
}

/// How grave it was. A stream may fail after its head has said 200.
fn level_of(notes: &Notes, status: u16) -> Level {
    let worst = notes
        .fault
        .map_or(status, |kind| kind.row().status.max(status));
    match worst {
        500.. => Level::ERROR,
        400.. => Level::WARN,
        _ => Level::INFO,
    }
}

/// Who asked for what, and how it ended.
fn write_caller(line: &mut Line<'_>, head: &Head, notes: &Notes, outcome: Outcome) {
    line.ip("remote", head.remote);
    line.str(
        "trace_id",
        std::str::from_utf8(&head.id.trace.text()).unwrap_or_default(),
    );
    if let Some(foreign) = &head.id.foreign {
        line.str("request_id", foreign);
    }
    if let Some(key) = &notes.key {
        line.str("key", key);
    }
    line.str("outcome", outcome.label());
    if let Some(surface) = head.surface {
        line.str("surface", surface);
    }
    if let Some(asked) = &notes.asked {
        line.str("asked", asked);
    }
    if let Some(route) = &notes.route {
        line.str("route", route);
    }
}

/// Where it was brought to, and what that took.
fn write_target(line: &mut Line<'_>, notes: &Notes) {
    line.str("provider", notes.provider.as_deref().unwrap_or_default());
    line.str("target", notes.target.as_deref().unwrap_or_default());
    line.str("model", notes.model.as_deref().unwrap_or_default());
    if let Some(answered) = &notes.answered {
        line.str("answered", answered);
    }
    if let Some(variant) = &notes.variant {
        line.str("variant", variant);
        line.bool("variant_failover", notes.variant_failover);
    }
    line.u64("attempts", notes.attempts.len() as u64);
    if let Some(failed) = failed_attempts(&notes.attempts) {
        line.str("attempt_errors", &failed);
    }
    let waited: Duration = notes.attempts.iter().map(|attempt| attempt.wait).sum();
    if !waited.is_zero() {
        line.f64_millis("waited_ms", waited);
    }
    if let Some(media) = &notes.media {
        line.u64("media_files", media.files);
        line.u64("media_bytes", media.bytes);
        line.f64_millis("media_ms", media.took);
    }
    line.bool("stream", notes.stream);
    for (key, fields) in [
        ("dropped_params", &notes.dropped),
        ("ignored_params", &notes.ignored),
    ] {
        if !fields.is_empty() {
            line.str(key, &fields.join(","));
        }
    }
}

/// What was used, and what that costs.
fn write_use(line: &mut Line<'_>, notes: &Notes) {
    if let Some(first) = notes.first_token {
        line.f64_millis("ttft_ms", first);
    }
    if let Some(usage) = notes.usage {
        line.u64("tokens_in", usage.input);
        line.u64("tokens_out", usage.output);
        line.u64("tokens_cached", usage.cached);
        line.bool("estimated", usage.estimated);
    }
    if let Some(cost) = notes.cost {
        line.decimal("cost_usd", &cost.amount.to_string());
        line.bool("cost_estimated", cost.estimated);
    }
}

/// Why the call moved on from target to target, where it did.
fn failed_attempts(attempts: &[Attempt]) -> Option<String> {
    if attempts.len() < 2 {
        return None;
    }
    let failed = attempts.iter().filter_map(|attempt| {
        let code = if attempt.lost {
            "lost to another attempt"
        } else {
            attempt.fault?.row().code
        };
        let took = attempt.took.as_millis();
        Some(format!(
            "{}: {code} after {took} ms: {}",
            attempt.target,
            attempt.cause.as_deref().unwrap_or_default()
        ))
    });
    Some(failed.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}
